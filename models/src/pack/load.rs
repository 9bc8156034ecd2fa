//! The files of a pack's folder: read, checked against the manifest, compiled, and proved on their
//! golden vectors.
//!
//! Owns the order of these checks for one tier. Which backend is tried is `engine::choice`'s rule.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use hal::infer::{Infer, Tensor};
use sha2::{Digest, Sha256};

use super::{MANIFEST, PackError, SIGNATURE, TierPlans, Unfit};
use crate::engine::{Backend, Engines, LoadError, Plan, Preference, Signature};
use crate::limits::{
    FILE_BYTES_MAX, GOLDEN_ERROR_INT8_MAX, GOLDEN_ERROR_MAX, MANIFEST_BYTES_MAX,
    SIGNATURE_BYTES_MAX,
};
use crate::manifest::{Int8, Manifest, Precision, Tier};
use crate::trust::Trust;

/// A manifest with the SHA-256 of its file.
pub(super) struct Signed {
    pub(super) manifest: Manifest,
    pub(super) digest: String,
}

/// The manifest, if somebody whom this box trusts has signed it. Not a word of it is believed,
/// or even parsed, before that.
pub(super) fn manifest(folder: &Path, trust: &Trust) -> Result<Signed, PackError> {
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
    let manifest = Manifest::parse(&String::from_utf8_lossy(&text))
        .map_err(|source| PackError::Manifest { path, source })?;
    Ok(Signed { manifest, digest: sha256(&text) })
}

/// Every plan of a tier that this process can run, and which of them runs.
///
/// The f32 network must load and prove itself, but for a GPU that was measured and does not do what
/// it did: the usual engine runs it then. Of the int8 one the files must be as the manifest says;
/// if this machine or library cannot run it rightly, the tier runs f32. `unfit` says so of both.
pub(super) fn tier(
    (folder, engines): (&Path, &Engines),
    (signed, tier): (&Signed, &Tier),
    unfit: &mut Vec<Unfit>,
) -> Result<TierPlans, PackError> {
    let Signed { manifest, digest } = signed;
    let mut measured = engines.measured(digest, &tier.name);
    let whole = match measured.map(|speed| speed.backend) {
        Some(backend) if backend.precision() == Precision::F32 => backend,
        Some(_) | None => engines.usual(),
    };
    let f32 = match plan(folder, (engines, whole), (manifest, tier)) {
        Err(error) if whole.accelerator() != engines.required() && error.is_of_this_machine() => {
            let reason = error.to_string();
            unfit.push(Unfit { tier: tier.name.clone(), backend: whole, reason });
            measured = None;
            plan(folder, (engines, engines.usual()), (manifest, tier))?
        }
        loaded => loaded?,
    };
    let Some(shipped) = &tier.int8 else {
        let measured = measured.filter(|speed| speed.backend == whole);
        return Ok(TierPlans { f32, int8: None, runs: Precision::F32, measured });
    };
    let int8 = if engines.runs_int8() {
        let loaded = plan(folder, (engines, Backend::OnnxRuntimeInt8), (manifest, tier));
        match loaded {
            Ok(plan) => Some(plan),
            Err(error) if error.is_of_this_machine() => {
                let (backend, reason) = (Backend::OnnxRuntimeInt8, error.to_string());
                unfit.push(Unfit { tier: tier.name.clone(), backend, reason });
                None
            }
            Err(error) => return Err(error),
        }
    } else {
        read_int8(folder, tier, shipped)?;
        None
    };
    let wanted = match (measured, engines.preference()) {
        (Some(speed), _) => speed.backend.precision(),
        (None, Preference::Int8WhereShipped) => Precision::Int8,
        (None, Preference::F32) => Precision::F32,
    };
    let runs = if int8.is_some() { wanted } else { Precision::F32 };
    let measured = measured.filter(|speed| speed.backend.precision() == runs);
    Ok(TierPlans { f32, int8, runs, measured })
}

