//! Proof of a pack before it is installed: it is loaded and run in a process of its own, which can
//! be killed when a network hangs, and whose crash takes nothing with it.
//!
//! Owns both ends: [`Prober::prove`] starts and watches the process, [`run`] is what happens in it
//! (`courtside models probe FOLDER`). They speak in lines: `loaded`, then `tier NAME MS` for each
//! tier, or `refused REASON`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use hal::Clock;
use hal::infer::{Infer, Tensor};
use models::Pack;
use models::manifest::{Lane, Manifest, Tier};
use models::spectrum::SILENCE;

use super::{engines, keys};
use crate::clock::SystemClock;
use crate::config::Engine;

/// Runs of each tier that are timed. The fastest counts: the box has other work meanwhile.
const RUNS: usize = 8;
/// How many times its declared cost a run may take: boxes are slower than the trainer's machine,
/// and another engine may have measured.
const SLOWER_MAX: f32 = 5.0;
/// What a run may always take, in ms: a frame's time at 25 frames a second. Slower boxes must not
/// be kept from small networks whose declared cost is a fraction of a millisecond.
const COST_MS_FLOOR: f32 = 40.0;
/// How long loading and golden vectors of all tiers may take. Ours take less than a second on two
/// loaded cores.
const LOAD_MAX: Duration = Duration::from_secs(60);
/// How long the runs of one tier may take.
const TIER_MAX: Duration = Duration::from_secs(20);

/// The loudest spectrum: a full-scale tone in one band is about 200, and ln(200) is 5.3.
const LOUDEST: f32 = 5.3;

/// Proves packs in a process of their own.
#[derive(Clone, Debug)]
pub struct Prober {
    /// The program with the subcommand.
    pub program: PathBuf,
    /// Folders of the trusted keys.
    pub keys: Vec<PathBuf>,
    /// What runs the networks.
    pub engine: Engine,
    /// How long loading may take.
    pub load_max: Duration,
    /// How long the runs of one tier may take.
    pub tier_max: Duration,
}

/// What a tier took.
#[derive(Clone, Debug, PartialEq)]
pub struct Speed {
    /// Which tier.
    pub tier: String,
    /// The fastest run, in ms.
    pub cost_ms: f32,
}

impl Prober {
    /// A prober that runs this program itself.
    ///
    /// # Errors
    /// The program does not know where it lies.
    pub fn of_this_program(keys: &[PathBuf], engine: &Engine) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own file is unknown")?;
        let (keys, engine) = (keys.to_owned(), engine.clone());
        Ok(Self { program, keys, engine, load_max: LOAD_MAX, tier_max: TIER_MAX })
    }

    /// Loads and runs every tier of the pack in `folder`: shapes, operators, golden vectors,
    /// finite numbers, speed.
    ///
    /// # Errors
    /// What is wrong with the pack; after a hang too, at the latest after the given times.
    pub fn prove(&self, folder: &Path, manifest: &Manifest) -> Result<Vec<Speed>> {
        let mut child = Command::new(&self.program)
            .args(["models", "probe"])
            .arg(folder)
            .args(self.keys.iter().flat_map(|keys| [Path::new("--keys"), keys]))
            .args(["--engine", self.engine.choice.as_str()])
            .args(self.engine.library.iter().flat_map(|so| [Path::new("--onnxruntime"), so]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} not started", self.program.display()))?;
        let lines = lines_of(&mut child)?;
        let proved = self.follow(&lines, manifest);
        // It has nothing more to say, whatever it does.
        let _ = child.kill();
        let ended = child.wait().context("the proof did not end")?;
        proved.with_context(|| format!("the networks were tried out ({ended})"))
    }

    fn follow(&self, lines: &Receiver<String>, manifest: &Manifest) -> Result<Vec<Speed>> {
        next(lines, self.load_max, "loading and golden vectors")?;
        manifest
            .tiers
            .iter()
            .map(|tier| {
                let what = format!("tier {}", tier.name);
                let line = next(lines, self.tier_max, &what)?;
                let took = line.rsplit(' ').next().and_then(|ms| ms.parse::<f32>().ok());
                let cost_ms = took.with_context(|| format!("unclear result {line:?}"))?;
                let most = limit_ms(tier);
                ensure!(
                    cost_ms <= most,
                    "tier {} takes {cost_ms:.1} ms a run on this box, more than {most:.1} ms \
                     ({SLOWER_MAX} times its declared {} ms, at least {COST_MS_FLOOR} ms); \
                     install a smaller network",
                    tier.name,
                    tier.cost_ms
                );
                Ok(Speed { tier: tier.name.clone(), cost_ms })
            })
            .collect()
    }
}

