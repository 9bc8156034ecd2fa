//! Scoreboards, from readings to changes and score events.

use fusion::board::{BoardChange, Field, FieldView};
use fusion::{Fusion, Profile, Verdict};
use wire::event::{EventKind, Stage};
use wire::time::MediaTime;

/// A frame every quarter of a second, as the lane reads.
const STEP_MS: i64 = 250;

struct Game {
    fusion: Fusion,
    now: i64,
}

impl Game {
    fn new() -> Self {
        Self { fusion: Fusion::new(Profile::BASKETBALL), now: 0 }
    }

    /// Shows readings so many times; what came of it.
    fn show(&mut self, fields: &[FieldView<'_>], times: usize) -> Vec<BoardChange> {
        let mut changes = Vec::new();
        for _ in 0..times {
            let at = MediaTime::from_millis(self.now);
            self.now += STEP_MS;
            changes.extend(self.fusion.handle_board(at, fields));
        }
        changes
    }

    fn verdicts(&mut self) -> Vec<Verdict> {
        std::iter::from_fn(|| self.fusion.next()).collect()
    }
}

fn field(field: Field, text: &str) -> FieldView<'_> {
    FieldView { field, text, confidence: 0.97 }
}

fn score<'a>(home: &'a str, away: &'a str) -> [FieldView<'a>; 2] {
    [field(Field::Home, home), field(Field::Away, away)]
}

#[test]
fn the_first_reading_is_told_and_is_no_score() {
    let mut game = Game::new();
    let told = game.show(&score("12", "08"), 10);
    let [change] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((change.standing.home, change.standing.away), (Some(12), Some(8)));
    assert!(!change.scored && game.verdicts().is_empty());
}

#[test]
fn two_points_are_a_score_change_at_the_frame_that_showed_them_first() {
    let mut game = Game::new();
    game.show(&score("12", "8"), 10);
    let told = game.show(&score("14", "8"), 10);
    let [change] = told.as_slice() else { panic!("{told:?}") };
    assert!(change.scored);
    assert_eq!((change.standing.home, change.at), (Some(14), MediaTime::from_millis(2_500)));
    assert_eq!(change.before, MediaTime::from_millis(2_250));
    let verdicts = game.verdicts();
    let [verdict] = verdicts.as_slice() else { panic!("{verdicts:?}") };
    assert_eq!((verdict.kind, verdict.stage), (EventKind::ScoreChange, Stage::Confirmed));
    assert_eq!((verdict.at, verdict.hoop, verdict.confidence.0), (change.at, None, 970));
    assert_eq!(verdict.decided_at, MediaTime::from_millis(3_000));
}

#[test]
fn a_misread_digit_changes_nothing_and_neither_does_doubt() {
    let mut game = Game::new();
    game.show(&score("12", "8"), 10);
    for _ in 0..20 {
        assert_eq!(game.show(&score("13", "8"), 2), []);
        assert_eq!(game.show(&score("12", "8"), 1), []);
    }
    let doubtful = FieldView { confidence: 0.8, ..field(Field::Home, "14") };
    assert_eq!(game.show(&[doubtful], 40), []);
}

#[test]
fn a_score_that_falls_or_leaps_must_be_seen_for_three_seconds() {
    for other in ["10", "72"] {
        let mut game = Game::new();
        game.show(&score("12", "8"), 10);
        assert_eq!(game.show(&score(other, "8"), 11), [], "{other}");
        assert_eq!(game.show(&score(other, "8"), 1).len(), 1, "{other}");
    }
}

#[test]
fn readings_that_lie_far_apart_do_not_add_up() {
    let mut game = Game::new();
    game.show(&score("12", "8"), 10);
    for _ in 0..5 {
        assert_eq!(game.show(&score("14", "8"), 1), []);
        game.show(&[], 20);
    }
}

#[test]
fn period_and_clocks_come_with_the_change_and_a_stale_clock_does_not() {
    let mut game = Game::new();
    game.show(&score("12", "8"), 10);
    let clock = field(Field::Clock, "4:31");
    let told = game.show(&[clock, field(Field::Period, "3"), field(Field::ShotClock, "14")], 5);
    let standing = told.first().expect("the period").standing;
    assert_eq!(
        (standing.period, standing.clock_ds, standing.shot_clock_ds),
        (Some(3), Some(2_710), Some(140))
    );
    assert!(!told[0].scored);
    game.show(&[], 40);
    let told = game.show(&score("12", "10"), 5);
    assert_eq!(told[0].standing.clock_ds, None);
    assert_eq!(told[0].standing.period, Some(3));
}
