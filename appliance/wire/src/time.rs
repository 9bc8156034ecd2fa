//! The three clocks of a box, as three types that cannot be mixed up.
//!
//! [`Monotonic`] measures durations, [`MediaTime`] locates frames on one source's timeline,
//! [`WallTime`] labels things for people. Only `pipeline::timeline` maps between them.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the box's monotonic clock, in microseconds since an arbitrary start (the boot of
/// the process, or zero in a simulation). Never leaves the box except as `mono_us` in an envelope.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-unit" = "µs")))]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// A point `ms` milliseconds after the start of the clock.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// Time that has passed since `earlier`; zero if `earlier` is in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This point plus `by`, saturating.
    pub const fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.as_micros() as u64))
    }
}

/// Position on one source's timeline, in 1/90 000 s since the first frame of the epoch.
/// Never wall-clock time. Differences between two [`MediaTime`]s are [`MediaSpan`]s.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-unit" = "1/90000 s")))]
pub struct MediaTime(pub i64);

/// A signed length of media, in 1/90 000 s.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct MediaSpan(pub i64);

/// Ticks of [`MediaTime`] and [`MediaSpan`] in one second.
pub const MEDIA_HZ: i64 = 90_000;

impl MediaTime {
    /// The position `ms` milliseconds after the first frame.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms * (MEDIA_HZ / 1_000))
    }

    /// Seconds since the first frame, for people and for plots.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / MEDIA_HZ as f64
    }

    /// The signed distance from `earlier` to this position.
    pub const fn since(self, earlier: Self) -> MediaSpan {
        MediaSpan(self.0 - earlier.0)
    }

    /// This position moved by `span`, saturating.
    pub const fn plus(self, span: MediaSpan) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// This position moved back by `span`, saturating.
    pub const fn minus(self, span: MediaSpan) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl MediaSpan {
    /// A span of `ms` milliseconds.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms * (MEDIA_HZ / 1_000))
    }

    /// The span in whole milliseconds, rounded towards zero.
    pub const fn as_millis(self) -> i64 {
        self.0 / (MEDIA_HZ / 1_000)
    }

    /// The span in seconds, for people and for plots.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / MEDIA_HZ as f64
    }
}

/// A half-open stretch of one source's timeline: `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MediaInterval {
    /// First position inside.
    pub start: MediaTime,
    /// First position after.
    pub end: MediaTime,
}

/// UTC, in microseconds since 1970-01-01. Labels only: it may step at any moment, so nothing
/// is ordered or timed by it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-unit" = "µs since 1970-01-01, UTC")))]
pub struct WallTime(pub i64);

/// How far a [`WallTime`] of this box can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockQuality {
    /// Nothing is known about the clock; treat wall times as labels of unknown error.
    #[default]
    Unknown,
    /// The kernel reports the clock as disciplined by a time source (`adjtimex`).
    Synchronized,
    /// The kernel reports the clock as running free.
    Unsynchronized,
}
