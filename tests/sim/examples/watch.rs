//! Prints what the governor thinks while it plays a scenario, every ten seconds: for whoever tunes
//! it.
//!
//! ```text
//! cargo run -p courtside-trials --example watch -- "fan stops, 25 °C" layered 3000 3600 [SEED]
//! ```
#![forbid(unsafe_code)]

use governor::Cue;
use sim::rig::Make;
use sim::{Celsius, Sensor, Watts};
use trials::ours::Ours;
use trials::play::{AHEAD_S, Match, play};
use trials::{At, Game, Observation, Policy, Scenario};
use wire::units::Millicelsius;

/// The governor, and what it thought, by second.
struct Watched(Ours, Vec<(At, String)>);

impl Policy for Watched {
    fn decide(&mut self, seen: &Observation) -> usize {
        let point = self.0.decide(seen);
        if seen.now.0 % 10.0 == 0.0 {
            let thought = self.0.governor().explain(seen.now.monotonic());
            let watts = |watts: Option<_>| {
                watts.map_or("–".to_owned(), |watts| format!("{:.1} W", Watts::from(watts).0))
            };
            let outlook = thought.outlook.as_ref().map_or("–".to_owned(), |outlook| {
                format!("{:.1} °C", Celsius::from(outlook.value).0)
            });
            let (drawn, _, sustainable) = thought.power;
            self.1.push((
                seen.now,
                format!(
                    "point {point}, drawn {}, sustainable {}, in a minute {outlook}: {}",
                    watts(Some(drawn)),
                    watts(sustainable),
                    thought.reason
                ),
            ));
        }
        point
    }

    fn cue(&mut self, now: At, cue: Cue) -> Option<usize> {
        self.0.cue(now, cue)
    }

    fn moment(&mut self, now: At) {
        self.0.moment(now);
    }

    fn predicted(&self, now: At) -> Option<(Sensor, Millicelsius)> {
        self.0.predicted(now)
    }

    fn sprints(&self) -> bool {
        self.0.sprints()
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, make, from, until, rest @ ..] = &words[..] else {
        println!("write SCENARIO PLANT FROM UNTIL [SEED], times in seconds");
        return;
    };
    let number = |word: &String| word.parse::<u64>().expect("a whole number");
    let seed = rest.first().map_or(4_100, number);
    let scenario = Scenario::all().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.expect("the name of a scenario as in docs/benchmarks/governor.md");
    let make = Make::ALL.into_iter().find(|known| known.name() == make);
    let make = make.expect("network or layered");
    let (world, game) = (scenario.world(seed), Game::new(seed));
    let of = Match { world: &world, game: &game, make, seed };
    let mut watched = Watched(Ours::new(&world.offers, scenario.power_max()), Vec::new());
    let trace = play(of, &mut watched);
    let window = number(from) as f64..number(until) as f64;
    for (at, thought) in watched.1.iter().filter(|(at, _)| window.contains(&at.0)) {
        let hottest = |at: At| trace.hottest.get(at.step()).copied().unwrap_or_default();
        let (now, later) = (hottest(*at), hottest(At(at.0 + AHEAD_S as f64)));
        println!("{:>6} s  {now:.1} °C, a minute later {later:.1} °C  {thought}", at.0);
    }
}
