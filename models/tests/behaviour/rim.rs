//! The rim lane: its grid of slots, its windows, its resets.

use models::Engines;
use models::Pack;
use models::lanes::rim::{RimLane, RimReading};
use wire::time::MediaTime;
use wire::units::PixelBox;

use crate::fixture;
use crate::scene::Picture;

fn lane(tier: &str) -> RimLane {
    let folder = fixture::rim();
    let pack =
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
    RimLane::load(&pack, tier).expect("the tier exists")
}

const HOOP: PixelBox = PixelBox { x0: 300.0, y0: 100.0, x1: 340.0, y1: 150.0 };

/// The part of the picture that the lane crops for a hoop: 3.5 box widths a side.
fn crop(hoop: PixelBox) -> (f32, f32, f32, f32) {
    let (x, y) = (hoop.centre().0, hoop.y0 + 0.45 * hoop.width());
    let half = 1.75 * hoop.width();
    (x - half, y - half, x + half, y + half)
}

fn dark() -> Picture {
    Picture::plain(640, 360, 0)
}

fn say(lane: &mut RimLane, picture: &Picture, ms: i64) -> Option<RimReading> {
    lane.observe(picture.luma(), MediaTime::from_millis(ms), HOOP).expect("it runs")
}

#[test]
fn slots_are_80_ms_apart_and_each_new_one_gives_a_reading() {
    for (fps, tolerance_ms) in [(25, 0), (30, 17), (50, 0), (60, 9), (24, 21)] {
        let mut lane = lane("nano");
        let mut readings = Vec::new();
        for i in 0..3 * fps {
            // RTMP counts whole milliseconds.
            readings.extend(say(&mut lane, &dark(), 7_000 + i * 1000 / fps));
        }
        // The sixteenth slot is filled 1.2 s after the first, the last one before 3 s.
        assert_eq!(readings.len(), 23, "{fps} frames a second");
        for (n, reading) in readings.iter().enumerate() {
            assert_eq!(reading.slots.len(), 16);
            for (k, slot) in reading.slots.iter().enumerate() {
                let grid = 7_000 + 80 * (n + k) as i64;
                let off = (slot.at.0 / 90 - grid).abs();
                assert!(off <= tolerance_ms, "{fps} frames a second: slot {off} ms off the grid");
            }
        }
    }
}

#[test]
fn a_slot_carries_what_was_in_its_own_crop() {
    let mut lane = lane("nano");
    let mut last = None;
    for i in 0..16 {
        let mut picture = dark();
        if i == 11 {
            picture.rectangle(crop(HOOP), 255);
        }
        last = say(&mut lane, &picture, i * 80);
    }
    let slots = last.expect("the window is full").slots;
    for (i, slot) in slots.iter().enumerate() {
        assert!((slot.nothing + slot.missed + slot.made - 1.0).abs() < 1e-5);
        assert_eq!(slot.at, MediaTime::from_millis(i as i64 * 80));
        let made = i == 11;
        assert_eq!(slot.made > 0.99, made, "slot {i}: {slot:?}");
        assert_eq!(slot.nothing > 0.99, !made, "slot {i}: {slot:?}");
    }
}

/// A lane whose slots are two crops each, 40 ms apart.
fn lane_of_pairs() -> RimLane {
    let folder = fixture::rim_in_pairs();
    let pack =
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
    RimLane::load(&pack, "nano").expect("the tier exists")
}

#[test]
fn a_slot_of_two_crops_has_both_and_the_time_of_the_later_one() {
    let mut lane = lane_of_pairs();
    let mut readings = Vec::new();
    for i in 0..36 {
        let mut picture = dark();
        if i == 22 || i == 23 {
            picture.rectangle(crop(HOOP), 255);
        }
        readings.extend(say(&mut lane, &picture, i * 40));
    }
    // The 32nd crop fills the window; from there on each one is the end of a slot.
    assert_eq!(readings.len(), 5);
    for (n, reading) in readings.iter().enumerate() {
        let times: Vec<i64> = reading.slots.iter().map(|slot| slot.at.0 / 90).collect();
        let expected: Vec<i64> = (0..16).map(|slot| 80 * slot + 40 * (n as i64 + 1)).collect();
        assert_eq!(times, expected);
        let made: Vec<usize> = (0..16).filter(|&slot| reading.slots[slot].made > 0.99).collect();
        // Between, the two bright crops belong to two slots, which are neither bright nor dark.
        assert_eq!(made, if n % 2 == 0 { vec![11 - n / 2] } else { vec![] });
    }
}

