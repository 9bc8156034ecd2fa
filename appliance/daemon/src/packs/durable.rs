//! Files that are whole or not there: written beside their place, synced, renamed.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Puts these bytes into the place of a file in one step: a reader, also one after a crash, finds
/// the old ones or the new ones.
///
/// # Errors
/// What the system said; the old file is there still.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = Path::new(&draft);
    write(draft, bytes)?;
    fs::rename(draft, path)?;
    path.parent().map_or(Ok(()), sync)
}

/// Writes a new file; what it holds survives a crash from then on.
///
/// # Errors
/// What the system said.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes what was renamed in a folder survive a crash.
///
/// # Errors
/// What the system said.
pub(super) fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
