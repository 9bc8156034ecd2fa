//! A replay is noticed, live play is not taken for one.

use models::lanes::replay::ReplayWatch;
use models::limits::SCENE_GRID;
use wire::time::MediaTime;

use crate::scene::{hash, texture};

/// Players on a floor, as a camera that stands still sees them at a moment of play.
fn play(seconds: f32, camera: u32) -> Vec<u8> {
    let (columns, rows) = SCENE_GRID;
    let player = |number: u32| {
        let wave = |seed: u32| {
            let rate = 0.15 + 0.4 * hash(number as i32, seed as i32, camera);
            (seconds * rate + 6.3 * hash(number as i32, seed as i32, 7)).sin()
        };
        let (x, y) = (0.5 + 0.3 * wave(1) + 0.15 * wave(2), 0.6 + 0.2 * wave(3) + 0.1 * wave(4));
        (x * columns as f32, y * rows as f32)
    };
    let players: Vec<(f32, f32)> = (0..8).map(player).collect();
    let cell = |index: usize| {
        let (x, y) = ((index % columns) as f32, (index / columns) as f32);
        // A player's edge covers a part of a cell.
        let share = |(px, py): (f32, f32)| {
            (1.7 - (x - px).abs()).clamp(0.0, 1.0) * (3.0 - (y - py).abs()).clamp(0.0, 1.0)
        };
        let floor = 90.0 + 80.0 * texture((x, y), 5.0, camera);
        let grey = players.iter().enumerate().fold(floor, |grey, (number, &player)| {
            let shirt = if number % 2 == 0 { 40.0 } else { 220.0 };
            grey + share(player) * (shirt - grey)
        });
        // The grain of 400 pixels is little, and another one every time.
        let grain = hash(index as i32, (seconds * 1e3) as i32, 11) - 0.5;
        (grey + grain) as u8
    };
    (0..columns * rows).map(cell).collect()
}

/// What is on air: from when on, which moment of play that is, how fast it runs, which camera.
struct Cut {
    from: f32,
    moment: f32,
    speed: f32,
    camera: u32,
}

fn cut(from: f32, moment: f32, speed: f32, camera: u32) -> Cut {
    Cut { from, moment, speed, camera }
}

/// The times, in seconds of 25 pictures, at which a replay is on.
fn replays(program: &[Cut], seconds: f32) -> Vec<f32> {
    let mut watch = ReplayWatch::default();
    let times = (0..(25.0 * seconds) as i64).map(|number| number as f32 / 25.0);
    let on_air = |&t: &f32| {
        let cut = program.iter().rev().find(|cut| cut.from <= t).expect("starts at 0");
        // A slow replay repeats pictures: there are only 25 of a second.
        let moment = cut.moment + (25.0 * (t - cut.from) * cut.speed).floor() / 25.0;
        let at = MediaTime::from_millis((t * 1e3).round() as i64);
        watch.observe(&play(moment, cut.camera), at).is_some()
    };
    times.filter(on_air).collect()
}

fn ends(times: &[f32]) -> (f32, f32) {
    (times.first().copied().unwrap_or(-1.0), times.last().copied().unwrap_or(-1.0))
}

#[test]
fn a_replay_at_any_speed_is_noticed_within_two_seconds_and_ends_when_play_goes_on() {
    for (speed, within) in [(1.0, 1.2), (0.5, 1.2), (0.25, 2.0)] {
        let program = [cut(0.0, 0.0, 1.0, 1), cut(20.0, 15.0, speed, 1), cut(25.0, 25.0, 1.0, 1)];
        let (first, last) = ends(&replays(&program, 32.0));
        assert!(first > 20.0 && first < 20.0 + within, "at {speed}: from {first}");
        assert!(last > 24.9 && last < 25.5, "at {speed}: until {last}");
    }
}

#[test]
fn when_the_replay_began_is_told_although_it_is_noticed_later() {
    let mut watch = ReplayWatch::default();
    let shown = |watch: &mut ReplayWatch, number: i64, moment: f32| {
        watch.observe(&play(moment, 1), MediaTime::from_millis(40 * number))
    };
    for number in 0..250 {
        assert_eq!(shown(&mut watch, number, number as f32 / 25.0), None);
    }
    let began = (250..300).find_map(|number| shown(&mut watch, number, number as f32 / 25.0 - 4.0));
    let began = began.expect("a replay").as_secs_f64();
    assert!((10.0..10.2).contains(&began), "{began}");
}

#[test]
fn cutting_to_another_camera_and_back_is_no_replay() {
    let program = [
        cut(0.0, 0.0, 1.0, 1),
        cut(10.0, 10.0, 1.0, 2),
        cut(14.0, 14.0, 1.0, 1),
        cut(24.0, 24.0, 1.0, 2),
        cut(30.0, 30.0, 1.0, 1),
    ];
    assert_eq!(replays(&program, 60.0), [0.0; 0]);
}

#[test]
fn a_court_on_which_nothing_moves_is_no_replay() {
    assert_eq!(replays(&[cut(0.0, 3.0, 0.0, 1)], 30.0), [0.0; 0]);
}

#[test]
fn a_stream_that_goes_round_in_a_loop_is_live_after_a_while() {
    let round = |number: u32| cut(12.0 * number as f32, 0.0, 1.0, 1);
    let program: Vec<Cut> = (0..5).map(round).collect();
    let (first, last) = ends(&replays(&program, 60.0));
    assert!((12.0..13.0).contains(&first), "{first}");
    assert!(last < 34.0, "{last}");
}

/// Frames that a busy box skips.
#[test]
fn a_replay_is_noticed_at_five_pictures_a_second_too() {
    let mut watch = ReplayWatch::default();
    let mut noticed = None;
    for number in 0..110 {
        let t = number as f32 / 5.0;
        let moment = if t < 18.0 { t } else { t - 5.0 };
        let at = MediaTime::from_millis(200 * number);
        if watch.observe(&play(moment, 1), at).is_some() {
            noticed = noticed.or(Some(t));
        }
    }
    let noticed = noticed.expect("a replay");
    assert!((18.0..21.0).contains(&noticed), "{noticed}");
}
