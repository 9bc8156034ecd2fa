//! The packs in `models/packs`: whatever is committed there must load.

use std::fs;
use std::path::{Path, PathBuf};

use models::{Engines, Pack, Trust};

/// Trust in the keys of the repository.
pub(crate) fn trust() -> Trust {
    let mut trust = Trust::default();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys");
    for entry in fs::read_dir(keys).expect("the public keys are part of the repository") {
        let file = entry.expect("readable").path();
        let text = fs::read_to_string(&file).expect("readable");
        trust.add(&file.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"));
    }
    trust
}

/// The folders of the packs.
pub(crate) fn folders() -> Vec<PathBuf> {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs");
    let entries = fs::read_dir(packs).expect("the packs are part of the repository");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths.filter(|path| path.is_dir()).collect()
}

#[test]
fn every_shipped_pack_is_signed_loads_and_proves_itself() {
    for folder in folders() {
        let pack = Pack::open(&folder, &trust(), &Engines::default());
        let pack = pack.unwrap_or_else(|error| panic!("{error}"));
        let name = folder.file_name().and_then(|n| n.to_str());
        assert_eq!(name, Some(pack.manifest().name.as_str()), "the folder is named alike");
    }
}
