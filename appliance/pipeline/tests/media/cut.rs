//! Record a film, cut clips out of it, and look at them with ffmpeg: every shown frame is the
//! right one, sound is in place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::film::{FRAME, Film, SAMPLE_HZ, ffmpeg_is_there, run, shown_frames};
use clips::planner::ClipPlan;
use ingest::access_unit::{MediaItem, Track};
use pipeline::cut::{Anchor, ClipFile, ClipSink, CutError, Cutter, Finished, Job, SinkError};
use pipeline::record::{FragmentStore, MemoryStore, Recorder};
use wire::clip::ClipEvent;
use wire::ids::{BootId, ClipId, EventId};
use wire::time::{MediaInterval, MediaTime, WallTime};

/// Writes clips into a folder.
struct Folder(PathBuf);

struct Draft(fs::File);

impl ClipSink for Folder {
    fn begin(&self, id: ClipId) -> Result<Box<dyn ClipFile + '_>, SinkError> {
        Ok(Box::new(Draft(fs::File::create(self.0.join(format!("{id}.mp4"))).expect("a file"))))
    }
}

impl ClipFile for Draft {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        std::io::Write::write_all(&mut self.0, bytes).expect("written");
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}

fn ms(start: i64, end: i64) -> MediaInterval {
    MediaInterval { start: MediaTime::from_millis(start), end: MediaTime::from_millis(end) }
}

fn record(film: &Film) -> MemoryStore {
    let store = Arc::new(MemoryStore::new(u64::MAX));
    let mut recorder = Recorder::new(store.clone());
    for item in &film.items {
        recorder.handle(item.clone()).expect("recorded");
    }
    recorder.finish().expect("recorded");
    assert_eq!(recorder.losses(), Default::default());
    drop(recorder);
    Arc::into_inner(store).expect("the recorder is gone")
}

fn job(interval: MediaInterval) -> Job {
    let event = ClipEvent { id: EventId { boot: BootId(1), number: 1 }, at: interval.start };
    Job {
        id: ClipId(u128::from(interval.start.0.unsigned_abs())),
        source: "court-1".parse().expect("a name"),
        plan: ClipPlan { interval, events: [event].into_iter().collect() },
        anchor: Anchor { media: MediaTime(0), wall: WallTime(1_700_000_000_000_000) },
    }
}

fn cut(film: &Film, store: &dyn FragmentStore, interval: MediaInterval) -> (Finished, PathBuf) {
    let sink = Folder(film.folder.path().to_owned());
    let job = job(interval);
    let finished = Cutter::default().cut(&job, store, &sink).expect("a clip");
    (finished, sink.0.join(format!("{}.mp4", job.id)))
}

/// Cuts at odd places and checks every shown frame, the record and the times.
fn check_cuts(film: &Film) {
    let store = record(film);
    let end = film.frames.len() as i64 * 40;
    let whole = ms(0, end);
    let odd = [(0, 3_300), (1, 41), (4_017, 9_983), (9_990, 10_010), (12_345, end - 10)];
    for wanted in odd.map(|(a, b)| ms(a, b)).into_iter().chain([whole]) {
        let (finished, path) = cut(film, &store, wanted);
        let record = &finished.record;
        let first = (wanted.start.0 as usize).div_ceil(FRAME as usize);
        let after = (wanted.end.0 as usize).div_ceil(FRAME as usize);
        assert!(finished.missing.is_nothing(), "{wanted:?}: {:?}", finished.missing);
        assert_eq!(record.interval.start.0, first as i64 * FRAME, "{wanted:?}");
        assert_eq!(record.interval.end.0, after as i64 * FRAME, "{wanted:?}");
        assert_eq!(record.frames as usize, after - first, "{wanted:?}");
        assert_eq!(record.bytes, fs::metadata(&path).expect("the clip").len());
        assert_eq!(record.starts.0, 1_700_000_000_000_000 + first as i64 * 40_000);
        let shown = shown_frames(&path);
        assert_eq!(shown, film.frames[first..after], "{wanted:?}: other frames are shown");
        check_times(film, &path, record.interval);
    }
}

