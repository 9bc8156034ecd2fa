//! The ball lane as its callers see it: which pictures it keeps, what it reports, when it forgets.

use models::Engines;
use models::Pack;
use models::lanes::ball::{BallLane, BallReading};
use models::limits::BALLS_MAX;
use wire::time::MediaTime;

use crate::fixture;
use crate::scene::Picture;

fn lane(tier: &str) -> BallLane {
    let folder = fixture::ball();
    let pack =
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
    BallLane::load(&pack, tier).expect("the tier exists")
}

/// A dark court with a bright ball at (x, y).
fn court(width: usize, height: usize, (x, y): (f32, f32)) -> Picture {
    let mut picture = Picture::plain(width, height, 40);
    picture.disc((x, y, 20.0), 240);
    picture
}

/// Shows `count` frames of a ball that flies to the right; what was said of each.
fn fly(lane: &mut BallLane, fps: i64, count: i64) -> Vec<(f32, Option<Vec<BallReading>>)> {
    let frame = |i: i64| {
        let x = 100.0 + i as f32 * 1000.0 / fps as f32;
        let picture = court(1280, 720, (x, 300.0));
        let pts = MediaTime(i * 90_000 / fps);
        (x, lane.observe(picture.luma(), pts).expect("it runs"))
    };
    (0..count).map(frame).collect()
}

#[test]
fn a_flying_ball_is_found_where_it_is_at_every_frame_rate() {
    for (fps, blind) in [(25, 4), (30, 4), (50, 8), (60, 8)] {
        let mut lane = lane("full");
        let said = fly(&mut lane, fps, 20);
        for (i, (x, readings)) in said.iter().enumerate() {
            let Some(readings) = readings else {
                assert!(i < blind, "{fps} frames a second: nothing at frame {i}");
                continue;
            };
            assert!(i >= blind, "{fps} frames a second: too early at frame {i}");
            assert!(!readings.is_empty(), "{fps} frames a second: no ball at frame {i}");
            let BallReading { x: bx, y, confidence } = readings[0];
            assert!((bx - x).abs() < 12.0 && (y - 300.0).abs() < 6.0, "{readings:?} but {x}");
            assert!(confidence > 0.9, "{readings:?}");
        }
    }
}

#[test]
fn places_are_mapped_back_through_the_bars_of_a_letterbox() {
    for (width, height) in [(640, 480), (1920, 1080), (480, 854)] {
        let mut lane = lane("full");
        let (x, y) = (width as f32 * 0.7, height as f32 * 0.3);
        let mut last = None;
        for i in 0..5 {
            let at = if i == 4 { (x, y) } else { (width as f32 * 0.1, height as f32 * 0.9) };
            let picture = court(width, height, at);
            last = lane.observe(picture.luma(), MediaTime::from_millis(i * 40)).expect("it runs");
        }
        let reading = last.expect("five pictures fill the window")[0];
        assert!((reading.x - x).abs() < 10.0, "{width}: {reading:?}, ball at {x}");
        assert!((reading.y - y).abs() < 10.0, "{height}: {reading:?}, ball at {y}");
    }
}

#[test]
fn a_jump_a_step_back_or_another_size_empties_the_window() {
    let (small, large) = (court(640, 360, (200.0, 90.0)), court(1280, 720, (200.0, 90.0)));
    for (pts, picture) in [(1_000, &large), (20, &large), (200, &small)] {
        let mut lane = lane("nano");
        let mut say = |ms, picture: &Picture| {
            lane.observe(picture.luma(), MediaTime::from_millis(ms)).expect("it runs").is_some()
        };
        for i in 0..5 {
            assert_eq!(say(i * 40, &large), i == 4);
        }
        for i in 0..5 {
            assert_eq!(say(pts + i * 40, picture), i == 4, "{pts} + {i} frames");
        }
    }
}

#[test]
fn a_picture_seen_twice_says_nothing_new() {
    let mut lane = lane("nano");
    let said = fly(&mut lane, 25, 6);
    assert!(said[5].1.is_some());
    let again = court(1280, 720, (300.0, 300.0));
    assert_eq!(lane.observe(again.luma(), MediaTime(5 * 3_600)).expect("it runs"), None);
}

#[test]
fn a_change_of_tier_never_blinds_the_lane() {
    let mut lane = lane("nano");
    let frames = fly(&mut lane, 25, 5);
    assert!(frames[4].1.is_some());
    lane.set_tier("full").expect("it exists");
    let mut tiers = Vec::new();
    for i in 5..12 {
        let picture = court(1280, 720, (100.0 + 40.0 * i as f32, 300.0));
        let said = lane.observe(picture.luma(), MediaTime::from_millis(i * 40)).expect("it runs");
        assert_eq!(said.map(|r| r.is_empty()), Some(false), "picture {i}");
        tiers.push(lane.tier().to_owned());
    }
    assert_eq!(tiers, ["nano", "nano", "nano", "nano", "full", "full", "full"]);
}

#[test]
fn remembered_pictures_fill_the_window() {
    let mut lane = lane("nano");
    for i in 0..4 {
        let picture = court(1280, 720, (300.0 + 40.0 * i as f32, 300.0));
        lane.remember(picture.luma(), MediaTime::from_millis(i * 40));
    }
    let picture = court(1280, 720, (460.0, 300.0));
    let said = lane.observe(picture.luma(), MediaTime::from_millis(160)).expect("it runs");
    assert!(said.is_some());
}

#[test]
fn at_most_eight_balls_are_reported() {
    let mut lane = lane("full");
    let mut last = None;
    for i in 0..5 {
        let mut picture = Picture::plain(1280, 720, 40);
        if i == 4 {
            for k in 0..15 {
                picture.disc((60.0 + 80.0 * k as f32, 200.0, 20.0), 240);
            }
        }
        last = lane.observe(picture.luma(), MediaTime::from_millis(i * 40)).expect("it runs");
    }
    assert_eq!(last.map(|r| r.len()), Some(BALLS_MAX));
}
