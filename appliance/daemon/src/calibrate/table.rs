//! The table that `courtside calibrate` keeps: `data_dir/calibration.toml`.
//!
//! Owns its format and whether it can be believed. A table is replaced as a whole, in one step.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use models::engine::{Backend, Measured, Speed};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::measure::Timing;
use crate::durable;

/// Name of the file in the data directory.
pub const FILE: &str = "calibration.toml";
/// Version of its format.
const SCHEMA: u32 = 1;
/// Largest file that is read, in bytes. A real one has about 6 kB.
const BYTES_MAX: u64 = 256 * 1024;
/// A median beyond this, in ms, is damage: ten times what a manifest may claim.
const MEDIAN_MS_MAX: f32 = 10.0 * models::limits::COST_MS_MAX;

/// What was measured on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    schema: u32,
    machine: String,
    /// Which ONNX Runtime; none if there was none.
    library: Option<String>,
    #[serde(rename = "pack")]
    packs: Vec<PackRow>,
}

/// One pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackRow {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) manifest_sha256: String,
    #[serde(rename = "tier")]
    pub(super) tiers: Vec<TierRow>,
}

/// One tier of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TierRow {
    pub(super) name: String,
    #[serde(with = "backend_text")]
    pub(super) chosen: Backend,
    pub(super) why: String,
    #[serde(rename = "timing")]
    pub(super) timings: Vec<Timing>,
}

/// Why a table is not used.
#[derive(Debug, Error, PartialEq)]
#[error("calibration {path} ignored: {reason}; run `courtside calibrate` again")]
pub(super) struct Ignored {
    path: PathBuf,
    reason: String,
}

impl Table {
    pub(super) fn new(machine: String, library: Option<String>, packs: Vec<PackRow>) -> Self {
        Self { schema: SCHEMA, machine, library, packs }
    }

    /// Replaces the table of a box in one step.
    ///
    /// # Errors
    /// The data directory cannot be written to; the table that was there is there still.
    pub fn write(&self, data_dir: &Path) -> Result<PathBuf> {
        let path = data_dir.join(FILE);
        let text = toml::to_string(self).context("the calibration has no text")?;
        let head = "# Written by `courtside calibrate`; do not edit. docs/models.md\n";
        durable::replace(&path, format!("{head}{text}").as_bytes()).with_context(|| {
            format!(
                "{} not written; run this as root or as the user of the box, and look whether the \
                 disk is full",
                path.display()
            )
        })?;
        Ok(path)
    }

    /// The table of the box with this data directory, if there is one and it was measured on the
    /// machine and with the library that are `here`.
    ///
    /// # Errors
    /// [`Ignored`]: there is one that cannot be believed.
    pub(super) fn load(
        data_dir: &Path,
        (machine, library): &(String, Option<&str>),
    ) -> Result<Option<Self>, Ignored> {
        let Some(table) = Self::read(data_dir)? else { return Ok(None) };
        let reason = if table.machine != *machine {
            format!("it was measured on {:?}, and this is {machine:?}", table.machine)
        } else if table.library.as_deref() != *library {
            let said = |library: Option<&str>| library.unwrap_or("no ONNX Runtime").to_owned();
            let (then, now) = (said(table.library.as_deref()), said(*library));
            format!("it was measured with {then:?}, and this box has {now:?}")
        } else {
            return Ok(Some(table));
        };
        Err(Ignored { path: data_dir.join(FILE), reason })
    }

    /// The table of a data directory, whoever measured it, if there is one.
    ///
    /// # Errors
    /// [`Ignored`]: it is damaged or of another version of Courtside.
    pub(super) fn read(data_dir: &Path) -> Result<Option<Self>, Ignored> {
        let path = data_dir.join(FILE);
        let ignored = |reason| Ignored { path: path.clone(), reason };
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Ok(about) if about.len() > BYTES_MAX => {
                return Err(ignored(format!("it has more than {BYTES_MAX} bytes")));
            }
            Ok(_) | Err(_) => {}
        }
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| ignored(format!("it cannot be read: {error}")))?;
        let damaged = |error: toml::de::Error| ignored(format!("it is damaged: {error}"));
        let head: Head = toml::from_str(&text).map_err(damaged)?;
        if head.schema != SCHEMA {
            let reason = format!("its schema is {}, and this version reads {SCHEMA}", head.schema);
            return Err(ignored(reason));
        }
        let table: Self = toml::from_str(&text).map_err(damaged)?;
        let wrong = table.tiers().find(|(_, tier)| tier.speed().is_none());
        if let Some((pack, tier)) = wrong {
            let what = format!("{}/{}", pack.name, tier.name);
            return Err(ignored(format!("it is damaged: {what} has no time of what it chose")));
        }
        Ok(Some(table))
    }

    /// What it says, by manifest and tier.
    pub(super) fn measured(&self) -> Measured {
        let row = |(pack, tier): (&PackRow, &TierRow)| {
            let key = (pack.manifest_sha256.clone(), tier.name.clone());
            tier.speed().map(|speed| (key, speed))
        };
        self.tiers().filter_map(row).collect::<BTreeMap<_, _>>()
    }

    /// The version of a pack that was measured, if it is not the one with this manifest; 0 if none
    /// was.
    pub(super) fn stale(&self, name: &str, digest: &str) -> Option<u32> {
        match self.packs.iter().find(|pack| pack.name == name) {
            Some(pack) if pack.manifest_sha256 == digest => None,
            Some(pack) => Some(pack.version),
            None => Some(0),
        }
    }

    pub(super) fn packs(&self) -> &[PackRow] {
        &self.packs
    }

    pub(super) fn machine(&self) -> &str {
        &self.machine
    }

    fn tiers(&self) -> impl Iterator<Item = (&PackRow, &TierRow)> {
        self.packs.iter().flat_map(|pack| pack.tiers.iter().map(move |tier| (pack, tier)))
    }
}

impl TierRow {
    /// What the chosen backend takes.
    fn speed(&self) -> Option<Speed> {
        let timing = self.timings.iter().find(|timing| timing.backend == self.chosen)?;
        let sane = timing.median_ms > 0.0 && timing.median_ms <= MEDIAN_MS_MAX;
        sane.then_some(Speed {
            backend: self.chosen,
            cost_ms: timing.median_ms,
            power: timing.power,
        })
    }
}

/// What every schema has.
#[derive(Deserialize)]
struct Head {
    schema: u32,
}

/// A backend as people write it.
pub(super) mod backend_text {
    use models::engine::Backend;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    pub(crate) fn serialize<S: Serializer>(backend: &Backend, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(backend.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Backend, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
