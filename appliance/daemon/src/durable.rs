//! Files that are whole or not there: written beside their place, synced, renamed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Puts these bytes into the place of a file in one step: a reader, also one after a crash, finds
/// the old ones or the new ones.
///
/// # Errors
/// What the system said; the old file is there still.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = draft(path);
    write(&draft, bytes)?;
    settle(&draft, path)
}

/// The same with a file that nobody else may read.
///
/// # Errors
/// What the system said; the old file is there still.
pub(crate) fn replace_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = draft(path);
    // One of an earlier attempt may have other rights.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    settle(&draft, path)
}

fn draft(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    PathBuf::from(draft)
}

fn settle(draft: &Path, path: &Path) -> std::io::Result<()> {
    fs::rename(draft, path)?;
    path.parent().map_or(Ok(()), sync)
}

/// Writes a new file; what it holds survives a crash from then on.
///
/// # Errors
/// What the system said.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes what was renamed in a folder survive a crash.
///
/// # Errors
/// What the system said.
pub(crate) fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
