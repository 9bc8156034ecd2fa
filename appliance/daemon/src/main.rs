//! The `courtside` command: its subcommands and their exit codes. What they do stands in the
//! library's modules.
#![forbid(unsafe_code)]

mod arguments;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use arguments::{Cli, Command, DEFAULT_CONFIG, ModelsCommand, PrecisionArg, TierArg};
use clap::Parser;
use courtside::calibrate;
use courtside::calibrate::power::{BoxScale, Scale};
use courtside::clock::SystemClock;
use courtside::commands::audit;
use courtside::config::{self, Config, Engine, EngineChoice};
use courtside::doctor;
use courtside::doctor::report::Outcome;
use courtside::doctor::text::Paint;
use courtside::engine::Packs;
use courtside::evaluate::{self, PrecisionChoice};
use courtside::govern;
use courtside::hardware::sense;
use courtside::packs::shelf::Shelf;
use courtside::packs::watch::Stock;
use courtside::packs::{command, engines, keys, probe};
use courtside::run::{self, Ended};
use courtside::trial;
use hal::Clock;

/// Exit code of a configuration that cannot be used, so that systemd does not restart into it.
const EXIT_CONFIG: u8 = 2;
/// Exit code of a box that was asked to start again, which systemd does.
const EXIT_START_AGAIN: u8 = 75;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    init_log(level(&command));
    match command {
        Command::Run { config } => run_box(&config),
        Command::CheckConfig { file } => check_config(&file),
        Command::Devices { json } => {
            let devices = courtside::devices::look();
            exit(if json { tell(format_args!("{:#}", devices.json())) } else { tell(devices) })
        }
        Command::Evaluate {
            folder,
            tier,
            json,
            html,
            compare,
            packs,
            engine,
            precision,
            search,
        } => {
            let results = compare.as_deref().unwrap_or_default();
            exit(match (folder, results) {
                (_, [before, after]) => compare_results(before, after),
                (Some(folder), _) => run_evaluation(&Evaluation {
                    folder,
                    tier,
                    json,
                    html,
                    packs,
                    engine,
                    precision,
                    search,
                }),
                (None, _) => unreachable!("clap asks for one of the two"),
            })
        }
        Command::Calibrate { config, packs } => calibrate_box(config, packs),
        Command::Sensors { root, keep_wear: Some(folder), .. } => {
            exit(sense::keep_wear(&sense::places(root), &folder))
        }
        Command::Sensors { config, json, root, keep_wear: None } => {
            match config.map(|file| Config::load(&file)).transpose() {
                Ok(config) => {
                    let board = config.map(|config| config.box_.board).unwrap_or_default();
                    let form = if json { sense::Form::Json } else { sense::Form::Table };
                    exit(sense::run(&board, &sense::places(root), form).and_then(tell))
                }
                Err(refusal) => {
                    eprintln!("{refusal}");
                    ExitCode::from(EXIT_CONFIG)
                }
            }
        }
        Command::Doctor { config, json, html, soak } => {
            let form = if json { Form::Json } else { Form::Page };
            examine(&config, &doctor::Job { soak }, (form, html.as_deref()))
        }
        Command::Trial { config, job } => ask_trial(&config, &job),
        Command::Governor { config, job } => ask_governor(&config, job),
        Command::Commands { config, last, json } => {
            let form = if json { audit::Form::Json } else { audit::Form::Lines };
            tell_commands(&config, last, form)
        }
        Command::Models { config, command } => models(&config, command),
    }
}

/// What is logged unless `RUST_LOG` says otherwise.
fn level(command: &Command) -> &'static str {
    match command {
        // Its page says what the log would.
        Command::Doctor { .. } => "error",
        Command::Run { .. }
        | Command::CheckConfig { .. }
        | Command::Devices { .. }
        | Command::Evaluate { .. }
        | Command::Calibrate { .. }
        | Command::Sensors { .. }
        | Command::Trial { .. }
        | Command::Governor { .. }
        | Command::Commands { .. }
        | Command::Models { .. } => "info",
    }
}

