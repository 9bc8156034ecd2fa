//! What an evaluation tells: a line a video while it runs, a table at the end, JSON for others.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use governor::Tier;
use serde_json::{Value, json};
use wire::time::MediaSpan;

use super::finding::Finding;
use super::matching::{Count, KINDS, Mistake, Readings, Score, Wrong};
use super::reliability::Reliability;

/// Counts over all videos at one tier.
pub struct Report {
    tier: Tier,
    /// Engine and precision.
    engine: String,
    kinds: BTreeMap<&'static str, Count>,
    readings: Readings,
    reliability: Reliability,
    videos: Vec<Video>,
    spent: Spent,
}

/// What was found in one video.
pub struct Video {
    /// Its file's name without the end.
    pub name: String,
    /// Counts by kind.
    kinds: BTreeMap<&'static str, Count>,
    /// What was wrong.
    pub mistakes: Vec<Mistake>,
    /// What was made of it beside the counts.
    pub pages: Pages,
    readings: Readings,
    spent: Spent,
}

/// What is told of a video beside its counts, if somebody asked for it.
#[derive(Default)]
pub struct Pages {
    /// A PNG for each mistake.
    pub strips: Vec<Vec<u8>>,
    /// How soon each hoop was found.
    pub findings: Vec<Finding>,
    /// Boxes that were believed in the end and are no hoop.
    pub strangers: usize,
}

/// What an evaluation took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Length of the videos.
    pub media: MediaSpan,
    /// Time until they were through.
    pub took: Duration,
    /// Frames analysed.
    pub frames: u64,
    /// Time in lanes.
    pub busy: Duration,
}

impl Spent {
    fn add(&mut self, other: Self) {
        self.media = MediaSpan(self.media.0 + other.media.0.max(0));
        self.took += other.took;
        self.frames += other.frames;
        self.busy += other.busy;
    }

    /// How much faster than it was played.
    fn speed(&self) -> f64 {
        self.media.as_secs_f64() / self.took.as_secs_f64().max(0.001)
    }

    /// Time in lanes for one frame, in ms.
    fn frame_ms(&self) -> f64 {
        self.busy.as_secs_f64() * 1e3 / self.frames.max(1) as f64
    }
}

impl Video {
    /// What one video's events are worth.
    pub fn new(
        name: String,
        (score, readings): (Score, Readings),
        pages: Pages,
        spent: Spent,
    ) -> Self {
        Self { name, kinds: score.kinds, mistakes: score.mistakes, pages, readings, spent }
    }

    fn json(&self) -> Value {
        let mistake = |mistake: &Mistake| {
            json!({
                "what": mistake.to_string(),
                "sort": sort(mistake.wrong),
                "t": mistake.t,
                "hoop": mistake.hoop,
            })
        };
        json!({
            "name": self.name,
            "seconds": self.spent.media.as_secs_f64(),
            "took_seconds": self.spent.took.as_secs_f64(),
            "kinds": by_kind(&self.kinds),
            "mistakes": self.mistakes.iter().map(mistake).collect::<Vec<_>>(),
            "strangers": self.pages.strangers,
            "found": self.pages.findings.iter().map(Finding::json).collect::<Vec<_>>(),
        })
    }
}

/// One line about the video, and one about each of its mistakes.
impl fmt::Display for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.kinds.iter().map(|(kind, count)| {
            format!("{kind} {}/{} found, {} reported", count.hit, count.truth, count.found)
        });
        let kinds = kinds.collect::<Vec<_>>().join("; ");
        write!(f, "{}: {kinds} ({:.1}x)", self.name, self.spent.speed())?;
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n    {mistake}"))?;
        self.pages.findings.iter().try_for_each(|finding| write!(f, "\n    {finding}"))
    }
}

impl Report {
    /// A report without videos.
    pub fn new(tier: Tier, engine: String) -> Self {
        Self {
            tier,
            engine,
            kinds: BTreeMap::new(),
            readings: Readings::default(),
            reliability: Reliability::default(),
            videos: Vec::new(),
            spent: Spent::default(),
        }
    }

    /// Adds one video.
    pub fn add(&mut self, video: Video) {
        for (kind, count) in &video.kinds {
            self.kinds.entry(kind).or_default().add(count);
            count.told.iter().for_each(|told| self.reliability.add(*told));
        }
        self.readings.add(video.readings);
        self.spent.add(video.spent);
        self.videos.push(video);
    }

