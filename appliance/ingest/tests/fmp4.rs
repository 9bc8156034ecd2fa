//! Fragmented MP4 of a real muxer: what ffmpeg encodes is what leaves, however the bytes are cut and
//! whatever is lost or damaged of them.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod tools;

use std::process::{Command, Stdio};

use ingest::access_unit::{AccessUnit, MediaItem, Track};
use ingest::elementary::{Output, StreamError};
use ingest::fmp4::{Demuxer, Fmp4Error};
use ingest::limits::Limits;
use tools::ffmpeg_is_installed;
use wire::codec::VideoCodec;
use wire::time::{MediaSpan, MediaTime, Monotonic};

const PICTURES: &str = "-f lavfi -i testsrc2=size=322x182:rate=25:duration=4";
const SOUND: &str = "-f lavfi -i sine=duration=4:r=48000";
const H264: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -bf 0 -pix_fmt yuv420p";

#[test]
fn h264_and_aac_arrive_whole_in_order_and_evenly_spaced() {
    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac -b:a 64k -ac 2")) else {
        return;
    };
    let outputs = demux(&bytes, 1_316);
    let video = units(&outputs, Track::Video);
    assert_eq!(video.len(), 100);
    for (index, unit) in (0..).zip(&video) {
        assert_eq!((unit.pts, unit.dts), (MediaTime::from_millis(40 * index), unit.pts));
        assert_eq!(unit.keyframe, index % 25 == 0);
    }
    let tracks: Vec<_> =
        items(&outputs).filter(|item| !matches!(item, MediaItem::Unit(_))).collect();
    let [MediaItem::Video(seen), MediaItem::Audio(heard)] = tracks[..] else {
        panic!("{tracks:?}")
    };
    assert_eq!((seen.codec, seen.width, seen.height), (VideoCodec::H264, 322, 182));
    assert_eq!((heard.sample_hz, heard.channels), (48_000, 2));
    let sound = units(&outputs, Track::Audio);
    assert!((184..=190).contains(&sound.len()), "{} frames", sound.len());
    for pair in sound.windows(2) {
        assert_eq!(pair[1].pts.since(pair[0].pts), MediaSpan(1_920));
    }
    // Within a fragment of a second too: a recorder and a decoder want them side by side.
    let times: Vec<_> = items(&outputs).filter_map(unit).map(|unit| unit.dts).collect();
    assert!(times.is_sorted(), "{times:?}");
    // The demuxer alone decides what the bytes mean, not how the network cut them.
    for size in [1, 7, 4_096, bytes.len()] {
        assert!(demux(&bytes, size) == outputs, "in pieces of {size} bytes");
    }
}

#[test]
fn h265_with_reordered_pictures_begins_at_zero() {
    for tag in ["hvc1", "hev1"] {
        let Some(bytes) = mux(&format!(
            "{PICTURES} -c:v libx265 -preset ultrafast -tag:v {tag} -x265-params \
             bframes=2:keyint=25:log-level=none"
        )) else {
            return;
        };
        let outputs = demux(&bytes, 1_316);
        let Some(MediaItem::Video(track)) = items(&outputs).next() else { panic!("no track") };
        assert_eq!((track.codec, track.width, track.height), (VideoCodec::H265, 322, 182));
        let video = units(&outputs, Track::Video);
        assert_eq!(video.len(), 100);
        assert!(video.windows(2).all(|pair| pair[0].dts < pair[1].dts), "decoding times fall");
        let mut shown: Vec<_> = video.iter().map(|unit| unit.pts).collect();
        shown.sort_unstable();
        assert!(shown.iter().copied().eq((0..100).map(|i| MediaTime::from_millis(40 * i))));
    }
}

