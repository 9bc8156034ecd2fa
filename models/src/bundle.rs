//! A pack as one file: a plain tar of its folder, the form in which packs travel (`rim.pack`).
//!
//! Owns the form and its limits; bytes in, files out. Believes nothing: a bundle comes from
//! outside, and is taken apart before its signature can be checked. Touches no disk, so no name in
//! a bundle can reach anything: the caller writes the files where it wants them.

use std::io::{Read, Write};

use tar::{Archive, Builder, EntryType, Header};
use thiserror::Error;

use crate::limits::{BUNDLE_BYTES_MAX, FILE_BYTES_MAX, FILES_MAX, NAME_BYTES_MAX};
use crate::manifest::Manifest;
use crate::pack::{MANIFEST, SIGNATURE};

/// Permissions of a bundled file: everybody may read it.
const MODE: u32 = 0o644;

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledFile {
    /// Its bare name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Why a file is no pack.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Not a tar, or one that ends too early.
    #[error(
        "it is no whole tar file: {reason}; copy it again, or make it with `courtside models pack`"
    )]
    Broken {
        /// What the reader said.
        reason: String,
    },
    /// An entry that no pack has.
    #[error("its entry {entry:?} {why}; make the file with `courtside models pack`")]
    Entry {
        /// Its path, as text.
        entry: String,
        /// Why no pack has it.
        why: String,
    },
    /// More than any pack holds.
    #[error("it holds more than {what}; it is no pack")]
    TooMuch {
        /// Which limit.
        what: String,
    },
    /// A file that no digest covers.
    #[error(
        "it holds {file:?}, which its manifest does not name, so that nobody vouches for it; remove the file"
    )]
    Unnamed {
        /// Which file.
        file: String,
    },
}

/// Takes a bundle apart. Accepts what `courtside models pack` and `tar -cf rim.pack rim` write:
/// plain files, bare or all in one folder.
///
/// # Errors
/// [`BundleError`] for anything else. Never panics, whatever the bytes are, and never keeps more
/// than [`BUNDLE_BYTES_MAX`].
pub fn unpack(input: impl Read) -> Result<Vec<BundledFile>, BundleError> {
    let broken = |error: std::io::Error| BundleError::Broken { reason: error.to_string() };
    let mut archive = Archive::new(input.take(BUNDLE_BYTES_MAX));
    let (mut files, mut folder): (Vec<BundledFile>, Option<String>) = (Vec::new(), None);
    for (count, entry) in archive.entries().map_err(broken)?.enumerate() {
        // One more than the files: the folder itself.
        if count > FILES_MAX {
            return Err(BundleError::TooMuch { what: format!("{FILES_MAX} files") });
        }
        let entry = entry.map_err(broken)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let refuse = |why: &str| BundleError::Entry { entry: path.clone(), why: why.to_owned() };
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory && is_own_folder(&path) {
            continue;
        }
        if kind != EntryType::Regular {
            return Err(refuse(&format!("is a {kind:?} and no plain file of the pack")));
        }
        let place = place(&path).ok_or_else(|| refuse("has a path that leads elsewhere"))?;
        let in_folder = place.folder.unwrap_or_default().to_owned();
        if *folder.get_or_insert_with(|| in_folder.clone()) != in_folder {
            return Err(refuse("lies in another folder than the entries before it"));
        }
        if files.iter().any(|file| file.name == place.file) {
            return Err(refuse("comes twice"));
        }
        let size = entry.size();
        if size > FILE_BYTES_MAX {
            return Err(BundleError::TooMuch { what: format!("{FILE_BYTES_MAX} bytes in {path}") });
        }
        let mut bytes = Vec::new();
        let name = place.file.to_owned();
        entry.take(size).read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() as u64 != size {
            let reason = format!("{path} ends after {} of {size} bytes", bytes.len());
            return Err(BundleError::Broken { reason });
        }
        files.push(BundledFile { name, bytes });
    }
    if files.is_empty() {
        return Err(BundleError::Broken { reason: "it has no entries".to_owned() });
    }
    Ok(files)
}

/// Writes the files of a pack as a bundle: the same files always give the same bytes.
///
/// # Errors
/// What the output says.
pub fn pack(name: &str, files: &[BundledFile], output: impl Write) -> std::io::Result<()> {
    let mut builder = Builder::new(output);
    for file in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(MODE);
        header.set_mtime(0);
        header.set_size(file.bytes.len() as u64);
        builder.append_data(&mut header, format!("{name}/{}", file.name), file.bytes.as_slice())?;
    }
    builder.into_inner()?.flush()
}

/// Names of the files that a pack with this manifest consists of, each once.
pub fn names(manifest: &Manifest) -> Vec<&str> {
    let mut names = vec![MANIFEST, SIGNATURE];
    for (file, _, _) in manifest.files() {
        if !names.contains(&file) {
            names.push(file);
        }
    }
    names
}

/// Whether a signed manifest vouches for every file. That none is missing shows when they are
/// read.
///
/// # Errors
/// [`BundleError::Unnamed`].
pub fn vouched(manifest: &Manifest, files: &[BundledFile]) -> Result<(), BundleError> {
    let known = names(manifest);
    match files.iter().find(|file| !known.contains(&file.name.as_str())) {
        Some(file) => Err(BundleError::Unnamed { file: file.name.clone() }),
        None => Ok(()),
    }
}

/// Where an entry lies: a bare file, or a file in one folder.
struct Place<'a> {
    folder: Option<&'a str>,
    file: &'a str,
}

/// `./`, `rim/` or `./rim/`.
fn is_own_folder(path: &str) -> bool {
    place(&format!("{}/file", path.trim_end_matches('/'))).is_some()
}

fn place(path: &str) -> Option<Place<'_>> {
    let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
    let (folder, file) = match path.split_once('/') {
        Some((folder, file)) => (Some(folder), file),
        None => (None, path),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let good = |part: &str| {
        (1..=NAME_BYTES_MAX).contains(&part.len())
            && !part.starts_with('.')
            && part.bytes().all(plain)
    };
    (good(file) && folder.is_none_or(good)).then_some(Place { folder, file })
}
