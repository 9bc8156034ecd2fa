//! Transport streams of a real muxer: what ffmpeg encodes is what leaves, however the bytes are
//! cut and whatever is lost of them.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod tools;

use std::process::{Command, Stdio};

use ingest::access_unit::{AccessUnit, MediaItem, Track};
use ingest::elementary::Output;
use ingest::limits::Limits;
use ingest::ts::{Demuxer, TsError};
use tools::ffmpeg_is_installed;
use wire::codec::VideoCodec;
use wire::time::{MediaSpan, MediaTime, Monotonic};

const PACKET: usize = 188;
const PICTURES: &str = "-f lavfi -i testsrc2=size=322x182:rate=25:duration=4";
const SOUND: &str = "-f lavfi -i sine=duration=4:r=48000";
const H264: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -bf 0 -pix_fmt yuv420p";

#[test]
fn h264_and_aac_arrive_whole_and_evenly_spaced() {
    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac -b:a 64k -ac 2")) else {
        return;
    };
    let outputs = demux(&bytes, PACKET * 7);
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
        let spacing = pair[1].pts.since(pair[0].pts);
        assert!((MediaSpan(1_919)..=MediaSpan(1_921)).contains(&spacing), "{spacing:?}");
    }
    // The demuxer alone decides what the bytes mean, not how the network cut them.
    for size in [1, 187, 189, bytes.len()] {
        assert!(demux(&bytes, size) == outputs, "in pieces of {size} bytes");
    }
}

#[test]
fn h265_with_reordered_pictures() {
    let Some(bytes) = mux(&format!(
        "{PICTURES} -c:v libx265 -preset ultrafast -x265-params bframes=2:keyint=25:log-level=none"
    )) else {
        return;
    };
    let outputs = demux(&bytes, 1316);
    let Some(MediaItem::Video(track)) = items(&outputs).next() else { panic!("no track") };
    assert_eq!((track.codec, track.width, track.height), (VideoCodec::H265, 322, 182));
    let video = units(&outputs, Track::Video);
    assert_eq!(video.len(), 100);
    assert!(video.windows(2).all(|pair| pair[0].dts < pair[1].dts), "decoding times fall");
    let mut shown: Vec<_> = video.iter().map(|unit| unit.pts).collect();
    shown.sort_unstable();
    assert!(shown.iter().copied().eq((0..100).map(|i| MediaTime::from_millis(40 * i))));
}

#[test]
fn a_picture_leaves_with_its_last_packet() {
    let Some(bytes) = mux(&format!("{PICTURES} {H264}")) else { return };
    let mut demuxer = Demuxer::new(Limits::default());
    let (mut whole, mut late) = (0_u32, 0_u32);
    let mut begun = 0_u32;
    for packet in bytes.chunks(PACKET) {
        demuxer.handle_bytes(Monotonic(0), packet).unwrap();
        begun += u32::from(is_video(packet) && packet[1] & 0x40 != 0);
        while let Some(output) = demuxer.next_output() {
            if let Output::Item(MediaItem::Unit(_)) = output {
                whole += 1;
                // It came with the first packet of the one after it.
                late += u32::from(begun > whole);
            }
        }
    }
    println!("{late} of {whole} late");
    // What fills its last packet exactly cannot be told from what goes on.
    assert!(whole >= 99 && late <= 3, "{late} of {whole} late");
}

#[test]
fn a_stream_that_fills_up_packets_in_the_middle_of_pictures_is_read_the_slow_way() {
    let Some(bytes) = mux(&format!("{PICTURES} {H264}")) else { return };
    let whole = demux(&bytes, PACKET);
    let outputs = demux(&stuffed_in_the_middle(&bytes), PACKET);
    let (expected, video) = (units(&whole, Track::Video), units(&outputs, Track::Video));
    // The first picture is spoiled, and with it those up to the next keyframe; then all is well.
    assert_eq!(video.len(), 75);
    for (unit, expected) in video.iter().zip(&expected[25..]) {
        assert_eq!(unit.data, expected.data);
    }
}

