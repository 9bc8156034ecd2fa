//! The `courtside` command: its subcommands and their exit codes. What they do stands in the
//! library's modules.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use courtside::config::{self, Config};
use courtside::evaluate;

/// Exit code of a configuration that cannot be used, so that systemd does not restart into it.
const EXIT_CONFIG: u8 = 2;

/// The firmware of a courtside box.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the box until SIGTERM or SIGINT.
    Run {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Tells what a configuration file means, or everything that is wrong with it.
    CheckConfig {
        /// The file, such as /etc/courtside/courtside.toml.
        file: PathBuf,
    },
    /// Runs the pipeline over recorded games with known truth: every NAME.mp4 in a folder that
    /// has a NAME.events.json beside it.
    Evaluate {
        /// The folder.
        folder: PathBuf,
        /// Tier of the networks.
        #[arg(long, value_enum, default_value_t = TierArg::Full)]
        tier: TierArg,
        /// Also writes the result as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Folder of the model packs, if not the installed ones.
        #[arg(long)]
        packs: Option<PathBuf>,
    },
}

/// A tier on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum TierArg {
    /// The small networks.
    Nano,
    /// The large networks.
    Full,
}

fn main() -> ExitCode {
    init_log();
    match Cli::parse().command {
        Command::Run { config } => run_box(&config),
        Command::CheckConfig { file } => check_config(&file),
        Command::Evaluate { folder, tier, json, packs } => {
            let tier = match tier {
                TierArg::Nano => governor::Tier::Nano,
                TierArg::Full => governor::Tier::Full,
            };
            let packs = packs.unwrap_or_else(config::default_packs);
            let job = evaluate::Job { folder, tier, packs, keys: config::default_keys() };
            exit(run_evaluation(&job, json.as_deref()))
        }
    }
}

/// Log lines go to stderr, where systemd's journal takes them; `RUST_LOG` filters.
fn init_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn exit(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("courtside: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the system gives no threads for sockets")
}

fn run_box(file: &Path) -> ExitCode {
    match Config::load(file) {
        Ok(config) => {
            exit(runtime().and_then(|runtime| runtime.block_on(courtside::run::run(config))))
        }
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

fn run_evaluation(job: &evaluate::Job, json: Option<&Path>) -> Result<()> {
    let report = runtime()?.block_on(evaluate::evaluate(job))?;
    println!("{report}");
    if let Some(file) = json {
        std::fs::write(file, format!("{:#}\n", report.json()))
            .with_context(|| format!("{} not written", file.display()))?;
    }
    Ok(())
}

fn check_config(file: &Path) -> ExitCode {
    match Config::load(file) {
        Ok(config) => {
            println!("{config}");
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}
