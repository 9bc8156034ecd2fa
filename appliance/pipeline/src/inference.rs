//! The inference stage: pulls the newest frame of the source whose turn it is, runs the lanes
//! that are due, and reports what they saw.
//!
//! Owns the lanes of every source. Asks `governor::admission` which frame is next, and measures
//! what each frame cost. Must not know what the readings mean for the game.

mod lanes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fusion::{Ball, RimSlot};
use futures_lite::future;
use governor::{Admission, OperatingPoint, Slot};
use hal::Clock;
use models::incoming::Adaptation;
use models::lanes::LaneError;
use models::manifest::Lane;
use wire::ids::Name;
use wire::time::{MediaTime, Monotonic};
use wire::units::{PictureSize, PixelBox};

pub use self::lanes::Lanes;
use crate::board::FieldReport;
use crate::health::{Beat, Counter};
use crate::hoops::HoopNow;
use crate::links::{Arrival, Detections, FrameItem, FrameWaits, Next, OperatingPoints};
use crate::renewal::{Fitness, PackLinks, Renewal};
use crate::source::{Frame, Pace, SourceLinks};

/// What inference tells the director and whoever watches.
#[derive(Clone, Debug)]
pub enum Report {
    /// A frame was analysed.
    Frame(Arc<FrameReport>),
    /// A source's stream ended.
    Ended {
        /// Number of the source.
        source: usize,
        /// Media time of its last picture.
        at: MediaTime,
    },
    /// Inference has stopped.
    Shutdown,
}

/// What was seen in one frame.
#[derive(Clone, Debug)]
pub struct FrameReport {
    /// Number of the source.
    pub source: usize,
    /// Media time of the frame.
    pub at: MediaTime,
    /// When its last byte had arrived.
    pub arrived: Arrival,
    /// Pictures before it are missing, or it does not continue them: a gap, a cut, or the end of a
    /// replay.
    pub follows_gap: bool,
    /// If a replay is on, when it began: what happens in this frame has happened before.
    pub replay: Option<MediaTime>,
    /// Picture size.
    pub size: PictureSize,
    /// How the lanes saw it.
    pub adaptation: Adaptation,
    /// Balls, in the picture's pixels.
    pub balls: Vec<Ball>,
    /// Hoops; a hoop's place in the list is its number while it is followed.
    pub hoops: Vec<HoopReport>,
    /// Fields of the scoreboard, if it was looked at.
    pub board: Vec<FieldReport>,
    /// What the governor asked for.
    pub point: OperatingPoint,
    /// Time that the lanes took.
    pub took: Duration,
    /// Part of it in which hoops were looked for.
    pub searched: Duration,
}

/// One hoop in one frame.
#[derive(Clone, Debug)]
pub struct HoopReport {
    /// Number of the hoop on its source.
    pub slot: u8,
    /// Its name.
    pub name: Name,
    /// Ring and net, in the picture's pixels.
    pub area: PixelBox,
    /// The rim lane's window, if it ran on this frame.
    pub slots: Option<Vec<RimSlot>>,
}

impl HoopReport {
    fn of(hoop: HoopNow, slots: Option<Vec<RimSlot>>) -> Self {
        Self { slot: hoop.slot as u8, name: hoop.name, area: hoop.area, slots }
    }
}

/// What the inference stage works with.
pub struct InferenceStage<C> {
    /// The time.
    pub clock: Arc<C>,
    /// Links and lanes of every source, in the order of their numbers.
    pub sources: Vec<(Arc<SourceLinks>, Lanes)>,
    /// Set whenever a frame was put into a mailbox, and at shutdown.
    pub frame_waits: Arc<FrameWaits>,
    /// Reports go here.
    pub detections: Arc<Detections>,
    /// The newest operating point comes from here.
    pub operating_points: Arc<OperatingPoints>,
    /// New lanes come from here, and failing ones are told here.
    pub packs: Arc<PackLinks>,
    /// How well the lanes do.
    pub fitness: Fitness,
    /// What it did.
    pub health: Arc<InferenceHealth>,
}

