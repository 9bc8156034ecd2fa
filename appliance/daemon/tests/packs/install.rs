//! The good way: a newer pack becomes active, and one can go back.

use std::fs;

use courtside::packs::install;
use courtside::packs::shelf::Origin;

use crate::bench::{Bench, files, rim};

#[test]
fn a_newer_pack_is_tried_out_and_becomes_active() {
    let bench = Bench::real();
    assert_eq!(bench.active(), (1, Origin::Image));
    let proved = bench.install(&files(&rim(2))).expect("it is good");
    assert_eq!(proved.manifest.version, 2);
    let tiers: Vec<_> = proved.speeds.iter().map(|speed| speed.tier.as_str()).collect();
    assert_eq!(tiers, ["nano", "full"]);
    assert_eq!(bench.active(), (2, Origin::Installed));
}

#[test]
fn a_bundle_made_of_a_folder_is_installed() {
    let bench = Bench::trusting();
    let (folder, file) = (rim(7), bench.dir.path().join("rim.pack"));
    install::bundle(folder.path(), &file, &bench.installer.keys).expect("it is good");
    bench.installer.verify(&file).expect("it is good");
    bench.installer.verify(folder.path()).expect("it is good");
    assert_eq!(bench.active(), (1, Origin::Image), "verifying installs nothing");
    bench.installer.install(&file).expect("it is good");
    assert_eq!(bench.active(), (7, Origin::Installed));
}

#[test]
fn two_installed_versions_are_kept_and_a_rollback_goes_down_step_by_step() {
    let bench = Bench::trusting();
    for version in [2, 3, 4] {
        bench.install(&files(&rim(version))).expect("it is good");
    }
    let versions: Vec<_> = bench.standing().candidates.iter().map(|c| c.version).collect();
    assert_eq!(versions, [4, 3, 1]);
    assert!(!bench.packs().join("rim/2").exists(), "it takes no room");
    for (left, now) in [(4, 3), (3, 1)] {
        let (gone, active) = bench.installer.roll_back("rim").expect("there is an earlier one");
        assert_eq!((gone.version, active.version), (left, now));
        assert_eq!(bench.active().0, now);
    }
    let error = bench.installer.roll_back("rim").expect_err("there is none").to_string();
    assert!(error.contains("no rim pack before version 1"), "{error}");
    // What was withdrawn may come back, when somebody installs it.
    bench.install(&files(&rim(4))).expect("it is newer than 1");
    assert_eq!(bench.active(), (4, Origin::Installed));
}

#[test]
fn a_newer_image_wins_over_what_was_installed_and_can_be_rolled_back_too() {
    let bench = Bench::trusting();
    bench.install(&files(&rim(5))).expect("it is good");
    crate::bench::copy(&rim(6), &bench.dir.path().join("image/rim"));
    assert_eq!(bench.active(), (6, Origin::Image));
    bench.installer.roll_back("rim").expect("there is version 5");
    assert_eq!(bench.active(), (5, Origin::Installed));
}

#[test]
fn only_one_installation_at_a_time() {
    let bench = Bench::trusting();
    let lock = bench.installer.shelf.lock().expect("nobody else is at it");
    bench.refuse(&files(&rim(2)), "another installation");
    drop(lock);
    bench.install(&files(&rim(2))).expect("it is good");
}

/// What `kill -9` leaves: a staged folder, and a version that `current` never named.
#[test]
fn an_installation_that_was_killed_counts_for_nothing_and_is_cleared_away() {
    let bench = Bench::trusting();
    let (staged, half) = (bench.packs().join(".new-1"), bench.packs().join("rim/2"));
    for folder in [&staged, &half] {
        fs::create_dir_all(folder).expect("writable");
        fs::write(folder.join("manifest.toml"), "half of").expect("writable");
    }
    assert_eq!(bench.active(), (1, Origin::Image));
    bench.install(&files(&rim(2))).expect("it is good");
    assert_eq!(bench.active(), (2, Origin::Installed));
    assert!(!staged.exists());
}
