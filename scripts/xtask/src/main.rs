//! `cargo xtask`: checks of the workspace that no compiler makes. Changes nothing.
#![forbid(unsafe_code)]

mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks of the workspace that no compiler makes.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Who may know whom, `no_std`, `forbid(unsafe_code)`, lengths and names of files, paths and
    /// addresses that belong to one machine.
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Tidy => tidy::run(),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
