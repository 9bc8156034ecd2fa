//! What a box goes through while a day is played: heat, dust, sun, supply, sensors, a neighbour.

use std::time::Duration;

use sim::plant::settle;
use sim::rig::{Make, Setup};
use sim::{
    Airflow, Board, Celsius, Drive, Failure, Fault, Load, Seeded, Sensor, Surroundings, Watts,
};

use crate::offers::{Capacity, Offers};
use crate::time::At;

/// Of the air around the box.
#[derive(Clone, Copy, Debug)]
pub enum Ambient {
    /// The same all day, in °C.
    Steady(f64),
    /// From one to the other within the first three hours, in °C.
    Ramp(f64, f64),
}

/// Of the fan.
#[derive(Clone, Copy, Debug)]
pub enum Fan {
    /// Clean.
    Clean,
    /// Dust leaves it a share of its air.
    Dusty(f64),
    /// Stops after the given minutes.
    StopsAfter(f64),
}

/// Of the sun on the box.
#[derive(Clone, Copy, Debug)]
pub enum Sun {
    /// None.
    None,
    /// So many W, with clouds.
    Clouds(f64),
}

/// Of another program on the box.
#[derive(Clone, Copy, Debug)]
pub enum Neighbour {
    /// None.
    None,
    /// Works for 10 of every 25 minutes; takes this share of the engine's time.
    Takes(f64),
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name in tables.
    pub name: &'static str,
    /// The box.
    pub board: Board,
    /// The air.
    pub ambient: Ambient,
    /// The fan.
    pub fan: Fan,
    /// The sun.
    pub sun: Sun,
    /// What the supply can give; the box is told. `None`: the board's own limit.
    pub supply_max: Option<Watts>,
    /// Sensors that fail: which, how, from which minute, until which.
    pub faults: &'static [(Sensor, Failure, u64, u64)],
    /// Another program.
    pub neighbour: Neighbour,
}

/// What a neighbour draws while it works, in W on a board of scale one (assumed).
const NEIGHBOUR: Load =
    Load { cpu: Watts(2.5), gpu: Watts(1.5), board: Watts(0.5), disk: Watts(0.5) };
/// The air wanders by so much around what is said, in °C, within `WANDER_S`.
const WANDER: f64 = 1.0;
const WANDER_S: f64 = 1_900.0;

impl Scenario {
    /// Quiet: 25 °C on an Orin NX, nothing wrong.
    pub const QUIET: Self = Self {
        name: "25 °C",
        board: Board::OrinNx,
        ambient: Ambient::Steady(25.0),
        fan: Fan::Clean,
        sun: Sun::None,
        supply_max: None,
        faults: &[],
        neighbour: Neighbour::None,
    };

    /// All of them.
    pub fn all() -> Vec<Self> {
        let quiet = Self::QUIET;
        let at = |name, celsius| Self { name, ambient: Ambient::Steady(celsius), ..Self::QUIET };
        let lost: &[_] = &[
            (Sensor::Gpu, Failure::Lost, 40, 70),
            (Sensor::Junction, Failure::Lost, 40, 70),
            (Sensor::Gpu, Failure::Lost, 150, 160),
        ];
        let stuck: &[_] =
            &[(Sensor::Gpu, Failure::Stuck, 30, 75), (Sensor::Junction, Failure::Stuck, 30, 75)];
        vec![
            at("15 °C", 15.0),
            quiet.clone(),
            at("35 °C", 35.0),
            at("40 °C", 40.0),
            at("45 °C", 45.0),
            at("50 °C", 50.0),
            Self { name: "20 to 45 °C", ambient: Ambient::Ramp(20.0, 45.0), ..quiet.clone() },
            Self { fan: Fan::Dusty(0.4), ..at("dust, 40 °C", 40.0) },
            Self { fan: Fan::Dusty(0.4), ..at("dust, 50 °C", 50.0) },
            Self { name: "fan stops, 25 °C", fan: Fan::StopsAfter(50.0), ..quiet.clone() },
            Self { fan: Fan::StopsAfter(0.0), ..at("no fan, 30 °C", 30.0) },
            Self { sun: Sun::Clouds(10.0), ..at("sun, 40 °C", 40.0) },
            Self { sun: Sun::Clouds(7.0), fan: Fan::Dusty(0.4), ..at("sun, dust, 35 °C", 35.0) },
            Self { name: "supply of 20 W", supply_max: Some(Watts(20.0)), ..quiet },
            Self { supply_max: Some(Watts(15.5)), ..at("supply of 15.5 W, 40 °C", 40.0) },
            Self { faults: lost, ..at("sensor lost, 45 °C", 45.0) },
            Self { faults: stuck, ..at("sensor stuck, 50 °C", 50.0) },
            Self { neighbour: Neighbour::Takes(0.45), ..at("neighbour, 40 °C", 40.0) },
            Self { board: Board::OrinNano, fan: Fan::Dusty(0.3), ..at("Nano, dust, 35 °C", 35.0) },
        ]
    }

