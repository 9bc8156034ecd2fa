//! What other programs leave to this one, and what is left out for it: the frame rate before
//! frames grow old, and the lanes that make no events where memory is short.

use core::time::Duration;

use wire::time::Monotonic;
use wire::units::Permille;

use crate::operating_point::{FrameRate, OperatingPoint, Shed};
use crate::reason::Reason;

/// A frame must not be older when its lanes are done: of the 400 ms from camera to inference,
/// decoding and the network before the box need the rest.
pub const AGE_MAX: Duration = Duration::from_millis(250);
/// Waiting for a processor for so much of the time says that others take them.
pub const CPU_MAX: Permille = Permille(500);
/// Waiting for memory for so much of the time slows everything.
pub const MEMORY_WAIT_MAX: Permille = Permille(100);
/// Of the memory that the box may use; above it the kernel begins to take it away.
pub const MEMORY_USED_MAX: Permille = Permille(950);
/// So many readings in a row before anything is left out.
const LASTS: u8 = 2;
/// How long all must be well until a step is taken back; doubled with each relapse.
const CALM: Duration = Duration::from_secs(30);
/// Most doublings: eight minutes.
const RELAPSES_MAX: u8 = 4;
/// Without a relapse for so long, they are forgotten.
const RELAPSE_MEMORY: Duration = Duration::from_secs(1_800);
/// The rate under pressure, and under more of it: one frame for each of the rim lane's slots, and
/// one for two of them.
const RATES: [FrameRate; 2] = [FrameRate(12_500), FrameRate(6_250)];

/// One reading; `None` where the kernel does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Share of the last ten seconds in which something waited for a processor.
    pub cpu: Option<Permille>,
    /// Share of the last ten seconds in which something waited for memory.
    pub memory: Option<Permille>,
    /// Share of its memory limit that is in use: the control group's, or the box's.
    pub memory_used: Option<Permille>,
    /// Age of the oldest frame when its lanes were done, since the last reading, from the arrival
    /// of its last byte. `None` if none was analysed.
    pub frame_age: Option<Duration>,
}

/// What is left out because of pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relief {
    /// Steps of the frame rate; 0 is none.
    rate: usize,
    shed: Shed,
}

impl Relief {
    /// The point with what is left out.
    pub fn of(self, point: OperatingPoint) -> OperatingPoint {
        let most = self.rate.checked_sub(1).map_or(point.frame_rate, |step| RATES[step]);
        OperatingPoint {
            frame_rate: point.frame_rate.min(most),
            shed: point.shed.max(self.shed),
            ..point
        }
    }

    /// Whether frames are left out.
    pub fn is_slowed(self) -> bool {
        self.rate > 0
    }

    /// Whether nothing is left out.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Follows the pressure.
#[derive(Clone, Debug, Default)]
pub struct Strain {
    relief: Relief,
    bad: u8,
    calm_since: Option<Monotonic>,
    /// A step was taken back since the last one was taken.
    relieved: bool,
    relapses: u8,
    relapsed: Monotonic,
}

impl Strain {
    /// What is left out now.
    pub fn relief(&self) -> Relief {
        self.relief
    }

    /// Takes in a reading; returns why more or less is left out now.
    pub fn observe(&mut self, now: Monotonic, pressure: Pressure) -> Option<Reason> {
        let Some((remedy, reason)) = trouble(pressure) else {
            self.bad = 0;
            return self.relieve(now);
        };
        self.calm_since = None;
        self.bad += 1;
        if self.bad < LASTS {
            return None;
        }
        self.bad = 0;
        let before = self.relief;
        match remedy {
            Remedy::FewerLanes => self.relief.shed = Shed::Board,
            Remedy::FewerFrames => self.relief.rate = (before.rate + 1).min(RATES.len()),
        }
        if self.relief != before && core::mem::take(&mut self.relieved) {
            self.relapses = (self.relapses + 1).min(RELAPSES_MAX);
            self.relapsed = now;
        }
        (self.relief != before).then_some(reason)
    }

