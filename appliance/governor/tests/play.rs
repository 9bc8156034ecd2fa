//! The governor on a box that warms up: what it saves, when it sprints, and what it never does.

use std::time::Duration;

use governor::cue::LIVE;
use governor::machine::TIER_CHANGES_PER_HOUR;
use governor::operating_point::{Claim, LADDER};
use governor::power::Sample;
use governor::state::COOL_DWELL;
use governor::{
    Cue, Effect, Governor, Mode, OperatingPoint, Pressure, Probe, Reason, Shed, Trips, Work,
};
use proptest::prelude::*;
use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts, Permille};

/// Watts, ms a frame and share of the moments seen of the first four rungs.
const RUNGS: [(f32, u64, u16); 4] =
    [(11.0, 3, 750), (14.0, 3, 880), (17.0, 6, 920), (24.0, 12, 950)];

/// A chip on a heat sink: 120 J/°C, 2.2 °C a watt; the chip is 0.4 °C a watt above it after 3 s.
struct Warming {
    governor: Governor,
    now: Monotonic,
    air: f32,
    sink: f32,
    chip: f32,
    neighbour: f32,
    sensor: Sensor,
    is_metered: bool,
    over_current: u32,
    frame_age: Duration,
    effects: Vec<Effect>,
}

/// What the sensor does.
#[derive(Clone, Copy, PartialEq)]
enum Sensor {
    Reads,
    Silent,
    /// Says the same for ever.
    Stuck(i32),
}

impl Warming {
    fn new(air: f32) -> Self {
        let mut governor = Governor::new(Monotonic(0), &LADDER[..4]);
        governor.handle_claims(|point| {
            let rung = LADDER.iter().position(|known| *known == point).expect("a rung");
            let (_, cost_ms, recall) = RUNGS[rung];
            let cost = Duration::from_millis(cost_ms);
            Claim { cost, recall: Permille(recall), power: None }
        });
        Self {
            governor,
            now: Monotonic(0),
            air,
            sink: air + 20.0,
            chip: 4.0,
            neighbour: 0.0,
            sensor: Sensor::Reads,
            is_metered: true,
            over_current: 0,
            frame_age: Duration::from_millis(30),
            effects: Vec::new(),
        }
    }

    fn rung(&self) -> usize {
        let point = self.governor.operating_point();
        let tiers = |p: OperatingPoint| (p.ball_tier, p.rim_tier);
        let rung = |known: &OperatingPoint| {
            tiers(*known) == tiers(point) && known.frame_rate >= point.frame_rate
        };
        LADDER.iter().position(rung).expect("a rung of the ladder")
    }

    fn celsius(&self) -> f32 {
        ((self.sink + self.chip) * 2.0).round() / 2.0
    }

    fn second(&mut self) {
        self.now = self.now.plus(Duration::from_secs(1));
        let (watts, cost_ms, _) = RUNGS[self.rung()];
        let watts = watts + self.neighbour;
        self.sink += (watts - (self.sink - self.air) / 2.2) / 120.0;
        self.chip += (0.4 * watts - self.chip) / 3.0;
        let value = match self.sensor {
            Sensor::Reads => Some(Millicelsius((self.celsius() * 1_000.0) as i32)),
            Sensor::Silent => None,
            Sensor::Stuck(milli) => Some(Millicelsius(milli)),
        };
        let passive = Some(Millicelsius(99_000));
        let critical = Some(Millicelsius(104_500));
        let trips = Trips { passive, hot: None, critical };
        self.governor.handle_readings(self.now, &[Probe { name: "junction", value, trips }]);
        let input = self.is_metered.then_some(Milliwatts((watts * 1_000.0) as u32));
        let over_current = std::mem::take(&mut self.over_current);
        self.governor.handle_power(self.now, Sample { input, over_current });
        let frame_age = Some(self.frame_age);
        self.governor.handle_pressure(self.now, Pressure { frame_age, ..Pressure::default() });
        let rate = self.governor.operating_point().frame_rate.0 / 1_000;
        let frames = rate.min(25);
        self.governor.handle_work(
            self.now,
            Work {
                frames,
                offered: 25,
                busy: Duration::from_millis(u64::from(frames) * cost_ms),
                aside: Duration::ZERO,
                slowest: Duration::from_millis(cost_ms),
            },
        );
        self.drain();
    }

