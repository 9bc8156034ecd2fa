//! How the recorder divides a stream: what it seals when, what it drops, what it promises.

use std::fs;
use std::sync::Arc;

use crate::film::{FRAME, Film, ffmpeg_is_there, shown_frames};
use bytes::Bytes;
use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use pipeline::mp4::Layout;
use pipeline::record::{
    AUDIO_PATIENCE, FragmentStore, Head, MemoryStore, PENDING_BYTES_MAX, Recorder, UNIT_BYTES_MAX,
};
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::{MediaInterval, MediaTime, Monotonic};

fn video_track(level: u8) -> MediaItem {
    // One sequence and one picture parameter set; nobody decodes them here.
    let record = Bytes::copy_from_slice(&[
        1, 66, 0, level, 0xff, 0xe1, 0, 4, 0x67, 66, 0, level, 1, 0, 4, 0x68, 0xce, 0x38, 0x80,
    ]);
    MediaItem::Video(VideoTrack { codec: VideoCodec::H264, record, width: 64, height: 48 })
}

fn audio_track() -> MediaItem {
    let record = Bytes::from_static(&[0x11, 0x90]);
    let codec = AudioCodec::Aac;
    MediaItem::Audio(AudioTrack { codec, record, sample_hz: 48_000, channels: 2 })
}

/// Picture number `n`, with `bytes` bytes; every `gop`th is a keyframe.
fn picture(n: i64, gop: i64, bytes: usize) -> MediaItem {
    let at = MediaTime(n * FRAME);
    MediaItem::Unit(AccessUnit {
        track: Track::Video,
        pts: at,
        dts: at,
        keyframe: n % gop == 0,
        data: vec![0; bytes].into(),
        arrived: Monotonic(0),
    })
}

fn sound(ms: i64) -> MediaItem {
    let at = MediaTime::from_millis(ms);
    let data = Bytes::from_static(&[0; 50]);
    let arrived = Monotonic(0);
    let track = Track::Audio;
    MediaItem::Unit(AccessUnit { track, pts: at, dts: at, keyframe: true, data, arrived })
}

struct Recording {
    store: Arc<MemoryStore>,
    recorder: Recorder,
}

impl Recording {
    fn of(tracks: impl IntoIterator<Item = MediaItem>) -> Self {
        let store = Arc::new(MemoryStore::new(u64::MAX));
        let mut recording = Self { recorder: Recorder::new(store.clone()), store };
        recording.take(tracks);
        recording
    }

    fn take(&mut self, items: impl IntoIterator<Item = MediaItem>) {
        for item in items {
            self.recorder.handle(item).expect("recorded");
        }
    }

    fn heads(&self) -> Vec<Head> {
        self.store.covering(MediaInterval { start: MediaTime(0), end: MediaTime(1 << 50) })
    }

    /// Frames in each fragment so far.
    fn frames(&self) -> Vec<i64> {
        let length = |head: &Head| head.shown.end.since(head.shown.start).0 / FRAME;
        self.heads().iter().map(length).collect()
    }
}

fn frame(n: i64) -> MediaTime {
    MediaTime(n * FRAME)
}

#[test]
fn a_gop_of_a_second_is_a_fragment() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((0..101).map(|n| picture(n, 25, 10)));
    assert_eq!(recording.frames(), [25, 25, 25, 25]);
    assert!(recording.heads().iter().all(|head| head.keyframe == Some(head.shown.start)));
}

#[test]
fn a_long_gop_is_sealed_every_second_and_only_its_first_fragment_has_the_keyframe() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((0..301).map(|n| picture(n, 250, 10)));
    assert_eq!(recording.frames(), [25; 12]);
    let keys: Vec<_> = recording.heads().iter().map(|head| head.keyframe.is_some()).collect();
    let expected: Vec<_> = (0..12).map(|n| n == 0 || n == 10).collect();
    assert_eq!(keys, expected);
}

#[test]
fn a_stream_of_keyframes_is_not_a_file_for_each() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((0..250).map(|n| picture(n, 1, 10)));
    assert!(recording.heads().len() <= 40, "{:?}", recording.frames());
}

#[test]
fn a_fragment_is_sealed_before_it_exceeds_its_bytes() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((0..60).map(|n| picture(n, 250, PENDING_BYTES_MAX / 5)));
    let heads = recording.heads();
    assert!(heads.len() >= 11);
    assert!(heads.iter().all(|head| head.bytes <= PENDING_BYTES_MAX as u64 + 8_000));
}

#[test]
fn a_waiting_cut_gets_everything_before_its_end_as_soon_as_it_arrived() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((0..30).map(|n| picture(n, 250, 10)));
    assert_eq!(recording.store.complete_upto(), Some(frame(25)));
    // Frame 29 has arrived, so everything before it has.
    assert!(recording.recorder.seal_upto(frame(29)).expect("sealed").is_some());
    assert_eq!(recording.store.complete_upto(), Some(frame(29)));
    assert!(recording.recorder.seal_upto(frame(29)).expect("sealed").is_none(), "nothing to do");
    // This has not arrived yet: it is sealed with the picture that shows that it has.
    assert!(recording.recorder.seal_upto(frame(35)).expect("sealed").is_none());
    recording.take((30..35).map(|n| picture(n, 250, 10)));
    assert_eq!(recording.store.complete_upto(), Some(frame(29)));
    recording.take([picture(35, 250, 10)]);
    assert_eq!(recording.store.complete_upto(), Some(frame(35)));
}