#[test]
fn after_a_lost_packet_pictures_go_on_at_the_next_keyframe() {
    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a aac")) else { return };
    let whole = demux(&bytes, PACKET);
    let packets: Vec<&[u8]> = bytes.chunks(PACKET).collect();
    let begins: Vec<usize> = (0..packets.len())
        .filter(|&at| is_video(packets[at]) && packets[at][1] & 0x40 != 0)
        .collect();
    // The tenth picture, which is no keyframe.
    let without: Vec<u8> = [&packets[..begins[10]], &packets[begins[10] + 1..]].concat().concat();
    let mut demuxer = Demuxer::new(Limits::default());
    let outputs = run(&mut demuxer, &without, 1316).unwrap();
    let expected = units(&whole, Track::Video);
    let expected: Vec<_> = expected[..10].iter().chain(&expected[25..]).collect();
    let video = units(&outputs, Track::Video);
    assert!(
        video
            .iter()
            .map(|unit| (unit.pts, &unit.data))
            .eq(expected.iter().map(|unit| (unit.pts, &unit.data)))
    );
    assert_eq!(demuxer.counters().gaps, 1);
    assert_eq!(units(&outputs, Track::Audio), units(&whole, Track::Audio));
}

#[test]
fn garbage_in_the_middle_is_skipped_and_counted() {
    let Some(bytes) = mux(&format!("{PICTURES} {H264}")) else { return };
    let middle = bytes.len() / PACKET / 2 * PACKET;
    let garbage: Vec<u8> = (0_u32..1_000).map(|i| (i * i * 7 + i) as u8).collect();
    let broken = [&bytes[..middle], &garbage, &bytes[middle..]].concat();
    let mut demuxer = Demuxer::new(Limits::default());
    let outputs = run(&mut demuxer, &broken, 1316).unwrap();
    let video = units(&outputs, Track::Video).len();
    assert!((75..=100).contains(&video), "{video} pictures");
    assert!(demuxer.counters().gaps >= 1);
}

#[test]
fn what_is_no_transport_stream_is_told() {
    let mut demuxer = Demuxer::new(Limits::default());
    let page = "<html><body>404 Not Found</body></html>".repeat(4_000);
    let refused = run(&mut demuxer, page.as_bytes(), 4_096);
    assert!(matches!(refused, Err(TsError::NotTransport(_))), "{refused:?}");
}

#[test]
fn codecs_that_the_box_does_not_take_are_named() {
    let Some(bytes) = mux(&format!("{PICTURES} -c:v mpeg2video")) else { return };
    let refused = run(&mut Demuxer::new(Limits::default()), &bytes, 1316).unwrap_err();
    assert!(refused.to_string().contains("MPEG-2"), "{refused}");

    let Some(bytes) = mux(&format!("{PICTURES} {SOUND} {H264} -c:a mp2")) else { return };
    let mut demuxer = Demuxer::new(Limits::default());
    let outputs = run(&mut demuxer, &bytes, 1316).unwrap();
    assert_eq!(units(&outputs, Track::Video).len(), 100);
    let complaint = demuxer.complaint().unwrap();
    assert!(complaint.contains("MP2") && complaint.contains("AAC"), "{complaint}");
    assert_eq!(demuxer.complaint(), None);

    let Some(bytes) = mux(&format!("{SOUND} -c:a aac")) else { return };
    let refused = run(&mut Demuxer::new(Limits::default()), &bytes, 1316);
    assert_eq!(refused.map(drop), Err(TsError::NoVideo));
}

#[test]
fn an_encrypted_stream_is_told() {
    let Some(mut bytes) = mux(&format!("{PICTURES} {H264}")) else { return };
    for packet in bytes.chunks_mut(PACKET).filter(|packet| is_video(packet)) {
        packet[3] |= 0x80;
    }
    let refused = run(&mut Demuxer::new(Limits::default()), &bytes, 1316);
    assert_eq!(refused.map(drop), Err(TsError::Scrambled));
}

