//! A body for a box that has none: a simulated plant as a task of its own, which writes the
//! sensors of the box in real time and draws what the box's operating point would make it draw.
//!
//! Powers are assumed, and set so that only the smallest operating point can be cooled for ever.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use sim::rig::Make;
use sim::tree::Tree;
use sim::{Airflow, Board, Celsius, Counts, Drive, Load, Rig, Setup, Surroundings, Watts};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Steps of the plant.
const STEP: Duration = Duration::from_millis(200);
/// What it draws beside the engine, in W.
const IDLE: Load = Load { cpu: Watts(3.0), gpu: Watts(0.5), board: Watts(5.5), disk: Watts(0.5) };
/// What the engine adds, by level, in W: the smallest point, more frames, larger tiers.
const ENGINE: [f64; 4] = [2.0, 10.0, 13.0, 16.0];
/// A hot rack.
const AIR: Celsius = Celsius(56.0);
/// How long it ran before the box is looked at.
const BEFORE: Duration = Duration::from_secs(3_600);

/// What the sensors do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The chip's sensors do not answer any more.
    Silent,
}

/// A plant that runs until it is dropped.
pub struct Body {
    began: Instant,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    level: AtomicU8,
    is_silent: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    hottest: f64,
    counts: Counts,
}

impl Body {
    /// A body that has run for an hour, its sensors below `root`.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn warm(root: &Path) -> Result<Self> {
        let setup = Setup {
            board: Board::OrinNx,
            make: Make::Network,
            start: AIR,
            supply_max: None,
            faults: Vec::new(),
            seed: 7,
        };
        let mut rig = Rig::new(setup);
        let mut passed = Duration::ZERO;
        while passed < BEFORE {
            rig.step(STEP, &drive(0));
            passed += STEP;
        }
        let tree = Tree::create(root, Board::OrinNx, &rig.snapshot())
            .with_context(|| format!("{} cannot be written", root.display()))?;
        let seen = Seen { hottest: rig.zones().junction().0, counts: rig.counts() };
        let shared = Arc::new(Shared {
            level: AtomicU8::new(0),
            is_silent: AtomicBool::new(false),
            seen: Mutex::new(seen),
        });
        let known = Arc::clone(&shared);
        let task = tokio::spawn(async move { live(rig, tree, &known).await });
        Ok(Self { began: Instant::now(), shared, task })
    }

    /// Draws from now on what the operating point would draw that telemetry tells.
    pub fn follow(&self, governor: &Value) {
        let rate = governor["frames_per_second_max"].as_f64().unwrap_or_default();
        let level = match governor["rim_tier"].as_str() {
            Some("full") => 3,
            Some("small") => 2,
            _ if rate > 20.0 => 1,
            _ => 0,
        };
        self.shared.level.store(level, Ordering::Relaxed);
    }

    /// Lets sensors fail from now on.
    pub fn fail(&self, how: Failing) {
        match how {
            Failing::Silent => self.shared.is_silent.store(true, Ordering::Relaxed),
        }
    }

    /// How long the box was looked at.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// The highest temperature so far, in °C.
    pub fn hottest(&self) -> f64 {
        self.seen().hottest
    }

    /// Where its kernel throttles, in °C.
    pub fn trip(&self) -> f64 {
        Board::OrinNx.trips().0.0
    }

    /// What must not happen.
    pub fn counts(&self) -> Counts {
        self.seen().counts
    }

    fn seen(&self) -> Seen {
        *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn live(mut rig: Rig, mut tree: Tree, shared: &Shared) {
    // The plant lives in real time: that is what this is about.
    let mut beat = tokio::time::interval(STEP);
    loop {
        beat.tick().await;
        let level = shared.level.load(Ordering::Relaxed);
        rig.step(STEP, &drive(usize::from(level)));
        let mut snapshot = rig.snapshot();
        if shared.is_silent.load(Ordering::Relaxed) {
            snapshot.temperatures = [None; 4];
        }
        if let Err(error) = tree.update(&snapshot) {
            // The folder of a test that is over.
            println!("the plant's sensors cannot be written: {error}");
            return;
        }
        let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.hottest = seen.hottest.max(rig.zones().junction().0);
        seen.counts = rig.counts();
    }
}

fn drive(level: usize) -> Drive {
    let engine = Watts(ENGINE[level]);
    let load = IDLE.plus(Load { gpu: engine, ..Load::default() });
    let around = Surroundings { ambient: AIR, sun: Watts(0.0), airflow: Airflow::FREE };
    Drive { load, around }
}
