//! Threads of the pipeline: one decode stage a source, one inference stage, one hearing stage, one
//! director.
//!
//! Owns the threads and the links between them, the same for `run` and `evaluate`; who feeds the
//! sources and what becomes of the decisions is theirs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use futures_lite::future::block_on;
use models::lanes::sound::SoundLane;
use pipeline::director::{Director, DirectorHealth, Outputs, direct};
use pipeline::feeder::Feeder;
use pipeline::health::Watch;
use pipeline::hearing::{HearingHealth, HearingStage, hear};
use pipeline::inference::{InferenceHealth, InferenceStage, Lanes, infer};
use pipeline::links::{Detections, FrameWaits, OperatingPoints, Signals, SoundItem, Sounds};
use pipeline::renewal::{Fitness, PackLinks};
use pipeline::source::{DecodeStage, Decoders, Pace, SourceLinks, decode};
use tracing::warn;

use crate::clock::SystemClock;

/// The running pipeline.
pub struct Stages<O> {
    /// Links and counters of each source, in the order of their numbers.
    pub sources: Vec<Arc<SourceLinks>>,
    /// To the inference stage.
    pub operating_points: Arc<OperatingPoints>,
    /// From the inference stage.
    pub detections: Arc<Detections>,
    /// To and from the stages with lanes.
    pub packs: Arc<PackLinks>,
    /// The inference stage.
    pub inference: Arc<InferenceHealth>,
    /// The director.
    pub director: Arc<DirectorHealth>,
    clock: Arc<SystemClock>,
    frame_waits: Arc<FrameWaits>,
    sounds: Arc<Sounds>,
    hearing: Arc<HearingHealth>,
    decoders: Vec<JoinHandle<()>>,
    hearing_thread: JoinHandle<()>,
    inference_thread: JoinHandle<()>,
    director_thread: JoinHandle<O>,
}

/// The way of captured pictures to inference and to an encoder.
pub struct Tap {
    /// The source's links.
    pub links: Arc<SourceLinks>,
    /// Wakes inference.
    pub frame_waits: Arc<FrameWaits>,
}

/// What sees and hears one source.
pub struct SourceLanes {
    /// Name of the source, for threads and messages.
    pub name: String,
    /// Whether its shell waits for the box.
    pub pace: Pace,
    /// What decodes it.
    pub decoders: Arc<dyn Decoders>,
    /// What sees it.
    pub lanes: Lanes,
    /// What hears it.
    pub ear: SoundLane,
}

