//! The states of a pacer, and how fast and how long segments are in each.

use core::time::Duration;

use wire::time::Monotonic;

/// Time on the link of a segment that an event may have to wait for.
const SEGMENT: Duration = Duration::from_millis(17);
/// And of one that nobody waits for. Longer ones have less overhead.
const SEGMENT_QUIET: Duration = Duration::from_millis(70);
/// A queue of our own that is longer than this is taken back; the time that a segment itself takes
/// does not count.
const QUEUE_MAX: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Twice as fast with every round.
    Starting {
        /// The rate when it last grew.
        grown: u64,
        flat: u8,
    },
    /// Nothing is sent.
    Draining { since: Monotonic },
    /// A little slower than the link.
    Cruising { probe_at: Monotonic, after: After },
    /// Faster, for the time of one way and some segments.
    Probing {
        /// The rate before.
        before: u64,
        until: Monotonic,
    },
    /// Slower, until what left in the probe is answered.
    Judging {
        /// The rate before the probe.
        before: u64,
        /// Bytes that are delivered when all of the probe is.
        until: u64,
    },
    /// As fast as the link, with a short queue.
    Filling,
}

/// What came before cruising.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing of ours was on the way a moment ago.
    Drain,
    Round,
}

impl Mode {
    pub(super) const START: Self = Self::Starting { grown: 0, flat: 0 };

    /// Share of the link's rate at which segments leave, in percent.
    pub(super) const fn share(self) -> u64 {
        match self {
            // Of Filling the bytes that fly hold back, not the pace.
            Self::Starting { .. } | Self::Filling => 200,
            Self::Probing { .. } => 115,
            Self::Cruising { .. } | Self::Draining { .. } => 92,
            // Makes up for the probe.
            Self::Judging { .. } => 80,
        }
    }

    /// Most bytes on the way, on a link that holds `product` bytes itself.
    pub(super) const fn flying_max(self, product: u64, segment: u64) -> u64 {
        match self {
            Self::Starting { .. } => 2 * product + 2 * segment,
            Self::Cruising { .. } | Self::Probing { .. } | Self::Judging { .. } => {
                product * 3 / 2 + 2 * segment
            }
            // Two segments stand one behind the other, so that the link never waits.
            Self::Filling => product + segment,
            Self::Draining { .. } => 0,
        }
    }

    /// The longest queue that is left alone. `own`: the time that a segment takes on the link.
    pub(super) fn queue_max(self, own: Duration) -> Duration {
        match self {
            Self::Filling => QUEUE_MAX + own * 3 / 2,
            Self::Starting { .. }
            | Self::Draining { .. }
            | Self::Cruising { .. }
            | Self::Probing { .. }
            | Self::Judging { .. } => QUEUE_MAX,
        }
    }

    /// How long a segment should take on the link.
    pub(super) const fn segment_time(self) -> Duration {
        match self {
            Self::Filling => SEGMENT_QUIET,
            Self::Starting { .. }
            | Self::Draining { .. }
            | Self::Cruising { .. }
            | Self::Probing { .. }
            | Self::Judging { .. } => SEGMENT,
        }
    }
}
