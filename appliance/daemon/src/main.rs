//! The `courtside` command: its subcommands and their exit codes. Composition of the box's parts
//! stands in the subcommands' modules.
#![forbid(unsafe_code)]

mod config;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Tells what a configuration file means, or everything that is wrong with it.
    CheckConfig {
        /// The file, such as /etc/courtside/courtside.toml.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::CheckConfig { file } => check_config(&file),
    }
}

fn check_config(file: &Path) -> ExitCode {
    match config::Config::load(file) {
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
