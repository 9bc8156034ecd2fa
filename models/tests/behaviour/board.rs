//! The board lane on numbers that are drawn by hand, with the pack that is shipped.

use models::lanes::board::{BoardLane, FieldReading};
use models::{Engines, Pack};
use wire::units::PixelBox;

use crate::scene::Picture;
use crate::shipped;

/// Segments that each digit lights: top, upper right, lower right, bottom, lower left, upper left,
/// middle, lowest bit first.
const DIGITS: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

fn lane() -> BoardLane {
    let named = |path: &std::path::PathBuf| path.ends_with("board");
    let folder = shipped::folders().into_iter().find(named).expect("there is a board pack");
    let pack = Pack::open(&folder, &shipped::trust(), &Engines::default()).expect("it is good");
    BoardLane::load(&pack, "full").expect("the tier exists")
}

/// A board of 1280 x 720 with a number at (`x`, `y`), its digits `tall` pixels high, and the box
/// around them.
fn board(number: &str, (x, y): (f32, f32), tall: f32) -> (Picture, PixelBox) {
    let mut picture = Picture::plain(1280, 720, 24);
    let (wide, thick, pitch) = (0.5 * tall, 0.14 * tall, 0.72 * tall);
    let mut left = x;
    for symbol in number.chars() {
        let mut bar = |a: f32, b: f32, c: f32, d: f32| {
            picture.rectangle((left + a, y + b, left + c, y + d), 235);
        };
        if let Some(digit) = symbol.to_digit(10) {
            let (middle, low) = (0.5 * tall, tall - thick);
            let half = thick / 2.0;
            let segments = [
                (0.0, 0.0, wide, thick),
                (wide - thick, 0.0, wide, middle),
                (wide - thick, middle, wide, tall),
                (0.0, low, wide, tall),
                (0.0, middle, thick, tall),
                (0.0, 0.0, thick, middle),
                (0.0, middle - half, wide, middle + half),
            ];
            for (index, (a, b, c, d)) in segments.into_iter().enumerate() {
                if DIGITS[digit as usize] >> index & 1 == 1 {
                    bar(a, b, c, d);
                }
            }
            left += pitch;
        } else {
            bar(0.0, 0.25 * tall, thick, 0.25 * tall + thick);
            bar(0.0, 0.65 * tall, thick, 0.65 * tall + thick);
            left += 0.36 * tall;
        }
    }
    let margin = 0.12 * tall;
    let area = PixelBox {
        x0: x - margin,
        y0: y - margin,
        x1: left - (pitch - wide) + margin,
        y1: y + tall + margin,
    };
    (picture, area)
}

fn read(number: &str, at: (f32, f32), tall: f32) -> FieldReading {
    let (picture, area) = board(number, at, tall);
    lane().read(picture.luma(), area).expect("it runs")
}

#[test]
fn numbers_are_read_at_the_sizes_that_boards_have_in_a_picture() {
    for tall in [16.0, 24.0, 40.0, 90.0] {
        for number in ["0", "7", "42", "108", "111", "3:45", "10:09"] {
            let reading = read(number, (300.5, 200.25), tall);
            assert_eq!(reading.text, number, "{tall} pixels: {reading:?}");
            assert!(reading.confidence > 0.8, "{number}, {tall} pixels: {reading:?}");
        }
    }
}

#[test]
fn a_dark_field_says_nothing_and_one_beside_the_picture_does_not_panic() {
    let (picture, _) = board("", (300.0, 200.0), 40.0);
    let mut lane = lane();
    let mut read =
        |x0, y0, x1, y1| lane.read(picture.luma(), PixelBox { x0, y0, x1, y1 }).expect("it runs");
    assert_eq!(read(300.0, 200.0, 380.0, 240.0).text, "");
    read(1_270.0, 700.0, 1_400.0, 800.0);
    read(-50.0, -50.0, -10.0, -20.0);
    read(100.0, 100.0, 101.0, 300.0);
    read(100.0, 100.0, 900.0, 101.0);
}