/// Counters and beat of the inference stage.
#[derive(Default)]
pub struct InferenceHealth {
    /// Frames analysed, all sources.
    pub frames: Counter,
    /// Microseconds spent in lanes.
    pub busy_us: Counter,
    /// Those of them in which hoops were looked for.
    pub searching_us: Counter,
    /// Those of them in which people were looked for.
    pub players_us: Counter,
    /// Lane runs that failed.
    pub failures: Counter,
    /// Frames whose pixels could not be read.
    pub unreadable: Counter,
    /// Moves with every frame.
    pub beat: Arc<Beat>,
    /// Set to end the stage.
    pub stop: AtomicBool,
    /// The slowest frame since the governor last asked, in microseconds.
    pub slowest_us: AtomicU64,
    /// The oldest frame of a live source since the governor last asked, in microseconds from the
    /// arrival of its last byte until its lanes were done; 0 if there was none.
    pub oldest_us: AtomicU64,
}

impl InferenceHealth {
    /// Age of the oldest frame of a live source when its lanes were done, since the last call;
    /// `None` if none was analysed.
    pub fn take_frame_age(&self) -> Option<Duration> {
        let oldest_us = self.oldest_us.swap(0, Ordering::Relaxed);
        (oldest_us > 0).then(|| Duration::from_micros(oldest_us))
    }
}

/// How long the stage waits for a frame before it looks whether it should stop.
const IDLE: Duration = Duration::from_millis(250);

/// Runs inference on the calling thread until [`InferenceHealth::stop`] is set. `complain` is
/// told about every failure.
pub async fn infer<C: Clock>(mut stage: InferenceStage<C>, complain: impl Fn(&str)) {
    let mut point = OperatingPoint::SMALLEST;
    let mut admission = Admission::default();
    let mut first = true;
    loop {
        if let Some(newest) = stage.operating_points.try_take() {
            point = newest;
            first = true;
        }
        // Between two frames, so that each is seen by one network alone.
        while let Ok(renewal) = stage.packs.renewals.try_receive() {
            stage.renew(renewal);
            first = true;
        }
        if std::mem::take(&mut first) {
            stage.set_tiers(point);
        }
        let Some(number) = stage.next_source(&mut admission, point) else {
            // Only here, so that everything that waits is analysed first.
            if stage.health.stop.load(Ordering::Relaxed) {
                break;
            }
            let deadline = stage.clock.now().plus(IDLE);
            future::or(stage.frame_waits.wait(), stage.clock.sleep_until(deadline)).await;
            continue;
        };
        let _work = stage.health.beat.work();
        match stage.sources[number].0.frames.take() {
            Some(FrameItem::Frame(frame)) => {
                let report = stage.analyse((number, &frame), point, &complain);
                stage.report(report, stage.sources[number].0.pace).await;
                stage.look_for_players((number, &frame), point, &complain);
                stage.measure_focus((number, &frame));
            }
            Some(FrameItem::Ended { at }) => {
                let pace = stage.sources[number].0.pace;
                stage.report(Report::Ended { source: number, at }, pace).await;
            }
            None => {}
        }
    }
    // Nothing comes after it that could wait: it is not to be lost.
    stage.report(Report::Shutdown, Pace::Lossless).await;
}

impl<C: Clock> InferenceStage<C> {
    /// The source to serve next: ends first, they cost nothing; then the frame that admission
    /// chooses. A frame that is not due yet stays where it is until a newer one replaces it.
    fn next_source(&self, admission: &mut Admission, point: OperatingPoint) -> Option<usize> {
        let waiting = |(links, _): &(Arc<SourceLinks>, Lanes)| links.frames.peek();
        let next: Vec<Option<Next>> = self.sources.iter().map(waiting).collect();
        if let Some(number) = next.iter().position(|next| *next == Some(Next::Ended)) {
            return Some(number);
        }
        let slots = |pace| {
            let of_pace = move |source: &usize| self.sources[*source].0.pace == pace;
            (0..self.sources.len()).filter(of_pace).filter_map(|source| match next[source] {
                Some(Next::Frame { at, arrived }) => Some(Slot { source, at, arrived }),
                Some(Next::Ended) | None => None,
            })
        };
        // What waits for the box has time: cameras come first.
        let live: Vec<Slot> = slots(Pace::Live).collect();
        let due = admission.next(self.clock.now(), point, &live);
        due.or_else(|| slots(Pace::Lossless).min_by_key(|slot| slot.arrived).map(|s| s.source))
    }

