//! Tracks and access units out of hand-made tags: H.264 in every length size, H.265 over Enhanced
//! RTMP and over codec id 12, AAC, and what is refused.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod client;

use bytes::Bytes;
use client::{AVCC, frame};
use ingest::access_unit::{MediaItem, Track};
use ingest::elementary::{Counters, Output, RecordError, StreamError};
use ingest::flv::{Demuxer, Tag};
use ingest::limits::Limits;
use wire::codec::VideoCodec;
use wire::time::{MediaTime, Monotonic};

#[test]
fn h265_over_enhanced_rtmp_arrives_with_size_keyframes_and_times() {
    let stream = Hevc::read();
    for (start, frames) in [
        (vec![0x90, b'h', b'v', b'c', b'1'], Coded::WithTime),
        (vec![0x90, b'h', b'v', b'c', b'1'], Coded::WithoutTime),
        (vec![0x1c, 0, 0, 0, 0], Coded::CodecId12),
    ] {
        let mut demuxer = Demuxer::new(Limits::default());
        video(&mut demuxer, 0, [start, stream.record.clone()].concat()).unwrap();
        for (at, data) in (0..).zip(&stream.frames) {
            let header: &[u8] = match frames {
                Coded::WithTime => &[0xa1, b'h', b'v', b'c', b'1', 0, 0, 40],
                Coded::WithoutTime => &[0xa3, b'h', b'v', b'c', b'1'],
                Coded::CodecId12 => &[0x2c, 1, 0, 0, 40],
            };
            video(&mut demuxer, 1000 + 40 * at, [header, data].concat()).unwrap();
        }
        let items = items(&mut demuxer);
        let MediaItem::Video(track) = &items[0] else { panic!("{:?}", items[0]) };
        assert_eq!((track.codec, track.width, track.height), (VideoCodec::H265, 322, 182));
        assert_eq!(track.record, stream.record);
        let units: Vec<_> = units(&items);
        assert_eq!(units.len(), 20);
        for (at, unit) in (0..).zip(&units) {
            assert_eq!(unit.pts, MediaTime::from_millis(40 * at));
            assert_eq!(unit.keyframe, at % 10 == 0, "frame {at}");
            assert_eq!(unit.data, stream.frames[at as usize]);
        }
    }
}

#[test]
fn h264_lengths_of_any_size_leave_as_four_bytes() {
    for length_bytes in 1..=4 {
        let mut record = AVCC;
        record[4] = 0xfc | (length_bytes - 1);
        let mut demuxer = Demuxer::new(Limits::default());
        video(&mut demuxer, 0, configuration(&record)).unwrap();
        let mut body = vec![0x17, 1, 0, 0, 0];
        for unit in [&[0x06, 1][..], &[0x65, 2, 3]] {
            let length = (unit.len() as u32).to_be_bytes();
            body.extend_from_slice(&length[4 - usize::from(length_bytes)..]);
            body.extend_from_slice(unit);
        }
        video(&mut demuxer, 0, body).unwrap();
        let items = items(&mut demuxer);
        let MediaItem::Video(track) = &items[0] else { panic!("{:?}", items[0]) };
        assert_eq!((track.record.as_ref(), track.width, track.height), (&AVCC[..], 320, 180));
        let unit = units(&items)[0];
        assert_eq!(unit.data.as_ref(), [0, 0, 0, 2, 0x06, 1, 0, 0, 0, 3, 0x65, 2, 3]);
        assert!(unit.keyframe);
    }
}

#[test]
fn the_keyframe_flag_of_a_tag_is_not_believed() {
    let mut demuxer = configured();
    for (flag, nal_type, keyframe) in [(0x27, 5, true), (0x17, 1, false), (0x17, 5, true)] {
        let mut body = frame(nal_type, 0);
        body[0] = flag;
        video(&mut demuxer, 40, body).unwrap();
        assert_eq!(units(&items(&mut demuxer))[0].keyframe, keyframe);
    }
}

