//! `courtside evaluate`: runs the production pipeline over recorded games with known truth and
//! tells how often it was right.
//!
//! Owns reading of truth files, matching and the report. The pipeline is the one of `run`, fed
//! from files without loss; recorder and uplink have nothing to do with what is seen and are
//! left out.

mod compare;
mod finding;
mod matching;
mod page;
mod reliability;
mod report;
mod strips;
mod truth;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use governor::OperatingPoint;
use governor::Tier;
use hal::Clock;
use models::engine::{Backend, Preference};
use models::incoming::Adaptation;
use models::{Engines, Pack};
use pipeline::director::{Director, Outputs, SourceProfile};
use pipeline::feeder::Feeder;
use pipeline::links::SourceItem;
use pipeline::source::{Pace, SourceLinks};
use wire::board::BoardReading;
use wire::event::{GameEvent, Stage};
use wire::ids::{BootId, EventId, Name};
use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

pub use self::compare::Comparison;
use self::matching::{Mistake, Readings, Score, Tellable};
pub use self::page::page;
use self::report::{Pages, Spent, Video};
pub use self::report::{Report, json_of_all};
use self::strips::{Moment, Seen};
use self::truth::Truth;
use crate::clock::SystemClock;
use crate::drivers::software;
use crate::engine::Packs;
use crate::inputs::file;
use crate::packs::keys;
use crate::stages::{SourceLanes, Stages, spawn};

/// What to evaluate.
pub struct Job {
    /// Folder with `NAME.mp4` and `NAME.events.json` side by side.
    pub folder: PathBuf,
    /// Tier of all lanes.
    pub tier: Tier,
    /// Folder of the model packs.
    pub packs: PathBuf,
    /// Folders of the public keys that may have signed them.
    pub keys: Vec<PathBuf>,
    /// What runs the networks.
    pub engines: Engines,
    /// In which precision.
    pub precision: PrecisionChoice,
    /// Whether a strip of pictures is cut for every mistake.
    pub strips: bool,
    /// Whether the box searches the hoops itself although the truth says where they are, and it is
    /// told how soon it found them.
    pub search: bool,
}

/// Which precision runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// As on a box that was not calibrated: int8 where a pack has it and the engine runs it.
    Auto,
    /// f32 alone.
    F32,
    /// int8 of every tier that has it, or nothing.
    Int8,
}

impl PrecisionChoice {
    /// The engines with this choice.
    ///
    /// # Errors
    /// int8 must run, and no engine runs it.
    pub fn of(self, engines: Engines) -> Result<Engines> {
        match self {
            Self::F32 => Ok(engines.preferring(Preference::F32)),
            Self::Auto => Ok(engines),
            Self::Int8 => {
                let runs = engines.backends().any(|backend| backend == Backend::OnnxRuntimeInt8);
                ensure!(
                    runs,
                    "int8 is run by ONNX Runtime on the processor alone, and the engine is another; \
                     name the library in COURTSIDE_ONNXRUNTIME with --engine onnxruntime, or take \
                     --precision f32"
                );
                Ok(engines)
            }
        }
    }

    /// What must run as int8 and does not: it is never silently replaced.
    fn missing(self, packs: &Packs) -> Option<String> {
        if self != Self::Int8 {
            return None;
        }
        let shipped = |pack: &Pack| pack.tiers().iter().any(|tier| tier.int8.is_some());
        if !packs.all().any(shipped) {
            return Some("no pack has an int8 network; take --precision f32".to_owned());
        }
        let mut unfit = packs.all().flat_map(Pack::unfit);
        let unfit = unfit.find(|unfit| unfit.backend == Backend::OnnxRuntimeInt8)?;
        Some(format!("int8 of tier {} cannot run here: {}", unfit.tier, unfit.reason))
    }
}

