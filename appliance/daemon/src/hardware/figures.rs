//! What the sensors read, as JSON by the sensors' names: the same in telemetry, in `courtside
//! sensors --json` and in the black box. Keys are only ever added.

use hal::sensors::{Fan, GroupMemory, Power, Pressure, Readings, Temperature, Throttle, Wear};
use serde_json::{Value, json};
use wire::units::Permille;

use super::report::{condition, warning};

/// Temperatures by the sensors' names, in 1/1000 °C, for JSON.
pub fn temperatures(readings: &Readings) -> Value {
    let value = |t: &Temperature| (t.name.clone(), json!(t.value.map(|v| v.0)));
    readings.temperatures.iter().map(value).collect::<serde_json::Map<_, _>>().into()
}

/// Rails by name, in mW, for JSON.
pub fn power(readings: &Readings) -> Value {
    let value = |rail: &Power| (rail.name.clone(), json!(rail.value.map(|v| v.0)));
    readings.power.iter().map(value).collect::<serde_json::Map<_, _>>().into()
}

/// Fans by name, for JSON.
pub fn fans(readings: &Readings) -> Value {
    let fan = |fan: &Fan| {
        let told = json!({
            "rpm": fan.speed.map(|speed| speed.0),
            "driven_permille": fan.drive.map(|drive| drive.0),
            "condition": condition(fan.condition),
        });
        (fan.name.clone(), told)
    };
    readings.fans.iter().map(fan).collect::<serde_json::Map<_, _>>().into()
}

/// Counters of throttling by name, for JSON.
pub fn throttles(readings: &Readings) -> Value {
    let counter = |throttle: &Throttle| (throttle.name.clone(), json!(throttle.events));
    readings.throttles.iter().map(counter).collect::<serde_json::Map<_, _>>().into()
}

/// Disks by name, for JSON.
pub fn disks(readings: &Readings) -> Value {
    let disk = |disk: &Wear| {
        let told = json!({
            "used_percent": disk.used.map(|used| used.0),
            "spare_percent": disk.spare.map(|spare| spare.0),
            "warning": disk.warning.map(warning),
        });
        (disk.name.clone(), told)
    };
    readings.wear.iter().map(disk).collect::<serde_json::Map<_, _>>().into()
}

/// How much tasks wait, in permille of the last ten seconds, for JSON.
pub fn pressure(readings: &Readings) -> Value {
    let Pressure { cpu, memory, io } = readings.pressure;
    let share = |share: Option<Permille>| share.map(|share| share.0);
    json!({ "cpu": share(cpu), "memory": share(memory), "io": share(io) })
}

/// Memory of the control group in bytes, for JSON.
pub fn group_memory(readings: &Readings) -> Value {
    let GroupMemory { limit_bytes, used_bytes } = readings.group_memory;
    json!({ "limit": limit_bytes, "used": used_bytes })
}
