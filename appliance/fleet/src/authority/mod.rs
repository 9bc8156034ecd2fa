//! `courtside-fleet authority`: gives boxes their certificates.
//!
//! Owns: a folder with the authority's key (`ca.key`), its certificate (`ca.pem`) and the list of
//! what it issued (`authority.sqlite`); and the connection on which boxes ask. Must not: judge a
//! request by itself; `identity` does. A box that did not hear its answer asks again and gets the
//! same certificate.
//! Why so: `docs/decisions/0032-a-box-makes-its-own-key.md`.

mod desk;
mod issued;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wire::time::WallTime;

pub use desk::{Told, serve};
pub use issued::{Issued, Ledger};

/// The authority itself, in days: longer than any box lives.
const AUTHORITY_DAYS: u32 = 20 * 365;

/// Why the authority cannot work.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of its folder.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Its list.
    #[error("the list of certificates cannot be used: {0}; check the disk and whose it is")]
    Ledger(#[from] rusqlite::Error),
}

/// Makes an authority in a new folder.
///
/// # Errors
/// There is one already, or the folder cannot be written.
pub fn init(folder: &Path, name: &str, now: WallTime) -> Result<(), AuthorityError> {
    let key_file = folder.join("ca.key");
    if key_file.exists() {
        let why = "there is an authority already; boxes would not trust a second one".to_owned();
        return Err(AuthorityError::File { path: key_file, why });
    }
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| AuthorityError::File { path, why: error.to_string() }
    };
    fs::create_dir_all(folder).map_err(fail(folder))?;
    let (certificate, key) = identity::Authority::create(name, AUTHORITY_DAYS, now);
    let certificate_file = folder.join("ca.pem");
    fs::write(&certificate_file, certificate).map_err(fail(&certificate_file))?;
    write_secret(&key_file, &key).map_err(fail(&key_file))?;
    Ledger::open(folder).map(drop)
}

/// The authority of a folder.
///
/// # Errors
/// There is none, or its files do not belong together.
pub fn open(folder: &Path) -> Result<identity::Authority, AuthorityError> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| AuthorityError::File {
            path,
            why: format!("{error}; `courtside-fleet authority init` makes an authority"),
        })
    };
    let (certificate, key) = (read("ca.pem")?, read("ca.key")?);
    identity::Authority::from_pem(&certificate, &key)
        .map_err(|error| AuthorityError::File { path: folder.to_owned(), why: error.to_string() })
}

/// Writes a new file that nobody else may read.
///
/// # Errors
/// It exists already, or what the system said.
pub fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
