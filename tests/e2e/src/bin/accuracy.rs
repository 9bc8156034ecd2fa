//! `scripts/accuracy`: how well the shipped packs see, under each condition and at each tier, as
//! the Markdown of `docs/benchmarks/accuracy.md`.
//!
//! Owns the table. Games come from `e2e::conditions`, figures from `courtside evaluate`.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use e2e::conditions::{BOARD, CONDITIONS, Condition, FINDER, QUIET, SOUND};
use e2e::venue::courtside;
use serde_json::Value;

/// Measures the shipped packs on games that nothing was trained or decided on.
#[derive(Parser)]
struct Cli {
    /// Games under each condition.
    #[arg(long, default_value_t = 6)]
    games: usize,
    /// Games under no particular condition.
    #[arg(long, default_value_t = 12)]
    plain_games: usize,
    /// Length of each of these, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The first game.
    #[arg(long, default_value_t = 3_300_000)]
    seed: u64,
    /// Games without a shot.
    #[arg(long, default_value_t = 12)]
    quiet_games: usize,
    /// Length of each, in seconds.
    #[arg(long, default_value_t = 300)]
    quiet_seconds: u32,
    /// Games that are listened to.
    #[arg(long, default_value_t = 12)]
    sound_games: usize,
    /// Length of each, in seconds.
    #[arg(long, default_value_t = 300)]
    sound_seconds: u32,
    /// Games whose scoreboard is read.
    #[arg(long, default_value_t = 10)]
    board_games: usize,
    /// Length of each, in seconds.
    #[arg(long, default_value_t = 120)]
    board_seconds: u32,
    /// Looks whose hoops the box finds by itself.
    #[arg(long, default_value_t = 50)]
    finder_looks: usize,
    /// Where games and reports are kept, to look at the mistakes; a new folder if not given. Games
    /// that are there already are not made again.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Makes the games and measures nothing, for a later run with the same folder.
    #[arg(long, requires = "folder")]
    only_make: bool,
    /// The file to write.
    #[arg(long, default_value = "docs/benchmarks/accuracy.md")]
    output: PathBuf,
    /// Conditions to measure, with commas between them: all, and what is not in the table, if not
    /// given. A page of some must be written elsewhere
    #[arg(long, value_delimiter = ',', requires = "output")]
    only: Vec<String>,
}

/// Long enough for one jump of the picture and what comes after it.
const FINDER_SECONDS: u32 = 9;

/// Games under one condition.
struct Games {
    condition: Condition,
    count: usize,
    seconds: u32,
    /// Of the networks: `all`, or one tier where tiers do not differ.
    tier: &'static str,
}

impl Games {
    fn folder(&self, kept: &Path) -> PathBuf {
        kept.join(format!("{}-{}s", self.condition.name, self.seconds))
    }

    async fn make(&self, kept: &Path, first: u64) -> Result<()> {
        for seed in self.condition.seeds(first, self.count, self.seconds).await? {
            println!("{}: game {seed}", self.condition.name);
            self.condition.make(&self.folder(kept), seed, self.seconds).await?;
        }
        Ok(())
    }

    async fn evaluate(&self, kept: &Path) -> Result<Value> {
        println!("{}: evaluated", self.condition.name);
        evaluated(&self.folder(kept), &self.condition, self.tier).await
    }
}

impl Cli {
    /// The games of the table.
    fn shots(&self) -> Vec<Games> {
        let games = |condition: Condition| Games {
            count: if condition.name == "plain" { self.plain_games } else { self.games },
            condition,
            seconds: self.seconds,
            tier: "all",
        };
        let mut all: Vec<Games> = CONDITIONS.map(games).into();
        all.retain(|games| {
            self.only.is_empty() || self.only.iter().any(|name| name == games.condition.name)
        });
        all
    }

    /// The games for one purpose: quiet, sound, board, finder.
    fn others(&self) -> [Games; 4] {
        let games = |condition, count, seconds, tier| Games { condition, count, seconds, tier };
        [
            games(QUIET, self.quiet_games, self.quiet_seconds, "all"),
            games(SOUND, self.sound_games, self.sound_seconds, "nano"),
            games(BOARD, self.board_games, self.board_seconds, "nano"),
            games(FINDER, self.finder_looks, FINDER_SECONDS, "nano"),
        ]
    }