/// One network of a tier, loaded with one backend, proved.
pub(super) fn plan(
    folder: &Path,
    with: (&Engines, Backend),
    (manifest, tier): (&Manifest, &Tier),
) -> Result<Plan, PackError> {
    let key = |field: &str| format!("tier.{}.{field}", tier.name);
    let golden = read_checked(folder, &tier.golden, (key("golden_sha256"), &tier.golden_sha256))?;
    let (file, onnx, answer) = match (with.1.precision(), &tier.int8) {
        (Precision::F32, _) => {
            (&tier.file, read_checked(folder, &tier.file, (key("sha256"), &tier.sha256))?, None)
        }
        (Precision::Int8, Some(int8)) => {
            let (onnx, answer) = read_int8(folder, tier, int8)?;
            (&int8.file, onnx, Some((folder.join(&int8.golden), answer)))
        }
        (Precision::Int8, None) => {
            let (pack, tier) = (manifest.name.clone(), tier.name.clone());
            return Err(PackError::NoInt8 { pack, tier });
        }
    };
    let signature = Signature {
        network: format!("{}/{}", manifest.name, tier.name),
        input: manifest.input.name.clone(),
        input_shape: tier.input_shape.clone(),
        output: manifest.output.name.clone(),
        output_shape: tier.output_shape.clone(),
    };
    let plan = Plan::load(with, signature, &onnx)
        .map_err(|source| PackError::Network { path: folder.join(file), source })?;
    let path = folder.join(&tier.golden);
    let mut golden = Golden::of(tier, &golden, &path)?;
    match answer {
        None => prove(&plan, golden, &path)?,
        Some((path, answer)) => {
            golden.answer = numbers(&answer, elements(&tier.output_shape), (tier, &path))?;
            prove(&plan, golden, &path)?;
        }
    }
    Ok(plan)
}

impl PackError {
    /// Whether the pack may be right and this machine, or its library, unable to run it: the
    /// files are what the manifest says.
    fn is_of_this_machine(&self) -> bool {
        matches!(
            self,
            Self::Golden { .. }
                | Self::Run { .. }
                | Self::Network { source: LoadError::Engine { .. }, .. }
        )
    }
}

/// An int8 network and its golden answer, if they are the ones that the manifest was written for.
fn read_int8(folder: &Path, tier: &Tier, int8: &Int8) -> Result<(Vec<u8>, Vec<u8>), PackError> {
    let key = |field: &str| format!("tier.{}.int8.{field}", tier.name);
    let onnx = read_checked(folder, &int8.file, (key("sha256"), &int8.sha256))?;
    let sum = (key("golden_sha256"), int8.golden_sha256.as_str());
    Ok((onnx, read_checked(folder, &int8.golden, sum)?))
}

/// A real input of a tier, and the answer to it.
struct Golden {
    input: Tensor,
    answer: Vec<f32>,
}

impl Golden {
    fn of(tier: &Tier, bytes: &[u8], path: &Path) -> Result<Self, PackError> {
        let inputs = elements(&tier.input_shape);
        let mut input = numbers(bytes, inputs + elements(&tier.output_shape), (tier, path))?;
        let answer = input.split_off(inputs);
        Ok(Self { input: Tensor { shape: tier.input_shape.clone(), data: input }, answer })
    }
}

fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Little-endian f32, exactly so many.
fn numbers(
    bytes: &[u8],
    count: usize,
    (tier, path): (&Tier, &Path),
) -> Result<Vec<f32>, PackError> {
    let (values, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() && values.len() == count {
        return Ok(values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect());
    }
    Err(PackError::GoldenSize {
        path: path.to_owned(),
        tier: tier.name.clone(),
        found: bytes.len(),
        expected: count * 4,
    })
}

/// Runs the golden input and compares the outputs.
fn prove(plan: &Plan, golden: Golden, path: &Path) -> Result<(), PackError> {
    let run = |source| PackError::Run { path: path.to_owned(), source };
    let mut network = plan.spawn().map_err(run)?;
    let answer = network.run(&[golden.input]).map_err(run)?;
    let largest = golden.answer.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
    let worst = answer[0].data.iter().zip(&golden.answer).fold(0.0_f32, |m, (a, b)| {
        let difference = (a - b).abs();
        // A NaN in the golden file must not slip through `max`.
        if difference.is_nan() { f32::INFINITY } else { m.max(difference) }
    });
    let max = match plan.backend().precision() {
        Precision::F32 => GOLDEN_ERROR_MAX,
        Precision::Int8 => GOLDEN_ERROR_INT8_MAX,
    };
    let error = worst / largest;
    if error <= max {
        return Ok(());
    }
    let engine = network.engine().to_owned();
    Err(PackError::Golden { path: path.to_owned(), engine, error, max })
}

/// A file of the pack, if it is the one that the manifest was written for.
pub(super) fn read_checked(
    folder: &Path,
    file: &str,
    (key, expected): (String, &str),
) -> Result<Vec<u8>, PackError> {
    let path = folder.join(file);
    let bytes = read(&path, FILE_BYTES_MAX)?;
    let found = sha256(&bytes);
    if found.eq_ignore_ascii_case(expected) {
        return Ok(bytes);
    }
    Err(PackError::Digest { path, key, found, expected: expected.to_owned() })
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
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
