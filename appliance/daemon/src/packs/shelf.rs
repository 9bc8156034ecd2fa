//! The packs of this box on disk: those that came with its image, and those installed since.
//!
//! ```text
//! data_dir/packs/.lock            held by whoever changes anything below
//! data_dir/packs/.new-PID/        a pack that is being installed; nobody reads it
//! data_dir/packs/rim/5/           an installed pack: manifest, signature, networks
//! data_dir/packs/rim/current      which installed versions count, and which must not be used
//! ```
//! A pack is active from the moment at which `current` names it: that file is written beside its
//! place, synced and renamed. The highest version that verifies is used, whether installed or of
//! the image, unless it was withdrawn. Owns these files; runs no network.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use models::bundle::BundledFile;
use models::{Pack, Trust};
use serde::{Deserialize, Serialize};

use super::{NAMES, OPTIONAL};
use crate::durable;

const CURRENT: &str = "current";
const SCHEMA: u32 = 1;
/// Versions that `current` remembers as withdrawn. The oldest are forgotten: they were replaced.
const WITHDRAWN_MAX: usize = 16;

/// The packs of one box.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// `data_dir/packs`. Need not exist.
    installed: PathBuf,
    /// Folder with the packs of the image.
    image: PathBuf,
}

/// Where a pack came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It came with the box's image.
    Image,
    /// It was installed.
    Installed,
}

/// A pack that may be used: its signature and digests are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its version.
    pub version: u32,
    /// Its folder.
    pub folder: PathBuf,
    /// Where it came from.
    pub origin: Origin,
}

/// What there is of one pack.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What may be used, the version to be used first.
    pub candidates: Vec<Candidate>,
    /// What would be right but was withdrawn: better than nothing, and nothing else.
    pub set_aside: Vec<Candidate>,
    /// Versions taken out of service, with the reason.
    pub withdrawn: Vec<Withdrawn>,
    /// What is damaged, as sentences.
    pub alerts: Vec<String>,
}

impl Standing {
    /// There is nothing that could be used or mended.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.alerts.is_empty()
    }
}

/// A version that must not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// Which.
    pub version: u32,
    /// Why.
    pub reason: String,
}

/// The file `current`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    schema: u32,
    /// Installed versions, newest first: the one in use and the one before it.
    installed: Vec<u32>,
    #[serde(default)]
    withdrawn: Vec<Withdrawn>,
}

/// While it lives, nobody else changes the shelf.
pub struct Lock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

/// A pack's files in a place of their own; gone when dropped, unless admitted.
pub struct Staged {
    folder: PathBuf,
}

impl Shelf {
    /// The packs of the box with this data directory and image.
    pub fn new(data_dir: &Path, image: &Path) -> Self {
        Self { installed: data_dir.join("packs"), image: image.to_owned() }
    }

