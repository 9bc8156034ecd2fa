//! Which tiers the packs of a box have and what each costs: what the governor chooses from.

use std::time::Duration;

use governor::operating_point::{Claim, reachable};
use governor::{FrameRate, OperatingPoint, Tier};
use models::Pack;
use models::manifest::{self, Precision};
use wire::units::{Milliwatts, Permille};

/// Below this rate there is one frame at most for each of the rim lane's slots.
const THINNED_BELOW: FrameRate = FrameRate(15_000);
/// Share of its recall that a tier keeps there: 282 of 286 shots, all tiers, ten conditions
/// (docs/benchmarks/accuracy.md).
const RECALL_THINNED: f32 = 0.986;

/// The tiers of the ball and the rim pack with what one run costs, as they were at start: an
/// installed pack with other tiers is used in full after the next one.
pub struct Tiers {
    ball: Vec<(Tier, f32)>,
    rim: Vec<(Tier, f32)>,
    /// Share of the moments that each tier of the rim pack tells right, by its manifest: the lane
    /// that decides.
    recalls: Vec<(Tier, f32)>,
    /// What a tier draws while it runs, of those of the ball and of the rim pack that were measured
    /// on this box.
    powers: [Vec<(Tier, Milliwatts)>; 2],
}

impl Tiers {
    /// The tiers of these packs. Costs are those that were measured on this box, if all of both
    /// packs were; else the packs' own: the governor compares them, and two machines do not
    /// compare.
    pub fn of(ball: &Pack, rim: &Pack) -> Self {
        let measured = [ball, rim].map(measured);
        let (recalls, powers) = (recalls(rim), [ball, rim].map(powers));
        match measured {
            [Some(ball), Some(rim)] => Self { ball, rim, recalls, powers },
            [_, _] => Self { ball: declared(ball), rim: declared(rim), recalls, powers },
        }
    }

    /// The rungs of a ladder that these packs can climb.
    pub fn ladder(&self, ladder: &[OperatingPoint]) -> Vec<OperatingPoint> {
        let ball = |wanted| runs(&self.ball, wanted).map_or(wanted, |(tier, _)| tier);
        let rim = |wanted| runs(&self.rim, wanted).map_or(wanted, |(tier, _)| tier);
        reachable(ladder, (ball, rim)).to_vec()
    }

    /// What both lanes take for one frame and one hoop at an operating point.
    pub fn cost(&self, point: OperatingPoint) -> Duration {
        let cost_ms = |tiers, wanted| runs(tiers, wanted).map_or(0.0, |(_, cost_ms)| cost_ms);
        let ms = cost_ms(&self.ball, point.ball_tier) + cost_ms(&self.rim, point.rim_tier);
        Duration::from_secs_f32(ms / 1_000.0)
    }

    /// What the governor is told of an operating point.
    pub fn claim(&self, point: OperatingPoint) -> Claim {
        let recall = runs(&self.recalls, point.rim_tier).map_or(1.0, |(_, recall)| recall);
        let thinned = if point.frame_rate < THINNED_BELOW { RECALL_THINNED } else { 1.0 };
        let recall = Permille::from_share(recall * thinned);
        Claim { cost: self.cost(point), recall, power: self.power(point) }
    }

    /// What both lanes add to an idle box at an operating point with one source and one hoop:
    /// what each network draws, for as much of the time as it runs. `None` if one of them was not
    /// measured.
    fn power(&self, point: OperatingPoint) -> Option<Milliwatts> {
        let rate_hz = point.frame_rate.0 as f32 / 1_000.0;
        let lanes = [(&self.ball, 0, point.ball_tier), (&self.rim, 1, point.rim_tier)];
        let drawn = lanes.map(|(costs, lane, wanted)| {
            let (tier, cost_ms) = runs(costs, wanted)?;
            let known = self.powers[lane].iter().find(|(known, _)| *known == tier);
            let share = (cost_ms * rate_hz / 1_000.0).min(1.0);
            known.map(|(_, power)| power.0 as f32 * share)
        });
        let [ball, rim] = drawn;
        Some(Milliwatts((ball? + rim?) as u32))
    }

    /// Whether one of the packs has this tier.
    pub fn has(&self, wanted: Tier) -> bool {
        self.ball.iter().chain(&self.rim).any(|(tier, _)| *tier == wanted)
    }
}

/// The tier of a pack that runs when one is asked for, by name: see [`Tier::or_nearest`].
pub fn name_of(pack: &Pack, wanted: Tier) -> Option<&str> {
    let named = |tier: Tier| pack.tiers().iter().find(|known| known.name == tier.as_str());
    wanted.or_nearest().into_iter().find_map(named).map(|tier| tier.name.as_str())
}

