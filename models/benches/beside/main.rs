//! `scripts/bench-lanes`: our lanes and the same networks in Python's onnxruntime, in turn, as a page in
//! Markdown.
//!
//! Owns the order of the turns. Python's half is `models/train/courtside_train/beside.py`.

use std::path::PathBuf;
use std::time::Instant;

use models::engine::Backend;

use self::peer::Peer;
use self::workload::{Case, Work};

mod page;
mod peer;
#[path = "../workload/mod.rs"]
mod workload;

/// Runs in a turn that count. One more, the first, does not: the other program had the caches.
const RUNS: usize = 5;

/// What the script says.
struct Asked {
    python: PathBuf,
    rounds: usize,
    commit: String,
    output: PathBuf,
}

/// One case, and what was measured of it, in ms.
struct Row {
    case: Case,
    lane: Vec<f64>,
    network: Vec<f64>,
    python: Vec<f64>,
}

/// A frame in which every lane is due, by one engine, in ms.
struct Frames {
    backend: Backend,
    took: Vec<f64>,
}

/// All of it.
struct Results {
    rows: Vec<Row>,
    frames: Vec<Frames>,
    python_version: String,
    load: [String; 2],
}

fn main() {
    let Some(asked) = asked() else {
        println!("beside: SKIPPED, no Python is named; scripts/bench-lanes does that");
        return;
    };
    let results = measure(&asked);
    let page = page::page(&results, &asked);
    std::fs::write(&asked.output, &page)
        .unwrap_or_else(|error| panic!("{} not written: {error}", asked.output.display()));
    println!("{page}\nwritten to {}", asked.output.display());
}

/// `--python PATH --rounds N --commit HASH --output FILE`; `None` without a Python. cargo adds
/// words of its own.
fn asked() -> Option<Asked> {
    let words: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let rounds = after("--rounds").map(|text| text.parse().expect("--rounds is a number"));
    Some(Asked {
        python: after("--python")?.into(),
        rounds: rounds.unwrap_or(60),
        commit: after("--commit").unwrap_or_else(|| "unknown".to_owned()),
        output: after("--output").expect("--output names the page").into(),
    })
}

/// Every case in every round, and in every case one of us and one of them after the other.
fn measure(asked: &Asked) -> Results {
    let mut peer = Peer::start(&asked.python);
    let mut works: Vec<(Row, Work, Work)> = workload::cases().into_iter().map(prepared).collect();
    let of = |backend| (Frames { backend, took: Vec::new() }, workload::frame::frame(backend));
    let mut frames: Vec<(Frames, Work)> = workload::backends().into_iter().map(of).collect();
    let before = load();
    for round in 1..=asked.rounds {
        for (row, lane, network) in &mut works {
            turn(lane, &mut row.lane);
            turn(network, &mut row.network);
            row.python.extend(peer.turn(&row.case, RUNS));
        }
        for (frames, work) in &mut frames {
            turn(work, &mut frames.took);
        }
        eprintln!("round {round} of {}", asked.rounds);
    }
    Results {
        rows: works.into_iter().map(|(row, _, _)| row).collect(),
        frames: frames.into_iter().map(|(frames, _)| frames).collect(),
        python_version: peer.version.clone(),
        load: [before, load()],
    }
}

fn prepared(case: Case) -> (Row, Work, Work) {
    let (lane, network) = (workload::lane(&case), workload::network(&case));
    (Row { case, lane: Vec::new(), network: Vec::new(), python: Vec::new() }, lane, network)
}

fn turn(work: &mut Work, took: &mut Vec<f64>) {
    work();
    for _ in 0..RUNS {
        let began = now();
        work();
        took.push(now().duration_since(began).as_secs_f64() * 1_000.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// How many programs want to run, over the last minute; this measurement is one of them.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
