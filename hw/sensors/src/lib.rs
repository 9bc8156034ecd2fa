//! Temperatures, power, fans, wear of disks, load and memory, from sysfs, procfs and, where the
//! kernel does not show it, from a disk's log page and NVIDIA's management library.
//!
//! Finds at start what the box has and reads it when asked. What a box does not have is reported
//! by [`discover`]; nothing is ever invented for it. Knows no limits, no boards and no policy:
//! trip points are handed on as the kernel states them. Every path counts from a root, so that
//! tests use a tree of their own.

mod aside;
mod disks;
mod hwmon;
mod load;
mod nvml;
mod powercap;
mod stillness;
mod sysfs;
mod thermal;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use hal::sensors::{Condition, Power, Readings, Sensors, Temperature, Throttle};
use wire::time::Monotonic;
use wire::units::Millicelsius;

pub use aside::Aside;
pub use disks::{Disks, LogPage, keep_log_pages};
pub use nvml::{LIBRARY as NVML_LIBRARY, Missing, Nvml};

use hwmon::{FanSensor, Rail, ThrottleCounter};
use load::Load;
use powercap::Energy;
use stillness::Stillness;
use sysfs::Attribute;

/// The box's monotonic clock: power is energy divided by the time between two readings.
pub type Now = Arc<dyn Fn() -> Monotonic + Send + Sync>;

/// Where sensors are looked for.
#[derive(Clone, Debug)]
pub struct Places {
    /// The root folder, `/` on a box.
    pub root: PathBuf,
    /// NVIDIA's management library; `None`: not looked for.
    pub nvml: Option<OsString>,
}

impl Places {
    /// Those of the box that this runs on.
    pub fn of_this_box() -> Self {
        Self { root: PathBuf::from("/"), nvml: Some(NVML_LIBRARY.into()) }
    }
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

/// Every sensor of a box: those of sysfs, and disks and GPUs, which are asked aside.
pub struct BoxSensors {
    sysfs: SysfsSensors,
    aside: Vec<Aside>,
}

/// Looks for everything, once. A sensor that vanishes later keeps its place, with `None` as its
/// value.
pub fn discover(places: &Places, now: &Now) -> (BoxSensors, Vec<Absent>) {
    let (sysfs, mut absent) = SysfsSensors::discover(&places.root, Arc::clone(now));
    let (root, clock) = (places.root.clone(), Arc::clone(now));
    let disks = ask_aside("disks", "disk wear", move || {
        let (disks, absent) = Disks::discover(&root, clock);
        (Some(Box::new(disks)), absent)
    });
    let nvml = places.nvml.clone().map(|library| {
        ask_aside("nvml", "NVIDIA GPU", move || match Nvml::open(&library) {
            Ok(nvml) => (Some(Box::new(nvml)), Vec::new()),
            Err(missing) => (None, vec![Absent { what: "NVIDIA GPU", why: missing.to_string() }]),
        })
    });
    let mut aside = Vec::new();
    for (driver, refused) in std::iter::once(disks).chain(nvml) {
        aside.extend(driver);
        absent.extend(refused);
    }
    let seen = aside.iter_mut().map(Sensors::read).fold(Readings::default(), Readings::and);
    // What a GPU measures is measured.
    absent.retain(|absent| match absent.what {
        "temperature" => seen.temperatures.is_empty(),
        "power" => seen.power.is_empty(),
        _ => true,
    });
    (BoxSensors { sysfs, aside }, absent)
}

/// A driver to be read aside, if there is one, and what it does not measure.
type Opened = (Option<Box<dyn Sensors>>, Vec<Absent>);

/// Opens a driver on the thread that reads it, since opening may take its time too.
fn ask_aside(
    name: &str,
    what: &'static str,
    open: impl FnOnce() -> Opened + Send + 'static,
) -> (Option<Aside>, Vec<Absent>) {
    let (tell, told) = sync_channel(1);
    let started = Aside::start(name, move || {
        let (driver, absent) = open();
        // There is room, and whoever no longer listens does not want to know.
        let _ = tell.try_send(absent);
        driver
    });
    let absent: Vec<Absent> = told.try_iter().flatten().collect();
    match started {
        Ok(driver) => (driver, absent),
        Err(error) => (None, vec![Absent { what, why: error.to_string() }]),
    }
}

impl Sensors for BoxSensors {
    fn read(&mut self) -> Readings {
        let sysfs = self.sysfs.read();
        self.aside.iter_mut().map(Sensors::read).fold(sysfs, Readings::and)
    }
}

/// What sysfs and procfs show, found once.
pub struct SysfsSensors {
    temperatures: Vec<TemperatureSensor>,
    stillness: Stillness,
    rails: Vec<Rail>,
    energies: Vec<Energy>,
    fans: Vec<FanSensor>,
    throttles: Vec<ThrottleCounter>,
    load: Load,
    now: Now,
}

/// One temperature and where it is read.
struct TemperatureSensor {
    name: String,
    value: Attribute,
    /// What its driver says of it.
    fault: Option<Attribute>,
    trips: hal::sensors::Trips,
}

impl TemperatureSensor {
    fn is_faulty(&self) -> bool {
        self.fault.as_ref().and_then(Attribute::is_set) == Some(true)
    }
}

impl SysfsSensors {
    /// Looks what there is below `root`, which is `/` except in tests.
    pub fn discover(root: &Path, now: Now) -> (Self, Vec<Absent>) {
        let mut absent = Vec::new();
        let monitors = hwmon::discover(&root.join("sys/class/hwmon"));
        let mut temperatures = thermal::discover(&root.join("sys/class/thermal"));
        temperatures.extend(monitors.temperatures);
        sysfs::make_unique(temperatures.iter_mut().map(|sensor| &mut sensor.name));
        if temperatures.is_empty() {
            let why = "the kernel shows no thermal zone and no hardware monitor here; on a box \
                       of its own, check that their drivers are loaded"
                .into();
            absent.push(Absent { what: "temperature", why });
        }
        let (energies, refused) = powercap::discover(&root.join("sys/class/powercap"));
        absent.extend(refused);
        let rails = monitors.rails;
        if rails.is_empty() && energies.is_empty() && absent.iter().all(|a| a.what != "power") {
            let why = "the kernel shows no power monitor (hwmon) and no energy counter \
                       (powercap) here"
                .into();
            absent.push(Absent { what: "power", why });
        }
        let mut throttles = monitors.throttles;
        throttles.extend(load::throttles(root));
        let (load, refused) = Load::open();
        absent.extend(refused);
        let (stillness, fans) = (Stillness::default(), monitors.fans);
        let found = Self { temperatures, stillness, rails, energies, fans, throttles, load, now };
        (found, absent)
    }