#[test]
fn sound_is_where_its_edit_list_puts_it() {
    // Reordered pictures and the encoder's priming move both tracks; what is seen at 2 s is heard then.
    let Some(bytes) = mux(&format!(
        "{PICTURES} -f lavfi -i aevalsrc=if(gte(t\\,2)\\,sin(2000*t)\\,0):d=4:s=44100 -c:v libx264 \
         -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac -ac 1"
    )) else {
        return;
    };
    let outputs = demux(&bytes, bytes.len());
    let video = units(&outputs, Track::Video);
    let first = video.iter().map(|unit| unit.pts).min();
    assert_eq!(first, Some(MediaTime(0)));
    // Silence takes few bytes. The encoder sounds one frame early, which primes its overlap.
    let sound = units(&outputs, Track::Audio);
    let loud =
        sound.iter().find(|unit| unit.data.len() > 60 && unit.pts > MediaTime(9_000)).unwrap();
    let off = loud.pts.since(MediaTime::from_millis(2_000)).as_millis();
    assert!((-50..=30).contains(&off), "{off} ms");
}

#[test]
fn pieces_and_repeated_headers_are_one_stream() {
    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac")) else { return };
    let whole = demux(&bytes, bytes.len());
    let (init, fragments) = split(&bytes);
    assert_eq!(fragments.len(), 4);
    let mut demuxer = Demuxer::new(Limits::default());
    let mut outputs = Vec::new();
    for fragment in fragments {
        for piece in [init, fragment] {
            demuxer.handle_bytes(Monotonic(0), piece).unwrap();
            demuxer.finish().unwrap();
            outputs.extend(std::iter::from_fn(|| demuxer.next_output()));
        }
    }
    assert!(outputs == whole);
    assert_eq!(demuxer.counters().gaps, 0);
}

#[test]
fn after_damage_pictures_wait_for_a_keyframe_and_the_damage_is_counted() {
    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac")) else { return };
    let (init, fragments) = split(&bytes);
    let mut demuxer = Demuxer::new(Limits::default());
    let mut pictures = 0;
    for (number, fragment) in fragments.iter().enumerate() {
        let fragment = if number == 1 { &fragment[..fragment.len() / 2] } else { fragment };
        for piece in if number == 0 { [init, fragment] } else { [&[], fragment] } {
            demuxer.handle_bytes(Monotonic(0), piece).unwrap();
            demuxer.finish().unwrap();
        }
        pictures += std::iter::from_fn(|| demuxer.next_output())
            .filter(|output| matches!(output, Output::Item(MediaItem::Unit(u)) if u.track == Track::Video))
            .count();
    }
    assert_eq!((pictures, demuxer.counters().gaps), (75, 1));
    assert_eq!(demuxer.counters().discontinuities, 0);
}

#[test]
fn pictures_that_cannot_be_found_are_missed_although_the_sound_beside_them_is_whole() {
    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac")) else { return };
    let (init, fragments) = split(&bytes);
    let whole = demux(&bytes, bytes.len());
    let mut damaged = [init, fragments[0]].concat();
    // The first part of a fragment is the pictures': it tells of more of them than it has.
    let mut second = fragments[1].to_vec();
    let at = second.windows(4).position(|four| four == b"trun").unwrap();
    second[at + 8] = 0xff;
    damaged.extend(second);
    damaged.extend(fragments[2..].concat());
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_bytes(Monotonic(0), &damaged).unwrap();
    let outputs: Vec<_> = std::iter::from_fn(|| demuxer.next_output()).collect();
    assert_eq!((units(&outputs, Track::Video).len(), demuxer.counters().gaps), (75, 1));
    assert_eq!(units(&outputs, Track::Audio).len(), units(&whole, Track::Audio).len());

    // The same of a part that belongs to no track.
    let at = bytes.windows(4).rposition(|four| four == b"moof").unwrap();
    let at = at + bytes[at..].windows(4).position(|four| four == b"tfhd").unwrap();
    let mut strange = bytes.clone();
    strange[at + 8] = 0x7f;
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_bytes(Monotonic(0), &strange).unwrap();
    let outputs: Vec<_> = std::iter::from_fn(|| demuxer.next_output()).collect();
    assert_eq!((units(&outputs, Track::Video).len(), demuxer.counters().gaps), (75, 1));
}

