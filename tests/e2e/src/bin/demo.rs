//! `scripts/demo`: the box's main job, shown to a person.
//!
//! Owns what is printed. Running, listening and judging stand in `e2e::showing`.
#![forbid(unsafe_code)]

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use e2e::promise;
use e2e::publisher::{Game, Publisher};
use e2e::showing::{Copy, Plan, Progress, Scene, Showing};
use wire::event::{GameEvent, Stage};

/// A game that `--keep` goes on with lasts this long.
const KEPT_GAME_S: u32 = 600;

/// Pushes a generated game into the box and shows what arrives at the other end.
#[derive(Parser)]
struct Cli {
    /// Length of the game, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(10..=86_400))]
    seconds: u32,
    /// Goes on with other games until Ctrl-C, so that the programs can be looked at.
    #[arg(long)]
    keep: bool,
    /// Which game.
    #[arg(long, default_value_t = 9_000_001)]
    seed: u64,
    /// Writes what was measured to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Whoever ends the demo ends its programs: they are killed when they are dropped.
    let outcome = tokio::select! {
        outcome = demo(Cli::parse()) => outcome,
        stopped = asked_to_end() => Err(stopped),
    };
    match outcome {
        Ok(shortfalls) if shortfalls.is_empty() => {
            println!("\nEvery promise was kept.");
            ExitCode::SUCCESS
        }
        Ok(shortfalls) => {
            eprintln!("\nThe demo fell short of its promises:");
            shortfalls.iter().for_each(|shortfall| eprintln!("- {shortfall}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for SIGTERM. Ctrl-C reaches the programs as well, and `--keep` waits for it.
async fn asked_to_end() -> anyhow::Error {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
            anyhow::anyhow!("it was ended by SIGTERM")
        }
        Err(error) => anyhow::Error::new(error).context("SIGTERM cannot be waited for"),
    }
}

async fn demo(cli: Cli) -> Result<Vec<String>> {
    let folder = tempfile::Builder::new().prefix("courtside-demo-").tempdir()?.keep();
    println!("Everything that this run writes is in {}", folder.display());
    let plan = Plan { seed: cli.seed, seconds: cli.seconds, folder, copy: Copy::None };
    let mut screen = Screen::new(cli.seconds);
    let mut tell = |scene: Scene<'_>| screen.show(scene);
    let mut showing = Showing::open(plan.clone(), &mut tell).await?;
    let report = showing.run(&mut tell).await?;
    screen.clear_progress();
    println!("\n{report}");
    if let Some(path) = cli.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(&path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("written to {}", path.display());
    }
    if cli.keep {
        keep(&mut showing, &plan).await?;
    }
    showing.venue.close().await?;
    Ok(promise::shortfalls(&report))
}

/// Pushes one game after the other until Ctrl-C.
async fn keep(showing: &mut Showing, plan: &Plan) -> Result<()> {
    println!("\nGoes on until Ctrl-C. To hear the same as this program:");
    println!("  mosquitto_sub -p {} -t 'cv1/#' -v", showing.venue.broker_port());
    let mut screen = Screen::new(KEPT_GAME_S);
    let mut tell = |scene: Scene<'_>| screen.show(scene);
    for seed in plan.seed + 1.. {
        let game = Game::live(seed, KEPT_GAME_S, &plan.folder);
        let mut publisher = Publisher::start(&game, &showing.venue)?;
        tokio::select! {
            listened = showing.listen(&mut publisher, &mut tell) => listened?,
            pressed = tokio::signal::ctrl_c() => return Ok(pressed?),
        }
    }
    Ok(())
}

/// Standard output: a line for each scene and, on a terminal, a progress line below them.
struct Screen {
    seconds: u32,
    progress: Style,
    is_shown: bool,
}

/// How progress is shown.
enum Style {
    /// One line that is written over.
    InPlace,
    /// A line every ten seconds.
    Lines,
}

impl Screen {
    fn new(seconds: u32) -> Self {
        let progress = if std::io::stdout().is_terminal() { Style::InPlace } else { Style::Lines };
        Self { seconds, progress, is_shown: false }
    }

    fn show(&mut self, scene: Scene<'_>) {
        if let Scene::Progress(progress) = scene {
            return self.show_progress(progress);
        }
        self.clear_progress();
        match scene {
            Scene::Open(venue) => {
                println!("The box takes RTMP on 127.0.0.1:{}", venue.rtmp_port());
                println!("The broker listens on 127.0.0.1:{}", venue.broker_port());
                println!("A game of {} s is pushed; events and clips:\n", self.seconds);
            }
            Scene::Event(event, latency) => println!(
                "{}  {:>4.0} ms after the deciding frame, {:>4.0} ms after the moment",
                line(event),
                latency.decided_ms,
                latency.moment_ms
            ),
            Scene::Revision(event) => println!("{}", line(event)),
            Scene::Notice(text) => println!("          {text}"),
            Scene::Clip(file, record) => println!(
                "          clip of {:.1} s, {} frames, {:.1} MB: {}",
                record.interval.end.since(record.interval.start).as_secs_f64(),
                record.frames,
                record.bytes as f64 / 1e6,
                file.display()
            ),
            Scene::Progress(_) => {}
        }
    }

    fn show_progress(&mut self, progress: Progress) {
        let Progress { elapsed_s, shots, clips } = progress;
        let text = format!("{elapsed_s:>4} of {} s, {shots} shots, {clips} clips", self.seconds);
        match self.progress {
            Style::InPlace => {
                print!("\r{text} ");
                drop(std::io::stdout().flush());
                self.is_shown = true;
            }
            Style::Lines if elapsed_s > 0 && elapsed_s % 10 == 0 => println!("{text}"),
            Style::Lines => {}
        }
    }

    fn clear_progress(&mut self) {
        if self.is_shown {
            print!("\r{:60}\r", "");
            self.is_shown = false;
        }
    }
}

fn line(event: &GameEvent) -> String {
    let stage = match event.stage {
        Stage::Provisional => "provisional",
        Stage::Confirmed => "confirmed",
        Stage::Retracted => "retracted",
    };
    let hoop = event.hoop.as_ref().map_or("-", |hoop| hoop.as_str());
    let kind = event.kind.as_str().replace('_', " ");
    let sure = f64::from(event.confidence.0) / 10.0;
    let at = event.at.as_secs_f64();
    format!("{at:>7.2} s  {kind:<12} hoop {hoop:<3} {stage:<11} {sure:>3.0} %")
}
