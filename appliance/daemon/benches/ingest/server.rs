//! The box's RTMP shells alone: sockets, sessions, feeders and links as on a box. Behind the links is
//! nobody, so that the feeders drop; or two threads a source, which receive and drop; or the decode
//! stage.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use courtside::clock::SystemClock;
use courtside::config::{Config, Input};
use courtside::drivers::Software;
use courtside::inputs::{Inputs, Outlet};
use courtside::stages::Tap;
use futures_lite::future::block_on;
use hal::Clock;
use pipeline::feeder::Feeder;
use pipeline::links::{FrameItem, FrameWaits, Sounds, SourceItem};
use pipeline::source::{DecodeStage, Pace, SourceLinks, decode};

/// What the child process is told by.
const MODE: &str = "COURTSIDE_BENCH_INGEST";
const CONFIG: &str = "COURTSIDE_BENCH_CONFIG";

/// What is behind the links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nobody: once the links are full, the feeders drop everything.
    Nobody,
    /// Threads that receive and drop.
    Threads,
    /// The decode stage.
    Decode,
}

/// What the child counted.
pub(crate) struct Report {
    /// Items that a link did not take.
    pub(crate) dropped: u64,
    /// Pictures whose place a newer one took before anybody had them.
    pub(crate) superseded: u64,
    /// From an access unit's last byte to its picture in somebody's hands.
    pub(crate) latencies_ms: Vec<f64>,
}

impl Report {
    pub(crate) fn parse(line: &str) -> Self {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<f64>().unwrap());
        let [dropped, superseded] = [(); 2].map(|()| numbers.next().unwrap() as u64);
        Self { dropped, superseded, latencies_ms: numbers.collect() }
    }
}

/// This program again, as the box.
pub(crate) fn command(folder: &Path, (port, streams): (u16, usize), mode: Mode) -> Command {
    let file = folder.join("courtside.toml");
    let source = |stream: usize| {
        format!(
            "[[source]]\nname = \"s{stream}\"\nkind = \"rtmp\"\nlisten = \"127.0.0.1:{port}\"\n\
             app = \"live\"\nkey = \"key-{stream}\"\nsport = \"basketball\"\n"
        )
    };
    let sources: String = (0..streams).map(source).collect();
    let text = format!(
        "schema = 1\n[box]\ntenant = \"bench\"\ndevice = \"bench\"\ndata_dir = \"data\"\n[mqtt]\n\
         url = \"mqtt://127.0.0.1:1883\"\n{sources}[clips]\npre_roll_s = 6.0\npost_roll_s = 4.0\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let word = match mode {
        Mode::Nobody => "nobody",
        Mode::Threads => "threads",
        Mode::Decode => "decode",
    };
    command.env(MODE, word).env(CONFIG, file);
    command
}

/// Serves as the child that [`command`] starts, if this process is one.
pub(crate) fn as_child() -> Option<Result<()>> {
    let mode = match std::env::var(MODE).ok()?.as_str() {
        "decode" => Mode::Decode,
        "threads" => Mode::Threads,
        _ => Mode::Nobody,
    };
    // As the box: sockets on two threads.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().context("no runtime");
    Some(runtime.and_then(|runtime| runtime.block_on(serve(mode))))
}

async fn serve(mode: Mode) -> Result<()> {
    let clock = Arc::new(SystemClock::start());
    let config = Config::load(Path::new(&std::env::var(CONFIG)?))?;
    let (mut inputs, mut all) = (Vec::new(), Vec::new());
    let latencies = Arc::new(Mutex::new(Vec::new()));
    for (number, source) in config.sources.into_iter().enumerate() {
        let links = Arc::new(SourceLinks::new(Pace::Live));
        all.push(Arc::clone(&links));
        let (packets, units) = (Arc::clone(&links), Arc::clone(&links));
        match mode {
            Mode::Nobody => {}
            Mode::Threads => {
                drain(move || block_on(packets.packets.receive()));
                drain(move || block_on(units.units.receive()));
            }
            Mode::Decode => {
                drain(move || block_on(packets.packets.receive()));
                decoding(number, (&clock, &links), &latencies);
            }
        }
        inputs.push((source.input, outlet(&clock, (source.name, links))));
    }
    let inputs: Vec<(Input, Outlet)> = inputs;
    let opened = Inputs::open(&clock, inputs).await?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    let dropped = |links: &Arc<SourceLinks>| {
        links.counters.units_dropped.get() + links.counters.packets_dropped.get()
    };
    let superseded = all.iter().map(|links| links.frames.superseded()).sum::<u64>();
    print!("{} {superseded}", all.iter().map(dropped).sum::<u64>());
    for latency in latencies.lock().unwrap().iter() {
        print!(" {latency:.3}");
    }
    println!();
    std::io::stdout().flush()?;
    match mode {
        // Full links take no farewell.
        Mode::Nobody => std::process::exit(0),
        Mode::Threads | Mode::Decode => opened.close().await,
    }
    Ok(())
}

fn outlet(
    clock: &Arc<SystemClock>,
    (source, links): (wire::ids::Name, Arc<SourceLinks>),
) -> Outlet {
    Outlet {
        source,
        network: Arc::clone(&links.network),
        tap: Tap { links: Arc::clone(&links), frame_waits: Arc::new(FrameWaits::new()) },
        feeder: Feeder::new(Arc::clone(clock), links),
        tell: Arc::new(|_| {}),
    }
}

/// Drops what comes, on a thread of its own, until the source is shut down.
fn drain(mut next: impl FnMut() -> SourceItem + Send + 'static) {
    std::thread::spawn(move || while !matches!(next(), SourceItem::Shutdown) {});
}

/// The decode stage on a thread of its own, and another one that takes its pictures.
fn decoding(
    source: usize,
    (clock, links): (&Arc<SystemClock>, &Arc<SourceLinks>),
    latencies: &Arc<Mutex<Vec<f64>>>,
) {
    let frame_waits = Arc::new(FrameWaits::new());
    let stage = DecodeStage {
        source,
        clock: Arc::clone(clock),
        decoders: Arc::new(Software),
        links: Arc::clone(links),
        frame_waits: Arc::clone(&frame_waits),
        sounds: Arc::new(Sounds::new()),
        complain: Box::new(|error| eprintln!("{error}")),
    };
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    std::thread::spawn(move || {
        block_on(decode(stage));
        ended.store(true, Ordering::Relaxed);
    });
    let (clock, links, latencies) = (Arc::clone(clock), Arc::clone(links), Arc::clone(latencies));
    std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            block_on(frame_waits.wait());
            if let Some(FrameItem::Frame(frame)) = links.frames.take() {
                let took = clock.now().since(frame.arrived.monotonic);
                latencies.lock().unwrap().push(took.as_secs_f64() * 1_000.0);
            }
        }
    });
}