/// Runs the pipeline over every video of the folder that has a truth file.
///
/// # Errors
/// The folder has no such pair, or a file cannot be read; names it and what to do.
pub async fn evaluate(job: &Job) -> Result<Report> {
    let pairs = pairs(&job.folder)?;
    let packs = Packs::open(&job.packs, &keys::load(&job.keys), &job.engines)?;
    if let Some(what) = job.precision.missing(&packs) {
        bail!("{what}");
    }
    let clock = Arc::new(SystemClock::start());
    let mut report = Report::new(job.tier, packs.run_by(job.tier));
    for (video, truth) in pairs {
        let truth = Truth::load(&truth)?;
        let played = play(&clock, &packs, (&video, &truth), job).await?;
        let name = video.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let tellable = Tellable { sound: played.has_sound, board: truth.has_board() };
        let score = Score::of(&truth, &played.events, tellable);
        let readings = Readings::of(&truth, &played.readings);
        let mut pages = Pages::default();
        if let Some(seen) = &played.seen {
            if job.strips {
                pages.strips = pictures(&video, seen, &score)?;
            }
            if job.search {
                let hoops = truth.in_view();
                pages.findings = finding::findings(&hoops, seen.frames());
                pages.strangers = finding::strangers(&hoops, seen.frames());
            }
        }
        let video = Video::new(name, (score, readings), pages, played.spent);
        eprintln!("{video}");
        report.add(video);
    }
    Ok(report)
}

/// A strip for every mistake.
fn pictures(video: &Path, seen: &Seen, score: &Score) -> Result<Vec<Vec<u8>>> {
    let moment = |mistake: &Mistake| Moment {
        at: MediaTime::from_millis((1_000.0 * mistake.t.unwrap_or(0.0)) as i64),
        hoop: mistake.hoop.clone(),
    };
    let moments: Vec<Moment> = score.mistakes.iter().map(moment).collect();
    if moments.is_empty() { Ok(Vec::new()) } else { strips::strips(video, seen, &moments) }
}

fn pairs(folder: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("folder {} not read; does it exist?", folder.display()))?;
    let mut pairs = Vec::new();
    for entry in entries {
        let video = entry?.path();
        let truth = video.with_extension("events.json");
        if video.extension().is_some_and(|extension| extension == "mp4") && truth.is_file() {
            pairs.push((video, truth));
        }
    }
    pairs.sort();
    if pairs.is_empty() {
        bail!(
            "{} holds no NAME.mp4 with a NAME.events.json beside it; `court play --truth` writes \
             such files for generated games",
            folder.display()
        );
    }
    Ok(pairs)
}

/// What the pipeline made of one file.
struct Played {
    /// The events as they finally stand.
    events: Vec<GameEvent>,
    /// What the board was read as.
    readings: Vec<BoardReading>,
    /// Whether there was anything to hear.
    has_sound: bool,
    /// Where the hoops were, if strips are to be cut or hoops searched.
    seen: Option<Seen>,
    spent: Spent,
}

