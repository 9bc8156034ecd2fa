//! Temperatures, power, fans, wear of disks, load, pressure and memory, from sysfs, procfs and,
//! where the kernel does not show it, from a disk's log page and NVIDIA's management library; and
//! what waits in a connection and how much room a disk has.
//!
//! Finds at start what the box has and reads it when asked. What a box does not have is reported
//! by [`discover`]; nothing is ever invented for it. Knows no limits, no boards and no policy:
//! trip points are handed on as the kernel states them. Every path counts from a root, so that
//! tests use a tree of their own.

mod aside;
mod disks;
mod hwmon;
mod line;
mod load;
mod nvml;
mod powercap;
mod pressure;
mod room;
mod stillness;
mod sysfs;
mod temperature;
mod thermal;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use hal::sensors::{Condition, Power, Readings, Sensors, Throttle};
use wire::time::Monotonic;
use wire::units::Millicelsius;

pub use aside::{Aside, Starting};
pub use disks::{Disks, LogPage, keep_log_pages};
pub use line::unacknowledged;
pub use nvml::{LIBRARY as NVML_LIBRARY, Missing, Nvml};
pub use room::free_bytes;

use aside::FIRST_MAX;
use hwmon::{FanSensor, Rail, ThrottleCounter};
use load::Load;
use powercap::Energy;
use pressure::{Group, Stalls};
use stillness::Stillness;
use temperature::{DiskTemperatures, TemperatureSensor};

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

/// Every sensor of a box. Each driver is asked aside, so that one which hangs, and be it a file of
/// the kernel's, silences its own sensors and no others.
pub struct BoxSensors {
    drivers: Vec<Aside>,
    stillness: Stillness,
    now: Now,
}

/// Looks for everything, once. A sensor that vanishes later keeps its place, with `None` as its
/// value.
pub fn discover(places: &Places, now: &Now) -> (BoxSensors, Vec<Absent>) {
    let began = now();
    let started = start_all(places, now);
    let (mut drivers, mut absent) = (Vec::new(), Vec::new());
    for driver in started {
        let patience = FIRST_MAX.saturating_sub(now().since(began));
        let (driver, refused) = driver.wait(patience);
        drivers.extend(driver);
        absent.extend(refused);
    }
    // What a disk or a GPU measures is measured.
    let has_temperature = drivers.iter().any(|driver| !driver.newest().temperatures.is_empty());
    let has_power = drivers.iter().any(|driver| !driver.newest().power.is_empty());
    absent.retain(|absent| match absent.what {
        "temperature" => !has_temperature,
        "power" => !has_power,
        _ => true,
    });
    let (stillness, now) = (Stillness::default(), Arc::clone(now));
    (BoxSensors { drivers, stillness, now }, absent)
}

/// Starts every driver, each on its own thread.
fn start_all(places: &Places, now: &Now) -> Vec<Opening> {
    let (root, clock) = (places.root.clone(), Arc::clone(now));
    let mut started = vec![Opening::start("sysfs", "what sysfs shows", move || {
        let (sysfs, absent) = SysfsSensors::discover(&root, clock);
        (Some(Box::new(sysfs)), absent)
    })];
    let of_disks = hwmon::monitors(&places.root).into_iter().filter(hwmon::Monitor::is_of_a_disk);
    started.extend(of_disks.map(|monitor| {
        let folder = monitor.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = format!("{} {folder}", monitor.chip);
        Opening::start(&name, "temperature of a disk", move || {
            let temperatures = DiskTemperatures::of(&monitor);
            (temperatures.map(|found| Box::new(found) as Box<dyn Sensors>), Vec::new())
        })
    }));
    let (root, clock) = (places.root.clone(), Arc::clone(now));
    started.push(Opening::start("disks", "disk wear", move || {
        let (disks, absent) = Disks::discover(&root, clock);
        (Some(Box::new(disks)), absent)
    }));
    started.extend(places.nvml.clone().map(|library| {
        Opening::start("nvml", "NVIDIA GPU", move || match Nvml::open(&library) {
            Ok(nvml) => (Some(Box::new(nvml)), Vec::new()),
            Err(missing) => (None, vec![Absent { what: "NVIDIA GPU", why: missing.to_string() }]),
        })
    }));
    started
}

/// A driver that is being opened, on the thread that reads it, since opening may take its time
/// too.
struct Opening {
    what: &'static str,
    started: io::Result<Starting>,
    told: Receiver<Vec<Absent>>,
}

/// A driver to be read aside, if there is one, and what it does not measure.
type Opened = (Option<Box<dyn Sensors>>, Vec<Absent>);

impl Opening {
    fn start(
        name: &str,
        what: &'static str,
        open: impl FnOnce() -> Opened + Send + 'static,
    ) -> Self {
        let (tell, told) = sync_channel(1);
        let started = Aside::start(name, move || {
            let (driver, absent) = open();
            // There is room, and whoever no longer listens does not want to know.
            let _ = tell.try_send(absent);
            driver
        });
        Self { what, started, told }
    }

    fn wait(self, patience: Duration) -> (Option<Aside>, Vec<Absent>) {
        let opened = self.started.and_then(|starting| starting.wait(patience));
        let absent: Vec<Absent> = self.told.try_iter().flatten().collect();
        match opened {
            Ok(driver) => (driver, absent),
            Err(error) => (None, vec![Absent { what: self.what, why: error.to_string() }]),
        }
    }
}

impl Sensors for BoxSensors {
    fn read(&mut self) -> Readings {
        let readings = self.drivers.iter_mut().map(Sensors::read);
        let mut readings = readings.fold(Readings::default(), Readings::and);
        // Two disks of a kind have one name.
        sysfs::make_unique(readings.temperatures.iter_mut().map(|sensor| &mut sensor.name));
        let values: Vec<Option<Millicelsius>> =
            readings.temperatures.iter().map(|sensor| sensor.value).collect();
        let frozen = self.stillness.frozen((self.now)(), &values);
        let frozen = readings.temperatures.iter_mut().zip(frozen).filter(|(_, frozen)| *frozen);
        frozen.for_each(|(sensor, _)| sensor.condition = Condition::Frozen);
        readings
    }
}

/// What sysfs and procfs show, found once; but what asks a disk.
pub struct SysfsSensors {
    temperatures: Vec<TemperatureSensor>,
    rails: Vec<Rail>,
    energies: Vec<Energy>,
    fans: Vec<FanSensor>,
    throttles: Vec<ThrottleCounter>,
    load: Load,
    stalls: Stalls,
    group: Group,
    now: Now,
}

impl SysfsSensors {
    /// Looks what there is below `root`, which is `/` except in tests.
    pub fn discover(root: &Path, now: Now) -> (Self, Vec<Absent>) {
        let mut absent = Vec::new();
        let monitors = hwmon::discover(root);
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
        let (stalls, refused) = Stalls::discover(root);
        absent.extend(refused);
        let (group, refused) = Group::discover(root);
        absent.extend(refused);
        let fans = monitors.fans;
        let found =
            Self { temperatures, rails, energies, fans, throttles, load, stalls, group, now };
        (found, absent)
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
            temperatures: self.temperatures.iter().map(TemperatureSensor::read).collect(),
            power,
            fans: self.fans.iter().map(FanSensor::read).collect(),
            throttles: self.throttles.iter().map(throttle).collect(),
            wear: Vec::new(),
            cpu: load.cpu,
            memory_total_bytes: load.memory_total_bytes,
            memory_available_bytes: load.memory_available_bytes,
            memory_resident_bytes: load.memory_resident_bytes,
            pressure: self.stalls.read(),
            group_memory: self.group.read(),
        }
    }
}
