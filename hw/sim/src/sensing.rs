//! What the sensors say: in steps of half a degree, with noise, once a second, and sometimes
//! nothing or the same for ever.

use std::time::Duration;

use hal::sensors::{Alarm, Condition, Fan, Power, Readings, Temperature, Throttle, Trips};
use wire::units::{Millicelsius, Milliwatts, Permille};

use crate::board::Board;
use crate::plant::Zones;
use crate::quantity::{Celsius, Watts};
use crate::seeded::Seeded;

/// Time between two readings.
pub const PERIOD: Duration = Duration::from_secs(1);
/// Steps of a reading, in °C.
const STEP: f64 = 0.5;
/// Deviation of the noise, in °C (assumed).
const NOISE: f64 = 0.2;
/// Deviation of the noise of the input's power, as a share (assumed).
const POWER_NOISE: f64 = 0.01;

/// A sensor of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensor {
    /// Of the processor cores.
    Cpu,
    /// Of the graphics cores.
    Gpu,
    /// The highest of the chip's others, also of what they say wrongly.
    Junction,
    /// Of the disk.
    Disk,
}

impl Sensor {
    /// All of them, in the order of a reading.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Gpu, Self::Junction, Self::Disk];

    /// Its name on a Jetson; a PC's sensors are called alike here.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu-thermal",
            Self::Gpu => "gpu-thermal",
            Self::Junction => "tj-thermal",
            Self::Disk => "nvme Composite",
        }
    }

    /// Its trip points on a board.
    pub fn trips(self, board: Board) -> Trips {
        match self {
            Self::Cpu | Self::Gpu | Self::Junction => {
                let (passive, critical) = board.trips();
                let trip = |at: Celsius| Some(at.as_millicelsius());
                Trips { passive: trip(passive), hot: None, critical: trip(critical) }
            }
            // Usual of NVMe disks.
            Self::Disk => Trips {
                passive: None,
                hot: Some(Millicelsius(81_850)),
                critical: Some(Millicelsius(84_850)),
            },
        }
    }
}

/// How a sensor fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not answer.
    Lost,
    /// It says for ever what it said last.
    Stuck,
}

/// A failure of one sensor for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub sensor: Sensor,
    /// How.
    pub failure: Failure,
    /// From when, since the start.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

/// One reading of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Temperatures, in the order of [`Sensor::ALL`].
    pub temperatures: [Option<Millicelsius>; 4],
    /// What the box draws.
    pub input: Option<Milliwatts>,
    /// Over-current alarms since the start.
    pub alarms: u32,
    /// How hard the fan is driven.
    pub fan: Permille,
}

impl Snapshot {
    /// The same as a driver of this box's sensors would hand it on.
    pub fn readings(&self, board: Board) -> Readings {
        let temperatures = Sensor::ALL.iter().zip(self.temperatures);
        let temperature = |(sensor, value): (&Sensor, Option<Millicelsius>)| Temperature {
            name: sensor.name().to_owned(),
            value,
            condition: Condition::Unremarkable,
            trips: sensor.trips(board),
        };
        let name = "VDD_IN".to_owned();
        let power =
            Power { name, value: self.input, alarm: Some(Alarm::Quiet), ..Power::default() };
        let fan =
            Fan { name: "pwmfan pwm1".to_owned(), drive: Some(self.fan), ..Default::default() };
        let name = "average over-current".to_owned();
        Readings {
            temperatures: temperatures.map(temperature).collect(),
            power: vec![power],
            fans: vec![fan],
            throttles: vec![Throttle { name, events: Some(u64::from(self.alarms)) }],
            ..Readings::default()
        }
    }
}

/// What there is to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    pub(crate) zones: Zones,
    pub(crate) input: Watts,
    pub(crate) alarms: u32,
    pub(crate) fan: f64,
}

/// The sensors of a box.
#[derive(Clone, Debug)]
pub(crate) struct Sensing {
    faults: Vec<Fault>,
    chance: Seeded,
    until_reading: Duration,
    last: Snapshot,
}

impl Sensing {
    pub(crate) fn new(seed: u64, faults: Vec<Fault>) -> Self {
        let chance = Seeded::new(seed, 0x5e45);
        Self { faults, chance, until_reading: Duration::ZERO, last: Snapshot::default() }
    }

    /// Lets time pass; `now` is the time since the start.
    pub(crate) fn step(&mut self, now: Duration, dt: Duration, truth: &Truth) {
        self.until_reading = self.until_reading.saturating_sub(dt);
        if !self.until_reading.is_zero() {
            return;
        }
        self.until_reading = PERIOD;
        let cpu = self.told(now, Sensor::Cpu, truth.zones.cpu);
        let gpu = self.told(now, Sensor::Gpu, truth.zones.gpu);
        let junction = match cpu.max(gpu) {
            Some(highest) => self.failed(now, Sensor::Junction).unwrap_or(Some(highest)),
            None => None,
        };
        let disk = self.told(now, Sensor::Disk, truth.zones.disk);
        let input = truth.input * (1.0 + POWER_NOISE * self.chance.bell());
        self.last = Snapshot {
            temperatures: [cpu, gpu, junction, disk],
            input: Some(input.as_milliwatts()),
            alarms: truth.alarms,
            fan: Permille::from_share(truth.fan as f32),
        };
    }

    pub(crate) fn last(&self) -> Snapshot {
        self.last
    }

    fn told(&mut self, now: Duration, sensor: Sensor, truth: Celsius) -> Option<Millicelsius> {
        let noisy = truth.0 + NOISE * self.chance.bell();
        let stepped = Celsius((noisy / STEP).round() * STEP).as_millicelsius();
        self.failed(now, sensor).unwrap_or(Some(stepped))
    }

    /// What a sensor says that has failed; `None` if it has not.
    fn failed(&self, now: Duration, sensor: Sensor) -> Option<Option<Millicelsius>> {
        let of =
            |fault: &&Fault| fault.sensor == sensor && (fault.from..fault.until).contains(&now);
        self.faults.iter().find(of).map(|fault| match fault.failure {
            Failure::Lost => None,
            Failure::Stuck => self.last.temperatures[sensor as usize],
        })
    }
}
