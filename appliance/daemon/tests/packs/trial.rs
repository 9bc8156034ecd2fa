//! What is refused when the networks are tried out, in a process of its own.

use std::time::Duration;

use courtside::packs::install::Installer;
use courtside::packs::probe::Prober;

use crate::bench::{Bench, files, rim};
use crate::fixture::{self, Folder};

/// A rim pack of version 2 with another network in its nano tier, signed as if it were good.
fn rim_with(network: &[u8]) -> Folder {
    let folder = rim(2);
    folder.replace("nano.f32.onnx", network);
    folder
}

#[test]
fn an_unknown_operator_is_refused() {
    Bench::real().refuse(&files(&rim_with(&fixture::rim_network_with("Frobnicate"))), "Frobnicate");
}

#[test]
fn a_wrong_shape_is_refused() {
    Bench::real().refuse(&files(&rim_with(&fixture::rim_network_of(12))), "input shape");
    let folder = rim(2);
    folder.edit("name = \"slots\"", "name = \"answers\"");
    Bench::real().refuse(&files(&folder), "answers");
}

#[test]
fn another_answer_than_the_golden_one_is_refused() {
    Bench::real().refuse(&files(&rim_with(&fixture::rim_network_with("Neg"))), "golden");
}

#[test]
fn not_a_number_is_refused_in_the_golden_answer_and_on_a_black_picture() {
    let bench = Bench::real();
    bench.refuse(&files(&rim_with(&fixture::rim_network_with("Log"))), "not a finite number");
    let blind = files(&rim_with(&fixture::rim_network_blind_in_the_dark()));
    bench.refuse(&blind, "not a finite number");
    bench.refuse(&blind, "a picture that a camera may send");
}

#[test]
fn a_network_far_slower_than_it_claims_is_refused() {
    let slow = files(&rim_with(&fixture::rim_network_with_work(60)));
    Bench::real().refuse(&slow, "more than 40.0 ms");
}

#[test]
fn a_network_that_hangs_is_killed_and_refused() {
    let bench = Bench::real();
    let impatient = Prober { load_max: Duration::from_secs(2), ..bench.installer.prober.clone() };
    let bench = Bench { installer: Installer { prober: impatient, ..bench.installer }, ..bench };
    let endless = files(&rim_with(&fixture::rim_network_with_work(20_000)));
    bench.refuse(&endless, "the network hangs");
}

#[test]
fn a_tier_that_hangs_is_killed_and_refused() {
    let bench = Bench::scripted("echo loaded; exec sleep 1000");
    let impatient =
        Prober { tier_max: Duration::from_millis(300), ..bench.installer.prober.clone() };
    let bench = Bench { installer: Installer { prober: impatient, ..bench.installer }, ..bench };
    bench.refuse(&files(&rim(2)), "tier nano took more than 0.3 s");
}

#[test]
fn a_network_that_brings_its_process_down_is_refused() {
    Bench::scripted("echo loaded; kill -9 $$")
        .refuse(&files(&rim(2)), "brought the trial's process down");
}

#[test]
fn a_trial_that_speaks_nonsense_is_refused() {
    Bench::scripted("echo loaded; echo tier nano fast").refuse(&files(&rim(2)), "unclear result");
    Bench::scripted("echo loaded; echo tier nano NaN").refuse(&files(&rim(2)), "takes NaN ms");
}
