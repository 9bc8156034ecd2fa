//! Reading a fake sysfs tree.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hal::sensors::{Readings, Sensors as _, Trips};
use sensors::{Absent, BoxSensors, Places, SysfsSensors};
use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts};

/// A root folder, and a clock that moves when told to.
struct Board {
    root: tempfile::TempDir,
    now_us: Arc<AtomicU64>,
}

impl Board {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let board = Self { root, now_us: Arc::default() };
        files.iter().for_each(|(path, text)| board.write(path, text));
        board
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join("sys/class").join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, format!("{text}\n")).expect("a file");
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.root.path().join("sys/class").join(path)).expect("it was there");
    }

    fn discover(&self) -> (SysfsSensors, Vec<Absent>) {
        let now_us = self.now_us.clone();
        let now = move || Monotonic(now_us.load(Ordering::Relaxed));
        SysfsSensors::discover(self.root.path(), Arc::new(now))
    }

    /// With what is asked aside.
    fn discover_all(&self) -> (BoxSensors, Vec<Absent>) {
        let places = Places { root: self.root.path().to_owned(), nvml: None };
        sensors::discover(&places, &(Arc::new(|| Monotonic(0)) as sensors::Now))
    }

    fn pass_ms(&self, ms: u64) {
        self.now_us.fetch_add(ms * 1_000, Ordering::Relaxed);
    }
}

fn temperatures(readings: &Readings) -> Vec<(&str, Option<i32>)> {
    readings.temperatures.iter().map(|t| (t.name.as_str(), t.value.map(|v| v.0))).collect()
}

fn power(readings: &Readings) -> Vec<(&str, Option<u32>)> {
    readings.power.iter().map(|p| (p.name.as_str(), p.value.map(|v| v.0))).collect()
}

#[test]
fn jetson_zones_trip_points_and_rails() {
    let board = Board::new(&[
        ("thermal/thermal_zone0/type", "cpu-thermal"),
        ("thermal/thermal_zone0/temp", "48250"),
        ("thermal/thermal_zone0/trip_point_0_type", "active"),
        ("thermal/thermal_zone0/trip_point_0_temp", "50000"),
        ("thermal/thermal_zone0/trip_point_1_type", "passive"),
        ("thermal/thermal_zone0/trip_point_1_temp", "99000"),
        ("thermal/thermal_zone0/trip_point_2_type", "passive"),
        ("thermal/thermal_zone0/trip_point_2_temp", "95000"),
        ("thermal/thermal_zone0/trip_point_3_type", "critical"),
        ("thermal/thermal_zone0/trip_point_3_temp", "104500"),
        ("thermal/thermal_zone10/type", "tj-thermal"),
        ("thermal/thermal_zone10/temp", "50000"),
        ("thermal/thermal_zone2/type", "gpu-thermal"),
        ("thermal/thermal_zone2/temp", "46000"),
        ("thermal/cooling_device0/type", "pwm-fan"),
        ("hwmon/hwmon1/name", "ina3221"),
        ("hwmon/hwmon1/in1_input", "19120"),
        ("hwmon/hwmon1/in1_label", "VDD_IN"),
        ("hwmon/hwmon1/curr1_input", "480"),
        ("hwmon/hwmon1/in2_input", "5000"),
        ("hwmon/hwmon1/in2_label", "VDD_CPU_GPU_CV"),
        ("hwmon/hwmon1/curr2_input", "-8"),
        // The shunt's voltage has no current of its own.
        ("hwmon/hwmon1/in5_input", "2"),
    ]);
    let (mut sensors, absent) = board.discover();
    let absent: Vec<&str> = absent.iter().map(|absent| absent.what).collect();
    assert_eq!(absent, ["pressure", "memory limit"]);
    let readings = sensors.read();
    assert_eq!(
        temperatures(&readings),
        [
            ("cpu-thermal", Some(48_250)),
            ("gpu-thermal", Some(46_000)),
            ("tj-thermal", Some(50_000))
        ]
    );
    let trips = Trips {
        passive: Some(Millicelsius(95_000)),
        hot: None,
        critical: Some(Millicelsius(104_500)),
    };
    assert_eq!(readings.temperatures[0].trips, trips);
    assert_eq!(readings.temperatures[1].trips, Trips::default());
    assert_eq!(power(&readings), [("VDD_IN", Some(9_177)), ("VDD_CPU_GPU_CV", Some(0))]);
}

#[test]
fn pc_monitors_and_their_limits() {
    let board = Board::new(&[
        ("hwmon/hwmon0/name", "coretemp"),
        ("hwmon/hwmon0/temp1_input", "61000"),
        ("hwmon/hwmon0/temp1_label", "Package id 0"),
        ("hwmon/hwmon0/temp1_max", "80000"),
        ("hwmon/hwmon0/temp1_crit", "100000"),
        ("hwmon/hwmon1/name", "nvme"),
        ("hwmon/hwmon1/temp1_input", "38850"),
        // What a drive without a limit states.
        ("hwmon/hwmon1/temp1_max", "65261850"),
        ("hwmon/hwmon2/name", "nvme"),
        ("hwmon/hwmon2/temp1_input", "41000"),
        ("hwmon/hwmon3/name", "amdgpu"),
        ("hwmon/hwmon3/power1_average", "23000000"),
        ("hwmon/hwmon3/in0_input", "800"),
    ]);
    let (mut sensors, absent) = board.discover_all();
    let absent: Vec<&str> = absent.iter().map(|absent| absent.what).collect();
    assert_eq!(absent, ["pressure", "memory limit", "disk wear"]);
    let readings = sensors.read();
    assert_eq!(
        temperatures(&readings),
        [
            ("coretemp Package id 0", Some(61_000)),
            ("nvme temp1", Some(38_850)),
            ("nvme temp1-2", Some(41_000))
        ]
    );
    let limits = readings.temperatures[0].trips;
    assert_eq!(
        (limits.hot, limits.critical),
        (Some(Millicelsius(80_000)), Some(Millicelsius(100_000)))
    );
    assert_eq!(readings.temperatures[1].trips, Trips::default());
    assert_eq!(power(&readings), [("amdgpu power1", Some(23_000))]);
}

