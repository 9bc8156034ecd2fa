//! A device that follows a script: what happens cannot be ordered from real hardware so exactly.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use courtside::clock::SystemClock;
use futures_lite::future::block_on;
use hal::Clock;
use hal::capture::{Capture, Event, Format, NoSignal, Picture, Rate};
use hal::surface::{DownloadError, HostPicture, PixelFormat, Plane, SurfaceMemory, SurfacePool};
use pipeline::captured::Happening;
use pipeline::record::FragmentStore;
use wire::time::{MediaTime, Monotonic};
use wire::units::PictureSize;

use crate::bench::{Bench, Seen};

const SMALL: PictureSize = PictureSize { width: 320, height: 240 };
const LARGE: PictureSize = PictureSize { width: 640, height: 360 };
const BRIGHT: u8 = 200;
/// 25 pictures a second.
const STEP_MS: u64 = 40;

/// A picture of one grey.
struct Flat(PictureSize, Vec<u8>);

impl SurfaceMemory for Flat {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let stride = usize::from(self.0.width);
        let (luma, chroma) = self.1.split_at(stride * usize::from(self.0.height));
        let plane = |data| Plane { data, stride };
        let planes = [plane(luma), plane(chroma), plane(&[])];
        Ok(HostPicture { size: self.0, format: PixelFormat::Nv12, planes })
    }
}

struct Script {
    clock: Arc<SystemClock>,
    began: Monotonic,
    pool: SurfacePool,
    steps: VecDeque<(u64, Step)>,
}

#[derive(Clone, Copy)]
enum Step {
    Format(PictureSize),
    Picture(PictureSize),
    Lost,
}

impl Script {
    fn device(clock: &Arc<SystemClock>, steps: Vec<(u64, Step)>) -> Box<dyn Capture> {
        let (clock, began) = (Arc::clone(clock), clock.now());
        Box::new(Self { clock, began, pool: SurfacePool::new(16), steps: steps.into() })
    }
}

impl Capture for Script {
    fn next(&mut self, wait: Duration) -> Event {
        let deadline = self.clock.now().plus(wait);
        let due = |ms: u64| self.began.plus(Duration::from_millis(ms));
        let Some((ms, step)) = self.steps.front().copied().filter(|(ms, _)| due(*ms) <= deadline)
        else {
            block_on(self.clock.sleep_until(deadline));
            return Event::Nothing;
        };
        let arrived = due(ms);
        block_on(self.clock.sleep_until(arrived));
        self.steps.pop_front();
        match step {
            Step::Lost => Event::Lost(NoSignal::Nothing),
            Step::Format(size) => {
                let rate = Some(Rate(25_000));
                Event::Format(Format { size, pixels: "NV12".to_owned(), rate, timings: None })
            }
            Step::Picture(size) => {
                let luma = usize::from(size.width) * usize::from(size.height);
                let mut pixels = vec![BRIGHT; luma];
                pixels.resize(luma * 3 / 2, 128);
                let pts = MediaTime::from_millis(ms as i64);
                let surface = self.pool.wrap(Box::new(Flat(size, pixels)), size, pts);
                Event::Picture(Picture { surface: surface.expect("room"), arrived, lost: 0 })
            }
        }
    }

    fn name(&self) -> &str {
        "a script"
    }
}

