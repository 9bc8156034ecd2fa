//! Lanes that are exchanged under a running inference stage: every frame is analysed, by the old
//! networks or by the new ones, and networks that fail are taken out of service.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use courtside::engine::{Packs, renewal};
use courtside::packs::keys;
use courtside::stages::spawn;
use embassy_sync::pubsub::WaitResult;
use futures_lite::future::block_on;
use governor::OperatingPoint;
use hal::Clock;
use hal::surface::{
    DownloadError, HostPicture, PixelFormat, Plane, Surface, SurfaceMemory, SurfacePool,
};
use models::{Engines, Pack};
use pipeline::inference::{FrameReport, InferenceHealth, InferenceStage, Lanes, Report, infer};
use pipeline::links::{Arrival, Detections, FrameWaits, OperatingPoints};
use pipeline::remote::Line;
use pipeline::renewal::{Fitness, PackLinks};
use pipeline::source::{Frame, Pace, SourceLinks};
use wire::time::{ClockQuality, MediaTime, Monotonic, WallTime};
use wire::units::{PictureSize, PixelBox};

use crate::bench::rim;
use crate::fixture::{self, Folder};

/// Size of the pictures.
const SIZE: PictureSize = PictureSize { width: 128, height: 72 };
const HOOP: PixelBox = PixelBox { x0: 60.0, y0: 30.0, x1: 70.0, y1: 40.0 };
const BRIGHT: u8 = 230;
const DARK: u8 = 0;

/// A picture of one grey.
struct Flat(Vec<u8>);

impl SurfaceMemory for Flat {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let plane = |data| Plane { data, stride: 128 };
        let (luma, chroma) = self.0.split_at(128 * 72);
        let planes = [plane(luma), plane(chroma), plane(&[])];
        Ok(HostPicture { size: SIZE, format: PixelFormat::Nv12, planes })
    }
}

/// A clock that stands still unless a test moves it: whatever the machine does meanwhile, no work
/// takes time. In µs.
#[derive(Default)]
struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Monotonic {
        Monotonic(self.0.load(Ordering::Relaxed))
    }

    fn wall(&self) -> (WallTime, ClockQuality) {
        (WallTime(0), ClockQuality::Unknown)
    }

    async fn sleep_until(&self, _at: Monotonic) {
        std::future::pending().await
    }
}

/// An inference stage with one source, fed picture by picture.
pub(crate) struct Running {
    pub(crate) links: Arc<SourceLinks>,
    pub(crate) packs: Arc<PackLinks>,
    pub(crate) points: Arc<OperatingPoints>,
    frame_waits: Arc<FrameWaits>,
    detections: Arc<Detections>,
    pub(crate) health: Arc<InferenceHealth>,
    clock: Arc<Still>,
    complaints: Arc<Mutex<Vec<String>>>,
    pool: SurfacePool,
    next: i64,
    thread: JoinHandle<()>,
}

impl Running {
    fn start() -> Self {
        Self::at(OperatingPoint::SMALLEST, None)
    }

    /// With this operating point from the first picture on.
    pub(crate) fn at(point: OperatingPoint, players: Option<&Folder>) -> Self {
        Self::asking(point, players, None)
    }

    /// The same, with somebody to ask about the people.
    pub(crate) fn asking(
        point: OperatingPoint,
        players: Option<&Folder>,
        line: Option<Line>,
    ) -> Self {
        let hoop = [("a".parse().expect("a name"), HOOP)];
        let mut lanes = packs(players).lanes(&hoop, Vec::new()).expect("they are good");
        if let Some(line) = line {
            lanes.players.ask(line);
        }
        Self::with(lanes, point, Pace::Lossless)
    }

    /// With these lanes, and a source of that pace.
    pub(crate) fn with(lanes: Lanes, point: OperatingPoint, pace: Pace) -> Self {
        let links = Arc::new(SourceLinks::new(pace));
        let detections = Arc::new(Detections::new());
        let (packs, health) = (Arc::<PackLinks>::default(), Arc::<InferenceHealth>::default());
        let points = Arc::new(OperatingPoints::new());
        points.signal(point);
        let (frame_waits, complaints) = (Arc::new(FrameWaits::new()), Arc::<Mutex<_>>::default());
        let clock = Arc::<Still>::default();
        let stage = InferenceStage {
            clock: Arc::clone(&clock),
            sources: vec![(Arc::clone(&links), lanes)],
            frame_waits: Arc::clone(&frame_waits),
            detections: Arc::clone(&detections),
            operating_points: Arc::clone(&points),
            packs: Arc::clone(&packs),
            fitness: Fitness::default(),
            health: Arc::clone(&health),
        };
        let heard: Arc<Mutex<Vec<String>>> = Arc::clone(&complaints);
        let complain = move |text: &str| heard.lock().expect("nobody panics").push(text.to_owned());
        let thread = spawn("inference", move || block_on(infer(stage, complain)));
        let pool = SurfacePool::new(8);
        let thread = thread.expect("the system has threads");
        let next = 0;
        Self {
            links,
            packs,
            points,
            frame_waits,
            detections,
            health,
            clock,
            complaints,
            pool,
            next,
            thread,
        }
    }

