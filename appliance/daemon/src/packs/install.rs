//! Installing a pack: everything that must hold, in order, before it becomes active.
//!
//! structure → signature → manifest → digests → version → (in a process of its own) shapes,
//! operators, golden vectors, finite numbers, speed → active. Whatever fails, the pack that was
//! active stays active. Owns the order; the checks belong to others.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use models::bundle::{self, BundledFile};
use models::manifest::Manifest;
use models::pack::{MANIFEST, SIGNATURE};
use models::{Pack, Trust};

use super::probe::{Prober, Speed};
use super::shelf::{Candidate, Origin, Shelf, Staged, Standing, Withdrawn};
use super::{NAMES, keys, name_of};

/// What installing works with.
pub struct Installer {
    /// The box's packs.
    pub shelf: Shelf,
    /// Folders of the trusted keys.
    pub keys: Vec<PathBuf>,
    /// Tries networks out.
    pub prober: Prober,
}

/// A pack that has proved itself.
#[derive(Debug)]
pub struct Proved {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What its tiers took on this box.
    pub speeds: Vec<Speed>,
}

impl Installer {
    /// Installs the pack in `file`; a box that runs uses it within seconds.
    ///
    /// # Errors
    /// What is wrong with it, why, and which version stays active.
    pub fn install(&self, file: &Path) -> Result<Proved> {
        let files = unpack(file)?;
        let lock = self.shelf.lock()?;
        let staged = self.shelf.stage(&lock, &files)?;
        let trust = keys::load(&self.keys);
        let manifest = check(staged.folder(), &files, &trust)?;
        let name = manifest.name.clone();
        let standing = self.shelf.standing(&name, &trust);
        let kept = || match standing.candidates.first() {
            Some(active) => format!("{name} version {} stays active", active.version),
            None => format!("there is no {name} pack still"),
        };
        newer(&manifest, &standing).with_context(kept)?;
        let speeds = self.prober.prove(staged.folder(), &manifest).with_context(kept)?;
        self.shelf.admit(&lock, staged, (&name, manifest.version)).with_context(kept)?;
        Ok(Proved { manifest, speeds })
    }

    /// Checks a pack, as a file or a folder, in every way but its version.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, path: &Path) -> Result<Proved> {
        let trust = keys::load(&self.keys);
        let staged;
        let (folder, manifest) = if path.is_dir() {
            (path, Pack::check(path, &trust)?)
        } else {
            let files = unpack(path)?;
            let place = format!("courtside-verify-{}", std::process::id());
            staged = Staged::write(&std::env::temp_dir().join(place), &files)?;
            (staged.folder(), check(staged.folder(), &files, &trust)?)
        };
        let speeds = self.prober.prove(folder, &manifest)?;
        Ok(Proved { manifest, speeds })
    }

    /// Takes the active version of the pack `name` out of service, so that the one before it is
    /// used; returns both.
    ///
    /// # Errors
    /// There is no other version, or it does not prove itself; nothing has changed then.
    pub fn roll_back(&self, name: &str) -> Result<(Candidate, Candidate)> {
        ensure!(NAMES.contains(&name), "this box has no pack {name:?}; name one of {NAMES:?}");
        let lock = self.shelf.lock()?;
        let trust = keys::load(&self.keys);
        let standing = self.shelf.standing(name, &trust);
        let mut candidates = standing.candidates.into_iter();
        let Some(active) = candidates.next() else {
            bail!("there is no {name} pack that could be rolled back; install one");
        };
        let earlier = candidates.find(|candidate| candidate.version < active.version);
        let earlier = earlier.with_context(|| {
            format!("there is no {name} pack before version {}; it stays active", active.version)
        })?;
        let manifest = Pack::check(&earlier.folder, &trust)?;
        self.prober.prove(&earlier.folder, &manifest).with_context(|| {
            format!(
                "version {} stays active: version {} is of no use",
                active.version, earlier.version
            )
        })?;
        let reason = "rolled back by an operator".to_owned();
        let withdrawn = Withdrawn { version: active.version, reason };
        self.shelf.withdraw(&lock, name, withdrawn)?;
        Ok((active, earlier))
    }
}

/// Writes the pack in `folder` to `file`, as [`Installer::install`] takes it.
///
/// # Errors
/// The pack is not right, or the file cannot be written.
pub fn bundle(folder: &Path, file: &Path, keys: &[PathBuf]) -> Result<Manifest> {
    let manifest = Pack::check(folder, &keys::load(keys))?;
    let read = |name: &str| {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).with_context(|| format!("{} not read", path.display()))?;
        Ok(BundledFile { name: name.to_owned(), bytes })
    };
    let files = bundle::names(&manifest).into_iter().map(read).collect::<Result<Vec<_>>>()?;
    let output = File::create(file).with_context(|| format!("{} not made", file.display()))?;
    bundle::pack(&manifest.name, &files, output)
        .with_context(|| format!("{} not written", file.display()))?;
    Ok(manifest)
}

fn unpack(file: &Path) -> Result<Vec<BundledFile>> {
    let opened = File::open(file).with_context(|| format!("{} not opened", file.display()))?;
    let files = bundle::unpack(opened)?;
    for name in [MANIFEST, SIGNATURE] {
        ensure!(
            files.iter().any(|file| file.name == name),
            "it has no {name}, so that it is not a signed pack; make it with `courtside models pack`"
        );
    }
    Ok(files)
}

/// Signature, manifest, digests; that nothing else came along; that this box has such a lane.
fn check(folder: &Path, files: &[BundledFile], trust: &Trust) -> Result<Manifest> {
    let manifest = Pack::check(folder, trust)?;
    bundle::vouched(&manifest, files)?;
    let expected = name_of(manifest.lane);
    ensure!(
        manifest.name == expected,
        "its name is {:?}, but this box calls the pack of its lane {expected:?}; set `name` in its \
         manifest and sign it again",
        manifest.name
    );
    Ok(manifest)
}

fn newer(manifest: &Manifest, standing: &Standing) -> Result<()> {
    let Some(active) = standing.candidates.first() else { return Ok(()) };
    let whose = match active.origin {
        Origin::Image => "the image's",
        Origin::Installed => "the installed one's",
    };
    ensure!(
        manifest.version > active.version,
        "its version is {}, but {whose} is {}; install a newer one, or go back with `courtside \
         models rollback {}`",
        manifest.version,
        active.version,
        manifest.name
    );
    Ok(())
}
