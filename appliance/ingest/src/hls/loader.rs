//! One playlist: when it is loaded next, and from where.
//!
//! Owns the times between loads and the back-off. Does not read playlists: its owner says after
//! each load what it was worth.
//!
//! ```text
//!           ┌──────────────── settled, failed ───────────────┐
//!           ▼                                                │
//! (new) ► Due ──poll, in time──► InFlight ──answer──► Answered ──finish──► Done
//! ```
//!
//! Source: RFC 8216 6.3.4; draft-pantos-hls-rfc8216bis 6.2.5.2 for blocking reloads.

use core::time::Duration;

use url::Url;
use wire::time::Monotonic;

use super::effect::{Failure, Fetch, FetchId, Output, Track, What};
use super::location;
use super::window::Edge;
use crate::limits::HlsLimits;

#[derive(Debug)]
pub(super) struct Loader {
    track: Track,
    /// As it was given.
    origin: Url,
    /// Where redirects led: asked next, and the base of references.
    current: Url,
    phase: Phase,
    failing: Failing,
    blocking: Blocking,
    /// When it was first asked for.
    since: Option<Monotonic>,
}

#[derive(Debug)]
enum Phase {
    Due { at: Monotonic, ask: Ask },
    InFlight { id: FetchId, began: Monotonic, ask: Ask },
    Answered { began: Monotonic, ask: Ask },
    Done,
}

/// What a request says beside the address.
#[derive(Clone, Copy, Debug)]
enum Ask {
    /// Nothing.
    Plain,
    /// To hold the answer until the playlist has grown beyond `edge`; the server may do so for
    /// `held_max`.
    Blocking { edge: Edge, held_max: Duration },
}

/// Whether blocking reloads are asked for where they are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocking {
    Tried,
    /// The server, or something before it, does not understand them.
    Refused,
}

#[derive(Clone, Copy, Debug)]
enum Failing {
    No,
    Since { times: u32, latest: Failure },
}

/// When to load again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Again {
    /// So long after the beginning of the last load.
    After(Duration),
    /// As soon as the server has more than `edge`; it says when, within three times `target`.
    Blocking { edge: Edge, target: Duration },
}

impl Loader {
    /// A playlist that is due at once.
    pub(super) fn new(track: Track, url: Url) -> Self {
        let phase = Phase::Due { at: Monotonic(0), ask: Ask::Plain };
        let (origin, current) = (url.clone(), url);
        let (failing, blocking) = (Failing::No, Blocking::Tried);
        Self { track, origin, current, phase, failing, blocking, since: None }
    }

    /// What references of the playlist are resolved against.
    pub(super) const fn base(&self) -> &Url {
        &self.current
    }

    /// The latest failure, if the last load failed.
    pub(super) const fn failing(&self) -> Option<Failure> {
        match self.failing {
            Failing::No => None,
            Failing::Since { latest, .. } => Some(latest),
        }
    }

    /// When it was first asked for.
    pub(super) const fn since(&self) -> Option<Monotonic> {
        self.since
    }

    pub(super) const fn deadline(&self) -> Option<Monotonic> {
        match self.phase {
            Phase::Due { at, .. } => Some(at),
            Phase::InFlight { .. } | Phase::Answered { .. } | Phase::Done => None,
        }
    }

    /// Sends the request if it is time.
    pub(super) fn poll(&mut self, now: Monotonic, limits: &HlsLimits, output: &mut Output) {
        let Phase::Due { at, ask } = self.phase else { return };
        if now < at {
            return;
        }
        let (url, held_max) = match ask {
            Ask::Plain => (self.current.clone(), Duration::ZERO),
            Ask::Blocking { edge, held_max } => {
                (location::with_directives(&self.current, edge), held_max)
            }
        };
        let id = output.fetch_id();
        self.phase = Phase::InFlight { id, began: now, ask };
        self.since.get_or_insert(now);
        output.fetch(Fetch {
            id,
            track: self.track,
            what: What::Playlist,
            url,
            byte_range: None,
            wait_max: limits.playlist_wait_max + held_max,
            bytes_max: limits.playlist_bytes_max,
        });
    }

    /// Whether `id` is its request; if so, it is answered now, and one of [`settled`](Self::settled),
    /// [`failed`](Self::failed) and [`finish`](Self::finish) has to follow.
    pub(super) fn take(&mut self, id: FetchId) -> bool {
        match self.phase {
            Phase::InFlight { id: own, began, ask } if own == id => {
                self.phase = Phase::Answered { began, ask };
                true
            }
            Phase::InFlight { .. } | Phase::Due { .. } | Phase::Answered { .. } | Phase::Done => {
                false
            }
        }
    }

    /// The load brought a playlist from `final_url`. An address that cannot be read is ignored.
    pub(super) fn located(&mut self, final_url: &str) {
        if let Some(url) = location::address(final_url) {
            self.current = location::without_directives(&url);
        }
    }

    /// The load was good: load again as `again` says.
    pub(super) fn settled(&mut self, now: Monotonic, again: Again, limits: &HlsLimits) {
        self.failing = Failing::No;
        let (wait, ask) = match again {
            Again::After(wait) => (wait, Ask::Plain),
            Again::Blocking { target, .. } if self.blocking == Blocking::Refused => {
                (target, Ask::Plain)
            }
            Again::Blocking { edge, target } => {
                (Duration::ZERO, Ask::Blocking { edge, held_max: target * 3 })
            }
        };
        let at = self.began(now).plus(wait.max(limits.reload_min)).max(now);
        self.phase = Phase::Due { at, ask };
    }

    /// The load failed: back off. The next one is plain and begins at the original address,
    /// because the place where redirects led may be what failed.
    pub(super) fn failed(&mut self, now: Monotonic, failure: Failure, limits: &HlsLimits) {
        let times = match self.failing {
            Failing::No => 0,
            Failing::Since { times, .. } => times + 1,
        };
        self.failing = Failing::Since { times, latest: failure };
        let misunderstood = matches!(failure, Failure::Rejected | Failure::NotFound);
        if misunderstood && let Phase::Answered { ask: Ask::Blocking { .. }, .. } = self.phase {
            self.blocking = Blocking::Refused;
        }
        self.current = self.origin.clone();
        let wait = doubled(limits.backoff_min, times, limits.backoff_max);
        self.phase = Phase::Due { at: now.plus(wait), ask: Ask::Plain };
    }

    /// The playlist will not change any more.
    pub(super) fn finish(&mut self) {
        (self.phase, self.failing) = (Phase::Done, Failing::No);
    }

    const fn began(&self, now: Monotonic) -> Monotonic {
        match self.phase {
            Phase::InFlight { began, .. } | Phase::Answered { began, .. } => began,
            Phase::Due { .. } | Phase::Done => now,
        }
    }
}

/// `first`, doubled `times` times, and never over `max`.
pub(super) fn doubled(first: Duration, times: u32, max: Duration) -> Duration {
    first.saturating_mul(1 << times.min(20)).min(max)
}
