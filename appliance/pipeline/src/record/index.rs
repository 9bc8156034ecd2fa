//! The index of one recording: which fragment shows what, and which ones are held.
//!
//! Pure; a [`FragmentStore`](super::FragmentStore) keeps one per recording beside its bytes. Its
//! size is bounded by the store's quota: about 150 bytes for each second of video.

use std::collections::{BTreeMap, VecDeque};

use wire::time::{MediaInterval, MediaTime};

use super::{Head, HoldId, StoreError};

/// Most holds on one recording. REFUSE: as many as a planner has plans, and the cutter's queue.
pub const HOLDS_MAX: usize = 32;

/// The index of one recording, oldest fragment first.
#[derive(Debug, Default)]
pub struct Index {
    heads: VecDeque<Head>,
    holds: BTreeMap<HoldId, MediaInterval>,
    next_hold: u32,
    bytes: u64,
    complete_upto: Option<MediaTime>,
}

impl Index {
    /// Adds the newest fragment.
    pub fn push(&mut self, head: Head) {
        self.bytes += head.bytes;
        // A fragment without sound promises less than one before it that had some.
        self.complete_upto = self.complete_upto.max(Some(head.complete_upto));
        self.heads.push_back(head);
    }

    /// The fragment with this number.
    pub fn get(&self, seq: u32) -> Option<&Head> {
        let at = self.heads.partition_point(|head| head.seq < seq);
        self.heads.get(at).filter(|head| head.seq == seq)
    }

    /// Number for the next fragment.
    pub fn next_seq(&self) -> u32 {
        self.heads.back().map_or(0, |head| head.seq + 1)
    }

    /// Size of all fragments.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many fragments there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is no fragment.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// See [`FragmentStore::complete_upto`](super::FragmentStore::complete_upto).
    pub const fn complete_upto(&self) -> Option<MediaTime> {
        self.complete_upto
    }

    /// See [`FragmentStore::covering`](super::FragmentStore::covering).
    pub fn covering(&self, wanted: MediaInterval) -> Vec<Head> {
        match self.range(wanted) {
            Some((first, last)) => self.heads.range(first..=last).copied().collect(),
            None => Vec::new(),
        }
    }

    /// Where in the list the fragments lie that `wanted` needs.
    fn range(&self, wanted: MediaInterval) -> Option<(usize, usize)> {
        let first = self.heads.iter().position(|head| head.touches(wanted))?;
        let last = self.heads.iter().rposition(|head| head.touches(wanted))?;
        let decodes = |head: &Head| head.keyframe.is_some_and(|at| at <= wanted.start);
        let lead = self.heads.iter().rposition(decodes).unwrap_or(first);
        Some((first.min(lead), last))
    }

    /// Protects what `wanted` needs.
    ///
    /// # Errors
    /// [`StoreError::HoldsFull`].
    pub fn hold(&mut self, wanted: MediaInterval) -> Result<HoldId, StoreError> {
        if self.holds.len() >= HOLDS_MAX {
            return Err(StoreError::HoldsFull { max: HOLDS_MAX });
        }
        let id = HoldId(self.next_hold);
        self.next_hold = self.next_hold.wrapping_add(1);
        self.holds.insert(id, wanted);
        Ok(id)
    }

    /// Ends a hold.
    pub fn release(&mut self, hold: HoldId) {
        self.holds.remove(&hold);
    }

    /// The oldest fragment that no hold needs.
    pub fn oldest_free(&self) -> Option<&Head> {
        let held: Vec<(usize, usize)> =
            self.holds.values().filter_map(|w| self.range(*w)).collect();
        let is_held = |at: usize| held.iter().any(|(first, last)| (*first..=*last).contains(&at));
        self.heads.iter().enumerate().find(|(at, _)| !is_held(*at)).map(|(_, head)| head)
    }

    /// The oldest fragment.
    pub fn oldest(&self) -> Option<&Head> {
        self.heads.front()
    }

    /// Takes a fragment out of the index.
    pub fn remove(&mut self, seq: u32) -> Option<Head> {
        let at = self.heads.iter().position(|head| head.seq == seq)?;
        let head = self.heads.remove(at)?;
        self.bytes -= head.bytes;
        Some(head)
    }
}