    /// A lane whose pack has fewer tiers than the governor's ladder runs the nearest that it has;
    /// the daemon tells at start which tiers there are.
    fn set_tiers(&mut self, point: OperatingPoint) {
        for (_, lanes) in &mut self.sources {
            let ball = &mut lanes.ball;
            let _ = point.ball_tier.or_nearest().iter().any(|t| ball.set_tier(t.as_str()).is_ok());
            for rim in &mut lanes.rims {
                let _ =
                    point.rim_tier.or_nearest().iter().any(|t| rim.set_tier(t.as_str()).is_ok());
            }
        }
    }

    fn analyse(
        &mut self,
        (number, frame): (usize, &Frame),
        point: OperatingPoint,
        complain: &impl Fn(&str),
    ) -> Report {
        let began = self.clock.now();
        let lanes = &mut self.sources[number].1;
        let mut report = FrameReport {
            source: number,
            at: frame.surface.pts(),
            arrived: frame.arrived,
            follows_gap: frame.follows_gap,
            replay: None,
            size: frame.surface.size(),
            adaptation: Adaptation::default(),
            balls: Vec::new(),
            hoops: Vec::new(),
            board: Vec::new(),
            point,
            took: Duration::ZERO,
            searched: Duration::ZERO,
        };
        self.fitness.frame();
        match lanes.run(frame, &mut report, (&*self.clock, &self.fitness)) {
            Ok(failures) => self.judge(failures, complain),
            Err(error) => {
                self.health.unreadable.count();
                complain(&error.to_string());
                // They are followed on with the next frame.
                let hoops = self.sources[number].1.hoops.now();
                report.hoops = hoops.map(|hoop| HoopReport::of(hoop, None)).collect();
            }
        }
        if let Some(field) = self.sources[number].1.board.unread(report.at) {
            complain(&format!(
                "the board's field {field:?} of source {number} could not be read for a minute; \
                 does its box hold the digits and nothing else, and does the camera stand still?"
            ));
        }
        self.account(number, began, &mut report);
        Report::Frame(Arc::new(report))
    }

    /// Counts what the lanes took for a frame, and how old it became.
    fn account(&self, number: usize, began: Monotonic, report: &mut FrameReport) {
        let (now, links) = (self.clock.now(), &self.sources[number].0);
        report.took = now.since(began);
        let took_us = report.took.as_micros() as u64;
        self.health.frames.count();
        self.health.busy_us.add(took_us);
        self.health.searching_us.add(report.searched.as_micros() as u64);
        self.health.slowest_us.fetch_max(took_us, Ordering::Relaxed);
        links.counters.frames_analysed.count();
        links.sight.see(report);
        match links.pace {
            Pace::Live => {
                let age = now.since(report.arrived.monotonic).as_micros().max(1);
                self.health.oldest_us.fetch_max(age as u64, Ordering::Relaxed);
            }
            // It waits for the box, as long as that takes.
            Pace::Lossless => {}
        }
    }

    fn renew(&mut self, renewal: Renewal) {
        for ((_, lanes), new) in self.sources.iter_mut().zip(renewal.sources) {
            lanes.renew(new);
        }
        self.fitness.renewed(renewal.lane);
    }

    /// Takes lanes out of service that fail again and again.
    pub(crate) fn judge(&mut self, failures: Vec<(Lane, LaneError)>, complain: &impl Fn(&str)) {
        for (lane, error) in failures {
            self.health.failures.count();
            complain(&error.to_string());
            let Some(retirement) = self.fitness.failed(lane, &error) else { continue };
            complain(&format!("the {lane:?} lane is out of service: it failed again and again"));
            // Refused: nobody looks after the packs, and the lane stays off.
            let _ = self.packs.retirements.try_send(retirement);
        }
    }

    /// Reports on a source of that pace.
    async fn report(&self, report: Report, pace: Pace) {
        let publisher =
            self.detections.publisher().expect("links::Detections has one writer, this stage");
        match pace {
            Pace::Live => publisher.publish_immediate(report),
            Pace::Lossless => publisher.publish(report).await,
        }
    }
}
