//! The plots of `docs/governor.md`: hot days as they were played, and minutes of one closely.

use std::path::Path;

use sim::rig::Make;
use trials::contest::{Contest, Keep, Player};
use trials::play::Trace;
use trials::score::seen_by_minute;
use trials::svg::{Joined, Line, Panel, Picture};
use trials::time::STEPS_PER_SECOND;
use trials::{Game, Scenario};

/// Scenario, plant, file, and the minutes that are shown.
const PLOTS: [(&str, Make, &str, (usize, usize)); 3] = [
    ("fan stops, 25 °C", Make::Network, "governor-fan-stops.svg", (0, 240)),
    ("fan stops, 25 °C", Make::Network, "governor-fan-stops-closely.svg", (136, 151)),
    ("no fan, 30 °C", Make::Layered, "governor-no-fan.svg", (0, 240)),
];
/// Points of a line.
const POINTS: usize = 900;

/// Who is drawn, and how.
const DRAWN: [(Player, &str); 4] = [
    (Player::Full, "#999999"),
    (Player::Step, "#e08a00"),
    (Player::Allocator, "#2a7fd4"),
    (Player::Ours, "#0a7d32"),
];

/// Plays the days of the plots and writes them.
pub(crate) fn write(folder: &Path, seed: u64) {
    let game = Game::new(seed);
    for (name, make, file, minutes) in PLOTS {
        let scenarios = Scenario::all();
        let scenario = scenarios.iter().find(|scenario| scenario.name == name);
        let scenario = scenario.expect("a plot's scenario is one of all");
        let contest = Contest::play(scenario, (make, seed), &game, Keep::Traces);
        let picture = picture(scenario, &game, &contest, minutes);
        let path = folder.join(file);
        let marked = if minutes.1 - minutes.0 < 60 { "; moments are marked" } else { "" };
        let title = format!("{} ({} plant, seed {seed}){marked}", scenario.name, make.name());
        let picture = Picture { title, ..picture };
        std::fs::write(&path, picture.draw()).expect("the plot can be written");
        println!("wrote {}", path.display());
    }
}

fn picture(
    scenario: &Scenario,
    game: &Game,
    contest: &Contest,
    (from, until): (usize, usize),
) -> Picture {
    let steps = |minute: usize| minute * 60 * STEPS_PER_SECOND;
    let window = steps(from)..steps(until);
    let lines = |of: &dyn Fn(&Trace) -> Vec<f64>| -> Vec<Line> {
        DRAWN
            .iter()
            .map(|(player, colour)| Line {
                name: player.name().to_owned(),
                colour,
                values: of(&contest.traces[*player as usize]),
            })
            .collect()
    };
    let is_close = until - from < 60;
    let (passive, _) = scenario.board.trips();
    let temperature = Panel {
        title: "hottest zone, °C".into(),
        lines: lines(&|trace| highest(&trace.hottest[window.clone()])),
        range: if is_close { (70.0, 105.0) } else { (20.0, 110.0) },
        marks: if is_close { marks(70, 105, 5) } else { marks(20, 110, 10) },
        limit: Some((passive.0, "the kernel throttles".into())),
        joined: Joined::Straight,
    };
    let power = Panel {
        title: if is_close { "input, W" } else { "input, W (mean)" }.into(),
        lines: lines(&|trace| means(&trace.power[window.clone()])),
        range: (0.0, 28.0),
        marks: marks(0, 28, 4),
        limit: None,
        joined: Joined::Straight,
    };
    let rungs = ["12.5 fps nano", "30 fps nano", "30 fps small", "30 fps full"];
    let labels = rungs.iter().enumerate().map(|(rung, name)| (rung as f64, (*name).to_owned()));
    let point = Panel {
        title: if is_close { "point in force" } else { "point, mean" }.into(),
        lines: lines(&|trace| {
            let points: Vec<f32> =
                trace.point[window.clone()].iter().map(|p| f32::from(*p)).collect();
            if is_close { highest(&points) } else { means(&points) }
        }),
        range: (-0.3, 3.3),
        marks: labels.collect(),
        limit: None,
        joined: if is_close { Joined::Steps } else { Joined::Straight },
    };
    let expected = game
        .moments
        .iter()
        .filter(|at| ((from * 60) as f64..(until * 60) as f64).contains(&at.0))
        .count();
    let missed = lines(&|trace| missed(game, trace, (from, until)));
    let most = missed.iter().flat_map(|line| &line.values).fold(1.0, |most: f64, m| most.max(*m));
    let most = most.ceil() as usize;
    let moments = Panel {
        title: format!("moments missed so far, of {expected}"),
        lines: missed,
        range: (0.0, most as f64),
        marks: marks(0, most, (most / 50 * 10).max(if most > 10 { 5 } else { 1 })),
        limit: None,
        joined: Joined::Straight,
    };
    Picture {
        title: String::new(),
        minutes: (from as f64, until as f64),
        mark_every: if is_close { 1.0 } else { 30.0 },
        ticks: if is_close { game.moments.iter().map(|at| at.0 / 60.0).collect() } else { vec![] },
        panels: vec![temperature, power, point, moments],
    }
}

fn marks(from: usize, until: usize, every: usize) -> Vec<(f64, String)> {
    (from..=until).step_by(every).map(|mark| (mark as f64, mark.to_string())).collect()
}

fn means(values: &[f32]) -> Vec<f64> {
    let size = values.len().div_ceil(POINTS).max(1);
    let mean = |part: &[f32]| part.iter().map(|v| f64::from(*v)).sum::<f64>() / part.len() as f64;
    values.chunks(size).map(mean).collect()
}

fn highest(values: &[f32]) -> Vec<f64> {
    let size = values.len().div_ceil(POINTS).max(1);
    let highest = |part: &[f32]| f64::from(part.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    values.chunks(size).map(highest).collect()
}

fn missed(game: &Game, trace: &Trace, (from, until): (usize, usize)) -> Vec<f64> {
    let seen = seen_by_minute(game, trace);
    let came =
        |minute: usize| game.moments.iter().filter(|at| at.0 < (minute * 60) as f64).count() as f64;
    let missed = |minute: usize| came(minute) - seen.get(minute).copied().unwrap_or_default();
    (from..=until.min(seen.len() - 1)).map(|minute| missed(minute) - missed(from)).collect()
}
