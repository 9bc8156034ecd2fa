//! The board: which one it is, how warm it is beside its limits, what it does not show.
//!
//! [`Look`] is one look at the sensors, as `courtside sensors` takes it; what is thought of it is
//! pure. The limits are the governor's, which acts before the kernel does.

use std::sync::Arc;
use std::time::Duration;

use boards::{Detected, Fit, Missing, Why};
use governor::thermal::{Band, Limits};
use hal::Clock;
use hal::sensors::{Condition, Fan, Readings, Throttle};
use sensors::{Absent, Now};
use wire::units::{Millicelsius, Rpm};

use super::report::{Check, Verdict};
use crate::clock::SystemClock;
use crate::config::BoardChoice;
use crate::hardware::sense::places;
use crate::hardware::{Hardware, board_of, probes};

/// Between the two readings that a share of time and a use of energy need.
const BETWEEN: Duration = Duration::from_secs(1);

/// One look at the sensors, and what more are taken with.
pub(super) struct Look {
    pub(super) detected: Detected,
    pub(super) hardware: Hardware,
    pub(super) readings: Readings,
    absent: Vec<Absent>,
}

impl Look {
    /// Finds the sensors and reads them.
    pub(super) async fn take(clock: &Arc<SystemClock>, board: &BoardChoice) -> Self {
        let for_sensors = Arc::clone(clock);
        let now: Now = Arc::new(move || for_sensors.now());
        let places = places(None);
        let detected = board_of(board, &places.root);
        let (mut hardware, absent) = Hardware::open(detected.board.clone(), &places, &now);
        clock.sleep_until(clock.now().plus(BETWEEN)).await;
        let readings = hardware.read();
        Self { detected, hardware, readings, absent }
    }

    /// What is to be thought of it.
    pub(super) fn checks(&self) -> Vec<Check> {
        let mut checks = vec![identity(&self.detected)];
        checks.extend(temperatures(self.hardware.fit(), &self.readings));
        checks.extend(self.readings.fans.iter().map(fan));
        checks.extend(throttles(&self.readings.throttles));
        checks.extend(self.hardware.missing().iter().map(missing));
        checks
            .extend(self.absent.iter().filter(|absent| absent.what != "disk wear").map(absent_one));
        checks
    }
}

fn identity(detected: &Detected) -> Check {
    let found = Check::good("board", detected.to_string());
    match detected.why {
        Why::Said(_) | Why::Configured => found,
        Why::Unknown(_) => found.with_advice(
            Verdict::Warning,
            "this board is not known: it is taken for the nearest, with cautious limits; write a \
             board file (`box.board`, docs/operator.md)",
        ),
    }
}

fn temperatures(fit: &Fit, readings: &Readings) -> Vec<Check> {
    let probes = probes(fit, readings).into_iter().zip(&readings.temperatures);
    let check = |(probe, sensor): (governor::Probe<'_>, &hal::sensors::Temperature)| {
        let state = match (sensor.condition, probe.value) {
            (Condition::Faulty, _) => State::Broken,
            (Condition::Frozen, _) => State::Frozen,
            (Condition::Unremarkable, None) => State::Silent,
            (Condition::Unremarkable, Some(value)) => State::Reads(value),
        };
        temperature(&sensor.name, state, Limits::of(probe.trips))
    };
    probes.map(check).collect()
}

/// What a temperature sensor does.
#[derive(Clone, Copy)]
enum State {
    Reads(Millicelsius),
    Silent,
    Frozen,
    Broken,
}

fn temperature(name: &str, state: State, limits: Limits) -> Check {
    let name = format!("temperature {name}");
    let value = match state {
        State::Reads(value) => value,
        State::Silent => {
            return Check::not_checked(name, "silent", "its part may be switched off");
        }
        State::Frozen => {
            return Check::warning(
                name,
                "says the same for long while others move",
                "restart the box; if it stays, have the board looked at",
            );
        }
        State::Broken => {
            return Check::warning(
                name,
                "broken, says its driver",
                "have the board looked at: the governor takes the part for hot",
            );
        }
    };
    let (reads, throttle) = (celsius(value), celsius(limits.throttle));
    let found =
        format!("{reads}; throttles at {throttle}, shuts down at {}", celsius(limits.shutdown));
    let found = Check::good(name, found)
        .figure("celsius", f64::from(value.0) / 1_000.0)
        .figure("throttles_at_celsius", f64::from(limits.throttle.0) / 1_000.0);
    match limits.band(value) {
        Band::Cool => found,
        Band::Warm => found.with_advice(
            Verdict::Warning,
            "close to throttling: give the box air and shade before it plays a game",
        ),
        Band::Hot | Band::Critical | Band::Emergency => found.with_advice(
            Verdict::Bad,
            "it throttles: the box is too warm where it stands; look at fan, dust, sun and airflow",
        ),
    }
}

