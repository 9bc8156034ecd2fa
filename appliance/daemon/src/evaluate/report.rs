//! What an evaluation tells: a line a video while it runs, a table at the end, JSON for others.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use governor::Tier;
use serde_json::{Value, json};
use wire::time::MediaSpan;

use super::matching::{Count, KINDS, Score};

/// Counts over all videos.
pub struct Report {
    tier: Tier,
    kinds: BTreeMap<&'static str, Count>,
    videos: Vec<Value>,
    media: Duration,
    took: Duration,
}

impl Report {
    /// A report without videos.
    pub fn new(tier: Tier) -> Self {
        let (media, took) = (Duration::ZERO, Duration::ZERO);
        Self { tier, kinds: BTreeMap::new(), videos: Vec::new(), media, took }
    }

    /// Adds one video; `times` are its length and how long it took.
    pub fn add(&mut self, name: String, score: Score, (length, took): (MediaSpan, Duration)) {
        for (kind, count) in &score.kinds {
            self.kinds.entry(kind).or_default().add(count);
        }
        self.media += Duration::from_secs_f64(length.as_secs_f64().max(0.0));
        self.took += took;
        self.videos.push(json!({
            "name": name,
            "seconds": length.as_secs_f64(),
            "took_seconds": took.as_secs_f64(),
            "kinds": score.kinds.iter().map(|(kind, count)| (*kind, numbers(count)))
                .collect::<BTreeMap<_, _>>(),
            "mistakes": score.mistakes,
        }));
    }

    /// The report for other programs.
    pub fn json(&self) -> Value {
        json!({
            "tier": self.tier.as_str(),
            "kinds": self.kinds.iter().map(|(kind, count)| (*kind, numbers(count)))
                .collect::<BTreeMap<_, _>>(),
            "videos": self.videos,
            "media_seconds": self.media.as_secs_f64(),
            "took_seconds": self.took.as_secs_f64(),
        })
    }
}

fn numbers(count: &Count) -> Value {
    let mut errors: Vec<f64> = count.errors_s.iter().map(|error| error.abs()).collect();
    errors.sort_by(f64::total_cmp);
    json!({
        "precision": count.precision(),
        "recall": count.recall(),
        "truth": count.truth,
        "found": count.found,
        "hit": count.hit,
        "time_error_s": { "p50": percentile(&errors, 50), "p95": percentile(&errors, 95) },
    })
}

fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(last * percent).div_ceil(100)])
}

/// One line about one video.
pub(super) fn line(name: &str, score: &Score, (length, took): (MediaSpan, Duration)) -> String {
    let speed = length.as_secs_f64() / took.as_secs_f64().max(0.001);
    let kinds = score.kinds.iter().map(|(kind, count)| {
        format!("{kind} {}/{} found, {} reported", count.hit, count.truth, count.found)
    });
    let mut text = format!("{name}: {} ({speed:.1}x)", kinds.collect::<Vec<_>>().join("; "));
    for mistake in &score.mistakes {
        text.push_str("\n    ");
        text.push_str(mistake);
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>9} {:>7} {:>6} {:>6}",
            "kind", "precision", "recall", "truth", "found"
        )?;
        for kind in KINDS.map(|kind| kind.as_str()) {
            let Some(count) = self.kinds.get(kind) else { continue };
            let (precision, recall) = (count.precision(), count.recall());
            writeln!(
                f,
                "{kind:<12} {precision:>9.3} {recall:>7.3} {:>6} {:>6}",
                count.truth, count.found
            )?;
        }
        let speed = self.media.as_secs_f64() / self.took.as_secs_f64().max(0.001);
        write!(
            f,
            "tier {}, {} videos, {:.0} s of game in {:.0} s ({speed:.1} times real time)",
            self.tier.as_str(),
            self.videos.len(),
            self.media.as_secs_f64(),
            self.took.as_secs_f64()
        )
    }
}
