//! The governor against a simulated box, second by second, and its invariants against anything.

use std::time::Duration;

use governor::machine::{CLIMB_DWELL, DWELL, THROTTLE_STEP, TIER_CHANGES_PER_HOUR, Wait};
use governor::operating_point::{Claim, LADDER};
use governor::state::{COOL_DWELL, EMERGENCY_DWELL, Heat, State, step};
use governor::thermal::Band;
use governor::{Effect, Finding, Governor, Mode, OperatingPoint, Probe, Reason, Tier, Trips, Work};
use proptest::prelude::*;
use wire::time::Monotonic;
use wire::units::{Millicelsius, Permille};

/// The rungs of packs with the tiers nano and full.
const TWO_TIERS: [OperatingPoint; 4] = [LADDER[0], LADDER[1], LADDER[3], LADDER[5]];

/// A box with one sensor and an engine whose frames cost what the rung says.
struct Simulated {
    governor: Governor,
    now: Monotonic,
    rungs: Vec<(OperatingPoint, u64)>,
    celsius: Option<i32>,
    source_fps: u32,
}

impl Simulated {
    fn new(cost_ms: [u64; 4]) -> Self {
        Self::on(TWO_TIERS.into_iter().zip(cost_ms).collect())
    }

    /// Rungs with the ms that a frame takes there.
    fn on(rungs: Vec<(OperatingPoint, u64)>) -> Self {
        let now = Monotonic(0);
        let ladder: Vec<OperatingPoint> = rungs.iter().map(|(point, _)| *point).collect();
        let governor = Governor::new(now, &ladder);
        Self { governor, now, rungs, celsius: Some(50), source_fps: 25 }
    }

    fn rung(&self) -> usize {
        let point = self.governor.operating_point();
        let same = |rung: &OperatingPoint| alike(*rung, point);
        self.rungs.iter().position(|(rung, _)| same(rung)).expect("a rung of the ladder")
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.governor.next(self.now)).collect()
    }

    /// One second passes.
    fn second(&mut self) -> Vec<Effect> {
        self.now = self.now.plus(Duration::from_secs(1));
        let value = self.celsius.map(|c| Millicelsius(c * 1_000));
        let probe = Probe { name: "cpu-thermal", value, trips: Trips::default() };
        self.governor.handle_readings(self.now, &[probe]);
        let fps = self.source_fps.min(self.governor.operating_point().frame_rate.0 / 1_000);
        let cost = self.rungs[self.rung()].1;
        // A busy engine analyses what it can.
        let frames = u64::from(fps).min(1_000 / cost);
        self.governor.handle_work(
            self.now,
            Work {
                frames: frames as u32,
                offered: self.source_fps,
                busy: Duration::from_millis(frames * cost),
                aside: Duration::ZERO,
                slowest: Duration::from_millis(if frames > 0 { cost * 3 / 2 } else { 0 }),
            },
        );
        self.effects()
    }

    fn seconds(&mut self, count: u32) -> Vec<Effect> {
        (0..count).flat_map(|_| self.second()).collect()
    }
}

/// Whether two points differ in nothing but what is left out.
fn alike(a: OperatingPoint, b: OperatingPoint) -> bool {
    OperatingPoint { shed: b.shed, ..a } == b
}

fn claim(rung: usize, cost: Duration) -> Claim {
    Claim { cost, recall: Permille(800 + 20 * rung as u16), power: None }
}

fn changes(effects: &[Effect]) -> Vec<String> {
    let change = |effect: &Effect| match effect {
        Effect::Changed(change) => Some(change.to_string()),
        Effect::Report(_) | Effect::ShutDown(_) => None,
    };
    effects.iter().filter_map(change).collect()
}

