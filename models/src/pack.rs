//! A pack on disk: reads the folder, checks the manifest's signature and every file against the
//! manifest, compiles every tier, and lets each prove itself on its golden vector before anything
//! else may use it.
//!
//! Reads nothing outside the pack's folder. Format and reasons: `docs/models.md`.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use hal::infer::{Infer, InferError, Tensor};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::engine::{Engines, LoadError, Network, Plan, Signature};
use crate::limits::{FILE_BYTES_MAX, GOLDEN_ERROR_MAX, MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX};
use crate::manifest::{Lane, Manifest, ManifestError, Tier};
use crate::trust::{SignatureError, Trust};

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
    plans: Vec<Plan>,
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
    /// vectors, all tiers, each with the engine that will run it. Takes a few hundred ms; done
    /// once, at start.
    ///
    /// # Errors
    /// [`PackError`] for anything that is not as the manifest says, or if nobody in `trust` signed
    /// the manifest. Never panics, whatever the files contain.
    pub fn open(folder: &Path, trust: &Trust, engines: &Engines) -> Result<Self, PackError> {
        let manifest = read_manifest(folder, trust)?;
        let plans = manifest
            .tiers
            .iter()
            .map(|tier| load((folder, engines), &manifest, tier))
            .collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), manifest, plans })
    }

    /// Reads the pack in `folder` and checks signature, manifest and digests, but lets no engine
    /// near the networks.
    ///
    /// # Errors
    /// As [`open`](Self::open), of what it checks.
    pub fn check(folder: &Path, trust: &Trust) -> Result<Manifest, PackError> {
        let manifest = read_manifest(folder, trust)?;
        for (file, key, expected) in manifest.files() {
            read_checked(folder, file, (key, expected))?;
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

    /// A network of one tier, for one thread; the weights are shared with all others of it.
    ///
    /// # Errors
    /// [`PackError::NoTier`], or [`PackError::Run`] if the engine cannot set it up.
    pub fn network(&self, tier: &str) -> Result<Network, PackError> {
        let at = self.tier_index(tier)?;
        let path = || self.folder.join(&self.manifest.tiers[at].file);
        self.plans[at].spawn().map_err(|source| PackError::Run { path: path(), source })
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

/// The manifest, if somebody whom this box trusts has signed it. Not a word of it is believed,
/// or even parsed, before that.
fn read_manifest(folder: &Path, trust: &Trust) -> Result<Manifest, PackError> {
    let path = folder.join(MANIFEST);
    let text = read(&path, MANIFEST_BYTES_MAX)?;
    let signature = match read(&folder.join(SIGNATURE), SIGNATURE_BYTES_MAX) {
        Ok(signature) => signature,
        Err(PackError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Err(PackError::Unsigned { folder: folder.to_owned() });
        }
        Err(error) => return Err(error),
    };
    trust
        .verify(&text, &signature)
        .map_err(|source| PackError::Signature { folder: folder.to_owned(), source })?;
    Manifest::parse(&String::from_utf8_lossy(&text))
        .map_err(|source| PackError::Manifest { path, source })
}

fn load(
    (folder, engines): (&Path, &Engines),
    manifest: &Manifest,
    tier: &Tier,
) -> Result<Plan, PackError> {
    let key = |field: &str| format!("tier.{}.{field}", tier.name);
    let onnx = read_checked(folder, &tier.file, (key("sha256"), &tier.sha256))?;
    let golden = read_checked(folder, &tier.golden, (key("golden_sha256"), &tier.golden_sha256))?;
    let signature = Signature {
        network: format!("{}/{}", manifest.name, tier.name),
        input: manifest.input.name.clone(),
        input_shape: tier.input_shape.clone(),
        output: manifest.output.name.clone(),
        output_shape: tier.output_shape.clone(),
    };
    let plan = Plan::load(engines, signature, &onnx)
        .map_err(|source| PackError::Network { path: folder.join(&tier.file), source })?;
    prove(&plan, tier, &golden, &folder.join(&tier.golden))?;
    Ok(plan)
}

/// Runs the golden input and compares the outputs.
fn prove(plan: &Plan, tier: &Tier, golden: &[u8], path: &Path) -> Result<(), PackError> {
    let inputs: usize = tier.input_shape.iter().product();
    let outputs: usize = tier.output_shape.iter().product();
    let (values, rest) = golden.as_chunks::<4>();
    if !rest.is_empty() || values.len() != inputs + outputs {
        return Err(PackError::GoldenSize {
            path: path.to_owned(),
            tier: tier.name.clone(),
            found: golden.len(),
            expected: (inputs + outputs) * 4,
        });
    }
    let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let (input, expected) = values.split_at(inputs);
    let input = Tensor { shape: tier.input_shape.clone(), data: input.to_vec() };
    let run = |source| PackError::Run { path: path.to_owned(), source };
    let mut network = plan.spawn().map_err(run)?;
    let answer = network.run(&[input]).map_err(run)?;
    let largest = expected.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
    let worst = answer[0].data.iter().zip(expected).fold(0.0_f32, |m, (a, b)| {
        let difference = (a - b).abs();
        // A NaN in the golden file must not slip through `max`.
        if difference.is_nan() { f32::INFINITY } else { m.max(difference) }
    });
    let error = worst / largest;
    if error <= GOLDEN_ERROR_MAX {
        return Ok(());
    }
    let engine = network.engine().to_owned();
    Err(PackError::Golden { path: path.to_owned(), engine, error, max: GOLDEN_ERROR_MAX })
}

fn read_checked(
    folder: &Path,
    file: &str,
    (key, expected): (String, &str),
) -> Result<Vec<u8>, PackError> {
    let path = folder.join(file);
    let bytes = read(&path, FILE_BYTES_MAX)?;
    let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    if found.eq_ignore_ascii_case(expected) {
        return Ok(bytes);
    }
    Err(PackError::Digest { path, key, found, expected: expected.to_owned() })
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, PackError> {
    let fail = |source| PackError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(fail)?.take(max + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > max {
        return Err(PackError::TooLarge { path: path.to_owned(), max });
    }
    Ok(bytes)
}