    fn temperatures(&mut self, now: Monotonic) -> Vec<Temperature> {
        let faulty: Vec<bool> =
            self.temperatures.iter().map(TemperatureSensor::is_faulty).collect();
        let value = |(sensor, faulty): (&TemperatureSensor, &bool)| {
            if *faulty { None } else { sensor.value.millicelsius() }
        };
        let values: Vec<Option<Millicelsius>> =
            self.temperatures.iter().zip(&faulty).map(value).collect();
        let frozen = self.stillness.frozen(now, &values);
        let told = |((sensor, value), (faulty, frozen))| {
            let sensor: &TemperatureSensor = sensor;
            let condition = match (faulty, frozen) {
                (true, _) => Condition::Faulty,
                (false, true) => Condition::Frozen,
                (false, false) => Condition::Unremarkable,
            };
            Temperature { name: sensor.name.clone(), value, condition, trips: sensor.trips }
        };
        let known = faulty.into_iter().zip(frozen);
        self.temperatures.iter().zip(values).zip(known).map(told).collect()
    }
}

impl Sensors for SysfsSensors {
    fn read(&mut self) -> Readings {
        let now = (self.now)();
        let energy = |energy: &mut Energy| Power {
            name: energy.name.clone(),
            value: energy.read(now),
            ..Power::default()
        };
        let throttle = |counter: &ThrottleCounter| Throttle {
            name: counter.name.to_owned(),
            events: counter.events.unsigned(),
        };
        let mut power: Vec<Power> = self.rails.iter().map(Rail::read).collect();
        power.extend(self.energies.iter_mut().map(energy));
        let load = self.load.read();
        Readings {
            temperatures: self.temperatures(now),
            power,
            fans: self.fans.iter().map(FanSensor::read).collect(),
            throttles: self.throttles.iter().map(throttle).collect(),
            wear: Vec::new(),
            cpu: load.cpu,
            memory_available_bytes: load.memory_available_bytes,
            memory_resident_bytes: load.memory_resident_bytes,
        }
    }
}