    /// What there is of the pack `name`. Reads and checks every file of it.
    pub fn standing(&self, name: &str, trust: &Trust) -> Standing {
        let mut standing = Standing::default();
        let ledger = self.ledger(name).unwrap_or_else(|error| {
            standing.alerts.push(format!("{error:#}"));
            Ledger::default()
        });
        let installed = ledger
            .installed
            .iter()
            .map(|&version| (self.place(name, version), Origin::Installed, Some(version)));
        let image = self.image.join(name);
        let none = OPTIONAL.contains(&name) && !image.exists();
        let image = (!none).then_some((image, Origin::Image, None));
        for (folder, origin, version) in installed.chain(image) {
            match check(&folder, name, version, trust) {
                Ok(version) => {
                    standing.candidates.push(Candidate { version, folder, origin });
                }
                Err(error) => standing.alerts.push(format!("{error:#}")),
            }
        }
        let withdrawn = |version| ledger.withdrawn.iter().any(|w| w.version == version);
        // Stable: of equals, the installed one.
        standing.candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.version));
        let usable = |candidate: &Candidate| !withdrawn(candidate.version);
        (standing.candidates, standing.set_aside) =
            standing.candidates.into_iter().partition(usable);
        standing.withdrawn = ledger.withdrawn;
        standing
    }

    /// Changes whenever something was installed, rolled back or withdrawn; cheap enough to be
    /// asked once a second.
    pub fn pulse(&self) -> Vec<Option<Vec<u8>>> {
        NAMES.iter().map(|name| fs::read(self.installed.join(name).join(CURRENT)).ok()).collect()
    }

    /// Keeps others from changing the shelf; makes its folders if there are none.
    ///
    /// # Errors
    /// Somebody else is at it, or the folder cannot be made.
    pub fn lock(&self) -> Result<Lock> {
        for name in NAMES {
            let folder = self.installed.join(name);
            fs::create_dir_all(&folder).with_context(|| {
                format!("{} not made; run this as the user of the box", folder.display())
            })?;
        }
        let path = self.installed.join(".lock");
        // Whoever did not make the file may still lock it.
        let file = File::options().create(true).append(true).open(&path);
        let file = file.or_else(|_| File::open(&path));
        let file = file.with_context(|| format!("{} not opened", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => {
                bail!("another installation is under way; wait until it has ended")
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} not locked", path.display()))
            }
        }
    }

    /// Writes the files of a pack to a place of their own, durably.
    ///
    /// # Errors
    /// The disk is full or not writable; nothing is left of it then.
    pub fn stage(&self, _lock: &Lock, files: &[BundledFile]) -> Result<Staged> {
        self.sweep();
        Staged::write(&self.installed.join(format!(".new-{}", std::process::id())), files)
    }

    /// Makes a staged pack the installed one; the one that is in use stays for a rollback.
    ///
    /// # Errors
    /// The disk failed; what was active before is active still.
    pub fn admit(&self, _lock: &Lock, staged: Staged, (name, version): (&str, u32)) -> Result<()> {
        let mut ledger = self.ledger(name).unwrap_or_default();
        let place = self.place(name, version);
        // Left behind by a crash, or damaged, or withdrawn: in any case not in use.
        let _ = fs::remove_dir_all(&place);
        fs::rename(&staged.folder, &place)
            .and_then(|()| durable::sync(&self.installed.join(name)))
            .with_context(|| format!("{} not made", place.display()))?;
        ledger.withdrawn.retain(|w| w.version != version);
        let usable = |v: &u32| *v != version && ledger.withdrawn.iter().all(|w| w.version != *v);
        let previous = ledger.installed.iter().copied().filter(usable).max();
        ledger.installed = [Some(version), previous].into_iter().flatten().collect();
        self.write(name, &ledger)?;
        self.forget_others(name, &ledger);
        Ok(())
    }

    /// Takes a version out of service, for good: nobody uses it until it is installed again.
    ///
    /// # Errors
    /// The disk failed; the version is used again at the next start.
    pub fn withdraw(&self, _lock: &Lock, name: &str, withdrawn: Withdrawn) -> Result<()> {
        let mut ledger = self.ledger(name).unwrap_or_default();
        ledger.withdrawn.retain(|w| w.version != withdrawn.version);
        ledger.withdrawn.push(withdrawn);
        let surplus = ledger.withdrawn.len().saturating_sub(WITHDRAWN_MAX);
        ledger.withdrawn.drain(..surplus);
        self.write(name, &ledger)
    }

    fn place(&self, name: &str, version: u32) -> PathBuf {
        self.installed.join(name).join(version.to_string())
    }

    fn ledger(&self, name: &str) -> Result<Ledger> {
        let path = self.installed.join(name).join(CURRENT);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Ledger::default());
            }
            text => text,
        };
        let advice = || {
            format!(
                "{} is damaged, so that no installed {name} pack counts; install it again",
                path.display()
            )
        };
        let ledger: Ledger = toml::from_str(&text.with_context(advice)?).with_context(advice)?;
        ensure!(ledger.schema == SCHEMA, "{}", advice());
        Ok(ledger)
    }

    fn write(&self, name: &str, ledger: &Ledger) -> Result<()> {
        let folder = self.installed.join(name);
        let path = folder.join(CURRENT);
        let text = toml::to_string(&Ledger { schema: SCHEMA, ..ledger.clone() })
            .context("the list of installed packs has no text")?;
        durable::replace(&path, text.as_bytes())
            .with_context(|| format!("{} not written; is the disk full?", path.display()))
    }

    /// Removes what `current` does not name. What cannot be removed only takes room.
    fn forget_others(&self, name: &str, ledger: &Ledger) {
        for entry in fs::read_dir(self.installed.join(name)).into_iter().flatten().flatten() {
            let version = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if version.is_some_and(|version| !ledger.installed.contains(&version)) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Removes what installations left that did not live to their end.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.installed).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".new-") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Staged {
    /// Writes the files of a pack into `folder`, which must not exist.
    ///
    /// # Errors
    /// The disk is full or not writable; nothing is left of it then.
    pub fn write(folder: &Path, files: &[BundledFile]) -> Result<Self> {
        fs::create_dir(folder).with_context(|| format!("{} not made", folder.display()))?;
        let staged = Self { folder: folder.to_owned() };
        for file in files {
            let path = folder.join(&file.name);
            durable::write(&path, &file.bytes).with_context(|| {
                format!("{} not written; is the disk full or read-only?", path.display())
            })?;
        }
        durable::sync(folder).with_context(|| format!("{} not written", folder.display()))?;
        Ok(staged)
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Renamed away if it was admitted.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The version of the pack in `folder`, if everything about it is right.
fn check(folder: &Path, name: &str, version: Option<u32>, trust: &Trust) -> Result<u32> {
    let manifest = Pack::check(folder, trust)?;
    ensure!(
        manifest.name == name && version.is_none_or(|version| version == manifest.version),
        "{} holds {} version {}; install {name} again",
        folder.display(),
        manifest.name,
        manifest.version
    );
    Ok(manifest.version)
}