    fn cue(&mut self, cue: Cue) {
        self.governor.handle_cue(self.now, cue);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.governor.next(self.now) {
            self.effects.push(effect);
        }
    }

    fn seconds(&mut self, count: u32) {
        (0..count).for_each(|_| self.second());
    }

    /// How often tiers or rate changed beside sprints, since the effects were cleared.
    fn points_changed(&self) -> usize {
        let changed = |effect: &&Effect| match effect {
            Effect::Changed(change) => {
                let left_out = |p: OperatingPoint| OperatingPoint { shed: Shed::Nothing, ..p };
                let (before, after) = (left_out(change.before.point), left_out(change.after.point));
                before != after && !change.is_of_a_sprint
            }
            Effect::Report(_) | Effect::ShutDown(_) => false,
        };
        self.effects.iter().filter(changed).count()
    }

    fn why(&self) -> String {
        self.governor.explain(self.now).to_string()
    }
}

#[test]
fn cool_box_runs_its_best_and_needs_no_sprint() {
    let mut warm = Warming::new(25.0);
    warm.seconds(600);
    assert_eq!(warm.rung(), 3, "{}", warm.why());
    warm.cue(Cue::Whistle);
    assert!(!warm.governor.is_sprinting());
}

#[test]
fn hot_box_saves_in_quiet_play_and_sprints_at_the_next_frame_when_a_cue_comes() {
    let mut warm = Warming::new(38.0);
    warm.seconds(1_800);
    let quiet = warm.rung();
    assert!((1..3).contains(&quiet), "{}", warm.why());
    warm.cue(Cue::BallNearRim);
    assert_eq!(warm.rung(), 3, "{}", warm.why());
    assert!(warm.governor.is_sprinting());
    warm.seconds(LIVE.as_secs() as u32 + 1);
    assert_eq!(warm.rung(), quiet, "{}", warm.why());
    let changed = |effect: &Effect| match effect {
        Effect::Changed(change) => Some(change.reason.clone()),
        Effect::Report(_) | Effect::ShutDown(_) => None,
    };
    let reasons: Vec<Reason> = warm.effects.iter().rev().take(2).filter_map(changed).collect();
    assert_eq!(reasons, [Reason::SprintOver, Reason::Sprint(Cue::BallNearRim)]);
}

#[test]
fn a_sprint_is_spent_from_the_bank_and_ends_before_it_gets_too_hot() {
    let mut warm = Warming::new(48.0);
    warm.seconds(1_800);
    let mut hottest = 0f32;
    // Cues without an end.
    for second in 0..3_600 {
        if second % 5 == 0 {
            warm.cue(Cue::CrowdSwell);
        }
        warm.second();
        hottest = hottest.max(warm.sink + warm.chip);
    }
    assert!(hottest < 97.0, "{hottest} °C\n{}", warm.why());
    assert_eq!(warm.governor.status().mode, Mode::Nominal);
}

#[test]
fn steady_heat_costs_at_most_six_changes_of_tiers_an_hour() {
    for air in [20.0, 35.0, 42.0, 46.0, 50.0, 54.0] {
        let mut warm = Warming::new(air);
        warm.seconds(3_600);
        warm.effects.clear();
        warm.seconds(3_600);
        let changes = warm.effects.iter().filter(|e| matches!(e, Effect::Changed(_))).count();
        assert!(changes <= TIER_CHANGES_PER_HOUR, "{changes} at {air} °C\n{}", warm.why());
        assert!(warm.sink + warm.chip < 99.0, "{} °C at {air} °C", warm.sink + warm.chip);
    }
}

#[test]
fn air_that_gets_hot_is_met_before_the_limit() {
    let mut warm = Warming::new(25.0);
    warm.seconds(1_200);
    for second in 0..3_600 {
        warm.air = 25.0 + second as f32 / 3_600.0 * 25.0;
        warm.second();
        assert!(warm.sink + warm.chip < 97.0, "{}", warm.why());
    }
    assert!(warm.effects.iter().all(|effect| match effect {
        Effect::Changed(change) => change.after.mode == Mode::Nominal,
        Effect::Report(_) | Effect::ShutDown(_) => true,
    }));
}

