//! The same stages behind a real device of the kernel: `vivid`, in the machine of
//! `scripts/test-vm`. Elsewhere skipped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use courtside::clock::SystemClock;
use hal::capture::Rate;
use pipeline::captured::Happening;
use pipeline::record::FragmentStore;
use v4l::control::{Control, Value};
use v4l2::{Device, Wanted};

use crate::bench::{Bench, Seen};

/// vivid's controls: which share of a picture is drawn, what is plugged in, and its timings.
const FILLED_SHARE: u32 = 0x00f0_f029;
const SIGNAL_MODE: u32 = 0x00f0_f03e;
const SELECTED: u32 = 0x00f0_f03f;
const NO_SIGNAL: i64 = 1;
const SELECTED_SIGNAL: i64 = 4;
/// 640 x 480, 59.94 pictures a second: an emulated processor encodes some of them.
const VGA: i64 = 0;

/// The file of the test device; `None`, and told, where there is none.
fn device_file() -> Option<PathBuf> {
    let found = v4l2::list::all("/sys".as_ref(), "/dev".as_ref());
    let is_vivid =
        |found: &v4l2::list::Found| found.card.as_ref().is_ok_and(|card| card.driver == "vivid");
    let file = found.into_iter().find(is_vivid).map(|found| found.file);
    if file.is_none() {
        println!("SKIPPED: no vivid device here; scripts/test-vm brings a machine that has one");
    }
    file
}

fn set(file: &Path, id: u32, value: i64) {
    let device = v4l::Device::with_path(file).expect("it is there");
    device.set_control(Control { id, value: Value::Integer(value) }).expect("vivid has it");
}

fn plug(file: &Path) {
    set(file, FILLED_SHARE, 10);
    set(file, SIGNAL_MODE, SELECTED_SIGNAL);
    set(file, SELECTED, VGA);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_device_is_seen_at_once_and_recorded_with_a_slate_while_it_has_no_signal() {
    let Some(file) = device_file() else { return };
    plug(&file);
    let clock = Arc::new(SystemClock::start());
    let taken = tokio::task::spawn_blocking(move || {
        let wanted =
            Wanted { file: file.clone(), input: None, pixels: None, size: None, rate: None };
        let device = || Box::new(Device::new(wanted, Arc::clone(&clock))) as Box<_>;
        let mut bench = Bench::start(&clock, device);
        let captured = |bench: &Bench| bench.links.counters.frames_captured.get();
        bench.run(Duration::from_secs(20), |bench| captured(bench) >= 90);
        set(&file, SIGNAL_MODE, NO_SIGNAL);
        bench.run(Duration::from_secs(20), |bench| bench.links.counters.slates.get() >= 5);
        let before = captured(&bench);
        plug(&file);
        bench.run(Duration::from_secs(20), |bench| captured(bench) >= before + 60);
        bench.finish()
    })
    .await
    .expect("it did not panic");

    let comes = |happening: &Happening| matches!(happening, Happening::Comes(_));
    let [first, Happening::Lost(_), again] = taken.happened.as_slice() else {
        panic!("{:?}", taken.happened)
    };
    assert!(comes(first) && comes(again), "{:?}", taken.happened);
    let Happening::Comes(format) = first else { unreachable!("it was looked at") };
    assert_eq!(format.rate, Some(Rate(59_940)));
    let mut ages: Vec<Duration> = taken
        .seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Frame { age, .. } => Some(*age),
            Seen::Ended { .. } => None,
        })
        .collect();
    ages.sort_unstable();
    let (middle, late) = (ages[ages.len() / 2], ages[ages.len() * 95 / 100]);
    let counters = &taken.links.counters;
    println!(
        "captured {}, lost {}, taken by inference {} at an age of {} ms (p50) and {} ms (p95), \
         recorded {} and {} slates, dropped {}",
        counters.frames_captured.get(),
        counters.frames_lost.get(),
        ages.len(),
        middle.as_millis(),
        late.as_millis(),
        taken.units().len() as u64 - counters.slates.get(),
        counters.slates.get(),
        counters.pictures_dropped.get(),
    );
    assert!(middle < Duration::from_millis(100), "{middle:?}");
    let encoded = taken.units().len() as u64;
    let (captured, slates) = (counters.frames_captured.get(), counters.slates.get());
    assert_eq!(
        encoded + counters.pictures_dropped.get(),
        captured + slates,
        "all is accounted for"
    );
    let shown = taken.shown();
    assert_eq!(shown.len() as u64, encoded);
    let hole = shown.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_millis()).max();
    // An emulated processor is seconds behind with encoding.
    assert!(hole < Some(6_000), "{hole:?} ms without a picture: {shown:?}");
    assert!(shown.iter().any(|(_, luma)| *luma < 30), "a dark slate");
    let complete = taken.record().complete_upto().expect("it is recorded");
    assert!(complete > shown[0].0, "{complete:?}");
}

#[test]
fn what_is_plugged_in_is_told() {
    let Some(file) = device_file() else { return };
    plug(&file);
    let devices = courtside::devices::look();
    println!("{devices}");
    let told = devices.to_string();
    for part in [&*format!("{}  vivid at platform:vivid-000", file.display()), "640x480p59.94"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let json = devices.json();
    assert_eq!(json[0]["signal"]["timings"]["height"], 480, "{json:#}");
}