fn runs(tiers: &[(Tier, f32)], wanted: Tier) -> Option<(Tier, f32)> {
    let known = |wanted: Tier| tiers.iter().find(|(tier, _)| *tier == wanted).copied();
    wanted.or_nearest().into_iter().find_map(known)
}

fn known(tier: &manifest::Tier) -> Option<Tier> {
    Tier::ALL.into_iter().find(|known| known.as_str() == tier.name)
}

/// What every tier takes on this box, if all were measured.
fn measured(pack: &Pack) -> Option<Vec<(Tier, f32)>> {
    let tiers = pack.tiers().iter().filter_map(|tier| Some((known(tier)?, &tier.name)));
    tiers.map(|(tier, name)| Some((tier, pack.measured_ms(name).ok().flatten()?))).collect()
}

/// What every tier took on the trainer's machine, in the precision that runs here.
fn declared(pack: &Pack) -> Vec<(Tier, f32)> {
    let cost = |tier: &manifest::Tier| {
        let precision = pack.backend(&tier.name).map_or(Precision::F32, |b| b.precision());
        match (precision, &tier.int8) {
            (Precision::Int8, Some(int8)) => int8.cost_ms,
            (Precision::Int8 | Precision::F32, _) => tier.cost_ms,
        }
    };
    pack.tiers().iter().filter_map(|tier| Some((known(tier)?, cost(tier)))).collect()
}

/// How good every tier is, as its manifest says.
fn recalls(pack: &Pack) -> Vec<(Tier, f32)> {
    let recall = |tier: &manifest::Tier| tier.accuracy.value as f32;
    pack.tiers().iter().filter_map(|tier| Some((known(tier)?, recall(tier)))).collect()
}

/// What the tiers draw that were weighed on this box.
fn powers(pack: &Pack) -> Vec<(Tier, Milliwatts)> {
    let power = |tier: &manifest::Tier| {
        Some((known(tier)?, pack.measured_power(&tier.name).ok().flatten()?))
    };
    pack.tiers().iter().filter_map(power).collect()
}

#[cfg(test)]
mod tests {
    use governor::operating_point::{LADDER, LADDER_FULL, LADDER_SMALL};

    use super::*;

    #[test]
    fn governor_climbs_only_to_tiers_that_the_packs_have() {
        let rim = vec![(Tier::Nano, 0.5), (Tier::Full, 2.0)];
        let recalls = vec![(Tier::Nano, 0.9), (Tier::Full, 0.94)];
        let powers = [vec![(Tier::Nano, Milliwatts(4_000))], vec![(Tier::Nano, Milliwatts(6_000))]];
        let tiers = Tiers { ball: vec![(Tier::Nano, 1.5)], rim, recalls, powers };
        assert_eq!(tiers.ladder(LADDER), [LADDER[0], LADDER[1], LADDER[3]]);
        assert_eq!(tiers.ladder(LADDER_FULL), [LADDER[0], LADDER[3]]);
        let costs: Vec<Duration> =
            tiers.ladder(LADDER).iter().map(|point| tiers.cost(*point)).collect();
        assert_eq!(costs, [2_000, 2_000, 3_500].map(Duration::from_micros));
        // Names that the governor does not know: it may ask for any tier, and the pack's one runs.
        let seen: Vec<u16> =
            tiers.ladder(LADDER).iter().map(|point| tiers.claim(*point).recall.0).collect();
        assert_eq!(seen, [887, 900, 940], "fewer frames see less, and a larger tier more");
        let drawn = [LADDER[0], LADDER[1], LADDER[3]].map(|point| tiers.claim(point).power);
        // 4 W for 4.5 % of the time and 6 W for 1.5 %; the large tier was not weighed.
        assert_eq!(drawn, [Some(Milliwatts(112)), Some(Milliwatts(270)), None]);
        let unknown = Tiers {
            ball: Vec::new(),
            rim: Vec::new(),
            recalls: Vec::new(),
            powers: Default::default(),
        };
        assert_eq!(unknown.ladder(LADDER), LADDER);
    }

    #[test]
    fn a_tier_that_a_pack_lacks_is_the_nearest_cheaper_one_or_the_only_one() {
        let two = vec![(Tier::Nano, 0.5), (Tier::Full, 2.0)];
        let (recalls, powers) = (Vec::new(), Default::default());
        let tiers = Tiers { ball: vec![(Tier::Full, 9.0)], rim: two, recalls, powers };
        let [_, small] = tiers.ladder(LADDER_SMALL)[..] else { panic!("two rungs") };
        assert_eq!((small.ball_tier, small.rim_tier), (Tier::Full, Tier::Nano));
        assert_eq!(tiers.cost(LADDER_SMALL[1]), Duration::from_micros(9_500));
        let has = Tier::ALL.map(|tier| tiers.has(tier));
        assert_eq!(has, [true, false, true]);
    }
}