#[test]
fn every_transition() {
    let t = Monotonic::from_millis(100_000);
    let ago = |dwell: Duration| Monotonic(t.0 - dwell.as_micros() as u64);
    let boot = State::Boot { since: ago(Duration::from_secs(1)) };
    let waited = State::Boot { since: ago(Duration::from_secs(3)) };
    let throttled = |cool_since| State::Throttled { cool_since };
    let critical = |calm_since| State::Critical { calm_since, emergency_since: None };
    let emergency = |since| State::Critical { calm_since: None, emergency_since: Some(since) };
    let nearly = Monotonic(ago(COOL_DWELL).0 + 1);
    let done = ago(COOL_DWELL);
    use Band::{Cool, Critical, Emergency, Hot, Warm};
    let table = [
        (boot, Heat::Unknown, boot),
        (waited, Heat::Unknown, State::Nominal),
        (boot, Heat::NoSensor, State::Nominal),
        (boot, Heat::Band(Cool), State::Nominal),
        (boot, Heat::Band(Warm), State::Nominal),
        (boot, Heat::Band(Hot), throttled(None)),
        (boot, Heat::Band(Critical), critical(None)),
        (boot, Heat::Band(Emergency), emergency(t)),
        (State::Nominal, Heat::NoSensor, State::Nominal),
        (State::Nominal, Heat::Band(Cool), State::Nominal),
        (State::Nominal, Heat::Band(Warm), State::Nominal),
        (State::Nominal, Heat::Band(Hot), throttled(None)),
        (State::Nominal, Heat::Band(Critical), critical(None)),
        (State::Nominal, Heat::Band(Emergency), emergency(t)),
        (throttled(None), Heat::Band(Cool), throttled(Some(t))),
        (throttled(Some(nearly)), Heat::Band(Cool), throttled(Some(nearly))),
        (throttled(Some(done)), Heat::Band(Cool), State::Nominal),
        (throttled(Some(done)), Heat::Band(Warm), throttled(None)),
        (throttled(Some(done)), Heat::Band(Hot), throttled(None)),
        (throttled(None), Heat::Band(Critical), critical(None)),
        (throttled(None), Heat::Band(Emergency), emergency(t)),
        (critical(None), Heat::Band(Cool), critical(Some(t))),
        (critical(None), Heat::Band(Hot), critical(Some(t))),
        (critical(Some(nearly)), Heat::Band(Warm), critical(Some(nearly))),
        (critical(Some(done)), Heat::Band(Cool), throttled(None)),
        (critical(Some(done)), Heat::Band(Hot), throttled(None)),
        (critical(Some(done)), Heat::Band(Critical), critical(None)),
        (critical(Some(done)), Heat::Band(Emergency), emergency(t)),
        (emergency(t), Heat::Band(Emergency), emergency(t)),
        (emergency(ago(EMERGENCY_DWELL)), Heat::Band(Emergency), State::Shutdown),
        (emergency(ago(EMERGENCY_DWELL)), Heat::Band(Critical), critical(None)),
        (emergency(t), Heat::Band(Cool), critical(Some(t))),
        (State::Shutdown, Heat::Band(Cool), State::Shutdown),
        (State::Shutdown, Heat::NoSensor, State::Shutdown),
    ];
    for (state, heat, expected) in table {
        assert_eq!(step(state, t, heat), expected, "{state:?} with {heat:?}");
    }
}

#[test]
fn unknown_box_starts_with_the_least_and_climbs_rung_by_rung_within_seconds() {
    let mut plant = Simulated::new([3, 3, 4, 6]);
    assert_eq!(plant.governor.operating_point(), OperatingPoint::SMALLEST);
    let mut rungs = Vec::new();
    for _ in 0..10 {
        plant.second();
        rungs.push(plant.rung());
    }
    assert_eq!(rungs, [0, 1, 1, 2, 2, 3, 3, 3, 3, 3]);
}

