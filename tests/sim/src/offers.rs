//! What the engine offers: its operating points, with what each costs and how much it sees.
//!
//! All figures of the table are assumed for a box like an Orin NX until a box of that kind is
//! measured; the recalls stand for those of `docs/benchmarks/accuracy.md`, until they are measured
//! for each point.

use std::time::Duration;

use governor::OperatingPoint;
use governor::operating_point::LADDER;
use sim::{Board, Load, Watts};

/// Frames a second that the camera delivers.
pub const CAMERA_HZ: f64 = 30.0;
/// A frame that is older when its lanes are done is not covered: its event would come too late.
pub const AGE_MAX: Duration = Duration::from_millis(400);
/// What a frame is old before its last byte arrives and it is decoded (assumed).
pub const AGE_BEFORE: Duration = Duration::from_millis(60);
/// Share of the energy a frame that the clock does not change: leakage and memory (assumed); the
/// rest goes with the square of the clock, as tension follows it.
const FIXED_ENERGY: f64 = 0.6;
/// Share of the engine's power that becomes heat in its cores; the rest does in memory and
/// converters (assumed).
const IN_CORES: f64 = 0.8;
/// Share of the time in which the engine can work at most (assumed).
const BUSY_MAX: f64 = 0.97;

/// Rung, ms a frame at full clock, W above an idle box, recall at the rung's frame rate: on a box
/// like an Orin NX, for the rungs of [`LADDER`] that the shipped packs have.
const TABLE: [(usize, f64, f64, f64); 4] =
    [(0, 6.0, 2.0, 0.75), (1, 6.0, 4.5, 0.88), (2, 10.0, 7.0, 0.92), (3, 17.0, 14.0, 0.95)];
/// What recall is left at 12.5 frames a second, of that at 30: as between the first two rungs.
const AT_12_5_HZ: f64 = 0.75 / 0.88;
/// What an Orin NX draws that records and analyses nothing, in W: cores, engine, board, disk.
const IDLE: Load = Load { cpu: Watts(3.0), gpu: Watts(0.5), board: Watts(5.5), disk: Watts(0.5) };

/// One operating point.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// As the governor calls it.
    pub point: OperatingPoint,
    /// Time a frame at full clock, alone.
    pub frame: Duration,
    /// What it adds to an idle box.
    pub power: Watts,
    /// Recall at its own frame rate, 0.0 to 1.0.
    pub recall: f64,
}

/// What can be had on a board, the cheapest first.
#[derive(Clone, Debug)]
pub struct Offers {
    /// What the box draws without the engine.
    pub idle: Load,
    /// The points.
    pub points: Vec<Offer>,
}

/// What is left to the engine.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Share of the full clock.
    pub clock: f64,
    /// Share of the engine's time that no neighbour takes.
    pub left: f64,
}

/// What a point really does with a capacity.
#[derive(Clone, Copy, Debug)]
pub struct Achieved {
    /// Frames a second.
    pub hz: f64,
    /// Time a frame.
    pub frame: Duration,
    /// Share of the time in which the engine works.
    pub busy: f64,
    /// Age of a frame when it is done.
    pub age: Duration,
    /// What the engine draws.
    pub power: Watts,
    /// Recall of a moment now.
    pub recall: f64,
    /// Share of the camera's frames that are analysed in time.
    pub covered: f64,
}

impl Offers {
    /// What a board offers: the same points everywhere, at a power scaled with the board.
    pub fn of(board: Board) -> Self {
        let offer = |(rung, ms, watts, recall): (usize, f64, f64, f64)| Offer {
            point: LADDER[rung],
            frame: Duration::from_secs_f64(ms / 1_000.0),
            power: Watts(watts * board.scale()),
            recall,
        };
        Self { idle: IDLE.scaled(board.scale()), points: TABLE.into_iter().map(offer).collect() }
    }

    /// What the whole box uses while the engine does this.
    pub fn load(&self, achieved: &Achieved) -> Load {
        let cores = achieved.power * IN_CORES;
        let beside = achieved.power * (1.0 - IN_CORES);
        self.idle.plus(Load { gpu: cores, board: beside, ..Load::default() })
    }

    /// What the box draws at a point, alone and at full clock.
    pub fn input(&self, point: usize) -> Watts {
        self.idle.total() + self.points[point].power
    }
}

impl Offer {
    /// What it does with a capacity; nothing where the box is off.
    pub fn achieved(&self, capacity: Capacity) -> Achieved {
        let speed = capacity.clock * capacity.left;
        if speed <= 0.0 {
            let none = Duration::ZERO;
            let power = Watts(0.0);
            return Achieved {
                hz: 0.0,
                frame: none,
                busy: 0.0,
                age: none,
                power,
                recall: 0.0,
                covered: 0.0,
            };
        }
        let frame = self.frame.as_secs_f64() / speed;
        let wanted = f64::from(self.point.frame_rate.0) / 1_000.0;
        let hz = wanted.min(BUSY_MAX / frame);
        // An engine that is always busy takes a frame that waited for the one before.
        let waited = if hz < wanted { frame } else { 0.0 };
        let age = AGE_BEFORE + Duration::from_secs_f64(frame + waited);
        let clock = capacity.clock;
        let energy = FIXED_ENERGY + (1.0 - FIXED_ENERGY) * clock * clock;
        let in_time = age <= AGE_MAX;
        Achieved {
            hz,
            frame: Duration::from_secs_f64(frame),
            busy: hz * frame,
            age,
            power: self.power * (hz / wanted * energy),
            recall: if in_time { self.recall * at_rate(hz) / at_rate(wanted) } else { 0.0 },
            covered: if in_time { (hz / CAMERA_HZ).min(1.0) } else { 0.0 },
        }
    }
}

/// What recall is left at a frame rate, of that at 30 frames a second: on straight lines from
/// nothing over what is known at 12.5 to all at 30.
fn at_rate(hz: f64) -> f64 {
    if hz <= 12.5 {
        AT_12_5_HZ * hz / 12.5
    } else {
        (AT_12_5_HZ + (1.0 - AT_12_5_HZ) * (hz - 12.5) / (CAMERA_HZ - 12.5)).min(1.0)
    }
}
