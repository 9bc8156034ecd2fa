//! The black box: what the box felt and did in the two minutes before it had to be powered off.
//!
//! Owns the memory and the file `blackbox.json` in the data folder. The newest one replaces the one
//! before. Keys of the file are only ever added.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use governor::OperatingPoint;
use governor::reason::Mode;
use hal::sensors::Readings;
use serde_json::{Value, json};
use wire::time::WallTime;
use wire::units::Permille;

use crate::durable;
use crate::hardware::figures;

/// Name of the file in the data folder.
pub const FILE: &str = "blackbox.json";
/// Seconds that are remembered, a moment each.
const MOMENTS_MAX: usize = 120;

/// One second of the box.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub wall: WallTime,
    /// What it felt.
    pub readings: Readings,
    /// The governor's state.
    pub mode: Mode,
    /// What the engine was asked to do.
    pub point: OperatingPoint,
    /// How busy the engine was.
    pub load: Permille,
}

/// The last two minutes.
#[derive(Debug, Default)]
pub struct BlackBox {
    moments: VecDeque<Moment>,
}

impl BlackBox {
    /// Remembers a second; the oldest one too many is forgotten.
    pub fn note(&mut self, moment: Moment) {
        if self.moments.len() == MOMENTS_MAX {
            self.moments.pop_front();
        }
        self.moments.push_back(moment);
    }

    /// Keeps what is remembered, so that it is there after the power is gone.
    ///
    /// # Errors
    /// What the system said; the file before is there still.
    pub fn keep(&self, data_dir: &Path, (now, reason): (WallTime, &str)) -> io::Result<()> {
        let told = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "at_us": now.0,
            "reason": reason,
            "moments": self.moments.iter().map(told).collect::<Vec<_>>(),
        });
        durable::replace(&data_dir.join(FILE), format!("{told:#}\n").as_bytes())
    }
}

fn told(moment: &Moment) -> Value {
    let Moment { wall, readings, mode, point, load } = moment;
    json!({
        "at_us": wall.0,
        "mode": mode.to_string(),
        "operating_point": point.to_string(),
        "engine_load_permille": load.0,
        "temperatures_millicelsius": figures::temperatures(readings),
        "power_milliwatts": figures::power(readings),
        "fans": figures::fans(readings),
        "hardware_throttles_total": figures::throttles(readings),
        "cpu_permille": readings.cpu.map(|share| share.0),
        "pressure_permille": figures::pressure(readings),
        "memory_available_bytes": readings.memory_available_bytes,
    })
}

#[cfg(test)]
mod tests {
    use hal::sensors::{Condition, Temperature, Trips};
    use wire::units::Millicelsius;

    use super::*;

    fn moment(second: i64) -> Moment {
        let temperature = Temperature {
            name: "cpu".to_owned(),
            value: Some(Millicelsius(second as i32 * 100)),
            condition: Condition::Unremarkable,
            trips: Trips::default(),
        };
        Moment {
            wall: WallTime(1_000_000 * second),
            readings: Readings { temperatures: vec![temperature], ..Readings::default() },
            mode: Mode::Critical,
            point: OperatingPoint::SMALLEST,
            load: Permille(500),
        }
    }

    #[test]
    fn last_two_minutes_are_kept_with_the_reason_and_the_version() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut black_box = BlackBox::default();
        (0..300).for_each(|second| black_box.note(moment(second)));
        black_box.keep(folder.path(), (WallTime(300_000_000), "cpu is hot")).expect("writable");
        let text = std::fs::read_to_string(folder.path().join(FILE)).expect("it is there");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&told["reason"], &told["at_us"]), (&json!("cpu is hot"), &json!(300_000_000)));
        assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
        let moments = told["moments"].as_array().expect("a list");
        assert_eq!(moments.len(), 120);
        let first = &moments[0];
        assert_eq!(first["at_us"], 180_000_000);
        assert_eq!(first["temperatures_millicelsius"]["cpu"], 18_000);
        assert_eq!(first["operating_point"], OperatingPoint::SMALLEST.to_string());
        assert_eq!(first["mode"], "critical");
    }
}
