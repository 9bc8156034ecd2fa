//! What one run measured: as JSON for tools and as a table for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::ledger::quantile;
use crate::promise;
use crate::score::Tally;

/// One run. The JSON's first four keys are fixed; others may be added.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Found of the shots in the truth.
    pub recall: f64,
    /// Right of the shots that were found.
    pub precision: f64,
    /// From the arrival of the deciding frame to the subscriber.
    pub latency_ms: Quantiles,
    /// Clips.
    pub clips: Clips,
    /// From the arrival of the frame of the moment to the subscriber.
    pub moment_ms: Quantiles,
    /// Tallies by kind of shot.
    pub kinds: BTreeMap<&'static str, Tally>,
    /// Shots that were missed and events that were false, one sentence each.
    pub faults: Vec<String>,
    /// Events that were retracted.
    pub retracted: usize,
    /// What the box took.
    #[serde(rename = "box")]
    pub box_: Load,
    /// The same minute by minute, to see what drifts.
    pub minutes: Vec<Minute>,
    /// Anything else that is wrong.
    pub complaints: Vec<String>,
    /// The game.
    pub seed: u64,
    /// Its counted length.
    pub seconds: u32,
}

/// Median and 95th percentile; absent without values.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
}

impl Quantiles {
    /// Of these values.
    pub fn of(values: &[f64]) -> Self {
        Self { p50: quantile(values, 0.5), p95: quantile(values, 0.95) }
    }
}

/// What became of the clips.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Clips {
    /// Announced by the box, and missing for a made shot.
    pub expected: usize,
    /// Whole at the receiver.
    pub received: usize,
    /// What their records say.
    pub verified: usize,
    /// Longest time from the end of a post-roll to the whole clip at the receiver.
    pub delay_s_max: Option<f64>,
    /// What is wrong with those that are not.
    pub complaints: Vec<String>,
}

/// Memory and processor time of the box.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Load {
    /// Largest resident memory.
    pub rss_mib_max: f64,
    /// Cores kept busy on average.
    pub cores_mean: f64,
}

/// One minute of a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Minute {
    /// Which, from 1.
    pub minute: usize,
    /// From the arrival of the deciding frame to the subscriber.
    pub latency_ms: Quantiles,
    /// What the box took.
    #[serde(rename = "box")]
    pub box_: Load,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "shots        truth  found  missed  false   recall  precision")?;
        for (kind, tally) in &self.kinds {
            writeln!(f, "{}", tally_row(&kind.replace('_', " "), *tally))?;
        }
        let total = self.kinds.values().fold(Tally::default(), |sum, tally| sum.plus(*tally));
        writeln!(f, "{}", tally_row("together", total))?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))?;
        writeln!(f)?;
        writeln!(f, "latency in ms                    p50    p95   promised p95")?;
        let latency = |name, quantiles: Quantiles, most| {
            let [p50, p95] = [quantiles.p50, quantiles.p95].map(number);
            format!("{name:<30} {p50:>5}  {p95:>5}   at most {most}")
        };
        let decided = "deciding frame to subscriber";
        writeln!(f, "{}", latency(decided, self.latency_ms, promise::DECIDED_MS_P95_MAX))?;
        let moment = "moment to subscriber";
        writeln!(f, "{}", latency(moment, self.moment_ms, promise::MOMENT_MS_P95_MAX))?;
        writeln!(f)?;
        let clips = &self.clips;
        let delay = clips.delay_s_max.map_or_else(String::new, |delay| {
            format!(", the latest {delay:.1} s after its post-roll")
        });
        writeln!(
            f,
            "clips        {} expected, {} received, {} verified{delay}",
            clips.expected, clips.received, clips.verified
        )?;
        write!(
            f,
            "box          {:.0} MiB resident at most, {:.2} cores on average",
            self.box_.rss_mib_max, self.box_.cores_mean
        )
    }
}

fn tally_row(name: &str, tally: Tally) -> String {
    format!(
        "{name:<12} {:>5}  {:>5}  {:>6}  {:>5}   {:>6.2}  {:>9.2}",
        tally.truth,
        tally.found,
        tally.truth - tally.found,
        tally.false_,
        tally.recall(),
        tally.precision()
    )
}

fn number(value: Option<f64>) -> String {
    let mut text = String::new();
    match value {
        Some(value) => write!(text, "{value:.0}").expect("a String takes every text"),
        None => text.push('-'),
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn good() -> Report {
        let quantiles = |p50, p95| Quantiles { p50: Some(p50), p95: Some(p95) };
        Report {
            recall: 0.95,
            precision: 1.0,
            latency_ms: quantiles(80.0, 120.5),
            moment_ms: quantiles(400.0, 700.0),
            kinds: [("made_shot", Tally { truth: 20, found: 19, false_: 0 })].into(),
            clips: Clips {
                expected: 3,
                received: 3,
                verified: 3,
                delay_s_max: Some(1.5),
                complaints: Vec::new(),
            },
            faults: Vec::new(),
            retracted: 0,
            box_: Load { rss_mib_max: 300.0, cores_mean: 0.6 },
            minutes: Vec::new(),
            complaints: Vec::new(),
            seed: 1,
            seconds: 60,
        }
    }

    #[test]
    fn json_has_the_keys_that_tools_rely_on() {
        let json = serde_json::to_value(good()).expect("a report is JSON");
        assert_eq!(json["recall"], 0.95);
        assert_eq!(json["precision"], 1.0);
        assert_eq!(json["latency_ms"], serde_json::json!({"p50": 80.0, "p95": 120.5}));
        assert_eq!(json["clips"]["expected"], 3);
        assert_eq!(json["clips"]["verified"], 3);
    }

    #[test]
    fn table_names_every_promise_with_its_value() {
        let table = good().to_string();
        for part in ["made shot       20     19       1      0     0.95       1.00", "120", "700"] {
            assert!(table.contains(part), "{part} is missing in\n{table}");
        }
    }
}
