//! Power rails of a hardware monitor: power where it measures that, else tension times current,
//! and the alarm that it raises by itself.

use std::path::Path;

use hal::sensors::{Alarm, Power};
use wire::units::{Milliamperes, Millivolts, Milliwatts};

use crate::sysfs::{Attribute, channels, text};

/// How boards label an input of the monitor to which nothing is connected.
const NOT_CONNECTED: &str = "NC";

/// A power rail.
pub(crate) struct Rail {
    pub(crate) name: String,
    /// `power*_input` or `power*_average`, in µW; without it power is the product of the two
    /// below.
    microwatts: Option<Attribute>,
    /// `in*_input`, in mV.
    millivolts: Option<Attribute>,
    /// The current and its limits.
    current: Option<Current>,
}

/// `curr*_input` in mA, and what the monitor compares it with.
struct Current {
    milliamperes: Attribute,
    /// Against the mean: `curr*_max` and its alarm.
    high: (Attribute, Attribute),
    /// Against every measurement: `curr*_crit` and its alarm.
    critical: (Attribute, Attribute),
}

impl Rail {
    /// The rail now; values are `None` where the monitor has no reading.
    pub(crate) fn read(&self) -> Power {
        let tension = self.millivolts.as_ref().and_then(Attribute::unsigned);
        let current = self.current.as_ref().and_then(|current| current.milliamperes.number());
        // A current that flows back is measurement noise of an idle rail and counts as none.
        let microwatts = match &self.microwatts {
            Some(power) => power.number(),
            None => tension
                .zip(current)
                .and_then(|(volts, amperes)| i64::try_from(volts).ok()?.checked_mul(amperes)),
        };
        let milliwatts = microwatts.and_then(|power| u32::try_from(power.max(0) / 1_000).ok());
        Power {
            name: self.name.clone(),
            value: milliwatts.map(Milliwatts),
            tension: tension.and_then(|volts| u32::try_from(volts).ok()).map(Millivolts),
            current: current.and_then(|amperes| i32::try_from(amperes).ok()).map(Milliamperes),
            current_max: self.current.as_ref().and_then(Current::limit),
            alarm: self.current.as_ref().and_then(Current::alarm),
        }
    }
}

impl Current {
    fn of(monitor: &Path, channel: u32) -> Self {
        let attribute = |what: &str| Attribute::new(monitor.join(format!("curr{channel}_{what}")));
        Self {
            milliamperes: attribute("input"),
            high: (attribute("max"), attribute("max_alarm")),
            critical: (attribute("crit"), attribute("crit_alarm")),
        }
    }

    /// The lower of the limits that are set: drivers leave the others at zero.
    fn limit(&self) -> Option<Milliamperes> {
        let limits = [self.high.0.number(), self.critical.0.number()];
        let set = limits.into_iter().flatten().filter_map(|limit| i32::try_from(limit).ok());
        set.filter(|limit| *limit > 0).min().map(Milliamperes)
    }

    fn alarm(&self) -> Option<Alarm> {
        match (self.critical.1.is_set(), self.high.1.is_set()) {
            (Some(true), _) => Some(Alarm::Critical),
            (_, Some(true)) => Some(Alarm::High),
            (None, None) => None,
            (Some(false), Some(false) | None) | (None, Some(false)) => Some(Alarm::Quiet),
        }
    }
}

pub(super) fn of(monitor: &Path, chip: &str) -> Vec<Rail> {
    let mut powers: Vec<(u32, &str)> = Vec::new();
    for what in ["input", "average"] {
        for channel in channels(monitor, "power", what) {
            if powers.iter().all(|(known, _)| *known != channel) {
                powers.push((channel, what));
            }
        }
    }
    powers.sort_unstable();
    if !powers.is_empty() {
        return powers.iter().map(|power| measured(monitor, chip, *power)).collect();
    }
    // Only of this chip is it known that tension and current of one number belong together.
    if chip != "ina3221" {
        return Vec::new();
    }
    let currents = channels(monitor, "curr", "input");
    let tensions = channels(monitor, "in", "input");
    let both = tensions.into_iter().filter(|channel| currents.contains(channel));
    both.filter_map(|channel| product(monitor, channel)).collect()
}

/// A rail whose power is measured as such.
fn measured(monitor: &Path, chip: &str, (channel, what): (u32, &str)) -> Rail {
    let label = text(&monitor.join(format!("power{channel}_label")));
    // The family of the INA2xx numbers bus tension, current and power of its one rail alike.
    let one_rail = chip.starts_with("ina2");
    let attribute = |name: String| Attribute::new(monitor.join(name));
    Rail {
        name: label.unwrap_or_else(|| format!("{chip} power{channel}")),
        microwatts: Some(attribute(format!("power{channel}_{what}"))),
        millivolts: one_rail.then(|| attribute(format!("in{channel}_input"))),
        current: one_rail.then(|| Current::of(monitor, channel)),
    }
}

/// A rail of an INA3221; `None` where nothing is connected.
fn product(monitor: &Path, channel: u32) -> Option<Rail> {
    let label = text(&monitor.join(format!("in{channel}_label")));
    if label.as_deref() == Some(NOT_CONNECTED) {
        return None;
    }
    Some(Rail {
        name: label.unwrap_or_else(|| format!("ina3221 channel{channel}")),
        microwatts: None,
        millivolts: Some(Attribute::new(monitor.join(format!("in{channel}_input")))),
        current: Some(Current::of(monitor, channel)),
    })
}
