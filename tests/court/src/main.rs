//! `court`: generated basketball games on the command line.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Generated basketball games with ground truth.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes training material.
    #[command(subcommand)]
    Dataset(Dataset),
}

#[derive(Subcommand)]
enum Dataset {
    /// Clips of one hoop: `clips.u8` and `clips.json`.
    Rim(Seeds),
}

#[derive(clap::Args)]
struct Seeds {
    /// First seed.
    #[arg(long)]
    first_seed: u64,
    /// How many seeds from there on.
    #[arg(long)]
    seeds: u64,
    /// Folder to write to.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Dataset(Dataset::Rim(s)) => {
            court::dataset::rim::write(&s.out, s.first_seed, s.seeds)
        }
    }
}
