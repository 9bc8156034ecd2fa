//! What has to go when there is no room: old telemetry first, then clips of low priority, oldest
//! first. Events are never offered here.

use alloc::vec::Vec;

use crate::Class;

/// Something stored that may go. `index` is the caller's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evictable {
    /// The caller's name for it.
    pub index: usize,
    /// Its urgency; the least urgent goes first.
    pub class: Class,
    /// Order of creation; within a class the lowest goes first.
    pub age: u64,
    /// Bytes that its eviction frees.
    pub bytes: u64,
}

/// How much may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes.
    pub bytes: u64,
    /// Files, against running out of inodes.
    pub files: u32,
}

/// Why something had to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The quota of bytes was exceeded by this many before the eviction.
    Bytes(u64),
    /// The quota of files was exceeded by this many before the eviction.
    Files(u32),
}

impl Reason {
    /// The reason's name, as it is stored and reported.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes(_) => "quota_bytes",
            Self::Files(_) => "quota_files",
        }
    }
}

/// One thing that has to go, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// The caller's name for it.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

/// What has to go so that the rest of `stored` fits into `quota`, in the order of eviction.
/// `stored` must list everything that counts against the quota.
pub fn evict(mut stored: Vec<Evictable>, quota: Quota) -> Vec<Eviction> {
    let mut bytes = stored.iter().fold(0_u64, |sum, item| sum.saturating_add(item.bytes));
    let mut files = u32::try_from(stored.len()).unwrap_or(u32::MAX);
    stored.sort_by(|a, b| b.class.cmp(&a.class).then(a.age.cmp(&b.age)));
    let mut evictions = Vec::new();
    for item in stored {
        let reason = if bytes > quota.bytes {
            Reason::Bytes(bytes - quota.bytes)
        } else if files > quota.files {
            Reason::Files(files - quota.files)
        } else {
            break;
        };
        bytes = bytes.saturating_sub(item.bytes);
        files = files.saturating_sub(1);
        evictions.push(Eviction { index: item.index, reason });
    }
    evictions
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn item(index: usize, class: Class, age: u64) -> Evictable {
        Evictable { index, class, age, bytes: 100 }
    }

    fn indices(evictions: &[Eviction]) -> Vec<usize> {
        evictions.iter().map(|e| e.index).collect()
    }

    #[test]
    fn nothing_goes_while_everything_fits() {
        let stored = vec![item(0, Class::P3, 1), item(1, Class::P4, 2)];
        assert!(evict(stored, Quota { bytes: 200, files: 2 }).is_empty());
    }

    #[test]
    fn least_urgent_goes_first_and_then_the_oldest() {
        let stored = vec![
            item(0, Class::P3, 1),
            item(1, Class::P4, 9),
            item(2, Class::P3, 0),
            item(3, Class::P4, 8),
        ];
        let evictions = evict(stored, Quota { bytes: 100, files: 9 });
        assert_eq!(indices(&evictions), [3, 1, 2]);
        assert_eq!(evictions[0].reason, Reason::Bytes(300));
    }

    #[test]
    fn too_many_small_files_go_as_well() {
        let stored = vec![item(0, Class::P3, 0), item(1, Class::P3, 1), item(2, Class::P3, 2)];
        let evictions = evict(stored, Quota { bytes: 1_000, files: 2 });
        assert_eq!(evictions, [Eviction { index: 0, reason: Reason::Files(1) }]);
    }
}
