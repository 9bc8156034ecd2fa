//! Model packs of this box: opened once, proved on their golden vectors, turned into lanes for
//! each source.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use governor::{OperatingPoint, Tier};
use models::lanes::ball::BallLane;
use models::lanes::hoop::HoopLane;
use models::lanes::rim::RimLane;
use models::lanes::scene::SceneLane;
use models::manifest::Lane;
use models::pack::Pack;
use models::{Engines, Trust};
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

/// The packs that the box runs.
pub struct Packs {
    ball: Pack,
    rim: Pack,
    hoop: Pack,
}

impl Packs {
    /// Opens the packs `ball`, `rim` and `hoop` in `folder`, if `trust` vouches for them, and
    /// proves them on the engine that will run them.
    ///
    /// # Errors
    /// Names the folder or file, what is wrong with it and what to do.
    pub fn open(folder: &Path, trust: &Trust, engines: &Engines) -> Result<Self> {
        if !folder.is_dir() {
            bail!(
                "model packs not found: {} is no folder; set `[models] packs` to the folder that \
                 holds `ball`, `rim` and `hoop`, or the environment variable COURTSIDE_PACKS",
                folder.display()
            );
        }
        Self::of(|name| {
            Pack::open(&folder.join(name), trust, engines)
                .with_context(|| format!("model pack `{name}` not usable"))
        })
    }

    /// The packs that `open` gives for the names `ball`, `rim` and `hoop`.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn of(open: impl Fn(&str) -> Result<Pack>) -> Result<Self> {
        Ok(Self { ball: open("ball")?, rim: open("rim")?, hoop: open("hoop")? })
    }

    /// Lanes for one source. `hoops` are the technician's boxes, empty to search for hoops.
    ///
    /// # Errors
    /// A pack lacks a tier or is of another kind.
    pub fn lanes(&self, hoops: &[(Name, PixelBox)]) -> Result<Lanes> {
        Ok(Lanes {
            ball: BallLane::load(&self.ball, first_tier(&self.ball))?,
            rims: rims(&self.rim)?,
            finder: Some(HoopLane::load(&self.hoop, first_tier(&self.hoop))?),
            hoops: Hoops::new(hoops),
            scene: SceneLane::default(),
        })
    }

    /// What the ball and the rim lane take for one frame and one hoop at an operating point, by the
    /// packs' manifests: measured on another machine.
    pub fn costs(&self) -> impl Fn(OperatingPoint) -> Duration + Send + use<> {
        let of = |pack: &Pack| -> Vec<(String, f32)> {
            pack.tiers().iter().map(|tier| (tier.name.clone(), tier.cost_ms)).collect()
        };
        let (ball, rim) = (of(&self.ball), of(&self.rim));
        // A pack without the tier goes on with the one it has.
        let cost_ms = |tiers: &[(String, f32)], wanted: Tier| {
            let tier = tiers.iter().find(|(name, _)| name == wanted.as_str()).or(tiers.first());
            tier.map_or(0.0, |(_, cost_ms)| *cost_ms)
        };
        move |point| {
            let ms = cost_ms(&ball, point.ball_tier) + cost_ms(&rim, point.rim_tier);
            Duration::from_secs_f32(ms / 1_000.0)
        }
    }

    /// All of them.
    pub fn all(&self) -> [&Pack; 3] {
        [&self.ball, &self.rim, &self.hoop]
    }
}

/// New lanes of a pack for so many sources, to be handed to the running inference stage.
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
