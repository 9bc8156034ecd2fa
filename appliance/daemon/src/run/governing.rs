//! The governor of a running box, and the audit of a deterministic one: their threads and links.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::Result;
use boards::Detected;
use futures_lite::future::block_on;
use pipeline::links::{Departures, Hints};
use tokio::sync::watch;

use crate::clock::SystemClock;
use crate::config::{Config, GovernorMode};
use crate::engine::Packs;
use crate::govern::deadlines::Audit;
use crate::govern::{Govern, Latest};
use crate::hardware::sense::places;
use crate::outputs::Decisions;
use crate::stages::{Stages, spawn};
use crate::uplink;

/// What the rest of the box has of the governor: what it decided last, how to stop it, its thread.
pub(super) type Governing = (Arc<Mutex<Latest>>, Arc<AtomicBool>, JoinHandle<()>);

/// The governor's links beside those of the stages.
pub(super) struct Links {
    pub(super) hints: Arc<Hints>,
    departures: Arc<Departures>,
}

impl Default for Links {
    fn default() -> Self {
        Self { hints: Arc::new(Hints::new()), departures: Arc::new(Departures::new()) }
    }
}

/// Starts the governor, and the audit of a deterministic box.
///
/// # Errors
/// The system gives no more threads.
pub(super) fn start(
    (clock, config): (&Arc<SystemClock>, &Config),
    (stages, packs, board): (&Stages<Decisions>, &Packs, &Detected),
    (uplink, stop_box): (&uplink::Handle, watch::Sender<bool>),
    Links { hints, departures }: Links,
) -> Result<Governing> {
    match config.governor.mode {
        GovernorMode::Adaptive => {}
        GovernorMode::Deterministic => {
            let audit = Audit {
                data_dir: config.box_.data_dir.clone(),
                sources: config.sources.iter().map(|source| source.name.clone()).collect(),
                detections: Arc::clone(&stages.detections),
                departures: Arc::clone(&departures),
            };
            // Never joined: it ends with inference, and a disk that hangs keeps nobody waiting.
            spawn("deadlines", move || block_on(audit.run()))?;
        }
    }
    let (latest, stop) =
        (Arc::new(Mutex::new(Latest::default())), Arc::new(AtomicBool::new(false)));
    let govern = Govern {
        clock: Arc::clone(clock),
        board: board.clone(),
        places: places(None),
        choice: config.models.tier,
        config: config.governor,
        data_dir: config.box_.data_dir.clone(),
        tiers: packs.tiers(),
        inference: Arc::clone(&stages.inference),
        sources: stages.sources.clone(),
        points: Arc::clone(&stages.operating_points),
        hints,
        departures,
        uplink: uplink.clone(),
        latest: Arc::clone(&latest),
        stop: Arc::clone(&stop),
        shut_down: Box::new(move || {
            // Nobody listening any more: the box is stopping already.
            let _ = stop_box.send(true);
        }),
    };
    let thread = spawn("governor", move || block_on(govern.run()))?;
    Ok((latest, stop, thread))
}
