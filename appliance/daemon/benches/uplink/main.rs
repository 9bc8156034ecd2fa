//! What an event waits for while a clip is uploaded over a slow link, with our uplink and with
//! designs that anybody would write first, one after the other over the same emulated link.
//!
//! Box and cloud are two network namespaces; the link between them is `courtside-link`, so the
//! bottleneck is outside both kernels. `scripts/bench-uplink` runs it and writes
//! `docs/benchmarks/uplink.md`.
#![forbid(unsafe_code)]

mod burst;
mod observer;
mod page;
mod scene;
mod senders;
mod stretch;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use link::model::{Change, Settings};
use link::units::{BitsPerSecond, Bytes, PerMillion};
use scene::{Scene, Take};
use stretch::Stretch;

/// The broker, at the cloud's end.
const BROKER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 2), 1883);
/// The bucket's server, beside it.
const BUCKET: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 2), 9000);
/// A match has more; these are enough for a percentile.
const EVENT_EVERY: Duration = Duration::from_millis(400);
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(8);
/// A minute without an event, and then some.
const QUIET: Duration = Duration::from_secs(70);
/// The link changes.
const STEP_AT: Duration = Duration::from_secs(20);
/// After a change so much is not counted: that long it may take to be noticed.
const SETTLED: Duration = Duration::from_secs(5);

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// Written as the published page.
    #[arg(long)]
    output: Option<PathBuf>,
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Congestion controls of the box's kernel; all that there are, without.
    #[arg(long)]
    control: Vec<String>,
    /// Only scenarios with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Role {
    /// At the box's end.
    Sender {
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        design: Design,
        #[arg(long)]
        event_ms: Option<u64>,
        #[arg(long)]
        clip: bool,
    },
    /// At the cloud's end.
    Observer {
        #[arg(long)]
        bucket: bool,
    },
    /// As well: `courtside-fleet receive`.
    Receiver {
        #[arg(long)]
        config: PathBuf,
    },
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Design {
    Ours,
    /// The same, with clips by links to a bucket.
    Links,
    OneConnection,
    TwoConnections,
}

/// What it has to send.
#[derive(Clone, Copy, Debug)]
struct Load {
    event_every: Option<Duration>,
    clip: bool,
}

/// One thing that is measured.
struct Scenario {
    name: &'static str,
    settings: Settings,
    /// The first seconds are on a link of this rate.
    first_rate: Option<BitsPerSecond>,
}

/// What was measured of one scenario.
struct Measured {
    scenario: &'static str,
    control: String,
    rate: BitsPerSecond,
    /// Events alone.
    idle: Stretch,
    designs: Vec<(Design, Stretch)>,
}

fn settings(mbit: u64, loss: u32) -> Settings {
    Settings {
        rate: BitsPerSecond::from_mbit(mbit),
        delay: Duration::from_millis(25),
        queue: Bytes::from_kib(128),
        loss: PerMillion(loss),
    }
}

fn scenarios() -> [Scenario; 3] {
    [
        Scenario { name: "steady", settings: settings(2, 0), first_rate: None },
        Scenario { name: "lossy", settings: settings(2, 10_000), first_rate: None },
        Scenario {
            name: "step",
            settings: settings(1, 0),
            first_rate: Some(BitsPerSecond::from_mbit(10)),
        },
    ]
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    match &arguments.role {
        Some(Role::Observer { bucket }) => {
            let _serves = bucket.then(observer::serve_bucket);
            runtime.block_on(observer::run());
        }
        Some(Role::Receiver { config }) => {
            let config = fleet::config::Config::load(config).expect("it was written by us");
            let (lines, mut told) = tokio::sync::mpsc::channel(64);
            let clock = std::sync::Arc::new(courtside::clock::SystemClock::start());
            runtime.spawn(async move { while told.recv().await.is_some() {} });
            runtime.block_on(fleet::receive(&config, clock, lines)).expect("it runs until killed");
        }
        Some(Role::Sender { folder, design, event_ms, clip }) => {
            let event_every = event_ms.map(Duration::from_millis);
            runtime.block_on(senders::run(folder, *design, Load { event_every, clip: *clip }));
        }
        None => runtime.block_on(measure(&arguments)),
    }
}

async fn measure(arguments: &Arguments) {
    if let Err(why) = link::namespaces::available() {
        println!("SKIPPED: {why}");
        return;
    }
    let burst = match "burst".contains(&arguments.only) {
        true => Some(burst::run().await),
        false => None,
    };
    if let Some(burst) = &burst {
        println!(
            "   burst: {}, {} refused, last after {:?}",
            burst.stretch, burst.refused, burst.tail
        );
    }
    let controls = match &arguments.control[..] {
        [] => scene::congestion_controls(),
        some => some.to_vec(),
    };
    let (mut measured, mut quiet) = (Vec::new(), Vec::new());
    for control in &controls {
        for scenario in scenarios().iter().filter(|s| s.name.contains(&arguments.only)) {
            measured.push(measure_one(arguments, control, scenario).await);
        }
        if "quiet".contains(&arguments.only) {
            let mut scene = Scene::open((settings(2, 0), settings(20, 0)), (control, Design::Ours));
            let load = Load { event_every: None, clip: true };
            let take = Take { changes: &[], after: QUIET, seconds: 30 };
            let stretch = scene.run(Design::Ours, load, take).await;
            println!("{control:>8} quiet: {:.1} %", 100.0 * stretch.goodput() / 2e6);
            quiet.push((control.clone(), stretch));
        }
    }
    if let Some(output) = &arguments.output {
        let text = page::page(arguments, (&measured, &quiet), burst.as_ref());
        std::fs::write(output, text).expect("the page can be written");
        println!("{}", output.display());
    }
}

async fn measure_one(arguments: &Arguments, control: &str, scenario: &Scenario) -> Measured {
    let events = Load { event_every: Some(EVENT_EVERY), clip: false };
    let both = Load { clip: true, ..events };
    let seconds = arguments.seconds;
    let down = settings(20, 0);
    let take = Take { changes: &[], after: WARM_UP, seconds: seconds.min(30) };
    let mut scene = Scene::open((scenario.settings, down), (control, Design::Ours));
    let idle = scene.run(Design::Ours, events, take).await;
    // Its namespaces make way for the next one's.
    drop(scene);
    println!("{control:>8} {:>7} idle: {idle}", scenario.name);
    let mut designs = Vec::new();
    for design in [Design::Ours, Design::Links, Design::OneConnection, Design::TwoConnections] {
        let mut first = scenario.settings;
        first.rate = scenario.first_rate.unwrap_or(first.rate);
        let step = [(STEP_AT, Change::Rate(scenario.settings.rate))];
        let take = match scenario.first_rate {
            None => Take { changes: &[], after: WARM_UP, seconds },
            Some(_) => Take { changes: &step, after: SETTLED, seconds },
        };
        let stretch = Scene::open((first, down), (control, design)).run(design, both, take).await;
        let share = 100.0 * stretch.goodput() / scenario.settings.rate.get() as f64;
        println!("{control:>8} {:>7} {design:?}: {stretch}, {share:.1} %", scenario.name);
        designs.push((design, stretch));
    }
    let (scenario, rate) = (scenario.name, scenario.settings.rate);
    Measured { scenario, control: control.to_owned(), rate, idle, designs }
}