#[test]
fn what_the_supply_may_give_is_never_exceeded() {
    let mut warm = Warming::new(25.0);
    warm.governor.handle_budget(Milliwatts(18_000));
    for second in 0..1_800 {
        if second % 60 == 0 {
            warm.cue(Cue::Whistle);
        }
        warm.second();
        // It is not known before it was tried what a rung draws, but a guess.
        assert!(warm.rung() < 3 || second < 60, "{}", warm.why());
    }
    assert_eq!(warm.rung(), 2, "{}", warm.why());
}

#[test]
fn an_over_current_alarm_leads_down_at_once_and_not_up_again_for_half_an_hour() {
    let mut warm = Warming::new(20.0);
    warm.seconds(600);
    assert_eq!(warm.rung(), 3);
    warm.over_current = 1;
    warm.second();
    assert!(warm.rung() < 3, "{}", warm.why());
    warm.cue(Cue::Button);
    warm.seconds(1_700);
    assert!(warm.rung() < 3, "{}", warm.why());
    warm.seconds(600);
    assert_eq!(warm.rung(), 3, "{}", warm.why());
}

#[test]
fn frames_that_grow_old_cost_rate_before_tiers() {
    let mut warm = Warming::new(25.0);
    warm.seconds(600);
    let before = warm.governor.operating_point();
    warm.frame_age = Duration::from_millis(320);
    warm.seconds(2);
    let point = warm.governor.operating_point();
    assert_eq!((point.ball_tier, point.rim_tier), (before.ball_tier, before.rim_tier));
    assert_eq!(point.frame_rate.0, 12_500, "{}", warm.why());
    warm.frame_age = Duration::from_millis(30);
    warm.seconds(40);
    assert_eq!(warm.governor.operating_point(), before);
}

#[test]
fn silent_sensor_counts_as_its_worst_case_until_it_answers() {
    let mut warm = Warming::new(25.0);
    warm.seconds(600);
    warm.sensor = Sensor::Silent;
    warm.seconds(4);
    assert_eq!(warm.rung(), 3, "one reading that is missing is no loss");
    warm.seconds(3);
    assert_eq!(warm.rung(), 0);
    let lost = |effect: &Effect| match effect {
        Effect::Changed(change) => matches!(change.reason, Reason::Blind(_)),
        Effect::Report(_) | Effect::ShutDown(_) => false,
    };
    assert!(warm.effects.iter().any(lost), "{:#?}", warm.effects);
    warm.cue(Cue::Button);
    warm.seconds(600);
    assert_eq!(warm.rung(), 0, "{}", warm.why());
    warm.sensor = Sensor::Reads;
    warm.seconds(300);
    assert!(warm.rung() > 0, "{}", warm.why());
}

#[test]
fn critical_box_leaves_out_one_lane_after_the_other() {
    let mut warm = Warming::new(25.0);
    warm.seconds(100);
    warm.sensor = Sensor::Stuck(99_000);
    let mut shed = Vec::new();
    for _ in 0..25 {
        warm.second();
        shed.push(warm.governor.operating_point().shed.to_string());
    }
    shed.dedup();
    let wanted = ["players", "players and board", "players, board and the search for hoops"];
    assert_eq!(shed, wanted, "{}", warm.why());
}

#[test]
fn pinned_point_is_in_force_from_the_first_frame_until_the_box_would_break() {
    let mut warm = Warming::new(50.0);
    warm.governor = Governor::pinned(Monotonic(0), LADDER[3]);
    let point = warm.governor.operating_point();
    assert_eq!(point, LADDER[3]);
    warm.frame_age = Duration::from_millis(400);
    let mut fallen = false;
    for _ in 0..7_200 {
        warm.second();
        let now = warm.governor.operating_point();
        let critical = warm.governor.status().mode == Mode::Critical;
        assert!(critical || now == point || fallen, "{}", warm.why());
        fallen |= critical;
    }
    assert!(fallen, "24 W in air of 50 °C are too much\n{}", warm.why());
    warm.air = 15.0;
    warm.seconds(1_800);
    assert_eq!(warm.governor.operating_point(), point, "{}", warm.why());
}

