//! A disk that takes no clip for a while costs time, and no clip.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use clips::planner::ClipPlan;
use futures_lite::future::{block_on, yield_now, zip};
use hal::Clock;
use ingest::access_unit::{AccessUnit, MediaItem, Track, VideoTrack};
use pipeline::cut::{Anchor, ClipFile, ClipSink, CutError, Finished, Job, SinkError};
use pipeline::cutting::{CutHealth, CutOrder, CutStage, Delivery, cut_clips};
use pipeline::links::{CutItem, Cuts};
use pipeline::record::{FragmentStore, MemoryStore, Recorder};
use wire::clip::ClipEvent;
use wire::codec::VideoCodec;
use wire::ids::{BootId, ClipId, EventId};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};

/// Sleeping moves it, so no test waits.
#[derive(Default)]
struct Simulated(Mutex<Monotonic>);

impl Clock for Simulated {
    fn now(&self) -> Monotonic {
        *self.0.lock().expect("whole")
    }

    fn wall(&self) -> (WallTime, ClockQuality) {
        (WallTime(0), ClockQuality::Unknown)
    }

    async fn sleep_until(&self, at: Monotonic) {
        // Others go first, as while a real clock runs.
        yield_now().await;
        let mut now = self.0.lock().expect("whole");
        *now = at.max(*now);
    }
}

/// Is full so many times, then takes everything.
struct Full(AtomicU32);

struct Taken;

impl ClipSink for Full {
    fn begin(&self, clip: ClipId) -> Result<Box<dyn ClipFile + '_>, SinkError> {
        let left = self.0.load(Ordering::Relaxed);
        if left == 0 {
            return Ok(Box::new(Taken));
        }
        self.0.store(left - 1, Ordering::Relaxed);
        let reason = io::Error::from(io::ErrorKind::StorageFull);
        Err(SinkError { clip, place: "a full disk".to_owned(), reason })
    }
}

impl ClipFile for Taken {
    fn write(&mut self, _bytes: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Outcomes(Arc<Mutex<Vec<(ClipId, bool)>>>);

impl Delivery for Outcomes {
    fn deliver(&mut self, order: &CutOrder, outcome: Result<Finished, CutError>) {
        self.0.lock().expect("whole").push((order.job.id, outcome.is_ok()));
    }
}

/// Ten seconds of pictures, the first of every 25 a keyframe.
fn recording() -> Arc<dyn FragmentStore> {
    let record = Bytes::from_static(&[
        1, 66, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 66, 0, 30, 1, 0, 4, 0x68, 0xce, 0x38, 0x80,
    ]);
    let track = VideoTrack { codec: VideoCodec::H264, record, width: 64, height: 48 };
    let store = Arc::new(MemoryStore::new(u64::MAX));
    let mut recorder = Recorder::new(store.clone());
    recorder.handle(MediaItem::Video(track)).expect("recorded");
    for n in 0..250 {
        let at = MediaTime::from_millis(n * 40);
        let unit = AccessUnit {
            track: Track::Video,
            pts: at,
            dts: at,
            keyframe: n % 25 == 0,
            data: vec![7; 40].into(),
            arrived: Monotonic(0),
        };
        recorder.handle(MediaItem::Unit(unit)).expect("recorded");
    }
    recorder.finish().expect("recorded");
    store
}

fn order(id: u128, recording: &Arc<dyn FragmentStore>) -> CutItem {
    let (start, end) = (MediaTime::from_millis(2_000), MediaTime::from_millis(6_000));
    let event = ClipEvent { id: EventId { boot: BootId(1), number: 1 }, at: start };
    let plan =
        ClipPlan { interval: MediaInterval { start, end }, events: [event].into_iter().collect() };
    let anchor = Anchor { media: start, wall: WallTime(0) };
    let job = Job { id: ClipId(id), source: "court-1".parse().expect("a name"), plan, anchor };
    let recording = Arc::clone(recording);
    CutItem::Order(Box::new(CutOrder { job, recording, progress: None, merged: Vec::new() }))
}

/// When the stage is told to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    AtOnce,
    WhenAllIsTold,
}

/// Cuts so many clips on a disk that is full `times` times. What was told, and how long it took.
fn run(times: u32, clips: u128, stop: Stop) -> (Vec<(ClipId, bool)>, Duration) {
    let (clock, cuts) = (Arc::new(Simulated::default()), Arc::new(Cuts::new()));
    let outcomes = Outcomes::default();
    let stage = CutStage {
        clock: Arc::clone(&clock),
        cuts: Arc::clone(&cuts),
        sink: Arc::new(Full(AtomicU32::new(times))),
        delivery: outcomes.clone(),
        health: Arc::new(CutHealth::default()),
    };
    let recording = recording();
    let told = || outcomes.0.lock().expect("whole").clone();
    let send = async {
        for id in 1..=clips {
            cuts.send(order(id, &recording)).await;
        }
        while stop == Stop::WhenAllIsTold && told().len() < clips as usize {
            yield_now().await;
        }
        cuts.send(CutItem::Shutdown).await;
    };
    block_on(zip(cut_clips(stage), send));
    (told(), clock.now().since(Monotonic(0)))
}

#[test]
fn full_disk_delays_clips_and_loses_none() {
    let (told, took) = run(30, 2, Stop::WhenAllIsTold);
    assert_eq!(told, [(ClipId(1), true), (ClipId(2), true)]);
    assert_eq!(took, Duration::from_secs(30));
}

#[test]
fn stage_that_waits_for_a_full_disk_stops_when_told_and_settles_nothing() {
    let (told, _) = run(u32::MAX, 2, Stop::AtOnce);
    assert_eq!(told, []);
}

#[test]
fn disk_that_never_takes_a_clip_is_given_up_after_ten_minutes() {
    let (told, took) = run(600, 1, Stop::WhenAllIsTold);
    assert_eq!(told, [(ClipId(1), false)]);
    assert_eq!(took, Duration::from_secs(599));
}
