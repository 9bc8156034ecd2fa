//! The hoop finder: boxes, confidences and overlaps.

use models::Engines;
use models::Pack;
use models::lanes::hoop::HoopLane;

use crate::fixture::{self, HOOP_SIZE};
use crate::scene::Picture;

fn lane() -> HoopLane {
    let folder = fixture::hoop();
    let pack =
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
    HoopLane::load(&pack, "nano").expect("the tier exists")
}

#[test]
fn hoops_are_found_with_place_and_size_in_the_source() {
    for (width, height) in [(1280, 720), (640, 480), (1920, 1080)] {
        // The letterbox is 128 x 72.
        let scale = (width as f32 / 128.0).max(height as f32 / 72.0);
        let mut picture = Picture::plain(width, height, 30);
        let hoops = [(0.25, 0.3), (0.75, 0.35)].map(|(x, y)| (x * width as f32, y * height as f32));
        for (x, y) in hoops {
            let half = 3.0 * scale;
            picture.rectangle((x - half, y - half, x + half, y + half), 250);
        }
        let mut found = lane().find(picture.luma()).expect("it runs");
        found.sort_by(|a, b| a.area.x0.total_cmp(&b.area.x0));
        assert_eq!(found.len(), 2, "{width} x {height}: {found:?}");
        for (reading, (x, y)) in found.iter().zip(hoops) {
            let (cx, cy) = reading.area.centre();
            assert!((cx - x).abs() < scale && (cy - y).abs() < scale, "{reading:?}: {x}, {y}");
            assert!((reading.area.width() - HOOP_SIZE.0 * scale).abs() < 1.0, "{reading:?}");
            assert!((reading.area.height() - HOOP_SIZE.1 * scale).abs() < 1.0, "{reading:?}");
            assert!(reading.confidence > 0.5);
        }
    }
}

#[test]
fn an_empty_court_has_no_hoops_and_a_bright_one_at_most_four() {
    let dark = Picture::plain(1280, 720, 30);
    assert_eq!(lane().find(dark.luma()).expect("it runs"), []);
    let mut many = Picture::plain(1280, 720, 30);
    for i in 0..8 {
        let x = 40.0 + 160.0 * i as f32;
        many.rectangle((x, 320.0, x + 40.0, 360.0), 250);
    }
    assert_eq!(lane().find(many.luma()).expect("it runs").len(), 4);
}

#[test]
fn of_overlapping_hoops_only_the_surest_stays() {
    let mut picture = Picture::plain(1280, 720, 30);
    // Two peaks 80 px apart: boxes 120 px wide overlap by a fifth; 40 px apart they overlap by
    // half.
    picture.rectangle((400.0, 320.0, 440.0, 360.0), 250);
    picture.rectangle((480.0, 320.0, 520.0, 360.0), 220);
    assert_eq!(lane().find(picture.luma()).expect("it runs").len(), 2);
    let mut picture = Picture::plain(1280, 720, 30);
    picture.rectangle((400.0, 320.0, 440.0, 360.0), 250);
    picture.rectangle((400.0, 400.0, 440.0, 440.0), 220);
    let found = lane().find(picture.luma()).expect("it runs");
    assert_eq!(found.len(), 1);
    assert!(found[0].area.centre().1 < 360.0, "{found:?}");
}
