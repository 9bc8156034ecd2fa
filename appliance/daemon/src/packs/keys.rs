//! The public keys that this box trusts: every `*.pub` in a few folders.
//!
//! Read anew whenever a pack is opened, so that a key that an operator adds needs no restart.

use std::path::{Path, PathBuf};

use models::Trust;
use tracing::warn;

/// Largest file that is read as a public key, in bytes. A real one has 113.
const KEY_BYTES_MAX: u64 = 4 * 1024;

/// Trust in all keys of `folders`; a folder that does not exist holds none. A file that is no key
/// is reported and left out: it must not take the other keys' packs away.
pub fn load(folders: &[PathBuf]) -> Trust {
    let mut trust = Trust::default();
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "pub"));
        // In one order, so that messages name the keys in one order.
        files.sort();
        for file in files {
            if let Err(reason) = add(&mut trust, &file) {
                warn!("{reason}");
            }
        }
    }
    trust
}

fn add(trust: &mut Trust, file: &Path) -> Result<(), String> {
    let size = std::fs::metadata(file).map(|about| about.len());
    let text = match size {
        Ok(size) if size > KEY_BYTES_MAX => Err("it is too large".to_owned()),
        Ok(_) => std::fs::read_to_string(file).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let text = text.map_err(|reason| {
        format!("public key {} not read: {reason}; replace or remove it", file.display())
    })?;
    trust.add(&file.display().to_string(), &text).map_err(|error| error.to_string())
}
