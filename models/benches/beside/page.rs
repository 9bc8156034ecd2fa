//! What was measured, as a page: what is promised, then every lane, then how it was done.

use std::fmt::Write as _;

use models::engine::Backend;

use super::workload::frame::{FIELDS, HOOPS};
use super::workload::library;
use super::{Asked, Frames, RUNS, Results, Row};

/// A promise about a lane: of which tier, and the most that it may take, in ms.
const PROMISES: [(&str, &str, f64); 4] =
    [("ball", "nano", 5.0), ("ball", "full", 25.0), ("rim", "nano", 3.0), ("rim", "full", 3.0)];
/// Programs that wanted to run beside this measurement, on average, beyond which a promise that
/// seems broken may be kept: an idle machine has some services.
const OTHERS_MAX: f64 = 0.5;
/// The most that all but one frame in a hundred may take, in ms.
const FRAME_P99_MS_MAX: f64 = 50.0;

/// The whole page.
pub(crate) fn page(results: &Results, asked: &Asked) -> String {
    let mut page = format!(
        "# Lanes, beside Python\n\nMade by `scripts/bench-lanes --rounds {}` at commit `{}`, `dev` \
         profile, on {}. Load average {} before and {} after, of which this measurement is 1: what \
         else ran hit both sides alike, so the ratios mean more than the milliseconds.\n",
        asked.rounds,
        asked.commit,
        machine(),
        results.load[0],
        results.load[1],
    );
    if results.busy() {
        page.push_str(
            "\n**The machine was busy.** Milliseconds are larger than on a box that does nothing \
             else; a promise is *open* where a median, or a 99th percentile, is beyond it and the \
             fastest run is not.\n",
        );
    }
    page.push_str("\n## What is promised and what is kept\n");
    page.push_str(&promises(results));
    page.push_str("\n## Every lane\n");
    page.push_str(&lanes(&results.rows));
    page.push_str(&how(results, asked));
    page
}

/// Median time of a lane, or the 99th percentile of a frame, by each engine.
fn promises(results: &Results) -> String {
    let engines: Vec<Backend> = results.frames.iter().map(|frames| frames.backend).collect();
    let names: Vec<String> = engines.iter().map(Backend::to_string).collect();
    let mut table =
        format!("| promise | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(engines.len()));
    for (lane, tier, most) in PROMISES {
        let of = |backend: &Backend| {
            let row = results.rows.iter().find(|row| {
                (row.case.lane, row.case.tier.name.as_str(), row.case.backend)
                    == (lane, tier, *backend)
            });
            row.map_or_else(
                || "not shipped".to_owned(),
                |row| results.verdict((at(&row.lane, 0.5), at(&row.lane, 0.0)), most),
            )
        };
        let cells: Vec<String> = engines.iter().map(of).collect();
        let each = if lane == "rim" { " a hoop" } else { "" };
        let _ = writeln!(
            table,
            "| {lane} {tier} at most {most} ms{each} (median) | {} |",
            cells.join(" | ")
        );
    }
    let frame = |frames: &Frames| {
        let took = &frames.took;
        let said = results.verdict((at(took, 0.99), at(took, 0.0)), FRAME_P99_MS_MAX);
        format!("{said} (median {:.1})", at(took, 0.5))
    };
    let cells: Vec<String> = results.frames.iter().map(frame).collect();
    let _ = writeln!(
        table,
        "| all lanes of the full tier at most {FRAME_P99_MS_MAX} ms a frame (99th percentile) | {} |",
        cells.join(" | ")
    );
    table
}

impl Results {
    /// Whether others wanted to run at the same time.
    fn busy(&self) -> bool {
        let loads = self.load.iter().filter_map(|load| load.parse::<f64>().ok());
        loads.fold(0.0, f64::max) > 1.0 + OTHERS_MAX
    }

    /// What was measured beside what is promised; `fastest` is what no other work made slower.
    fn verdict(&self, (ms, fastest): (f64, f64), most: f64) -> String {
        let said = if ms <= most {
            "kept"
        } else if self.busy() && fastest <= most {
            "open, the machine was busy"
        } else {
            "**not kept**"
        };
        format!("{ms:.2}, fastest {fastest:.2}: {said}")
    }
}

fn lanes(rows: &[Row]) -> String {
    let mut table =
        "| tier | run by | lane | fastest | p99 | network | Python's network | ours / Python's \
                     |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for Row { case, lane, network, python } in rows {
        let (ours, theirs) = (at(network, 0.5), at(python, 0.5));
        let _ = writeln!(
            table,
            "| {} {} | {} | {:.2} | {:.2} | {:.2} | {ours:.2} | {theirs:.2} | {:.2} |",
            case.lane,
            case.tier.name,
            case.backend,
            at(lane, 0.5),
            at(lane, 0.0),
            at(lane, 0.99),
            ours / theirs
        );
    }
    table
}

fn how(results: &Results, asked: &Asked) -> String {
    let library = library().library().unwrap_or("no ONNX Runtime").to_owned();
    let runs = asked.rounds * RUNS;
    format!(
        "\nMilliseconds, medians but for the fastest run and the 99th percentile. *Lane* is \
         preparation of a picture of 1280 × 720 (or of 100 ms of sound), network and reading together; *network* is the network alone, on the \
         input of its golden answer, as in Python. Python runs the same file in the same precision \
         (f32 beside tract) by onnxruntime {}, the library that is loaded here is {library:?}; both \
         with one thread that does not spin. {runs} runs of each, {} at a time: the lane, the \
         network, Python, then the next, one more before each {} that is not counted.\n\n\
         A frame of *all lanes* is one in which everything is due: what comes in and scene, hoop \
         finder, {HOOPS} hoops followed and looked at, ball, {FIELDS} fields of the board, and 100 ms \
         of sound, one after the other, each lane in its best shipped tier, in f32 where there is no \
         int8. On a box the finder is due once a second and the board four times, and the sound has \
         a thread of its own.\n",
        results.python_version, RUNS, RUNS,
    )
}

/// The value below which this share of the samples lies: 0.5 is the median, 0 the fastest.
fn at(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = ((sorted.len() as f64 * share).ceil() as usize).max(1) - 1;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// The processor, and how many of its cores this machine has.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |line: &str| Some(line.split_once(':')?.1.trim().to_owned());
    let named =
        text.lines().find(|line| line.starts_with("model name") || line.starts_with("CPU part"));
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    let name = named.and_then(value).unwrap_or_else(|| "an unknown processor".to_owned());
    format!("{cores} cores of {} ({name})", std::env::consts::ARCH)
}
