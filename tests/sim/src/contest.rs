//! One scenario, one plant, one seed: every policy on the same day and the same box.

use sim::rig::Make;

use crate::baselines::{Allocator, Fixed, Step};
use crate::game::Game;
use crate::offers::Offers;
use crate::optimum::{self, Optimum};
use crate::ours::Ours;
use crate::play::{Match, Trace, play};
use crate::policy::Policy;
use crate::scenario::Scenario;
use crate::score::Score;

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    /// The cheapest point, always.
    Nano,
    /// The dearest, always; the kernel throttles.
    Full,
    /// One tier down above a temperature, up below.
    Step,
    /// The kernel's kind of PID power allocator.
    Allocator,
    /// The governor.
    Ours,
}

impl Player {
    /// All, ours last.
    pub const ALL: [Self; 5] = [Self::Nano, Self::Full, Self::Step, Self::Allocator, Self::Ours];
    /// All but ours.
    pub const BASELINES: [Self; 4] = [Self::Nano, Self::Full, Self::Step, Self::Allocator];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nano => "fixed nano",
            Self::Full => "fixed full",
            Self::Step => "step",
            Self::Allocator => "allocator",
            Self::Ours => "ours",
        }
    }

    /// It, for a scenario.
    pub fn policy(self, scenario: &Scenario, offers: &Offers) -> Box<dyn Policy> {
        match self {
            Self::Nano => Box::new(Fixed(0)),
            Self::Full => Box::new(Fixed(offers.points.len() - 1)),
            Self::Step => Box::new(Step::new(offers)),
            Self::Allocator => Box::new(Allocator::new(scenario.board, offers)),
            Self::Ours => Box::new(Ours::new(offers, scenario.power_max())),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Contest {
    /// In the order of [`Player::ALL`].
    pub scores: Vec<Score>,
    /// What happened, in the same order; empty where nobody asked.
    pub traces: Vec<Trace>,
    /// The optimum.
    pub optimum: Optimum,
}

/// Whether the traces are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For plots.
    Traces,
    /// Scores are enough.
    Scores,
}

impl Contest {
    /// Plays it.
    pub fn play(scenario: &Scenario, (make, seed): (Make, u64), game: &Game, keep: Keep) -> Self {
        let world = scenario.world(seed);
        let of = Match { world: &world, game, make, seed };
        let mut contest =
            Self { scores: Vec::new(), traces: Vec::new(), optimum: optimum::find(of) };
        for player in Player::ALL {
            let trace = play(of, &mut *player.policy(scenario, &world.offers));
            contest.scores.push(Score::of(game, &trace));
            match keep {
                Keep::Traces => contest.traces.push(trace),
                Keep::Scores => {}
            }
        }
        if keep == Keep::Scores {
            contest.optimum.trace = Trace::default();
        }
        contest
    }

    /// The score of one of them.
    pub fn of(&self, player: Player) -> &Score {
        &self.scores[player as usize]
    }

    /// Value of the governor, of the optimum's.
    pub fn ratio(&self) -> f64 {
        self.of(Player::Ours).value / self.optimum.value()
    }

    /// Mean recall over moments of the best baseline.
    pub fn best_baseline(&self) -> f64 {
        Player::BASELINES.iter().map(|player| self.of(*player).moments).fold(0.0, f64::max)
    }

    /// The same of those that do no harm that the cheapest point avoids.
    pub fn best_harmless(&self) -> f64 {
        let unavoidable = self.of(Player::Nano).counts;
        let all = Player::BASELINES.iter().map(|player| self.of(*player));
        let harmless = all.filter(|score| score.counts.is_no_worse_than(unavoidable));
        harmless.map(|score| score.moments).fold(0.0, f64::max)
    }
}