impl<O: Outputs + 'static> Stages<O> {
    /// Starts all threads. `lanes` holds one entry a source, in the director's order.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(
        clock: &Arc<SystemClock>,
        lanes: Vec<SourceLanes>,
        director: Director<O>,
    ) -> Result<Self> {
        let sources: Vec<Arc<SourceLinks>> =
            lanes.iter().map(|source| Arc::new(SourceLinks::new(source.pace))).collect();
        let (detections, signals) = (Arc::new(Detections::new()), Arc::new(Signals::new()));
        let (frame_waits, operating_points) =
            (Arc::new(FrameWaits::new()), Arc::new(OperatingPoints::new()));
        let (packs, sounds) = (Arc::new(PackLinks::default()), Arc::new(Sounds::new()));
        let (inference, director_health) =
            (Arc::new(InferenceHealth::default()), Arc::new(DirectorHealth::default()));
        let director_thread = {
            let (detections, signals) = (Arc::clone(&detections), Arc::clone(&signals));
            let health = Arc::clone(&director_health);
            let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
            let thread = spawn("director", move || {
                // The receiver waits for exactly this, below.
                let subscribed = || ready.send(()).expect("start() waits for the director");
                block_on(direct(director, &detections, &signals, (&health, subscribed)))
            })?;
            is_ready.recv().context("the director stopped before it could listen")?;
            thread
        };
        let decoders = start_decoders(clock, &lanes, (&sources, &frame_waits, &sounds))?;
        let (seeing, ears): (Vec<Lanes>, Vec<SoundLane>) =
            lanes.into_iter().map(|source| (source.lanes, source.ear)).unzip();
        let hearing = Arc::new(HearingHealth::default());
        let hearing_thread = {
            let stage = HearingStage {
                sources: sources.iter().cloned().zip(ears).collect(),
                sounds: Arc::clone(&sounds),
                signals,
                packs: Arc::clone(&packs),
                fitness: Fitness::default(),
                health: Arc::clone(&hearing),
            };
            spawn("hearing", move || block_on(hear(stage, |message| warn!("{message}"))))?
        };
        let inference_thread = {
            let stage = InferenceStage {
                clock: Arc::clone(clock),
                sources: sources.iter().cloned().zip(seeing).collect(),
                frame_waits: Arc::clone(&frame_waits),
                detections: Arc::clone(&detections),
                operating_points: Arc::clone(&operating_points),
                packs: Arc::clone(&packs),
                fitness: Fitness::default(),
                health: Arc::clone(&inference),
            };
            let complain = |message: &str| warn!("{message}");
            spawn("inference", move || block_on(infer(stage, complain)))?
        };
        Ok(Self {
            sources,
            operating_points,
            detections,
            packs,
            inference,
            director: director_health,
            clock: Arc::clone(clock),
            frame_waits,
            sounds,
            hearing,
            decoders,
            hearing_thread,
            inference_thread,
            director_thread,
        })
    }

    /// What a source's shell pushes its media into.
    pub fn feeder(&self, source: usize) -> Feeder<SystemClock> {
        Feeder::new(Arc::clone(&self.clock), Arc::clone(&self.sources[source]))
    }

    /// Where a source's shell puts pictures that need no decoder.
    pub fn tap(&self, source: usize) -> Tap {
        let links = Arc::clone(&self.sources[source]);
        Tap { links, frame_waits: Arc::clone(&self.frame_waits) }
    }

    /// Watches over every stage, for the watchdog.
    pub fn watches(&self) -> Vec<Watch> {
        let decoders = self.sources.iter().enumerate().map(|(number, links)| {
            let backlog = Arc::clone(links);
            let waits = Box::new(move || !backlog.units.is_empty());
            Watch::new(format!("decode of source {number}"), Arc::clone(&links.decode_beat), waits)
        });
        let encoders = self.sources.iter().enumerate().map(|(number, links)| {
            let backlog = Arc::clone(links);
            let waits = Box::new(move || !backlog.pictures.is_empty());
            Watch::new(format!("encode of source {number}"), Arc::clone(&links.encode_beat), waits)
        });
        let idle = || Box::new(|| false);
        let inference = Watch::new("inference".into(), Arc::clone(&self.inference.beat), idle());
        let backlog = Arc::clone(&self.sounds);
        let waits = Box::new(move || !backlog.is_empty());
        let hearing = Watch::new("hearing".into(), Arc::clone(&self.hearing.beat), waits);
        let director = Watch::new("director".into(), Arc::clone(&self.director.beat), idle());
        decoders.chain(encoders).chain([inference, hearing, director]).collect()
    }

    /// Ends every stage after it has emptied itself, and returns the director's outputs. The
    /// feeders must have been shut down before.
    ///
    /// # Errors
    /// A stage panicked.
    pub fn finish(self) -> Result<O> {
        for thread in self.decoders {
            join(thread)?;
        }
        block_on(self.sounds.send(SoundItem::Shutdown));
        join(self.hearing_thread)?;
        self.inference.stop.store(true, Ordering::Relaxed);
        self.frame_waits.signal(());
        join(self.inference_thread)?;
        join(self.director_thread)
    }
}

/// One decode stage for each source.
fn start_decoders(
    clock: &Arc<SystemClock>,
    lanes: &[SourceLanes],
    (sources, frame_waits, sounds): (&[Arc<SourceLinks>], &Arc<FrameWaits>, &Arc<Sounds>),
) -> Result<Vec<JoinHandle<()>>> {
    let start = |(number, (source, links)): (usize, (&SourceLanes, &Arc<SourceLinks>))| {
        let stage = DecodeStage {
            source: number,
            clock: Arc::clone(clock),
            decoders: Arc::clone(&source.decoders),
            links: Arc::clone(links),
            frame_waits: Arc::clone(frame_waits),
            sounds: Arc::clone(sounds),
            complain: complaint(source.name.clone()),
        };
        spawn(&format!("decode-{}", source.name), move || block_on(decode(stage)))
    };
    lanes.iter().zip(sources).enumerate().map(start).collect()
}

fn complaint(source: String) -> Box<dyn Fn(&hal::decode::DecodeError) + Send> {
    Box::new(move |error| warn!(source, "{error}"))
}

/// Starts a thread under a name that `top -H` shows. It may use the runtime's timers.
///
/// # Errors
/// The system gives no more threads.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _timers = runtime.enter();
            work()
        })
        .with_context(|| format!("thread {name} not started; the system has no more of them"))
}

fn join<T>(thread: JoinHandle<T>) -> Result<T> {
    let name = thread.thread().name().unwrap_or("of the pipeline").to_owned();
    thread.join().map_err(|_| anyhow::anyhow!("thread {name} panicked; see the log above"))
}
