//! Video decoding: order, times, latency, damage. Owns no media; see `media`.

use hal::PixelFormat;
use hal::decode::{DecodeError, DecodeVideo as _, VideoConfig};
use hal::surface::{Half, Scan, SurfacePool};
use libav::file::{Reader, Track, Unit};
use libav::video::Decoder;
use wire::codec::VideoCodec;
use wire::time::MediaTime;

use crate::media::{self, FRAME, HEIGHT, Studio, WIDTH, assert_in_place};

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

fn open(path: &std::path::Path, pool: SurfacePool) -> Decoder {
    let reader = Reader::open(path).expect("ffmpeg made a readable file");
    Decoder::open(&reader.video().config, pool).expect("the record is whole")
}

fn assert_all_in_place(path: &std::path::Path, frames: usize) {
    let surfaces = media::decode(path);
    let times: Vec<i64> = surfaces.iter().map(|s| s.pts().0).collect();
    let expected: Vec<i64> = (0..frames as i64).map(|n| n * FRAME).collect();
    assert_eq!(times, expected);
    surfaces.iter().for_each(assert_in_place);
}

#[test]
fn without_b_frames_each_access_unit_gives_its_picture_at_once() {
    let Some(studio) = Studio::open() else { return };
    for extra in ["-tune zerolatency", "-bf 0 -profile:v baseline", "-bf 0 -profile:v high"] {
        let path = studio.pictures("a.mp4", 60, &format!("{X264} {extra} -g 25"));
        let mut decoder = open(&path, SurfacePool::new(8));
        for unit in media::units(&path, Track::Video) {
            let mut out = Vec::new();
            decoder.decode(unit.packet(), &mut |s| out.push(s)).expect("a sound access unit");
            assert_eq!(out.len(), 1, "{extra}: one in, one out at {:?}", unit.pts);
            assert_eq!(out[0].pts(), unit.pts);
            assert_in_place(&out[0]);
        }
    }
}

#[test]
fn b_frames_come_out_in_presentation_order_at_their_own_times() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.pictures("b.mp4", 75, &format!("{X264} -bf 3 -b_strategy 0 -g 30"));
    let units = media::units(&path, Track::Video);
    assert!(units.windows(2).any(|pair| pair[1].pts < pair[0].pts), "the file has B-frames");
    assert_all_in_place(&path, 75);
}

#[test]
fn h265_is_decoded_too() {
    let Some(studio) = Studio::open() else { return };
    let options = "-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p";
    assert_all_in_place(&studio.pictures("c.mp4", 30, options), 30);
}

#[test]
fn layouts_other_than_4_2_0_are_converted() {
    let Some(studio) = Studio::open() else { return };
    for format in ["yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "nv12", "gray"] {
        let options = format!("-c:v libx264 -preset ultrafast -pix_fmt {format}");
        let path = studio.pictures("d.mp4", 20, &options);
        let surfaces = media::decode(&path);
        assert_eq!(surfaces.len(), 20, "{format}");
        for surface in &surfaces {
            assert_in_place(surface);
            let picture = surface.download().expect("pictures are in host memory");
            assert_eq!(picture.format, PixelFormat::I420, "{format}");
            for plane in &picture.planes[1..] {
                let rows = plane.data.chunks(plane.stride).take(HEIGHT / 2);
                let grey = |row: &[u8]| row[..WIDTH / 2].iter().all(|c| c.abs_diff(128) <= 1);
                assert!({ rows }.all(grey), "{format}: a grey picture has no colour");
            }
        }
    }
}

/// Decodes, damaging the access unit at `index` with `damage`; the times of the pictures and the
/// index of each access unit that was reported as corrupt.
fn with_damage(units: &[Unit], decoder: &mut Decoder, damaged: (usize, &[u8])) -> Outcome {
    let mut outcome = Outcome::default();
    for (index, unit) in units.iter().enumerate() {
        let data = if index == damaged.0 { damaged.1 } else { &unit.data };
        let mut out = Vec::new();
        match decoder.decode(media::with_data(unit, data), &mut |s| out.push(s)) {
            Ok(()) => {}
            Err(DecodeError::Corrupt { .. }) => outcome.corrupt.push(index),
            Err(error @ DecodeError::Failed { .. }) => panic!("{error}"),
        }
        out.iter().for_each(assert_in_place);
        outcome.times.extend(out.iter().map(|s| s.pts().0 / FRAME));
    }
    decoder.drain(&mut |s| outcome.times.push(s.pts().0 / FRAME)).expect("the decoder is sound");
    outcome
}

