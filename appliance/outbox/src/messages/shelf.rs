//! Messages in memory, in the order of their keys.

use alloc::collections::VecDeque;
use core::time::Duration;

use wire::ids::{BootId, Seq};
use wire::time::Monotonic;

use super::{Item, Key};

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
        self.resend(|_key, _since, due| due <= now);
    }

    pub(super) fn resend_older(&mut self, boot: BootId, now: Monotonic, age: Duration) {
        self.resend(|key, since, _due| key.boot == boot && now.since(since) >= age);
    }

    fn resend(&mut self, again: impl Fn(Key, Monotonic, Monotonic) -> bool) {
        for entry in &mut self.0 {
            match entry.progress {
                Progress::Broker { since, due } if again(entry.item.key, since, due) => {
                    entry.progress = Progress::Waiting;
                }
                Progress::Waiting | Progress::Flying { .. } | Progress::Broker { .. } => {}
            }
        }
    }

    pub(super) fn flying(&self) -> usize {
        let flies = |entry: &&Entry| matches!(entry.progress, Progress::Flying { .. });
        self.0.iter().filter(flies).count()
    }

    /// Sent, but not acknowledged by the receiver.
    pub(super) fn unacked(&self) -> usize {
        self.0.iter().filter(|entry| entry.progress != Progress::Waiting).count()
    }

    pub(super) fn most_urgent(&mut self) -> Option<&mut Entry> {
        let waiting = self.0.iter_mut().filter(|entry| entry.progress == Progress::Waiting);
        // The first of equals wins, and the shelf is ordered by age.
        waiting.min_by_key(|entry| entry.item.class)
    }
}
