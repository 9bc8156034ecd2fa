//! A pack on disk: reads the folder, checks the manifest's signature and every file against the
//! manifest, compiles every tier in every precision that this process can run, and lets each prove
//! itself on its golden vector before anything else may use it.
//!
//! Reads nothing outside the pack's folder. Format and reasons: `docs/models.md`.

use std::path::{Path, PathBuf};

use hal::infer::InferError;
use thiserror::Error;
use wire::units::Milliwatts;

use crate::engine::{Backend, Engines, LoadError, Network, Plan, Signature, Speed};
use crate::manifest::{Lane, Manifest, ManifestError, Precision, Tier};
use crate::trust::{SignatureError, Trust};

mod load;

/// File that says what a pack is.
pub const MANIFEST: &str = "manifest.toml";
/// File that says who vouches for it.
pub const SIGNATURE: &str = "manifest.toml.minisig";

/// A pack, checked and compiled: every tier is resident and has passed its golden vector.
/// Cloning shares the weights.
#[derive(Clone)]
pub struct Pack {
    folder: PathBuf,
    manifest: Manifest,
    digest: String,
    plans: Vec<TierPlans>,
    unfit: Vec<Unfit>,
}

/// One tier in every precision that this process can run.
#[derive(Clone)]
struct TierPlans {
    f32: Plan,
    int8: Option<Plan>,
    /// Which of the two [`Pack::network`] gives.
    runs: Precision,
    /// What that takes, if it was measured on this machine.
    measured: Option<Speed>,
}

/// A network that this machine cannot run rightly as it should: its tier runs as f32 by the usual
/// engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Which tier.
    pub tier: String,
    /// What cannot run it.
    pub backend: Backend,
    /// What went wrong, as a sentence.
    pub reason: String,
}

/// Why a pack cannot be used.
#[derive(Debug, Error)]
pub enum PackError {
    /// A file is missing or cannot be read.
    #[error("model pack file {path} not read: {source}; copy the whole folder of the pack again")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is larger than any real one.
    #[error("model pack file {path} has more than {max} bytes; it does not belong to a pack")]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The limit.
        max: u64,
    },
    /// Nobody vouches for the pack.
    #[error(
        "model pack {folder} is not signed: it has no {SIGNATURE}; sign it with \
         `python -m courtside_train sign {folder}` or `minisign -Sm {folder}/{MANIFEST}`"
    )]
    Unsigned {
        /// The pack's folder.
        folder: PathBuf,
    },
    /// The signature does not vouch for the pack.
    #[error("model pack {folder} not trusted: {source}")]
    Signature {
        /// The pack's folder.
        folder: PathBuf,
        /// Why not.
        source: SignatureError,
    },
    /// The manifest is wrong.
    #[error("{path}: {source}")]
    Manifest {
        /// Which manifest.
        path: PathBuf,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A pack of another kind than the one asked for.
    #[error("{path}: `lane` is {found:?}, but a {wanted:?} pack is needed; name another folder")]
    Lane {
        /// Which manifest.
        path: PathBuf,
        /// What the pack is.
        found: Lane,
        /// What is needed.
        wanted: Lane,
    },
    /// A file is not the one that the manifest was written for.
    #[error(
        "{path} is damaged or another version: its SHA-256 is {found}, but `{key}` is {expected}; \
         copy the whole folder of the pack again"
    )]
    Digest {
        /// Which file.
        path: PathBuf,
        /// Which key of the manifest.
        key: String,
        /// The file's SHA-256.
        found: String,
        /// The manifest's.
        expected: String,
    },
    /// The network cannot be used.
    #[error("{path}: {source}; train or export the pack again")]
    Network {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: LoadError,
    },
    /// The golden file has not the size that the shapes ask for.
    #[error(
        "{path} holds {found} bytes, but input and output of tier {tier} take {expected}; \
         train or export the pack again"
    )]
    GoldenSize {
        /// Which file.
        path: PathBuf,
        /// Which tier.
        tier: String,
        /// Bytes that it holds.
        found: usize,
        /// Bytes that it should hold.
        expected: usize,
    },
    /// The network computes something else on this machine than on the trainer's.
    #[error(
        "{path}: {engine} differs from the golden output by {error} of its largest value, at most \
         {max} is allowed; this machine or engine computes wrongly, do not use the pack on it"
    )]
    Golden {
        /// Which golden file.
        path: PathBuf,
        /// Engine and precision.
        engine: String,
        /// Largest difference as a share of the largest magnitude.
        error: f32,
        /// The limit.
        max: f32,
    },
    /// The network failed on its golden vector.
    #[error("{path}: {source}")]
    Run {
        /// Which file.
        path: PathBuf,
        /// What the engine said.
        source: InferError,
    },
    /// There is no int8 network.
    #[error("model pack {pack} has no int8 network of tier {tier}; take f32")]
    NoInt8 {
        /// Which pack.
        pack: String,
        /// Which tier.
        tier: String,
    },
    /// There is no such tier.
    #[error("model pack {pack} has no tier {tier:?}, only {tiers}; name one of them")]
    NoTier {
        /// Which pack.
        pack: String,
        /// The tier that was asked for.
        tier: String,
        /// The tiers that there are.
        tiers: String,
    },
}

