//! The last pictures of one size with their times; buffers go round.

use std::collections::VecDeque;

use wire::time::MediaTime;

use crate::limits::JUMP_MS;
use crate::picture::Grey;

/// One history per size of picture that a lane's tiers take.
pub(super) struct Histories {
    all: Vec<History>,
}

impl Histories {
    /// Room for `capacity` pictures of every one of `sizes`; equal sizes share a history.
    pub(super) fn new(sizes: impl Iterator<Item = (usize, usize)>, capacity: usize) -> Self {
        let mut all: Vec<History> = Vec::new();
        for size in sizes {
            if all.iter().all(|h| h.size != size) {
                all.push(History::new(size, capacity));
            }
        }
        Self { all }
    }

    /// The history of a size that was given to [`new`](Self::new).
    pub(super) fn of(&self, size: (usize, usize)) -> &History {
        let found = self.all.iter().find(|h| h.size == size);
        found.unwrap_or_else(|| panic!("no history for pictures of {size:?}: not a tier's size"))
    }

    /// Lets `add` put a picture into each history of the given sizes, and empties the others.
    pub(super) fn update(&mut self, sizes: [(usize, usize); 2], mut add: impl FnMut(&mut History)) {
        for history in &mut self.all {
            if sizes.contains(&history.size) { add(history) } else { history.clear() }
        }
    }

    /// Lets `add` put a picture into every history.
    pub(super) fn update_all(&mut self, add: impl FnMut(&mut History)) {
        self.all.iter_mut().for_each(add);
    }

    /// Whether both keep as many pictures of the same sizes.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let shape = |h: &History| (h.size, h.capacity);
        self.all.iter().map(shape).eq(other.all.iter().map(shape))
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.all.iter_mut().for_each(History::clear);
    }
}

/// A bounded list of pictures, oldest first. What falls out at the front was of no use any more.
pub(super) struct History {
    size: (usize, usize),
    capacity: usize,
    entries: VecDeque<(MediaTime, Grey)>,
    spare: Vec<Grey>,
}

impl History {
    /// Room for `capacity` pictures of `size` (columns, rows).
    pub(super) fn new(size: (usize, usize), capacity: usize) -> Self {
        Self { size, capacity, entries: VecDeque::with_capacity(capacity), spare: Vec::new() }
    }

    pub(super) fn entries(&self) -> &VecDeque<(MediaTime, Grey)> {
        &self.entries
    }

    /// Time of the newest picture.
    pub(super) fn newest(&self) -> Option<MediaTime> {
        self.entries.back().map(|(at, _)| *at)
    }

    /// Adds a picture that `draw` fills; the oldest leaves when there is no room.
    pub(super) fn push(&mut self, at: MediaTime, draw: impl FnOnce(&mut Grey)) {
        if self.entries.len() == self.capacity {
            self.spare.extend(self.entries.pop_front().map(|(_, grey)| grey));
        }
        let blank = || Grey::filled(self.size.0, self.size.1, 0);
        let mut grey = self.spare.pop().unwrap_or_else(blank);
        draw(&mut grey);
        self.entries.push_back((at, grey));
    }

    /// Adds the newest picture once more, as seen at `at`.
    pub(super) fn repeat(&mut self, at: MediaTime) {
        let Some((_, newest)) = self.entries.back() else { return };
        let copy = newest.clone();
        self.push(at, |grey| grey.data.copy_from_slice(&copy.data));
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.spare.extend(self.entries.drain(..).map(|(_, grey)| grey));
    }
}

/// Whether a picture at `pts` has nothing to do with one at `newest`: a step back or a jump.
pub(super) fn is_jump(newest: MediaTime, pts: MediaTime) -> bool {
    pts < newest || pts.since(newest).as_millis() > JUMP_MS
}
