//! A box's folders with an image that holds a rim pack of version 1, and packs to install.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use courtside::config::{Engine, EngineChoice};
use courtside::packs::install::{Installer, Proved};
use courtside::packs::keys;
use courtside::packs::probe::Prober;
use courtside::packs::shelf::{Origin, Shelf, Standing};
use models::bundle::{self, BundledFile};
use models::pack::{MANIFEST, SIGNATURE};
use tempfile::TempDir;

use crate::fixture::{self, Folder};

/// Files of the fixture's rim pack.
pub(crate) const FILES: [&str; 6] =
    [MANIFEST, SIGNATURE, "nano.f32.onnx", "golden_nano.bin", "full.f32.onnx", "golden_full.bin"];

pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) installer: Installer,
}

impl Bench {
    /// A box that tries networks out as boxes do.
    pub(crate) fn real() -> Self {
        Self::with(PathBuf::from(env!("CARGO_BIN_EXE_courtside")))
    }

    /// A box whose trials always end well, for what is decided before or after them.
    pub(crate) fn trusting() -> Self {
        Self::scripted("echo loaded; echo tier nano 1; echo tier full 1")
    }

    /// A box whose trials are this shell script.
    pub(crate) fn scripted(script: &str) -> Self {
        let bench = Self::with(PathBuf::new());
        let program = bench.dir.path().join("trial");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("writable");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("ours");
        Self { installer: Installer { prober: bench.prober(program), ..bench.installer }, ..bench }
    }

    fn with(program: PathBuf) -> Self {
        let dir = tempfile::tempdir().expect("the system has a temporary folder");
        let (image, keys) = (dir.path().join("image"), dir.path().join("keys"));
        fs::create_dir(&keys).expect("writable");
        let key = fixture::keys().pk.to_box().expect("it has a text").to_string();
        fs::write(keys.join("test.pub"), key).expect("writable");
        fs::create_dir_all(image.join("rim")).expect("writable");
        copy(&fixture::rim(), &image.join("rim"));
        let shelf = Shelf::new(&dir.path().join("data"), &image);
        let prober = Prober {
            program,
            keys: vec![keys.clone()],
            engine: Engine { choice: EngineChoice::Tract, library: None },
            load_max: Duration::from_secs(60),
            tier_max: Duration::from_secs(60),
        };
        Self { dir, installer: Installer { shelf, keys: vec![keys], prober } }
    }

    fn prober(&self, program: PathBuf) -> Prober {
        Prober { program, ..self.installer.prober.clone() }
    }

    /// Installs these files.
    pub(crate) fn install(&self, files: &[BundledFile]) -> Result<Proved, String> {
        let mut bytes = Vec::new();
        bundle::pack("rim", files, &mut bytes).expect("memory is writable");
        self.install_bytes(&bytes)
    }

    pub(crate) fn install_bytes(&self, bytes: &[u8]) -> Result<Proved, String> {
        let file = self.dir.path().join("given.pack");
        fs::write(&file, bytes).expect("writable");
        self.installer.install(&file).map_err(|error| format!("{error:#}"))
    }

    /// The files must be refused, for a reason with these words, and leave all as it was.
    pub(crate) fn refuse(&self, files: &[BundledFile], says: &str) {
        let before = self.standing();
        let error = self.install(files).map(drop).expect_err("it was installed");
        assert!(error.contains(says), "{error:?} does not say {says:?}");
        self.assert_unchanged(&before);
    }

    pub(crate) fn assert_unchanged(&self, before: &Standing) {
        assert_eq!(self.standing().candidates, before.candidates);
        let left = fs::read_dir(self.packs()).into_iter().flatten().flatten();
        let left: Vec<_> = left.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        assert!(!left.iter().any(|name| name.starts_with(".new-")), "{left:?}");
    }

    pub(crate) fn standing(&self) -> Standing {
        self.installer.shelf.standing("rim", &keys::load(&self.installer.keys))
    }

    /// Version and origin of the pack in use.
    pub(crate) fn active(&self) -> (u32, Origin) {
        let standing = self.standing();
        let active = standing.candidates.first().expect("there is a pack");
        (active.version, active.origin)
    }

    /// Folder of what is installed.
    pub(crate) fn packs(&self) -> PathBuf {
        self.dir.path().join("data/packs")
    }
}

/// A good rim pack of this version.
pub(crate) fn rim(version: u32) -> Folder {
    let folder = fixture::rim();
    folder.edit("version = 1\n", &format!("version = {version}\n"));
    folder
}

/// What the bundle of a folder holds.
pub(crate) fn files(folder: &Folder) -> Vec<BundledFile> {
    FILES.map(|name| BundledFile { name: name.to_owned(), bytes: folder.read(name) }).to_vec()
}

pub(crate) fn copy(from: &Folder, to: &Path) {
    for file in FILES {
        fs::write(to.join(file), from.read(file)).expect("writable");
    }
}
