//! The governor beside four other policies and an optimum, in all scenarios on both plants: prints
//! the table, writes `docs/benchmarks/governor.md` and the plots beside it. Run by
//! `scripts/bench-governor`; reckons everything, so that the machine's load changes no figure.
#![forbid(unsafe_code)]

mod plots;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sim::rig::Make;
use trials::contest::{Contest, Keep};
use trials::report::{Made, Row, page};
use trials::{Game, Scenario};

/// What the command line says.
struct Options {
    first: u64,
    seeds: u64,
    commit: String,
    output: Option<PathBuf>,
    pictures: Option<PathBuf>,
    only: Option<String>,
}

/// The first seed of the published figures. Whoever tunes takes others.
const FIRST_SEED: u64 = 4_100;

fn main() {
    let Some(options) = options() else { return };
    let scenarios: Vec<Scenario> = Scenario::all()
        .into_iter()
        .filter(|scenario| options.only.as_ref().is_none_or(|only| scenario.name.contains(only)))
        .collect();
    let seeds: Vec<u64> = (options.first..options.first + options.seeds).collect();
    let games: Vec<Game> = seeds.iter().map(|seed| Game::new(*seed)).collect();
    let rows = rows(&scenarios, &seeds, &games);
    let command =
        format!("scripts/bench-governor --first {} --seeds {}", options.first, options.seeds);
    let page = page(&rows, &Made { commit: options.commit, command, seeds: seeds.clone() });
    println!("{page}");
    if let Some(output) = options.output {
        std::fs::write(&output, page).expect("the page can be written");
    }
    if let Some(folder) = options.pictures {
        plots::write(&folder, seeds[0]);
    }
}

fn options() -> Option<Options> {
    let mut options = Options {
        first: FIRST_SEED,
        seeds: 3,
        commit: "?".into(),
        output: None,
        pictures: None,
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value follows");
        match word.as_str() {
            "--first" => options.first = value().parse().expect("a seed"),
            "--seeds" => options.seeds = value().parse().expect("a number of seeds"),
            "--commit" => options.commit = value(),
            "--output" => options.output = Some(value().into()),
            "--pictures" => options.pictures = Some(value().into()),
            "--only" => options.only = Some(value()),
            // What cargo adds when it runs or lists every bench.
            "--bench" => {}
            "--list" | "--test" => return None,
            other => panic!("{other} is not known; see scripts/bench-governor"),
        }
    }
    Some(options)
}

/// Plays everything, as many at a time as there are cores.
fn rows(scenarios: &[Scenario], seeds: &[u64], games: &[Game]) -> Vec<Row> {
    let mut jobs = Vec::new();
    for scenario in scenarios {
        for make in Make::ALL {
            jobs.extend((0..seeds.len()).map(|seed| (scenario, make, seed)));
        }
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new((0..jobs.len()).map(|_| None).collect::<Vec<Option<(bool, Contest)>>>());
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some((scenario, make, seed)) = jobs.get(place) else { return };
            let (make, game, seed) = (*make, &games[*seed], seeds[*seed]);
            let contest = Contest::play(scenario, (make, seed), game, Keep::Scores);
            let hot = scenario.is_hot(make, seed);
            done.lock().expect("no player panics")[place] = Some((hot, contest));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let mut done = done.into_inner().expect("no player panics").into_iter().flatten();
    let mut rows = Vec::new();
    for scenario in scenarios {
        for make in Make::ALL {
            let (hot, contests): (Vec<bool>, Vec<Contest>) =
                done.by_ref().take(seeds.len()).unzip();
            let hot = hot.iter().all(|hot| *hot);
            let (steady, make) = (scenario.is_steady(), make.name());
            rows.push(Row { scenario: scenario.name, make, hot, steady, contests });
        }
    }
    rows
}
