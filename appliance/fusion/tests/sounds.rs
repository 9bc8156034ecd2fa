//! Whistles and buzzers, from blocks that the lane hears to verdicts.

use fusion::{Fusion, Heard, Profile, SoundView, Verdict};
use wire::event::{EventKind, Stage};
use wire::time::MediaTime;

/// What one block sounds like: chances of whistle and buzzer.
type Block = (f32, f32);

const SILENCE: Block = (0.02, 0.02);

/// Verdicts over blocks 100 ms apart; a block is judged 300 ms after it was heard.
fn run(fusion: &mut Fusion, blocks: &[Block]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (index, (whistle, buzzer)) in (0..).zip(blocks) {
        let at = MediaTime::from_millis(100 * index);
        let heard = Heard { at, whistle: *whistle, buzzer: *buzzer, crowd: 0.0 };
        let now = MediaTime::from_millis(100 * index + 300);
        fusion.handle_sound(&SoundView { at: now, centi_db: -3_000, heard: Some(heard) });
        verdicts.extend(std::iter::from_fn(|| fusion.next()));
    }
    verdicts
}

fn fresh() -> Fusion {
    Fusion::new(Profile::BASKETBALL)
}

fn blocks(parts: &[(usize, Block)]) -> Vec<Block> {
    parts.iter().flat_map(|(count, block)| std::iter::repeat_n(*block, *count)).collect()
}

#[test]
fn a_whistle_is_told_with_its_fifth_block_and_confirmed_when_it_is_over() {
    let heard = blocks(&[(5, SILENCE), (6, (0.9, 0.1)), (8, SILENCE)]);
    let verdicts = run(&mut fresh(), &heard);
    let [first, last] = verdicts.as_slice() else { panic!("{verdicts:?}") };
    assert_eq!(
        (first.kind, first.stage, first.revision),
        (EventKind::Whistle, Stage::Provisional, 0)
    );
    assert_eq!(first.decided_at, MediaTime::from_millis(1_200), "the fifth, when it is judged");
    assert_eq!((last.stage, last.revision, last.number), (Stage::Confirmed, 1, first.number));
    assert_eq!((last.at, last.hoop), (MediaTime::from_millis(500), None));
    assert_eq!(last.interval.end, MediaTime::from_millis(1_100));
    assert!((i32::from(last.confidence.0) - 900).abs() <= 1, "{:?}", last.confidence);
}

#[test]
fn a_shoe_that_squeaks_in_three_blocks_is_nothing() {
    let heard = blocks(&[(5, SILENCE), (3, (0.99, 0.0)), (8, SILENCE)]);
    assert_eq!(run(&mut fresh(), &heard), []);
    // However long: what is never likely is nothing.
    assert_eq!(run(&mut fresh(), &[(0.4, 0.4); 100]), []);
}

#[test]
fn a_buzzer_must_last_longer_than_a_note() {
    let heard = |blocks_of_it| blocks(&[(5, SILENCE), (blocks_of_it, (0.0, 0.97)), (8, SILENCE)]);
    assert_eq!(run(&mut fresh(), &heard(3)), []);
    let verdicts = run(&mut fresh(), &heard(4));
    assert_eq!(verdicts.len(), 2);
    assert_eq!(verdicts[0].at, MediaTime::from_millis(500));
}

#[test]
fn a_hum_of_hours_neither_overflows_nor_dates_back_what_follows_it() {
    let hum = 70_000;
    let heard = blocks(&[(hum, (0.0, 0.4)), (8, (0.0, 0.95)), (8, SILENCE)]);
    let verdicts = run(&mut fresh(), &heard);
    let stages: Vec<Stage> = verdicts.iter().map(|verdict| verdict.stage).collect();
    assert_eq!(stages, [Stage::Provisional, Stage::Confirmed]);
    let early = MediaTime::from_millis(100 * hum as i64).since(verdicts[0].at);
    assert!((0..=450_000).contains(&early.0), "{} s too early", early.0 / 90_000);
}

#[test]
fn what_was_heard_before_a_gap_adds_nothing_to_what_comes_after() {
    let mut fusion = fresh();
    assert_eq!(run(&mut fusion, &blocks(&[(3, SILENCE), (2, (0.9, 0.0))])), []);
    let after = |ms: i64| {
        let at = MediaTime::from_millis(ms);
        let heard = Heard { at, whistle: 0.9, ..Heard::default() };
        SoundView { at, centi_db: -3_000, heard: Some(heard) }
    };
    for ms in [60_000, 60_100, 60_200, 60_300] {
        fusion.handle_sound(&after(ms));
        assert_eq!(fusion.next(), None);
    }
    fusion.handle_sound(&after(60_400));
    assert_eq!(fusion.next().map(|verdict| verdict.at), Some(MediaTime::from_millis(60_000)));
}

#[test]
fn a_double_whistle_is_one_event_and_two_whistles_are_two() {
    let twice = |pause| {
        let blow = (6, (0.9, 0.0));
        let heard = blocks(&[(3, SILENCE), blow, (pause, SILENCE), blow, (8, SILENCE)]);
        let told = run(&mut fresh(), &heard);
        told.iter().filter(|verdict| verdict.stage == Stage::Confirmed).count()
    };
    assert_eq!(twice(2), 1);
    assert_eq!(twice(6), 2);
}

#[test]
fn a_whistle_and_a_buzzer_at_once_are_two_events_with_numbers_of_their_own() {
    let heard = blocks(&[(3, SILENCE), (6, (0.85, 0.97)), (8, SILENCE)]);
    let verdicts = run(&mut fresh(), &heard);
    let told = |kind| verdicts.iter().filter(move |verdict| verdict.kind == kind);
    assert_eq!(told(EventKind::Whistle).count(), 2);
    assert_eq!(told(EventKind::Buzzer).count(), 2);
    let numbers = |kind| told(kind).map(|verdict| verdict.number).collect::<Vec<_>>();
    assert_ne!(numbers(EventKind::Whistle), numbers(EventKind::Buzzer));
}

#[test]
fn what_never_ends_is_confirmed_after_five_seconds_and_told_once() {
    let heard =
        blocks(&[(3, SILENCE), (200, (0.0, 0.97)), (8, SILENCE), (5, (0.0, 0.97)), (8, SILENCE)]);
    let verdicts = run(&mut fresh(), &heard);
    let stages: Vec<Stage> = verdicts.iter().map(|verdict| verdict.stage).collect();
    let twice = [Stage::Provisional, Stage::Confirmed].repeat(2);
    assert_eq!(stages, twice, "the drone, and the buzzer after it");
    assert_eq!(verdicts[1].interval.end, MediaTime::from_millis(300 + 5_100));
}

#[test]
fn the_end_of_the_stream_settles_a_sound_and_a_cut_of_the_picture_does_not() {
    let mut fusion = fresh();
    let told = run(&mut fusion, &blocks(&[(3, SILENCE), (6, (0.9, 0.0))]));
    assert_eq!(told.len(), 1);
    fusion.handle_gap(MediaTime::from_millis(1_000));
    assert_eq!(fusion.next(), None);
    fusion.handle_end(MediaTime::from_millis(1_100));
    assert_eq!(fusion.next().map(|verdict| verdict.stage), Some(Stage::Confirmed));
}
