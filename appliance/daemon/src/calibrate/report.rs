//! What a calibration tells: a line for each tier as it goes, a table at the end.

use std::fmt;

use super::Calibration;
use super::measure::Timing;
use super::table::TierRow;
use crate::hardware::concerns::Watts;

/// One tier while the calibration goes on.
pub(super) fn line(pack: &str, row: &TierRow) -> String {
    let timing = |timing: &Timing| format!("{} {:.2} ms", timing.backend, timing.median_ms);
    let timings: Vec<String> = row.timings.iter().map(timing).collect();
    format!("{pack}/{}: {}", row.name, timings.join(", "))
}

/// All of it, for people. Power is what the box draws more while a network runs.
pub struct Summary<'a>(pub &'a Calibration);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Calibration { table, absent } = self.0;
        writeln!(f, "Measured on {}, one thread, runs in turn:\n", table.machine())?;
        let head = ["network", "run by", "median", "p95", "runs", "power"];
        let mut lines = vec![head.map(str::to_owned)];
        let mut reasons = Vec::new();
        for pack in table.packs() {
            for tier in &pack.tiers {
                let name = format!("{} {} {}", pack.name, pack.version, tier.name);
                for timing in &tier.timings {
                    lines.push(cells(&name, timing, tier));
                }
                reasons.push(format!("{name}: {} ({})", tier.chosen, tier.why));
            }
        }
        for [network, by, median, p95, runs, power] in lines {
            writeln!(f, "{network:<18} {by:<25} {median:>10} {p95:>10} {runs:>5} {power:>8}")?;
        }
        for absent in absent {
            writeln!(f, "\n{absent}")?;
        }
        writeln!(f, "\nChosen, marked with * above:")?;
        f.write_str(&reasons.join("\n"))
    }
}

fn cells(name: &str, timing: &Timing, tier: &TierRow) -> [String; 6] {
    let mark = if timing.backend == tier.chosen { "*" } else { "" };
    let ms = |ms: f32| format!("{ms:.2} ms");
    let by = format!("{}{mark}", timing.backend);
    let power = timing.power.map_or("–".to_owned(), |power| Watts(power).to_string());
    let (median, p95) = (ms(timing.median_ms), ms(timing.p95_ms));
    [name.to_owned(), by, median, p95, timing.runs.to_string(), power]
}
