//! The follower on moving textures, with things that pass in front of the hoop.

use models::lanes::follow::Follower;
use models::limits::{FOLLOW_CERTAINTY_MIN, FOLLOW_LOST_MS};
use wire::time::MediaTime;
use wire::units::PixelBox;

use crate::scene::{Picture, hash, texture};

const HOOP: PixelBox = PixelBox { x0: 380.0, y0: 170.0, x1: 425.0, y1: 215.0 };

/// What the camera sees: a wall that moved by `shift`, with what happens in front of it.
struct View {
    shift: (f32, f32),
    /// Grey levels that everything is brighter.
    light: f32,
    /// Left edge of a striped player, 80 px wide, from the middle of the hoop down, if there is
    /// one.
    player: Option<f32>,
    seed: u32,
}

impl View {
    fn at(shift: (f32, f32)) -> Self {
        Self { shift, light: 0.0, player: None, seed: 1 }
    }

    /// Draws the part around the hoop of a 1280 x 720 picture.
    fn draw(&self, frame: i32) -> Picture {
        let mut picture = Picture::plain(1280, 720, 90);
        for y in 40..420 {
            for x in 200..620 {
                let (fx, fy) = (x as f32 - self.shift.0, y as f32 - self.shift.1);
                let wall = 60.0 * texture((fx, fy), 5.0, self.seed)
                    + 50.0 * texture((fx, fy), 17.0, self.seed + 1)
                    + 40.0 * texture((fx, fy), 60.0, self.seed + 2);
                let striped = |left: f32| {
                    let inside = (left..left + 80.0).contains(&(x as f32)) && y > 190;
                    inside.then(|| if (x + y / 3 + frame) % 9 < 4 { 220.0 } else { 20.0 })
                };
                let seen = self.player.and_then(striped).unwrap_or(wall + 30.0 + self.light);
                let grain = 8.0 * (hash(x, y, frame as u32) - 0.5);
                picture.data[(y * 1280 + x) as usize] = (seen + grain).clamp(0.0, 255.0) as u8;
            }
        }
        picture
    }
}

/// Time of a frame, 25 a second.
fn at(frame: i32) -> MediaTime {
    MediaTime::from_millis(40 * i64::from(frame))
}

/// Follows `frames` views; the largest distance of the box from where the hoop is, in pixels, and
/// the smallest certainty.
fn follow(frames: i32, view: impl Fn(i32) -> View) -> (f32, f32) {
    follow_some(0..frames, view)
}

/// The same with some of the frames only.
fn follow_some(frames: impl Iterator<Item = i32>, view: impl Fn(i32) -> View) -> (f32, f32) {
    let mut follower = Follower::new(HOOP);
    let (mut off, mut certainty) = (0.0_f32, 1.0_f32);
    for frame in frames {
        let view = view(frame);
        let said = follower.follow(view.draw(frame).luma(), at(frame));
        let (x, y) = (said.area.x0 - HOOP.x0, said.area.y0 - HOOP.y0);
        off = off.max((x - view.shift.0).abs()).max((y - view.shift.1).abs());
        certainty = certainty.min(said.certainty);
    }
    (off, certainty)
}

/// A hand-held camera: two slow swings and a tremble.
fn hand(frame: i32) -> (f32, f32) {
    let t = frame as f32 / 25.0;
    let swing = |a: f32, b: f32| 9.0 * (a * t).sin() + 4.0 * (b * t).sin();
    (swing(1.3, 7.1), swing(1.9, 9.7))
}

#[test]
fn a_shaking_camera_is_followed_to_a_fraction_of_a_pixel() {
    let (off, certainty) = follow(200, |frame| View::at(hand(frame)));
    assert!(off < 0.4, "up to {off} px off");
    assert!(certainty > 0.7, "certainty down to {certainty}");
}

#[test]
fn a_fast_pan_is_followed() {
    // Accelerates to 18 px a frame: beyond the reach without prediction.
    let (off, certainty) = follow(19, |frame| View::at((0.5 * (frame * frame) as f32, 0.0)));
    assert!(off < 1.0, "up to {off} px off");
    assert!(certainty > 0.4, "certainty down to {certainty}");
}

/// A camera that swings 130 px aside within 0.6 s, from rest to rest.
fn swing(frame: i32) -> (f32, f32) {
    let share = ((frame as f32 / 25.0 - 1.0) / 0.6).clamp(0.0, 1.0);
    (130.0 * share * share * (3.0 - 2.0 * share), 12.0 * share)
}

/// A box that is busy analyses half the frames or fewer, and not evenly.
#[test]
fn skipped_frames_do_not_cost_the_hoop() {
    for every in [1, 2, 3, 4] {
        let (off, certainty) = follow_some((0..100).step_by(every), |f| View::at(swing(f)));
        assert!(off < 0.6, "every {every}th frame: up to {off} px off");
        assert!(certainty > 0.6, "every {every}th frame: certainty down to {certainty}");
    }
    let uneven = (0..100).filter(|frame| frame % 7 < 3);
    let (off, certainty) = follow_some(uneven, |f| View::at(swing(f)));
    assert!(off < 0.6 && certainty > 0.6, "three of seven: {off} px off, certainty {certainty}");
}

