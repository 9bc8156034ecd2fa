//! Thermal zones: `/sys/class/thermal/thermal_zone*`.

use std::path::Path;

use hal::sensors::Trips;
use wire::units::Millicelsius;

use crate::sysfs::{Attribute, channels, numbered, text};
use crate::temperature::TemperatureSensor;

/// Radio modules have zones that answer only while the radio is on, and say nothing about the
/// box: a radio that is switched off must not look like a failed sensor.
const RADIOS: [&str; 6] = ["iwlwifi", "ath", "mt76", "mt79", "rtw", "phy"];

pub(crate) fn is_radio(name: &str) -> bool {
    RADIOS.iter().any(|radio| name.starts_with(radio))
}

pub(crate) fn discover(folder: &Path) -> Vec<TemperatureSensor> {
    let zone = |zone: &std::path::PathBuf| {
        let name = text(&zone.join("type"))?;
        let value = Attribute::new(zone.join("temp"));
        let sensor = TemperatureSensor { name, value, fault: None, trips: trips(zone) };
        (!is_radio(&sensor.name)).then_some(sensor)
    };
    numbered(folder, "thermal_zone").iter().filter_map(zone).collect()
}

/// The lowest trip point of each kind.
fn trips(zone: &Path) -> Trips {
    let mut trips = Trips::default();
    for channel in channels(zone, "trip_point_", "type") {
        let kind = text(&zone.join(format!("trip_point_{channel}_type")));
        let path = zone.join(format!("trip_point_{channel}_temp"));
        let Some(value) = trip(&Attribute::new(path)) else { continue };
        let place = match kind.as_deref() {
            Some("passive") => &mut trips.passive,
            Some("hot") => &mut trips.hot,
            Some("critical") => &mut trips.critical,
            // `active` starts a fan.
            Some(_) | None => continue,
        };
        *place = Some(place.map_or(value, |lowest| lowest.min(value)));
    }
    trips
}

/// A trip point that was set: drivers leave the others at zero, at absolute zero, or at the
/// largest number that their register holds.
pub(crate) fn trip(attribute: &Attribute) -> Option<Millicelsius> {
    attribute.millicelsius().filter(|value| (1..150_000).contains(&value.0))
}
