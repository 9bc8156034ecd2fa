//! One live game from the first frame to the last clip, and what was measured meanwhile. The demo
//! tells it to a person, the end-to-end test judges it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::Instant;
use wire::clip::ClipRecord;
use wire::event::{EventKind, GameEvent};
use wire::ids::ClipId;
use wire::time::WallTime;
use wire::transfer::{FileResponse, FileStep};

use crate::clip_check;
use crate::clock::millis_between;
use crate::edges::{self, Published};
use crate::ledger::{Latency, Ledger, News};
use crate::load::{self, Sample};
use crate::observer::{Heard, Observer};
use crate::publisher::{Game, Publisher};
use crate::report::{Clips, Load, Minute, Quantiles, Report};
use crate::score::{Moment, Score, TrueEvent, score};
use crate::venue::{POST_ROLL_S, Venue};

/// The game goes on for this long after the counted part, so that the clips of its last shots
/// have their post-roll.
pub const TAIL_S: u32 = 8;
/// Nothing new is expected after the game has been over for this long.
const QUIET: Duration = Duration::from_secs(3);
/// Clips that have not arrived this long after the game are missing.
const GIVE_UP: Duration = Duration::from_secs(20);

/// What is to be shown.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The game.
    pub seed: u64,
    /// Length of the part that counts.
    pub seconds: u32,
    /// Where everything is written.
    pub folder: PathBuf,
    /// Whether a copy of the stream is kept.
    pub copy: Copy,
}

/// Whether a copy of the published stream is kept, to compare clips with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// No: a showing may last for hours.
    None,
    /// Yes, as [`edges::copy_in`] names it.
    Kept,
}

