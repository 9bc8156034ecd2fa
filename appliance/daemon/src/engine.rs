//! Model packs of this box: opened once, proved on their golden vectors, turned into lanes for
//! each source.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use models::lanes::ball::BallLane;
use models::lanes::hoop::HoopLane;
use models::lanes::rim::RimLane;
use models::pack::Pack;
use pipeline::hoops::Hoops;
use pipeline::inference::Lanes;
use wire::ids::Name;
use wire::units::PixelBox;

/// Tier in which lanes start; the first operating point follows within a second.
const FIRST_TIER: &str = "nano";

/// The packs that the box runs.
pub struct Packs {
    ball: Pack,
    rim: Pack,
    hoop: Pack,
}

impl Packs {
    /// Opens and proves the packs `ball`, `rim` and `hoop` in `folder`.
    ///
    /// # Errors
    /// Names the folder or file, what is wrong with it and what to do.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!(
                "model packs not found: {} is no folder; set `[models] packs` to the folder that \
                 holds `ball`, `rim` and `hoop`, or the environment variable COURTSIDE_PACKS",
                folder.display()
            );
        }
        let open = |name: &str| {
            let path: PathBuf = folder.join(name);
            Pack::open(&path).with_context(|| format!("model pack `{name}` not usable"))
        };
        Ok(Self { ball: open("ball")?, rim: open("rim")?, hoop: open("hoop")? })
    }

    /// Lanes for one source. `hoops` are the technician's boxes, empty to search for hoops.
    ///
    /// # Errors
    /// A pack lacks a tier or is of another kind.
    pub fn lanes(&self, hoops: &[(Name, PixelBox)]) -> Result<Lanes> {
        let rim = || RimLane::load(&self.rim, FIRST_TIER);
        Ok(Lanes {
            ball: BallLane::load(&self.ball, FIRST_TIER)?,
            rims: [rim()?, rim()?, rim()?, rim()?],
            finder: Some(HoopLane::load(&self.hoop, self.hoop.tiers()[0].name.as_str())?),
            hoops: Hoops::new(hoops),
        })
    }

    /// Name, version and tiers of every pack, for the birth message and for people.
    pub fn versions(&self) -> Vec<(String, u32)> {
        [&self.ball, &self.rim, &self.hoop]
            .map(|pack| (pack.manifest().name.clone(), pack.manifest().version))
            .to_vec()
    }
}