#[derive(Default)]
struct Outcome {
    times: Vec<i64>,
    corrupt: Vec<usize>,
}

#[test]
fn damaged_access_unit_costs_the_pictures_up_to_the_next_keyframe_and_no_more() {
    let Some(studio) = Studio::open() else { return };
    // Each of its slices may be the one that is missing.
    for slices in [1, 4] {
        let options = format!("{X264} -bf 0 -g 20 -x264-params slices={slices}:sliced-threads=0");
        let path = studio.pictures("e.mp4", 60, &options);
        let units = media::units(&path, Track::Video);
        let parts = slices_of(&units[27].data);
        assert_eq!(parts.len(), slices, "the encoder makes as many slices as it is asked for");
        damage_costs_the_pictures_up_to_the_next_keyframe(&path, &units);
        for lost in (0..parts.len()).filter(|_| slices > 1) {
            let rest = [&parts[..lost], &parts[lost + 1..]].concat().concat();
            assert_lost(&path, &units, (&format!("slice {lost} lost"), &rest));
        }
    }
}

/// The slices of an access unit, with their lengths.
fn slices_of(mut data: &[u8]) -> Vec<&[u8]> {
    let mut slices = Vec::new();
    while let [a, b, c, d, kind, ..] = data {
        let (unit, rest) = data.split_at(4 + u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        if matches!(kind & 0x1f, 1 | 5) {
            slices.push(unit);
        }
        data = rest;
    }
    slices
}

fn damage_costs_the_pictures_up_to_the_next_keyframe(path: &std::path::Path, units: &[Unit]) {
    let sound = &units[27].data;
    let mut noise = sound.clone();
    for (i, byte) in noise.iter_mut().enumerate().skip(sound.len() / 4) {
        *byte = (i * 37) as u8;
    }
    let wrong_length = [&[0xff; 4], &sound[4..]].concat();
    let cut_off = &sound[..sound.len() / 2];
    let cases = [("noise", &noise[..]), ("wrong length", &wrong_length), ("cut off", cut_off)];
    for (name, data) in cases.into_iter().chain([("empty", &[][..])]) {
        assert_lost(path, units, (name, data));
    }
}

/// This in place of access unit 27 costs its picture and those up to the next keyframe.
fn assert_lost(path: &std::path::Path, units: &[Unit], (name, data): (&str, &[u8])) {
    let mut decoder = open(path, SurfacePool::new(8));
    let outcome = with_damage(units, &mut decoder, (27, data));
    assert_eq!(outcome.corrupt.first(), Some(&27), "{name}");
    let expected: Vec<i64> = (0..27).chain(40..60).collect();
    assert_eq!(outcome.times, expected, "{name}");
}

#[test]
fn damage_between_b_frames_never_delivers_a_concealed_picture() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.pictures("f.mp4", 90, &format!("{X264} -bf 2 -b_strategy 0 -g 30"));
    let units = media::units(&path, Track::Video);
    let cut_off = units[40].data[..units[40].data.len() / 2].to_vec();
    let mut decoder = open(&path, SurfacePool::new(8));
    let outcome = with_damage(&units, &mut decoder, (40, &cut_off));
    assert!(outcome.corrupt.contains(&40), "{:?}", outcome.corrupt);
    assert!(outcome.times.is_sorted(), "{:?}", outcome.times);
    let tail: Vec<i64> = outcome.times.iter().copied().filter(|n| *n >= 60).collect();
    assert_eq!(tail, (60..90).collect::<Vec<_>>());
}

#[test]
fn new_decoder_takes_over_when_the_resolution_changes() {
    let Some(studio) = Studio::open() else { return };
    let small = studio.pictures("g.mp4", 10, &format!("{X264} -s 160x90"));
    let large = studio.pictures("h.mp4", 10, X264);
    for (path, width, height) in [(&small, 160, 90), (&large, 320, 180)] {
        let surfaces = media::decode(path);
        assert_eq!(surfaces.len(), 10);
        for surface in &surfaces {
            assert_eq!((surface.size().width, surface.size().height), (width, height));
        }
    }
}

