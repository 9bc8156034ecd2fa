//! NVDEC's logic: order, times, where pictures live, damage, changes of size, failures.

use hal::PixelFormat;
use hal::decode::{DecodeError, DecodeVideo as _, Packet, VideoConfig};
use hal::surface::{Half, Scan, Surface, SurfacePool};
use nvcodec::decoder::Decoder;
use wire::codec::VideoCodec;
use wire::time::MediaTime;

use crate::fake::Fake;
use crate::toy::{
    DAMAGED, FRAME, HELD, INTERLACED, Outcome, Sequence, UPPER_FIRST, key, key_of, luma, nothing,
    other, run,
};

fn open(fake: &Fake, sequence: &Sequence, pool: SurfacePool) -> Decoder {
    Decoder::open(&fake.gpu(), &sequence.config(), pool).expect("the stand-in decodes it")
}

/// Asserts that a picture is the one that belongs to its time, in luma and chroma, to its edges.
fn assert_in_place(surface: &Surface) {
    let picture = surface.download().expect("the stand-in hands it out");
    assert_eq!((picture.size, picture.format), (surface.size(), PixelFormat::Nv12));
    let (width, height) = (usize::from(picture.size.width), usize::from(picture.size.height));
    let expected = luma(surface.pts().0 / FRAME);
    let [luma, chroma, _] = picture.planes;
    for row in luma.data.chunks(luma.stride).take(height) {
        assert!(row[..width].iter().all(|pixel| *pixel == expected), "luma of {surface:?}");
    }
    let rows = chroma.data.chunks(chroma.stride).take(height.div_ceil(2));
    assert_eq!(rows.len(), height.div_ceil(2));
    for row in rows {
        let pairs = row[..width.next_multiple_of(2)].chunks(2);
        assert!({ pairs }.all(|pair| pair == [expected / 2, 255 - expected]), "{surface:?}");
    }
}

fn decode(fake: &Fake, units: &[crate::toy::Unit]) -> Outcome {
    let mut decoder = open(fake, &Sequence::of(320, 180), SurfacePool::new(100));
    let outcome = run(&mut decoder, units).expect("nothing fails");
    outcome.surfaces.iter().for_each(assert_in_place);
    outcome
}

#[test]
fn each_access_unit_gives_its_picture_at_once_and_at_its_time() {
    let Some(fake) = Fake::build() else { return };
    let mut decoder = open(&fake, &Sequence::of(1920, 1080), SurfacePool::new(4));
    assert_eq!(decoder.name(), "nvdec h264");
    for at in 0..30 {
        let unit = if at % 10 == 0 { key(at, 0) } else { other(at, 0) };
        let pts = MediaTime(at * FRAME);
        let mut out = Vec::new();
        let packet = Packet { data: &unit.data, pts, dts: pts };
        decoder.decode(packet, &mut |surface| out.push(surface)).expect("a sound access unit");
        assert_eq!(out.len(), 1, "one in, one out");
        assert_eq!(out[0].pts(), pts);
        assert_eq!((out[0].size().width, out[0].size().height), (1920, 1080));
        assert_in_place(&out[0]);
    }
    drop(decoder);
    fake.assert_empty();
}

#[test]
fn pictures_stay_on_the_gpu_until_somebody_downloads_them_and_come_down_once() {
    let Some(fake) = Fake::build() else { return };
    let pool = SurfacePool::new(8);
    let mut decoder = open(&fake, &Sequence::of(320, 180), pool.clone());
    let units: Vec<_> = (0..5).map(|at| if at == 0 { key(at, 0) } else { other(at, 0) }).collect();
    let outcome = run(&mut decoder, &units).expect("nothing fails");
    assert_eq!((fake.made("downloads"), pool.downloads()), (0, 0));
    let surface = &outcome.surfaces[3];
    let first = surface.download().expect("it comes down").planes[0].data.as_ptr();
    // Luma and chroma.
    assert_eq!((fake.made("downloads"), pool.downloads()), (2, 1));
    let again = surface.clone().download().expect("it is down").planes[0].data.as_ptr();
    assert_eq!(first, again, "the same bytes");
    assert_eq!((fake.made("downloads"), pool.downloads()), (2, 2));
    assert_in_place(surface);
}

#[test]
fn memory_of_pictures_is_lent_again_and_there_is_never_more_than_was_held() {
    let Some(fake) = Fake::build() else { return };
    let pool = SurfacePool::new(3);
    let mut decoder = open(&fake, &Sequence::of(320, 180), pool.clone());
    let mut held = Vec::new();
    for at in 0..100 {
        let unit = if at == 0 { key(at, 0) } else { other(at, 0) };
        let pts = MediaTime(at * FRAME);
        let packet = Packet { data: &unit.data, pts, dts: pts };
        decoder.decode(packet, &mut |surface| held.push(surface)).expect("a sound access unit");
        if at == 49 {
            assert_eq!((held.len(), pool.refused()), (3, 47), "the others were dropped, counted");
            held.iter().for_each(assert_in_place);
        }
        if at >= 49 {
            held.clear();
        }
    }
    assert_eq!(pool.in_use(), 0);
    assert!(fake.made("allocations") <= 4, "{} allocations", fake.made("allocations"));
    assert_eq!((fake.made("decoders"), fake.made("parsers")), (1, 1));
}

