//! One-value files.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use wire::units::Millicelsius;

/// Longest value that is read, in bytes: attributes are numbers and names.
const VALUE_BYTES_MAX: usize = 256;

/// A file that holds one number.
pub(crate) struct Attribute(PathBuf);

impl Attribute {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The number now; `None` when the file is gone, the driver has no reading, or it is no
    /// number.
    pub(crate) fn number(&self) -> Option<i64> {
        text(&self.0)?.parse().ok()
    }

    /// The number, if it is none below zero.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        u64::try_from(self.number()?).ok()
    }

    /// Whether the number is another than zero.
    pub(crate) fn is_set(&self) -> Option<bool> {
        self.number().map(|number| number != 0)
    }

    /// Whether there is such a file, readable or not.
    pub(crate) fn is_there(&self) -> bool {
        self.0.exists()
    }

    /// The number as a temperature, which the kernel states in 1/1000 °C.
    pub(crate) fn millicelsius(&self) -> Option<Millicelsius> {
        i32::try_from(self.number()?).ok().map(Millicelsius)
    }
}

/// A file's text without the line's end; `None` when there is none.
pub(crate) fn text(path: &Path) -> Option<String> {
    let bytes = beginning(path).ok()?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The first bytes of a file, which are all of an attribute.
///
/// # Errors
/// The file cannot be opened or read.
pub(crate) fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(VALUE_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The entries of a folder whose names are `prefix` and a number, by number; empty where there
/// is no folder.
pub(crate) fn numbered(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let number = |path: &PathBuf| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix(prefix)?.parse().ok()
    };
    let mut found: Vec<(u32, PathBuf)> =
        entries(folder).into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The entries of a folder, sorted by name.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// The channel numbers `n` for which `folder` has a file `{kind}{n}_{attribute}`.
pub(crate) fn channels(folder: &Path, kind: &str, attribute: &str) -> Vec<u32> {
    let channel = |path: &PathBuf| -> Option<u32> {
        let rest = path.file_name()?.to_str()?.strip_prefix(kind)?;
        rest.strip_suffix(attribute)?.strip_suffix('_')?.parse().ok()
    };
    let mut found: Vec<u32> = entries(folder).iter().filter_map(channel).collect();
    found.sort_unstable();
    found
}

/// Numbers equal names, so that each names one sensor: `acpitz`, `acpitz-2`.
pub(crate) fn make_unique<'a>(names: impl Iterator<Item = &'a mut String>) {
    let mut seen: HashMap<String, u32> = HashMap::new();
    for name in names {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name.push_str(&format!("-{count}"));
        }
    }
}