#[test]
fn packs_with_three_tiers_are_climbed_to_the_top_within_the_hours_allowance() {
    let rungs: Vec<_> = LADDER.iter().copied().zip([3, 3, 4, 5, 6, 7]).collect();
    let mut plant = Simulated::on(rungs.clone());
    let told = changes(&plant.seconds(30));
    assert_eq!(plant.rung(), 5, "{told:#?}");
    // Too hot: the way down is always allowed, and the way up again takes until the hour is over.
    plant.celsius = Some(82);
    plant.seconds(1);
    assert_eq!(plant.rung(), 4);
    // Still too hot ten seconds later: with the hour's last change the box goes down as far as it
    // can.
    let mut hotter = Simulated { governor: plant.governor.clone(), rungs, ..plant };
    hotter.seconds(THROTTLE_STEP.as_secs() as u32);
    assert_eq!(hotter.rung(), 0, "{}", hotter.governor.explain(hotter.now));
    plant.celsius = Some(50);
    plant.seconds(1_800);
    assert_eq!(plant.rung(), 4);
    plant.seconds(1_800);
    assert_eq!(plant.rung(), 5, "{}", plant.governor.explain(plant.now));
}

#[test]
fn box_that_is_too_slow_for_the_largest_tier_runs_the_one_between() {
    // The small tiers fit, the full ones do not.
    let rungs: Vec<_> = LADDER.iter().copied().zip([4, 4, 8, 40, 50, 60]).collect();
    let mut plant = Simulated::on(rungs);
    plant.governor.handle_claims(|point| {
        let at = LADDER.iter().position(|p| *p == point).expect("a rung");
        claim(at, Duration::from_millis([2, 2, 4, 20, 25, 30][at]))
    });
    plant.seconds(120);
    let point = plant.governor.operating_point();
    assert_eq!((point.ball_tier, point.rim_tier), (Tier::Nano, Tier::Small));
}

#[test]
fn without_a_frame_nothing_is_known_of_the_engine_and_nothing_changes() {
    let mut plant = Simulated::new([3; 4]);
    plant.source_fps = 0;
    plant.seconds(60);
    assert_eq!(plant.rung(), 0);
}

#[test]
fn box_stays_below_the_rung_that_would_not_fit() {
    // 25 frames a second at 9 ms are 22 %, at the next rung's expected 18 ms 45 %: it is tried.
    // There the measured 14 ms make 35 %, and the expected 28 ms of the last one 70 %.
    let mut plant = Simulated::new([9, 9, 14, 20]);
    plant.seconds(600);
    assert_eq!(plant.rung(), 2);
}

#[test]
fn box_that_is_too_slow_for_a_rung_gives_up_on_it() {
    // The last rung looks affordable from below and is not.
    let mut plant = Simulated::new([5, 5, 6, 60]);
    let told = changes(&plant.seconds(3_600));
    assert_eq!(plant.rung(), 2);
    let visits = told.iter().filter(|text| text.contains("ball full, rim full (was")).count();
    // Its measured cost is believed for ten minutes.
    assert!((2..=6).contains(&visits), "{told:#?}");
}

#[test]
fn slow_single_frames_lead_down_although_the_engine_is_mostly_idle() {
    let mut plant = Simulated::new([20, 20, 30, 100]);
    plant.source_fps = 3;
    let told = changes(&plant.seconds(120));
    assert!(told.iter().any(|text| text.contains("frames take 150 ms")), "{told:#?}");
    assert_eq!(plant.rung(), 2);
}

#[test]
fn hot_box_steps_down_every_ten_seconds_and_climbs_only_after_the_full_dwell() {
    let mut plant = Simulated::new([3, 3, 4, 6]);
    plant.seconds(20);
    assert_eq!(plant.rung(), 3);
    plant.celsius = Some(82);
    plant.seconds(1);
    assert_eq!((plant.rung(), plant.governor.status().mode), (2, Mode::Throttled));
    plant.seconds(THROTTLE_STEP.as_secs() as u32 - 1);
    assert_eq!(plant.rung(), 2);
    plant.seconds(1);
    assert_eq!(plant.rung(), 1);
    plant.celsius = Some(77);
    plant.seconds(120);
    assert_eq!((plant.rung(), plant.governor.status().mode), (1, Mode::Throttled), "warm");
    plant.celsius = Some(60);
    plant.seconds(1);
    assert!(matches!(plant.governor.deadline(), Some((_, Wait::Readings))));
    plant.seconds(COOL_DWELL.as_secs() as u32 - 1);
    assert_eq!(plant.governor.status().mode, Mode::Throttled);
    plant.seconds(1);
    assert_eq!(plant.governor.status().mode, Mode::Nominal);
    plant.seconds(2 * CLIMB_DWELL.as_secs() as u32 * 3);
    assert_eq!(plant.rung(), 2, "the rest of the hour's changes is for the way down");
    plant.seconds(3_600);
    assert_eq!(plant.rung(), 3, "{}", plant.governor.explain(plant.now));
}