#[test]
fn nothing_is_emitted_before_the_first_keyframe() {
    let mut demuxer = Demuxer::new(Limits::default());
    video(&mut demuxer, 0, frame(5, 0)).unwrap();
    video(&mut demuxer, 0, configuration(&AVCC)).unwrap();
    audio(&mut demuxer, 0, &[0xaf, 0, 0x12, 0x10]).unwrap();
    audio(&mut demuxer, 10, &[0xaf, 1, 0x21]).unwrap();
    video(&mut demuxer, 40, frame(1, 0)).unwrap();
    assert_eq!(units(&items(&mut demuxer)), [] as [&_; 0]);

    video(&mut demuxer, 80, frame(5, 0)).unwrap();
    audio(&mut demuxer, 70, &[0xaf, 1, 0x21]).unwrap();
    let items = items(&mut demuxer);
    let units = units(&items);
    assert_eq!((units[0].track, units[0].pts), (Track::Video, MediaTime(0)));
    assert_eq!((units[1].track, units[1].pts), (Track::Audio, MediaTime::from_millis(-10)));
    assert_eq!(units[1].data.as_ref(), [0x21]);
    let counters = Counters {
        video_units: 1,
        audio_units: 1,
        video_early_dropped: 2,
        audio_early_dropped: 1,
        ..Counters::default()
    };
    assert_eq!(demuxer.counters(), counters);
}

#[test]
fn a_jump_starts_a_new_epoch_at_the_next_keyframe() {
    let mut demuxer = configured();
    video(&mut demuxer, 1000, frame(5, 0)).unwrap();
    video(&mut demuxer, 11_001, frame(1, 0)).unwrap();
    video(&mut demuxer, 11_041, frame(1, 0)).unwrap();
    video(&mut demuxer, 11_081, frame(5, 0)).unwrap();
    video(&mut demuxer, 11_121, frame(1, 0)).unwrap();
    let outputs: Vec<_> = std::iter::from_fn(|| demuxer.next_output())
        .filter_map(|output| match output {
            Output::Discontinuity => Some(None),
            Output::Item(MediaItem::Unit(unit)) => Some(Some(unit.pts.0 / 90)),
            Output::Item(MediaItem::Video(_) | MediaItem::Audio(_)) => None,
        })
        .collect();
    assert_eq!(outputs, [Some(1000), None, Some(0), Some(40)]);
    assert_eq!(demuxer.counters().discontinuities, 1);
    assert_eq!(demuxer.counters().video_early_dropped, 2);
}

#[test]
fn a_repeated_configuration_is_told_once_and_a_changed_one_again() {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut changed = AVCC;
    changed[2] = 0x40;
    for record in [AVCC, AVCC, changed, changed] {
        video(&mut demuxer, 0, configuration(&record)).unwrap();
    }
    for record in [[0xaf, 0, 0x12, 0x10], [0xaf, 0, 0x12, 0x10], [0xaf, 0, 0x11, 0x90]] {
        audio(&mut demuxer, 0, &record).unwrap();
    }
    let told: Vec<_> = items(&mut demuxer)
        .into_iter()
        .map(|item| match item {
            MediaItem::Video(track) => (u32::from(track.width), 0),
            MediaItem::Audio(track) => (track.sample_hz, track.channels),
            MediaItem::Unit(unit) => panic!("{unit:?}"),
        })
        .collect();
    assert_eq!(told, [(320, 0), (320, 0), (44_100, 2), (48_000, 2)]);
}

#[test]
fn a_changed_configuration_waits_for_a_keyframe_on_the_same_timeline() {
    let mut demuxer = configured();
    let mut changed = AVCC;
    changed[2] = 0x40;
    video(&mut demuxer, 40, configuration(&changed)).unwrap();
    for (at, nal_type) in [(40, 1), (80, 1), (120, 5), (160, 1)] {
        video(&mut demuxer, at, frame(nal_type, 0)).unwrap();
    }
    let items = items(&mut demuxer);
    let times: Vec<_> = units(&items).iter().map(|unit| unit.pts.0 / 90).collect();
    assert_eq!(times, [120, 160]);
}

#[test]
fn a_picture_shown_hours_after_it_is_decoded_is_damaged() {
    let mut demuxer = configured();
    for composition_ms in [10_001, -10_001, i32::MIN >> 8] {
        video(&mut demuxer, 0, frame(1, composition_ms)).unwrap();
    }
    video(&mut demuxer, 0, frame(1, 10_000)).unwrap();
    assert_eq!(units(&items(&mut demuxer)).len(), 1);
    assert_eq!(demuxer.counters().malformed_dropped, 3);
}

