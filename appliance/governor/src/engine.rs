//! How busy the inference engine is, and what a rung of the ladder would cost.
//!
//! Costs are measured, never assumed, once a rung has been in force. They are forgotten after a
//! while, because what else runs on the box changes. Until then the packs' own figures say how
//! much dearer a rung is than the one in force.

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
/// No frame is expected to take longer than this, in microseconds.
const GUESS_MAX: u32 = 100_000_000;
/// How many times a lane's cost is expected to grow with the larger tier, until it is measured.
const TIER_COST: u32 = 2;
/// A measured cost is believed up to this many quarters of what the packs' figures make of the
/// present one: engines and machines differ by less than that.
const OFF_GUESS: u32 = 5;
/// How long a measured cost is believed.
const COST_MEMORY: Duration = Duration::from_secs(600);

/// What the engine did since the last report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Frames analysed, all sources.
    pub frames: u32,
    /// Frames that the sources delivered: a higher rate cannot get more.
    pub offered: u32,
    /// Time spent on the frames, all in all.
    pub busy: Duration,
    /// Part of it that grows with no rung: the search for hoops, and for people.
    pub aside: Duration,
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
    /// Time a frame by rung in microseconds, as the packs say it of another machine.
    claims: [Option<u32>; RUNGS_MAX],
    /// The last window and its length.
    last: (Work, Duration),
}

impl Meter {
    /// Begins to count.
    pub fn begin(&mut self, now: Monotonic) {
        self.since = Some(now);
    }

    /// Rung `to` is in force in place of `from`: what was measured is replaced by what is expected
    /// of it, until that is measured.
    pub fn restart(
        &mut self,
        now: Monotonic,
        ladder: &[OperatingPoint],
        (from, to): (usize, usize),
    ) {
        let load = self.expected(now, ladder, (from, to));
        let (work, length) = self.last;
        let busy = length.mul_f32(load.as_share());
        let frames = work.frames.min(work.offered.max(1));
        let scaled = u64::from(frames) * u64::from(ladder[to].frame_rate.0)
            / u64::from(ladder[from].frame_rate.0.max(1));
        let frames = scaled.min(u64::from(work.offered.max(work.frames))) as u32;
        let last = (Work { frames, busy, slowest: Duration::ZERO, ..work }, length);
        let (costs, claims, load) = (self.costs, self.claims, u32::from(load.0));
        *self = Self { since: Some(now), costs, claims, load, last, ..Self::default() };
    }

    /// The same rung, but what it is asked for has changed: it is judged anew.
    pub fn judge_anew(&mut self) {
        (self.windows, self.frames, self.slow_windows) = (0, 0, 0);
    }

    /// Takes in what a frame costs on each rung by the packs' own figures: only how they compare
    /// is believed.
    pub fn claim(&mut self, costs: impl Iterator<Item = Duration>) {
        for (claim, cost) in self.claims.iter_mut().zip(costs) {
            *claim = u32::try_from(cost.as_micros()).ok().filter(|cost| *cost > 0);
        }
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
        self.last = (work, length);
        self.slowest = work.slowest;
        self.slow_windows =
            if work.slowest > SLOW { self.slow_windows.saturating_add(1) } else { 0 };
        if work.frames > 0 {
            let lanes = work.busy.saturating_sub(work.aside);
            let cost = (lanes.as_micros() / u128::from(work.frames)) as u32;
            let smoothed = match self.costs[rung] {
                Some((_, before)) => (3 * before as u64 + cost as u64) / 4,
                None => u64::from(cost),
            };
            self.costs[rung] = Some((now, smoothed as u32));
        }
    }

    /// The busy share now; that of the last rung until this one was measured.
    pub fn load(&self) -> Permille {
        Permille(self.load as u16)
    }

