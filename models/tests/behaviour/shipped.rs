//! The packs in `models/packs`: whatever is committed there must load.

use std::fs;
use std::path::Path;

use models::{Pack, Trust};

/// Trust in the keys of the repository.
fn trust() -> Trust {
    let mut trust = Trust::default();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys");
    for entry in fs::read_dir(keys).expect("the public keys are part of the repository") {
        let file = entry.expect("readable").path();
        let text = fs::read_to_string(&file).expect("readable");
        trust.add(&file.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"));
    }
    trust
}

#[test]
fn every_shipped_pack_is_signed_loads_and_proves_itself() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs");
    for entry in fs::read_dir(packs).expect("the packs are part of the repository") {
        let folder = entry.expect("readable").path();
        if folder.is_dir() {
            let pack = Pack::open(&folder, &trust()).unwrap_or_else(|e| panic!("{e}"));
            let name = folder.file_name().and_then(|n| n.to_str());
            assert_eq!(name, Some(pack.manifest().name.as_str()), "the folder is named alike");
        }
    }
}
