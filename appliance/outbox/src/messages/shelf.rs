//! Messages in memory, in the order of their keys.

use alloc::collections::VecDeque;
use core::time::Duration;

use wire::ids::{BootId, Seq};
use wire::time::Monotonic;

use super::{Item, Key};

/// Messages that go again because of one acknowledgement.
const RESENT_AT_ONCE: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Flying { since: Monotonic },
    Broker { since: Monotonic, due: Monotonic },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) item: Item,
    pub(super) progress: Progress,
    pub(super) attempts: u8,
}

#[derive(Debug, Default)]
pub(super) struct Shelf(VecDeque<Entry>);

impl Shelf {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn front(&self) -> Option<&Entry> {
        self.0.front()
    }

    pub(super) fn pop_front(&mut self) -> Option<Entry> {
        self.0.pop_front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// # Panics
    /// When the key is not the largest: every lookup relies on the order.
    pub(super) fn push(&mut self, item: Item) {
        let ordered = self.0.back().is_none_or(|last| last.item.key < item.key);
        assert!(ordered, "a shelf is filled in the order of its keys");
        self.0.push_back(Entry { item, progress: Progress::Waiting, attempts: 0 });
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        let index = self.0.binary_search_by_key(&key, |entry| entry.item.key).ok()?;
        self.0.get_mut(index)
    }

    pub(super) fn forget(&mut self, key: Key) {
        self.0.retain(|entry| entry.item.key != key);
    }

    /// Removes everything of `boot` up to `upto`; how many there were.
    pub(super) fn release(&mut self, boot: BootId, upto: Seq) -> usize {
        let before = self.0.len();
        self.0.retain(|entry| entry.item.key.boot != boot || entry.item.key.seq > upto);
        before - self.0.len()
    }

    pub(super) fn all_wait(&mut self) {
        for entry in &mut self.0 {
            entry.progress = Progress::Waiting;
        }
    }

    pub(super) fn resend_due(&mut self, now: Monotonic) {
        for entry in &mut self.0 {
            match entry.progress {
                Progress::Broker { due, .. } if due <= now => entry.progress = Progress::Waiting,
                Progress::Waiting | Progress::Flying { .. } | Progress::Broker { .. } => {}
            }
        }
    }

    /// The oldest messages of `boot` go again if the broker has had them for `age`. Only a few:
    /// what is missing is the oldest one, and perhaps those next to it.
    pub(super) fn resend_oldest(&mut self, boot: BootId, now: Monotonic, age: Duration) {
        let oldest = self.0.iter_mut().filter(|entry| entry.item.key.boot == boot);
        for entry in oldest.take(RESENT_AT_ONCE) {
            match entry.progress {
                Progress::Broker { since, .. } if now.since(since) >= age => {
                    entry.progress = Progress::Waiting;
                }
                Progress::Waiting | Progress::Flying { .. } | Progress::Broker { .. } => {}
            }
        }
    }

    /// Sent, but not acknowledged by the receiver.
    pub(super) fn unacked(&self) -> usize {
        self.0.iter().filter(|entry| entry.progress != Progress::Waiting).count()
    }

    /// The oldest one that waits, whatever its urgency. So many may go without an acknowledgement
    /// and no more: one that urgent ones pass would soon be what all of them wait for.
    pub(super) fn oldest_waiting(&mut self) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.progress == Progress::Waiting)
    }

    /// The oldest one if it goes again, because every acknowledgement waits for it; then what
    /// never went, by urgency; then what goes again. Otherwise urgent messages that go again and
    /// again could hold back for ever the less urgent one that all of them wait for.
    pub(super) fn next_waiting(&mut self) -> Option<&mut Entry> {
        let again = |entry: &Entry| entry.progress == Progress::Waiting && entry.attempts > 0;
        if self.0.front().is_some_and(again) {
            return self.0.front_mut();
        }
        let waiting = self.0.iter_mut().filter(|entry| entry.progress == Progress::Waiting);
        // The first of equals wins, and the shelf is ordered by age.
        waiting.min_by_key(|entry| (entry.attempts > 0, entry.item.class))
    }
}
