//! `courtside run`: the whole box as one process.
//!
//! Owns the order of starting and stopping. Start: store, uplink, vault, packs, stages, ports,
//! then "ready". Stop: ports, stages, recorder, cutter, uplink; each empties itself before the
//! next one stops.

mod governing;
mod leftovers;
mod parts;
mod sending;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hal::Clock;
use tokio::sync::watch;
use tracing::info;
use wire::envelope::Body;
use wire::ids::Name;
use wire::topic::{TELEMETRY_PLAYERS, TELEMETRY_TIMELINE};

pub use self::leftovers::remove as remove_unknown_clips;
use self::parts::Parts;
use crate::clock::SystemClock;
use crate::commands::{Means, Restart, Watched};
use crate::config::Config;
use crate::inputs::Inputs;
use crate::notes;
use crate::status;
use crate::telemetry::{self, Cadence, Happened, Line, Telemetry};
use crate::watchdog;

/// How long a stopping box waits for the receiver's acknowledgements. the unit's own patience is
/// 30 s.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Topic and headers of a message, down to those of IP.
const MESSAGE_OVERHEAD: usize = 150;
/// Between two messages about the people in a picture.
const PLAYERS_EVERY: Duration = Duration::from_secs(1);

/// Why a box that ran in order does so no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A signal, or a part of it, asked it to stop.
    Stopped,
    /// It was asked to start again; whoever started it does that.
    ToStartAgain,
}

/// Runs the box until SIGTERM or SIGINT, or until a part of it asks to be stopped.
///
/// # Errors
/// A part cannot be started (port in use, data directory not writable, packs missing), or one
/// panicked: names it, why, and what to do.
pub async fn run(config: Config) -> Result<Ended> {
    let clock = Arc::new(SystemClock::start());
    let (stop, mut stopped) = watch::channel(false);
    let signals = Signals::new()?;
    let (restart, mut restarted) = Restart::new();
    let watched = Watched::default();
    let data_dir = config.box_.data_dir.clone();
    let status_dir = data_dir.clone();
    let means = Means { data_dir, restart, watched: watched.clone() };
    let parts = Parts::start(&clock, &config, (stop, means)).await?;
    let uplink = parts.telemetry().uplink;
    notes::tell(&status_dir, |note| uplink.publish(Body::Notice(note)).map(drop));
    let sources = config.sources.iter().map(|source| source.input.clone());
    let outlets = (0..config.sources.len()).map(|number| parts.outlet(number));
    let inputs = Inputs::open(&clock, sources.zip(outlets).collect()).await?;
    let watches = parts.watches();
    let watching = tokio::spawn({
        let clock = Arc::clone(&clock);
        async move { watchdog::watch(&*clock, watches).await }
    });
    let telling = [
        tokio::spawn(tell(Arc::clone(&clock), parts.telemetry(), watched)),
        tokio::spawn(tell_players(Arc::clone(&clock), parts.telemetry())),
        tokio::spawn(status::keep(
            Arc::clone(&clock),
            parts.telemetry(),
            (status_dir, parts.boot()),
        )),
    ];
    watchdog::ready();
    info!(boot = parts.boot().0, "ready");
    let ended = tokio::select! {
        name = signals.wait() => {
            info!("{name} received; stopping");
            Ended::Stopped
        }
        _ = stopped.wait_for(|stop| *stop) => {
            info!("stopping");
            Ended::Stopped
        }
        Ok(_) = restarted.wait_for(|asked| *asked) => {
            info!("asked to start again; stopping");
            Ended::ToStartAgain
        }
    };
    watchdog::stopping();
    telling.iter().for_each(tokio::task::JoinHandle::abort);
    watching.abort();
    inputs.close().await;
    parts.finish(DRAIN_MAX).await?;
    Ok(ended)
}

async fn tell(clock: Arc<SystemClock>, telemetry: Telemetry, watched: Watched) {
    let group: Name = "pipeline".parse().expect("`pipeline` is a name");
    let timeline: Name = TELEMETRY_TIMELINE.parse().expect("the group's name is one");
    let (mut cadence, mut known) = (Cadence::new(clock.now()), telemetry.activity());
    loop {
        clock.sleep_until(clock.now().plus(telemetry::EVERY)).await;
        let (now, activity) = (clock.now(), telemetry.activity());
        let happened = if activity == known { Happened::Nothing } else { Happened::Something };
        known = activity;
        let is_spent = telemetry.uplink.stats().telemetry_is_spent;
        let line = if is_spent { Line::Spent } else { Line::Free };
        let is_due = cadence.is_due(now, happened, line) || watched.at(now);
        telemetry.uplink.set_tempo(cadence.tempo(now));
        if !is_due {
            continue;
        }
        let mut bytes = 0;
        let mut send = |group: &Name, json: String| {
            bytes += json.len() + MESSAGE_OVERHEAD;
            telemetry.uplink.telemetry(group.clone(), json);
        };
        send(&group, telemetry.message().to_string());
        for told in telemetry.timelines(&clock) {
            let json = serde_json::to_string(&told).expect("it has text keys, so JSON can hold it");
            send(&timeline, json);
        }
        cadence.handle_sent(now, bytes);
    }
}

async fn tell_players(clock: Arc<SystemClock>, telemetry: Telemetry) {
    let group: Name = TELEMETRY_PLAYERS.parse().expect("the group's name is one");
    loop {
        clock.sleep_until(clock.now().plus(PLAYERS_EVERY)).await;
        if telemetry.uplink.stats().telemetry_is_spent {
            continue;
        }
        for seen in telemetry.players() {
            let json = serde_json::to_string(&seen).expect("it has text keys, so JSON can hold it");
            telemetry.uplink.telemetry(group.clone(), json);
        }
    }
}

/// The signals that stop the box.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn wait(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Makes the data directory, and says whose it must be if that fails.
fn make_data_dir(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| {
        format!(
            "data directory {} not made; set `[box] data_dir` to a folder that the user running \
             courtside may write to",
            path.display()
        )
    })
}
