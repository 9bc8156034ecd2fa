//! The scene lane: cuts are told, one picture late; everything else that changes a picture is not.

use models::lanes::scene::{Scene, SceneLane};
use wire::time::MediaTime;

use crate::scene::{Picture, hash, texture};

const NONE: [i64; 0] = [];

/// A picture of a hall, seen `(x, y)` pixels aside and `light` times as bright.
fn hall(seed: u32, (x, y): (f32, f32), light: f32) -> Picture {
    let mut picture = Picture::plain(320, 180, 0);
    for (i, p) in picture.data.iter_mut().enumerate() {
        let (px, py) = ((i % 320) as f32 + x, (i / 320) as f32 + y);
        let large = texture((px, py), 60.0, seed);
        let small = texture((px, py), 9.0, seed + 1);
        let grain = hash(i as i32, (x * 7.0 + light * 1000.0) as i32, seed) - 0.5;
        *p = (light * (40.0 + 120.0 * large + 50.0 * small) + 6.0 * grain) as u8;
    }
    picture
}

/// Numbers of the pictures with which the lane says a new scene began.
fn cuts(pictures: impl IntoIterator<Item = Picture>) -> Vec<i64> {
    let mut lane = SceneLane::default();
    let mut told = Vec::new();
    for (number, picture) in (0..).zip(pictures) {
        let scene = lane.observe(picture.luma(), MediaTime::from_millis(40 * number));
        if let Scene::Cut(began) = scene {
            told.push(began.since(MediaTime::default()).as_millis() / 40);
        }
    }
    told
}

#[test]
fn a_cut_is_told_with_its_first_picture() {
    let before = (0..20).map(|_| hall(1, (0.0, 0.0), 1.0));
    let after = (0..20).map(|_| hall(50, (0.0, 0.0), 1.0));
    assert_eq!(cuts(before.chain(after)), [20]);
}

#[test]
fn the_same_hall_in_another_framing_is_a_cut() {
    // Wall above and floor below in both: half of the picture stays as it was.
    let framed = |(x, y): (f32, f32)| {
        let mut picture = hall(1, (x, y), 1.0);
        for (i, p) in picture.data.iter_mut().enumerate() {
            let floor = if (i / 320) as f32 + y > 110.0 { 50 } else { 0 };
            *p = *p / 2 + floor;
        }
        picture
    };
    let before = (0..20).map(|_| framed((0.0, 0.0)));
    let after = (0..20).map(|_| framed((80.0, 15.0)));
    assert_eq!(cuts(before.chain(after)), [20]);
}

#[test]
fn cuts_behind_each_other_are_all_told() {
    let shots = (0..6).flat_map(|shot| (0..8).map(move |_| hall(10 * shot, (0.0, 0.0), 1.0)));
    assert_eq!(cuts(shots), [8, 16, 24, 32, 40]);
}

#[test]
fn a_pan_that_starts_and_stops_is_no_cut() {
    // 1.3 picture widths a second: as fast as a camera follows a fast break.
    let place = |i: i32| 16.5 * (i - 15).clamp(0, 30) as f32;
    assert_eq!(cuts((0..60).map(|i| hall(3, (place(i), 0.0), 1.0))), NONE);
}

#[test]
fn a_flash_and_a_lamp_that_goes_out_are_no_cuts() {
    let light = |i: i32| match i {
        20 => 1.2,
        30.. => 0.55,
        _ => 1.0,
    };
    let burnt = |i: i32, mut picture: Picture| {
        if i == 25 {
            picture.rectangle((0.0, 0.0, 320.0, 120.0), 250);
        }
        picture
    };
    assert_eq!(cuts((0..50).map(|i| burnt(i, hall(4, (0.0, 0.0), light(i))))), NONE);
}

#[test]
fn somebody_who_walks_past_the_lens_is_no_cut() {
    let passing = |i: i32| {
        let mut picture = hall(5, (0.0, 0.0), 1.0);
        let x = 14.0 * (i - 12) as f32;
        picture.rectangle((x - 90.0, 0.0, x, 180.0), 30);
        picture
    };
    assert_eq!(cuts((0..60).map(passing)), NONE);
}

#[test]
fn somebody_who_comes_close_to_the_lens_is_no_cut() {
    let near = |i: i32| {
        let mut picture = hall(5, (0.0, 0.0), 1.0);
        // Each picture about twice as wide as the one before: the last steps are as large as cuts.
        let wide = [0.0, 8.0, 24.0, 56.0, 120.0, 230.0, 320.0][(i - 14).clamp(0, 6) as usize];
        picture.rectangle((0.0, 0.0, wide, 180.0), 30);
        picture
    };
    assert_eq!(cuts((0..60).map(near)), NONE);
}

#[test]
fn somebody_who_is_before_the_lens_all_at_once_and_goes_on_is_no_cut() {
    let passing = |i: i32| {
        let mut picture = hall(5, (0.0, 0.0), 1.0);
        let x = [0.0, 110.0, 170.0, 210.0, 235.0, 250.0, 255.0][(i - 14).clamp(0, 6) as usize];
        picture.rectangle((0.0, 0.0, x, 180.0), 30);
        picture
    };
    assert_eq!(cuts((0..60).map(passing)), NONE);
}

#[test]
fn after_a_jump_in_time_nothing_is_compared() {
    let mut lane = SceneLane::default();
    let at = MediaTime::from_millis;
    assert_eq!(lane.observe(hall(6, (0.0, 0.0), 1.0).luma(), at(0)), Scene::Same);
    assert_eq!(lane.observe(hall(70, (0.0, 0.0), 1.0).luma(), at(5_000)), Scene::Same);
    assert_eq!(lane.observe(hall(70, (0.0, 0.0), 1.0).luma(), at(5_040)), Scene::Same);
}
