//! Where a track stands: its playlist as loaded last, and the position in it.
//!
//! Owns what has to be remembered from load to load: how old the newest is, what was already
//! heeded. Asks for nothing and tells nobody. What may come next is worked out in
//! [`window`](super::window).

use url::Url;
use wire::time::Monotonic;

use super::effect::Parts;
use super::location;
use super::playlist::{ByteRange, MediaPlaylist, Resource, Segment};
use super::window::{self, Position, Step, Update};
use crate::limits::HlsLimits;

/// Where something is to be had: an address, and the bytes there if not all.
pub(super) type Place = (Url, Option<ByteRange>);

#[derive(Debug)]
pub(super) struct Progress {
    pub(super) playlist: MediaPlaylist,
    pub(super) position: Position,
    /// When the playlist last changed.
    pub(super) grown: Monotonic,
    /// The segment of which no part is tried any more.
    pub(super) whole_only: Option<u64>,
    parts: Parts,
    /// Address that this playlist came from.
    base: Url,
    /// Loads in a row that showed an older state.
    stale: u32,
    /// The segment whose tags were heeded last, and its number of discontinuities.
    entered: Option<(u64, Option<u64>)>,
}

impl Progress {
    /// At the beginning of `playlist`, or near its end if it is live.
    pub(super) fn new(now: Monotonic, playlist: MediaPlaylist, base: &Url, parts: Parts) -> Self {
        Self {
            position: window::start(&playlist, parts),
            playlist,
            grown: now,
            whole_only: None,
            parts,
            base: base.clone(),
            stale: 0,
            entered: None,
        }
    }

    /// Takes over what is new in a playlist that came from `base`.
    pub(super) fn accept(
        &mut self,
        now: Monotonic,
        (playlist, base): (MediaPlaylist, &Url),
        limits: &HlsLimits,
    ) -> Update {
        let mut update = window::compare(&self.playlist, &playlist, limits);
        if update == Update::Stale && self.stale >= limits.stale_loads_max {
            update = Update::Restarted;
        }
        match update {
            Update::Stale => self.stale += 1,
            Update::Same => self.stale = 0,
            Update::Changed => {
                (self.playlist, self.grown, self.stale) = (playlist, now, 0);
                self.base = base.clone();
            }
            Update::Restarted => *self = Self::new(now, playlist, base, self.parts),
        }
        update
    }

    /// What is next.
    pub(super) fn step(&self) -> Step {
        let whole = self.whole_only == Some(self.position.sequence);
        let parts = if whole { Parts::Ignore } else { self.parts };
        window::step(&self.playlist, self.position, parts)
    }

    /// Goes on to the beginning of the segment that is `segments` further.
    pub(super) fn pass(&mut self, segments: u64) {
        self.position = Position::at(self.position.sequence.saturating_add(segments));
    }

    /// Where `resource` of the playlist is; `None` if its reference is no address.
    pub(super) fn locate(&self, resource: &Resource) -> Option<Place> {
        Some((location::resolve(&self.base, &resource.uri)?, resource.range))
    }

    /// Heeds the tags of the segment at the position, once. Returns whether it begins afresh.
    pub(super) fn enter(&mut self) -> bool {
        let sequence = self.position.sequence;
        let last = self.entered;
        if last.is_some_and(|(entered, _)| entered == sequence) {
            return false;
        }
        let Some(Segment { discontinuity, discontinuity_sequence, .. }) =
            self.playlist.segment(sequence)
        else {
            return false;
        };
        self.entered = Some((sequence, *discontinuity_sequence));
        // Between segments that were both seen, the tag alone counts: not all servers keep the
        // numbers right. Of what was never seen there are only the numbers.
        let cut_unseen = match last {
            Some((entered, Some(before))) if entered + 1 < sequence => {
                discontinuity_sequence.is_some_and(|now| now != before)
            }
            Some(_) | None => false,
        };
        // The very first segment of all has nothing before it to differ from.
        last.is_some() && (*discontinuity || cut_unseen)
    }
}
