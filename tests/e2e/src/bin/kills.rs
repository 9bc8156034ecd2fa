//! `kills`: the proof that nothing durable is lost, as long as somebody wants it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use e2e::kills;

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
    /// Keep the folder with ledger, databases and logs after a violation.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let Arguments { kills, seed, keep } = Arguments::parse();
    println!("seed {seed}, {kills} kills; again: scripts/kills --kills {kills} --seed {seed}");
    let mut folder = tempfile::tempdir()?;
    let proved = kills::prove(folder.path(), (seed, kills), |line| println!("{line}")).await;
    match proved {
        Ok(tally) => {
            println!("\n{tally}");
            Ok(ExitCode::SUCCESS)
        }
        Err(violation) => {
            folder.disable_cleanup(keep);
            println!("\nVIOLATION: {violation:#}");
            println!("again: scripts/kills --kills {kills} --seed {seed}");
            if keep {
                println!("its logs are in {}", folder.path().display());
            }
            Ok(ExitCode::FAILURE)
        }
    }
}
