//! `court`: generated basketball games on the command line.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use court::output::{self, VideoFormat, VideoWriter};
use court::{Game, GameConfig, Rect, Theme};

/// Generated basketball games with ground truth.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes a game: video, sound and truth. Sound and truth are complete before the first frame.
    Play(Play),
    /// Writes one frame as a PNG.
    Still(Still),
    /// Measures frames a second.
    Bench(GameArguments),
    /// Writes training material.
    #[command(subcommand)]
    Dataset(Dataset),
}

#[derive(clap::Args)]
struct GameArguments {
    /// The whole game follows from it.
    #[arg(long)]
    seed: u64,
    /// Length in seconds.
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// Width and height in pixels.
    #[arg(long, default_value = "1280x720", value_parser = parse_size)]
    size: (usize, usize),
    /// Frames a second.
    #[arg(long, default_value_t = 25.0)]
    fps: f64,
    /// Seconds from shot to shot, on average.
    #[arg(long, default_value_t = 6.5)]
    shot_every: f64,
    /// What the game has more of than others.
    #[arg(long, value_enum, default_value_t)]
    theme: Theme,
}

#[derive(clap::Args)]
struct Play {
    #[command(flatten)]
    game: GameArguments,
    /// Where video goes; `-` is standard output. Without it nothing is rendered.
    #[arg(long)]
    video: Option<PathBuf>,
    /// How video is written; without it, a file whose name ends in .y4m is YUV4MPEG2, and anything
    /// else raw.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where sound goes: a WAV file, 48 kHz, mono.
    #[arg(long)]
    audio: Option<PathBuf>,
    /// Where the truth goes: NAME.events.json.
    #[arg(long)]
    truth: Option<PathBuf>,
    /// How fast frames are written.
    #[arg(long, value_enum, default_value_t = Pace::Full)]
    pace: Pace,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// I420 pictures back to back.
    Raw,
    /// YUV4MPEG2.
    Y4m,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pace {
    /// As fast as they can be rendered.
    Full,
    /// As fast as they were played.
    RealTime,
}

#[derive(clap::Args)]
struct Still {
    #[command(flatten)]
    game: GameArguments,
    /// Second of the game.
    #[arg(long)]
    at: f64,
    /// The PNG to write.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Subcommand)]
enum Dataset {
    /// Clips of one hoop: `clips.u8` and `clips.json`.
    Rim(Seeds),
    /// The same in play without a shot, where a ball comes near the hoop.
    Quiet(Seeds),
    /// Sequences of whole pictures: `fields.u8` and `fields.json`.
    Field(Seeds),
    /// Pairs of whole pictures of many looks: `looks.u8` and `looks.json`.
    Look(Seeds),
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

fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("{text} is no size: write WIDTHxHEIGHT in pixels, for example 1280x720");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let size = (width.parse().map_err(|_| wrong())?, height.parse().map_err(|_| wrong())?);
    if size.0 < 32 || size.1 < 32 || size.0 > 7680 || size.1 > 7680 {
        return Err(format!("{text} is outside of 32x32 to 7680x7680"));
    }
    Ok(size)
}

impl GameArguments {
    fn game(&self) -> Game {
        Game::new(GameConfig {
            seed: self.seed,
            size: self.size,
            fps: self.fps,
            seconds: self.seconds,
            shot_every: self.shot_every,
            theme: self.theme,
        })
    }
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Play(play) => write_game(&play),
        Command::Still(still) => write_still(&still),
        Command::Bench(game) => {
            bench(&game);
            Ok(())
        }
        Command::Dataset(dataset) => write_dataset(&dataset),
    }
}

fn write_dataset(dataset: &Dataset) -> anyhow::Result<()> {
    use court::dataset::{field, look, quiet, rim, write};
    let range = |seeds: &Seeds| (seeds.first_seed, seeds.seeds);
    match dataset {
        Dataset::Rim(s) => write::<rim::Clip>(&s.out, "clips", range(s)),
        Dataset::Quiet(s) => write::<quiet::QuietClip>(&s.out, "clips", range(s)),
        Dataset::Field(s) => write::<field::Sequence>(&s.out, "fields", range(s)),
        Dataset::Look(s) => write::<look::Pair>(&s.out, "looks", range(s)),
    }
}

fn write_game(play: &Play) -> anyhow::Result<()> {
    let game = play.game.game();
    if let Some(path) = &play.truth {
        let text =
            serde_json::to_string_pretty(&game.truth()).context("truth does not fit JSON")?;
        std::fs::write(path, text).with_context(|| cannot_write(path))?;
    }
    if let Some(path) = &play.audio {
        let file = File::create(path).with_context(|| cannot_write(path))?;
        game.write_sound(BufWriter::new(file)).with_context(|| cannot_write(path))?;
    }
    let Some(video) = &play.video else { return Ok(()) };
    let out: Box<dyn Write> = if video == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        let file = File::create(video).with_context(|| cannot_write(video))?;
        Box::new(BufWriter::with_capacity(1 << 20, file))
    };
    match write_frames(&game, (play, video), out) {
        // The reader has had enough: that is its right.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.with_context(|| cannot_write(video)),
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}: choose a path that can be written", path.display())
}

fn write_frames(game: &Game, (play, video): (&Play, &Path), out: Box<dyn Write>) -> io::Result<()> {
    let named_y4m = video.extension().is_some_and(|extension| extension == "y4m");
    let format = match play.format {
        Some(Format::Y4m) => VideoFormat::Y4m,
        None if named_y4m => VideoFormat::Y4m,
        Some(Format::Raw) | None => VideoFormat::Raw,
    };
    let config = *game.config();
    let mut writer = VideoWriter::new(out, format, (config.size, config.fps))?;
    let frames = game.frames();
    let mut picture = vec![0; Rect::whole(config.size).i420_len()];
    let start = now();
    for index in 0..game.frame_count() {
        frames.render(index, &mut picture);
        if play.pace == Pace::RealTime {
            wait_until(start + Duration::from_secs_f64(index as f64 / config.fps));
        }
        writer.write(&picture)?;
    }
    writer.flush()
}

/// The clock of a tool that stands outside the appliance and its simulations.
#[expect(clippy::disallowed_methods, reason = "paces output for a person or a real encoder")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "paces output for a person or a real encoder")]
fn wait_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(now()));
}

fn write_still(still: &Still) -> anyhow::Result<()> {
    let game = still.game.game();
    let rect = Rect::whole(game.config().size);
    let mut picture = vec![0; rect.i420_len()];
    game.frames().render((still.at * still.game.fps) as usize, &mut picture);
    output::write_png(&still.out, rect, &picture)
}

fn bench(arguments: &GameArguments) {
    let game = arguments.game();
    let mut picture = vec![0; Rect::whole(arguments.size).i420_len()];
    let start = now();
    let frames = game.frames();
    let prepared = now();
    for index in 0..game.frame_count() {
        frames.render(index, &mut picture);
    }
    let took = prepared.elapsed().as_secs_f64();
    println!(
        "{}x{} seed {}: backdrop {:.2} s, {} frames in {took:.2} s, {:.1} frames a second",
        arguments.size.0,
        arguments.size.1,
        arguments.seed,
        (prepared - start).as_secs_f64(),
        game.frame_count(),
        game.frame_count() as f64 / took,
    );
}
