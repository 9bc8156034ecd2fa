//! A damaged pack on the disk: the next one is used, and somebody is told.

use std::fs;

use courtside::packs::shelf::Origin;

use crate::bench::{Bench, FILES, files, rim};

#[test]
fn a_damaged_installed_pack_falls_back_to_the_one_before_with_an_alert() {
    for name in FILES {
        let bench = Bench::trusting();
        bench.install(&files(&rim(2))).expect("it is good");
        bench.install(&files(&rim(3))).expect("it is good");
        let path = bench.packs().join("rim/3").join(name);
        let mut bytes = fs::read(&path).expect("it is there");
        let last = bytes.len() - 2;
        bytes[last] ^= 4;
        fs::write(&path, bytes).expect("writable");
        assert_eq!(bench.active(), (2, Origin::Installed), "{name}");
        let alerts = bench.standing().alerts.join("\n");
        assert!(alerts.contains("rim/3"), "{alerts}");
        // Installing it again mends it.
        bench.install(&files(&rim(3))).expect("it is good");
        assert_eq!(bench.active(), (3, Origin::Installed));
    }
}

#[test]
fn a_damaged_list_of_installed_packs_falls_back_to_the_image_with_an_alert() {
    let bench = Bench::trusting();
    bench.install(&files(&rim(2))).expect("it is good");
    for damage in ["", "schema = 2\ninstalled = [2]\n", "\u{0}\u{0}", "installed = [2]"] {
        fs::write(bench.packs().join("rim/current"), damage).expect("writable");
        assert_eq!(bench.active(), (1, Origin::Image), "{damage:?}");
        let alerts = bench.standing().alerts.join("\n");
        assert!(alerts.contains("install it again"), "{alerts}");
    }
    bench.install(&files(&rim(2))).expect("it is good");
    assert_eq!(bench.active(), (2, Origin::Installed));
}

#[test]
fn a_pack_that_calls_itself_another_version_than_its_folder_is_not_used() {
    let bench = Bench::trusting();
    bench.install(&files(&rim(2))).expect("it is good");
    crate::bench::copy(&rim(9), &bench.packs().join("rim/2"));
    assert_eq!(bench.active(), (1, Origin::Image));
}
