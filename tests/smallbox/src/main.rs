//! A box without cameras: the real store, the real clip files and the real uplink of
//! `courtside run`, fed by a seeded generator of events and clips.
//!
//! Owns what takes the place of the director and the cutter, and the ledger of what the store
//! called durable. Must not: store, number, send or remove anything by itself.
//! Design note: `docs/decisions/0029-kills-at-fail-points.md`.
#![forbid(unsafe_code)]

mod cutter;
mod generator;
mod ledger;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use courtside::clock::SystemClock;
use courtside::outputs::Shipping;
use courtside::run::remove_unknown_clips;
use courtside::store::{Opened, Store};
use courtside::uplink::{self, DayBytes, PlainLinks, Trust, Way};
use courtside::vault::{self, Recordings};
use mqtt::{Endpoint, Security};
use outbox::{Gate, Quota};
use tokio::signal::unix::{SignalKind, signal};
use wire::ids::Name;
use wire::topic::Device;

use cutter::Cutter;
use generator::{Generator, Sizes};
use ledger::Ledger;

/// As `courtside run`.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Nothing may be evicted in this proof.
const QUOTA: Quota = Quota { bytes: 1 << 40, files: 1_000_000 };
/// Clips that wait to be cut; beyond it none is wanted.
const ORDERS_MAX: usize = 4;
const RECORDINGS_BYTES: u64 = 1 << 20;

/// A courtside box without cameras, for the proof that nothing is lost.
#[derive(Parser)]
struct Arguments {
    /// Where it keeps its store and its clips.
    #[arg(long)]
    data: PathBuf,
    /// The broker's port on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// Where it writes down what is durable.
    #[arg(long)]
    ledger: PathBuf,
    /// Repeats the same events and clips.
    #[arg(long)]
    seed: u64,
    /// What it does beside delivering.
    #[arg(long, value_enum, default_value_t = Task::Generate)]
    task: Task,
    /// How the bytes of clips go.
    #[arg(long, value_enum, default_value_t = Clips::Messages)]
    clips: Clips,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Task {
    /// Makes events and clips.
    Generate,
    /// Nothing: what is left is delivered.
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Clips {
    /// Through the broker.
    Messages,
    /// To links that the receiver gives; some clips have several parts.
    Links,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Runtime::new();
    match runtime.map_err(anyhow::Error::from).and_then(|rt| rt.block_on(run(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("smallbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The order of starting is that of `courtside run`.
async fn run(arguments: Arguments) -> Result<()> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let clock = Arc::new(SystemClock::start());
    std::fs::create_dir_all(&arguments.data).context("the data directory")?;
    let opened = Store::open(&arguments.data.join("courtside.sqlite"), Arc::clone(&clock))?;
    let recordings = Recordings::open(&arguments.data, RECORDINGS_BYTES)?;
    let clips = Arc::new(vault::Clips::open(&arguments.data)?);
    remove_unknown_clips(&opened, &clips)?;
    let handle = start_uplink(&arguments, &opened, &clock)?;
    let ledger = Arc::new(Ledger::open(&arguments.ledger)?);
    let source: Name = "court-1".parse().expect("a name");
    // One recording for all boots: it stays empty.
    let recording = Arc::new(recordings.recording(&source, wire::ids::BootId(1))?);
    let (orders, to_cut) = sync_channel(ORDERS_MAX);
    let shipping = Shipping {
        uplink: handle.clone(),
        store: opened.store.clone(),
        clips: Arc::clone(&clips),
        ids: Arc::new(Mutex::new(HashMap::new())),
    };
    let cutter = Cutter { clock: Arc::clone(&clock), clips, shipping, recording, source };
    let left: Vec<_> = opened.plans.iter().filter_map(cutter::Wanted::read).collect();
    std::thread::Builder::new()
        .name("cutter".to_owned())
        .spawn(move || cutter.run(left.into_iter().chain(to_cut)))?;
    let generator = Generator {
        clock,
        boot: opened.boot,
        store: opened.store.clone(),
        uplink: handle.clone(),
        ledger,
        orders,
        seed: arguments.seed,
        sizes: match arguments.clips {
            Clips::Messages => Sizes::Small,
            Clips::Links => Sizes::Mixed,
        },
    };
    tracing::info!(boot = opened.boot.0, "ready");
    tokio::select! {
        generated = generator.run(), if arguments.task == Task::Generate => generated?,
        _signal = terminate.recv() => {}
        _signal = interrupt.recv() => {}
    }
    let left = handle.drain(DRAIN_MAX).await;
    tracing::info!(left, "stopped");
    // The cutter's thread may wait for a disk.
    std::process::exit(0)
}

fn start_uplink(
    arguments: &Arguments,
    opened: &Opened,
    clock: &Arc<SystemClock>,
) -> Result<uplink::Handle> {
    let device = Device { tenant: "demo".parse()?, device: "court-1".parse()? };
    let config = uplink::Config {
        device,
        firmware: "smallbox".to_owned(),
        endpoint: Endpoint::new("127.0.0.1", arguments.port, &Security::Plain)?,
        terms: uplink::Config::TERMS,
        way: match arguments.clips {
            Clips::Messages => Way::Messages,
            Clips::Links => Way::Links(Trust { ca: PathBuf::new(), plain: PlainLinks::Followed }),
        },
        gate: Gate::default(),
        day_bytes_max: DayBytes::default(),
        quota: QUOTA,
        commands: None,
    };
    Ok(uplink::start(config, opened, Arc::clone(clock)))
}