    /// The command line that makes this page again.
    fn command(&self) -> String {
        let only = match self.only.join(",") {
            none if none.is_empty() => none,
            some => format!(" --only {some}"),
        };
        format!(
            "scripts/accuracy --games {} --plain-games {} --seconds {} --seed {} --quiet-games {} \
             --quiet-seconds {} --sound-games {} --sound-seconds {} --board-games {} \
             --board-seconds {} --finder-looks {}{only}",
            self.games,
            self.plain_games,
            self.seconds,
            self.seed,
            self.quiet_games,
            self.quiet_seconds,
            self.sound_games,
            self.sound_seconds,
            self.board_games,
            self.board_seconds,
            self.finder_looks
        )
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let kept = match &cli.folder {
        Some(folder) => folder.clone(),
        None => tempfile::Builder::new().prefix("courtside-accuracy-").tempdir()?.keep(),
    };
    println!("Games and reports are in {}", kept.display());
    let unknown = |name: &&String| CONDITIONS.iter().all(|condition| condition.name != **name);
    if let Some(name) = cli.only.iter().find(unknown) {
        let all = CONDITIONS.map(|condition| condition.name).join(", ");
        bail!("there is no condition {name}; the conditions are {all}");
    }
    for games in cli.shots() {
        games.make(&kept, cli.seed).await?;
    }
    if cli.only.is_empty() {
        for games in cli.others() {
            games.make(&kept, cli.seed).await?;
        }
    }
    if cli.only_make {
        return Ok(());
    }
    let page = page(&cli, &kept).await?;
    std::fs::write(&cli.output, &page)
        .with_context(|| format!("{} not written", cli.output.display()))?;
    println!("\n{page}\nwritten to {}", cli.output.display());
    Ok(())
}

/// Evaluates all games and tells the figures.
async fn page(cli: &Cli, kept: &Path) -> Result<String> {
    let mut rows = String::new();
    let (mut engine, mut tiers) = (String::new(), Vec::new());
    for games in cli.shots() {
        let result = games.evaluate(kept).await?;
        engine = result["engine"].as_str().context("a result without an engine")?.to_owned();
        let reports = result["tiers"].as_array().context("a result without tiers")?;
        tiers = reports
            .iter()
            .filter_map(|report| report["tier"].as_str())
            .map(str::to_owned)
            .collect();
        rows.push_str(&row(&games.condition, &result)?);
    }
    let columns: String =
        tiers.iter().map(|tier| format!("{tier}: recall | precision | ")).collect();
    let last = tiers.last().context("nothing was evaluated")?;
    let mut page = format!(
        "# Accuracy\n\nMade by `{}` at commit `{}`. Generated games from {} on, which nothing was \
         trained or decided on, through the whole pipeline (`courtside evaluate --tier all`), \
         networks run by {engine}; a shot that is told as the other kind counts as one not found \
         and one false.\n\n\
         | condition | shots | {columns}calibration error ({last}) | ms a frame ({last}) |\n\
         |---|---|{}---|---|\n{rows}",
        cli.command(),
        commit().await?,
        cli.seed,
        "---|---|".repeat(tiers.len())
    );
    if !cli.only.is_empty() {
        return Ok(page);
    }
    let [quiet_games, sound, board, finder] = cli.others();
    page.push_str(&quiet(&quiet_games.evaluate(kept).await?)?);
    page.push_str(&heard(&sound.evaluate(kept).await?)?);
    page.push_str(&read(&board.evaluate(kept).await?)?);
    page.push_str(&found(&finder.evaluate(kept).await?)?);
    page.push_str("\nConditions:\n");
    for condition in CONDITIONS.iter().chain([&QUIET, &SOUND, &BOARD, &FINDER]) {
        writeln!(page, "- **{}**: {}", condition.name, condition.what)?;
    }
    Ok(page)
}

/// Runs the pipeline over a folder of games; its report stays beside them.
async fn evaluated(folder: &Path, condition: &Condition, tier: &str) -> Result<Value> {
    let json = folder.join("result.json");
    let mut command = courtside()?;
    command.arg("evaluate").arg(folder).args(["--tier", tier, "--json"]).arg(&json);
    if condition.search {
        command.arg("--search");
    }
    let done = command.arg("--html").arg(folder.join("report.html")).output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(serde_json::from_str(&std::fs::read_to_string(json)?)?)
}

/// Shots of a report: true ones, found ones, reported ones.
fn shots(report: &Value) -> Result<[f64; 3]> {
    counted(report, &["made_shot", "missed_shot"])
}

/// Events of some kinds of a report: true ones, found ones, reported ones.
fn counted(report: &Value, kinds: &[&str]) -> Result<[f64; 3]> {
    let all = report["kinds"].as_object().context("a report without kinds")?;
    let sum =
        |key: &str| kinds.iter().filter_map(|kind| all.get(*kind)?[key].as_f64()).sum::<f64>();
    // What belongs to an uncertain shot is neither right nor wrong.
    Ok([sum("truth"), sum("hit"), sum("found") - sum("excused")])
}

fn row(condition: &Condition, result: &Value) -> Result<String> {
    let tiers = result["tiers"].as_array().context("a result without tiers")?;
    let mut row = format!("| {} | {:.0} ", condition.name, shots(result)?[0]);
    for report in tiers {
        let [truth, hit, counted] = shots(report)?;
        let share = |whole: f64| {
            if whole > 0.0 { format!("{:.3}", hit / whole) } else { "–".to_owned() }
        };
        write!(row, "| {} | {} ", share(truth), share(counted))?;
    }
    let error = result["reliability"]["expected_calibration_error"].as_f64().unwrap_or(f64::NAN);
    let ms = result["ms_a_frame"].as_f64().unwrap_or(f64::NAN);
    writeln!(row, "| {error:.3} | {ms:.1} |")?;
    Ok(row)
}

fn quiet(result: &Value) -> Result<String> {
    let mut text = String::from("\nPlay without a shot: ");
    for report in result["tiers"].as_array().context("a result without tiers")? {
        let [truth, _, reported] = shots(report)?;
        ensure!(truth < 0.5, "the quiet games have shots");
        let tier = report["tier"].as_str().unwrap_or_default();
        let seconds = report["media_seconds"].as_f64().context("a report without a length")?;
        let hours = seconds / 3600.0;
        write!(
            text,
            "{tier} reports {reported:.0} in {hours:.2} hours ({:.1} an hour); ",
            reported / hours
        )?;
    }
    text.truncate(text.trim_end_matches("; ").len());
    text.push_str(".\n");
    Ok(text)
}

/// Whistles and buzzers of the games that are listened to.
fn heard(result: &Value) -> Result<String> {
    let hours = result["media_seconds"].as_f64().context("a result without a length")? / 3600.0;
    let mut text = format!(
        "\nSounds, in {hours:.2} hours of play:\n\n| kind | sounds | recall | precision | false an \
         hour |\n|---|---|---|---|---|\n"
    );
    for kind in ["whistle", "buzzer"] {
        let [truth, hit, told] = counted(result, &[kind])?;
        let share = |whole: f64| if whole > 0.0 { hit / whole } else { f64::NAN };
        let hourly = (told - hit) / hours;
        writeln!(
            text,
            "| {kind} | {truth:.0} | {:.3} | {:.3} | {hourly:.1} |",
            share(truth),
            share(told)
        )?;
    }
    Ok(text)
}

/// Scoreboards of the games that show one.
fn read(result: &Value) -> Result<String> {
    let hours = result["media_seconds"].as_f64().context("a result without a length")? / 3600.0;
    let [changes, hit, told] = counted(result, &["score_change"])?;
    let readings = |key: &str| result["board"][key].as_f64().context("a result without readings");
    Ok(format!(
        "\nScoreboards, in {hours:.2} hours of play: of {changes:.0} changes of a score {hit:.0} \
         are told, {:.0} others are false; {:.0} of {:.0} readings have the true score.\n",
        told - hit,
        readings("right")?,
        readings("told")?
    ))
}

/// Hoops that the box found by itself: at the start within 5 s, after the jump within 2 s.
fn found(result: &Value) -> Result<String> {
    let videos = result["videos"].as_array().context("a result without videos")?;
    let (mut start, mut jump, mut strangers) = ([0; 2], [0; 2], 0);
    for video in videos {
        strangers += video["strangers"].as_u64().unwrap_or(0);
        for hoop in video["found"].as_array().context("a video without findings")? {
            let from = hoop["from_s"].as_f64().context("a finding without its time")?;
            let (count, limit) = if from > 0.0 { (&mut jump, 2.0) } else { (&mut start, 5.0) };
            count[0] += 1;
            count[1] += usize::from(hoop["after_s"].as_f64().is_some_and(|s| s <= limit));
        }
    }
    Ok(format!(
        "\nHoops found without being told, in {} looks: {} of {} within 5 s of the first frame, {} \
         of {} within 2 s of a jump; {strangers} boxes are no hoop in the end.\n",
        videos.len(),
        start[1],
        start[0],
        jump[1],
        jump[0]
    ))
}

async fn commit() -> Result<String> {
    let mut git = tokio::process::Command::new("git");
    let done = git.args(["describe", "--always", "--dirty", "--abbrev=10"]).output().await?;
    ensure!(done.status.success(), "git does not tell the commit");
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
