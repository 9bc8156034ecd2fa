//! Files of the kernel's that hang: a pipe into which nobody writes keeps its reader as a disk does
//! that no longer answers its driver.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hal::sensors::{Readings, Sensors as _};
use sensors::{BoxSensors, Now, Places, discover};
use wire::time::Monotonic;

struct Tree(tempfile::TempDir);

impl Tree {
    /// A processor, a board and two disks.
    fn new() -> (Self, BoxSensors) {
        let tree = Self(tempfile::tempdir().expect("a temporary folder"));
        for (path, text) in [
            ("thermal/thermal_zone0/type", "cpu-thermal"),
            ("thermal/thermal_zone0/temp", "40000"),
            ("hwmon/hwmon0/name", "nvme"),
            ("hwmon/hwmon0/temp1_input", "30000"),
            ("hwmon/hwmon1/name", "nvme"),
            ("hwmon/hwmon1/temp1_input", "31000"),
        ] {
            tree.write(path, text);
        }
        let places = Places { root: tree.0.path().to_owned(), nvml: None };
        let now: Now = Arc::new(|| Monotonic(0));
        let (sensors, _) = discover(&places, &now);
        (tree, sensors)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join("sys/class").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, format!("{text}\n")).expect("a file");
    }

    /// From now on whoever reads the file waits.
    fn hang(&self, path: &str) {
        let path = self.at(path);
        fs::remove_file(&path).expect("it was there");
        let path = CString::new(path.as_os_str().as_bytes()).expect("a path");
        // SAFETY: a path that ends in a zero and lives as long as the call.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0, "a pipe");
    }

    /// Answers whoever waits, and everybody after it.
    fn answer(&self, path: &str, text: &str) {
        let at = self.at(path);
        let pipe = fs::OpenOptions::new().write(true).open(&at).expect("somebody waits");
        self.write("answer", text);
        fs::rename(self.at("answer"), &at).expect("the same folder");
        drop(pipe);
    }
}

fn told(readings: &Readings) -> Vec<(&str, Option<i32>)> {
    let sensor = |sensor: &hal::sensors::Temperature| sensor.value.map(|value| value.0);
    readings.temperatures.iter().map(|t| (t.name.as_str(), sensor(t))).collect()
}

/// Reads until the sensor at `place` has this value.
fn until(sensors: &mut BoxSensors, place: usize, value: i32) {
    let found = std::iter::repeat_with(|| {
        std::thread::yield_now();
        told(&sensors.read())[place].1
    });
    let found = found.take(1_000_000).find(|found| *found == Some(value));
    assert_eq!(found, Some(Some(value)), "it answers again");
}

#[test]
fn disk_that_hangs_silences_its_own_temperature_and_no_other() {
    let (tree, mut sensors) = Tree::new();
    let disk = "hwmon/hwmon0/temp1_input";
    tree.hang(disk);
    let mut disks = Vec::new();
    for degrees in ["41000", "42000", "43000", "44000", "45000"] {
        tree.write("thermal/thermal_zone0/temp", degrees);
        let readings = sensors.read();
        let told = told(&readings);
        assert!(told[0].1.is_some(), "{told:?}");
        assert_eq!(told[2], ("nvme temp1-2", Some(31_000)));
        assert_eq!(told[1].0, "nvme temp1");
        disks.push(told[1].1);
    }
    let old = Some(30_000);
    assert_eq!(disks, [old, old, old, None, None]);
    until(&mut sensors, 0, 45_000);
    tree.answer(disk, "33000");
    until(&mut sensors, 1, 33_000);
}

#[test]
fn any_other_file_that_hangs_keeps_nobody_waiting() {
    let (tree, mut sensors) = Tree::new();
    let zone = "thermal/thermal_zone0/temp";
    tree.hang(zone);
    for _ in 0..4 {
        sensors.read();
    }
    let readings = sensors.read();
    assert_eq!(told(&readings)[0], ("cpu-thermal", None));
    assert_eq!(told(&readings)[1], ("nvme temp1", Some(30_000)));
    assert_eq!((readings.cpu, readings.memory_available_bytes), (None, None));
    tree.answer(zone, "46000");
    until(&mut sensors, 0, 46_000);
}