fn pictures(from_ms: u64, count: u64, size: PictureSize) -> Vec<(u64, Step)> {
    let format = (from_ms, Step::Format(size));
    let picture = |k| (from_ms + k * STEP_MS, Step::Picture(size));
    std::iter::once(format).chain((0..count).map(picture)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_no_signal_the_recording_goes_on_with_a_slate() {
    let clock = Arc::new(SystemClock::start());
    let steps = [pictures(100, 25, SMALL), vec![(1_100, Step::Lost)], pictures(2_500, 25, SMALL)];
    let taken = tokio::task::spawn_blocking(move || {
        let mut bench = Bench::start(&clock, || Script::device(&clock, steps.concat()));
        bench
            .run(Duration::from_secs(20), |bench| bench.links.counters.frames_captured.get() == 50);
        bench.finish()
    })
    .await
    .expect("it did not panic");

    let counters = &taken.links.counters;
    assert_eq!((counters.pictures_dropped.get(), counters.packets_dropped.get()), (0, 0));
    let shown = taken.shown();
    assert_eq!(shown.len() as u64, 50 + counters.slates.get(), "every picture is recorded");
    let between = |from, to| {
        let range = MediaTime::from_millis(from)..MediaTime::from_millis(to);
        shown.iter().filter(move |(at, _)| range.contains(at)).map(|(_, luma)| *luma)
    };
    assert!(between(0, 1_100).chain(between(2_500, 4_000)).all(|luma| luma > 180), "{shown:?}");
    let slates: Vec<u8> = between(1_100, 2_500).collect();
    assert!(slates.len() >= 4 && slates.iter().all(|luma| *luma < 40), "{shown:?}");
    let steps = shown.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_millis());
    assert!(steps.max() <= Some(650), "the recording has no hole: {shown:?}");

    let keyframes: Vec<i64> =
        taken.units().iter().filter(|u| u.keyframe).map(|u| u.pts.0 / 90).collect();
    assert!(keyframes.contains(&2_500), "a clip can begin with the picture: {keyframes:?}");
    let complete = taken.record().complete_upto().expect("it is recorded");
    assert!(complete >= MediaTime::from_millis(3_400), "{complete:?}");
    told_and_seen(&taken.happened, &taken.seen);
}

fn told_and_seen(happened: &[Happening], seen: &[Seen]) {
    let [Happening::Comes(_), Happening::Lost(why), Happening::Comes(_)] = happened else {
        panic!("{happened:?}")
    };
    assert!(why.contains("no signal"), "{why}");
    let gaps: Vec<i64> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Frame { at, follows_gap: true, .. } => Some(at.0 / 90),
            Seen::Frame { .. } | Seen::Ended { .. } => None,
        })
        .collect();
    assert_eq!(gaps, [100, 2_500], "inference forgets what was before");
    let ended = seen.iter().position(|seen| matches!(seen, Seen::Ended { .. })).expect("an end");
    assert_eq!(seen[ended], Seen::Ended { at: MediaTime::from_millis(1_060) });
}

#[tokio::test(flavor = "multi_thread")]
async fn another_size_is_recorded_with_another_encoder_and_nothing_is_lost() {
    let clock = Arc::new(SystemClock::start());
    let steps = [pictures(50, 20, SMALL), pictures(850, 20, LARGE)].concat();
    let taken = tokio::task::spawn_blocking(move || {
        let mut bench = Bench::start(&clock, || Script::device(&clock, steps));
        bench
            .run(Duration::from_secs(20), |bench| bench.links.counters.frames_captured.get() == 40);
        bench.finish()
    })
    .await
    .expect("it did not panic");
    let sizes: Vec<u16> = taken
        .items
        .iter()
        .filter_map(|item| match item {
            ingest::access_unit::MediaItem::Video(track) => Some(track.width),
            ingest::access_unit::MediaItem::Unit(_) | ingest::access_unit::MediaItem::Audio(_) => {
                None
            }
        })
        .collect();
    assert_eq!(sizes, [320, 640]);
    assert_eq!(taken.units().len(), 40);
    assert_eq!(taken.shown().len(), 40);
    taken.record();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_never_delivers_leaves_no_recording() {
    let clock = Arc::new(SystemClock::start());
    let taken = tokio::task::spawn_blocking(move || {
        let mut bench = Bench::start(&clock, || Script::device(&clock, vec![(10, Step::Lost)]));
        let until = clock.now().plus(Duration::from_millis(800));
        bench.run(Duration::from_secs(5), |bench| bench.clock.now() > until);
        bench.finish()
    })
    .await
    .expect("it did not panic");
    assert_eq!((taken.items.len(), taken.seen.len()), (0, 0));
    assert!(matches!(taken.happened.as_slice(), [Happening::Lost(_)]), "{:?}", taken.happened);
}