#[test]
fn critical_box_falls_to_the_least_at_once() {
    let mut plant = Simulated::new([3, 3, 4, 6]);
    plant.seconds(20);
    plant.celsius = Some(91);
    let told = changes(&plant.second());
    assert_eq!(plant.governor.operating_point(), OperatingPoint::SMALLEST);
    assert_eq!(
        told,
        ["critical (was nominal), 12.5 fps, ball nano, rim nano (was 30 fps, ball full, rim \
          full): cpu-thermal reads 91.0 °C, its limit is 90.0 °C"]
    );
    assert!(told[0].len() <= 160, "it fits a notice");
}

#[test]
fn one_wrong_reading_shuts_nothing_down_but_three_seconds_of_it_do_once() {
    let mut plant = Simulated::new([3, 3, 4, 6]);
    plant.seconds(20);
    plant.celsius = Some(120);
    plant.second();
    plant.celsius = Some(60);
    plant.second();
    assert_eq!(plant.governor.status().mode, Mode::Critical);
    plant.celsius = Some(120);
    let effects = plant.seconds(10);
    let downs = effects.iter().filter(|e| matches!(e, Effect::ShutDown(Reason::Hot(_)))).count();
    assert_eq!((downs, plant.governor.status().mode), (1, Mode::Shutdown));
}

#[test]
fn sensor_that_falls_silent_is_reported_and_counts_as_ever_hotter() {
    let mut plant = Simulated::new([3, 3, 4, 6]);
    plant.celsius = Some(70);
    plant.seconds(20);
    plant.celsius = None;
    let effects = plant.second();
    assert!(
        matches!(&effects[..], [Effect::Report(Finding::SensorLost(name))] if name == "cpu-thermal")
    );
    let effects = plant.seconds(60);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Report(_))), "told once");
    assert_eq!(plant.governor.status().mode, Mode::Critical);
    let effects = plant.seconds(7_200);
    assert_eq!(effects, [], "an assumption shuts nothing down");
    plant.celsius = Some(60);
    plant.seconds(120);
    assert_eq!(plant.governor.status().mode, Mode::Nominal);
}

#[test]
fn readings_that_stop_coming_are_noticed_without_them() {
    let mut plant = Simulated::new([3, 3, 4, 6]);
    plant.seconds(20);
    for _ in 0..200 {
        let Some((at, Wait::Readings)) = plant.governor.deadline() else { break };
        assert!(at > plant.now);
        plant.now = at;
        plant.effects();
    }
    assert_eq!(plant.governor.status().mode, Mode::Critical);
}

#[test]
fn box_without_sensors_says_so_once_and_follows_its_engine() {
    for has_readings in [false, true] {
        let mut governor = Governor::new(Monotonic(0), LADDER);
        let mut effects = Vec::new();
        for second in 1..=20 {
            let now = Monotonic::from_millis(second * 1_000);
            if has_readings {
                governor.handle_readings(now, &[]);
            }
            let busy = Duration::from_millis(50);
            let slowest = Duration::from_millis(5);
            let aside = Duration::ZERO;
            governor.handle_work(now, Work { frames: 12, offered: 25, busy, aside, slowest });
            effects.extend(std::iter::from_fn(|| governor.next(now)));
        }
        let told = effects.iter().filter(|e| matches!(e, Effect::Report(Finding::NoTemperature)));
        assert_eq!(told.count(), 1);
        assert_eq!(governor.operating_point(), LADDER[5]);
    }
}

