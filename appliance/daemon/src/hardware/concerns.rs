//! What a person should look at: sensors that froze or broke, fans that stand still, rails above
//! their limits, hardware that throttles by itself, disks near their end.
//!
//! Pure: gets readings and the time, returns sentences that fit a notice. Each concern is told
//! when it has lasted, and not again within an hour, so that an alarm which comes and goes floods
//! nobody. Bounded: one entry for each sensor and kind. Changes no operating point.

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
        let text = match sensor.condition {
            Condition::Unremarkable => return None,
            Condition::Faulty => format!("sensor {name} is broken, says its driver; replace it"),
            Condition::Frozen => format!(
                "sensor {name} has said the same for ten minutes while others moved; it may \
                 have frozen: restart the box"
            ),
        };
        Some(Concern { about: format!("sensor {name}"), lasts: Duration::ZERO, text })
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
        let text = match fan.condition {
            Condition::Faulty => format!("fan {name} is broken, says its driver; replace it"),
            Condition::Unremarkable | Condition::Frozen if stands => {
                format!("fan {name} stands still although it is driven; check it and its cable")
            }
            Condition::Unremarkable | Condition::Frozen => return None,
        };
        Some(Concern { about: format!("fan {name}"), lasts: LASTS, text })
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
    match rail.alarm {
        Some(Alarm::High | Alarm::Critical) => {
            let limit = stated.or(own).map(|limit| format!(" of at most {}", Amperes(limit)));
            let current = rail.current.map_or("its current".to_owned(), |a| Amperes(a).to_string());
            let limit = limit.unwrap_or_default();
            let text = format!("over-current alarm of rail {name}: {current}{limit}");
            add("alarm", Duration::ZERO, text);
        }
        Some(Alarm::Quiet) | None => {}
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
    let why = match (disk.warning, disk.used) {
        (Some(Warning::ReadOnly), _) => "takes no more writes: replace it now".to_owned(),
        (Some(Warning::Unreliable), _) => "can no longer be relied on: replace it now".to_owned(),
        (Some(Warning::SpareNearlyGone), _) => {
            "has hardly any spare blocks left: replace it".into()
        }
        (Some(Warning::SpareLow), _) => "runs out of spare blocks: plan to replace it".to_owned(),
        (None, Some(used)) if used >= WORN => {
            format!("has used {} % of its rated life: plan to replace it", used.0)
        }
        (None, Some(_) | None) => return None,
    };
    let about = format!("disk {name}");
    Some(Concern { about, lasts: Duration::ZERO, text: format!("disk {name} {why}") })
}

/// A power as people read it.
pub(super) struct Watts(pub(super) Milliwatts);

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
mod tests {
    use boards::Board;
    use hal::sensors::{Temperature, Throttle, Trips};
    use wire::units::Millicelsius;

    use super::*;

    const NOTICE_BYTES: usize = 160;

    fn nano(readings: &Readings) -> Fit {
        let board = Board::shipped().into_iter().find(|board| board.name == "jetson-orin-nano");
        Fit::of(board.expect("it is shipped"), readings)
    }

    fn second(second: u64) -> Monotonic {
        Monotonic::from_millis(second * 1_000)
    }

    /// What is told in the seconds from 0 to 20, with their readings unchanged.
    fn told(readings: &Readings) -> Vec<(u64, String)> {
        let (fit, mut concerns) = (nano(readings), Concerns::default());
        let at = |s| (s, concerns.next(second(s), readings, &fit));
        let told: Vec<_> =
            (0..=20).map(at).flat_map(|(s, told)| told.into_iter().map(move |t| (s, t))).collect();
        assert!(told.iter().all(|(_, text)| text.len() <= NOTICE_BYTES), "{told:?}");
        told
    }

    fn rail(power: u32, current: i32) -> Power {
        Power {
            name: "VDD_IN".to_owned(),
            value: Some(Milliwatts(power)),
            current: Some(Milliamperes(current)),
            ..Power::default()
        }
    }

    #[test]
    fn healthy_box_is_of_no_concern() {
        let readings = Readings {
            power: vec![Power { alarm: Some(Alarm::Quiet), ..rail(24_900, 5_000) }],
            fans: vec![Fan { speed: Some(Rpm(0)), drive: Some(Permille(0)), ..Fan::default() }],
            throttles: vec![Throttle { name: "average over-current".to_owned(), events: Some(15) }],
            wear: vec![Wear {
                name: "nvme0".into(),
                used: Some(Percent(79)),
                spare: None,
                warning: None,
            }],
            ..Readings::default()
        };
        assert_eq!(told(&readings), []);
    }

