//! What a person should look at: sensors that froze or broke, fans that stand still, rails above
//! their limits, hardware that throttles by itself, disks near their end.
//!
//! Pure: gets readings and the time, returns sentences that fit a notice. Each concern is told
//! when it has lasted, and not again within an hour, so that an alarm which comes and goes floods
//! nobody; one that gets worse is another one, and told. Bounded: one entry for each sensor, kind
//! and severity. Changes no operating point.

use std::collections::BTreeMap;
use std::time::Duration;

use boards::Fit;
use hal::sensors::{Alarm, Condition, Fan, Power, Readings, Warning, Wear};
use wire::time::Monotonic;
use wire::units::{Milliamperes, Milliwatts, Percent, Permille, Rpm};

/// How long something must last; a single reading is no concern.
pub const LASTS: Duration = Duration::from_secs(10);
/// How long the same is not told again.
pub const AGAIN: Duration = Duration::from_secs(3_600);
/// From here a disk's wear is worth a new disk.
pub const WORN: Percent = Percent(80);
/// A fan that is told to turn at least so fast turns.
const DRIVEN: Permille = Permille(200);

/// What was seen and told so far.
#[derive(Debug, Default)]
pub struct Concerns {
    known: BTreeMap<String, Known>,
    throttles: Vec<Option<u64>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    since: Option<Monotonic>,
    told: Option<Monotonic>,
}

/// Something to look at: what it is about, how long it must last, and the sentence.
struct Concern {
    /// Sensor, kind and severity: what makes it the same concern as before.
    about: String,
    lasts: Duration,
    text: String,
}

impl Concerns {
    /// What is to be told now. Call it about once a second.
    pub fn next(&mut self, now: Monotonic, readings: &Readings, fit: &Fit) -> Vec<String> {
        let mut seen = sensors(readings);
        seen.extend(fans(&readings.fans));
        let rails = readings.power.iter().enumerate();
        seen.extend(rails.flat_map(|(place, rail)| rail_concerns(place, rail, fit)));
        seen.extend(self.throttles(readings));
        seen.extend(readings.wear.iter().filter_map(disk));
        for (about, known) in &mut self.known {
            if seen.iter().all(|concern| concern.about != *about) {
                known.since = None;
            }
        }
        seen.into_iter().filter_map(|concern| self.tell(now, concern)).collect()
    }

    fn tell(&mut self, now: Monotonic, concern: Concern) -> Option<String> {
        let known = self.known.entry(concern.about).or_default();
        let since = *known.since.get_or_insert(now);
        let is_news = known.told.is_none_or(|told| now.since(told) >= AGAIN);
        if now.since(since) < concern.lasts || !is_news {
            return None;
        }
        known.told = Some(now);
        Some(concern.text)
    }

    /// Counters that went up since the last reading. What they counted before the start of this
    /// process is history.
    fn throttles(&mut self, readings: &Readings) -> Vec<Concern> {
        let now: Vec<Option<u64>> = readings.throttles.iter().map(|t| t.events).collect();
        let before = std::mem::replace(&mut self.throttles, now);
        let grown = readings.throttles.iter().zip(before).filter_map(|(throttle, before)| {
            let more = throttle.events?.checked_sub(before?).filter(|more| *more > 0)?;
            Some(Concern {
                about: format!("throttle {}", throttle.name),
                lasts: Duration::ZERO,
                text: format!(
                    "the hardware throttled by itself, {more} times in a second: {}; check the \
                     power supply, the power mode and the cooling",
                    throttle.name
                ),
            })
        });
        grown.collect()
    }
}

fn sensors(readings: &Readings) -> Vec<Concern> {
    let concern = |sensor: &hal::sensors::Temperature| {
        let name = &sensor.name;
        let (how, text) = match sensor.condition {
            Condition::Unremarkable => return None,
            Condition::Faulty => {
                ("broken", format!("sensor {name} is broken, says its driver; replace it"))
            }
            Condition::Frozen => (
                "frozen",
                format!(
                    "sensor {name} has said the same for ten minutes while others moved; it may \
                     have frozen: restart the box"
                ),
            ),
        };
        Some(Concern { about: format!("sensor {name} {how}"), lasts: Duration::ZERO, text })
    };
    readings.temperatures.iter().filter_map(concern).collect()
}

