//! `identity.pem`, and the key that is asked for meanwhile.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use identity::{Key, Voucher};

use crate::durable;

/// Largest file that is read as certificates and a key, in bytes.
const BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) struct Files {
    identity: PathBuf,
    next: PathBuf,
}

impl Files {
    pub(super) fn new(identity: &Path) -> Self {
        Self { identity: identity.to_owned(), next: identity.with_extension("next.pem") }
    }

    /// The box's own certificate and key, if it has some.
    pub(super) fn own(&self) -> Result<Option<Voucher>, String> {
        Self::voucher(&self.identity)
    }

    /// Certificate and key of a file, if it is there.
    pub(super) fn voucher(path: &Path) -> Result<Option<Voucher>, String> {
        let fail = |why: String| format!("{}: {why}", path.display());
        match read(path) {
            Ok(Some(text)) => {
                Voucher::from_pem(&text).map(Some).map_err(|error| fail(error.to_string()))
            }
            Ok(None) => Ok(None),
            Err(why) => Err(fail(why)),
        }
    }

    /// The key that is asked for: the one of an earlier attempt, or a new one. It is durable before
    /// anybody hears of it: a certificate for a key that is lost would be worth nothing, and count
    /// for a year.
    pub(super) fn next_key(&self) -> Result<Key, String> {
        let fail = |why: String| format!("{}: {why}", self.next.display());
        if let Some(text) = read(&self.next).map_err(fail)?
            && let Ok(key) = Key::from_pem(&text)
        {
            return Ok(key);
        }
        let key = Key::generate();
        durable::replace_secret(&self.next, key.to_pem().as_bytes())
            .map_err(|error| fail(error.to_string()))?;
        Ok(key)
    }

    /// Puts a certificate and its key into force.
    pub(super) fn keep(&self, certificate: &str, key: &Key) -> Result<(), String> {
        let both = format!("{}\n{}", certificate.trim_end(), key.to_pem());
        durable::replace_secret(&self.identity, both.as_bytes())
            .map_err(|error| format!("{}: {error}", self.identity.display()))?;
        faults::mark("enrol.kept.after");
        // If it stays, the next certificate is for the same key once more.
        let _stays = fs::remove_file(&self.next);
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::metadata(path) {
        Ok(about) if about.len() > BYTES_MAX => Err("it is too large".to_owned()),
        Ok(_) => fs::read_to_string(path).map(Some).map_err(|error| error.to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
