//! `courtside sensors`: what the box is and what it feels, as a table or as JSON.
//!
//! Owns the shape of both. Reads nothing itself.

use std::fmt::{self, Display};

use boards::{Detected, Driver, Fit, Missing};
use governor::Probe;
use governor::thermal::Limits;
use hal::sensors::{
    Alarm, Condition, Fan, GroupMemory, Power, Pressure, Readings, Temperature, Throttle, Trips,
    Warning, Wear,
};
use sensors::Absent;
use serde_json::{Value, json};
use wire::units::{Millicelsius, Percent, Permille};

use super::concerns::Watts;
use super::{figures, probes};

/// Everything that `courtside sensors` tells.
pub struct Report<'r> {
    /// Which board the box is.
    pub detected: &'r Detected,
    /// Which sensor is which.
    pub fit: &'r Fit,
    /// One reading.
    pub readings: &'r Readings,
    /// What is not measured.
    pub absent: &'r [Absent],
    /// What the board has and the box does not show.
    pub missing: &'r [Missing],
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { detected, readings, .. } = self;
        writeln!(f, "board    {detected}")?;
        if let Some(module) = &detected.module {
            let memory = module.memory_mib.map(|mib| format!("{} GiB of memory", mib / 1_024));
            let power = module.power.map(|power| format!("at most {}", Watts(power)));
            let known: Vec<String> = memory.into_iter().chain(power).collect();
            if !known.is_empty() {
                writeln!(f, "module   {}", known.join(", "))?;
            }
        }
        let drivers = |drivers: &[Driver]| {
            drivers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let board = &detected.board;
        writeln!(
            f,
            "codecs   such a board has {} to decode and {} to encode; what is used, telemetry tells",
            drivers(&board.decoders),
            drivers(&board.encoders)
        )?;
        table(
            f,
            "temperature|part|reads|throttles at|near its limit|shuts down|limits from|",
            self.temperatures(),
        )?;
        if !readings.temperatures.is_empty() {
            writeln!(
                f,
                "The governor acts at these limits, before the kernel and the hardware do."
            )?;
        }
        table(f, "power rail|part|uses|tension|current|at most|alarm", self.rails())?;
        table(f, "fan|turns|driven|", readings.fans.iter().map(fan))?;
        table(f, "throttled by the hardware|times", readings.throttles.iter().map(throttle))?;
        table(f, "disk|worn|spare|warns", readings.wear.iter().map(disk))?;
        table(f, "tasks wait for|of the last 10 s", pressure(readings.pressure))?;
        table(f, "memory of the control group|", group_memory(readings.group_memory))?;
        let notes = self.missing.iter().map(ToString::to_string);
        let mut notes = notes.chain(self.absent.iter().map(ToString::to_string)).peekable();
        if notes.peek().is_some() {
            writeln!(f)?;
        }
        notes.try_for_each(|note| writeln!(f, "{note}"))
    }
}

