//! Threads of the pipeline: one decode stage a source, one inference stage, one director.
//!
//! Owns the threads and the links between them, the same for `run` and `evaluate`; who feeds the
//! sources and what becomes of the decisions is theirs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use futures_lite::future::block_on;
use pipeline::director::{Director, DirectorHealth, Outputs, direct};
use pipeline::feeder::Feeder;
use pipeline::health::Watch;
use pipeline::inference::{InferenceHealth, InferenceStage, Lanes, infer};
use pipeline::links::{Detections, FrameWaits, OperatingPoints, Signals};
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
    /// To and from the inference stage, about its lanes.
    pub packs: Arc<PackLinks>,
    /// The inference stage.
    pub inference: Arc<InferenceHealth>,
    /// The director.
    pub director: Arc<DirectorHealth>,
    clock: Arc<SystemClock>,
    pace: Pace,
    frame_waits: Arc<FrameWaits>,
    decoders: Vec<JoinHandle<()>>,
    inference_thread: JoinHandle<()>,
    director_thread: JoinHandle<O>,
}

impl<O: Outputs + 'static> Stages<O> {
    /// Starts all threads. `lanes` holds one entry a source, in the director's order.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(
        clock: &Arc<SystemClock>,
        pace: Pace,
        lanes: Vec<(String, Lanes)>,
        director: Director<O>,
    ) -> Result<Self> {
        let sources: Vec<Arc<SourceLinks>> = lanes.iter().map(|_| Arc::default()).collect();
        let (detections, signals) = (Arc::new(Detections::new()), Arc::new(Signals::new()));
        let (frame_waits, operating_points) =
            (Arc::new(FrameWaits::new()), Arc::new(OperatingPoints::new()));
        let packs = Arc::new(PackLinks::default());
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
        let decoders = lanes
            .iter()
            .enumerate()
            .map(|(number, (name, _))| {
                let stage = DecodeStage {
                    source: number,
                    clock: Arc::clone(clock),
                    decoders: Arc::new(crate::drivers::Software) as Arc<dyn Decoders>,
                    links: Arc::clone(&sources[number]),
                    frame_waits: Arc::clone(&frame_waits),
                    signals: Arc::clone(&signals),
                    pace,
                    complain: complaint(name.clone()),
                };
                spawn(&format!("decode-{name}"), move || block_on(decode(stage)))
            })
            .collect::<Result<_>>()?;
        let inference_thread = {
            let stage = InferenceStage {
                clock: Arc::clone(clock),
                sources: sources.iter().cloned().zip(lanes.into_iter().map(|(_, l)| l)).collect(),
                frame_waits: Arc::clone(&frame_waits),
                detections: Arc::clone(&detections),
                operating_points: Arc::clone(&operating_points),
                pace,
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
            pace,
            frame_waits,
            decoders,
            inference_thread,
            director_thread,
        })
    }

    /// What a source's shell pushes its media into.
    pub fn feeder(&self, source: usize) -> Feeder<SystemClock> {
        Feeder::new(Arc::clone(&self.clock), Arc::clone(&self.sources[source]), self.pace)
    }

    /// Watches over every stage, for the watchdog.
    pub fn watches(&self) -> Vec<Watch> {
        let decoders = self.sources.iter().enumerate().map(|(number, links)| {
            let backlog = Arc::clone(links);
            let waits = Box::new(move || !backlog.units.is_empty());
            Watch::new(format!("decode of source {number}"), Arc::clone(&links.decode_beat), waits)
        });
        let idle = || Box::new(|| false);
        let inference = Watch::new("inference".into(), Arc::clone(&self.inference.beat), idle());
        let director = Watch::new("director".into(), Arc::clone(&self.director.beat), idle());
        decoders.chain([inference, director]).collect()
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
        self.inference.stop.store(true, Ordering::Relaxed);
        self.frame_waits.signal(());
        join(self.inference_thread)?;
        join(self.director_thread)
    }
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
