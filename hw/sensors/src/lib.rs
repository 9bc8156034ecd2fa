//! Temperatures, power, load and memory from sysfs and procfs.
//!
//! Finds at start what the box has and reads it when asked. What a box does not have is reported
//! by [`SysfsSensors::discover`]; nothing is ever invented for it. Knows no limits and no policy:
//! trip points are handed on as the kernel states them.
#![forbid(unsafe_code)]

mod hwmon;
mod load;
mod powercap;
mod sysfs;
mod thermal;

use std::fmt;
use std::path::Path;

use hal::sensors::{Power, Readings, Sensors, Temperature};
use wire::time::Monotonic;

use load::Load;
use powercap::Energy;
use sysfs::Attribute;

/// The sensors of one box, found once. A sensor that vanishes later keeps its place, with
/// `None` as its value.
pub struct SysfsSensors {
    temperatures: Vec<TemperatureSensor>,
    rails: Vec<hwmon::Rail>,
    energies: Vec<Energy>,
    load: Load,
    now: Box<dyn Fn() -> Monotonic + Send>,
}

/// Something that the box does not have or does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// What is missing: `temperature`, `power` …
    pub what: &'static str,
    /// Why, and what could be done.
    pub why: String,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not measured: {}", self.what, self.why)
    }
}

/// One temperature and where it is read.
struct TemperatureSensor {
    name: String,
    value: Attribute,
    trips: hal::sensors::Trips,
}

impl SysfsSensors {
    /// Looks what there is below `root`, which is `/` except in tests. `now` is the box's
    /// monotonic clock: power is energy divided by the time between two readings.
    pub fn discover(
        root: &Path,
        now: impl Fn() -> Monotonic + Send + 'static,
    ) -> (Self, Vec<Absent>) {
        let mut absent = Vec::new();
        let (hwmon_temperatures, rails) = hwmon::discover(&root.join("sys/class/hwmon"));
        let mut temperatures = thermal::discover(&root.join("sys/class/thermal"));
        temperatures.extend(hwmon_temperatures);
        sysfs::make_unique(temperatures.iter_mut().map(|sensor| &mut sensor.name));
        if temperatures.is_empty() {
            let why = "the kernel shows no thermal zone and no hardware monitor here; on a box \
                       of its own, check that their drivers are loaded"
                .into();
            absent.push(Absent { what: "temperature", why });
        }
        let (energies, refused) = powercap::discover(&root.join("sys/class/powercap"));
        absent.extend(refused);
        if rails.is_empty() && energies.is_empty() && absent.iter().all(|a| a.what != "power") {
            let why = "the kernel shows no power monitor (hwmon) and no energy counter \
                       (powercap) here"
                .into();
            absent.push(Absent { what: "power", why });
        }
        let (load, refused) = Load::open();
        absent.extend(refused);
        let now = Box::new(now);
        (Self { temperatures, rails, energies, load, now }, absent)
    }
}

impl Sensors for SysfsSensors {
    fn read(&mut self) -> Readings {
        let now = (self.now)();
        let temperature = |sensor: &TemperatureSensor| Temperature {
            name: sensor.name.clone(),
            value: sensor.value.millicelsius(),
            trips: sensor.trips,
        };
        let rail = |rail: &hwmon::Rail| Power { name: rail.name.clone(), value: rail.read() };
        let energy =
            |energy: &mut Energy| Power { name: energy.name.clone(), value: energy.read(now) };
        let mut power: Vec<Power> = self.rails.iter().map(rail).collect();
        power.extend(self.energies.iter_mut().map(energy));
        let load = self.load.read();
        Readings {
            temperatures: self.temperatures.iter().map(temperature).collect(),
            power,
            cpu: load.cpu,
            memory_available_bytes: load.memory_available_bytes,
            memory_resident_bytes: load.memory_resident_bytes,
        }
    }
}