impl Report<'_> {
    /// The same for programs. Keys are only ever added.
    pub fn json(&self) -> Value {
        let Self { detected, fit, readings, .. } = self;
        let board = &detected.board;
        let names = |drivers: &[Driver]| -> Vec<String> {
            drivers.iter().map(ToString::to_string).collect()
        };
        let temperature = |(place, probe): (usize, &Probe<'_>)| {
            let sensor = &readings.temperatures[place];
            let limits = Limits::of(probe.trips);
            json!({
                "name": sensor.name,
                "part": fit.zone_role(place).map(|role| role.to_string()),
                "millicelsius": sensor.value.map(|value| value.0),
                "condition": condition(sensor.condition),
                "stated_by_kernel": trips_json(sensor.trips),
                "limits": trips_json(fit.trips(place, sensor.trips)),
                "stand_in": self.stand_in(place).map(|sensor| &sensor.name),
                "governor": {
                    "millicelsius": probe.value.map(|value| value.0),
                    "throttles_at": limits.throttle.0,
                    "critical_at": limits.critical.0,
                    "shuts_down_at": limits.shutdown.0,
                },
            })
        };
        let probes = probes(fit, readings);
        let temperatures: Vec<Value> = probes.iter().enumerate().map(temperature).collect();
        let rail = |(place, rail): (usize, &Power)| {
            json!({
                "name": rail.name,
                "part": fit.rail_role(place).map(|role| role.to_string()),
                "milliwatts": rail.value.map(|value| value.0),
                "millivolts": rail.tension.map(|value| value.0),
                "milliamperes": rail.current.map(|value| value.0),
                "milliamperes_max": rail.current_max.map(|value| value.0),
                "milliwatts_max": fit.rail(place).and_then(|rail| rail.power_max).map(|max| max.0),
                "alarm": rail.alarm.map(alarm),
            })
        };
        let module = detected.module.as_ref();
        json!({
            "board": {
                "name": board.name,
                "title": board.title,
                "module": module.map(|module| &module.title),
                "memory_mib": module.and_then(|module| module.memory_mib),
                "milliwatts_max": module.and_then(|module| module.power).map(|power| power.0),
                "because": detected.to_string(),
                "decoders": names(&board.decoders),
                "encoders": names(&board.encoders),
            },
            "temperatures": temperatures,
            "rails": readings.power.iter().enumerate().map(rail).collect::<Vec<_>>(),
            "fans": figures::fans(readings),
            "throttles": figures::throttles(readings),
            "disks": figures::disks(readings),
            "pressure_permille": figures::pressure(readings),
            "group_memory_bytes": figures::group_memory(readings),
            "missing": self.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "absent": self.absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn temperatures(&self) -> impl Iterator<Item = Vec<String>> {
        let probes = probes(self.fit, self.readings).into_iter().enumerate();
        probes.map(|(place, probe)| {
            let sensor = &self.readings.temperatures[place];
            let limits = Limits::of(probe.trips);
            let reads = match (sensor.value, sensor.condition) {
                (None, Condition::Faulty) => "broken".to_owned(),
                (None, Condition::Unremarkable | Condition::Frozen) => "silent".to_owned(),
                (Some(value), Condition::Frozen) => format!("{} frozen?", celsius(value)),
                (Some(value), Condition::Unremarkable | Condition::Faulty) => celsius(value),
            };
            vec![
                sensor.name.clone(),
                self.fit.zone_role(place).map_or("–".to_owned(), |role| role.to_string()),
                reads,
                celsius(limits.throttle),
                celsius(limits.critical),
                celsius(limits.shutdown),
                self.limits_from(place),
            ]
        })
    }

    /// The sensor that stands for the one at `place` now.
    fn stand_in(&self, place: usize) -> Option<&Temperature> {
        let at = self.fit.reads_at(place, self.readings);
        self.readings.temperatures.get(at).filter(|_| at != place)
    }

    /// Who states the limits from which those of the governor follow.
    fn limits_from(&self, place: usize) -> String {
        if let Some(stand_in) = self.stand_in(place) {
            return format!("{}, which stands for it", stand_in.name);
        }
        let stated = self.readings.temperatures[place].trips;
        let is_of_the_board = self.fit.trips(place, stated) != stated;
        let from = match (stated == Trips::default(), is_of_the_board) {
            (false, false) => "kernel",
            (false, true) => "kernel, board",
            (true, true) => "board",
            (true, false) => "nobody: cautious ones",
        };
        from.to_owned()
    }

    fn rails(&self) -> impl Iterator<Item = Vec<String>> {
        self.readings.power.iter().enumerate().map(|(place, rail)| {
            let board = self.fit.rail(place);
            let own = board.and_then(|rail| rail.current_max).map(|max| format!("{} mA*", max.0));
            let stated = rail.current_max.map(|max| format!("{} mA", max.0));
            vec![
                rail.name.clone(),
                board.map_or("–".to_owned(), |rail| rail.role.to_string()),
                rail.value.map_or("silent".to_owned(), |value| Watts(value).to_string()),
                rail.tension.map_or("–".to_owned(), |value| format!("{} mV", value.0)),
                rail.current.map_or("–".to_owned(), |value| format!("{} mA", value.0)),
                stated.or(own).unwrap_or_else(|| "–".to_owned()),
                rail.alarm.map_or("–", alarm).to_owned(),
            ]
        })
    }
}

fn trips_json(trips: Trips) -> Value {
    let milli = |trip: Option<Millicelsius>| trip.map(|trip| trip.0);
    json!({
        "passive": milli(trips.passive),
        "hot": milli(trips.hot),
        "critical": milli(trips.critical),
    })
}

fn fan(fan: &Fan) -> Vec<String> {
    let turns = match (fan.speed, fan.condition) {
        (_, Condition::Faulty) => "broken".to_owned(),
        (Some(speed), Condition::Unremarkable | Condition::Frozen) => format!("{} rpm", speed.0),
        (None, Condition::Unremarkable | Condition::Frozen) => "–".to_owned(),
    };
    let driven = |Permille(drive)| format!("{} %", drive / 10);
    vec![fan.name.clone(), turns, fan.drive.map_or("–".to_owned(), driven)]
}

fn throttle(throttle: &Throttle) -> Vec<String> {
    let times = throttle.events.map_or("silent".to_owned(), |events| events.to_string());
    vec![throttle.name.clone(), times]
}

fn disk(disk: &Wear) -> Vec<String> {
    let used = match disk.used {
        Some(Percent(101..)) => "past its rated life".to_owned(),
        Some(Percent(used)) => format!("{used} %"),
        None => "silent".to_owned(),
    };
    vec![
        disk.name.clone(),
        used,
        disk.spare.map_or("–".to_owned(), |spare| format!("{} %", spare.0)),
        disk.warning.map_or("–", warning).to_owned(),
    ]
}

fn pressure(told: Pressure) -> impl Iterator<Item = Vec<String>> {
    let rows = [("a processor", told.cpu), ("memory", told.memory), ("a disk", told.io)];
    rows.into_iter().filter_map(|(what, share)| {
        let Permille(share) = share?;
        Some(vec![what.to_owned(), format!("{}.{} %", share / 10, share % 10)])
    })
}

fn group_memory(told: GroupMemory) -> impl Iterator<Item = Vec<String>> {
    let rows = [("limit", told.limit_bytes), ("in use", told.used_bytes)];
    rows.into_iter()
        .filter_map(|(what, bytes)| Some(vec![what.to_owned(), format!("{} MiB", bytes? >> 20)]))
}

fn celsius(Millicelsius(milli): Millicelsius) -> String {
    format!("{:.1} °C", f64::from(milli) / 1_000.0)
}

pub(super) fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Unremarkable => "unremarkable",
        Condition::Faulty => "faulty",
        Condition::Frozen => "frozen",
    }
}

fn alarm(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::Quiet => "quiet",
        Alarm::High => "high",
        Alarm::Critical => "critical",
    }
}

pub(super) fn warning(warning: Warning) -> &'static str {
    match warning {
        Warning::SpareLow => "spare low",
        Warning::SpareNearlyGone => "spare nearly gone",
        Warning::Unreliable => "unreliable",
        Warning::ReadOnly => "read only",
    }
}

/// Columns as wide as their longest text; nothing where there are no rows.
fn table(
    f: &mut fmt::Formatter<'_>,
    head: &str,
    rows: impl Iterator<Item = Vec<String>>,
) -> fmt::Result {
    let head: Vec<String> = head.trim_end_matches('|').split('|').map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    if rows.len() == 1 {
        return Ok(());
    }
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max()
    };
    writeln!(f)?;
    for row in &rows {
        let padded = row.iter().enumerate().map(|(column, text)| {
            let spaces = width(column).unwrap_or_default() - text.chars().count();
            format!("{text}{}", " ".repeat(spaces))
        });
        writeln!(f, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