    fn relieve(&mut self, now: Monotonic) -> Option<Reason> {
        if now.since(self.relapsed) >= RELAPSE_MEMORY {
            self.relapses = 0;
        }
        if self.relief.is_none() {
            return None;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.since(since) < CALM * (1 << self.relapses) {
            return None;
        }
        self.calm_since = Some(now);
        self.relieved = true;
        match self.relief.rate {
            0 => self.relief.shed = Shed::Nothing,
            _ => self.relief.rate -= 1,
        }
        Some(Reason::Relieved)
    }
}

/// What helps.
enum Remedy {
    FewerFrames,
    FewerLanes,
}

fn trouble(pressure: Pressure) -> Option<(Remedy, Reason)> {
    let Pressure { cpu, memory, memory_used, frame_age } = pressure;
    let above = |share: Option<Permille>, limit| share.filter(|share| *share > limit);
    let memory = above(memory, MEMORY_WAIT_MAX).or(above(memory_used, MEMORY_USED_MAX));
    if let Some(share) = memory {
        return Some((Remedy::FewerLanes, Reason::MemoryShort(share)));
    }
    if let Some(age) = frame_age.filter(|age| *age > AGE_MAX) {
        return Some((Remedy::FewerFrames, Reason::Old(age)));
    }
    // Others may wait for a processor as long as frames do not: half the limit says that they
    // begin to.
    let aging = frame_age.is_some_and(|age| age > AGE_MAX / 2);
    let short = above(cpu, CPU_MAX).filter(|_| aging);
    short.map(|share| (Remedy::FewerFrames, Reason::ProcessorShort(share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: u64) -> Monotonic {
        Monotonic::from_millis(count * 1_000)
    }

    fn aged(ms: u64) -> Pressure {
        Pressure { frame_age: Some(Duration::from_millis(ms)), ..Pressure::default() }
    }

    fn point() -> OperatingPoint {
        OperatingPoint {
            frame_rate: FrameRate::from_hz(30),
            shed: Shed::Nothing,
            ..OperatingPoint::SMALLEST
        }
    }

    #[test]
    fn frames_that_grow_old_cost_rate_and_get_it_back_later_each_time() {
        let mut strain = Strain::default();
        let rate = |strain: &Strain| strain.relief().of(point()).frame_rate.0;
        assert_eq!(strain.observe(second(0), aged(260)), None, "one reading says little");
        let reason = strain.observe(second(1), aged(310));
        assert_eq!(reason, Some(Reason::Old(Duration::from_millis(310))));
        assert_eq!(rate(&strain), 12_500);
        (2..4).for_each(|s| _ = strain.observe(second(s), aged(280)));
        assert_eq!(rate(&strain), 6_250);
        for (calm, after) in [(4..34, 6_250), (34..35, 12_500), (35..64, 12_500), (64..65, 30_000)]
        {
            calm.for_each(|s| _ = strain.observe(second(s), aged(40)));
            assert_eq!(rate(&strain), after);
        }
        (70..72).for_each(|s| _ = strain.observe(second(s), aged(300)));
        (72..130).for_each(|s| _ = strain.observe(second(s), aged(40)));
        assert_eq!(rate(&strain), 12_500, "the second time it takes a minute");
        (130..134).for_each(|s| _ = strain.observe(second(s), aged(40)));
        assert_eq!(rate(&strain), 30_000);
    }

    #[test]
    fn a_box_that_copes_with_the_lowest_rate_alone_tries_a_higher_one_ever_more_rarely() {
        let mut strain = Strain::default();
        let mut raised = 0;
        for s in 0..3_600 {
            let rate = strain.relief().of(point()).frame_rate.0;
            let pressure = if rate > 6_250 { aged(300) } else { aged(40) };
            raised += u32::from(strain.observe(second(s), pressure) == Some(Reason::Relieved));
        }
        assert!((5..12).contains(&raised), "{raised} times in an hour");
    }

    #[test]
    fn memory_that_runs_short_costs_people_and_boards_and_never_the_rate() {
        let mut strain = Strain::default();
        let short = Pressure { memory_used: Some(Permille(980)), ..aged(20) };
        (0..10).for_each(|s| _ = strain.observe(second(s), short));
        let point = strain.relief().of(point());
        assert_eq!((point.shed, point.frame_rate.0), (Shed::Board, 30_000));
    }

    #[test]
    fn processors_that_others_want_matter_once_frames_wait() {
        let mut strain = Strain::default();
        let busy = |ms| Pressure { cpu: Some(Permille(900)), ..aged(ms) };
        assert!((0..100).all(|s| strain.observe(second(s), busy(60)).is_none()));
        assert!((100..110).any(|s| strain.observe(second(s), busy(160)).is_some()));
    }
}
