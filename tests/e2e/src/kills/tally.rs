//! The table of a proof: kills by victim and point, troubles, recoveries.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Kills by victim and way.
    pub kills: BTreeMap<(&'static str, &'static str), usize>,
    /// Points that were not reached in time, so that a signal killed instead.
    pub missed: BTreeMap<&'static str, usize>,
    /// Troubles by kind.
    pub troubles: BTreeMap<&'static str, usize>,
    /// From the end of each round's faults until everything durable had arrived.
    pub recoveries: Vec<Duration>,
    /// Durable messages, all delivered.
    pub messages: usize,
    /// Durable clips, all delivered.
    pub clips: usize,
    /// Numbers below the receiver's marks that were never durable at the box.
    pub holes: usize,
}

impl Tally {
    /// How many kills.
    pub fn kill_count(&self) -> usize {
        self.kills.values().sum()
    }

    /// The recovery that `share` of all were not slower than.
    pub fn recovery(&self, share: f64) -> Duration {
        let mut sorted = self.recoveries.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f64 * share).ceil() as usize).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| victim | at | kills |\n|---|---|---|")?;
        for ((victim, way), count) in &self.kills {
            writeln!(f, "| {victim} | {way} | {count} |")?;
        }
        for (point, count) in &self.missed {
            writeln!(f, "| (not reached in time, killed by a signal) | {point} | {count} |")?;
        }
        for (trouble, count) in &self.troubles {
            writeln!(f, "| (trouble during a round) | {trouble} | {count} |")?;
        }
        let seconds = |share| self.recovery(share).as_secs_f64();
        writeln!(
            f,
            "\n{} kills in {} rounds; recovery p50 {:.1} s, p95 {:.1} s, max {:.1} s",
            self.kill_count(),
            self.recoveries.len(),
            seconds(0.5),
            seconds(0.95),
            seconds(1.0)
        )?;
        write!(
            f,
            "{} durable messages and {} clips, all delivered, none twice; {} numbers are known as holes",
            self.messages, self.clips, self.holes
        )
    }
}