/// Plays one file through the pipeline.
async fn play(
    clock: &Arc<SystemClock>,
    packs: &Packs,
    (video, truth): (&Path, &Truth),
    job: &Job,
) -> Result<Played> {
    let began = clock.now();
    let source: Name = "file".parse().expect("`file` is a name");
    let profile = SourceProfile {
        name: source,
        sport: fusion::Profile::BASKETBALL,
        clips: clips::planner::Config::new(
            MediaSpan::from_millis(1_000),
            MediaSpan::from_millis(1_000),
            MediaSpan::from_millis(10_000),
        )
        .expect("these spans fit"),
        clip_kinds: Vec::new(),
    };
    let hoops: Vec<(Name, PixelBox)> = if job.search { Vec::new() } else { truth.hoops()? };
    let director = Director::new(BootId(1), vec![profile], Collected::default());
    let lanes = packs.lanes(&hoops, truth.board()?)?;
    let (name, pace) = ("file".to_owned(), Pace::Lossless);
    let lanes = vec![SourceLanes { name, pace, decoders: software(), lanes, ear: packs.ear()? }];
    let stages = Stages::start(clock, lanes, director)?;
    let fastest =
        OperatingPoint { ball_tier: job.tier, rim_tier: job.tier, ..OperatingPoint::SMALLEST };
    stages.operating_points.signal(fastest);
    let watched = job.strips || job.search;
    let seen = watched.then(|| Seen::watch(&stages.detections)).transpose()?;
    let health = Arc::clone(&stages.inference);
    let links = Arc::clone(&stages.sources[0]);
    let discard = discard_packets(Arc::clone(&stages.sources[0]))?;
    let feeder = stages.feeder(0);
    let path = video.to_owned();
    let fed = spawn("file", move || futures_lite::future::block_on(feed(feeder, &path)))?;
    let length = tokio::task::spawn_blocking(move || fed.join())
        .await?
        .map_err(|_| anyhow::anyhow!("reading {} panicked", video.display()))??;
    let mut collected = tokio::task::spawn_blocking(move || stages.finish()).await??;
    tokio::task::spawn_blocking(move || discard.join())
        .await?
        .map_err(|_| anyhow::anyhow!("a thread of the evaluation panicked"))?;
    let seen = tokio::task::spawn_blocking(move || seen.map(std::thread::JoinHandle::join))
        .await?
        .transpose()
        .map_err(|_| anyhow::anyhow!("a thread of the evaluation panicked"))?;
    let spent = Spent {
        media: length,
        took: clock.now().since(began),
        frames: health.frames.get(),
        busy: Duration::from_micros(health.busy_us.get()),
    };
    for adaptation in &collected.adaptations {
        eprintln!("{}: {adaptation}", video.display());
    }
    for began in &collected.replays {
        eprintln!("{}: a replay from {:.1} s on", video.display(), began.as_secs_f64());
    }
    let has_sound = links.counters.units_audio.get() > 0;
    let readings = std::mem::take(&mut collected.readings);
    Ok(Played { events: collected.standing(), readings, has_sound, seen, spent })
}

/// Nothing is recorded here: takes what the recorder would take.
fn discard_packets(links: Arc<SourceLinks>) -> Result<std::thread::JoinHandle<()>> {
    spawn("discard", move || {
        futures_lite::future::block_on(async {
            while !matches!(links.packets.receive().await, SourceItem::Shutdown) {}
        });
    })
}

/// Pushes the file and shuts the source down, so that the stages end.
async fn feed(mut feeder: Feeder<SystemClock>, path: &Path) -> Result<MediaSpan> {
    let pushed = file::evaluate(&mut feeder, path).await;
    feeder.shut_down().await;
    pushed
}

/// Keeps the newest revision of every event.
#[derive(Default)]
struct Collected {
    events: Vec<GameEvent>,
    readings: Vec<BoardReading>,
    adaptations: Vec<Adaptation>,
    replays: Vec<MediaTime>,
}

impl Collected {
    /// Events that were not taken back, in the order of their moments.
    fn standing(self) -> Vec<GameEvent> {
        let mut events = self.events;
        events.retain(|event| event.stage != Stage::Retracted);
        events.sort_by_key(|event| event.at);
        events
    }
}

impl Outputs for Collected {
    fn announce(&mut self, event: GameEvent) {
        self.events.retain(|known| known.id != event.id);
        self.events.push(event);
    }

    fn tell_board(&mut self, reading: BoardReading) {
        self.readings.push(reading);
    }

    fn tell_adaptation(&mut self, _source: usize, adaptation: Adaptation) {
        self.adaptations.push(adaptation);
    }

    fn tell_replay(&mut self, _source: usize, began: MediaTime) {
        self.replays.push(began);
    }

    fn want_clip(&mut self, _source: usize, _event: &GameEvent) {}

    fn unwant_clip(&mut self, _source: usize, _id: EventId) {}

    fn cut(
        &mut self,
        _source: usize,
        _plan: clips::planner::ClipPlan,
        _anchor: pipeline::cut::Anchor,
    ) -> Result<(), Box<clips::planner::ClipPlan>> {
        Ok(())
    }
}
