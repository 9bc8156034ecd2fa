//! What a box does in quiet play and in sprints, however warm it is.

use std::time::Duration;

use governor::cue::LIVE;
use governor::machine::TIER_CHANGES_PER_HOUR;
use governor::{Cue, Effect, Mode, Reason};

use crate::warming::{Sensor, Warming};

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