/// The file says when its tracks start and how long they last, and ffprobe agrees.
fn check_times(film: &Film, path: &Path, shown: MediaInterval) {
    let path = path.to_str().expect("a plain path");
    let entries = "stream=codec_type,start_time,duration:format=start_time,duration";
    let text = run("ffprobe", &["-show_entries", entries, "-of", "csv=p=0", path]);
    let text = String::from_utf8(text).expect("text");
    let seconds = shown.end.since(shown.start).as_secs_f64();
    let has_sound = film.items.iter().any(|item| matches!(item, MediaItem::Audio(_)));
    assert_eq!(text.lines().count(), if has_sound { 3 } else { 2 }, "{text}");
    for line in text.lines() {
        let numbers: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        let [start, duration] = numbers[..] else { panic!("{line}") };
        assert!(start.abs() < 1e-4, "starts at {start}: {line}");
        assert!((duration - seconds).abs() < 0.022, "{line}, shown are {seconds} s");
    }
}

/// Where clicks start in the clip, in seconds of its presentation.
fn clicks(path: &Path) -> Vec<f64> {
    let path = path.to_str().expect("a plain path");
    let filter = "aresample=async=1:first_pts=0";
    let raw = run("ffmpeg", &["-i", path, "-map", "0:a", "-af", filter, "-f", "s16le", "-"]);
    let samples: Vec<i16> =
        raw.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut found: Vec<f64> = Vec::new();
    for (n, sample) in samples.iter().enumerate() {
        let at = n as f64 / SAMPLE_HZ as f64;
        let is_new = found.last().is_none_or(|last| at - last > 0.5);
        if sample.unsigned_abs() > 10_000 && is_new {
            found.push(at);
        }
    }
    found
}

/// Cuts around clicks; each must sound when it sounded in the film, within `tolerance_s`.
fn check_sound(film: &Film, tolerance_s: f64) {
    let store = record(film);
    let film_clicks = clicks(&film.path);
    for (start, end) in [(0, 3_300), (4_017, 9_983), (5_503, 7_777), (12_345, 17_010)] {
        let (finished, path) = cut(film, &store, ms(start, end));
        let shown = finished.record.interval;
        let (from, to) = (shown.start.as_secs_f64(), shown.end.as_secs_f64());
        let expected: Vec<f64> =
            film_clicks.iter().filter(|at| from < **at && **at < to).map(|at| at - from).collect();
        let heard = clicks(&path);
        assert!(!expected.is_empty());
        assert_eq!(heard.len(), expected.len(), "{heard:?} {expected:?}");
        for (heard, expected) in heard.iter().zip(&expected) {
            let off = heard - expected;
            assert!(off.abs() < tolerance_s, "clip {start}: {heard} instead of {expected}");
        }
    }
}

const AAC: &[&str] = &["-c:a", "aac", "-b:a", "96k"];

#[test]
fn h264_without_b_frames_is_cut_frame_exactly() {
    if ffmpeg_is_there() {
        let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "50"];
        check_cuts(&Film::make(20, &video, AAC));
    }
}

#[test]
fn h264_with_b_frames_and_a_gop_of_250_frames_is_cut_frame_exactly() {
    if ffmpeg_is_there() {
        let video = [
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-bf",
            "3",
            "-g",
            "250",
            "-sc_threshold",
            "0",
            "-x264-params",
            "b-pyramid=normal",
        ];
        let film = Film::make(22, &video, AAC);
        check_cuts(&film);
        check_sound(&film, 0.001);
    }
}

#[test]
fn hevc_with_open_gops_is_cut_frame_exactly() {
    if ffmpeg_is_there() {
        let video = [
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-tag:v",
            "hvc1",
            "-x265-params",
            "log-level=none:keyint=60:bframes=3:open-gop=1",
        ];
        check_cuts(&Film::make(20, &video, AAC));
    }
}

#[test]
fn a_stream_without_sound_is_cut_frame_exactly() {
    if ffmpeg_is_there() {
        let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25"];
        check_cuts(&Film::make(20, &video, &[]));
    }
}

#[test]
fn times_in_milliseconds_leave_sound_within_two_milliseconds() {
    if ffmpeg_is_there() {
        let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50"];
        let film = Film::make(20, &video, AAC).in_milliseconds();
        check_cuts(&film);
        check_sound(&film, 0.002);
    }
}

