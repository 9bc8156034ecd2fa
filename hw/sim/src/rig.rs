//! A whole box: plant, kernel, supply and sensors, stepped together.

use std::time::Duration;

use crate::board::Board;
use crate::kernel::Kernel;
use crate::layered::Layered;
use crate::network::Network;
use crate::plant::{Drive, Plant, Zones};
use crate::quantity::{Celsius, Watts};
use crate::sensing::{Fault, Sensing, Snapshot, Truth};
use crate::supply::Supply;

/// Which plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// [`Network`].
    Network,
    /// [`Layered`].
    Layered,
}

impl Make {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Network, Self::Layered];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Layered => "layered",
        }
    }

    /// A plant of this make that was switched off for long at `ambient`.
    pub fn plant(self, board: Board, ambient: Celsius) -> Box<dyn Plant> {
        match self {
            Self::Network => Box::new(Network::new(board, ambient)),
            Self::Layered => Box::new(Layered::new(board, ambient)),
        }
    }
}

/// What a box is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The board.
    pub board: Board,
    /// The plant.
    pub make: Make,
    /// The temperature that it starts from, everywhere.
    pub start: Celsius,
    /// The supply's limit; `None` for the board's own.
    pub supply_max: Option<Watts>,
    /// Sensors that fail.
    pub faults: Vec<Fault>,
    /// Of the sensors' noise.
    pub seed: u64,
}

/// What must not happen, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Time in which the kernel throttled.
    pub throttled: Duration,
    /// Over-current alarms.
    pub over_currents: u32,
    /// Times that the kernel switched the box off.
    pub shutdowns: u32,
}

impl Counts {
    /// Whether nothing of it is more than in the other.
    pub fn is_no_worse_than(self, other: Self) -> bool {
        self.throttled <= other.throttled
            && self.over_currents <= other.over_currents
            && self.shutdowns <= other.shutdowns
    }
}

/// A box.
pub struct Rig {
    plant: Box<dyn Plant>,
    kernel: Kernel,
    supply: Supply,
    sensing: Sensing,
    now: Duration,
}

impl Rig {
    /// A box that is switched on now.
    pub fn new(setup: Setup) -> Self {
        let (passive, critical) = setup.board.trips();
        Self {
            plant: setup.make.plant(setup.board, setup.start),
            kernel: Kernel::new(passive, critical),
            supply: Supply::new(setup.supply_max.unwrap_or(setup.board.supply_max())),
            sensing: Sensing::new(setup.seed, setup.faults),
            now: Duration::ZERO,
        }
    }

    /// Lets time pass; `dt` is at most half a second. What the box uses must fit
    /// [`clock`](Self::clock), which the caller alone can know.
    pub fn step(&mut self, dt: Duration, drive: &Drive) {
        self.plant.step(dt, drive);
        self.now += dt;
        self.kernel.step(dt, self.plant.zones().junction());
        self.supply.step(dt, self.plant.drawn());
        let truth = Truth {
            zones: self.plant.zones(),
            input: self.plant.drawn(),
            alarms: self.supply.alarms(),
            fan: self.plant.fan(),
        };
        self.sensing.step(self.now, dt, &truth);
    }

    /// Share of the full clock that kernel and supply leave, 0.0 while the box is off.
    pub fn clock(&self) -> f64 {
        self.kernel.clock().min(self.supply.clock())
    }

    /// What the sensors said last.
    pub fn snapshot(&self) -> Snapshot {
        self.sensing.last()
    }

    /// What must not happen.
    pub fn counts(&self) -> Counts {
        Counts {
            throttled: self.kernel.throttled(),
            over_currents: self.supply.alarms(),
            shutdowns: self.kernel.shutdowns(),
        }
    }

    /// What perfect sensors would say.
    pub fn zones(&self) -> Zones {
        self.plant.zones()
    }

    /// What the box draws.
    pub fn drawn(&self) -> Watts {
        self.plant.drawn()
    }

    /// The plant itself, for an optimum that may know everything.
    pub fn plant(&self) -> &dyn Plant {
        &*self.plant
    }
}
