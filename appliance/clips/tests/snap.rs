//! What snapping promises.

use clips::snap::{Cut, FrameMark, snap};
use wire::time::{MediaInterval, MediaTime};

const FRAME: i64 = 3_600;

/// `count` frames at 25 a second from time zero, a keyframe at each multiple of `gop`.
fn frames(count: i64, gop: i64) -> Vec<FrameMark> {
    (0..count).map(|n| FrameMark { pts: MediaTime(n * FRAME), keyframe: n % gop == 0 }).collect()
}

fn ticks(start: i64, end: i64) -> MediaInterval {
    MediaInterval { start: MediaTime(start), end: MediaTime(end) }
}

#[test]
fn edges_snap_to_frames_and_decoding_to_the_keyframe_before() {
    let cut = snap(ticks(30 * FRAME - 1, 40 * FRAME + 1), &frames(100, 25));
    let expected =
        Cut { decode_from: MediaTime(25 * FRAME), show: ticks(30 * FRAME, 41 * FRAME), frames: 11 };
    assert_eq!(cut, Some(expected));
}

#[test]
fn a_start_on_a_keyframe_decodes_nothing_extra() {
    let cut = snap(ticks(25 * FRAME, 26 * FRAME), &frames(100, 25)).unwrap();
    assert_eq!((cut.decode_from, cut.frames), (MediaTime(25 * FRAME), 1));
}

#[test]
fn what_lies_before_the_first_keyframe_is_left_out() {
    let mut index = frames(100, 25);
    index.drain(..10);
    let cut = snap(ticks(12 * FRAME, 50 * FRAME), &index).unwrap();
    assert_eq!(cut.show, ticks(25 * FRAME, 50 * FRAME));
}

#[test]
fn the_last_frame_lasts_as_long_as_the_one_before() {
    let cut = snap(ticks(90 * FRAME, 500 * FRAME), &frames(100, 25)).unwrap();
    assert_eq!(cut.show, ticks(90 * FRAME, 100 * FRAME));
    assert_eq!(cut.frames, 10);
}

#[test]
fn nothing_to_show_is_no_cut() {
    assert_eq!(snap(ticks(0, FRAME), &[]), None);
    assert_eq!(snap(ticks(200 * FRAME, 300 * FRAME), &frames(100, 25)), None);
    assert_eq!(snap(ticks(FRAME + 1, FRAME + 2), &frames(100, 25)), None);
    let no_key: Vec<_> = frames(9, 25).drain(1..).collect();
    assert_eq!(snap(ticks(0, 9 * FRAME), &no_key), None);
}

#[test]
fn whatever_is_wanted_the_cut_shows_exactly_the_frames_inside() {
    let index = frames(60, 17);
    for start in (-2 * FRAME..62 * FRAME).step_by(977) {
        for length in [1, FRAME - 1, FRAME, 7 * FRAME + 11, 40 * FRAME] {
            let wanted = ticks(start, start + length);
            let inside: Vec<_> =
                index.iter().filter(|f| wanted.start <= f.pts && f.pts < wanted.end).collect();
            match snap(wanted, &index) {
                Some(cut) => {
                    assert_eq!(cut.frames as usize, inside.len());
                    assert_eq!(cut.show.start, inside[0].pts);
                    assert_eq!(cut.show.end.0, inside[inside.len() - 1].pts.0 + FRAME);
                    assert!(cut.decode_from <= cut.show.start);
                    assert_eq!(cut.decode_from.0 % (17 * FRAME), 0);
                    assert!(cut.show.start.since(cut.decode_from).0 < 17 * FRAME);
                }
                None => assert!(inside.is_empty(), "{wanted:?}"),
            }
        }
    }
}
