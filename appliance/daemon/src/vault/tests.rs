//! The vault against real files: crashes, quotas, holds.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use clips::planner::ClipPlan;
use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use pipeline::cut::{Anchor, ClipSink, Cutter, Job};
use pipeline::record::{FragmentStore, Recorder};
use wire::clip::ClipEvent;
use wire::codec::{AudioCodec, VideoCodec};
use wire::ids::{BootId, ClipId, EventId, Name};
use wire::time::{MediaInterval, MediaTime, Monotonic, WallTime};

use super::{Clips, Recording, Recordings};

const FRAME: i64 = 3_600;
const GOP: i64 = 50;
const UNIT_BYTES: usize = 900;

fn source() -> Name {
    "court-1".parse().expect("a valid name")
}

fn video_track() -> MediaItem {
    // One sequence and one picture parameter set; nobody decodes them here.
    let record = Bytes::from_static(&[
        1, 66, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 66, 0, 30, 1, 0, 4, 0x68, 0xce, 0x38, 0x80,
    ]);
    MediaItem::Video(VideoTrack { codec: VideoCodec::H264, record, width: 64, height: 48 })
}

fn audio_track() -> MediaItem {
    let record = Bytes::from_static(&[0x11, 0x90]);
    let codec = AudioCodec::Aac;
    MediaItem::Audio(AudioTrack { codec, record, sample_hz: 48_000, channels: 2 })
}

/// A unit at a time; every [`GOP`]th picture is a keyframe.
fn unit(track: Track, at: i64) -> MediaItem {
    let fill = (at / 16 % 251) as u8;
    MediaItem::Unit(AccessUnit {
        track,
        pts: MediaTime(at),
        dts: MediaTime(at),
        keyframe: track == Track::Audio || at % (GOP * FRAME) == 0,
        data: vec![fill; if track == Track::Video { UNIT_BYTES } else { 100 }].into(),
        arrived: Monotonic(0),
    })
}

/// Records frames `from..to` (25 a second) with sound.
fn record(recorder: &mut Recorder, from: i64, to: i64) {
    for item in [video_track(), audio_track()] {
        recorder.handle(item).expect("a track");
    }
    for n in from..to {
        let at = n * FRAME;
        recorder.handle(unit(Track::Video, at)).expect("stored");
        for sound in [at, at + FRAME / 2] {
            recorder.handle(unit(Track::Audio, sound)).expect("stored");
        }
    }
}

fn open(data_dir: &Path, quota: u64, boot: u32) -> (Arc<Recordings>, Recording) {
    let recordings = Recordings::open(data_dir, quota).expect("opens");
    let recording = recordings.recording(&source(), BootId(boot)).expect("opens");
    (recordings, recording)
}

fn everything() -> MediaInterval {
    MediaInterval { start: MediaTime(0), end: MediaTime(i64::MAX / 4) }
}

fn job(start: i64, end: i64) -> Job {
    let id = EventId { boot: BootId(1), number: 1 };
    let event = ClipEvent { id, at: MediaTime((start + end) / 2) };
    let interval = MediaInterval { start: MediaTime(start), end: MediaTime(end) };
    let plan = ClipPlan { interval, events: [event].into_iter().collect() };
    Job {
        id: ClipId(0xabc),
        source: source(),
        plan,
        anchor: Anchor { media: MediaTime(0), wall: WallTime(1_000_000) },
    }
}

#[test]
fn a_reopened_recording_has_what_was_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let heads = {
        let (_, recording) = open(folder.path(), u64::MAX, 1);
        let mut recorder = Recorder::new(Arc::new(recording.clone()));
        record(&mut recorder, 0, 200);
        recorder.finish().expect("stored");
        recording.covering(everything())
    };
    assert_eq!(heads.len(), 8);
    let (recordings, recording) = open(folder.path(), u64::MAX, 1);
    assert_eq!(recording.covering(everything()), heads);
    assert_eq!(recordings.bytes(), heads.iter().map(|head| head.bytes).sum::<u64>());
    assert_eq!(recording.next_seq(), 8);
    assert_eq!(recording.complete_upto(), Some(MediaTime(200 * FRAME)));
}

#[test]
fn a_torn_last_fragment_is_removed_wherever_it_was_torn() {
    let folder = tempfile::tempdir().expect("a folder");
    let heads = {
        let (_, recording) = open(folder.path(), u64::MAX, 1);
        record(&mut Recorder::new(Arc::new(recording.clone())), 0, 101);
        recording.covering(everything())
    };
    let (last, whole) = heads.split_last().expect("fragments");
    let path = folder.path().join(format!("recordings/court-1/1/{:08}.m4s", last.seq));
    let bytes = fs::read(&path).expect("the last fragment");
    assert!(bytes.len() > 20_000, "{}", bytes.len());
    for length in (0..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
        fs::write(&path, &bytes[..length]).expect("torn");
        let (_, recording) = open(folder.path(), u64::MAX, 1);
        assert_eq!(recording.covering(everything()), whole, "torn at {length}");
        assert!(!path.exists(), "torn at {length}");
        assert_eq!(recording.next_seq(), last.seq);
    }
    fs::write(&path, &bytes).expect("whole");
    let (_, recording) = open(folder.path(), u64::MAX, 1);
    assert_eq!(recording.covering(everything()), heads);
}

