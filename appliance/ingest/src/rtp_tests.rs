//! What cameras do with their clocks and packets, and what becomes of it.

use super::*;
use crate::access_unit::{AccessUnit, MediaItem};

/// `avcC` of a 320x180 High-profile stream of x264.
const AVCC: [u8; 46] = [
    0x01, 0x64, 0x00, 0x0c, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41,
    0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42,
    0x99, 0x60, 0x01, 0x00, 0x05, 0x68, 0xef, 0x83, 0x1c, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
];
const IDR: u8 = 0x65;
const REFERENCE: u8 = 0x41;

/// What leaves, in short.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    Track,
    Cut,
    /// Track, decoding and presentation time in milliseconds.
    Unit(Track, i64, i64),
}

fn configured() -> Assembly {
    let mut assembly = Assembly::new(Limits::default());
    assembly.configure_video(VideoCodec::H264, &AVCC).expect("a good record");
    assembly.configure_audio(Bytes::from_static(&[0x11, 0x90])).expect("a good record");
    assert_eq!(left(&mut assembly), [Left::Track, Left::Track]);
    assembly
}

fn left(assembly: &mut Assembly) -> Vec<Left> {
    let short = |output| match output {
        Output::Discontinuity => Left::Cut,
        Output::Item(MediaItem::Video(_) | MediaItem::Audio(_)) => Left::Track,
        Output::Item(MediaItem::Unit(AccessUnit { track, dts, pts, .. })) => {
            Left::Unit(track, dts.0 / 90, pts.0 / 90)
        }
    };
    std::iter::from_fn(|| assembly.next_output()).map(short).collect()
}

fn picture(header: u8, at_ms: i64) -> Frame {
    Frame {
        track: Track::Video,
        at: Stamp { ticks: at_ms * 90, clock_hz: 90_000 },
        data: Bytes::copy_from_slice(&[0, 0, 0, 3, header, 0xaa, 0xbb]),
        lost_packets: 0,
        arrived: Monotonic(7),
    }
}

fn pictures(assembly: &mut Assembly, all: &[(u8, i64)]) -> Vec<Left> {
    for (header, at_ms) in all {
        assembly.handle(picture(*header, *at_ms)).expect("a good picture");
    }
    left(assembly)
}

fn video(dts: i64, pts: i64) -> Left {
    Left::Unit(Track::Video, dts, pts)
}

#[test]
fn sound_of_another_clock_lies_beside_its_picture() {
    let mut assembly = configured();
    assert_eq!(pictures(&mut assembly, &[(IDR, 1_000)]), [video(0, 0)]);
    let sound = Frame {
        track: Track::Audio,
        at: Stamp { ticks: 48_000 + 960, clock_hz: 48_000 },
        data: Bytes::from_static(&[1, 2]),
        lost_packets: 3,
        arrived: Monotonic(8),
    };
    assembly.handle(sound).expect("good sound");
    assert_eq!(left(&mut assembly), [Left::Unit(Track::Audio, 20, 20)]);
}

#[test]
fn pictures_begin_with_a_keyframe_and_after_lost_packets_again() {
    let mut assembly = configured();
    let first = pictures(&mut assembly, &[(REFERENCE, 0), (IDR, 40), (REFERENCE, 80)]);
    assert_eq!(first, [video(0, 0), video(40, 40)]);
    let damaged = Frame { lost_packets: 2, ..picture(REFERENCE, 120) };
    assembly.handle(damaged).expect("counted, not refused");
    let later = pictures(&mut assembly, &[(REFERENCE, 160), (IDR, 200)]);
    assert_eq!(later, [video(160, 160)]);
    let counters = assembly.counters();
    assert_eq!((counters.gaps, counters.video_early_dropped), (1, 3));
}

#[test]
fn a_clock_that_jumps_an_hour_either_way_starts_an_epoch_at_the_next_keyframe() {
    const HOUR: i64 = 3_600_000;
    for jump in [HOUR, -HOUR] {
        let mut assembly = configured();
        pictures(&mut assembly, &[(IDR, 0), (REFERENCE, 40)]);
        let at = 80 + jump;
        let jumped = [(REFERENCE, at), (IDR, at + 40), (REFERENCE, at + 80)];
        let after = pictures(&mut assembly, &jumped);
        assert_eq!(after, [Left::Cut, video(0, 0), video(40, 40)], "{jump}");
        assert_eq!(assembly.counters().discontinuities, 1);
    }
}

#[test]
fn pictures_out_of_their_order_keep_their_time_and_no_decoding_time_falls() {
    let mut assembly = configured();
    let shown = [(IDR, 0), (REFERENCE, 120), (1, 40), (1, 80), (REFERENCE, 240), (1, 160)];
    let expected = [(0, 0), (120, 120), (120, 40), (120, 80), (240, 240), (240, 160)];
    let expected: Vec<Left> = expected.into_iter().map(|(dts, pts)| video(dts, pts)).collect();
    assert_eq!(pictures(&mut assembly, &shown), expected);
    assert_eq!(assembly.counters().times_repaired, 0);
}

#[test]
fn a_clock_set_back_by_seconds_goes_on_where_it_was() {
    let mut assembly = configured();
    let all = [(IDR, 5_000), (REFERENCE, 5_040), (REFERENCE, 2_000), (REFERENCE, 2_040)];
    let expected = [(0, 0), (40, 40), (40, 40), (80, 80)];
    let expected: Vec<Left> = expected.into_iter().map(|(dts, pts)| video(dts, pts)).collect();
    assert_eq!(pictures(&mut assembly, &all), expected);
}

#[test]
fn a_resolution_that_changes_waits_for_its_keyframe() {
    let mut assembly = configured();
    pictures(&mut assembly, &[(IDR, 0)]);
    let mut other = AVCC;
    other[44] = 0xf9; // an extension of the record: another record, the same picture size
    assembly.configure_video(VideoCodec::H264, &other).expect("a good record");
    let after = pictures(&mut assembly, &[(REFERENCE, 40), (IDR, 80)]);
    assert_eq!(after, [Left::Track, video(80, 80)]);
}

#[test]
fn no_stamp_and_no_clock_is_too_much() {
    let mut assembly = configured();
    for (ticks, clock_hz) in
        [(i64::MAX, 1), (i64::MIN, 1), (i64::MIN, 0), (i64::MAX, 90_000), (i64::MIN, 90_000)]
    {
        let frame = Frame { at: Stamp { ticks, clock_hz }, ..picture(IDR, 0) };
        assembly.handle(frame).expect("a jump at most");
    }
}
