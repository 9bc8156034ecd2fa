//! What the engine is asked to do: how many frames a second, with which tier of each lane.
//!
//! The points form a ladder, each rung dearer and better than the one below. Which rung is in
//! force is [`machine`](crate::machine)'s business.

use core::fmt;
use core::time::Duration;

use wire::time::{MEDIA_HZ, MediaSpan};
use wire::units::{Milliwatts, Permille};

use crate::engine::RUNGS_MAX;

/// Frames a second, in 1/1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameRate(pub u32);

impl FrameRate {
    /// Whole frames a second.
    pub const fn from_hz(hz: u32) -> Self {
        Self(hz * 1_000)
    }

    /// Time from one frame to the next; a second for a rate of zero.
    pub const fn interval(self) -> Duration {
        let millihertz = if self.0 == 0 { 1_000 } else { self.0 as u64 };
        Duration::from_nanos(1_000_000_000_000 / millihertz)
    }

    /// The same on a media timeline.
    pub const fn media_interval(self) -> MediaSpan {
        let millihertz = if self.0 == 0 { 1_000 } else { self.0 as i64 };
        MediaSpan(MEDIA_HZ * 1_000 / millihertz)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1_000) {
            write!(f, "{}", self.0 / 1_000)
        } else {
            write!(f, "{}.{}", self.0 / 1_000, self.0 % 1_000 / 100)
        }
    }
}

/// How large a lane's network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The smallest one.
    Nano,
    /// Between the two, for boxes that the large one is too much for.
    Small,
    /// The one that the accuracy figures are measured with.
    Full,
}

impl Tier {
    /// All of them, the cheapest first.
    pub const ALL: [Self; 3] = [Self::Nano, Self::Small, Self::Full];

    /// What to run when this tier is wanted, the best first, for packs that have not all of them:
    /// the nearest cheaper one, and only where nothing is as cheap, the nearest dearer one.
    pub const fn or_nearest(self) -> [Self; 3] {
        match self {
            Self::Nano => [Self::Nano, Self::Small, Self::Full],
            Self::Small => [Self::Small, Self::Nano, Self::Full],
            Self::Full => [Self::Full, Self::Small, Self::Nano],
        }
    }

    /// The tier's name in a model pack's manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nano => "nano",
            Self::Small => "small",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is left out beside the lanes that make events, each with those before it. Recording,
/// clips and the uplink are never left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shed {
    /// Nothing.
    #[default]
    Nothing,
    /// People are not looked for.
    Players,
    /// The scoreboard is not read.
    Board,
    /// Hoops are not searched; those that are known are followed on.
    Search,
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Players => "players",
            Self::Board => "players and board",
            Self::Search => "players, board and the search for hoops",
        })
    }
}

/// What the engine is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatingPoint {
    /// At most so many frames of each source are analysed a second.
    pub frame_rate: FrameRate,
    /// Tier of the ball lane.
    pub ball_tier: Tier,
    /// Tier of the rim lane.
    pub rim_tier: Tier,
    /// What is left out.
    pub shed: Shed,
}

impl OperatingPoint {
    /// The lowest rung of every ladder: what an unknown box starts with, and what is left when
    /// it is too hot. 12.5 frames a second are one for each of the rim lane's slots of 80 ms.
    pub const SMALLEST: Self = Self {
        frame_rate: FrameRate(12_500),
        ball_tier: Tier::Nano,
        rim_tier: Tier::Nano,
        shed: Shed::Players,
    };
}

impl fmt::Display for OperatingPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frame_rate, ball_tier, rim_tier, shed } = self;
        write!(f, "{frame_rate} fps, ball {ball_tier}, rim {rim_tier}")?;
        match shed {
            // Nobody looks for people on the smallest point.
            Shed::Nothing | Shed::Players => Ok(()),
            Shed::Board | Shed::Search => write!(f, ", without {shed}"),
        }
    }
}

/// What is known of an operating point before it was ever in force on this box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What a frame with one hoop costs: measured by `courtside calibrate`, or what the packs say
    /// of another machine; only how points compare is believed.
    pub cost: Duration,
    /// Share of the moments that are seen.
    pub recall: Permille,
    /// What the point adds to what an idle box draws, where calibration measured it.
    pub power: Option<Milliwatts>,
}

impl Claim {
    /// What is assumed of the rung with this number when nobody knows: it costs nothing that is
    /// known, and each rung sees a little more than the one below.
    pub(crate) const fn unknown(rung: usize) -> Self {
        Self { cost: Duration::ZERO, recall: Permille(800 + 20 * rung as u16), power: None }
    }
}

const fn rung(hz: u32, ball_tier: Tier, rim_tier: Tier) -> OperatingPoint {
    let frame_rate = FrameRate::from_hz(hz);
    OperatingPoint { frame_rate, ball_tier, rim_tier, shed: Shed::Nothing }
}

