//! Hardware monitors: `/sys/class/hwmon/hwmon*`, their temperatures, power rails, fans and the
//! counters of what the hardware throttled by itself.

mod fans;
mod rails;

use std::path::{Path, PathBuf};

use hal::sensors::Trips;

use crate::sysfs::{Attribute, channels, make_unique, numbered, text};
use crate::temperature::TemperatureSensor;
use crate::thermal::{is_radio, trip};

pub(crate) use fans::FanSensor;
pub(crate) use rails::Rail;

/// What `soctherm_oc`, the driver of Jetson Orin's over-current logic, counts under which number.
/// Source: "Jetson Orin … Series" of NVIDIA's Jetson Linux Developer Guide r36, and the counters
/// of `soctherm-oc-event` in NVIDIA's kernel.
const INTERVENTIONS: [(u32, &str); 3] =
    [(1, "under-voltage"), (2, "average over-current"), (3, "instantaneous over-current")];

/// Monitors whose every file is a command to a disk, which may be a minute about it: of NVMe disks
/// and of SATA disks.
const OF_DISKS: [&str; 2] = ["nvme", "drivetemp"];

/// A folder of one monitor, and its driver's name. Finding it asks no hardware.
pub(crate) struct Monitor {
    pub(crate) folder: PathBuf,
    pub(crate) chip: String,
}

impl Monitor {
    /// Whether reading it asks a disk.
    pub(crate) fn is_of_a_disk(&self) -> bool {
        OF_DISKS.contains(&self.chip.as_str())
    }

    pub(crate) fn temperatures(&self) -> Vec<TemperatureSensor> {
        temperatures_of(&self.folder, &self.chip)
    }
}

/// The monitors of a box below `root`.
pub(crate) fn monitors(root: &Path) -> Vec<Monitor> {
    let monitor = |folder: PathBuf| {
        let chip = text(&folder.join("name")).filter(|chip| !is_radio(chip))?;
        Some(Monitor { folder, chip })
    };
    numbered(&root.join("sys/class/hwmon"), "hwmon").into_iter().filter_map(monitor).collect()
}

/// What the monitors show.
#[derive(Default)]
pub(crate) struct Monitors {
    pub(crate) temperatures: Vec<TemperatureSensor>,
    pub(crate) rails: Vec<Rail>,
    pub(crate) fans: Vec<FanSensor>,
    pub(crate) throttles: Vec<ThrottleCounter>,
}

/// A counter of the hardware's own interventions.
pub(crate) struct ThrottleCounter {
    pub(crate) name: &'static str,
    pub(crate) events: Attribute,
}

/// What the monitors show that ask no disk.
pub(crate) fn discover(root: &Path) -> Monitors {
    let mut found = Monitors::default();
    for monitor in monitors(root).into_iter().filter(|monitor| !monitor.is_of_a_disk()) {
        let Monitor { folder, chip } = &monitor;
        found.temperatures.extend(monitor.temperatures());
        found.rails.extend(rails::of(folder, chip));
        found.fans.extend(fans::of(folder, chip));
        found.throttles.extend(throttles_of(folder, chip));
    }
    make_unique(found.rails.iter_mut().map(|rail| &mut rail.name));
    make_unique(found.fans.iter_mut().map(|fan| &mut fan.name));
    found
}

fn temperatures_of(monitor: &Path, chip: &str) -> Vec<TemperatureSensor> {
    let sensor = |channel: &u32| {
        let attribute = |what: &str| Attribute::new(monitor.join(format!("temp{channel}_{what}")));
        let label = text(&monitor.join(format!("temp{channel}_label")));
        let label = label.unwrap_or_else(|| format!("temp{channel}"));
        let critical = trip(&attribute("crit")).or_else(|| trip(&attribute("emergency")));
        let trips = Trips { passive: None, hot: trip(&attribute("max")), critical };
        let fault = Some(attribute("fault")).filter(Attribute::is_there);
        TemperatureSensor {
            name: format!("{chip} {label}"),
            value: attribute("input"),
            fault,
            trips,
        }
    };
    channels(monitor, "temp", "input").iter().map(sensor).collect()
}

fn throttles_of(monitor: &Path, chip: &str) -> Vec<ThrottleCounter> {
    if chip != "soctherm_oc" {
        return Vec::new();
    }
    let counter = |(number, name): (u32, &'static str)| {
        let events = Attribute::new(monitor.join(format!("oc{number}_event_cnt")));
        events.is_there().then_some(ThrottleCounter { name, events })
    };
    INTERVENTIONS.into_iter().filter_map(counter).collect()
}
