//! A store in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wire::time::{MediaInterval, MediaTime};

use super::{Appended, FragmentStore, Head, HoldId, Index, StoreError};
use crate::mp4::Fragment;

/// Keeps fragments in memory, up to a quota in bytes.
#[derive(Debug)]
pub struct MemoryStore {
    quota_bytes: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    index: Index,
    files: BTreeMap<u32, Bytes>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(quota_bytes: u64) -> Self {
        Self { quota_bytes, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in here panics halfway through a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FragmentStore for MemoryStore {
    fn next_seq(&self) -> u32 {
        self.kept().index.next_seq()
    }

    fn append(&self, fragment: &Fragment) -> Result<Appended, StoreError> {
        let mut kept = self.kept();
        let pieces: Vec<&[u8]> = fragment.pieces().collect();
        kept.files.insert(fragment.layout.seq, pieces.concat().into());
        kept.index.push(Head::of(&fragment.layout));
        let mut appended = Appended::default();
        while kept.index.bytes() > self.quota_bytes && kept.index.len() > 1 {
            let free = kept.index.oldest_free().copied();
            appended.evicted_held += u32::from(free.is_none());
            let Some(head) = free.or(kept.index.oldest().copied()) else { break };
            kept.remove(head.seq);
            appended.evicted += 1;
            appended.evicted_bytes += head.bytes;
        }
        Ok(appended)
    }

    fn covering(&self, wanted: MediaInterval) -> Vec<Head> {
        self.kept().index.covering(wanted)
    }

    fn read(&self, seq: u32, offset: u64, into: &mut [u8]) -> Result<(), StoreError> {
        let kept = self.kept();
        let file = kept.files.get(&seq).ok_or(StoreError::Evicted { seq })?;
        let range = usize::try_from(offset).ok().and_then(|at| file.get(at..)?.get(..into.len()));
        let bytes = range.ok_or_else(|| StoreError::Read {
            seq,
            place: "memory".into(),
            reason: io::ErrorKind::UnexpectedEof.into(),
        })?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn complete_upto(&self) -> Option<MediaTime> {
        self.kept().index.complete_upto()
    }

    fn evict_oldest(&self) -> Result<Option<Head>, StoreError> {
        let mut kept = self.kept();
        let free = kept.index.oldest_free().copied();
        Ok(free.and_then(|head| kept.remove(head.seq)))
    }

    fn hold(&self, wanted: MediaInterval) -> Result<HoldId, StoreError> {
        self.kept().index.hold(wanted)
    }

    fn release(&self, hold: HoldId) {
        self.kept().index.release(hold);
    }
}

impl Kept {
    fn remove(&mut self, seq: u32) -> Option<Head> {
        self.files.remove(&seq);
        self.index.remove(seq)
    }
}
