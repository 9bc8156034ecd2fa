//! `cargo xtask`: checks of the workspace that no compiler makes, and pages that are generated.
#![forbid(unsafe_code)]

mod asyncapi;
mod links_doc;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks of the workspace that no compiler makes, and pages that are generated.
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
    /// Writes docs/links.md from the declarations of the links.
    LinksDoc,
    /// Writes docs/asyncapi.json, and the hash in `wire`, from the types of the messages.
    Asyncapi,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Tidy => tidy::run(),
        Task::LinksDoc => {
            tidy::root().and_then(|root| links_doc::write(&root)).map(|()| ExitCode::SUCCESS)
        }
        Task::Asyncapi => {
            tidy::root().and_then(|root| asyncapi::write(&root)).map(|()| ExitCode::SUCCESS)
        }
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
