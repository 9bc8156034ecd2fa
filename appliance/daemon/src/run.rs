//! `courtside run`: the whole box as one process.
//!
//! Owns the order of starting and stopping. Start: store, uplink, vault, packs, stages, ports,
//! then "ready". Stop: ports, stages, recorder, cutter, uplink; each empties itself before the
//! next one stops.

mod leftovers;
mod parts;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hal::Clock;
use pipeline::feeder::Feeder;
use tokio::sync::watch;
use tracing::{error, info};
use wire::ids::Name;
use wire::topic::TELEMETRY_PLAYERS;

use self::parts::Parts;
use crate::clock::SystemClock;
use crate::config::{Config, Input, Pace};
use crate::file::{self, Arrivals};
use crate::rtmp::{self, Ports, Stream};
use crate::watchdog;

/// How long a stopping box waits for the receiver's acknowledgements. systemd's own patience is
/// 90 s.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Between two telemetry messages.
const TELEMETRY_EVERY: Duration = Duration::from_secs(2);
/// Between two messages about the people in a picture.
const PLAYERS_EVERY: Duration = Duration::from_secs(1);

/// Runs the box until SIGTERM or SIGINT, or until a part of it asks to be stopped.
///
/// # Errors
/// A part cannot be started (port in use, data directory not writable, packs missing), or one
/// panicked: names it, why, and what to do.
pub async fn run(config: Config) -> Result<()> {
    let clock = Arc::new(SystemClock::start());
    let (stop, mut stopped) = watch::channel(false);
    let signals = Signals::new()?;
    let parts = Parts::start(&clock, &config, stop).await?;
    let (streams, files) = inputs(&config, &parts);
    let ports = rtmp::open(&clock, streams).await?;
    let readers = files
        .into_iter()
        .map(|source| tokio::spawn(play(Arc::clone(&clock), source)))
        .collect::<Vec<_>>();
    let watches = parts.watches();
    let watching = tokio::spawn({
        let clock = Arc::clone(&clock);
        async move { watchdog::watch(&*clock, watches).await }
    });
    let telling = [
        tokio::spawn(tell(Arc::clone(&clock), parts.telemetry())),
        tokio::spawn(tell_players(Arc::clone(&clock), parts.telemetry())),
    ];
    watchdog::ready();
    info!(boot = parts.boot().0, "ready");
    tokio::select! {
        name = signals.wait() => info!("{name} received; stopping"),
        _ = stopped.wait_for(|stop| *stop) => info!("stopping"),
    }
    watchdog::stopping();
    telling.iter().for_each(tokio::task::JoinHandle::abort);
    watching.abort();
    stop_inputs(ports, readers).await;
    parts.finish(DRAIN_MAX).await
}

/// A file source with what it feeds.
struct FileSource {
    name: Name,
    path: std::path::PathBuf,
    arrivals: Arrivals,
    feeder: Feeder<SystemClock>,
}

fn inputs(config: &Config, parts: &Parts) -> (Vec<(SocketAddr, Stream)>, Vec<FileSource>) {
    let (mut streams, mut files) = (Vec::new(), Vec::new());
    for (number, source) in config.sources.iter().enumerate() {
        let feeder = parts.feeder(number);
        match &source.input {
            Input::Rtmp { listen, app, key, idle_timeout } => {
                let stream = Stream {
                    source: source.name.clone(),
                    app: app.clone(),
                    key: key.expose().to_owned(),
                    idle_max: *idle_timeout,
                    feeder,
                    publishers: parts.presence(number),
                };
                streams.push((*listen, stream));
            }
            Input::File { path, pace } => {
                let arrivals = match pace {
                    Pace::RealTime => Arrivals::Paced(parts.clock()),
                    Pace::Fast => Arrivals::AsShown,
                };
                let (name, path) = (source.name.clone(), path.clone());
                files.push(FileSource { name, path, arrivals, feeder });
            }
        }
    }
    (streams, files)
}

/// Plays a file once, then keeps its feeder for the end.
async fn play(clock: Arc<SystemClock>, mut source: FileSource) -> Feeder<SystemClock> {
    let began = clock.now();
    // Demuxing blocks on the disk: not on the threads that serve sockets.
    let played = tokio::task::spawn_blocking(move || {
        let push = file::push(&mut source.feeder, &source.path, &source.arrivals);
        let played = futures_lite::future::block_on(push);
        (source, played)
    })
    .await;
    let (source, played) = played.expect("playing a file does not panic");
    match played {
        Ok(length) => info!(
            source = source.name.as_str(),
            seconds = length.as_secs_f64(),
            took = clock.now().since(began).as_secs_f64(),
            "file played"
        ),
        Err(error) => error!(source = source.name.as_str(), "{error:#}"),
    }
    source.feeder
}

async fn stop_inputs(ports: Ports, readers: Vec<tokio::task::JoinHandle<Feeder<SystemClock>>>) {
    ports.close().await;
    for reader in readers {
        match reader.await {
            Ok(mut feeder) => feeder.shut_down().await,
            Err(error) => error!(%error, "a file's reader did not end well"),
        }
    }
}

async fn tell(clock: Arc<SystemClock>, telemetry: crate::telemetry::Telemetry) {
    let group: Name = "pipeline".parse().expect("`pipeline` is a name");
    loop {
        clock.sleep_until(clock.now().plus(TELEMETRY_EVERY)).await;
        telemetry.uplink.telemetry(group.clone(), telemetry.message().to_string());
    }
}

async fn tell_players(clock: Arc<SystemClock>, telemetry: crate::telemetry::Telemetry) {
    let group: Name = TELEMETRY_PLAYERS.parse().expect("the group's name is one");
    loop {
        clock.sleep_until(clock.now().plus(PLAYERS_EVERY)).await;
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
