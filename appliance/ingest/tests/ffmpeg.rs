//! Conformance with a real publisher: what ffmpeg encodes is what leaves the session.

mod publisher;
mod tools;

use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use ingest::rtmp::{EndReason, Event};
use publisher::{Run, publish, replay};
use tools::ffmpeg_is_installed;
use wire::codec::VideoCodec;
use wire::time::{MediaSpan, MediaTime};

#[test]
fn h264_and_aac_of_ffmpeg_arrive_whole_and_evenly_spaced() {
    if !ffmpeg_is_installed() {
        return;
    }
    let run = publish(
        "-f lavfi -i testsrc2=size=322x182:rate=25:duration=4 -f lavfi -i sine=duration=4:r=48000 \
         -c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p \
         -c:a aac -b:a 64k -ac 2",
    );
    let video = units(&run, Track::Video);
    assert_eq!(video.len(), 100);
    let keyframes: Vec<_> =
        video.iter().enumerate().filter(|(_, unit)| unit.keyframe).map(|(at, _)| at).collect();
    assert_eq!(keyframes, [0, 25, 50, 75]);
    for (index, unit) in (0..).zip(&video) {
        assert_eq!((unit.pts, unit.dts), (MediaTime::from_millis(40 * index), unit.pts));
    }

    let [track] = video_tracks(&run)[..] else { panic!("one video track") };
    assert_eq!((track.codec, track.width, track.height), (VideoCodec::H264, 322, 182));
    let [track] = audio_tracks(&run)[..] else { panic!("one audio track") };
    assert_eq!((track.sample_hz, track.channels), (48_000, 2));

    let audio = units(&run, Track::Audio);
    let dropped = run.session.counters().audio_early_dropped;
    // Four seconds in frames of 1024 samples, with the encoder's priming.
    assert!((186..=190).contains(&(audio.len() as u64 + dropped)), "{} units", audio.len());
    assert!(dropped <= 2, "{dropped} dropped");
    for pair in audio.windows(2) {
        let spacing = pair[1].dts.since(pair[0].dts);
        assert!(spacing >= MediaSpan::from_millis(20) && spacing <= MediaSpan::from_millis(23));
    }
    assert_eq!(run.events.last(), Some(&Event::Ended(EndReason::Unpublished)));

    // The session alone decides what the bytes mean, not how the network cut them.
    let whole = replay(&run.sent, usize::MAX);
    assert_eq!(whole.len(), run.events.len() + 1);
    assert!(replay(&run.sent, 1) == whole && replay(&run.sent, 1461) == whole);
}

#[test]
fn pictures_with_b_frames_keep_their_order_of_presentation() {
    if !ffmpeg_is_installed() {
        return;
    }
    let run = publish(
        "-f lavfi -i testsrc2=size=320x180:rate=30000/1001:duration=2 \
         -c:v libx264 -preset veryfast -bf 2 -b_strategy 0 -g 30 -pix_fmt yuv420p",
    );
    let video = units(&run, Track::Video);
    assert_eq!(video.len(), 60);
    assert!(video.windows(2).all(|pair| pair[0].dts <= pair[1].dts), "decoding times fall");
    let mut shown: Vec<_> = video.iter().map(|unit| unit.pts).collect();
    assert_eq!(shown[0], MediaTime(0));
    shown.sort_unstable();
    for pair in shown.windows(2) {
        let spacing = pair[1].since(pair[0]).as_millis();
        assert!((33..=34).contains(&spacing), "{spacing} ms");
    }
}

fn items(run: &Run) -> impl Iterator<Item = &MediaItem> {
    run.events.iter().filter_map(|event| match event {
        Event::Media(item) => Some(item),
        Event::PublishRequested { .. }
        | Event::Metadata(_)
        | Event::Discontinuity
        | Event::Ended(_) => None,
    })
}

fn units(run: &Run, track: Track) -> Vec<&AccessUnit> {
    items(run)
        .filter_map(|item| if let MediaItem::Unit(unit) = item { Some(unit) } else { None })
        .filter(|unit| unit.track == track)
        .collect()
}

fn video_tracks(run: &Run) -> Vec<&VideoTrack> {
    items(run)
        .filter_map(|item| if let MediaItem::Video(track) = item { Some(track) } else { None })
        .collect()
}

fn audio_tracks(run: &Run) -> Vec<&AudioTrack> {
    items(run)
        .filter_map(|item| if let MediaItem::Audio(track) = item { Some(track) } else { None })
        .collect()
}