#[test]
fn audio_configurations_of_real_encoders_are_understood() {
    for (record, sample_hz, channels) in [
        (&[0x12, 0x10][..], 44_100, 2),
        (&[0x11, 0x88], 48_000, 1),
        (&[0x12, 0x08, 0x56, 0xe5, 0x00], 44_100, 1),
        // HE-AAC, 24 kHz core, stated to play at 48 kHz.
        (&[0x2b, 0x11, 0x88, 0x00], 48_000, 2),
        // A rate that is in no table: 15 in place of the index, then 24 bits.
        (&[0x17, 0x80, 0x17, 0x70, 0x10], 12_000, 2),
        (&[0x11, 0xb0], 48_000, 6),
    ] {
        let mut demuxer = Demuxer::new(Limits::default());
        audio(&mut demuxer, 0, &[&[0xaf, 0], record].concat()).unwrap();
        let MediaItem::Audio(track) = &items(&mut demuxer)[0] else { panic!("no track") };
        assert_eq!((track.sample_hz, track.channels), (sample_hz, channels), "{record:02x?}");

        let mut demuxer = Demuxer::new(Limits::default());
        let enhanced = [&[0x90, b'm', b'p', b'4', b'a'], record].concat();
        audio(&mut demuxer, 0, &enhanced).unwrap();
        assert_eq!(items(&mut demuxer).len(), 1);
    }
}

#[test]
fn what_the_box_cannot_decode_is_refused_by_name() {
    let cases: [(&[u8], &str); 9] = [
        (&[0x12, 0], "Sorenson H.263"),
        (&[0x14, 0], "VP6"),
        (&[0x90, b'a', b'v', b'0', b'1', 0], "av01 (AV1)"),
        (&[0x90, b'v', b'p', b'0', b'9', 0], "vp09 (VP9)"),
        (&[0x91, 0, 255, b'\n', b'1', 0], "???1"),
        (&[0x96, 0, 0, 0, 0, 0], "several video tracks"),
        (&[0x2f, 0], "MP3"),
        (&[0xb2, 0], "Speex"),
        (&[0x90, b'O', b'p', b'u', b's'], "Opus (Opus)"),
    ];
    for (index, (body, name)) in cases.into_iter().enumerate() {
        let mut demuxer = Demuxer::new(Limits::default());
        let refused = if index < 6 {
            video(&mut demuxer, 0, body.to_vec())
        } else {
            audio(&mut demuxer, 0, body)
        };
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn configurations_that_cannot_be_used_are_refused() {
    let without_sets = [1, 0x64, 0, 0x0c, 0xff, 0xe0, 0];
    for (record, error) in [
        (&AVCC[..4], RecordError::Truncated),
        (&AVCC[..20], RecordError::Truncated),
        (&without_sets[..], RecordError::NoParameterSet),
        (&[1, 0x64, 0, 0x0c, 0xff, 0xe1, 0, 3, 0x67, 0x64, 0][..], RecordError::ParameterSet),
    ] {
        let mut demuxer = Demuxer::new(Limits::default());
        let refused = video(&mut demuxer, 0, configuration(record));
        assert_eq!(refused, Err(StreamError::Configuration(Track::Video, error)));
    }
}

#[test]
fn damaged_units_are_dropped_until_there_are_too_many_in_a_row() {
    let mut demuxer = configured();
    let limit = Limits::default().malformed_units_max;
    let damaged = vec![0x27, 1, 0, 0, 0, 0, 0, 9, 9, 0x65];
    for _ in 0..2 {
        for _ in 0..limit {
            video(&mut demuxer, 0, damaged.clone()).unwrap();
        }
        video(&mut demuxer, 0, frame(5, 0)).unwrap();
    }
    assert_eq!(units(&items(&mut demuxer)).len(), 2);
    let refused = (0..=limit).find_map(|_| video(&mut demuxer, 0, damaged.clone()).err());
    assert_eq!(refused, Some(StreamError::Damaged(limit + 1)));
}

#[test]
fn parameter_sets_in_a_tag_of_their_own_belong_to_the_next_picture() {
    let mut demuxer = configured();
    video(&mut demuxer, 40, frame(7, 0)).unwrap();
    video(&mut demuxer, 40, frame(8, 0)).unwrap();
    video(&mut demuxer, 40, frame(5, 0)).unwrap();
    video(&mut demuxer, 80, frame(1, 0)).unwrap();
    let items = items(&mut demuxer);
    let [key, next] = units(&items)[..] else { panic!("two pictures") };
    let body = |nal_type| frame(nal_type, 0)[5..].to_vec();
    assert_eq!(key.data, [body(7), body(8), body(5)].concat());
    assert!(key.keyframe);
    assert_eq!(next.data, body(1));

    let flood = (0..2500).find_map(|_| video(&mut demuxer, 0, frame(6, 0)).err());
    assert_eq!((flood, demuxer.counters().malformed_dropped), (None, 1));
}

/// Found by the fuzz target `rtmp_session`.
#[test]
fn a_keyframe_with_a_length_that_does_not_add_up_behind_it_is_damaged() {
    let mut demuxer = configured();
    for tail in [&[0xff, 0xff, 0xff, 0xff, 1][..], &[0, 0, 0], &[0, 0, 0, 2, 1]] {
        video(&mut demuxer, 0, [&frame(5, 0), tail].concat()).unwrap();
    }
    assert_eq!(items(&mut demuxer), []);
    assert_eq!(demuxer.counters().malformed_dropped, 3);
}

#[test]
fn tags_without_pictures_are_passed_over() {
    let mut demuxer = configured();
    for body in [
        &[][..],
        &[0x57, 0],
        &[0x17, 2, 0, 0, 0],
        &[0x92, b'h', b'v', b'c', b'1'],
        &[0x94, b'h', b'v', b'c', b'1', 1],
        &[0xd1, 0],
    ] {
        video(&mut demuxer, 0, body.to_vec()).unwrap();
    }
    assert_eq!(items(&mut demuxer), []);
    assert_eq!(demuxer.counters().malformed_dropped, 0);
}

enum Coded {
    WithTime,
    WithoutTime,
    CodecId12,
}

/// A stream of x265, 20 pictures with a keyframe every 10, as `hvcC` and access units.
struct Hevc {
    record: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

impl Hevc {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/hevc_322x182.h265");
        let bytes = std::fs::read(path).unwrap();
        let (mut sets, mut frames, mut prefix) = (Vec::new(), Vec::new(), Vec::new());
        for unit in annex_b(&bytes) {
            let length_prefixed = [&(unit.len() as u32).to_be_bytes(), unit].concat();
            match unit[0] >> 1 & 0x3f {
                0..32 => frames.push([std::mem::take(&mut prefix), length_prefixed].concat()),
                32..=34 if sets.len() < 3 => sets.push(unit),
                _ => prefix.extend(length_prefixed),
            }
        }
        // Profile, tier and level at the start of the sequence parameter set go into the record.
        let mut record = vec![1];
        record.extend_from_slice(&sets[1][3..15]);
        record.extend([0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 3]);
        for set in sets {
            record.extend([0x80 | set[0] >> 1, 0, 1]);
            record.extend_from_slice(&(set.len() as u16).to_be_bytes());
            record.extend_from_slice(set);
        }
        Self { record, frames }
    }
}

fn annex_b(bytes: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<_> =
        (0..bytes.len() - 3).filter(|at| bytes[*at..].starts_with(&[0, 0, 1])).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let unit = &bytes[start + 3..end];
            unit.strip_suffix(&[0]).unwrap_or(unit)
        })
        .collect()
}

