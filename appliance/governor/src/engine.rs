//! How busy the inference engine is, and what a rung of the ladder would cost.
//!
//! Costs are measured, never assumed, once a rung has been in force. They are forgotten after a
//! while, because what else runs on the box changes.

use core::time::Duration;

use wire::time::Monotonic;
use wire::units::Permille;

use crate::operating_point::OperatingPoint;

/// Most rungs of a ladder.
pub const RUNGS_MAX: usize = 8;
/// Above this share of the time, the engine does too much: frames begin to wait for each other,
/// and nothing is left of its core for decoding and recording.
pub const LOAD_MAX: Permille = Permille(700);
/// A climb must not be expected to lead above this share.
pub const CLIMB_LOAD_MAX: Permille = Permille(550);
/// A frame that takes longer is slow: an event that follows from it comes late.
pub const SLOW: Duration = Duration::from_millis(120);
/// So many windows in a row with a slow frame mean that the tier is too large for the box.
pub const SLOW_WINDOWS: u8 = 3;
/// Windows after a change before it is judged.
pub const WINDOWS_MIN: u8 = 2;
/// Frames after a change before it is judged.
pub const FRAMES_MIN: u32 = 10;
/// How many times a lane's cost is expected to grow with the larger tier, until it is measured.
const TIER_COST: u32 = 2;
/// How long a measured cost is believed.
const COST_MEMORY: Duration = Duration::from_secs(600);

/// What the engine did since the last report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Frames analysed, all sources.
    pub frames: u32,
    /// Time spent on them.
    pub busy: Duration,
    /// Time spent on the slowest.
    pub slowest: Duration,
}

/// What the engine's work says about the rung in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Too little was seen since the last change, or no frame came.
    Unknown,
    /// The engine is too busy.
    Busy(Permille),
    /// Single frames take too long.
    Slow(Duration),
    /// The engine copes.
    Fine(Permille),
}

/// Follows the engine's work.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    since: Option<Monotonic>,
    windows: u8,
    frames: u32,
    slow_windows: u8,
    slowest: Duration,
    /// Smoothed busy share, in permille.
    load: u32,
    /// Smoothed time a frame, in microseconds, by rung, and when it was measured.
    costs: [Option<(Monotonic, u32)>; RUNGS_MAX],
    /// Frames of the last window and its length.
    last: (u32, Duration),
}

impl Meter {
    /// Forgets the load, not the costs: another rung is in force.
    pub fn restart(&mut self, now: Monotonic) {
        let costs = self.costs;
        *self = Self { since: Some(now), costs, ..Self::default() };
    }

    /// Takes in a window of work done on rung `rung`.
    pub fn observe(&mut self, now: Monotonic, rung: usize, work: Work) {
        let Some(since) = self.since.replace(now) else { return };
        let length = now.since(since);
        if length.is_zero() {
            return;
        }
        let share = work.busy.as_micros() * 1_000 / length.as_micros();
        let share = share.min(1_000) as u32;
        self.load = if self.windows == 0 { share } else { (self.load + share) / 2 };
        self.windows = self.windows.saturating_add(1);
        self.frames = self.frames.saturating_add(work.frames);
        self.last = (work.frames, length);
        self.slowest = work.slowest;
        self.slow_windows =
            if work.slowest > SLOW { self.slow_windows.saturating_add(1) } else { 0 };
        if work.frames > 0 {
            let cost = (work.busy.as_micros() / u128::from(work.frames)) as u32;
            let smoothed = match self.costs[rung] {
                Some((_, before)) => (3 * before as u64 + cost as u64) / 4,
                None => u64::from(cost),
            };
            self.costs[rung] = Some((now, smoothed as u32));
        }
    }

    /// What the work since the last change says.
    pub fn verdict(&self) -> Verdict {
        let load = Permille(self.load as u16);
        if self.windows < WINDOWS_MIN || self.frames < FRAMES_MIN || self.last.0 == 0 {
            Verdict::Unknown
        } else if load > LOAD_MAX {
            Verdict::Busy(load)
        } else if self.slow_windows >= SLOW_WINDOWS {
            Verdict::Slow(self.slowest)
        } else {
            Verdict::Fine(load)
        }
    }

    /// The busy share to expect on rung `to` of `ladder`, when `from` is in force.
    pub fn expected(
        &self,
        now: Monotonic,
        ladder: &[OperatingPoint],
        (from, to): (usize, usize),
    ) -> Permille {
        let (frames, length) = self.last;
        let measured = |rung: usize| {
            self.costs[rung].filter(|(at, _)| now.since(*at) < COST_MEMORY).map(|(_, cost)| cost)
        };
        let here = measured(from).unwrap_or(0);
        let (below, above) = (ladder[from], ladder[to]);
        let dearer = below.ball_tier != above.ball_tier || below.rim_tier != above.rim_tier;
        let guess = if dearer { here.saturating_mul(TIER_COST) } else { here };
        let cost = measured(to).unwrap_or(guess);
        let busy_us = u128::from(frames) * u128::from(cost);
        let growth = (u128::from(above.frame_rate.0), u128::from(below.frame_rate.0.max(1)));
        let share = busy_us * 1_000 * growth.0 / growth.1 / length.as_micros().max(1);
        Permille(share.min(1_000) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operating_point::LADDER;

    fn work(frames: u32, busy_ms: u64, slowest_ms: u64) -> Work {
        let (busy, slowest) = (Duration::from_millis(busy_ms), Duration::from_millis(slowest_ms));
        Work { frames, busy, slowest }
    }

    fn after(seconds: u64, work: Work) -> Meter {
        let mut meter = Meter::default();
        meter.restart(Monotonic(0));
        for second in 1..=seconds {
            meter.observe(Monotonic::from_millis(second * 1_000), 0, work);
        }
        meter
    }

    #[test]
    fn verdicts() {
        for (seconds, work, expected) in [
            (1, work(25, 900, 40), Verdict::Unknown),
            (3, work(0, 0, 0), Verdict::Unknown),
            (3, work(2, 10, 5), Verdict::Unknown),
            (3, work(25, 750, 40), Verdict::Busy(Permille(750))),
            (3, work(5, 300, 140), Verdict::Slow(Duration::from_millis(140))),
            (2, work(5, 300, 140), Verdict::Fine(Permille(300))),
            (3, work(12, 100, 30), Verdict::Fine(Permille(100))),
        ] {
            assert_eq!(after(seconds, work).verdict(), expected, "{seconds} s of {work:?}");
        }
    }

    #[test]
    fn cost_of_another_rung_is_guessed_until_it_is_measured() {
        let now = Monotonic::from_millis(3_000);
        let mut meter = after(3, work(12, 120, 30));
        // 2.4 times the frames; the same networks.
        assert_eq!(meter.expected(now, LADDER, (0, 1)), Permille(288));
        meter.observe(now.plus(Duration::from_secs(1)), 1, work(30, 300, 20));
        meter.observe(now.plus(Duration::from_secs(2)), 2, work(30, 900, 40));
        meter.observe(now.plus(Duration::from_secs(3)), 1, work(30, 300, 20));
        let now = now.plus(Duration::from_secs(3));
        assert_eq!(meter.expected(now, LADDER, (1, 2)), Permille(900));
        // A quarter of an hour later only the guess is left.
        let later = now.plus(Duration::from_secs(900));
        meter.observe(later, 1, work(30 * 900, 270_000, 20));
        assert_eq!(meter.expected(later, LADDER, (1, 2)), Permille(600));
    }
}