#[test]
fn segments_of_another_origin_begin_an_epoch() {
    let Some(bytes) = mux(&format!("{PICTURES} {H264}")) else { return };
    let mut demuxer = Demuxer::new(Limits::default());
    let mut outputs = run(&mut demuxer, &bytes, 1316).unwrap();
    demuxer.cut().unwrap();
    outputs.extend(run(&mut demuxer, &bytes, 1316).unwrap());
    let cuts = outputs.iter().filter(|output| **output == Output::Discontinuity).count();
    assert_eq!((cuts, units(&outputs, Track::Video).len()), (1, 200));
    assert_eq!(units(&outputs, Track::Video)[100].pts, MediaTime(0));
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_fatal(
        packets in proptest::collection::vec(
            (proptest::prelude::any::<[u8; 3]>(), proptest::collection::vec(proptest::num::u8::ANY, 184)),
            0..40),
        size in 1_usize..500,
    ) {
        // Behind sync bytes and on few PIDs, so that more than the first look is reached.
        let bytes: Vec<u8> = packets
            .iter()
            .flat_map(|([b1, b2, b3], payload)| {
                [&[0x47, b1 & 0x41, b2 & 0x11, *b3], payload.as_slice()].concat()
            })
            .collect();
        // Refused or not: it must only come back.
        let _ = run(&mut Demuxer::new(Limits::default()), &bytes, size);
    }
}

/// What ffmpeg makes of these arguments as a transport stream; `None` if it is not installed.
fn mux(arguments: &str) -> Option<Vec<u8>> {
    if !ffmpeg_is_installed() {
        return None;
    }
    let output = Command::new("ffmpeg")
        .args("-hide_banner -loglevel error -nostdin".split(' '))
        .args(arguments.split_whitespace())
        .args("-f mpegts pipe:1".split(' '))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {arguments}");
    Some(output.stdout)
}

fn demux(bytes: &[u8], size: usize) -> Vec<Output> {
    run(&mut Demuxer::new(Limits::default()), bytes, size).unwrap()
}

fn run(demuxer: &mut Demuxer, bytes: &[u8], size: usize) -> Result<Vec<Output>, TsError> {
    let mut outputs = Vec::new();
    for piece in bytes.chunks(size) {
        demuxer.handle_bytes(Monotonic(0), piece)?;
        outputs.extend(std::iter::from_fn(|| demuxer.next_output()));
    }
    demuxer.finish()?;
    outputs.extend(std::iter::from_fn(|| demuxer.next_output()));
    Ok(outputs)
}

/// ffmpeg's first elementary stream.
fn is_video(packet: &[u8]) -> bool {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == 0x100
}

/// Splits the second packet of the first picture in two, each filled up.
fn stuffed_in_the_middle(bytes: &[u8]) -> Vec<u8> {
    let mut packets: Vec<Vec<u8>> = bytes.chunks(PACKET).map(<[u8]>::to_vec).collect();
    let second = packets
        .iter()
        .position(|packet| is_video(packet) && packet[1] & 0x40 == 0 && packet[3] & 0x20 == 0)
        .unwrap();
    let split = |half: &[u8]| {
        let stuffing = 184 - half.len();
        let mut packet = packets[second][..4].to_vec();
        packet[3] |= 0x20;
        packet.push((stuffing - 1) as u8);
        packet.push(0);
        packet.resize(4 + stuffing, 0xff);
        packet.extend_from_slice(half);
        packet
    };
    let halves = [split(&packets[second][4..96]), split(&packets[second][96..])];
    packets.splice(second..=second, halves);
    let mut counter = packets[second][3] & 0x0f;
    for packet in packets[second..].iter_mut().filter(|packet| is_video(packet)) {
        packet[3] = packet[3] & 0xf0 | counter;
        counter = (counter + 1) & 0x0f;
    }
    packets.concat()
}

fn items(outputs: &[Output]) -> impl Iterator<Item = &MediaItem> {
    outputs.iter().filter_map(|output| match output {
        Output::Item(item) => Some(item),
        Output::Discontinuity => None,
    })
}

fn units(outputs: &[Output], track: Track) -> Vec<&AccessUnit> {
    items(outputs)
        .filter_map(|item| if let MediaItem::Unit(unit) = item { Some(unit) } else { None })
        .filter(|unit| unit.track == track)
        .collect()
}