fn fans(fans: &[Fan]) -> Vec<Concern> {
    // Where one driver counts and another one drives, the only two are the same fan.
    let drive_of = |fan: &Fan| {
        let alone = || match fans {
            [one, other] => one.drive.xor(other.drive),
            _ => None,
        };
        fan.drive.or_else(alone)
    };
    let concern = |fan: &Fan| {
        let name = &fan.name;
        let stands = fan.speed == Some(Rpm(0)) && drive_of(fan).is_some_and(|d| d >= DRIVEN);
        let (how, text) = match fan.condition {
            Condition::Faulty => {
                ("broken", format!("fan {name} is broken, says its driver; replace it"))
            }
            Condition::Unremarkable | Condition::Frozen if stands => (
                "stands",
                format!("fan {name} stands still although it is driven; check it and its cable"),
            ),
            Condition::Unremarkable | Condition::Frozen => return None,
        };
        Some(Concern { about: format!("fan {name} {how}"), lasts: LASTS, text })
    };
    fans.iter().filter_map(concern).collect()
}

fn rail_concerns(place: usize, rail: &Power, fit: &Fit) -> Vec<Concern> {
    let (name, board) = (&rail.name, fit.rail(place));
    let mut concerns = Vec::new();
    let mut add = |kind: &str, lasts, text| {
        concerns.push(Concern { about: format!("{kind} {name}"), lasts, text });
    };
    let (stated, own) = (rail.current_max, board.and_then(|rail| rail.current_max));
    let alarm = match rail.alarm {
        Some(Alarm::High) => Some("over-current alarm"),
        Some(Alarm::Critical) => Some("critical over-current alarm"),
        Some(Alarm::Quiet) | None => None,
    };
    if let Some(alarm) = alarm {
        let limit = stated.or(own).map(|limit| format!(" of at most {}", Amperes(limit)));
        let current = rail.current.map_or("its current".to_owned(), |a| Amperes(a).to_string());
        let limit = limit.unwrap_or_default();
        add(alarm, Duration::ZERO, format!("{alarm} of rail {name}: {current}{limit}"));
    }
    // The board's figure counts where the monitor states none of its own.
    if let (None, Some(limit), Some(current)) = (stated, own, rail.current)
        && current > limit
    {
        let text = format!("rail {name} carries {}, above {}", Amperes(current), Amperes(limit));
        add("current", LASTS, text);
    }
    if let (Some(limit), Some(power)) = (board.and_then(|rail| rail.power_max), rail.value)
        && power > limit
    {
        let text = format!(
            "rail {name} uses {}, above the board's {}; choose a smaller power mode or do less",
            Watts(power),
            Watts(limit)
        );
        add("power", LASTS, text);
    }
    concerns
}

fn disk(disk: &Wear) -> Option<Concern> {
    let name = &disk.name;
    let (how, why) = match (disk.warning, disk.used) {
        (Some(Warning::ReadOnly), _) => {
            ("read-only", "takes no more writes: replace it now".to_owned())
        }
        (Some(Warning::Unreliable), _) => {
            ("unreliable", "can no longer be relied on: replace it now".to_owned())
        }
        (Some(Warning::SpareNearlyGone), _) => {
            ("nearly no spare", "has hardly any spare blocks left: replace it".to_owned())
        }
        (Some(Warning::SpareLow), _) => {
            ("little spare", "runs out of spare blocks: plan to replace it".to_owned())
        }
        (None, Some(used)) if used >= WORN => {
            ("worn", format!("has used {} % of its rated life: plan to replace it", used.0))
        }
        (None, Some(_) | None) => return None,
    };
    let about = format!("disk {name} {how}");
    Some(Concern { about, lasts: Duration::ZERO, text: format!("disk {name} {why}") })
}

/// A power as people read it.
pub(crate) struct Watts(pub(crate) Milliwatts);

impl std::fmt::Display for Watts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Milliwatts(milli) = self.0;
        write!(f, "{}.{} W", milli / 1_000, milli % 1_000 / 100)
    }
}

/// A current as people read it.
pub(super) struct Amperes(pub(super) Milliamperes);

impl std::fmt::Display for Amperes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} mA", self.0.0)
    }
}

#[cfg(test)]
#[path = "concerns_tests.rs"]
mod tests;
