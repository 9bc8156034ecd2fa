//! `kills`: the proof that nothing durable is lost, as long as somebody wants it.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use e2e::kills::outage::{self, Plan};
use e2e::kills::{self, ClipWay};

/// Kills box, broker and receiver at fail points and at any moment, with failing disks and
/// jumping clocks, and checks that everything durable arrives. See docs/reliability.md.
#[derive(Parser)]
struct Arguments {
    /// How many kills.
    #[arg(long, default_value_t = 1_000)]
    kills: usize,
    /// Repeats the schedule of a run.
    #[arg(long, default_value_t = 20_291)]
    seed: u64,
    /// How the bytes of clips go: through the broker, or by links to an S3 bucket.
    #[arg(long, value_enum, default_value_t = Clips::Messages)]
    clips: Clips,
    /// No kills: ten minutes in real time, of which the broker is away from the second to the
    /// sixth.
    #[arg(long)]
    outage: bool,
    /// Keep the folder with ledger, databases and logs after a violation.
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Clips {
    Messages,
    Links,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let again = again(&arguments);
    println!("{again}");
    let mut folder = tempfile::tempdir()?;
    match prove(&arguments, folder.path()).await {
        Ok(proved) => {
            println!("\n{proved}");
            Ok(ExitCode::SUCCESS)
        }
        Err(violation) => {
            folder.disable_cleanup(arguments.keep);
            println!("\nVIOLATION: {violation:#}");
            println!("{again}");
            if arguments.keep {
                println!("its logs are in {}", folder.path().display());
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn again(arguments: &Arguments) -> String {
    let Arguments { kills, seed, clips, outage, .. } = arguments;
    if *outage {
        return format!("ten minutes, again: scripts/kills --outage --seed {seed}");
    }
    let more = match clips {
        Clips::Messages => "",
        Clips::Links => " --clips links",
    };
    format!("{kills} kills, again: scripts/kills --kills {kills} --seed {seed}{more}")
}

async fn prove(arguments: &Arguments, folder: &Path) -> Result<String> {
    let seed = arguments.seed;
    if arguments.outage {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let plan = Plan { seed, before: minutes(2), without: minutes(4), after: minutes(4) };
        let outage = outage::outage(folder, plan, |line| println!("{line}")).await?;
        return Ok(outage.to_string());
    }
    let clips = match arguments.clips {
        Clips::Messages => ClipWay::Messages,
        Clips::Links => ClipWay::Links,
    };
    let plan = (seed, clips, arguments.kills);
    let tally = kills::prove(folder, plan, |line| println!("{line}")).await?;
    Ok(tally.to_string())
}