impl Pack {
    /// Reads, checks and compiles the pack in `folder`: signature, digests, shapes, golden
    /// vectors, all tiers, each with the engines that may run it. Takes a few hundred ms; done
    /// once, at start.
    ///
    /// # Errors
    /// [`PackError`] for anything that is not as the manifest says, or if nobody in `trust` signed
    /// the manifest. Never panics, whatever the files contain.
    pub fn open(folder: &Path, trust: &Trust, engines: &Engines) -> Result<Self, PackError> {
        let signed = load::manifest(folder, trust)?;
        let mut unfit = Vec::new();
        let tiers = signed.manifest.tiers.iter();
        let plans = tiers
            .map(|tier| load::tier((folder, engines), (&signed, tier), &mut unfit))
            .collect::<Result<_, _>>()?;
        let load::Signed { manifest, digest } = signed;
        Ok(Self { folder: folder.to_owned(), manifest, digest, plans, unfit })
    }

    /// Reads the pack in `folder` and checks signature, manifest and digests, but lets no engine
    /// near the networks.
    ///
    /// # Errors
    /// As [`open`](Self::open), of what it checks.
    pub fn check(folder: &Path, trust: &Trust) -> Result<Manifest, PackError> {
        let manifest = load::manifest(folder, trust)?.manifest;
        for (file, key, expected) in manifest.files() {
            load::read_checked(folder, file, (key, expected))?;
        }
        Ok(manifest)
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The tiers with cost and accuracy, from the cheapest to the most accurate.
    pub fn tiers(&self) -> &[Tier] {
        &self.manifest.tiers
    }

    /// SHA-256 of the manifest's file, hexadecimal: it names every digest, so it stands for all of
    /// the pack.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Networks that this machine cannot run rightly as it should. Somebody should be told.
    pub fn unfit(&self) -> &[Unfit] {
        &self.unfit
    }

    /// A network of one tier, for one thread; the weights are shared with all others of it.
    ///
    /// # Errors
    /// [`PackError::NoTier`], or [`PackError::Run`] if the engine cannot set it up.
    pub fn network(&self, tier: &str) -> Result<Network, PackError> {
        let at = self.tier_index(tier)?;
        self.spawn(at, self.plans[at].runs())
    }

    /// The same in every precision in which it is resident, the one that runs first.
    ///
    /// # Errors
    /// As [`network`](Self::network).
    pub fn networks(&self, tier: &str) -> Result<Vec<Network>, PackError> {
        let at = self.tier_index(tier)?;
        let plans = &self.plans[at];
        let others = [Some(&plans.f32), plans.int8.as_ref()].into_iter().flatten();
        let others = others.filter(|plan| plan.backend() != plans.runs().backend());
        std::iter::once(plans.runs()).chain(others).map(|plan| self.spawn(at, plan)).collect()
    }

    /// The network of a tier, loaded anew with a certain backend, proved: for measuring.
    ///
    /// # Errors
    /// [`PackError`], also if the pack or the process has not what it takes.
    pub fn load_with(
        &self,
        tier: &str,
        (engines, backend): (&Engines, Backend),
    ) -> Result<Network, PackError> {
        let at = self.tier_index(tier)?;
        let of = (&self.manifest, &self.manifest.tiers[at]);
        let plan = load::plan(&self.folder, (engines, backend), of)?;
        self.spawn(at, &plan)
    }

    /// What runs a tier.
    ///
    /// # Errors
    /// [`PackError::NoTier`].
    pub fn backend(&self, tier: &str) -> Result<Backend, PackError> {
        Ok(self.plans[self.tier_index(tier)?].runs().backend())
    }

    /// Names and shapes of a tier's networks.
    ///
    /// # Errors
    /// [`PackError::NoTier`].
    pub fn signature(&self, tier: &str) -> Result<&Signature, PackError> {
        Ok(self.plans[self.tier_index(tier)?].f32.signature())
    }

    /// What one run of a tier takes on this machine in ms, if it was measured.
    ///
    /// # Errors
    /// [`PackError::NoTier`].
    pub fn measured_ms(&self, tier: &str) -> Result<Option<f32>, PackError> {
        Ok(self.plans[self.tier_index(tier)?].measured.map(|speed| speed.cost_ms))
    }

    /// What the box draws more while a tier runs again and again, if it was measured.
    ///
    /// # Errors
    /// [`PackError::NoTier`].
    pub fn measured_power(&self, tier: &str) -> Result<Option<Milliwatts>, PackError> {
        Ok(self.plans[self.tier_index(tier)?].measured.and_then(|speed| speed.power))
    }

    fn spawn(&self, at: usize, plan: &Plan) -> Result<Network, PackError> {
        let path = || self.folder.join(&self.manifest.tiers[at].file);
        plan.spawn().map_err(|source| PackError::Run { path: path(), source })
    }

    /// Which of [`tiers`](Self::tiers) has this name.
    pub(crate) fn tier_index(&self, tier: &str) -> Result<usize, PackError> {
        let tiers = self.tiers();
        tiers.iter().position(|t| t.name == tier).ok_or_else(|| PackError::NoTier {
            pack: self.manifest.name.clone(),
            tier: tier.to_owned(),
            tiers: tiers.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// This pack, if it is one for `wanted`.
    pub(crate) fn for_lane(&self, wanted: Lane) -> Result<&Self, PackError> {
        let found = self.manifest.lane;
        if found == wanted {
            return Ok(self);
        }
        Err(PackError::Lane { path: self.folder.join(MANIFEST), found, wanted })
    }
}

impl TierPlans {
    /// The plan that runs.
    fn runs(&self) -> &Plan {
        match (self.runs, &self.int8) {
            (Precision::Int8, Some(int8)) => int8,
            (Precision::Int8 | Precision::F32, _) => &self.f32,
        }
    }
}