#[test]
fn pinned_box_with_a_budget_comes_back_and_changes_at_most_six_times_an_hour() {
    let mut warm = Warming::new(25.0);
    warm.governor = Governor::pinned(Monotonic(0), LADDER[3]);
    warm.governor.handle_budget(Milliwatts(30_000));
    warm.seconds(60);
    warm.sensor = Sensor::Silent;
    warm.seconds(10);
    assert_eq!(warm.rung(), 0);
    warm.sensor = Sensor::Reads;
    warm.seconds(120);
    assert_eq!(warm.governor.operating_point(), LADDER[3], "{}", warm.why());
    warm.air = 55.0;
    warm.seconds(1_800);
    for _ in 0..4 {
        warm.effects.clear();
        warm.seconds(3_600);
        assert!(warm.points_changed() <= TIER_CHANGES_PER_HOUR, "{}", warm.why());
    }
}

#[test]
fn cues_every_half_minute_keep_no_box_from_climbing_in_between() {
    let mut warm = Warming::new(25.0);
    warm.seconds(600);
    warm.sensor = Sensor::Silent;
    warm.seconds(10);
    warm.sensor = Sensor::Reads;
    warm.effects.clear();
    for second in 0..1_200 {
        if second % 25 == 0 {
            warm.cue(Cue::BallNearRim);
        }
        warm.second();
    }
    assert!(warm.rung() > 0 && !warm.governor.is_sprinting(), "{}", warm.why());
}

#[test]
fn short_sprints_do_not_put_off_what_quiet_play_waits_for() {
    let mut warm = Warming::new(25.0);
    warm.seconds(600);
    // The second setback asks for a minute.
    for _ in 0..2 {
        warm.sensor = Sensor::Silent;
        warm.seconds(10);
        warm.sensor = Sensor::Reads;
        warm.seconds(40);
    }
    for second in 0..240 {
        if second % 30 == 0 {
            warm.cue(Cue::ScoreChange);
        }
        warm.second();
    }
    // The last sprint of ten seconds is over.
    assert!(!warm.governor.is_sprinting());
    assert!(warm.rung() > 0, "{}", warm.why());
}

#[test]
fn sprint_that_heat_ended_is_not_begun_again_at_once() {
    let mut warm = Warming::new(53.0);
    warm.seconds(1_800);
    let (mut ended, mut ends) = (None, 0);
    for _ in 0..1_800 {
        warm.effects.clear();
        warm.cue(Cue::Button);
        warm.second();
        for effect in &warm.effects {
            let Effect::Changed(change) = effect else { continue };
            if change.is_of_a_sprint && matches!(change.reason, Reason::TooHotSoon(_)) {
                (ended, ends) = (Some(warm.now), ends + 1);
            } else if matches!(change.reason, Reason::Sprint(_) | Reason::Live) {
                let waited = ended.map_or(Duration::MAX, |at| warm.now.since(at));
                assert!(waited >= Duration::from_secs(7), "{waited:?}\n{}", warm.why());
            }
        }
    }
    assert!(ends > 3, "heat ended {ends} sprints\n{}", warm.why());
}

#[test]
fn box_that_starts_hot_waits_until_it_knows_how_it_warms_up() {
    let mut warm = Warming::new(58.0);
    warm.sink = 80.0;
    for second in 0..90 {
        warm.cue(Cue::Button);
        warm.second();
        assert_eq!(warm.rung(), 0, "second {second}\n{}", warm.why());
    }
    warm.seconds(600);
    assert_eq!(warm.governor.status().mode, Mode::Nominal, "{}", warm.why());
}

#[test]
fn sensor_that_comes_and_goes_costs_few_changes() {
    let mut warm = Warming::new(25.0);
    warm.seconds(300);
    warm.effects.clear();
    for second in 0..3_600 {
        warm.sensor = if second % 12 < 7 { Sensor::Silent } else { Sensor::Reads };
        warm.second();
    }
    assert!(warm.points_changed() <= 2, "{}", warm.why());
}

#[test]
fn what_happens_to_a_box_in_a_sprint_is_no_usual_end_of_it() {
    let mut warm = Warming::new(38.0);
    warm.seconds(1_800);
    warm.cue(Cue::Whistle);
    assert!(warm.governor.is_sprinting(), "{}", warm.why());
    warm.sensor = Sensor::Stuck(99_000);
    warm.effects.clear();
    warm.second();
    let told = |effect: &Effect| match effect {
        Effect::Changed(change) => change.after.mode == Mode::Critical && !change.is_of_a_sprint,
        Effect::Report(_) | Effect::ShutDown(_) => false,
    };
    assert!(warm.effects.iter().any(told), "{:#?}", warm.effects);
}