fn configured() -> Demuxer {
    let mut demuxer = Demuxer::new(Limits::default());
    video(&mut demuxer, 0, configuration(&AVCC)).unwrap();
    video(&mut demuxer, 0, frame(5, 0)).unwrap();
    while demuxer.next_output().is_some() {}
    demuxer
}

fn configuration(record: &[u8]) -> Vec<u8> {
    [&[0x17, 0, 0, 0, 0], record].concat()
}

fn video(demuxer: &mut Demuxer, timestamp_ms: u32, body: Vec<u8>) -> Result<(), StreamError> {
    demuxer.handle_video(Tag { timestamp_ms, body: body.into(), arrived: Monotonic(0) })
}

fn audio(demuxer: &mut Demuxer, timestamp_ms: u32, body: &[u8]) -> Result<(), StreamError> {
    let body = Bytes::copy_from_slice(body);
    demuxer.handle_audio(Tag { timestamp_ms, body, arrived: Monotonic(0) })
}

fn items(demuxer: &mut Demuxer) -> Vec<MediaItem> {
    std::iter::from_fn(|| demuxer.next_output())
        .map(|output| match output {
            Output::Item(item) => item,
            Output::Discontinuity => panic!("a discontinuity"),
        })
        .collect()
}

fn units(items: &[MediaItem]) -> Vec<&ingest::access_unit::AccessUnit> {
    items
        .iter()
        .filter_map(|item| if let MediaItem::Unit(unit) = item { Some(unit) } else { None })
        .collect()
}