/// Log lines go to stderr, where systemd's journal takes them; `RUST_LOG` filters, or `usual` does.
fn init_log(usual: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
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

/// Prints to standard output. A reader who has seen enough, such as `head`, is no failure: files
/// that were asked for are written all the same.
fn tell(text: impl Display) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error).context("standard output not written"),
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
        Ok(config) => match runtime().and_then(|runtime| runtime.block_on(run::run(config))) {
            Ok(Ended::ToStartAgain) => ExitCode::from(EXIT_START_AGAIN),
            ended => exit(ended.map(drop)),
        },
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

/// What `doctor` prints.
enum Form {
    Page,
    Json,
}

/// The exit code says whether the box is accepted; without a page that can be handed out it is not.
fn examine(file: &Path, job: &doctor::Job, (form, html): (Form, Option<&Path>)) -> ExitCode {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(refusal) => {
            eprintln!("{refusal}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let told = runtime().and_then(|runtime| {
        let examined = doctor::examine(&config, job, |line| eprintln!("{line}"));
        let page = doctor::Page::new(runtime.block_on(examined), &config.mqtt.security)?;
        let is_terminal = io::stdout().is_terminal();
        let paint = if is_terminal { Paint::Colours } else { Paint::Plain };
        match form {
            Form::Page => tell(page.text(paint))?,
            Form::Json => tell(page.envelope())?,
        }
        if let Some(html) = html {
            let envelope = page.write(html)?;
            eprintln!("written: {} to print, {} for programs", html.display(), envelope.display());
        }
        Ok(page.outcome())
    });
    match told {
        Ok(Outcome::Accepted | Outcome::AcceptedWithWarnings) => ExitCode::SUCCESS,
        Ok(Outcome::NotAccepted) => ExitCode::FAILURE,
        Err(error) => exit(Err(error)),
    }
}