    /// Name of the tier.
    pub fn tier(&self) -> &'static str {
        self.tier.as_str()
    }

    /// Counts of the kinds that were looked for.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, &Count)> {
        KINDS.iter().filter_map(|kind| Some((kind.as_str(), self.kinds.get(kind.as_str())?)))
    }

    /// Whether confidences are what they say.
    pub fn reliability(&self) -> &Reliability {
        &self.reliability
    }

    /// The videos in the order of their names.
    pub fn videos(&self) -> &[Video] {
        &self.videos
    }

    /// What was done, in one sentence.
    pub fn summary(&self) -> String {
        let Spent { media, took, frames, .. } = self.spent;
        format!(
            "tier {}, {} videos, {:.0} s of game in {:.0} s ({:.1} times real time), {frames} \
             frames analysed at {:.1} ms each by {}",
            self.tier(),
            self.videos.len(),
            media.as_secs_f64(),
            took.as_secs_f64(),
            self.spent.speed(),
            self.spent.frame_ms(),
            self.engine
        )
    }

    /// The report for other programs.
    pub fn json(&self) -> Value {
        json!({
            "tier": self.tier(),
            "engine": self.engine,
            "kinds": by_kind(&self.kinds),
            "board": { "told": self.readings.told, "right": self.readings.right },
            "reliability": self.reliability.json(),
            "videos": self.videos.iter().map(Video::json).collect::<Vec<_>>(),
            "media_seconds": self.spent.media.as_secs_f64(),
            "took_seconds": self.spent.took.as_secs_f64(),
            "frames": self.spent.frames,
            "ms_a_frame": self.spent.frame_ms(),
        })
    }
}

/// Several tiers for other programs: the last one's report, and all of them under `tiers`.
pub fn json_of_all(reports: &[Report]) -> Value {
    let mut all: Vec<Value> = reports.iter().map(Report::json).collect();
    if all.len() < 2 {
        return all.pop().unwrap_or(Value::Null);
    }
    let mut json = all.last().cloned().unwrap_or(Value::Null);
    json["tiers"] = Value::Array(all);
    json
}

fn by_kind(kinds: &BTreeMap<&'static str, Count>) -> BTreeMap<&'static str, Value> {
    kinds.iter().map(|(kind, count)| (*kind, numbers(count))).collect()
}

fn sort(wrong: Wrong) -> String {
    match wrong {
        Wrong::Missed(kind) => format!("missed {}", kind.as_str()),
        Wrong::False(kind, _) => format!("false {}", kind.as_str()),
        Wrong::Turned { truth, .. } => format!("turned {}", truth.as_str()),
    }
}

/// What the table of kinds tells of each.
pub(super) const COLUMNS: [&str; 7] =
    ["kind", "precision", "recall", "truth", "found", "time error p50", "p95"];

/// One kind's row of it; a dash where there is nothing to tell.
pub(super) fn row(kind: &str, count: &Count) -> [String; 7] {
    let seconds = |s: Option<f64>| s.map_or("–".into(), |s| format!("{s:.2} s"));
    let (p50, p95) = count.time_error_s();
    [
        kind.into(),
        format!("{:.3}", count.precision()),
        format!("{:.3}", count.recall()),
        count.truth.to_string(),
        count.found.to_string(),
        seconds(p50),
        seconds(p95),
    ]
}

fn numbers(count: &Count) -> Value {
    let (p50, p95) = count.time_error_s();
    json!({
        "precision": count.precision(),
        "recall": count.recall(),
        "truth": count.truth,
        "found": count.found,
        "hit": count.hit,
        "excused": count.excused,
        "time_error_s": { "p50": p50, "p95": p95 },
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |[kind, precision, recall, truth, found, p50, p95]: [&str; 7]| {
            writeln!(
                f,
                "{kind:<12} {precision:>9} {recall:>7} {truth:>6} {found:>6} {p50:>15} {p95:>7}"
            )
        };
        line(COLUMNS)?;
        for (kind, count) in self.kinds() {
            line(row(kind, count).each_ref().map(String::as_str))?;
        }
        if self.readings.told > 0 {
            let Readings { told, right } = self.readings;
            writeln!(f, "\nboard: {right} of {told} readings with the true score")?;
        }
        writeln!(f, "\n{}\n", self.reliability)?;
        f.write_str(&self.summary())
    }
}
