//! What every thermal plant is: electrical power and surroundings in, temperatures out.
//!
//! A plant also tells two numbers that sum up its heat ([`Lumps`]) and how these move; only an
//! optimum that may know everything uses them.

use std::time::Duration;

use crate::quantity::{Celsius, Watts};

/// Electrical power by where it becomes heat.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Processor cores.
    pub cpu: Watts,
    /// Graphics or neural cores: where the engine runs.
    pub gpu: Watts,
    /// Memory, converters and the rest of the board.
    pub board: Watts,
    /// The disk.
    pub disk: Watts,
}

impl Load {
    /// All of it.
    pub fn total(self) -> Watts {
        self.cpu + self.gpu + self.board + self.disk
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            gpu: self.gpu + other.gpu,
            board: self.board + other.board,
            disk: self.disk + other.disk,
        }
    }

    /// All parts times `factor`.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            cpu: self.cpu * factor,
            gpu: self.gpu * factor,
            board: self.board * factor,
            disk: self.disk * factor,
        }
    }
}

/// Share of the air that a clean fan moves at the same drive, 0.0 (blocked) to 1.0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Airflow(pub f64);

impl Airflow {
    /// A clean fan that turns.
    pub const FREE: Self = Self(1.0);
    /// It does not turn, or nothing comes through.
    pub const BLOCKED: Self = Self(0.0);
}

/// What the box stands in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surroundings {
    /// Of the air that the fan takes in.
    pub ambient: Celsius,
    /// What the sun heats the box's cooler with.
    pub sun: Watts,
    /// How the fan does.
    pub airflow: Airflow,
}

/// Everything that acts on a plant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drive {
    /// What the box uses. It counts what leaks at 60 °C; a plant may add what leaks above that.
    pub load: Load,
    /// What the box stands in.
    pub around: Surroundings,
}

/// Temperatures by place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zones {
    /// Processor cores.
    pub cpu: Celsius,
    /// Graphics or neural cores.
    pub gpu: Celsius,
    /// The disk.
    pub disk: Celsius,
}

impl Zones {
    /// The hottest part of the chip; the disk is none.
    pub fn junction(self) -> Celsius {
        self.cpu.max(self.gpu)
    }
}

/// A plant's heat as two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lumps {
    /// What follows the power within seconds.
    pub fast: Celsius,
    /// What takes minutes: the cooler.
    pub slow: Celsius,
}

/// Where the energy went since the start, in J. `taken` is `released` plus the growth of `stored`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    /// Heat that came in: load, leakage, sun.
    pub taken: f64,
    /// Heat that the air took away.
    pub released: f64,
    /// Heat above 0 °C in all parts.
    pub stored: f64,
}

/// A box's heat.
pub trait Plant: Send {
    /// Lets time pass; `dt` is at most half a second.
    fn step(&mut self, dt: Duration, drive: &Drive);

    /// What perfect sensors at their places feel now.
    fn zones(&self) -> Zones;

    /// What the box drew at its input in the last step: load, leakage and fan.
    fn drawn(&self) -> Watts;

    /// How hard the fan is driven, 0.0 to 1.0.
    fn fan(&self) -> f64;

    /// The account of its energy.
    fn energy(&self) -> Energy;

    /// Its heat as two numbers.
    fn lumps(&self) -> Lumps;

    /// Where two such numbers will be after `dt`, roughly, with the fan where it would settle.
    fn glide(&self, from: Lumps, drive: &Drive, dt: Duration) -> Lumps;

    /// The hottest part of the chip that goes with two such numbers at this load.
    fn hottest_at(&self, lumps: Lumps, drive: &Drive) -> Celsius;

    /// What the box draws at its input that goes with two such numbers at this load.
    fn drawn_at(&self, lumps: Lumps, drive: &Drive) -> Watts;
}

/// How long a plant is given to settle.
const SETTLES_WITHIN: Duration = Duration::from_secs(5 * 3_600);
const STEP: Duration = Duration::from_millis(250);

/// Lets a plant run until it changes no more, or five hours.
pub fn settle(plant: &mut dyn Plant, drive: &Drive) {
    let minute = 240;
    let steps = (SETTLES_WITHIN.as_millis() / STEP.as_millis()) as u32;
    let mut before = plant.lumps().slow;
    for step in 1..=steps {
        plant.step(STEP, drive);
        if step % minute == 0 {
            let slow = plant.lumps().slow;
            if (slow.0 - before.0).abs() < 0.002 {
                return;
            }
            before = slow;
        }
    }
}
