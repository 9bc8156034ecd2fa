//! How long tasks wait and how much memory is left, in a fake tree.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hal::sensors::{GroupMemory, Pressure, Readings, Sensors as _};
use sensors::SysfsSensors;
use wire::time::Monotonic;
use wire::units::Permille;

const OWN: &str = "9:name=systemd:/\n4:memory:/elsewhere\n0::/system.slice/courtside.service";
const SLICE: &str = "sys/fs/cgroup/system.slice";

/// What a box with these files says, and what it does not measure.
fn read(files: &[(&str, &str)]) -> (Readings, Vec<&'static str>) {
    let root = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, format!("{text}\n")).expect("a file");
    }
    let (mut sensors, absent) = SysfsSensors::discover(root.path(), Arc::new(|| Monotonic(0)));
    let ours = absent.iter().map(|absent| absent.what);
    let ours = ours.filter(|what| ["pressure", "memory limit"].contains(what)).collect();
    (sensors.read(), ours)
}

#[test]
fn box_that_tells_pressure_and_a_limit_is_read_below_the_root() {
    let (readings, absent) = read(&[
        ("proc/pressure/cpu", "some avg10=12.34 avg60=0.00 avg300=0.00 total=1"),
        ("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"),
        ("proc/self/cgroup", OWN),
        (&format!("{SLICE}/courtside.service/memory.max"), "1073741824"),
        (&format!("{SLICE}/courtside.service/memory.current"), "805306368"),
    ]);
    assert_eq!(absent, [] as [&str; 0]);
    let shares = Pressure { cpu: Some(Permille(123)), memory: Some(Permille(0)), io: None };
    assert_eq!(readings.pressure, shares);
    assert_eq!(readings.group_memory.limit_bytes, Some(1 << 30));
    assert_eq!(readings.group_memory.used(), Some(Permille(750)));
}

#[test]
fn limit_of_a_group_around_counts_with_what_that_group_uses() {
    let (readings, absent) = read(&[
        ("proc/self/cgroup", OWN),
        (&format!("{SLICE}/courtside.service/memory.max"), "max"),
        (&format!("{SLICE}/courtside.service/memory.current"), "1000"),
        (&format!("{SLICE}/memory.max"), "4000"),
        (&format!("{SLICE}/memory.current"), "3000"),
    ]);
    assert_eq!(absent, ["pressure"]);
    let expected = GroupMemory { limit_bytes: Some(4_000), used_bytes: Some(3_000) };
    assert_eq!(readings.group_memory, expected);
}

#[test]
fn group_without_a_limit_has_none_and_says_so() {
    let (readings, absent) = read(&[
        ("proc/self/cgroup", "0::/../../elsewhere"),
        ("sys/fs/cgroup/memory.max", "max"),
        ("sys/fs/cgroup/memory.current", "1000"),
    ]);
    assert_eq!(absent, ["pressure", "memory limit"]);
    let expected = GroupMemory { limit_bytes: None, used_bytes: Some(1_000) };
    assert_eq!((readings.group_memory, readings.group_memory.used()), (expected, None));
}

#[test]
fn box_that_tells_nothing_has_no_pressure_and_no_limit() {
    let (readings, absent) = read(&[("proc/self/cgroup", "4:memory:/elsewhere")]);
    assert_eq!(absent, ["pressure", "memory limit"]);
    assert_eq!(readings.pressure, Pressure::default());
    assert_eq!(readings.group_memory, GroupMemory::default());
}