#[test]
fn a_waiting_cut_waits_for_sound_but_not_for_ever() {
    let mut recording = Recording::of([video_track(30), audio_track()]);
    recording.take([sound(0), sound(21)]);
    recording.take((0..12).map(|n| picture(n, 250, 10)));
    recording.recorder.seal_upto(frame(10)).expect("sealed");
    assert_eq!(recording.store.complete_upto(), None, "sound of that time is still to come");
    recording.take([sound(380), sound(401)]);
    let upto = recording.store.complete_upto();
    assert!(Some(frame(10)) <= upto && upto < Some(frame(11)), "{upto:?}");
    recording.recorder.seal_upto(frame(20)).expect("sealed");
    let patience = AUDIO_PATIENCE.0 / FRAME;
    recording.take((12..20 + patience).map(|n| picture(n, 250, 10)));
    assert!(recording.store.complete_upto() < Some(frame(20)));
    recording.take((20 + patience..22 + patience).map(|n| picture(n, 250, 10)));
    assert!(recording.store.complete_upto() >= Some(frame(20)), "{:?}", recording.heads());
}

#[test]
fn what_cannot_be_decoded_or_stored_is_dropped_and_counted() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((3..10).map(|n| picture(n, 250, 10)));
    assert_eq!(recording.recorder.losses().units_before_keyframe, 7);
    recording.take([sound(0)]);
    assert_eq!(recording.recorder.losses().units_invalid, 1, "sound that was not announced");
    recording.take([picture(250, 250, 10), picture(251, 250, UNIT_BYTES_MAX + 1)]);
    assert_eq!(recording.recorder.losses().units_invalid, 2, "too large");
    recording.take([picture(249, 250, 10)]);
    assert_eq!(recording.recorder.losses().units_invalid, 3, "from the past");
}

#[test]
fn sound_without_pictures_is_bounded() {
    let mut recording = Recording::of([video_track(30), audio_track()]);
    recording.take((0..60_000).map(|n| sound(n * 21)));
    assert!(recording.heads().is_empty());
    let lost = recording.recorder.losses().audio_alone;
    assert!((59_800..60_000).contains(&lost), "{lost}");
}

#[test]
fn a_new_video_track_waits_for_its_keyframe_and_the_old_one_is_kept() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((0..10).map(|n| picture(n, 250, 10)));
    recording.take([video_track(30)]);
    assert!(recording.heads().is_empty(), "the same track again changes nothing");
    recording.take([video_track(31)]);
    assert_eq!(recording.frames(), [10]);
    recording.take((10..20).map(|n| picture(n, 250, 10)));
    recording.take((20..40).map(|n| picture(n, 20, 10)));
    recording.recorder.finish().expect("stored");
    assert_eq!(recording.frames(), [10, 20]);
    let configs: Vec<_> = recording.heads().iter().map(|head| head.video_config).collect();
    assert_ne!(configs[0], configs[1]);
}

#[test]
fn a_recorder_continues_the_numbers_of_its_store() {
    let mut recording = Recording::of([video_track(30)]);
    recording.take((0..51).map(|n| picture(n, 25, 10)));
    recording.recorder = Recorder::new(recording.store.clone());
    recording.take([video_track(30)]);
    recording.take((75..101).map(|n| picture(n, 25, 10)));
    let seqs: Vec<_> = recording.heads().iter().map(|head| head.seq).collect();
    assert_eq!(seqs, [0, 1, 2]);
}

#[test]
fn fragments_play_one_after_another_and_alone() {
    if !ffmpeg_is_there() {
        return;
    }
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50"];
    let film = Film::make(6, &video, &["-c:a", "aac"]);
    let store = Arc::new(MemoryStore::new(u64::MAX));
    let mut recorder = Recorder::new(store.clone());
    let mut stored = Vec::new();
    for item in &film.items {
        stored.extend(recorder.handle(item.clone()).expect("recorded"));
    }
    stored.extend(recorder.finish().expect("recorded"));
    // As a browser gets them: one initialization segment, then media segments.
    let mut stream = stored[0].fragment.init.to_vec();
    for each in &stored {
        stream.extend_from_slice(&each.fragment.media_segment());
    }
    let path = film.folder.path().join("live.mp4");
    fs::write(&path, stream).expect("written");
    assert_eq!(shown_frames(&path), film.frames);
    // As a person finds them in the folder of recordings.
    let file = |n: usize| stored[n].fragment.pieces().collect::<Vec<_>>().concat();
    let path = film.folder.path().join("third.mp4");
    let third = file(2);
    assert_eq!(Layout::parse(&third).expect("a fragment"), stored[2].fragment.layout);
    assert_eq!(third.len() as u64, stored[2].fragment.layout.bytes);
    fs::write(&path, third).expect("written");
    let shown = shown_frames(&path);
    assert_eq!(shown[..20], film.frames[50..70]);
}