#[test]
fn damaged_and_foreign_files_do_not_stop_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = {
        let (_, recording) = open(folder.path(), u64::MAX, 1);
        record(&mut Recorder::new(Arc::new(recording)), 0, 101);
        folder.path().join("recordings/court-1/1")
    };
    let first = path.join("00000000.m4s");
    let good = fs::read(&first).expect("a fragment");
    fs::write(path.join("notes.txt"), "foreign").expect("written");
    for at in (0..2_500).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0xff;
        fs::write(&first, &bad).expect("damaged");
        // Either it is recognised and removed or it still makes sense: never a crash.
        let (_, recording) = open(folder.path(), u64::MAX, 1);
        let heads = recording.covering(everything());
        assert!(heads.iter().any(|head| head.seq == 3), "damaged at {at}");
    }
    assert!(path.join("notes.txt").exists());
}

#[test]
fn the_quota_evicts_the_oldest_boot_first_and_then_the_oldest_fragments() {
    let folder = tempfile::tempdir().expect("a folder");
    let per_second = 30_000;
    {
        let (_, recording) = open(folder.path(), u64::MAX, 1);
        record(&mut Recorder::new(Arc::new(recording)), 0, 251);
    }
    let quota = 20 * per_second;
    let (recordings, recording) = open(folder.path(), quota, 2);
    let mut recorder = Recorder::new(Arc::new(recording.clone()));
    record(&mut recorder, 0, 501);
    assert!(recordings.bytes() <= quota);
    let old = folder.path().join("recordings/court-1/1");
    let left = fs::read_dir(&old).map_or(0, Iterator::count);
    assert!(left < 10, "{left}");
    assert_eq!(recording.covering(everything()).first().map(|head| head.seq), Some(0));
    record(&mut recorder, 501, 1_501);
    assert!(recordings.bytes() <= quota);
    assert!(!old.exists(), "an empty folder of an old boot goes");
    let heads = recording.covering(everything());
    assert_eq!(heads.last().map(|head| head.seq), Some(59));
    assert!(heads.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
}

#[test]
fn a_hold_keeps_what_a_clip_needs_including_its_keyframe() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, recording) = open(folder.path(), 20 * 30_000, 1);
    let mut recorder = Recorder::new(Arc::new(recording.clone()));
    record(&mut recorder, 0, 401);
    // Frame 85 is in the second half of the GOP that starts with frame 50.
    let wanted = MediaInterval { start: MediaTime(85 * FRAME), end: MediaTime(110 * FRAME) };
    let hold = recording.hold(wanted).expect("room");
    record(&mut recorder, 401, 1_001);
    let seqs = |recording: &Recording| -> BTreeSet<u32> {
        recording.covering(everything()).iter().map(|head| head.seq).collect()
    };
    assert!(seqs(&recording).is_superset(&BTreeSet::from([2, 3, 4])), "{:?}", seqs(&recording));
    assert!(!seqs(&recording).contains(&1));
    let clips = Clips::open(folder.path()).expect("opens");
    let cut = Cutter::default().cut(&job(85 * FRAME, 110 * FRAME), &recording, &clips);
    let finished = cut.expect("all of it is there");
    assert_eq!((finished.record.frames, finished.missing.is_nothing()), (25, true));
    recording.release(hold);
    record(&mut recorder, 1_001, 1_101);
    assert!(!seqs(&recording).contains(&3));
}

#[test]
fn recording_goes_on_when_everything_is_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recordings, recording) = open(folder.path(), 10 * 30_000, 1);
    recording.hold(everything()).expect("room");
    let mut recorder = Recorder::new(Arc::new(recording.clone()));
    record(&mut recorder, 0, 501);
    assert!(recordings.bytes() <= 10 * 30_000);
    assert_eq!(recording.covering(everything()).last().map(|head| head.seq), Some(19));
}

#[test]
fn after_a_crash_a_clip_is_cut_as_far_as_the_recording_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let (_, recording) = open(folder.path(), u64::MAX, 1);
        // Killed: what is pending is lost, nothing is finished.
        record(&mut Recorder::new(Arc::new(recording)), 0, 240);
    }
    let (recordings, _now) = open(folder.path(), u64::MAX, 2);
    let before = recordings.recording(&source(), BootId(1)).expect("opens");
    let clips = Clips::open(folder.path()).expect("opens");
    let job = job(110 * FRAME, 360 * FRAME);
    let finished = Cutter::default().cut(&job, &before, &clips).expect("a part of it");
    let shown = finished.record.interval;
    assert_eq!(shown.start, MediaTime(110 * FRAME));
    assert!(shown.end >= MediaTime(215 * FRAME), "at most a second is lost: {shown:?}");
    assert_eq!(finished.missing.after, MediaTime(360 * FRAME).since(shown.end));
    assert_eq!(finished.missing.before.0, 0);
    let file = fs::read(clips.path(job.id)).expect("the clip");
    assert_eq!(file.len() as u64, finished.record.bytes);
    assert_eq!(clips.list().expect("lists"), [(job.id, finished.record.bytes)]);
}

#[test]
fn an_unfinished_clip_is_never_visible_and_goes_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let clips = Clips::open(folder.path()).expect("opens");
    let mut draft = clips.begin(ClipId(7)).expect("begins");
    draft.write(b"half").expect("written");
    assert_eq!(clips.list().expect("lists"), []);
    drop(draft);
    let names = || fs::read_dir(folder.path().join("clips")).expect("a folder").count();
    assert_eq!(names(), 0, "dropped unfinished");
    // A crash drops nothing.
    std::mem::forget(clips.begin(ClipId(8)).expect("begins"));
    assert_eq!(names(), 1);
    let clips = Clips::open(folder.path()).expect("opens");
    assert_eq!(names(), 0);
    clips.remove(ClipId(8)).expect("what is not there need not be removed");
}
