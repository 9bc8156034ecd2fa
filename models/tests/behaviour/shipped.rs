//! The packs in `models/packs`: whatever is committed there must load.

use std::fs;
use std::path::Path;

use models::Pack;

#[test]
fn every_shipped_pack_loads_and_proves_itself() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs");
    for entry in fs::read_dir(packs).expect("the packs are part of the repository") {
        let folder = entry.expect("readable").path();
        if folder.is_dir() {
            let pack = Pack::open(&folder).unwrap_or_else(|e| panic!("{e}"));
            let name = folder.file_name().and_then(|n| n.to_str());
            assert_eq!(name, Some(pack.manifest().name.as_str()), "the folder is named alike");
        }
    }
}
