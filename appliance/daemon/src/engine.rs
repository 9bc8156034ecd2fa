//! Model packs of this box: opened once, proved on their golden vectors, turned into lanes for
//! each source.

use std::path::Path;

use anyhow::{Context, Result, bail};
use fusion::board::Field;
use models::engine::Backend;
use models::incoming::Incoming;
use models::lanes::ball::BallLane;
use models::lanes::board::BoardLane;
use models::lanes::hoop::HoopLane;
use models::lanes::players::PlayersLane;
use models::lanes::replay::ReplayWatch;
use models::lanes::rim::RimLane;
use models::lanes::scene::SceneLane;
use models::lanes::sound::SoundLane;
use models::manifest::Lane;
use models::pack::Pack;
use models::{Engines, Trust};
use pipeline::board::Board;
use pipeline::hoops::Hoops;
use pipeline::inference::Lanes;
use pipeline::players::Players;
use pipeline::renewal::{NewLane, Renewal};
use tracing::warn;
use wire::ids::Name;
use wire::units::PixelBox;

use crate::tiers::{self, Tiers};

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
    players: Option<Pack>,
}

impl Packs {
    /// Opens the packs `ball`, `rim`, `hoop`, `board` and `sound` in `folder`, if `trust` vouches for them, and
    /// proves them on the engine that will run them. Without people: they make no events.
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
            let pack = Pack::open(&folder.join(name), trust, engines)
                .with_context(|| format!("model pack `{name}` not usable"))?;
            tell_unfit(&pack);
            Ok(pack)
        })
    }

    /// The packs that `open` gives for the names `ball`, `rim`, `hoop`, `board` and `sound`.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn of(open: impl Fn(&str) -> Result<Pack>) -> Result<Self> {
        let (ball, rim, hoop) = (open("ball")?, open("rim")?, open("hoop")?);
        let (board, sound) = (open("board")?, open("sound")?);
        Ok(Self { ball, rim, hoop, board, sound, players: None })
    }

    /// With a pack that looks for people, if the box has one.
    #[must_use]
    pub fn with_players(self, players: Option<Pack>) -> Self {
        Self { players, ..self }
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
        let players = |pack: &Pack| PlayersLane::load(pack, best_tier(pack));
        let players = self.players.as_ref().map(players).transpose()?;
        Ok(Lanes {
            ball: BallLane::load(&self.ball, first_tier(&self.ball))?,
            rims: rims(&self.rim)?,
            finder: Some(HoopLane::load(&self.hoop, first_tier(&self.hoop))?),
            hoops: Hoops::new(hoops),
            incoming: Incoming::default(),
            scene: SceneLane::default(),
            replays: ReplayWatch::default(),
            in_replay: false,
            board: Board::new(BoardLane::load(&self.board, best_tier(&self.board))?, fields),
            players: Players::new(players),
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
        Tiers::of(&self.ball, &self.rim)
    }

    /// What runs the lanes at a tier: `onnxruntime f32`, or each lane by its own name where they
    /// differ.
    pub fn run_by(&self, tier: governor::Tier) -> String {
        let by = |pack: &Pack, tier: Option<&str>| {
            let backend = tier.and_then(|tier| pack.backend(tier).ok());
            backend.map_or("nothing", Backend::as_str)
        };
        let lanes = [
            ("ball", by(&self.ball, tiers::name_of(&self.ball, tier))),
            ("rim", by(&self.rim, tiers::name_of(&self.rim, tier))),
            ("hoop", by(&self.hoop, Some(first_tier(&self.hoop)))),
            ("board", by(&self.board, Some(best_tier(&self.board)))),
            ("sound", by(&self.sound, Some(best_tier(&self.sound)))),
        ];
        if lanes.iter().all(|(_, by)| *by == lanes[0].1) {
            return lanes[0].1.to_owned();
        }
        lanes.map(|(lane, by)| format!("{by} ({lane})")).join(", ")
    }

    /// Whether there is a pack that looks for people.
    pub fn look_for_people(&self) -> bool {
        self.players.is_some()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Pack> {
        let always = [&self.ball, &self.rim, &self.hoop, &self.board, &self.sound];
        always.into_iter().chain(&self.players)
    }
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
            Lane::Players => NewLane::Players(Box::new(PlayersLane::load(pack, best_tier(pack))?)),
        })
    };
    Ok(Renewal { lane, sources: (0..sources).map(new).collect::<Result<_>>()? })
}

/// Tells in the log which networks this machine cannot run rightly as it should: a slower one runs
/// instead.
pub fn tell_unfit(pack: &Pack) {
    let name = &pack.manifest().name;
    for unfit in pack.unfit() {
        let (tier, backend, reason) = (&unfit.tier, unfit.backend, &unfit.reason);
        warn!("model pack {name}: tier {tier} is not run by {backend}, but as f32: {reason}");
    }
}

/// A pack with its version and tiers, as one line.
pub fn describe(pack: &Pack) -> String {
    let tier = |tier: &models::manifest::Tier| match pack.backend(&tier.name) {
        Ok(backend) => format!("{} ({})", tier.name, backend.as_str()),
        Err(_) => tier.name.clone(),
    };
    let tiers: Vec<String> = pack.tiers().iter().map(tier).collect();
    let manifest = pack.manifest();
    format!("{} version {}, tiers {}", manifest.name, manifest.version, tiers.join(" and "))
}

fn rims(pack: &Pack) -> Result<[RimLane; fusion::HOOPS_MAX]> {
    let rim = || RimLane::load(pack, first_tier(pack));
    Ok([rim()?, rim()?, rim()?, rim()?])
}
