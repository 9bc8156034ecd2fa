//! From `courtside calibrate` to what a box does with it at its next start.

use std::fs;
use std::path::Path;

use courtside::calibrate::{self, FILE, Summary};
use courtside::engine::Packs;
use governor::OperatingPoint;
use hal::Clock;
use models::{Engines, Pack};

use crate::fixture::{self, Folder};

/// A box all of whose packs are this one: only what its tiers cost matters here.
fn packs(folder: &Folder, engines: &Engines) -> Packs {
    let open = |_: &str| Ok(Pack::open(folder.path(), &fixture::trust(), engines)?);
    Packs::of(open).expect("the pack is good")
}

/// What the tier `nano` of the box's packs takes after a start, if that is known.
fn known_ms(folder: &Folder, data_dir: &Path) -> Option<f32> {
    let engines = calibrate::known(Engines::default(), data_dir);
    packs(folder, &engines)
        .all()
        .next()
        .expect("a pack")
        .measured_ms("nano")
        .expect("it has the tier")
}

#[test]
fn what_was_measured_is_what_the_governor_reckons_with_after_the_next_start() {
    let (dir, folder) = (tempfile::tempdir().expect("there is a folder"), fixture::rim());
    assert_eq!(known_ms(&folder, dir.path()), None);
    let mut told = Vec::new();
    let before = packs(&folder, &Engines::default());
    let ran = calibrate::run(&before, &Engines::default(), None, |line| told.push(line.to_owned()));
    let calibration = ran.expect("the networks run");
    assert_eq!(told.len(), 10, "five packs of two tiers: {told:?}");
    assert!(told[0].starts_with("rim/nano: tract f32 "), "{told:?}");
    let summary = Summary(&calibration).to_string();
    let absent = ["CUDA not here: ", "TensorRT not here: "];
    for part in ["rim 1 full", "tract f32*", " ms ", "the only one"].into_iter().chain(absent) {
        assert!(summary.contains(part), "{part:?} is not in {summary}");
    }
    calibration.table.write(dir.path()).expect("the folder is writable");

    let ms = known_ms(&folder, dir.path()).expect("it was measured");
    assert!(ms > 0.0 && ms < 1_000.0, "{ms}");
    let engines = calibrate::known(Engines::default(), dir.path());
    let cost = packs(&folder, &engines).tiers().cost(OperatingPoint::SMALLEST);
    // A frame costs a run of the ball and one of the rim pack, which are the same pack here.
    assert!((cost.as_secs_f32() * 1_000.0 - 2.0 * ms).abs() < 1e-3, "{cost:?} {ms}");
    let declared = before.tiers().cost(OperatingPoint::SMALLEST);
    assert_eq!(declared.as_micros(), 200, "the manifests say 0.1 ms each");
}

#[test]
fn a_damaged_table_or_another_version_of_a_pack_leaves_the_box_as_if_nobody_had_measured() {
    let (dir, folder) = (tempfile::tempdir().expect("there is a folder"), fixture::rim());
    let engines = Engines::default();
    let ran = calibrate::run(&packs(&folder, &engines), &engines, None, |_| ()).expect("they run");
    let path = ran.table.write(dir.path()).expect("the folder is writable");
    assert_eq!(path, dir.path().join(FILE));
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(&path, &text[..text.len() / 2]).expect("writable");
    assert_eq!(known_ms(&folder, dir.path()), None, "half a table");
    fs::write(&path, text).expect("writable");
    assert!(known_ms(&folder, dir.path()).is_some());
    folder.edit("version = 1\n", "version = 2\n");
    assert_eq!(known_ms(&folder, dir.path()), None, "another version");
}

#[test]
fn a_gpu_that_was_the_fastest_and_is_gone_leaves_its_tiers_to_the_usual_engine() {
    let (dir, folder) = (tempfile::tempdir().expect("there is a folder"), fixture::rim());
    let engines = Engines::default();
    let ran = calibrate::run(&packs(&folder, &engines), &engines, None, |_| ()).expect("they run");
    let path = ran.table.write(dir.path()).expect("the folder is writable");
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(&path, text.replace("tract f32", "onnxruntime cuda f32")).expect("writable");
    assert_eq!(known_ms(&folder, dir.path()), None, "what the GPU took is of no use");
    let engines = calibrate::known(Engines::default(), dir.path());
    let run_by = packs(&folder, &engines).run_by(governor::Tier::Nano);
    assert_eq!(run_by, "tract f32");
}

/// A box that draws 6 W, and 2.5 W more while a network runs.
struct Scale {
    clock: courtside::clock::SystemClock,
    rested: bool,
    reads: usize,
}

impl calibrate::power::Scale for Scale {
    fn now(&self) -> wire::time::Monotonic {
        // Ten times as fast, for the test is to be short.
        wire::time::Monotonic(10 * self.clock.now().0 + 250_000 * self.reads as u64)
    }

    fn read(&mut self) -> Option<wire::units::Milliwatts> {
        self.reads += 1;
        let rested = std::mem::take(&mut self.rested);
        Some(wire::units::Milliwatts(if rested { 6_000 } else { 8_500 }))
    }

    fn rest(&mut self, _pause: std::time::Duration) {
        self.rested = true;
    }
}

#[test]
fn where_the_box_measures_power_the_report_and_the_table_tell_what_each_network_adds() {
    let (dir, folder) = (tempfile::tempdir().expect("there is a folder"), fixture::rim());
    let engines = Engines::default();
    let mut scale =
        Scale { clock: courtside::clock::SystemClock::start(), rested: false, reads: 0 };
    let ran = calibrate::run(&packs(&folder, &engines), &engines, Some(&mut scale), |_| ());
    let calibration = ran.expect("they run");
    let summary = Summary(&calibration).to_string();
    assert_eq!(summary.matches(" 2.5 W").count(), 10, "{summary}");
    calibration.table.write(dir.path()).expect("the folder is writable");
    let text = fs::read_to_string(dir.path().join(FILE)).expect("it is there");
    assert_eq!(text.matches("power_mw = 2500").count(), 10, "{text}");
}
