//! What goes wrong: sensors, supply, other programs, heat that cannot be stood.

use std::time::Duration;

use governor::machine::TIER_CHANGES_PER_HOUR;
use governor::operating_point::LADDER;
use governor::{Cue, Effect, Governor, Mode, Reason};
use wire::time::Monotonic;
use wire::units::Milliwatts;

use crate::warming::{Sensor, Warming};

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
