//! Model packs of this box: opened once, proved on their golden vectors, turned into lanes for
//! each source.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fusion::board::Field;
use governor::operating_point::reachable;
use governor::{OperatingPoint, Tier};
use models::incoming::Incoming;
use models::lanes::ball::BallLane;
use models::lanes::board::BoardLane;
use models::lanes::hoop::HoopLane;
use models::lanes::rim::RimLane;
use models::lanes::scene::SceneLane;
use models::lanes::sound::SoundLane;
use models::manifest::{self, Lane};
use models::pack::Pack;
use models::{Engines, Trust};
use pipeline::board::Board;
use pipeline::hoops::Hoops;
use pipeline::inference::Lanes;
use pipeline::renewal::{NewLane, Renewal};
use wire::ids::Name;
use wire::units::PixelBox;

/// Tier in which lanes start; the first operating point follows within a second.
const FIRST_TIER: &str = "nano";

fn first_tier(pack: &Pack) -> &str {
    let tiers = pack.tiers();
    let first = tiers.iter().find(|tier| tier.name == FIRST_TIER).or(tiers.first());
    // A manifest without tiers is refused when the pack is opened.
    first.map_or(FIRST_TIER, |tier| tier.name.as_str())
}

/// The tier of what is cheap: the governor has nothing to gain from less of it.
fn best_tier(pack: &Pack) -> &str {
    pack.tiers().last().map_or(FIRST_TIER, |tier| tier.name.as_str())
}

/// The packs that the box runs.
pub struct Packs {
    ball: Pack,
    rim: Pack,
    hoop: Pack,
    board: Pack,
    sound: Pack,
}

impl Packs {
    /// Opens the packs `ball`, `rim`, `hoop`, `board` and `sound` in `folder`, if `trust` vouches for them, and
    /// proves them on the engine that will run them.
    ///
    /// # Errors
    /// Names the folder or file, what is wrong with it and what to do.
    pub fn open(folder: &Path, trust: &Trust, engines: &Engines) -> Result<Self> {
        if !folder.is_dir() {
            bail!(
                "model packs not found: {} is no folder; set `[models] packs` to the folder that \
                 holds `ball`, `rim`, `hoop`, `board` and `sound`, or the environment variable COURTSIDE_PACKS",
                folder.display()
            );
        }
        Self::of(|name| {
            Pack::open(&folder.join(name), trust, engines)
                .with_context(|| format!("model pack `{name}` not usable"))
        })
    }

    /// The packs that `open` gives for the names `ball`, `rim`, `hoop`, `board` and `sound`.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn of(open: impl Fn(&str) -> Result<Pack>) -> Result<Self> {
        let (ball, rim, hoop) = (open("ball")?, open("rim")?, open("hoop")?);
        Ok(Self { ball, rim, hoop, board: open("board")?, sound: open("sound")? })
    }

    /// Lanes for one source. `hoops` are the technician's boxes, empty to search for hoops;
    /// `fields` are those of the scoreboard.
    ///
    /// # Errors
    /// A pack lacks a tier or is of another kind.
    pub fn lanes(
        &self,
        hoops: &[(Name, PixelBox)],
        fields: Vec<(Field, PixelBox)>,
    ) -> Result<Lanes> {
        Ok(Lanes {
            ball: BallLane::load(&self.ball, first_tier(&self.ball))?,
            rims: rims(&self.rim)?,
            finder: Some(HoopLane::load(&self.hoop, first_tier(&self.hoop))?),
            hoops: Hoops::new(hoops),
            incoming: Incoming::default(),
            scene: SceneLane::default(),
            board: Board::new(BoardLane::load(&self.board, best_tier(&self.board))?, fields),
        })
    }

    /// What listens to one source.
    ///
    /// # Errors
    /// The pack is of another kind.
    pub fn ear(&self) -> Result<SoundLane> {
        Ok(SoundLane::load(&self.sound, best_tier(&self.sound))?)
    }

    /// The tiers that the governor chooses from.
    pub fn tiers(&self) -> Tiers {
        let of = |pack: &Pack| {
            let known = |tier: &manifest::Tier| {
                let size = [Tier::Nano, Tier::Full].into_iter().find(|t| t.as_str() == tier.name);
                size.map(|size| (size, tier.cost_ms))
            };
            pack.tiers().iter().filter_map(known).collect()
        };
        Tiers { ball: of(&self.ball), rim: of(&self.rim) }
    }

    /// All of them.
    pub fn all(&self) -> [&Pack; 5] {
        [&self.ball, &self.rim, &self.hoop, &self.board, &self.sound]
    }
}