/// What a run of this tier may take, in ms.
fn limit_ms(tier: &Tier) -> f32 {
    (SLOWER_MAX * tier.cost_ms).max(COST_MS_FLOOR)
}

fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let output = child.stdout.take().context("the proof has no output")?;
    let (sender, lines) = sync_channel(1);
    // Ends with the process, whose end closes its output.
    std::thread::Builder::new()
        .name("probe-lines".to_owned())
        .spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        })
        .context("the system gives no more threads")?;
    Ok(lines)
}

fn next(lines: &Receiver<String>, most: Duration, what: &str) -> Result<String> {
    match lines.recv_timeout(most) {
        Ok(line) => match line.strip_prefix("refused ") {
            Some(reason) => bail!("{reason}"),
            None => Ok(line),
        },
        Err(RecvTimeoutError::Timeout) => bail!(
            "{what} took more than {} s: the network hangs or is far too slow for this box; \
             install another one",
            most.as_secs_f32()
        ),
        Err(RecvTimeoutError::Disconnected) => {
            bail!("{what} brought the trial's process down; the network is not fit for this engine")
        }
    }
}

/// The other end: proves the pack in `folder` in this process, and tells on stdout.
///
/// # Errors
/// What is wrong with the pack; it has been told then.
pub fn run(folder: &Path, keys: &[PathBuf], engine: &Engine) -> Result<()> {
    let proved = prove_here(folder, keys, engine);
    if let Err(error) = &proved {
        tell(&format!("refused {}", format!("{error:#}").replace('\n', " ")))?;
    }
    proved
}

fn prove_here(folder: &Path, keys: &[PathBuf], engine: &Engine) -> Result<()> {
    let pack = Pack::open(folder, &keys::load(keys), &engines::load(engine)?)?;
    tell("loaded")?;
    let clock = SystemClock::start();
    for tier in pack.tiers() {
        // The one that runs is timed; its other precision, which is resident too, must be sound.
        let mut fastest = None;
        for mut network in pack.networks(&tier.name)? {
            let took = try_out(&clock, &mut network, (pack.manifest(), tier))?;
            fastest = fastest.or(Some(took));
        }
        tell(&format!("tier {} {}", tier.name, fastest.unwrap_or(f32::INFINITY)))?;
    }
    Ok(())
}

/// Time of the fastest run in ms.
fn try_out(
    clock: &SystemClock,
    network: &mut impl Infer,
    (manifest, tier): (&Manifest, &Tier),
) -> Result<f32> {
    let mut fastest = f32::INFINITY;
    for number in 0..RUNS {
        let input = Tensor { shape: tier.input_shape.clone(), data: given(manifest, tier, number) };
        let began = clock.now();
        // Also an error if any number of the answer is not finite.
        network.run(&[input]).with_context(|| {
            let engine = network.engine();
            format!("tier {} fails on a picture that a camera may send, by {engine}", tier.name)
        })?;
        fastest = fastest.min(clock.now().since(began).as_secs_f32() * 1_000.0);
    }
    Ok(fastest)
}

/// An input such as a camera or a microphone may send, full of detail.
pub(crate) fn noise(manifest: &Manifest, tier: &Tier) -> Tensor {
    Tensor { shape: tier.input_shape.clone(), data: given(manifest, tier, RUNS - 1) }
}

/// What a camera may send: black, white, and different kinds of noise between; of sound, silence,
/// the loudest, and noise.
fn given(manifest: &Manifest, tier: &Tier, number: usize) -> Vec<f32> {
    let count = tier.input_shape.iter().product();
    let (base, contrast) = match number {
        0 => (0.0, 0.0),
        1 => (1.0, 0.0),
        _ => (0.0, number as f32 / RUNS as f32),
    };
    let (least, most) = match manifest.lane {
        Lane::Rim | Lane::Ball | Lane::Hoop | Lane::Board => (0.0, 1.0),
        Lane::Players if manifest.input.scale.ends_with("/255") => (0.0, 1.0),
        Lane::Players => (0.0, 255.0),
        Lane::Sound => (SILENCE, LOUDEST),
    };
    // Knuth's multiplicative hash: noise enough, and the same everywhere.
    let noise = |at: usize| ((at as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0;
    (0..count).map(|at| least + (most - least) * (base + contrast * noise(at))).collect()
}

fn tell(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("nobody listens to the proof")
}