#[test]
fn full_pool_drops_pictures_counts_them_and_decoding_goes_on() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.pictures("i.mp4", 30, &format!("{X264} -tune zerolatency"));
    let pool = SurfacePool::new(2);
    let mut decoder = open(&path, pool.clone());
    let mut held = Vec::new();
    for (index, unit) in media::units(&path, Track::Video).iter().enumerate() {
        decoder.decode(unit.packet(), &mut |s| held.push(s)).expect("a sound access unit");
        if index == 19 {
            assert_eq!((held.len(), pool.refused()), (2, 18));
            held.clear();
        }
    }
    assert_eq!(held[0].pts(), MediaTime(20 * FRAME));
    held.iter().for_each(assert_in_place);
}

#[test]
fn pictures_outlive_their_decoder() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.pictures("j.mp4", 40, &format!("{X264} -tune zerolatency"));
    // `decode` drops the decoder.
    media::decode(&path).iter().for_each(assert_in_place);
}

#[test]
fn record_that_makes_no_sense_is_refused() {
    for record in [vec![], vec![1, 2, 3], vec![0; 100], vec![1; 100_000]] {
        let config = VideoConfig { codec: VideoCodec::H264, record };
        let result = Decoder::open(&config, SurfacePool::new(1));
        assert!(matches!(result, Err(DecodeError::Failed { .. })));
    }
}

#[test]
fn stream_that_is_entered_at_an_open_gop_plays_on_from_there() {
    let Some(studio) = Studio::open() else { return };
    let h264 = format!("{X264} -bf 2 -b_strategy 0 -g 30 -x264-params open-gop=1:scenecut=0");
    let h265 = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params \
                log-level=none:open-gop=1:keyint=30:min-keyint=30:bframes=2:scenecut=0";
    for (name, options) in [("k.mp4", h264.as_str()), ("l.mp4", h265)] {
        let units = media::units(&studio.pictures(name, 120, options), Track::Video);
        let entry = units.iter().rposition(|u| u.keyframe && u.pts.0 < 50 * FRAME);
        let entry = entry.filter(|entry| *entry > 0).expect("a keyframe in the middle");
        assert!(units[entry + 1].pts < units[entry].pts, "{name}: pictures lead the keyframe");
        let mut decoder = open(&studio.path(name), SurfacePool::new(8));
        let outcome = with_damage(&units[entry..], &mut decoder, (usize::MAX, &[]));
        assert!(outcome.corrupt.is_empty(), "{name}: {:?}", outcome.corrupt);
        let first = units[entry].pts.0 / FRAME;
        let from_keyframe = outcome.times.iter().copied().filter(|n| *n >= first);
        assert_eq!(from_keyframe.collect::<Vec<_>>(), (first..120).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn stream_without_keyframes_recovers_through_its_intra_refresh() {
    let Some(studio) = Studio::open() else { return };
    let options = format!("{X264} -tune zerolatency -g 20 -x264-params intra-refresh=1");
    let path = studio.pictures("m.mp4", 120, &options);
    let units = media::units(&path, Track::Video);
    let cut_off = units[30].data[..units[30].data.len() / 2].to_vec();
    let mut decoder = open(&path, SurfacePool::new(8));
    let outcome = with_damage(&units, &mut decoder, (30, &cut_off));
    assert_eq!(outcome.corrupt, [30]);
    let back = outcome.times.iter().find(|n| **n > 30).expect("it recovers");
    assert!(*back <= 30 + 2 * 20 + 1, "whole again at {back}");
    let tail: Vec<i64> = outcome.times.iter().copied().filter(|n| n >= back).collect();
    assert_eq!(tail, (*back..120).collect::<Vec<_>>());
}

#[test]
fn a_picture_says_whether_it_is_interlaced_and_which_half_is_the_earlier_one() {
    let Some(studio) = Studio::open() else { return };
    let woven = |first: &str| {
        format!(
            "-vf scale=in_range=tv:out_range=tv,setfield={first} -flags +ildct+ilme -x264opts \
             {first}=1"
        )
    };
    for (name, options, scan) in [
        ("p.mp4", String::new(), Scan::Progressive),
        ("t.mp4", woven("tff"), Scan::Interlaced(Half::Upper)),
        ("b.mp4", woven("bff"), Scan::Interlaced(Half::Lower)),
        ("c.mp4", woven("bff") + " -pix_fmt yuv422p", Scan::Interlaced(Half::Lower)),
    ] {
        let path = studio.pictures(name, 20, &format!("{X264} {options}"));
        let surfaces = media::decode(&path);
        assert_eq!(surfaces.len(), 20, "{options}");
        assert!(surfaces.iter().all(|surface| surface.scan() == scan), "{options}");
        surfaces.iter().for_each(assert_in_place);
    }
}