    /// Returns when nothing is done with the pictures that were shown: what follows a report is over.
    pub(crate) async fn idle(&self) {
        while self.health.beat.is_busy() {
            tokio::task::yield_now().await;
        }
    }

    /// Moves the clock, which should not happen while the stage is at work.
    pub(crate) fn wait(&self, ms: u64) {
        self.clock.0.fetch_add(1_000 * ms, Ordering::Relaxed);
    }

    /// Shows so many pictures, 40 ms apart; what was seen in each.
    pub(crate) async fn show(&mut self, grey: u8, count: usize) -> Vec<Arc<FrameReport>> {
        self.show_yuv([grey; 3], count).await
    }

    /// The same with pictures of one colour.
    pub(crate) async fn show_yuv(
        &mut self,
        [y, cb, cr]: [u8; 3],
        count: usize,
    ) -> Vec<Arc<FrameReport>> {
        let mut bytes = vec![y; 128 * 72];
        bytes.extend([cb, cr].repeat(64 * 36));
        let mut reports = self.detections.subscriber().expect("there is room for a listener");
        let mut seen = Vec::new();
        for _ in 0..count {
            let at = MediaTime::from_millis(40 * self.next);
            self.next += 1;
            let surface: Option<Surface> = self.pool.wrap(Box::new(Flat(bytes.clone())), SIZE, at);
            let surface = surface.expect("the stage gives pictures back");
            let frame = Frame { surface, arrived: Arrival::default(), follows_gap: false };
            self.links.frames.put_when_empty(frame).await;
            self.frame_waits.signal(());
            let said = reports.next_message().await;
            let WaitResult::Message(Report::Frame(report)) = said else {
                panic!("no report of {at:?}, but {said:?}");
            };
            assert_eq!(report.at, at, "each picture is analysed, in order");
            seen.push(report);
        }
        seen
    }

    /// Hands over the pack in a folder, as the daemon does.
    pub(crate) async fn exchange(&self, folder: &Folder) {
        let new = renewal(&open(folder), 1).expect("it has its tiers");
        self.packs.renewals.send(new).await;
    }

    pub(crate) fn stop(self) {
        self.health.stop.store(true, Ordering::Relaxed);
        self.frame_waits.signal(());
        self.thread.join().expect("the stage does not panic");
    }
}

/// The fixtures' packs, and those of the repository where there is no fixture.
pub(crate) fn packs(players: Option<&Folder>) -> Packs {
    let packs = Packs::of(|name| {
        let folder = match name {
            "ball" => fixture::ball(),
            "hoop" => fixture::hoop(),
            "rim" => fixture::rim(),
            shipped => return open_shipped(shipped),
        };
        Ok(open(&folder))
    });
    packs.expect("they are good").with_players(players.map(open))
}

fn open(folder: &Folder) -> Pack {
    Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good")
}

/// A pack of the repository, for lanes that have no fixture.
pub(crate) fn open_shipped(name: &str) -> anyhow::Result<Pack> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let trust = keys::load(&[models.join("keys")]);
    Ok(Pack::open(&models.join("packs").join(name), &trust, &Engines::default())?)
}

/// Media times in ms of the pictures for which the rim lane said something.
fn judged(reports: &[Arc<FrameReport>]) -> Vec<i64> {
    let judged = reports.iter().filter(|report| report.hoops[0].slots.is_some());
    judged.map(|report| report.at.0 / 90).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_lanes_take_over_between_two_frames_and_no_moment_is_missed() {
    let mut running = Running::start();
    let mut reports = running.show(BRIGHT, 60).await;
    for version in 2..12 {
        running.exchange(&rim(version)).await;
        reports.extend(running.show(BRIGHT, 13).await);
    }
    assert_eq!(reports.len(), 190, "every picture was analysed");
    let judged = judged(&reports);
    assert!(judged.len() > 70, "{judged:?}");
    assert!(judged.windows(2).all(|pair| pair[1] - pair[0] == 80), "{judged:?}");
    assert_eq!(running.health.failures.get(), 0);
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_that_fail_again_and_again_are_taken_out_of_service_until_new_ones_come() {
    let mut running = Running::start();
    let blind = rim(2);
    blind.replace("nano.f32.onnx", &fixture::rim_network_blind_in_the_dark());
    running.exchange(&blind).await;
    assert!(!judged(&running.show(BRIGHT, 60).await).is_empty(), "it sees in the light");
    assert!(running.packs.retirements.is_empty());
    let dark = running.show(DARK, 80).await;
    assert_eq!(dark.len(), 80, "the other lanes go on");
    assert_eq!(judged(&dark), Vec::<i64>::new());
    let retirement = running.packs.retirements.try_receive().expect("it was retired");
    assert!(retirement.reason.contains("not a finite number"), "{retirement:?}");
    assert_eq!(running.health.failures.get(), 5, "then it was not run any more");
    let complaints = running.complaints.lock().expect("nobody panics").join("\n");
    assert!(complaints.contains("out of service"), "{complaints}");
    running.exchange(&rim(3)).await;
    assert!(!judged(&running.show(DARK, 60).await).is_empty(), "the new one sees in the dark");
    running.stop();
}