/// 12 ms a frame are 30 % of the time; twice as much would be too dear, and is not tried.
#[test]
fn a_tier_that_the_packs_say_is_hardly_dearer_is_climbed_to() {
    for (told, expected) in [(false, 1), (true, 2)] {
        let mut plant = Simulated::new([12, 12, 16, 30]);
        if told {
            let by_rung = [2_000, 2_000, 2_500, 5_000].map(Duration::from_micros);
            let rung = |point| TWO_TIERS.iter().position(|p| *p == point).expect("a rung");
            plant.governor.handle_claims(|point| claim(rung(point), by_rung[rung(point)]));
        }
        plant.seconds(60);
        assert_eq!(plant.rung(), expected, "costs told: {told}");
    }
}

#[test]
fn boot_grace_is_a_deadline() {
    let mut governor = Governor::new(Monotonic(0), LADDER);
    let (at, wait) = governor.deadline().expect("the first readings are awaited");
    assert_eq!(wait, Wait::FirstReadings);
    assert_eq!(governor.next(Monotonic(at.0 - 1)), None);
    assert!(matches!(governor.next(at), Some(Effect::Report(Finding::NoTemperature))));
    assert!(matches!(governor.next(at), Some(Effect::Changed(_))));
    assert_eq!(governor.next(at), None);
}

/// Something that happens to a governor.
#[derive(Clone, Debug)]
struct Event {
    after_ms: u64,
    celsius: Option<Option<i32>>,
    work: Option<Work>,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let celsius = proptest::option::of(proptest::option::weighted(
        0.9,
        prop_oneof![4 => 40i32..75, 2 => 74i32..84, 1 => 84i32..130],
    ));
    let work = (0u32..40, 0u32..60, 0u64..1_200, 0u64..1_200, 0u64..200).prop_map(
        |(frames, offered, busy, aside, slowest)| Work {
            frames,
            offered,
            busy: Duration::from_millis(busy),
            aside: Duration::from_millis(aside),
            slowest: Duration::from_millis(slowest),
        },
    );
    let work = proptest::option::of(work);
    let event = (1u64..20_000, celsius, work).prop_map(|(after_ms, celsius, work)| Event {
        after_ms,
        celsius,
        work,
    });
    proptest::collection::vec(event, 1..800)
}

proptest! {
    #[test]
    fn invariants_hold_whatever_happens(events in events()) {
        let mut governor = Governor::new(Monotonic(0), LADDER);
        let mut now = Monotonic(0);
        let mut before = governor.status();
        let mut changed: Option<Monotonic> = None;
        let mut tier_changes: Vec<Monotonic> = Vec::new();
        for event in events {
            now = now.plus(Duration::from_millis(event.after_ms));
            if let Some(celsius) = event.celsius {
                let value = celsius.map(|c| Millicelsius(c * 1_000));
                governor.handle_readings(now, &[Probe { name: "t", value, trips: Trips::default() }]);
            }
            if let Some(work) = event.work {
                governor.handle_work(now, work);
            }
            while governor.next(now).is_some() {}
            let after = governor.status();
            let forced = matches!(after.mode, Mode::Critical | Mode::Shutdown);
            prop_assert!(!forced || alike(after.point, OperatingPoint::SMALLEST));
            prop_assert!(before.mode != Mode::Shutdown || after.mode == Mode::Shutdown);
            if !alike(after.point, before.point) {
                let rung = |point| LADDER.iter().position(|rung| alike(*rung, point));
                let is_down = rung(after.point) < rung(before.point);
                prop_assert!(is_down || changed.is_none_or(|at| now.since(at) >= DWELL));
                prop_assert!(is_down || after.mode == Mode::Nominal);
                let tiers = |p: OperatingPoint| (p.ball_tier, p.rim_tier);
                if tiers(after.point) != tiers(before.point) {
                    tier_changes.push(now);
                }
                changed = Some(now);
            }
            tier_changes.retain(|at| now.since(*at) < Duration::from_secs(3_600));
            prop_assert!(tier_changes.len() <= TIER_CHANGES_PER_HOUR);
            before = after;
        }
    }
}
