//! Which two operating points a box should run, one for quiet play and one for the moments that
//! cues announce, and which cues it can afford to follow.
//!
//! Heat is a bank: while the box runs below what it can stand for ever, it saves, and a sprint
//! spends. A higher point in quiet play leaves less to sprint with. Pure arithmetic; what limits
//! a single change at once is [`pursuit`](crate::pursuit)'s business.

use core::cmp::Ordering;

use crate::cue::{Demand, Strength};
use crate::engine::RUNGS_MAX;

/// Share of the planned sprints that come off: near its limit a box has no room for what a chip
/// does at once. Tuned on simulated boxes.
const GRANTED: f32 = 0.85;
/// What another plan must gain, in shares of the moments, before it replaces the one in force.
const GAIN_MIN: f32 = 0.008;
/// Power above what can be sustained that the plan in force is allowed, and below it that a higher
/// one needs, in watts: the figure moves with every reading.
const SLACK: f32 = 0.4;

/// What is known of a rung.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Share of the moments that are seen there.
    pub recall: f32,
    /// What the box draws there, in watts.
    pub watts: f32,
    /// Engine and supply allow it.
    pub is_allowed: bool,
}

/// The rungs for quiet play and for a sprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In quiet play.
    pub base: usize,
    /// In a sprint.
    pub top: usize,
}

/// The candidates of a ladder.
pub type Candidates = heapless::Vec<Candidate, RUNGS_MAX>;

impl Plan {
    /// The plan with the highest expected share of moments seen, when the box can draw
    /// `sustainable` watts for ever and cues want sprints as `demand` says.
    pub fn best(self, candidates: &[Candidate], sustainable: f32, demand: &Demand) -> Self {
        // What can be sustained for ever without a sprint needs no gain: nothing is spent.
        let bonus = |plan: Self| match plan.base {
            base if base == self.base || base == plan.top => GAIN_MIN,
            _ => 0.0,
        };
        let bases = 0..candidates.len();
        let plans = bases.flat_map(|base| (base..candidates.len()).map(move |top| (base, top)));
        let mut best = (Self::default(), f32::MIN);
        for (base, top) in plans {
            let plan = Self { base, top };
            let slack = match base.cmp(&self.base) {
                Ordering::Less => 0.0,
                Ordering::Equal => SLACK,
                Ordering::Greater => -SLACK,
            };
            let is_sustained = base == 0 || candidates[base].watts <= sustainable + slack;
            let is_allowed = |rung: usize| rung == 0 || candidates[rung].is_allowed;
            if !is_sustained || !is_allowed(base) || !is_allowed(top) {
                continue;
            }
            let value = plan.value(candidates, sustainable, demand) + bonus(plan);
            if value > best.1 {
                best = (plan, value);
            }
        }
        best.0
    }

    /// Share of the moments that are seen with this plan.
    pub fn value(self, candidates: &[Candidate], sustainable: f32, demand: &Demand) -> f32 {
        let (base, top) = (candidates[self.base].recall, candidates[self.top].recall);
        let served = self.served(candidates, sustainable, demand);
        let announced: f32 = served.iter().zip(demand.shares).map(|(part, of)| part * of).sum();
        base + GRANTED * announced * (top - base)
    }

