//! Tests of the concerns: what is told, when, and what is not told again.

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
    let text = "critical over-current alarm of rail VDD_IN: 8012 mA of at most 7784 mA";
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
#[test]
fn what_gets_worse_is_told_anew_and_what_gets_better_and_worse_again_is_not() {
    let disk = |warning| Wear { name: "nvme0".into(), used: None, spare: None, warning };
    let sensor = |condition| Temperature {
        name: "tmp451 temp1".to_owned(),
        value: None,
        condition,
        trips: Trips::default(),
    };
    let fan = |condition| Fan {
        speed: Some(Rpm(0)),
        drive: Some(Permille(500)),
        condition,
        ..Fan::default()
    };
    let better = Readings {
        wear: vec![disk(Some(Warning::SpareLow))],
        temperatures: vec![sensor(Condition::Frozen)],
        fans: vec![fan(Condition::Unremarkable)],
        power: vec![Power { alarm: Some(Alarm::High), ..rail(20_000, 1) }],
        ..Readings::default()
    };
    let worse = Readings {
        wear: vec![disk(Some(Warning::Unreliable))],
        temperatures: vec![sensor(Condition::Faulty)],
        fans: vec![fan(Condition::Faulty)],
        power: vec![Power { alarm: Some(Alarm::Critical), ..rail(20_000, 1) }],
        ..Readings::default()
    };
    let (fit, mut concerns) = (nano(&better), Concerns::default());
    let mut told = |seconds: std::ops::Range<u64>, readings: &Readings| -> usize {
        seconds.map(|s| concerns.next(second(s), readings, &fit).len()).sum()
    };
    assert_eq!(told(0..20, &better), 4);
    assert_eq!(told(20..40, &worse), 4);
    assert_eq!((told(40..60, &better), told(60..80, &worse)), (0, 0));
}
