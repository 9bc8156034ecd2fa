//! Reads a recording's folder back: names, sizes, and the fragments' headers.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use pipeline::mp4::{Layout, Mp4Error};
use pipeline::record::{Head, Index};

use super::VaultError;

/// Most bytes that are read at first: a fragment's header has a few kilobytes.
const HEADER_GUESS: usize = 16 << 10;

/// Name of a fragment's file.
pub(super) fn file_name(seq: u32) -> String {
    format!("{seq:08}.m4s")
}

/// The fragments in a folder, by number, with the size of their files. Other files are ignored.
pub(super) fn list(folder: &Path) -> Result<Vec<(u32, u64)>, VaultError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(VaultError::at(folder))? {
        let entry = entry.map_err(VaultError::at(folder))?;
        let name = entry.file_name();
        let seq = name.to_str().and_then(|name| name.strip_suffix(".m4s")?.parse().ok());
        if let Some(seq) = seq {
            let bytes = entry.metadata().map_err(VaultError::at(&entry.path()))?.len();
            found.push((seq, bytes));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The sub-folders of a folder whose names can be read as `T`, in order. A folder that does not
/// exist has none.
pub(super) fn folders<T: std::str::FromStr + Ord>(
    folder: &Path,
) -> Result<Vec<(T, PathBuf)>, VaultError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(VaultError::at(folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(VaultError::at(folder))?.path();
        let name: Option<T> = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        if let (Some(name), true) = (name, path.is_dir()) {
            found.push((name, path));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// What a folder of fragments contains.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) index: Index,
    /// Bytes of files that were removed because they were not finished or damaged.
    pub(super) removed_bytes: u64,
}

/// Indexes a folder of fragments and removes files that were not finished.
pub(super) fn scan(folder: &Path) -> Result<Scanned, VaultError> {
    let mut scanned = Scanned::default();
    for (seq, bytes) in list(folder)? {
        let path = folder.join(file_name(seq));
        match head(&path, bytes).map_err(VaultError::at(&path))? {
            Some(head) if head.seq == seq => scanned.index.push(head),
            Some(_) | None => {
                fs::remove_file(&path).map_err(VaultError::at(&path))?;
                scanned.removed_bytes += bytes;
            }
        }
    }
    Ok(scanned)
}

/// The index entry of a fragment's file; `None` if it is not whole.
fn head(path: &Path, bytes: u64) -> io::Result<Option<Head>> {
    let mut file = File::open(path)?;
    let mut header = Vec::new();
    let mut wanted = HEADER_GUESS as u64;
    loop {
        let more = wanted.min(bytes).saturating_sub(header.len() as u64);
        (&mut file).take(more).read_to_end(&mut header)?;
        match Layout::parse(&header) {
            Ok(layout) => return Ok((layout.bytes == bytes).then(|| Head::of(&layout))),
            Err(Mp4Error::Short { needs, .. }) if needs <= bytes && needs > wanted => {
                wanted = needs;
            }
            Err(Mp4Error::Short { has, needs }) if has < bytes && needs <= bytes => {
                wanted = bytes.min(wanted * 2);
            }
            Err(_) => return Ok(None),
        }
    }
}
