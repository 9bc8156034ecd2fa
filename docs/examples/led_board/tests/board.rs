//! What the board shows, message by message.

use led_board::Board;
use wire::board::BoardReading;
use wire::envelope::{BYTES_MAX, Body, Envelope, VERSION};
use wire::event::{EventKind, GameEvent, Stage};
use wire::ids::{BootId, EventId, Name, Seq};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};
use wire::units::Permille;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn message(boot: u32, seq: u64, body: Body) -> Vec<u8> {
    let envelope = Envelope {
        v: VERSION,
        dev: name("court-1"),
        boot: BootId(boot),
        seq: Seq(seq),
        ts_us: WallTime(0),
        mono_us: Monotonic(0),
        clock: ClockQuality::Unknown,
        body,
    };
    let mut buffer = [0; BYTES_MAX];
    postcard::to_slice(&envelope, &mut buffer).expect("it fits").to_vec()
}

fn event(number: u32, revision: u8, stage: Stage, kind: EventKind) -> Body {
    let at = MediaTime(0);
    Body::Game(GameEvent {
        id: EventId { boot: BootId(7), number },
        revision,
        stage,
        kind,
        source: name("court-1"),
        hoop: None,
        at,
        interval: MediaInterval { start: at, end: at },
        decided_at: at,
        at_arrived: WallTime(0),
        decided_arrived: WallTime(0),
        confidence: Permille(900),
        cues: heapless::Vec::new(),
    })
}

fn shot(number: u32, revision: u8, stage: Stage) -> Body {
    event(number, revision, stage, EventKind::MadeShot)
}

fn reading(home: u16, away: u16, period: Option<u16>) -> Body {
    Body::Board(BoardReading {
        source: name("court-1"),
        at: MediaTime(0),
        at_arrived: WallTime(0),
        home: Some(home),
        away: Some(away),
        period,
        clock_ds: None,
        shot_clock_ds: None,
        confidence: Permille(970),
    })
}

#[test]
fn shot_is_shown_at_once_and_its_question_mark_goes_when_it_is_confirmed() {
    let mut board = Board::default();
    let shown = board.take(&message(7, 1, shot(1, 0, Stage::Provisional))).expect("new").clone();
    assert_eq!((shown.last.as_str(), shown.made), ("MADE SHOT?", 1));
    let shown = board.take(&message(7, 2, shot(1, 1, Stage::Confirmed))).expect("new").clone();
    assert_eq!((shown.last.as_str(), shown.made), ("MADE SHOT", 1));
}

#[test]
fn retracted_shot_is_taken_back_and_its_replacement_shown() {
    let mut board = Board::default();
    board.take(&message(7, 1, shot(1, 0, Stage::Provisional)));
    board.take(&message(7, 2, shot(1, 1, Stage::Retracted)));
    assert_eq!((board.shown().last.as_str(), board.shown().made), ("", 0));
    let missed = event(2, 0, Stage::Confirmed, EventKind::MissedShot);
    board.take(&message(7, 3, missed));
    assert_eq!((board.shown().last.as_str(), board.shown().made), ("MISSED SHOT", 0));
}

#[test]
fn earlier_revision_that_is_late_changes_nothing() {
    let mut board = Board::default();
    board.take(&message(7, 2, shot(1, 1, Stage::Confirmed)));
    assert_eq!(board.take(&message(7, 1, shot(1, 0, Stage::Provisional))), None);
    assert_eq!((board.shown().last.as_str(), board.shown().made), ("MADE SHOT", 1));
    board.take(&message(7, 4, shot(2, 1, Stage::Retracted)));
    assert_eq!(board.take(&message(7, 3, shot(2, 0, Stage::Provisional))), None);
    assert_eq!(board.shown().made, 1);
}

#[test]
fn events_of_long_ago_are_forgotten_and_stay_counted() {
    let mut board = Board::default();
    for number in 1..=40 {
        board.take(&message(7, u64::from(number), shot(number, 0, Stage::Confirmed)));
    }
    assert_eq!(board.shown().made, 40);
}

#[test]
fn message_that_comes_twice_counts_once_whatever_came_between() {
    let mut board = Board::default();
    let first = message(7, 1, shot(1, 0, Stage::Confirmed));
    board.take(&first);
    board.take(&message(7, 3, shot(3, 0, Stage::Confirmed)));
    assert_eq!(board.take(&first), None);
    // Number 2 was late.
    board.take(&message(7, 2, shot(2, 0, Stage::Confirmed)));
    assert_eq!(board.shown().made, 3);
}

#[test]
fn box_that_starts_again_counts_on_and_its_earlier_start_is_over() {
    let mut board = Board::default();
    board.take(&message(7, 40, shot(1, 0, Stage::Confirmed)));
    board.take(&message(8, 1, shot(2, 0, Stage::Confirmed)));
    assert_eq!(board.shown().made, 2);
    assert_eq!(board.take(&message(7, 41, shot(3, 0, Stage::Confirmed))), None);
}

#[test]
fn score_is_shown_with_its_period_and_cut_to_the_row() {
    let mut board = Board::default();
    board.take(&message(7, 1, reading(54, 108, Some(3))));
    assert_eq!(board.shown().score.as_str(), "54:108 P3");
    board.take(&message(7, 2, reading(65_535, 65_535, Some(65_535))));
    assert!(board.shown().score.len() <= led_board::COLUMNS);
    assert!(board.shown().score.starts_with("65535:65535"));
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let mut board = Board::default();
    let good = message(7, 1, shot(1, 0, Stage::Confirmed));
    board.take(&good);
    let before = board.shown().clone();
    let mut other_version = message(7, 2, shot(2, 0, Stage::Confirmed));
    other_version[0] = 2;
    assert_eq!(board.take(&other_version), None);
    for len in 0..good.len() {
        assert_eq!(board.take(&good[..len]), None, "{len} bytes");
    }
    assert_eq!(*board.shown(), before);
}

#[test]
fn memory_is_that_of_a_small_microcontroller() {
    assert!(size_of::<Board>() <= 400, "{} bytes", size_of::<Board>());
}