    /// What the work since the last change says.
    pub fn verdict(&self) -> Verdict {
        let load = Permille(self.load as u16);
        if self.windows < WINDOWS_MIN || self.frames < FRAMES_MIN || self.last.0.frames == 0 {
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
        let (work, length) = self.last;
        let here = self.measured(now, from).unwrap_or_else(|| {
            let lanes = work.busy.saturating_sub(work.aside);
            lanes.as_micros().checked_div(u128::from(work.frames)).unwrap_or(0) as u32
        });
        let guess = self.guessed(here, ladder, (from, to));
        let cost = match self.measured(now, to) {
            // It may be of a busier minute, with more hoops in view than now.
            Some(measured) if self.claims[from].is_some() => measured.min(guess * OFF_GUESS / 4),
            Some(measured) => measured,
            None => guess,
        };
        let (below, above) = (ladder[from].frame_rate.0.max(1), ladder[to].frame_rate.0);
        let offered = 1_000 * u64::from(work.offered.max(work.frames));
        let thousandths = 1_000 * u64::from(work.frames) * u64::from(above) / u64::from(below);
        let lanes_ns = thousandths.min(offered) * u64::from(cost);
        let busy_us = u128::from(lanes_ns / 1_000) + work.aside.as_micros();
        Permille((busy_us * 1_000 / length.as_micros().max(1)).min(1_000) as u16)
    }

    /// Microseconds a frame on a rung, if it was in force lately.
    fn measured(&self, now: Monotonic, rung: usize) -> Option<u32> {
        self.costs[rung].filter(|(at, _)| now.since(*at) < COST_MEMORY).map(|(_, cost)| cost)
    }

    /// Microseconds a frame on rung `to`, when it takes `here` on rung `from`.
    fn guessed(&self, here: u32, ladder: &[OperatingPoint], (from, to): (usize, usize)) -> u32 {
        if let (Some(below), Some(above)) = (self.claims[from], self.claims[to]) {
            let guess = u64::from(here) * u64::from(above) / u64::from(below);
            return guess.min(u64::from(GUESS_MAX)) as u32;
        }
        let tiers = |rung: usize| (ladder[rung].ball_tier, ladder[rung].rim_tier);
        if tiers(from) == tiers(to) { here } else { here.saturating_mul(TIER_COST).min(GUESS_MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operating_point::LADDER;

    fn work(frames: u32, busy_ms: u64, slowest_ms: u64) -> Work {
        let (busy, slowest) = (Duration::from_millis(busy_ms), Duration::from_millis(slowest_ms));
        Work { frames, offered: 60, busy, aside: Duration::ZERO, slowest }
    }

    fn after(seconds: u64, work: Work) -> Meter {
        let mut meter = Meter::default();
        meter.begin(Monotonic(0));
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

    #[test]
    fn what_is_expected_of_a_rung_stands_for_it_until_it_is_measured() {
        let mut meter = after(3, work(12, 120, 30));
        meter.claim([2_000, 2_000, 3_000, 6_000].map(Duration::from_micros).into_iter());
        let now = Monotonic::from_millis(3_000);
        let expected = [1, 2, 3].map(|rung| meter.expected(now, LADDER, (0, rung)));
        meter.restart(now, LADDER, (0, 1));
        assert_eq!((meter.load(), meter.verdict()), (expected[0], Verdict::Unknown));
        // The next change may come before the first window.
        for (rung, expected) in [2, 3].into_iter().zip(&expected[1..]) {
            let again = meter.expected(now, LADDER, (1, rung));
            assert!(again.0.abs_diff(expected.0) <= 30, "{again:?} and {expected:?}");
        }
    }

    #[test]
    fn packs_say_how_much_dearer_a_tier_is_until_it_is_measured() {
        let mut meter = after(3, work(12, 120, 30));
        // On the machine where the packs were measured, everything took a fifth of the time.
        meter.claim([2_000, 2_000, 3_000, 6_000].map(Duration::from_micros).into_iter());
        let now = Monotonic::from_millis(3_000);
        assert_eq!(meter.expected(now, LADDER, (0, 2)), Permille(432));
        meter.restart(now, LADDER, (0, 2));
        let now = now.plus(Duration::from_secs(1));
        meter.observe(now, 2, work(20, 400, 30));
        assert_eq!(meter.expected(now, LADDER, (2, 3)), Permille(800));
        meter.observe(now.plus(Duration::from_secs(1)), 3, work(20, 500, 30));
        let now = now.plus(Duration::from_secs(2));
        meter.observe(now, 2, work(20, 400, 30));
        assert_eq!(meter.expected(now, LADDER, (2, 3)), Permille(500));
    }

    #[test]
    fn a_rung_that_was_dear_in_a_busier_minute_is_tried_again() {
        let mut meter = Meter::default();
        meter.claim([2_000, 2_000, 3_000, 6_000].map(Duration::from_micros).into_iter());
        meter.begin(Monotonic(0));
        let at = |second: u64| Monotonic::from_millis(1_000 * second);
        // Three hoops in view.
        meter.observe(at(1), 2, work(25, 750, 40));
        meter.observe(at(2), 1, work(25, 500, 30));
        assert_eq!(meter.expected(at(2), LADDER, (1, 2)), Permille(750));
        // One again: 10 ms a frame, of which the packs make 15.
        (3..40).for_each(|second| meter.observe(at(second), 1, work(25, 250, 30)));
        let expected = meter.expected(at(40), LADDER, (1, 2));
        assert!((Permille(460)..=Permille(475)).contains(&expected), "{expected:?}");
    }

    #[test]
    fn higher_rate_gets_no_more_frames_than_the_sources_deliver() {
        let now = Monotonic::from_millis(3_000);
        for (offered, expected) in [(60, 288), (24, 240), (12, 120), (0, 120)] {
            let meter = after(3, Work { offered, ..work(12, 120, 30) });
            assert_eq!(meter.expected(now, LADDER, (0, 1)), Permille(expected), "{offered}");
        }
    }

    #[test]
    fn search_for_hoops_costs_the_same_on_every_rung() {
        let now = Monotonic::from_millis(3_000);
        let aside = Duration::from_millis(100);
        let meter = after(3, Work { aside, ..work(12, 220, 30) });
        assert_eq!(meter.verdict(), Verdict::Fine(Permille(220)));
        assert_eq!(meter.expected(now, LADDER, (0, 1)), Permille(288 + 100));
    }
}