#[test]
fn energy_counters_become_power_between_readings_and_survive_their_wrap() {
    let counter = "powercap/intel-rapl:0/energy_uj";
    let board = Board::new(&[
        ("powercap/intel-rapl:0/name", "package-0"),
        ("powercap/intel-rapl:0/max_energy_range_uj", "9999999999"),
        (counter, "100000"),
        ("powercap/intel-rapl/enabled", "1"),
    ]);
    let (mut sensors, _) = board.discover();
    let mut next = |energy_uj: &str, ms: u64| {
        board.write(counter, energy_uj);
        board.pass_ms(ms);
        sensors.read().power[0].value
    };
    assert_eq!(next("100000", 1_000), None, "one reading is no power");
    assert_eq!(next("600000", 500), Some(Milliwatts(1_000)));
    assert_eq!(next("9999600000", 9_999), Some(Milliwatts(1_000_000)));
    assert_eq!(next("100000", 1_000), Some(Milliwatts(500)), "it went round");
    assert_eq!(next("100000", 0), None, "no time has passed");
    assert_eq!(next("broken", 1_000), None);
    assert_eq!(next("200000", 1_000), None, "the reading before is missing");
    assert_eq!(next("300000", 1_000), Some(Milliwatts(100)));
    assert_eq!(next("-5", 1_000), None, "no counter counts below zero");
    assert_eq!(next("300000", 1_000), None);
    assert_eq!(next("10000000000", 1_000), None, "beyond its own range");
    assert_eq!(next("300000", 1_000), None);
    assert_eq!(next("400000", 10_001), None, "at 1000 W it could have gone round twice");
    assert_eq!(next("500000", 1_000), Some(Milliwatts(100)));
}

#[test]
fn energy_counter_without_a_range_says_nothing_when_it_falls() {
    let board = Board::new(&[
        ("powercap/intel-rapl:0/name", "package-0"),
        ("powercap/intel-rapl:0/max_energy_range_uj", "0"),
        ("powercap/intel-rapl:0/energy_uj", "900000"),
    ]);
    let (mut sensors, _) = board.discover();
    sensors.read();
    board.pass_ms(1_000);
    board.write("powercap/intel-rapl:0/energy_uj", "100000");
    assert_eq!(power(&sensors.read()), [("package-0", None)]);
    board.pass_ms(3_600_000);
    board.write("powercap/intel-rapl:0/energy_uj", "3600100000");
    assert_eq!(power(&sensors.read()), [("package-0", Some(1_000))]);
}

#[test]
fn sensor_that_vanishes_stays_in_its_place_without_a_value() {
    let board = Board::new(&[
        ("thermal/thermal_zone0/type", "acpitz"),
        ("thermal/thermal_zone0/temp", "40000"),
        ("thermal/thermal_zone1/type", "acpitz"),
        ("thermal/thermal_zone1/temp", "42000"),
    ]);
    let (mut sensors, _) = board.discover();
    sensors.read();
    board.remove("thermal/thermal_zone0/temp");
    assert_eq!(temperatures(&sensors.read()), [("acpitz", None), ("acpitz-2", Some(42_000))]);
    for text in ["", "no number", "99999999999999999999"] {
        board.write("thermal/thermal_zone0/temp", text);
        assert_eq!(temperatures(&sensors.read())[0], ("acpitz", None), "{text:?}");
    }
    board.write("thermal/thermal_zone0/temp", "-5000");
    assert_eq!(temperatures(&sensors.read())[0], ("acpitz", Some(-5_000)));
}

#[test]
fn radios_are_no_sensors_of_the_box() {
    let board = Board::new(&[
        ("thermal/thermal_zone0/type", "iwlwifi_1"),
        ("thermal/thermal_zone0/temp", "35000"),
        ("hwmon/hwmon0/name", "mt7921_phy0"),
        ("hwmon/hwmon0/temp1_input", "35000"),
    ]);
    let (mut sensors, absent) = board.discover();
    assert_eq!(temperatures(&sensors.read()), []);
    assert!(absent.iter().any(|a| a.what == "temperature"));
}

#[test]
fn box_without_sensors_says_so_and_still_reads_load_and_memory() {
    let board = Board::new(&[]);
    let (mut sensors, absent) = board.discover();
    let what: Vec<&str> = absent.iter().map(|a| a.what).collect();
    assert_eq!(what, ["temperature", "power", "pressure", "memory limit"]);
    assert!(absent[0].to_string().starts_with("temperature is not measured: "), "{}", absent[0]);
    let first = sensors.read();
    assert_eq!((first.temperatures.len(), first.power.len(), first.cpu), (0, 0, None));
    let resident = first.memory_resident_bytes.expect("this process has memory");
    let available = first.memory_available_bytes.expect("procfs tells the memory");
    assert!((100_000..1 << 40).contains(&resident), "{resident} bytes resident");
    assert!(available > 1 << 20, "{available} bytes available");
    assert!(first.memory_total_bytes.is_some_and(|total| total >= available));
    assert!(sensors.read().cpu.is_some(), "two readings give a share");
}