    /// How much of what each strength of cue asks for can be afforded, 0.0 to 1.0: first that by
    /// which most moments come in a second.
    pub fn served(self, candidates: &[Candidate], sustainable: f32, demand: &Demand) -> [f32; 3] {
        let (base, top) = (candidates[self.base], candidates[self.top]);
        let saved = (sustainable - base.watts).max(0.0);
        let spent = top.watts - base.watts;
        // What is saved in the rest of the time pays for so much of it.
        let mut left = if spent <= saved { 1.0 } else { saved / spent };
        let mut order = Strength::ALL;
        let worth = |strength: Strength| {
            demand.shares[strength as usize] / demand.wanted[strength as usize].max(1e-3)
        };
        order.sort_unstable_by(|a, b| worth(*b).total_cmp(&worth(*a)));
        let mut served = [0.0; 3];
        for strength in order {
            let wanted = demand.wanted[strength as usize];
            served[strength as usize] = if wanted <= left { 1.0 } else { left / wanted };
            left = (left - wanted).max(0.0);
        }
        served
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    fn candidates() -> Vec<Candidate> {
        [(0.75, 11.0), (0.88, 14.0), (0.92, 17.0), (0.95, 24.0)]
            .map(|(recall, watts)| Candidate { recall, watts, is_allowed: true })
            .to_vec()
    }

    /// Strong cues for so much of the time, which announce four moments of five.
    fn demand(wanted: f32) -> Demand {
        Demand { wanted: [wanted, 0.0, 0.0], shares: [0.8, 0.0, 0.0] }
    }

    fn best(sustainable: f32, wanted: f32) -> (usize, usize) {
        let plan = Plan::default().best(&candidates(), sustainable, &demand(wanted));
        (plan.base, plan.top)
    }

    #[test]
    fn a_cool_box_runs_its_best_all_the_time() {
        assert_eq!(best(30.0, 0.3), (3, 3));
    }

    #[test]
    fn a_hot_box_saves_for_what_cues_announce() {
        assert_eq!(best(18.5, 0.3).1, 3, "it sprints");
        let (base, _) = best(18.5, 0.3);
        assert!(base < 3);
        assert_eq!(best(14.8, 0.05), (1, 3), "rare cues need little");
        assert_eq!(best(10.0, 0.3).0, 0, "nothing can be sustained");
    }

    #[test]
    fn where_cues_never_end_saving_for_them_is_of_no_use() {
        let (base, _) = best(17.5, 1.0);
        assert_eq!(base, 2);
    }

    #[test]
    fn what_is_saved_goes_to_the_cues_by_which_most_moments_come_in_a_second() {
        let demand = Demand { wanted: [0.2, 0.3, 0.4], shares: [0.7, 0.05, 0.2] };
        let plan = Plan { base: 1, top: 3 };
        // 3 W are saved, and 10 spent.
        let served = plan.served(&candidates(), 17.0, &demand);
        assert_eq!((served[0], served[1]), (1.0, 0.0));
        assert!((served[2] - 0.25).abs() < 1e-3, "{served:?}");
    }

    #[test]
    fn what_engine_or_supply_do_not_allow_is_in_no_plan() {
        let mut limited = candidates();
        limited[3].is_allowed = false;
        let plan = Plan::default().best(&limited, 30.0, &demand(0.3));
        assert_eq!((plan.base, plan.top), (2, 2));
    }

    #[test]
    fn a_plan_in_force_stays_while_others_are_hardly_better() {
        let candidates = candidates();
        let mut plan = Plan::default().best(&candidates, 18.5, &demand(0.3));
        let first = plan;
        for step in 0..40 {
            let near = 18.5 + 0.3 * if step % 2 == 0 { 1.0 } else { -1.0 };
            plan = plan.best(&candidates, near, &demand(0.3));
            assert_eq!(plan, first);
        }
    }

    proptest! {
        /// No plan is below another one that it could have been, by more than it takes to replace
        /// it; and quiet play never takes what cannot be sustained.
        #[test]
        fn the_best_is_the_best(sustainable in 5f32..40.0, wanted in 0f32..1.0) {
            let (candidates, wanted) = (candidates(), demand(wanted));
            let plan = Plan::default().best(&candidates, sustainable, &wanted);
            let value = plan.value(&candidates, sustainable, &wanted);
            for base in 0..4 {
                for top in base..4 {
                    let other = Plan { base, top };
                    let sustained = base == 0 || candidates[base].watts <= sustainable - SLACK;
                    let other = other.value(&candidates, sustainable, &wanted);
                    prop_assert!(!sustained || other <= value + 2.0 * GAIN_MIN);
                }
            }
            prop_assert!(plan.base == 0 || candidates[plan.base].watts <= sustainable + SLACK);
        }
    }
}
