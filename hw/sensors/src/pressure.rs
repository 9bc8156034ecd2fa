//! What others leave to this process: how long tasks wait (PSI, `/proc/pressure`), and the memory
//! of its control group (cgroup v2).
//!
//! Knows no limits of its own: the group's is the kernel's or the administrator's.

use std::fs;
use std::path::{Path, PathBuf};

use hal::sensors::{GroupMemory, Pressure};
use wire::units::Permille;

use crate::Absent;
use crate::sysfs::{Attribute, text};

/// Where the tree of control groups is mounted: alone, or beside the old ones.
const MOUNTS: [&str; 2] = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];

/// The kernel's account of waiting tasks.
pub(crate) struct Stalls {
    cpu: PathBuf,
    memory: PathBuf,
    io: PathBuf,
}

impl Stalls {
    /// Looks what there is below `root`.
    pub(crate) fn discover(root: &Path) -> (Self, Option<Absent>) {
        let folder = root.join("proc/pressure");
        let [cpu, memory, io] = ["cpu", "memory", "io"].map(|kind| folder.join(kind));
        let found = Self { cpu, memory, io };
        let absent = (found.read() == Pressure::default()).then(|| Absent {
            what: "pressure",
            why: "the kernel does not tell in /proc/pressure how long tasks wait; start it with \
                  `psi=1`"
                .to_owned(),
        });
        (found, absent)
    }

    pub(crate) fn read(&self) -> Pressure {
        let share = |path| text(path).and_then(|text| some_avg10(&text));
        Pressure { cpu: share(&self.cpu), memory: share(&self.memory), io: share(&self.io) }
    }
}

/// The share of the line `some avg10=3.95 avg60=…`, which is in percent.
fn some_avg10(text: &str) -> Option<Permille> {
    let mut words = text.lines().find_map(|line| line.strip_prefix("some "))?.split(' ');
    let percent: f32 = words.find_map(|word| word.strip_prefix("avg10="))?.parse().ok()?;
    // Written by hand it could be anything.
    (0.0..=100.0).contains(&percent).then(|| Permille::from_share(percent / 100.0))
}

/// The control group of this process, or the nearest one around it that has a limit.
pub(crate) struct Group {
    limit: Option<Attribute>,
    used: Option<Attribute>,
    /// Where the kernel tells what it is made of.
    statistics: Option<PathBuf>,
}

impl Group {
    /// Looks which group this process is in, below `root`.
    pub(crate) fn discover(root: &Path) -> (Self, Option<Absent>) {
        let own = MOUNTS.iter().find_map(|mount| groups_around(root, mount));
        let groups = own.unwrap_or_default();
        let limited = groups.iter().find(|group| limit_of(group).number().is_some());
        let group = limited.or(groups.first());
        let used = group.map(|group| used_of(group));
        let statistics = group.map(|group| group.join("memory.stat"));
        let absent = limited.is_none().then(|| Absent {
            what: "memory limit",
            why: "no control group (cgroup v2) around this process has a `memory.max`; the box's \
                  whole memory counts"
                .to_owned(),
        });
        (Self { limit: limited.map(|group| limit_of(group)), used, statistics }, absent)
    }

    pub(crate) fn read(&self) -> GroupMemory {
        let bytes = |file: &Option<Attribute>| file.as_ref()?.unsigned();
        // A recorder fills any limit with pages of files that the kernel gives back when asked.
        let given_back = || inactive_file(&fs::read_to_string(self.statistics.as_ref()?).ok()?);
        let used_bytes =
            bytes(&self.used).map(|used| used.saturating_sub(given_back().unwrap_or(0)));
        GroupMemory { limit_bytes: bytes(&self.limit), used_bytes }
    }
}

/// Pages of files that nobody used lately, in bytes.
fn inactive_file(statistics: &str) -> Option<u64> {
    statistics.lines().find_map(|line| line.strip_prefix("inactive_file "))?.trim().parse().ok()
}

fn limit_of(group: &Path) -> Attribute {
    Attribute::new(group.join("memory.max"))
}

fn used_of(group: &Path) -> Attribute {
    Attribute::new(group.join("memory.current"))
}

/// This process's group below the mount, and those around it, the innermost first: those that
/// account for memory.
fn groups_around(root: &Path, mount: &str) -> Option<Vec<PathBuf>> {
    let told = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let own = told.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mount = root.join(mount);
    // In a container the group may be told as one outside of what is mounted.
    let own = if own.split('/').any(|part| part == "..") { "" } else { own };
    let innermost = mount.join(own);
    let around = innermost.ancestors().take_while(|group| group.starts_with(&mount));
    let groups: Vec<PathBuf> =
        around.filter(|group| used_of(group).is_there()).map(Path::to_owned).collect();
    (!groups.is_empty()).then_some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_files_that_nobody_uses_are_given_back() {
        let told = "anon 12288\nfile 409600\ninactive_anon 0\ninactive_file 73728\n";
        assert_eq!(inactive_file(told), Some(73_728));
        assert_eq!(inactive_file("anon 1\n"), None);
    }

    #[test]
    fn share_of_waiting_is_that_of_the_last_ten_seconds_in_which_any_task_waited() {
        let told = "some avg10=3.95 avg60=2.98 avg300=3.58 total=45665515\n\
                    full avg10=90.00 avg60=0.00 avg300=0.00 total=0";
        assert_eq!(some_avg10(told), Some(Permille(40)));
        assert_eq!(some_avg10("some avg10=100.00 avg60=1.0"), Some(Permille(1_000)));
        for broken in ["", "full avg10=1.0", "some avg60=1.0", "some avg10=x", "some avg10=-1.0"] {
            assert_eq!(some_avg10(broken), None, "{broken:?}");
        }
    }
}