#[test]
fn pictures_outlive_their_decoder_and_a_change_of_size() {
    let Some(fake) = Fake::build() else { return };
    let (small, large) = (Sequence::of(320, 180), Sequence::of(640, 360));
    let units = [key(0, 0), other(1, 0), key_of(&large, 2), other(3, 0), key_of(&small, 4)];
    let mut decoder = open(&fake, &small, SurfacePool::new(8));
    let outcome = run(&mut decoder, &units).expect("nothing fails");
    drop(decoder);
    assert_eq!(fake.live("decoders"), 0);
    let widths: Vec<u16> = outcome.surfaces.iter().map(|s| s.size().width).collect();
    assert_eq!(widths, [320, 320, 640, 640, 320]);
    assert_eq!(outcome.times(), [0, 1, 2, 3, 4]);
    outcome.surfaces.iter().for_each(assert_in_place);
    assert_eq!(fake.live("contexts"), 1, "the pictures still need it");
    drop(outcome);
    fake.assert_empty();
}

#[test]
fn size_without_whole_blocks_or_with_odd_sides_is_kept() {
    let Some(fake) = Fake::build() else { return };
    for (width, height) in [(1280, 720), (1920, 1080), (322, 182), (321, 181), (16, 16)] {
        let mut decoder = open(&fake, &Sequence::of(width, height), SurfacePool::new(8));
        let outcome = run(&mut decoder, &[key(3, 0)]).expect("nothing fails");
        let size = outcome.surfaces[0].size();
        assert_eq!((size.width, size.height), (width, height));
        assert_in_place(&outcome.surfaces[0]);
    }
    fake.assert_empty();
}

#[test]
fn b_frames_come_out_in_the_order_in_which_they_are_shown() {
    let Some(fake) = Fake::build() else { return };
    let mut units = vec![key(0, HELD)];
    for anchor in [3, 6, 9] {
        units.push(other(anchor, HELD));
        units.extend([other(anchor - 2, 0), other(anchor - 1, 0)]);
    }
    let outcome = decode(&fake, &units);
    assert!(outcome.corrupt.is_empty(), "{:?}", outcome.corrupt);
    assert_eq!(outcome.times(), (0..10).collect::<Vec<_>>());
}

#[test]
fn stream_that_is_entered_in_the_middle_of_a_gop_shows_nothing_before_its_keyframe() {
    let Some(fake) = Fake::build() else { return };
    // The two before the keyframe in time lead it, and refer to pictures that were not seen.
    let units = [
        other(5, 0),
        other(6, 0),
        key(9, HELD),
        other(7, 0),
        other(8, 0),
        other(12, HELD),
        other(10, 0),
        other(11, 0),
    ];
    let outcome = decode(&fake, &units);
    assert!(outcome.corrupt.is_empty(), "{:?}", outcome.corrupt);
    assert_eq!(outcome.times(), [9, 10, 11, 12]);
}

#[test]
fn damage_costs_the_pictures_up_to_the_next_keyframe_and_no_more() {
    let Some(fake) = Fake::build() else { return };
    let sound: Vec<_> =
        (0..30).map(|at| if at % 10 == 0 { key(at, 0) } else { other(at, 0) }).collect();
    let concealed = other(13, DAMAGED);
    let wrong_length = crate::toy::Unit { at: 13, data: vec![0xff; 40] };
    let empty = crate::toy::Unit { at: 13, data: Vec::new() };
    for (name, damaged) in [
        ("concealed", concealed),
        ("wrong length", wrong_length),
        ("empty", empty),
        ("no picture", nothing(13)),
    ] {
        let mut units = sound.clone();
        units[13] = damaged;
        let outcome = decode(&fake, &units);
        let expected: Vec<i64> = (0..13).chain(20..30).collect();
        assert_eq!((outcome.times(), outcome.corrupt), (expected, vec![13]), "{name}");
    }
    fake.assert_empty();
}

#[test]
fn damage_to_a_picture_that_b_frames_refer_to_is_seen_before_they_are_shown() {
    let Some(fake) = Fake::build() else { return };
    let units = [
        key(0, 0),
        other(3, HELD | DAMAGED),
        other(1, 0),
        other(2, 0),
        other(4, 0),
        key(5, 0),
        other(6, 0),
    ];
    let outcome = decode(&fake, &units);
    assert_eq!(outcome.times(), [0, 5, 6]);
    assert_eq!(outcome.corrupt, [1], "reported with the first picture that would have been shown");
}

