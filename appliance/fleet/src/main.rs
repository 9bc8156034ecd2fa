//! The `courtside-fleet` command.
#![forbid(unsafe_code)]

mod command;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use fleet::broker::BrokerError;
use fleet::clock::SystemClock;
use fleet::config::Config;
use fleet::{Line, receive};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Lines that wait to be printed; a slow reader of our output slows the receiver down.
const LINES_MAX: usize = 256;
/// Exit code of a configuration that cannot be used.
const EXIT_CONFIG: u8 = 2;

/// The cloud side of Courtside: takes events and clips of courtside boxes from an MQTT broker.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Receives until it is stopped: stores events and clips, prints one line for each, and tells
    /// the boxes what they may forget.
    ///
    /// Events go to an SQLite file or to PostgreSQL, finished clips to CLIPS/TENANT/DEVICE/ID.mp4
    /// with ID.json beside it, in a folder or an S3 bucket. It may be killed and restarted at any
    /// moment: nothing is lost, and nothing is printed twice. One receiver for each broker and
    /// `client_id`, or several with `[replica]` on one PostgreSQL.
    Receive(Receive),
    /// Lists what came and could not be read: when, on which topic, why, how often. A receiver may
    /// run meanwhile.
    DeadLetters(command::dead_letters::DeadLetters),
    /// Listens to what boxes tell and prints one line for each message; answers nothing, so it may
    /// run beside a receiver. With --record it writes what it hears for `replay`.
    Tail(command::tail::Tail),
    /// Gives boxes their certificates: makes an authority and claims, and answers boxes that ask.
    Authority(command::authority::Authority),
    /// Asks a box for something, such as a restart, and waits for its answer.
    Ask(command::ask::Ask),
    /// Tells a recording again, so that a subscriber can be written without a game.
    ///
    /// Publishes what boxes tell, never what they take. `info` and `state` are retained again.
    Replay(command::replay::Replay),
}

#[derive(Args)]
struct Receive {
    /// The configuration: `schema = 1`, `[mqtt] url`, `[store] db` and `clips`.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print lines as JSON, one object each, instead of text for people.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match command {
        Command::Receive(arguments) => receive_until_told(&arguments),
        Command::Ask(ask) => block_on(ask.run()),
        Command::Authority(authority) => block_on(authority.run()),
        Command::DeadLetters(letters) => block_on(letters.run()),
        Command::Tail(tail) => block_on(tail.run()),
        Command::Replay(replay) => block_on(replay.run()),
    }
}

fn receive_until_told(arguments: &Receive) -> ExitCode {
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let print = if arguments.json { Line::to_json } else { |line: &Line| line.to_string() };
    block_on(run(config, print))
}

/// Runs a command until it is done or the process is told to end.
fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let until_told = async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            done = command => done,
            _signal = terminate.recv() => Ok(()),
            _signal = interrupt.recv() => Ok(()),
        }
    };
    let runtime = tokio::runtime::Runtime::new();
    match runtime.map_err(anyhow::Error::from).and_then(|rt| rt.block_on(until_told)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<BrokerError>() => {
            eprintln!("{error}");
            ExitCode::from(EXIT_CONFIG)
        }
        Err(error) => {
            eprintln!("courtside-fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config, print: fn(&Line) -> String) -> anyhow::Result<()> {
    let (sender, mut lines) = mpsc::channel(LINES_MAX);
    let receiving = receive(&config, Arc::new(SystemClock::start()), sender);
    let printing = async {
        while let Some(line) = lines.recv().await {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", print(&line))?;
            out.flush()?;
        }
        Ok::<(), io::Error>(())
    };
    tokio::select! {
        received = receiving => received?,
        printed = printing => printed?,
    }
    Ok(())
}