#[test]
fn what_the_recording_does_not_have_is_told() {
    if !ffmpeg_is_there() {
        return;
    }
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "50"];
    let mut film = Film::make(10, &video, AAC);
    // The source is interrupted from 4 s to 6 s (a keyframe), and ends at 10 s.
    let lost = ms(4_000, 6_000);
    film.items.retain(|item| match item {
        MediaItem::Unit(unit) => !(lost.start <= unit.dts && unit.pts < lost.end),
        MediaItem::Video(_) | MediaItem::Audio(_) => true,
    });
    let store = record(&film);
    let (finished, path) = cut(&film, &store, ms(3_000, 12_000));
    assert_eq!(finished.missing.before.0, 0);
    assert_eq!(finished.missing.after.as_millis(), 2_000);
    assert_eq!(finished.missing.gaps.as_millis(), 2_000);
    let shown = shown_frames(&path);
    assert_eq!(shown.len(), finished.record.frames as usize);
    let film_frames = &film.frames;
    assert_eq!(shown[..25], film_frames[75..100]);
    assert_eq!(shown[shown.len() - 100..], film_frames[150..250]);
    let sink = Folder(film.folder.path().to_owned());
    let nothing = Cutter::default().cut(&job(ms(20_000, 30_000)), &store, &sink);
    assert!(matches!(nothing, Err(CutError::Nothing { .. })), "{nothing:?}");
}

#[test]
fn sound_that_starts_late_or_ends_early_stays_in_place() {
    if !ffmpeg_is_there() {
        return;
    }
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "50"];
    let mut film = Film::make(10, &video, AAC);
    film.items.retain(|item| match item {
        MediaItem::Unit(unit) if unit.track == Track::Audio => {
            MediaTime::from_millis(2_200) <= unit.pts && unit.pts < MediaTime::from_millis(6_200)
        }
        MediaItem::Unit(_) | MediaItem::Video(_) | MediaItem::Audio(_) => true,
    });
    let store = record(&film);
    let (finished, path) = cut(&film, &store, ms(1_500, 9_000));
    let from = finished.record.interval.start.as_secs_f64();
    let heard = clicks(&path);
    let expected: Vec<f64> = [2.5, 3.5, 4.5, 5.5].iter().map(|at| at - from).collect();
    assert_eq!(heard.len(), expected.len(), "{heard:?}");
    for (heard, expected) in heard.iter().zip(&expected) {
        assert!((heard - expected).abs() < 0.002, "{heard} instead of {expected}");
    }
}

#[test]
fn a_clip_keeps_to_the_configuration_of_its_event() {
    if !ffmpeg_is_there() {
        return;
    }
    let small = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50"];
    let large = [&small[..], &["-s", "640x360"]].concat();
    let (first, second) = (Film::make(6, &small, AAC), Film::make(6, &large, AAC));
    let store = Arc::new(MemoryStore::new(u64::MAX));
    let mut recorder = Recorder::new(store.clone());
    let later = MediaTime::from_millis(7_000).since(MediaTime(0));
    for item in &first.items {
        recorder.handle(item.clone()).expect("recorded");
    }
    for mut item in second.items.iter().cloned() {
        if let MediaItem::Unit(unit) = &mut item {
            (unit.pts, unit.dts) = (unit.pts.plus(later), unit.dts.plus(later));
        }
        recorder.handle(item).expect("recorded");
    }
    recorder.finish().expect("recorded");
    let sink = Folder(first.folder.path().to_owned());
    let mut job = job(ms(4_000, 10_000));
    for (moment, film, frames, missing) in
        [(5_000, &first, 100..150, (0, 4_000)), (8_000, &second, 0..75, (3_000, 0))]
    {
        job.plan.events[0].at = MediaTime::from_millis(moment);
        let finished = Cutter::default().cut(&job, &*store, &sink).expect("a clip");
        let path = sink.0.join(format!("{}.mp4", job.id));
        assert_eq!(shown_frames(&path), film.frames[frames], "event at {moment}");
        let found = (finished.missing.before.as_millis(), finished.missing.after.as_millis());
        assert_eq!(found, missing, "event at {moment}");
        let width = if moment == 5_000 { 320 } else { 640 };
        assert_eq!(finished.record.picture.width, width);
    }
}