    /// The scenario with one seed's weather.
    pub fn world(&self, seed: u64) -> World<'_> {
        let mut chance = Seeded::new(seed, 3);
        let phases = std::array::from_fn(|_| chance.between(0.0, std::f64::consts::TAU));
        World { scenario: self, offers: Offers::of(self.board), phases }
    }

    /// A box for it.
    pub fn setup(&self, make: Make, seed: u64) -> Setup {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let fault = |(sensor, failure, from, until): &(Sensor, Failure, u64, u64)| Fault {
            sensor: *sensor,
            failure: *failure,
            from: minutes(*from),
            until: minutes(*until),
        };
        Setup {
            board: self.board,
            make,
            start: self.world(seed).around(At(0.0)).ambient,
            supply_max: self.supply_max,
            faults: self.faults.iter().map(fault).collect(),
            seed,
        }
    }

    /// What the supply may be asked for all the time.
    pub fn power_max(&self) -> Watts {
        self.supply_max.unwrap_or(self.board.supply_max())
    }

    /// Whether nothing changes but the air's wandering and the game.
    pub fn is_steady(&self) -> bool {
        let fan = match self.fan {
            Fan::Clean | Fan::Dusty(_) => true,
            Fan::StopsAfter(minutes) => minutes == 0.0,
        };
        let air = matches!((self.ambient, self.sun), (Ambient::Steady(_), Sun::None));
        let alone = matches!(self.neighbour, Neighbour::None);
        fan && air && alone && self.faults.is_empty()
    }

    /// Whether it is hot by physics: for at least half of the hours between the second and the
    /// last, the dearest point could not be kept up below the passive trip point, and the cheapest
    /// could.
    pub fn is_hot(&self, make: Make, seed: u64) -> bool {
        let world = self.world(seed);
        let hours = [1.2, 1.6, 2.0, 2.4, 2.8, 3.2, 3.6];
        let (passive, _) = self.board.trips();
        let settles_below = |hour: f64, point: usize| {
            let at = At(hour * 3_600.0);
            let drive = world.drive(at, point);
            let mut plant = make.plant(self.board, Celsius(60.0));
            settle(&mut *plant, &drive);
            plant.zones().junction() < passive
        };
        let top = world.offers.points.len() - 1;
        let hot = hours.iter().filter(|hour| !settles_below(**hour, top)).count();
        2 * hot > hours.len() && hours.iter().all(|hour| settles_below(*hour, 0))
    }
}

/// A scenario with its weather and what its board offers.
#[derive(Clone, Debug)]
pub struct World<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What the engine offers.
    pub offers: Offers,
    phases: [f64; 3],
}

impl World<'_> {
    /// What the box stands in.
    pub fn around(&self, at: At) -> Surroundings {
        let wave = |phase: usize, period: f64| {
            (at.0 * std::f64::consts::TAU / period + self.phases[phase]).sin()
        };
        let said = match self.scenario.ambient {
            Ambient::Steady(celsius) => celsius,
            Ambient::Ramp(from, to) => from + (to - from) * (at.0 / 10_800.0).min(1.0),
        };
        let airflow = match self.scenario.fan {
            Fan::Clean => Airflow::FREE,
            Fan::Dusty(left) => Airflow(left),
            Fan::StopsAfter(minutes) if at.0 >= 60.0 * minutes => Airflow::BLOCKED,
            Fan::StopsAfter(_) => Airflow::FREE,
        };
        let sun = match self.scenario.sun {
            Sun::None => 0.0,
            Sun::Clouds(watts) => {
                let clear = 0.6 + 0.5 * wave(1, 1_300.0) + 0.3 * wave(2, 410.0);
                watts * clear.clamp(0.0, 1.0)
            }
        };
        Surroundings {
            ambient: Celsius(said + WANDER * wave(0, WANDER_S)),
            sun: Watts(sun * self.scenario.board.scale()),
            airflow,
        }
    }

    /// What a neighbour leaves of the engine, and what it draws.
    pub fn neighbour(&self, at: At) -> (f64, Load) {
        match self.scenario.neighbour {
            Neighbour::Takes(share) if at.0 % 1_500.0 < 600.0 => {
                (1.0 - share, NEIGHBOUR.scaled(self.scenario.board.scale()))
            }
            Neighbour::Takes(_) | Neighbour::None => (1.0, Load::default()),
        }
    }

    /// What acts on the plant at a point, at full clock.
    pub fn drive(&self, at: At, point: usize) -> Drive {
        let (left, beside) = self.neighbour(at);
        let achieved = self.offers.points[point].achieved(Capacity { clock: 1.0, left });
        let load = self.offers.load(&achieved).plus(beside);
        Drive { load, around: self.around(at) }
    }
}