#[test]
fn gap_gives_out_what_waits_and_starts_anew_at_a_keyframe() {
    let Some(fake) = Fake::build() else { return };
    let mut decoder = open(&fake, &Sequence::of(320, 180), SurfacePool::new(8));
    let first = run(&mut decoder, &[key(0, HELD)]).expect("nothing fails");
    assert_eq!(first.times(), [0]);
    let second = run(&mut decoder, &[other(5, 0), key(6, 0), other(7, 0)]).expect("it goes on");
    assert_eq!(second.times(), [6, 7]);
    assert!(run(&mut decoder, &[]).expect("nothing is nothing").surfaces.is_empty());
    // The hardware decoder is made for a format, not for a stretch of the stream; the pictures'
    // memory outlives the gap too.
    assert_eq!(fake.live("decoders"), 1);
}

#[test]
fn interlaced_pictures_say_so_and_which_half_is_the_earlier_one() {
    let Some(fake) = Fake::build() else { return };
    let units = [key(0, 0), other(1, INTERLACED), other(2, INTERLACED | UPPER_FIRST)];
    let scans: Vec<Scan> = decode(&fake, &units).surfaces.iter().map(Surface::scan).collect();
    let expected =
        [Scan::Progressive, Scan::Interlaced(Half::Lower), Scan::Interlaced(Half::Upper)];
    assert_eq!(scans, expected);
}

#[test]
fn pictures_that_the_gpu_does_not_decode_are_a_failure_that_says_why() {
    let Some(fake) = Fake::build() else { return };
    for (sequence, told) in [
        (Sequence { chroma: 2, ..Sequence::of(320, 180) }, "4:2:0 with 8 bit"),
        (Sequence { bits: 10, ..Sequence::of(320, 180) }, "10 bit"),
        (Sequence { chroma: 9, ..Sequence::of(320, 180) }, "chroma format 9"),
        (Sequence::of(8192, 4320), "8192×4320 pixels is too large"),
        (Sequence::of(5000, 100), "too large"),
    ] {
        let mut decoder = open(&fake, &sequence, SurfacePool::new(8));
        let failed = run(&mut decoder, &[key(0, 0)]).err().expect("it cannot be decoded");
        assert!(matches!(failed, DecodeError::Failed { decoder: "nvdec h264", .. }), "{failed}");
        assert!(failed.to_string().contains(told), "{failed}");
    }
    fake.assert_empty();
}

#[test]
fn record_that_makes_no_sense_is_refused() {
    let Some(fake) = Fake::build() else { return };
    for record in [vec![], vec![1, 2, 3], vec![0; 100], vec![1; 200]] {
        let config = VideoConfig { codec: VideoCodec::H264, record };
        let refused = Decoder::open(&fake.gpu(), &config, SurfacePool::new(1));
        assert!(matches!(refused, Err(DecodeError::Failed { .. })));
    }
    fake.assert_empty();
}

#[test]
fn call_of_the_driver_that_fails_is_a_failure_that_names_it_and_leaves_nothing_behind() {
    let Some(fake) = Fake::build() else { return };
    let units = [key(0, 0), other(1, 0), other(2, 0)];
    for call in [
        "cuvidGetDecoderCaps",
        "cuvidCreateVideoParser",
        "cuvidCreateDecoder",
        "cuvidDecodePicture",
        "cuvidMapVideoFrame64",
        "cuMemAllocPitch_v2",
        "cuMemcpy2D_v2",
        "cuvidParseVideoData",
        "cuCtxPushCurrent_v2",
    ] {
        fake.fail(call, 0, 2);
        let config = Sequence::of(320, 180).config();
        let failed = Decoder::open(&fake.gpu(), &config, SurfacePool::new(8))
            .and_then(|mut decoder| run(&mut decoder, &units))
            .err()
            .unwrap_or_else(|| panic!("{call} failed"));
        let told = failed.to_string();
        let named = call.trim_end_matches("_v2").trim_end_matches("64");
        assert!(told.contains(named), "{call}: {told}");
        assert!(told.contains("CUDA_ERROR_OUT_OF_MEMORY (2)"), "{told}");
        fake.fail("", 0, 0);
        fake.assert_empty();
    }
}

#[test]
fn download_that_fails_loses_the_frame_and_not_the_stream() {
    let Some(fake) = Fake::build() else { return };
    let mut decoder = open(&fake, &Sequence::of(320, 180), SurfacePool::new(8));
    let outcome = run(&mut decoder, &[key(0, 0), other(1, 0)]).expect("nothing fails");
    fake.fail("cuMemcpy2D_v2", 1, 700);
    let refused = outcome.surfaces[0].download().err().expect("it fails").to_string();
    assert!(refused.contains("cuMemcpy2D") && refused.contains("700"), "{refused}");
    fake.fail("", 0, 0);
    outcome.surfaces.iter().for_each(assert_in_place);
    let outcome = run(&mut decoder, &[key(2, 0)]).expect("it goes on");
    outcome.surfaces.iter().for_each(assert_in_place);
}

#[test]
fn hardware_that_cannot_tell_damage_is_believed() {
    let Some(fake) = Fake::build() else { return };
    fake.fail("cuvidGetDecodeStatus", 0, 801);
    assert_eq!(decode(&fake, &[key(0, 0), other(1, 0)]).times(), [0, 1]);
}
