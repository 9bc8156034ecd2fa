//! Hardware monitors: `/sys/class/hwmon/hwmon*`, their temperatures and power rails.

use std::path::Path;

use hal::sensors::Trips;
use wire::units::Milliwatts;

use crate::TemperatureSensor;
use crate::sysfs::{Attribute, channels, make_unique, numbered, text};
use crate::thermal::{is_radio, trip};

/// A power rail.
pub(crate) struct Rail {
    pub(crate) name: String,
    source: Source,
}

/// How a monitor shows a rail's power.
enum Source {
    /// `power*_input` or `power*_average`, in µW.
    Power(Attribute),
    /// `in*_input` in mV and `curr*_input` in mA of the same channel, as the INA3221 of Jetson
    /// boards has them.
    Product { millivolts: Attribute, milliamperes: Attribute },
}

impl Rail {
    /// The power now; `None` when the monitor has no reading. A current that flows back is
    /// measurement noise of an idle rail and counts as none.
    pub(crate) fn read(&self) -> Option<Milliwatts> {
        let microwatts = match &self.source {
            Source::Power(power) => power.number()?,
            Source::Product { millivolts, milliamperes } => {
                millivolts.number()?.checked_mul(milliamperes.number()?)?
            }
        };
        u32::try_from(microwatts.max(0) / 1_000).ok().map(Milliwatts)
    }
}

pub(crate) fn discover(folder: &Path) -> (Vec<TemperatureSensor>, Vec<Rail>) {
    let (mut temperatures, mut rails) = (Vec::new(), Vec::new());
    for monitor in numbered(folder, "hwmon") {
        let Some(chip) = text(&monitor.join("name")).filter(|chip| !is_radio(chip)) else {
            continue;
        };
        temperatures.extend(temperatures_of(&monitor, &chip));
        rails.extend(rails_of(&monitor, &chip));
    }
    make_unique(rails.iter_mut().map(|rail| &mut rail.name));
    (temperatures, rails)
}

fn temperatures_of(monitor: &Path, chip: &str) -> Vec<TemperatureSensor> {
    let sensor = |channel: &u32| {
        let attribute = |what: &str| Attribute::new(monitor.join(format!("temp{channel}_{what}")));
        let label = text(&monitor.join(format!("temp{channel}_label")));
        let label = label.unwrap_or_else(|| format!("temp{channel}"));
        let critical = trip(&attribute("crit")).or_else(|| trip(&attribute("emergency")));
        let trips = Trips { passive: None, hot: trip(&attribute("max")), critical };
        TemperatureSensor { name: format!("{chip} {label}"), value: attribute("input"), trips }
    };
    channels(monitor, "temp", "input").iter().map(sensor).collect()
}

fn rails_of(monitor: &Path, chip: &str) -> Vec<Rail> {
    let mut rails = Vec::new();
    let mut powers: Vec<(u32, &str)> = Vec::new();
    for what in ["input", "average"] {
        for channel in channels(monitor, "power", what) {
            if powers.iter().all(|(known, _)| *known != channel) {
                powers.push((channel, what));
            }
        }
    }
    powers.sort_unstable();
    for (channel, what) in &powers {
        let label = text(&monitor.join(format!("power{channel}_label")));
        let name = label.unwrap_or_else(|| format!("{chip} power{channel}"));
        let path = monitor.join(format!("power{channel}_{what}"));
        rails.push(Rail { name, source: Source::Power(Attribute::new(path)) });
    }
    // Only of this chip is it known that voltage and current of one number belong together.
    if !powers.is_empty() || chip != "ina3221" {
        return rails;
    }
    let currents = channels(monitor, "curr", "input");
    for channel in channels(monitor, "in", "input") {
        if !currents.contains(&channel) {
            continue;
        }
        let label = text(&monitor.join(format!("in{channel}_label")));
        let name = label.unwrap_or_else(|| format!("{chip} channel{channel}"));
        let attribute = |kind: &str| Attribute::new(monitor.join(format!("{kind}{channel}_input")));
        let (millivolts, milliamperes) = (attribute("in"), attribute("curr"));
        rails.push(Rail { name, source: Source::Product { millivolts, milliamperes } });
    }
    rails
}