#[test]
fn fragments_of_tracks_that_are_not_taken_are_no_loss() {
    for sound in ["libopus -strict -2", "aac"] {
        let Some(bytes) =
            mux(&format!("{PICTURES} {SOUND} {H264} -c:a {sound} -movflags +separate_moof"))
        else {
            return;
        };
        let (_, fragments) = split(&bytes);
        assert!(fragments.len() > 4, "every track has fragments of its own");
        let mut demuxer = Demuxer::new(Limits::default());
        demuxer.handle_bytes(Monotonic(0), &bytes).unwrap();
        demuxer.finish().unwrap();
        let outputs: Vec<_> = std::iter::from_fn(|| demuxer.next_output()).collect();
        assert_eq!((units(&outputs, Track::Video).len(), demuxer.counters().gaps), (100, 0));
    }
}

#[test]
fn a_cut_begins_a_new_epoch_with_its_own_header() {
    let Some(first) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac")) else { return };
    let other = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=4";
    let Some(second) = mux(&format!("{other} {SOUND} {H264} -c:a aac -ar 44100")) else { return };
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_bytes(Monotonic(0), &first).unwrap();
    demuxer.finish().unwrap();
    demuxer.cut().unwrap();
    demuxer.handle_bytes(Monotonic(0), &second).unwrap();
    let outputs: Vec<_> = std::iter::from_fn(|| demuxer.next_output()).collect();
    let at = outputs.iter().position(|output| *output == Output::Discontinuity).unwrap();
    let (before, after) = outputs.split_at(at);
    assert_eq!(units(before, Track::Video).len(), 100);
    let Some(MediaItem::Video(track)) = items(after).next() else { panic!("no new track") };
    assert_eq!((track.width, track.height), (160, 90));
    assert_eq!(units(after, Track::Video)[0].pts, MediaTime(0));
    assert!(items(after).any(|item| matches!(item, MediaItem::Audio(a) if a.sample_hz == 44_100)));
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_reason() {
    if !ffmpeg_is_installed() {
        return;
    }
    let refused = |arguments: &str| {
        let bytes = mux(arguments).unwrap();
        Demuxer::new(Limits::default()).handle_bytes(Monotonic(0), &bytes)
    };
    assert_eq!(refused(&format!("{SOUND} -c:a aac")), Err(Fmp4Error::NoVideo));
    let other = refused(&format!("{PICTURES} -c:v mpeg4"));
    assert_eq!(other, Err(StreamError::UnsupportedVideo("mp4v".to_owned()).into()));
    // Sound in another codec costs the sound alone, and is told once.
    let bytes = mux(&format!("{PICTURES} {SOUND} {H264} -c:a libopus -strict -2")).unwrap();
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_bytes(Monotonic(0), &bytes).unwrap();
    let complaint = demuxer.complaint().unwrap();
    assert!(complaint.contains("Opus") && complaint.contains("without it"), "{complaint}");
    assert_eq!(demuxer.complaint(), None);
    assert_eq!(demuxer.counters().video_units, 100);
}

#[test]
fn encrypted_samples_are_refused() {
    let Some(bytes) = mux(&format!(
        "{PICTURES} {H264} -encryption_scheme cenc-aes-ctr -encryption_key \
         00112233445566778899aabbccddeeff -encryption_kid 00112233445566778899aabbccddeeff"
    )) else {
        return;
    };
    let refused = Demuxer::new(Limits::default()).handle_bytes(Monotonic(0), &bytes);
    assert_eq!(refused, Err(Fmp4Error::Encrypted));
}

#[test]
fn lengths_that_lie_hold_no_memory() {
    let limits = Limits::default();
    for (kind, body) in [(b"mdat", &[0_u8; 9][..]), (b"moov", &[]), (b"moof", &[])] {
        for length in [[0xff; 8], [0, 0, 0, 0, 4, 0, 0, 0], [0; 8]] {
            let mut bytes = [&[0, 0, 0, 1][..], kind, &length, body].concat();
            let mut demuxer = Demuxer::new(limits);
            for _ in 0..100 {
                demuxer.handle_bytes(Monotonic(0), &bytes).unwrap();
                bytes = vec![0; 1 << 20];
            }
            assert!(demuxer.held_bytes() <= limits.fragment_bytes_max + (1 << 20));
        }
    }
    // A fragment of four thousand million samples that take no bytes.
    let Some(bytes) = mux(&format!("{PICTURES} {H264}")) else { return };
    let (init, fragments) = split(&bytes);
    let mut lying = fragments[0].to_vec();
    let at = lying.windows(4).position(|four| four == b"trun").unwrap();
    lying[at + 4..at + 12].copy_from_slice(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    let mut demuxer = Demuxer::new(limits);
    demuxer.handle_bytes(Monotonic(0), init).unwrap();
    demuxer.handle_bytes(Monotonic(0), &lying).unwrap();
    let outputs = std::iter::from_fn(|| demuxer.next_output()).count();
    assert!(outputs <= 2, "{outputs}");
}

#[test]
fn no_damage_panics_and_what_leaves_is_never_empty() {
    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac")) else { return };
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    let heads: Vec<usize> = [&b"moov"[..], b"moof", b"trun", b"stsd", b"esds", b"elst"]
        .iter()
        .filter_map(|kind| bytes.windows(4).position(|four| four == *kind))
        .collect();
    for _ in 0..400 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + random() % 8 {
            // Most of a file is media: damage where it hurts.
            let near = heads[random() % heads.len()] + random() % 120;
            let at = if random() % 4 == 0 { random() % bytes.len() } else { near };
            damaged[at.min(bytes.len() - 1)] = random() as u8;
        }
        let mut demuxer = Demuxer::new(Limits::default());
        for piece in damaged.chunks(1 + random() % 100_000) {
            let read = demuxer.handle_bytes(Monotonic(0), piece);
            while let Some(output) = demuxer.next_output() {
                if let Output::Item(MediaItem::Unit(unit)) = output {
                    assert!(!unit.data.is_empty());
                }
            }
            if read.is_err() {
                break;
            }
        }
        let _ = demuxer.finish();
    }
}

/// The initialization section, and the fragments behind it.
fn split(bytes: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (mut starts, mut at) = (Vec::new(), 0);
    while let Some(&[a, b, c, d, k0, k1, k2, k3]) = bytes[at..].first_chunk() {
        if [k0, k1, k2, k3] == *b"moof" {
            starts.push(at);
        }
        at += u32::from_be_bytes([a, b, c, d]) as usize;
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let fragments = starts.iter().zip(ends).map(|(from, to)| &bytes[*from..to]).collect();
    (&bytes[..starts[0]], fragments)
}

fn demux(bytes: &[u8], size: usize) -> Vec<Output> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut outputs = Vec::new();
    for piece in bytes.chunks(size) {
        demuxer.handle_bytes(Monotonic(0), piece).unwrap();
        outputs.extend(std::iter::from_fn(|| demuxer.next_output()));
    }
    demuxer.finish().unwrap();
    outputs.extend(std::iter::from_fn(|| demuxer.next_output()));
    outputs
}

fn items(outputs: &[Output]) -> impl Iterator<Item = &MediaItem> {
    outputs.iter().filter_map(|output| match output {
        Output::Item(item) => Some(item),
        Output::Discontinuity => None,
    })
}

fn unit(item: &MediaItem) -> Option<&AccessUnit> {
    match item {
        MediaItem::Unit(unit) => Some(unit),
        MediaItem::Video(_) | MediaItem::Audio(_) => None,
    }
}

fn units(outputs: &[Output], track: Track) -> Vec<&AccessUnit> {
    items(outputs).filter_map(unit).filter(|unit| unit.track == track).collect()
}

/// A fragmented MP4 with a fragment for each keyframe, as ffmpeg makes it; `None` without ffmpeg.
fn mux(arguments: &str) -> Option<Vec<u8>> {
    if !ffmpeg_is_installed() {
        return None;
    }
    let output = Command::new("ffmpeg")
        .args("-hide_banner -loglevel error -nostdin -fflags +bitexact".split(' '))
        .args(arguments.split_whitespace())
        .args("-f mp4 -movflags +frag_keyframe+delay_moov+default_base_moof -".split(' '))
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}