#[test]
fn a_player_who_crosses_does_not_take_the_box_along() {
    let crossing =
        |frame: i32| View { player: Some(180.0 + 6.0 * frame as f32), ..View::at(hand(frame)) };
    let (off, certainty) = follow(70, crossing);
    assert!(off < 0.8, "up to {off} px off");
    assert!(certainty > FOLLOW_CERTAINTY_MIN, "certainty down to {certainty}");
}

#[test]
fn a_crowd_in_front_for_two_seconds_is_waited_out() {
    let crowd = |frame: i32| {
        let shift = hand(frame.min(20));
        let hides = (20..70).contains(&frame);
        View {
            shift: if hides { (0.3 * frame as f32, 9.0) } else { shift },
            seed: if hides { 50 } else { 1 },
            ..View::at(shift)
        }
    };
    let mut follower = Follower::new(HOOP);
    for frame in 0..120 {
        let said = follower.follow(crowd(frame).draw(frame).luma(), at(frame));
        let (dx, dy) = hand(frame.min(20));
        let off = (said.area.x0 - HOOP.x0 - dx).abs().max((said.area.y0 - HOOP.y0 - dy).abs());
        assert!(off < 3.0, "frame {frame}: {off} px off, {said:?}");
        assert!(
            frame < 75 || (off < 0.5 && said.certainty > 0.6),
            "frame {frame}: {off}, {said:?}"
        );
    }
}

#[test]
fn a_change_of_light_does_not_move_the_box() {
    let dimmer = |frame: i32| View { light: -0.3 * frame as f32, ..View::at(hand(frame)) };
    let (off, certainty) = follow(100, dimmer);
    assert!(off < 0.6, "up to {off} px off");
    assert!(certainty > 0.5, "certainty down to {certainty}");
}

#[test]
fn a_still_camera_does_not_drift() {
    let (off, _) = follow(300, |_| View::at((0.0, 0.0)));
    assert!(off < 0.3, "up to {off} px off");
}

#[test]
fn a_wall_without_texture_makes_it_uncertain() {
    let flat = Picture::plain(1280, 720, 120);
    let mut follower = Follower::new(HOOP);
    follower.follow(flat.luma(), at(0));
    let said = follower.follow(flat.luma(), at(1));
    assert!(said.certainty < FOLLOW_CERTAINTY_MIN, "{said:?}");
    assert_eq!(said.area, HOOP);
}

#[test]
fn after_a_cut_it_stays_put_and_uncertain_until_it_is_anchored() {
    let mut follower = Follower::new(HOOP);
    for frame in 0..5 {
        follower.follow(View::at((0.0, 0.0)).draw(frame).luma(), at(frame));
    }
    let elsewhere = |shift| View { seed: 77, ..View::at(shift) };
    let lost = 5 + (FOLLOW_LOST_MS / 40) as i32;
    for frame in 5..lost + 20 {
        let said = follower.follow(elsewhere((0.0, 0.0)).draw(frame).luma(), at(frame));
        assert!(frame < lost || follower.is_lost(), "frame {frame}");
        assert!(said.certainty < FOLLOW_CERTAINTY_MIN, "frame {frame}: {said:?}");
        assert!((said.area.x0 - HOOP.x0).abs() < 1.0, "frame {frame}: {said:?}");
    }
    let found = HOOP.moved(100.0, 40.0);
    follower.anchor(found);
    follower.follow(elsewhere((0.0, 0.0)).draw(1).luma(), at(100));
    assert!(!follower.is_lost());
    let said = follower.follow(elsewhere((3.0, -2.0)).draw(2).luma(), at(101));
    assert!(said.certainty > 0.7, "{said:?}");
    assert!((said.area.x0 - found.x0 - 3.0).abs() < 0.4, "{said:?}");
}

#[test]
fn anchors_pull_a_little_when_near_and_wholly_when_far() {
    let mut follower = Follower::new(HOOP);
    follower.follow(View::at((0.0, 0.0)).draw(0).luma(), at(0));
    follower.anchor(HOOP.moved(10.0, 0.0));
    let pulled = follower.area().x0 - HOOP.x0;
    assert!((1.0..9.0).contains(&pulled), "moved by {pulled}");
    // The motion goes on from there.
    let said = follower.follow(View::at((2.0, 0.0)).draw(1).luma(), at(1));
    assert!((said.area.x0 - HOOP.x0 - pulled - 2.0).abs() < 0.4, "{said:?}");
    let far = HOOP.moved(200.0, 0.0);
    follower.anchor(far);
    assert_eq!(follower.area(), far);
}

#[test]
fn senseless_boxes_and_tiny_pictures_do_not_panic() {
    let textured = View::at((0.0, 0.0)).draw(0);
    let tiny = Picture::plain(9, 5, 80);
    for value in [f32::NAN, f32::INFINITY, -f32::INFINITY, 0.0, -50.0, 1e9, -1e9] {
        let wild = PixelBox { x0: value, ..HOOP };
        for area in [wild, PixelBox { y1: value, ..HOOP }, PixelBox { x1: value, ..HOOP }] {
            let mut follower = Follower::new(area);
            for (frame, picture) in (0..).zip([&textured, &tiny, &textured, &tiny]) {
                follower.follow(picture.luma(), at(-7 * frame));
                follower.anchor(wild);
            }
        }
    }
}
