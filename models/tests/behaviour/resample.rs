//! Resampling agrees with the trainer's, pixel by pixel.

use models::picture::{Grey, Letterbox, Luma, Resampler, Square};

use crate::scene::{Picture, hash, texture};

fn textured(width: usize, height: usize, seed: u32) -> Picture {
    let mut picture = Picture::plain(width, height, 0);
    for (i, p) in picture.data.iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        let smooth = texture((x as f32, y as f32), 7.0, seed);
        *p = (255.0 * (0.7 * smooth + 0.3 * hash(x as i32, y as i32, seed))) as u8;
    }
    picture
}

/// The definition, written as plainly as possible: area average where it shrinks, bilinear where
/// it grows, border repeated.
fn plainly(picture: &Picture, square: Square, (tx, ty): (usize, usize), target: usize) -> f64 {
    let at = |x: i64, y: i64| {
        let x = x.clamp(0, picture.width as i64 - 1) as usize;
        let y = y.clamp(0, picture.height as i64 - 1) as usize;
        f64::from(picture.data[y * picture.width + x])
    };
    let step = f64::from(square.side) / target as f64;
    let window = |start: f32, t: usize| {
        let from = f64::from(start) + t as f64 * step;
        if step < 1.0 { (from + (step - 1.0) / 2.0, 1.0) } else { (from, step) }
    };
    let ((x0, w), (y0, h)) = (window(square.x, tx), window(square.y, ty));
    let mut sum = 0.0;
    for y in y0.floor() as i64..=(y0 + h).floor() as i64 {
        let rows = (y0 + h).min(y as f64 + 1.0) - y0.max(y as f64);
        for x in x0.floor() as i64..=(x0 + w).floor() as i64 {
            let columns = (x0 + w).min(x as f64 + 1.0) - x0.max(x as f64);
            sum += rows * columns * at(x, y);
        }
    }
    sum / (w * h)
}

#[test]
fn crops_are_what_the_definition_says() {
    let picture = textured(90, 60, 5);
    let mut resampler = Resampler::default();
    for case in 0..200 {
        let random = |k: i32| hash(case, k, 9);
        let square = Square {
            x: -60.0 + 180.0 * random(0),
            y: -60.0 + 150.0 * random(1),
            side: 3.0 + 120.0 * random(2).powi(2),
        };
        let mut grey = Grey::filled(16, 16, 0);
        resampler.crop(picture.luma(), square, &mut grey);
        for (i, &p) in grey.data.iter().enumerate() {
            let exact = plainly(&picture, square, (i % 16, i / 16), 16);
            // 0.5 for the byte, and weights of 8 bits.
            let off = (f64::from(p) - exact).abs();
            assert!(off < 1.6, "case {case}, {square:?}, element {i}: {p} but {exact}");
        }
    }
}

#[test]
fn a_plain_picture_stays_exactly_plain() {
    for grey in [0, 1, 114, 254, 255] {
        let picture = Picture::plain(1280, 720, grey);
        let mut small = Grey::filled(512, 288, 7);
        Resampler::default().letterbox(picture.luma(), &mut small);
        assert!(small.data.iter().all(|&p| p == grey), "grey {grey}");
        let mut crop = Grey::filled(64, 64, 7);
        let square = Square { x: -13.7, y: 600.2, side: 217.9 };
        Resampler::default().crop(picture.luma(), square, &mut crop);
        assert!(crop.data.iter().all(|&p| p == grey), "grey {grey}");
    }
}

#[test]
fn a_letterbox_has_bars_and_maps_back() {
    let cases = [
        ((1280, 720), (512, 288), (0, 0, 512, 288)),
        ((640, 480), (512, 288), (64, 0, 384, 288)),
        ((1920, 800), (512, 288), (0, 37, 512, 213)),
        ((320, 180), (512, 288), (0, 0, 512, 288)),
        ((7, 900), (512, 288), (255, 0, 2, 288)),
    ];
    for ((w, h), (tw, th), (left, top, width, height)) in cases {
        let picture = Picture::plain(w, h, 200);
        let mut small = Grey::filled(tw, th, 0);
        let place = Resampler::default().letterbox(picture.luma(), &mut small);
        assert_eq!(place, Letterbox::of((w, h), (tw, th)));
        assert_eq!((place.left, place.top, place.width, place.height), (left, top, width, height));
        for (i, &p) in small.data.iter().enumerate() {
            let (x, y) = (i % tw, i / tw);
            let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
            assert_eq!(p, if inside { 200 } else { 114 }, "{w} x {h} at {x}, {y}");
        }
        let corner = place.to_source((left + width) as f32, (top + height) as f32);
        assert!((corner.0 - w as f32).abs() < 0.01 && (corner.1 - h as f32).abs() < 0.01);
    }
}

