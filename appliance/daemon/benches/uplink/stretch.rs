//! What arrived in a stretch of time.

use std::fmt;

use super::observer::Arrival;

/// What arrived in a stretch of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretch {
    /// How long it was.
    pub(super) seconds: f64,
    /// Milliseconds from each event's making to its arrival, sorted.
    pub(super) events: Vec<f64>,
    /// Bytes of clips.
    pub(super) bytes: u64,
}

impl Stretch {
    /// What of `arrivals` came in `seconds` from `begin` on, in µs since 1970.
    pub(super) fn of(arrivals: &[Arrival], begin: i64, seconds: u64) -> Self {
        let end = begin + seconds as i64 * 1_000_000;
        let mut stretch = Self { seconds: seconds as f64, ..Self::default() };
        for arrival in arrivals.iter().filter(|arrival| (begin..end).contains(&arrival.at())) {
            match arrival {
                Arrival::Event { made, at } => {
                    stretch.events.push((at - made) as f64 / 1_000.0);
                }
                Arrival::Segment { bytes, .. } => stretch.bytes += bytes,
            }
        }
        stretch.events.sort_by(f64::total_cmp);
        stretch
    }

    /// The time that this share of the events took at most, in ms.
    pub(super) fn at_most(&self, share: f64) -> f64 {
        let last = self.events.len().saturating_sub(1);
        self.events.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// Bits of clips a second.
    pub(super) fn goodput(&self) -> f64 {
        self.bytes as f64 * 8.0 / self.seconds
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p95) = (self.at_most(0.5), self.at_most(0.95));
        let kbit = self.goodput() / 1_000.0;
        write!(
            f,
            "{} events, p50 {p50:.0} ms, p95 {p95:.0} ms, {kbit:.0} kbit/s",
            self.events.len()
        )
    }
}