#[test]
fn alarm_teaches_also_where_nothing_measures_power() {
    let mut warm = Warming::new(20.0);
    warm.is_metered = false;
    warm.seconds(600);
    assert_eq!(warm.rung(), 3, "{}", warm.why());
    warm.over_current = 1;
    warm.second();
    let lower = warm.rung();
    assert!(lower < 3);
    warm.cue(Cue::Button);
    warm.seconds(1_500);
    assert!(warm.rung() <= lower, "{}", warm.why());
}

#[test]
fn critical_heat_is_the_reason_whatever_else_is_short() {
    let mut warm = Warming::new(25.0);
    warm.seconds(100);
    warm.sensor = Sensor::Stuck(102_000);
    warm.frame_age = Duration::from_millis(900);
    warm.seconds(10);
    let shut_down = |effect: &Effect| match effect {
        Effect::ShutDown(reason) => Some(reason.clone()),
        Effect::Changed(_) | Effect::Report(_) => None,
    };
    let reason = warm.effects.iter().find_map(shut_down);
    assert!(matches!(reason, Some(Reason::Hot(_))), "{reason:?}");
}

/// A second of a game: how the air is, whether a cue comes.
fn games() -> impl Strategy<Value = Vec<(f32, Option<Cue>)>> {
    let cue = proptest::option::weighted(0.05, proptest::sample::select(Cue::ALL.to_vec()));
    proptest::collection::vec((15f32..60.0, cue), 100..900)
}

proptest! {
    /// A box whose sensor is silent is never faster than one whose sensor says what it said last.
    #[test]
    fn missing_sensor_never_makes_a_box_faster(game in games(), lost_at in 60usize..400) {
        let mut boxes = [Warming::new(35.0), Warming::new(35.0)];
        let lost_at = lost_at.min(game.len() - 1);
        for (second, (air, cue)) in game.into_iter().enumerate() {
            if second == lost_at {
                let stuck = (boxes[1].celsius() * 1_000.0) as i32;
                (boxes[0].sensor, boxes[1].sensor) = (Sensor::Silent, Sensor::Stuck(stuck));
            }
            for warm in &mut boxes {
                warm.air += (air - warm.air) / 60.0;
                if let Some(cue) = cue {
                    warm.cue(cue);
                }
                warm.second();
            }
            let [silent, stuck] = [&boxes[0], &boxes[1]].map(Warming::rung);
            prop_assert!(silent <= stuck, "{silent} and {stuck} in second {second}, lost in {lost_at}");
        }
    }

    /// However hot it was, a box that is cool leaves Critical.
    #[test]
    fn critical_is_left_when_it_is_cool(
        hot in 96_000i32..101_000,
        cool in 20_000i32..85_000,
        seconds in 1u32..200,
    ) {
        let mut warm = Warming::new(25.0);
        warm.seconds(60);
        warm.sensor = Sensor::Stuck(hot);
        warm.seconds(seconds);
        prop_assume!(warm.governor.status().mode != Mode::Shutdown);
        warm.sensor = Sensor::Stuck(cool);
        warm.seconds(COOL_DWELL.as_secs() as u32 + 1);
        prop_assert!(warm.governor.status().mode != Mode::Critical);
        warm.seconds(2 * COOL_DWELL.as_secs() as u32);
        prop_assert_eq!(warm.governor.status().mode, Mode::Nominal);
    }

    /// Whatever the air and the cues: a box that the smallest point can cool stays below the
    /// kernel's trip point.
    #[test]
    fn the_kernel_never_has_to_throttle(game in games(), cold in 15f32..45.0) {
        let mut warm = Warming::new(cold);
        for (air, cue) in game {
            warm.air += (air - warm.air) / 120.0;
            if let Some(cue) = cue {
                warm.cue(cue);
            }
            warm.second();
            prop_assert!(warm.sink + warm.chip < 99.0, "{}", warm.why());
        }
    }
}