    #[test]
    fn rail_above_the_boards_limits_is_told_when_it_lasts() {
        let readings = Readings { power: vec![rail(26_150, 7_900)], ..Readings::default() };
        let told = told(&readings);
        let expected = [
            (10, "rail VDD_IN carries 7900 mA, above 7784 mA".to_owned()),
            (
                10,
                "rail VDD_IN uses 26.1 W, above the board's 25.0 W; choose a smaller power mode \
                 or do less"
                    .to_owned(),
            ),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn alarm_of_a_monitor_is_told_at_once_and_not_again_within_the_hour() {
        let alarmed = Power {
            alarm: Some(Alarm::Critical),
            current_max: Some(Milliamperes(7_784)),
            ..rail(20_000, 8_012)
        };
        let readings = Readings { power: vec![alarmed], ..Readings::default() };
        let quiet = Readings { power: vec![rail(20_000, 4_000)], ..Readings::default() };
        let (fit, mut concerns) = (nano(&readings), Concerns::default());
        let text = "over-current alarm of rail VDD_IN: 8012 mA of at most 7784 mA";
        assert_eq!(concerns.next(second(0), &readings, &fit), [text]);
        for s in 1..3_600 {
            let flapping = if s % 2 == 0 { &readings } else { &quiet };
            assert_eq!(concerns.next(second(s), flapping, &fit), [""; 0], "{s}");
        }
        assert_eq!(concerns.next(second(3_600), &readings, &fit), [text]);
    }

    #[test]
    fn single_reading_above_a_limit_is_of_no_concern() {
        let (high, low) = (rail(26_000, 1), rail(20_000, 1));
        let readings = |rail: &Power| Readings { power: vec![rail.clone()], ..Readings::default() };
        let (fit, mut concerns) = (nano(&readings(&high)), Concerns::default());
        for s in 0..60 {
            let now = if s % 10 == 9 { &low } else { &high };
            assert_eq!(concerns.next(second(s), &readings(now), &fit), [""; 0], "{s}");
        }
    }

    #[test]
    fn fan_that_is_driven_and_stands_still_is_told_also_where_two_drivers_share_it() {
        let counted = Fan { name: "pwm_tach rpm".into(), speed: Some(Rpm(0)), ..Fan::default() };
        let driven = |drive| Fan { drive: Some(Permille(drive)), ..Fan::default() };
        let fans = |fans: Vec<Fan>| Readings { fans, ..Readings::default() };
        let told_of = |readings: &Readings| told(readings).len();
        assert_eq!(told_of(&fans(vec![counted.clone(), driven(227)])), 1);
        assert_eq!(told_of(&fans(vec![counted.clone(), driven(100)])), 0, "it may rest");
        assert_eq!(told_of(&fans(vec![counted.clone(), driven(227), driven(227)])), 0, "whose?");
        let broken = Fan { condition: Condition::Faulty, ..Fan::default() };
        assert_eq!(told_of(&fans(vec![broken])), 1);
    }

    #[test]
    fn hardware_that_throttles_by_itself_is_told_from_its_first_reading_on() {
        let events = |events| Readings {
            throttles: vec![Throttle { name: "under-voltage".to_owned(), events }],
            ..Readings::default()
        };
        let (fit, mut concerns) = (nano(&events(None)), Concerns::default());
        let mut at = |s, count| concerns.next(second(s), &events(count), &fit).len();
        assert_eq!(at(0, Some(37)), 0, "from before the start");
        assert_eq!(at(1, Some(37)), 0);
        assert_eq!(at(2, Some(40)), 1);
        assert_eq!(at(3, None), 0);
        assert_eq!(at(3_700, Some(50)), 0, "nobody knows since when");
        assert_eq!(at(3_701, Some(3)), 0, "a counter that begins again");
        assert_eq!(at(7_400, Some(4)), 1);
    }

    #[test]
    fn broken_and_frozen_sensors_and_worn_disks_are_told_once() {
        let sensor = |name: &str, condition| Temperature {
            name: name.to_owned(),
            value: Some(Millicelsius(40_000)),
            condition,
            trips: Trips::default(),
        };
        let disk = |used, warning| Wear {
            name: "mmcblk0".into(),
            used: Some(Percent(used)),
            spare: None,
            warning,
        };
        let readings = Readings {
            temperatures: vec![
                sensor("cpu-thermal", Condition::Frozen),
                sensor("tmp451 temp1", Condition::Faulty),
                sensor("gpu-thermal", Condition::Unremarkable),
            ],
            wear: vec![disk(90, None)],
            ..Readings::default()
        };
        let at: Vec<u64> = told(&readings).iter().map(|(second, _)| *second).collect();
        assert_eq!(at, [0, 0, 0]);
        for warning in
            [Warning::SpareLow, Warning::SpareNearlyGone, Warning::Unreliable, Warning::ReadOnly]
        {
            let readings = Readings { wear: vec![disk(1, Some(warning))], ..Readings::default() };
            assert_eq!(told(&readings).len(), 1, "{warning:?}");
        }
    }
}