fn fan(fan: &Fan) -> Check {
    let name = format!("fan {}", fan.name);
    let drive = fan.drive.map(|drive| format!("driven at {} %", drive.0 / 10));
    let speed = fan.speed.map(|speed| format!("{} rpm", speed.0));
    let told: Vec<String> = speed.into_iter().chain(drive).collect();
    let told = if told.is_empty() { "tells nothing".to_owned() } else { told.join(", ") };
    let driven = fan.drive.is_some_and(|drive| drive.0 >= 200);
    match (fan.condition, fan.speed) {
        (Condition::Faulty, _) => {
            Check::bad(name, "broken, says its driver", "replace the fan, or plug it in")
        }
        (Condition::Unremarkable | Condition::Frozen, Some(Rpm(0))) if driven => {
            Check::bad(name, told, "it is driven and stands still: look at its plug and its blades")
        }
        (Condition::Unremarkable | Condition::Frozen, Some(_) | None) => Check::good(name, told),
    }
}

fn throttles(throttles: &[Throttle]) -> Option<Check> {
    if throttles.is_empty() {
        return None;
    }
    let counted = |throttle: &&Throttle| throttle.events.is_some_and(|events| events > 0);
    let told = throttles.iter().filter(counted);
    let told: Vec<String> = told
        .map(|throttle| format!("{} {} times", throttle.name, throttle.events.unwrap_or(0)))
        .collect();
    const NAME: &str = "throttled by hardware";
    Some(if told.is_empty() {
        Check::good(NAME, "never since the kernel started")
    } else {
        Check::warning(
            NAME,
            format!("{} since the kernel started", told.join(", ")),
            "look at the power supply and its cable (under-voltage, over-current) and at the cooling",
        )
    })
}

fn missing(missing: &Missing) -> Check {
    Check::warning(
        missing.part.clone(),
        format!("the kernel shows no {}", missing.sensors),
        "this board has it: check its driver; the governor knows less without it",
    )
}

fn absent_one(absent: &Absent) -> Check {
    Check::not_checked(absent.what, "not measured", absent.why.clone())
}

/// A temperature as people write it.
pub(super) fn celsius(Millicelsius(milli): Millicelsius) -> String {
    format!("{:.1} °C", f64::from(milli) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use governor::thermal::FALLBACK;
    use wire::units::Permille;

    use super::*;

    #[test]
    fn temperature_is_judged_beside_the_limits_of_its_sensor() {
        for (degrees, verdict) in
            [(45, Verdict::Good), (77, Verdict::Warning), (81, Verdict::Bad), (99, Verdict::Bad)]
        {
            let value = State::Reads(Millicelsius(degrees * 1_000));
            let check = temperature("cpu", value, FALLBACK);
            assert_eq!(check.verdict, verdict, "{degrees}: {check:?}");
            assert!(check.found.contains("throttles at 80.0 °C"), "{check:?}");
        }
        let verdict = |state| temperature("cpu", state, FALLBACK).verdict;
        assert_eq!(verdict(State::Silent), Verdict::NotChecked);
        assert_eq!([State::Frozen, State::Broken].map(verdict), [Verdict::Warning; 2]);
    }

    #[test]
    fn fan_that_is_driven_and_stands_still_is_bad_and_one_that_rests_is_not() {
        let one = |speed, drive| Fan {
            name: "fan1".to_owned(),
            speed: Some(Rpm(speed)),
            drive: Some(Permille(drive)),
            condition: Condition::Unremarkable,
        };
        assert_eq!(fan(&one(0, 400)).verdict, Verdict::Bad);
        assert_eq!(fan(&one(0, 0)).verdict, Verdict::Good);
        let turns = fan(&one(1_800, 400));
        assert_eq!(
            (turns.verdict, turns.found.as_str()),
            (Verdict::Good, "1800 rpm, driven at 40 %")
        );
        let broken = Fan { condition: Condition::Faulty, ..one(0, 0) };
        assert_eq!(fan(&broken).verdict, Verdict::Bad);
    }

    #[test]
    fn hardware_that_throttled_is_a_warning_that_says_how_often() {
        let throttle = |events| Throttle { name: "under-voltage".to_owned(), events: Some(events) };
        assert!(throttles(&[]).is_none());
        let never = throttles(&[throttle(0)]).expect("a counter");
        assert_eq!(never.verdict, Verdict::Good);
        let often = throttles(&[throttle(0), throttle(3)]).expect("a counter");
        assert_eq!(often.verdict, Verdict::Warning);
        assert!(often.found.starts_with("under-voltage 3 times"), "{often:?}");
    }
}
