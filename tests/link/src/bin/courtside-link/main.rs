//! `courtside-link`: runs two shell commands at the two ends of a link, and tells what it did to
//! their packets. What the link models: `docs/link-emulator.md`.
#![forbid(unsafe_code)]

mod arguments;
mod runner;
mod table;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let result = arguments::Arguments::parse().run().and_then(|run| runner::run(&run));
    result.unwrap_or_else(|error| {
        eprintln!("courtside-link: {error:#}");
        ExitCode::FAILURE
    })
}