/// Something worth telling while it happens.
#[derive(Debug)]
pub enum Scene<'s> {
    /// The box takes the game at this address, the broker listens on this port.
    Open(&'s Venue),
    /// An event arrived.
    Event(&'s GameEvent, Latency),
    /// An event was confirmed or retracted.
    Revision(&'s GameEvent),
    /// The box tells of a loss or a recovery.
    Notice(&'s str),
    /// A clip is whole at the receiver.
    Clip(PathBuf, &'s ClipRecord),
    /// A second has passed.
    Progress(Progress),
}

/// How far the showing is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Seconds since the publisher started.
    pub elapsed_s: u32,
    /// Shots heard of so far.
    pub shots: usize,
    /// Clips whole at the receiver so far.
    pub clips: usize,
}

/// A showing under way.
pub struct Showing {
    plan: Plan,
    /// The programs.
    pub venue: Venue,
    observer: Observer,
    ledger: Ledger,
    uploaded: BTreeMap<ClipId, WallTime>,
    samples: Vec<Sample>,
    complaints: Vec<String>,
    began: WallTime,
}

impl Showing {
    /// Starts the programs and subscribes.
    ///
    /// # Errors
    /// When a program is missing or does not become ready.
    pub async fn open(plan: Plan, tell: &mut dyn FnMut(Scene<'_>)) -> Result<Self> {
        let venue = Venue::open(&plan.folder, &[]).await?;
        let observer = Observer::subscribe(venue.broker_port()).await?;
        tell(Scene::Open(&venue));
        Ok(Self {
            plan,
            venue,
            observer,
            ledger: Ledger::default(),
            uploaded: BTreeMap::new(),
            samples: Vec::new(),
            complaints: Vec::new(),
            began: crate::clock::wall(),
        })
    }

    /// Pushes the game and listens until everything has arrived; then judges it.
    ///
    /// # Errors
    /// When a program ends by itself or the truth cannot be read.
    pub async fn run(&mut self, tell: &mut dyn FnMut(Scene<'_>)) -> Result<Report> {
        let mut game = Game::live(self.plan.seed, self.plan.seconds + TAIL_S, &self.plan.folder);
        if self.plan.copy == Copy::Kept {
            game = game.with_copy(edges::copy_in(&self.plan.folder));
        }
        let mut publisher = Publisher::start(&game, &self.venue)?;
        self.began = crate::clock::wall();
        self.listen(&mut publisher, tell).await?;
        let truth = game.shots()?;
        self.judge(&truth).await
    }

    /// Listens while one publisher runs and until its last clip is here.
    ///
    /// # Errors
    /// When a program ends by itself.
    pub async fn listen(
        &mut self,
        publisher: &mut Publisher,
        tell: &mut dyn FnMut(Scene<'_>),
    ) -> Result<()> {
        let began = Instant::now();
        let mut over_since: Option<Instant> = None;
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                heard = self.observer.next() => {
                    self.hear(heard.context("the subscriber has stopped")?, tell);
                }
                _ = seconds.tick() => {
                    self.venue.check_alive()?;
                    if let Some(box_) = self.venue.appliance_id() {
                        self.samples.push(load::sample(box_)?);
                    }
                    if over_since.is_none() && publisher.is_over()? {
                        over_since = Some(Instant::now());
                    }
                    let elapsed_s = u32::try_from(began.elapsed().as_secs())?;
                    let (shots, clips) = (self.ledger.shots().len(), self.uploaded.len());
                    tell(Scene::Progress(Progress { elapsed_s, shots, clips }));
                }
            }
            let over_for = over_since.map(|since| since.elapsed()).unwrap_or_default();
            let all_here = self.ledger.clips.keys().all(|id| self.uploaded.contains_key(id));
            if over_for > GIVE_UP || (over_for > QUIET && all_here) {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, heard: Heard, tell: &mut dyn FnMut(Scene<'_>)) {
        match heard {
            Heard::Message(envelope, at) => match self.ledger.enter(*envelope, at) {
                News::Event(event, latency) => tell(Scene::Event(&event, latency)),
                News::Revision(event) => tell(Scene::Revision(&event)),
                News::Notice(notice) => tell(Scene::Notice(&notice.text)),
                News::Clip(_) | News::Board(_) | News::Duplicate => {}
            },
            Heard::Upload(response, at) if is_whole(&response) => {
                self.uploaded.entry(response.file).or_insert(at);
                if let Some(record) = self.ledger.clips.get(&response.file) {
                    tell(Scene::Clip(self.venue.clip_file(record.id), record));
                }
            }
            Heard::Upload(..) | Heard::Ack(_) | Heard::Telemetry(..) => {}
            Heard::Nonsense(what) => self.complaints.push(format!("not understood: {what}")),
        }
    }

    async fn judge(&self, truth: &[TrueEvent]) -> Result<Report> {
        let published = match self.plan.copy {
            Copy::None => None,
            Copy::Kept => Some(Published::decode(&edges::copy_in(&self.plan.folder)).await?),
        };
        let found = self.ledger.shots();
        let score = score(truth, &found, f64::from(self.plan.seconds));
        let total = score.total();
        let millis = |of: fn(&Latency) -> f64| -> Vec<f64> {
            self.ledger.latencies.iter().map(of).collect()
        };
        Ok(Report {
            recall: total.recall(),
            precision: total.precision(),
            latency_ms: Quantiles::of(&millis(|latency| latency.decided_ms)),
            clips: self.judge_clips(published.as_ref()).await,
            moment_ms: Quantiles::of(&millis(|latency| latency.moment_ms)),
            kinds: score.by_kind().clone(),
            faults: faults(&score),
            retracted: self.ledger.retracted(),
            box_: load_of(&self.samples),
            minutes: self.minutes(),
            complaints: self.complaints.clone(),
            seed: self.plan.seed,
            seconds: self.plan.seconds,
        })
    }

    async fn judge_clips(&self, published: Option<&Published>) -> Clips {
        let mut clips = Clips { expected: self.ledger.clips.len(), ..Clips::default() };
        for (id, record) in &self.ledger.clips {
            let Some(arrived) = self.uploaded.get(id) else {
                clips.complaints.push(format!("clip {id} did not arrive"));
                continue;
            };
            clips.received += 1;
            if let Some(delay) = self.delay_s(record, *arrived) {
                clips.delay_s_max = Some(clips.delay_s_max.map_or(delay, |most| most.max(delay)));
            }
            match self.verify(record, published).await {
                Ok(()) => clips.verified += 1,
                Err(error) => clips.complaints.push(format!("clip {id}: {error:#}")),
            }
        }
        for moment in self.made_shots_without_a_clip() {
            clips.expected += 1;
            clips.complaints.push(format!("no clip shows the made shot at {moment:.2} s"));
        }
        clips
    }

    async fn verify(&self, record: &ClipRecord, published: Option<&Published>) -> Result<()> {
        let file = self.venue.clip_file(record.id);
        ensure!(
            clip_check::sidecar(&file)? == *record,
            "the sidecar is not what the box announced"
        );
        clip_check::verify(&file, record).await?;
        match published {
            Some(published) => published.check(&file, record).await,
            None => Ok(()),
        }
    }

    /// From the end of a clip's post-roll to the whole clip at the receiver. A clip whose game
    /// ended before is waited for as long as one whose game goes on.
    fn delay_s(&self, record: &ClipRecord, arrived: WallTime) -> Option<f64> {
        let events = record.events.iter().filter_map(|shown| self.ledger.events.get(&shown.id));
        let last = events.max_by_key(|event| event.at)?;
        let rest = record.interval.end.since(last.at).as_secs_f64().max(POST_ROLL_S);
        Some(millis_between(last.at_arrived, arrived) / 1_000.0 - rest)
    }

    fn made_shots_without_a_clip(&self) -> Vec<f64> {
        let counted = f64::from(self.plan.seconds);
        let is_shown = |event: &GameEvent| {
            let mut clips = self.ledger.clips.values();
            clips.any(|clip| clip.events.iter().any(|shown| shown.id == event.id))
        };
        let standing = self.ledger.events.values().filter(|event| {
            event.kind == EventKind::MadeShot && event.stage != wire::event::Stage::Retracted
        });
        let moments = standing.filter(|event| !is_shown(event)).map(|e| e.at.as_secs_f64());
        moments.filter(|moment| *moment <= counted).collect()
    }

    fn minutes(&self) -> Vec<Minute> {
        const MINUTE_MS: f64 = 60_000.0;
        let minute_of = |at: WallTime| (millis_between(self.began, at) / MINUTE_MS) as usize;
        let mut samples: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
        for sample in &self.samples {
            samples.entry(minute_of(sample.at)).or_default().push(*sample);
        }
        let minute = |(index, samples): (usize, Vec<Sample>)| {
            let of_minute =
                self.ledger.latencies.iter().filter(|latency| minute_of(latency.heard) == index);
            let decided: Vec<f64> = of_minute.map(|latency| latency.decided_ms).collect();
            Minute {
                minute: index + 1,
                latency_ms: Quantiles::of(&decided),
                box_: load_of(&samples),
            }
        };
        samples.into_iter().map(minute).collect()
    }
}

fn faults(score: &Score) -> Vec<String> {
    let told = |what: &'static str| {
        move |moment: &Moment| {
            format!("{what}: {} at {:.2} s", moment.kind.as_str().replace('_', " "), moment.t)
        }
    };
    let missed = score.missed.iter().map(told("not found"));
    missed.chain(score.false_.iter().map(told("false"))).collect()
}

fn is_whole(response: &FileResponse) -> bool {
    response.step == FileStep::Fin && response.reason_code == FileResponse::PERSISTED
}

fn load_of(samples: &[Sample]) -> Load {
    Load { rss_mib_max: load::rss_mib_max(samples), cores_mean: load::cores_mean(samples) }
}
