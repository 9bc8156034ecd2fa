//! The games and what the engine sees of them.

use std::time::Duration;

use governor::Cue;
use trials::offers::{Capacity, Offers};
use trials::play::Trace;
use trials::score::{Score, percentile, recall_at};
use trials::time::STEPS_PER_SECOND;
use trials::{At, Game};

#[test]
fn same_seed_same_game() {
    assert_eq!(Game::new(7), Game::new(7));
    assert_ne!(Game::new(7), Game::new(8));
}

#[test]
fn day_of_four_hours_has_two_games_of_shots_and_a_cue_before_most() {
    for seed in 0..20 {
        let game = Game::new(seed);
        assert_eq!(game.end, At(4.0 * 3_600.0));
        let count = game.moments.len();
        let every = game.live_s / count as f64;
        assert!((20.0..28.0).contains(&every), "seed {seed}: one in {every} s of live play");
        assert!(game.moments.is_sorted_by(|a, b| a.0 <= b.0));
        assert!(game.cues.is_sorted_by(|(a, _), (b, _)| a.0 <= b.0));
        let announced = |at: &&At| {
            game.cues.iter().any(|(cue, kind)| {
                *kind == Cue::BallNearRim && (0.0..2.5).contains(&(at.0 - cue.0))
            })
        };
        let share = game.moments.iter().filter(announced).count() as f64 / count as f64;
        assert!((0.75..0.98).contains(&share), "seed {seed}: {share}");
    }
}

#[test]
fn part_of_a_day_keeps_its_moments() {
    let whole = Game::new(3);
    let part = whole.clone().from(At(1_500.0)).until(At(600.0));
    let inside = whole.moments.iter().filter(|at| (1_500.0..2_100.0).contains(&at.0)).count();
    assert_eq!(part.moments.len(), inside);
    assert_eq!(part.end, At(600.0));
}

#[test]
fn slower_clock_and_a_neighbour_leave_fewer_frames_and_less_recall() {
    let offers = Offers::of(sim::Board::OrinNx);
    let full = offers.points.last().unwrap();
    let at = |clock, left| full.achieved(Capacity { clock, left });
    let alone = at(1.0, 1.0);
    assert_eq!(alone.recall, full.recall);
    assert_eq!((alone.hz, alone.covered), (30.0, 1.0));
    assert!(at(0.3, 1.0).recall < alone.recall);
    assert!(at(0.3, 1.0).hz < 20.0);
    assert!(at(0.5, 1.0).power.0 < alone.power.0);
    assert!(at(0.5, 0.5).recall < at(0.5, 1.0).recall);
    let off = at(0.0, 1.0);
    assert_eq!((off.recall, off.covered, off.power.0), (0.0, 0.0, 0.0));
    // Two frames of 340 ms each: too late.
    let late = at(0.05, 1.0);
    assert!(late.age > Duration::from_millis(400));
    assert_eq!((late.recall, late.covered), (0.0, 0.0));
}

#[test]
fn every_point_is_dearer_and_sees_more_than_the_one_below() {
    for board in sim::Board::ALL {
        let offers = Offers::of(board);
        for pair in offers.points.windows(2) {
            assert!(pair[0].power.0 < pair[1].power.0);
            assert!(pair[0].recall < pair[1].recall);
        }
    }
}

#[test]
fn value_is_that_of_the_moments_and_a_tenth_of_the_frames() {
    let steps = 60 * STEPS_PER_SECOND;
    let mut trace = Trace {
        recall: vec![0.5; steps],
        covered: vec![1.0; steps],
        hottest: vec![50.0; steps],
        ..Trace::default()
    };
    trace.recall[80..].fill(1.0);
    let game = Game { end: At(60.0), moments: vec![At(5.0), At(40.0)], ..Game::default() };
    let score = Score::of(&game, &trace);
    assert_eq!(score.moments, 0.75);
    assert!((score.value - (0.9 * 0.75 + 0.1)).abs() < 1e-9);
    // Half a second around the moment counts.
    assert_eq!(recall_at(&trace, At(20.0)), 0.8);
}

#[test]
fn percentile_of_nothing_is_nothing() {
    assert_eq!(percentile(&[], 0.95), None);
    assert_eq!(percentile(&[1.0, 2.0, 3.0], 0.5), Some(2.0));
}