/// The tiers of the ball and the rim pack with their `cost_ms`, as they were at start: an installed
/// pack with other tiers is used in full after the next one.
pub struct Tiers {
    ball: Vec<(Tier, f32)>,
    rim: Vec<(Tier, f32)>,
}

impl Tiers {
    /// The rungs of a ladder that these packs can climb.
    pub fn ladder(&self, ladder: &[OperatingPoint]) -> Vec<OperatingPoint> {
        let ball = |wanted| runs(&self.ball, wanted).map_or(wanted, |(tier, _)| tier);
        let rim = |wanted| runs(&self.rim, wanted).map_or(wanted, |(tier, _)| tier);
        reachable(ladder, (ball, rim)).to_vec()
    }

    /// What both lanes take for one frame and one hoop at an operating point, by the packs'
    /// manifests: measured on another machine.
    pub fn cost(&self, point: OperatingPoint) -> Duration {
        let cost_ms = |tiers, wanted| runs(tiers, wanted).map_or(0.0, |(_, cost_ms)| cost_ms);
        let ms = cost_ms(&self.ball, point.ball_tier) + cost_ms(&self.rim, point.rim_tier);
        Duration::from_secs_f32(ms / 1_000.0)
    }
}

/// The tier that runs when one is asked for: a pack without it goes on with the one it has.
fn runs(tiers: &[(Tier, f32)], wanted: Tier) -> Option<(Tier, f32)> {
    tiers.iter().find(|(tier, _)| *tier == wanted).or(tiers.first()).copied()
}

/// New lanes of a pack for so many sources, to be handed to the running stages.
///
/// # Errors
/// The pack lacks a tier.
pub fn renewal(pack: &Pack, sources: usize) -> Result<Renewal> {
    let lane = pack.manifest().lane;
    let tier = first_tier(pack);
    let new = |_| -> Result<NewLane> {
        Ok(match lane {
            Lane::Ball => NewLane::Ball(Box::new(BallLane::load(pack, tier)?)),
            Lane::Rim => NewLane::Rims(Box::new(rims(pack)?)),
            Lane::Hoop => NewLane::Finder(Box::new(HoopLane::load(pack, tier)?)),
            Lane::Board => NewLane::Board(Box::new(BoardLane::load(pack, best_tier(pack))?)),
            Lane::Sound => NewLane::Sound(Box::new(SoundLane::load(pack, best_tier(pack))?)),
        })
    };
    Ok(Renewal { lane, sources: (0..sources).map(new).collect::<Result<_>>()? })
}

/// A pack with its version and tiers, as one line.
pub fn describe(pack: &Pack) -> String {
    let tiers: Vec<&str> = pack.tiers().iter().map(|tier| tier.name.as_str()).collect();
    let manifest = pack.manifest();
    format!("{} version {}, tiers {}", manifest.name, manifest.version, tiers.join(" and "))
}

fn rims(pack: &Pack) -> Result<[RimLane; fusion::HOOPS_MAX]> {
    let rim = || RimLane::load(pack, first_tier(pack));
    Ok([rim()?, rim()?, rim()?, rim()?])
}

#[cfg(test)]
mod tests {
    use governor::operating_point::{LADDER, LADDER_FULL};

    use super::*;

    #[test]
    fn governor_climbs_only_to_tiers_that_the_packs_have() {
        let rim = vec![(Tier::Nano, 0.5), (Tier::Full, 2.0)];
        let tiers = Tiers { ball: vec![(Tier::Nano, 1.5)], rim };
        assert_eq!(tiers.ladder(LADDER), LADDER[..3]);
        assert_eq!(tiers.ladder(LADDER_FULL), [LADDER[0], LADDER[2]]);
        let costs: Vec<Duration> = LADDER[..3].iter().map(|point| tiers.cost(*point)).collect();
        assert_eq!(costs, [2_000, 2_000, 3_500].map(Duration::from_micros));
        // Names that the governor does not know: it may ask for any tier, and the pack's one runs.
        let unknown = Tiers { ball: Vec::new(), rim: Vec::new() };
        assert_eq!(unknown.ladder(LADDER), LADDER);
    }
}
