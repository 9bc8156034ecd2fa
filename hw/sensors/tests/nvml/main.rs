//! NVML, against a stand-in that the C compiler makes here.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use hal::sensors::{Sensors as _, Trips};
use sensors::{Missing, Nvml, Places, discover};
use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts, Permille};

/// Compiles the stand-in.
fn library(folder: &Path, define: &str) -> OsString {
    let (file, library) = (folder.join("fake.c"), folder.join(format!("lib{define}.so")));
    std::fs::write(&file, include_str!("fake.c")).expect("a file");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", &format!("-D{define}"), "-o"]).arg(&library).arg(&file);
    assert!(compiler.status().expect("a C compiler builds this project").success());
    library.into_os_string()
}

#[test]
fn gpus_tell_what_they_have_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let places =
        Places { root: folder.path().to_owned(), nvml: Some(library(folder.path(), "WHOLE")) };
    let now: sensors::Now = Arc::new(|| Monotonic(0));
    let (mut sensors, absent) = discover(&places, &now);
    let what: Vec<&str> = absent.iter().map(|a| a.what).collect();
    assert_eq!(what, ["pressure", "memory limit", "disk wear"], "what a GPU measures is measured");
    let readings = sensors.read();
    let [gpu] = readings.temperatures.as_slice() else { panic!("{readings:?}") };
    assert_eq!((gpu.name.as_str(), gpu.value), ("nvidia gpu0", Some(Millicelsius(61_000))));
    let degrees = |degrees: i32| Some(Millicelsius(degrees * 1_000));
    assert_eq!(gpu.trips, Trips { passive: degrees(93), hot: None, critical: degrees(98) });
    assert_eq!(readings.power[0].value, Some(Milliwatts(43_210)));
    assert_eq!(readings.fans[0].drive, Some(Permille(1_000)), "above 100 is 100");
    assert_eq!((readings.power.len(), readings.fans.len()), (1, 1));
}

#[test]
fn absent_library_unknown_library_and_failing_driver_are_told_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = |library: &OsString| Nvml::open(library).err().expect("nothing to read");
    let nowhere = missing(&folder.path().join("libnvidia-ml.so.1").into_os_string());
    assert!(matches!(nowhere, Missing::Library(_)), "{nowhere}");
    let unknown = missing(&library(folder.path(), "NO_FAN"));
    assert!(matches!(unknown, Missing::Function { .. }), "{unknown}");
    assert!(unknown.to_string().contains("nvmlDeviceGetFanSpeed"), "{unknown}");
    let no_driver = missing(&library(folder.path(), "NO_DRIVER"));
    assert!(matches!(no_driver, Missing::Refused(9)), "{no_driver}");
    let no_gpu = missing(&library(folder.path(), "NO_GPU"));
    assert!(matches!(no_gpu, Missing::NoGpu), "{no_gpu}");
}
