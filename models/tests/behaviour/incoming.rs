//! What comes in is noticed for what it is: interlaced pictures are seen through one half, and
//! nothing else is.

use hal::surface::{Half, Scan};
use models::incoming::{Adaptation, Incoming, Rows};
use models::picture::{Grey, Resampler, Square};
use wire::time::MediaTime;

use crate::scene::{Picture, hash, texture};

const SIZE: (usize, usize) = (320, 180);

fn at(ms: i64) -> MediaTime {
    MediaTime::from_millis(ms)
}

/// A hall with detail down to a few pixels, before which two bars run: as a camera takes it at
/// `ms`, its noise `grain` grey values to both sides.
fn hall(ms: i64, grain: f32) -> Picture {
    let (width, height) = SIZE;
    let mut picture = Picture::plain(width, height, 0);
    for (i, pixel) in picture.data.iter_mut().enumerate() {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        let coarse = texture((x, y), 23.0, 1);
        let fine = texture((x, y), 2.0, 2);
        *pixel = (40.0 + 120.0 * coarse + 40.0 * fine) as u8;
    }
    let x = 0.15 * ms as f32;
    picture.rectangle((x, 40.0, x + 12.0, 110.0), 235);
    picture.rectangle((300.0 - x, 60.0, 310.0 - x, 150.0), 20);
    for (i, pixel) in picture.data.iter_mut().enumerate() {
        let noise = hash(i as i32, ms as i32, 7) + hash(i as i32, ms as i32, 8) - 1.0;
        *pixel = (f32::from(*pixel) + grain * noise).clamp(0.0, 255.0) as u8;
    }
    picture
}

/// What an interlaced camera makes of it: the lower half of the rows 20 ms later.
fn woven(ms: i64, grain: f32) -> Picture {
    let (mut picture, late) = (hall(ms, grain), hall(ms + 20, grain));
    let rows = picture.data.chunks_mut(SIZE.0).zip(late.data.chunks(SIZE.0));
    rows.skip(1).step_by(2).for_each(|(row, late)| row.copy_from_slice(late));
    picture
}

/// Shows a second of pictures, 40 ms apart; what was decided at each.
fn watch(take: impl Fn(i64) -> Picture, scan: Scan) -> Vec<Adaptation> {
    let mut incoming = Incoming::default();
    let show = |ms| incoming.observe(take(ms).luma(), scan, at(ms));
    (0..25).map(|n| 40 * n).map(show).collect()
}

#[test]
fn interlaced_pictures_that_do_not_say_so_are_known_by_their_combs() {
    for grain in [0.0, 12.0] {
        let decided = watch(|ms| woven(ms, grain), Scan::Progressive);
        let first = decided.iter().position(|a| a.rows != Rows::All);
        assert!(first.is_some_and(|n| (1..=5).contains(&n)), "first at {first:?}");
        let upper = Adaptation { rows: Rows::Half(Half::Upper) };
        assert!(decided.iter().skip_while(|a| a.rows == Rows::All).all(|a| *a == upper));
    }
}

#[test]
fn pictures_of_one_moment_are_seen_whole_however_fine_and_noisy_they_are() {
    for grain in [0.0, 12.0, 25.0] {
        let decided = watch(|ms| hall(ms, grain), Scan::Progressive);
        assert!(decided.iter().all(|a| *a == Adaptation::default()), "noise of {grain}");
    }
}

#[test]
fn a_decoder_that_names_the_halves_is_believed_at_once_and_for_a_while() {
    let still = hall(0, 0.0);
    let mut incoming = Incoming::default();
    let mut show = |scan, ms| incoming.observe(still.luma(), scan, at(ms)).rows;
    let bottom = Rows::Half(Half::Lower);
    assert_eq!(show(Scan::Interlaced(Half::Lower), 0), bottom);
    // Encoders code single pictures of an interlaced stream as if they were whole.
    for ms in (40..20_000).step_by(40) {
        assert_eq!(show(Scan::Progressive, ms), bottom, "at {ms} ms");
    }
    assert_eq!(show(Scan::Progressive, 20_000), Rows::All);
    assert_eq!(show(Scan::Interlaced(Half::Upper), 20_040), Rows::Half(Half::Upper));
}

#[test]
fn a_new_picture_size_is_a_new_camera() {
    let mut incoming = Incoming::default();
    incoming.observe(hall(0, 0.0).luma(), Scan::Interlaced(Half::Upper), at(0));
    let other = Picture::plain(64, 36, 90);
    let seen = incoming.observe(other.luma(), Scan::Progressive, at(40));
    assert_eq!(seen, Adaptation::default());
}

#[test]
fn through_one_half_a_lane_sees_one_moment_at_the_same_place() {
    let (top, bottom) = (Rows::Half(Half::Upper), Rows::Half(Half::Lower));
    let square = Square { x: 60.0, y: 30.0, side: 128.0 };
    let crop = |picture: &Picture, rows: Rows| {
        let mut grey = Grey::filled(32, 32, 0);
        let seen = Adaptation { rows }.view(picture.luma());
        Resampler::default().crop(seen, square, &mut grey);
        grey.data
    };
    let apart = |a: &[u8], b: &[u8]| {
        a.iter().zip(b).map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>() / a.len() as f32
    };
    // The bar runs 3 pixels from half to half.
    let (early, late, both) = (hall(800, 0.0), hall(820, 0.0), woven(800, 0.0));
    assert_eq!(crop(&both, top), crop(&early, top), "nothing of the later half is seen");
    assert_eq!(crop(&both, bottom), crop(&late, bottom));
    let missing = apart(&crop(&early, top), &crop(&early, Rows::All));
    let torn = apart(&crop(&both, Rows::All), &crop(&early, Rows::All));
    assert!(missing < 4.0, "half of the rows are nearly all of the picture: {missing}");
    assert!(torn > 0.0);
}

#[test]
fn a_picture_with_an_odd_number_of_rows_has_both_halves() {
    let mut picture = Picture::plain(8, 5, 0);
    picture.data.chunks_mut(8).enumerate().for_each(|(y, row)| row.fill(y as u8));
    let rows = |half: Half| {
        let seen = picture.luma().through(half);
        (0..5).map(|y| seen.row(y)[0]).collect::<Vec<u8>>()
    };
    assert_eq!(rows(Half::Upper), [0, 0, 2, 2, 4]);
    assert_eq!(rows(Half::Lower), [1, 1, 3, 3, 4]);
}