/// The ladder of packs with all tiers. Frame rate before tiers: a ball that is seen in every
/// frame helps more than one seen sharply in every second. Of two lanes the rim's larger tier comes
/// first: it is the cheaper of the two, and decides what is made and what is missed. The top rate
/// is above 25 so that a 25 Hz camera is never limited.
pub const LADDER: &[OperatingPoint] = &[
    OperatingPoint::SMALLEST,
    rung(30, Tier::Nano, Tier::Nano),
    rung(30, Tier::Nano, Tier::Small),
    rung(30, Tier::Nano, Tier::Full),
    rung(30, Tier::Small, Tier::Full),
    rung(30, Tier::Full, Tier::Full),
];

/// The ladder where only the smallest tier may be used.
pub const LADDER_NANO: &[OperatingPoint] =
    &[OperatingPoint::SMALLEST, rung(30, Tier::Nano, Tier::Nano)];

/// The ladder where only the tier between may be used; the smallest point is still its lowest
/// rung, for the box must be able to cool.
pub const LADDER_SMALL: &[OperatingPoint] =
    &[OperatingPoint::SMALLEST, rung(30, Tier::Small, Tier::Small)];

/// The ladder where only the large tier may be used; the smallest point is still its lowest
/// rung, for the box must be able to cool.
pub const LADDER_FULL: &[OperatingPoint] =
    &[OperatingPoint::SMALLEST, rung(30, Tier::Full, Tier::Full)];

/// The rungs of `ladder` as packs without some of the tiers run them: the functions tell, for ball
/// and for rim, which tier runs when one is asked for. Rungs that become the same are one.
///
/// # Panics
/// If the ladder has more than [`RUNGS_MAX`] rungs: ladders are constants.
pub fn reachable(
    ladder: &[OperatingPoint],
    (ball, rim): (impl Fn(Tier) -> Tier, impl Fn(Tier) -> Tier),
) -> heapless::Vec<OperatingPoint, RUNGS_MAX> {
    let mut rungs = heapless::Vec::new();
    for rung in ladder {
        let (ball_tier, rim_tier) = (ball(rung.ball_tier), rim(rung.rim_tier));
        let rung = OperatingPoint { ball_tier, rim_tier, ..*rung };
        if rungs.last() != Some(&rung) {
            rungs.push(rung).expect("a ladder has at most RUNGS_MAX rungs");
        }
    }
    rungs
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn every_ladder_starts_at_the_smallest_point_and_only_rises() {
        for ladder in [LADDER, LADDER_NANO, LADDER_SMALL, LADDER_FULL] {
            assert_eq!(ladder[0], OperatingPoint::SMALLEST);
            for pair in ladder.windows(2) {
                assert!(pair[0].frame_rate <= pair[1].frame_rate);
                assert!(pair[0].ball_tier <= pair[1].ball_tier);
                assert!(pair[0].rim_tier <= pair[1].rim_tier);
                assert_ne!(pair[0], pair[1]);
            }
        }
    }

    #[test]
    fn packs_without_a_tier_have_no_rung_for_it() {
        let any = |tier| tier;
        assert_eq!(reachable(LADDER, (any, any)), LADDER);
        assert_eq!(reachable(LADDER, (|_| Tier::Nano, any)), LADDER[..4]);
        let two = |tier| if tier == Tier::Full { Tier::Full } else { Tier::Nano };
        let [_, _, _, third, _, last] = LADDER else { panic!("six rungs") };
        assert_eq!(reachable(LADDER, (two, two))[..], [LADDER[0], LADDER[1], *third, *last]);
        assert_eq!(reachable(LADDER, (|_| Tier::Nano, |_| Tier::Nano)), LADDER_NANO);
        let only_full = reachable(LADDER, (any, |_| Tier::Full));
        let rim_tiers: std::vec::Vec<_> = only_full.iter().map(|rung| rung.rim_tier).collect();
        assert_eq!(rim_tiers, [Tier::Full; 4]);
        assert_eq!(only_full[1].ball_tier, Tier::Nano);
    }

    #[test]
    fn a_missing_tier_is_replaced_by_the_nearest_cheaper_one() {
        for wanted in Tier::ALL {
            let [first, others @ ..] = wanted.or_nearest();
            assert_eq!(first, wanted);
            assert!(others.iter().all(|tier| *tier != wanted) && others[0] != others[1]);
            let cheaper = others.iter().position(|tier| *tier < wanted);
            let dearer = others.iter().position(|tier| *tier > wanted);
            assert!(cheaper.is_none() || dearer.is_none() || cheaper < dearer, "{wanted}");
        }
        assert_eq!(Tier::Full.or_nearest()[1], Tier::Small);
        assert_eq!(Tier::Nano.or_nearest()[1], Tier::Small);
    }

    #[test]
    fn intervals_of_the_usual_rates() {
        assert_eq!(FrameRate::from_hz(25).interval(), Duration::from_millis(40));
        assert_eq!(FrameRate::from_hz(25).media_interval(), MediaSpan(3_600));
        assert_eq!(FrameRate(12_500).media_interval(), MediaSpan(7_200));
        assert_eq!(FrameRate(0).media_interval(), MediaSpan(MEDIA_HZ));
    }

    #[test]
    fn point_prints_as_people_say_it() {
        let text = OperatingPoint::SMALLEST.to_string();
        assert_eq!(text, "12.5 fps, ball nano, rim nano");
    }
}