#[test]
fn a_source_with_half_the_frames_is_judged_at_each_of_them() {
    let mut lane = lane_of_pairs();
    let mut readings = Vec::new();
    for i in 0..20 {
        let at = 80 * i;
        readings.extend(say(&mut lane, &dark(), at).map(|reading| (at, reading)));
    }
    // 16 frames with 15 crops between them that no frame came for: one too few for the window.
    assert_eq!(
        readings.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [1_280, 1_360, 1_440, 1_520]
    );
    for (at, reading) in readings {
        assert_eq!(reading.slots[15].at, MediaTime::from_millis(at));
    }
}

#[test]
fn the_crop_follows_the_hoop_and_repeats_the_border() {
    // Everything but the crop is bright; a crop that is off by a few pixels would see it.
    let places = [(0.0, 0.0), (-310.0, -90.0), (290.0, 200.0), (3.3, -2.7)];
    for (dx, dy) in places {
        let hoop = HOOP.moved(dx, dy);
        let mut lane = lane("full");
        let mut picture = Picture::plain(640, 360, 255);
        picture.rectangle(crop(hoop), 0);
        let mut last = None;
        for i in 0..16 {
            let at = MediaTime::from_millis(i * 80);
            last = lane.observe(picture.luma(), at, hoop).expect("it runs");
        }
        let slot = last.expect("the window is full").slots[0];
        // One column of 140 that is bright would make 0.9999546 * (1 - 0.13).
        assert!(slot.nothing > 0.999_8, "hoop moved by {dx}, {dy}: {slot:?}");
    }
}

#[test]
fn lost_frames_keep_the_slots_in_their_places() {
    let mut lane = lane("nano");
    let mut last = None;
    for i in (0..40).filter(|i| !(20..28).contains(i)) {
        last = say(&mut lane, &dark(), i * 40).or(last);
    }
    let times: Vec<i64> = last.expect("full").slots.iter().map(|s| s.at.0 / 90).collect();
    let grid: Vec<i64> = (4..20).map(|n| n * 80).collect();
    assert_eq!(times, grid);
}

#[test]
fn a_jump_a_step_back_or_a_reset_empties_the_window() {
    for (next, reset) in [(2_000, false), (500, false), (1_280, true)] {
        let mut lane = lane("nano");
        for i in 0..16 {
            assert_eq!(say(&mut lane, &dark(), i * 80).is_some(), i == 15);
        }
        if reset {
            lane.reset();
        }
        for i in 0..16 {
            assert_eq!(say(&mut lane, &dark(), next + i * 80).is_some(), i == 15, "{next}");
        }
    }
}

#[test]
fn another_tier_answers_at_the_next_frame_also_if_its_crops_have_another_size() {
    let mut lane = lane("nano");
    for i in 0..20 {
        say(&mut lane, &dark(), i * 80);
    }
    for (i, tier) in (20..).zip(["full", "full", "nano", "full"]) {
        lane.set_tier(tier).expect("it exists");
        assert!(say(&mut lane, &dark(), i * 80).is_some());
        assert_eq!(lane.tier(), tier, "slot {i}");
    }
}

#[test]
fn senseless_boxes_give_readings_and_no_panic() {
    let values = [f32::NAN, f32::INFINITY, -f32::INFINITY, 0.0, 1e9, -1e9, 300.0];
    let mut lane = lane("nano");
    for (i, x0) in values.into_iter().enumerate() {
        for (k, x1) in values.into_iter().enumerate() {
            let hoop = PixelBox { x0, y0: x1, x1, y1: x0 };
            let at = MediaTime::from_millis((i * values.len() + k) as i64 * 80);
            lane.observe(dark().luma(), at, hoop).expect("it runs");
        }
    }
}