/// A configuration that cannot be used hinders no update: the daemon does not run by it either.
fn ask_trial(file: &Path, job: &trial::Job) -> ExitCode {
    match Config::load(file) {
        Ok(config) => exit(trial::run(job, &config.box_.data_dir).and_then(tell)),
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

fn ask_governor(config: &Path, job: govern::command::Job) -> ExitCode {
    match Config::load(config) {
        Ok(config) => {
            let now = SystemClock::start().wall_time();
            exit(govern::command::run(job, &config.box_.data_dir, now).and_then(tell))
        }
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

fn tell_commands(config: &Path, last: u32, form: audit::Form) -> ExitCode {
    match Config::load(config) {
        Ok(config) => exit(audit::tell(&config.box_.data_dir, last, form).and_then(tell)),
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

fn models(config: &Path, command: ModelsCommand) -> ExitCode {
    let job = match command {
        ModelsCommand::Verify { pack: Some(pack) } => {
            return exit(command::verify_alone(&pack).and_then(tell));
        }
        ModelsCommand::Pack { folder, file } => {
            return exit(command::bundle(&folder, &file).and_then(tell));
        }
        ModelsCommand::Probe { folder, keys, engine: choice, onnxruntime: library } => {
            // Its reader is told on stdout.
            return if probe::run(&folder, &keys, &Engine { choice, library }).is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        ModelsCommand::List => command::Job::List,
        ModelsCommand::Verify { pack: None } => command::Job::Verify,
        ModelsCommand::Install { file } => command::Job::Install(file),
        ModelsCommand::Rollback { name } => command::Job::RollBack(name),
    };
    match Config::load(config) {
        Ok(config) => exit(command::run(&job, &config).and_then(tell)),
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

/// What `evaluate` was asked for.
struct Evaluation {
    folder: PathBuf,
    tier: TierArg,
    json: Option<PathBuf>,
    html: Option<PathBuf>,
    packs: Option<PathBuf>,
    engine: EngineChoice,
    precision: PrecisionArg,
    search: bool,
}

fn run_evaluation(asked: &Evaluation) -> Result<()> {
    let runtime = runtime()?;
    let engine = Engine { choice: asked.engine, library: config::default_library() };
    let precision = PrecisionChoice::from(asked.precision);
    let engines = precision.of(engines::load(&engine)?)?;
    let (packs, keys) =
        (asked.packs.clone().unwrap_or_else(config::default_packs), config::default_keys());
    let tiers = Packs::open(&packs, &keys::load(&keys), &engines)?.tiers();
    let mut reports = Vec::new();
    for tier in asked.tier.tiers(&tiers) {
        let job = evaluate::Job {
            folder: asked.folder.clone(),
            tier,
            packs: packs.clone(),
            keys: keys.clone(),
            engines: engines.clone(),
            precision,
            strips: asked.html.is_some(),
            search: asked.search,
        };
        let report = runtime.block_on(evaluate::evaluate(&job))?;
        tell(&report)?;
        reports.push(report);
    }
    let write = |file: &Path, text: String| {
        std::fs::write(file, text).with_context(|| format!("{} not written", file.display()))
    };
    if let Some(file) = &asked.json {
        write(file, format!("{:#}\n", evaluate::json_of_all(&reports)))?;
    }
    if let Some(file) = &asked.html {
        write(file, evaluate::page(&reports))?;
    }
    Ok(())
}

/// Measures the box's packs, or those of a folder.
fn calibrate_box(config: Option<PathBuf>, folder: Option<PathBuf>) -> ExitCode {
    let default = || folder.is_none().then(|| PathBuf::from(DEFAULT_CONFIG));
    let config = match config.or_else(default).map(|file| Config::load(&file)).transpose() {
        Ok(config) => config,
        Err(refusal) => {
            eprintln!("{refusal}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    exit(calibrate_packs(config.as_ref(), folder.as_deref()))
}

fn calibrate_packs(config: Option<&Config>, folder: Option<&Path>) -> Result<()> {
    if let Some(missing) = config.map(|c| &c.box_.data_dir).filter(|folder| !folder.is_dir()) {
        // Before anything is measured. Made here it would belong to whoever calibrates.
        bail!(
            "data directory {} not there, so the result could not be kept; start the box once, \
             or make it as the user of the box",
            missing.display()
        );
    }
    let of_nobody = || Engine { library: config::default_library(), ..Engine::default() };
    let engine = config.map_or_else(of_nobody, |config| config.models.engine.clone());
    let keys = config.map_or_else(config::default_keys, |config| config.models.keys.clone());
    let engines = engines::load(&engine)?;
    let packs = match (config, folder) {
        (_, Some(folder)) => Packs::open(folder, &keys::load(&keys), &engines)?,
        (Some(config), None) => {
            let shelf = Shelf::new(&config.box_.data_dir, &config.models.packs);
            Stock { shelf, keys, engines: engines.clone() }.open()?
        }
        (None, None) => unreachable!("without a folder there is a configuration"),
    };
    let board = config.map(|config| config.box_.board.clone()).unwrap_or_default();
    let mut scale = BoxScale::open(&board)?;
    if scale.is_none() {
        eprintln!("nothing here measures what the box draws, so power is not told");
    }
    let scale = scale.as_mut().map(|scale| scale as &mut (dyn Scale + 'static));
    let calibration = calibrate::run(&packs, &engines, scale, |line| eprintln!("{line}"))?;
    tell(calibrate::Summary(&calibration))?;
    match config {
        Some(config) => {
            let path = calibration.table.write(&config.box_.data_dir)?;
            tell(format_args!("\nKept in {}; used from the next start of the box.", path.display()))
        }
        None => tell("\nNot kept: name the box's configuration with --config to keep it."),
    }
}

fn compare_results(before: &Path, after: &Path) -> Result<()> {
    let comparison = evaluate::Comparison::load(before, after)?.to_string();
    tell(comparison.trim_end())
}

fn check_config(file: &Path) -> ExitCode {
    match Config::load(file) {
        Ok(config) => exit(tell(config)),
        Err(refusal) => {
            eprintln!("{refusal}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}