#[test]
fn a_stride_is_skipped_and_a_short_plane_refused() {
    let picture = textured(40, 30, 1);
    let mut wide = Vec::new();
    for row in picture.data.chunks(40) {
        wide.extend_from_slice(row);
        wide.extend_from_slice(&[0xEE; 24]);
    }
    let luma = Luma::new(&wide, 64, (40, 30)).expect("it fits");
    let (mut a, mut b) = (Grey::filled(16, 12, 0), Grey::filled(16, 12, 0));
    Resampler::default().letterbox(luma, &mut a);
    Resampler::default().letterbox(picture.luma(), &mut b);
    assert_eq!(a, b);
    // The last row may end with its pixels.
    assert!(Luma::new(&wide[..64 * 29 + 40], 64, (40, 30)).is_ok());
    for (bytes, stride, size) in [
        (64 * 29 + 39, 64, (40, 30)),
        (wide.len(), 39, (40, 30)),
        (wide.len(), 64, (0, 30)),
        (wide.len(), 64, (40, 0)),
        (wide.len(), usize::MAX, (40, 30)),
    ] {
        assert!(Luma::new(&wide[..bytes], stride, size).is_err(), "{bytes} {stride} {size:?}");
    }
}

#[test]
fn tiny_pictures_and_wild_squares_do_no_harm() {
    let mut resampler = Resampler::default();
    for (w, h) in [(1, 1), (2, 1), (1, 3), (5, 2)] {
        let picture = textured(w, h, 3);
        resampler.letterbox(picture.luma(), &mut Grey::filled(64, 36, 0));
        for value in [f32::NAN, f32::INFINITY, -f32::INFINITY, 1e30, -1e30, 0.0] {
            let mut grey = Grey::filled(8, 8, 0);
            resampler.crop(picture.luma(), Square { x: value, y: 0.0, side: 4.0 }, &mut grey);
            resampler.crop(picture.luma(), Square { x: 0.0, y: value, side: 4.0 }, &mut grey);
            resampler.crop(picture.luma(), Square { x: 0.0, y: 0.0, side: value }, &mut grey);
        }
    }
}

/// What the trainer made of the same picture: `tests/fixtures/resample.py`.
#[derive(serde::Deserialize)]
struct Trainer {
    crop: Vec<TrainerCrop>,
    letterbox: Vec<TrainerLetterbox>,
}

#[derive(serde::Deserialize)]
struct TrainerCrop {
    square: [f32; 3],
    luma: Vec<f32>,
}

#[derive(serde::Deserialize)]
struct TrainerLetterbox {
    rows: usize,
    columns: usize,
    /// Only every so many rows one is in `luma`.
    every: usize,
    luma: Vec<f32>,
}

#[test]
fn networks_see_on_the_box_what_they_saw_in_training() {
    let mut picture = Picture::plain(90, 60, 0);
    for (i, p) in picture.data.iter_mut().enumerate() {
        let (x, y) = (i % 90, i / 90);
        *p = ((x * 7 + y * 13 + (x * y) % 31 * 5) % 256) as u8;
    }
    let trainer: Trainer =
        toml::from_str(include_str!("../fixtures/resample.toml")).expect("it is TOML");
    let agree = |ours: &[u8], theirs: &[f32], what: &str| {
        assert_eq!(ours.len(), theirs.len(), "{what}");
        for (i, (&p, exact)) in ours.iter().zip(theirs).enumerate() {
            // 0.5 for the byte, and weights of 8 bits.
            assert!((f32::from(p) - exact).abs() < 1.6, "{what}, element {i}: {p}, not {exact}");
        }
    };
    let mut resampler = Resampler::default();
    for TrainerCrop { square: [x, y, side], luma } in &trainer.crop {
        let mut grey = Grey::filled(8, 8, 0);
        let square = Square { x: *x, y: *y, side: *side };
        resampler.crop(picture.luma(), square, &mut grey);
        agree(&grey.data, luma, &format!("{square:?}"));
    }
    for TrainerLetterbox { rows, columns, every, luma } in &trainer.letterbox {
        let mut grey = Grey::filled(*columns, *rows, 0);
        resampler.letterbox(picture.luma(), &mut grey);
        let seen: Vec<u8> = grey.data.chunks(*columns).step_by(*every).flatten().copied().collect();
        agree(&seen, luma, &format!("letterbox of {columns} x {rows}"));
    }
}
