//! Rails with alarms, fans, counters of throttling, faulty and frozen sensors, in a fake tree.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hal::sensors::{Alarm, Condition, Sensors as _, Throttle};
use sensors::{Now, Places, SysfsSensors, discover};
use wire::time::Monotonic;
use wire::units::{Milliamperes, Millicelsius, Millivolts, Milliwatts, Permille, Rpm};

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().expect("a temporary folder"));
        files.iter().for_each(|(path, text)| tree.write(path, text));
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, format!("{text}\n")).expect("a file");
    }

    fn sensors(&self) -> SysfsSensors {
        SysfsSensors::discover(self.0.path(), Arc::new(|| Monotonic(0))).0
    }
}

const INA: &str = "sys/class/hwmon/hwmon1";

#[test]
fn rail_tells_tension_current_limit_and_its_own_alarm() {
    let tree = Tree::new(&[
        ("sys/class/hwmon/hwmon1/name", "ina3221"),
        ("sys/class/hwmon/hwmon1/in1_label", "VDD_IN"),
        ("sys/class/hwmon/hwmon1/in1_input", "4984"),
        ("sys/class/hwmon/hwmon1/curr1_input", "1856"),
        ("sys/class/hwmon/hwmon1/curr1_max", "7784"),
        ("sys/class/hwmon/hwmon1/curr1_crit", "8000"),
        ("sys/class/hwmon/hwmon1/curr1_max_alarm", "0"),
        ("sys/class/hwmon/hwmon1/curr1_crit_alarm", "0"),
        ("sys/class/hwmon/hwmon1/in2_label", "NC"),
        ("sys/class/hwmon/hwmon1/in2_input", "0"),
        ("sys/class/hwmon/hwmon1/curr2_input", "0"),
        ("sys/class/hwmon/hwmon1/in3_label", "VDD_SOC"),
        ("sys/class/hwmon/hwmon1/in3_input", "4984"),
        ("sys/class/hwmon/hwmon1/curr3_input", "288"),
        ("sys/class/hwmon/hwmon1/curr3_max", "0"),
    ]);
    let mut sensors = tree.sensors();
    let power = sensors.read().power;
    assert_eq!(power.len(), 2, "nothing is connected to the second: {power:?}");
    assert_eq!(power[0].value, Some(Milliwatts(9_250)));
    assert_eq!(power[0].tension, Some(Millivolts(4_984)));
    assert_eq!(power[0].current, Some(Milliamperes(1_856)));
    assert_eq!(power[0].current_max, Some(Milliamperes(7_784)));
    assert_eq!(power[0].alarm, Some(Alarm::Quiet));
    assert_eq!((power[1].current_max, power[1].alarm), (None, None));
    let mut alarm = |high: &str, critical: &str| {
        tree.write(&format!("{INA}/curr1_max_alarm"), high);
        tree.write(&format!("{INA}/curr1_crit_alarm"), critical);
        sensors.read().power[0].alarm
    };
    assert_eq!(alarm("1", "0"), Some(Alarm::High));
    assert_eq!(alarm("1", "1"), Some(Alarm::Critical));
    assert_eq!(alarm("broken", "1"), Some(Alarm::Critical));
    assert_eq!(alarm("broken", "0"), Some(Alarm::Quiet));
    assert_eq!(alarm("broken", "broken"), None);
}

#[test]
fn rail_with_a_malformed_negative_or_huge_value_has_none() {
    let tree = Tree::new(&[
        ("sys/class/hwmon/hwmon1/name", "ina3221"),
        ("sys/class/hwmon/hwmon1/in1_input", "5000"),
        ("sys/class/hwmon/hwmon1/curr1_input", "1000"),
    ]);
    let mut sensors = tree.sensors();
    let mut read = |volts: &str, amperes: &str| {
        tree.write(&format!("{INA}/in1_input"), volts);
        tree.write(&format!("{INA}/curr1_input"), amperes);
        let rail = sensors.read().power.remove(0);
        (rail.value.map(|v| v.0), rail.tension.map(|v| v.0), rail.current.map(|v| v.0))
    };
    assert_eq!(read("5000", "1000"), (Some(5_000), Some(5_000), Some(1_000)));
    assert_eq!(read("5000", "-8"), (Some(0), Some(5_000), Some(-8)), "noise of an idle rail");
    assert_eq!(read("-5000", "1000"), (None, None, Some(1_000)));
    assert_eq!(read("5 V", "1000"), (None, None, Some(1_000)));
    assert_eq!(read("5000", ""), (None, Some(5_000), None));
    assert_eq!(read("9223372036854775807", "1000"), (None, None, Some(1_000)));
    assert_eq!(read("5000", "9223372036854775807"), (None, Some(5_000), None));
    assert_eq!(read("99999999999999999999999", "1"), (None, None, Some(1)));
    // A value of a gigabyte is not read to its end.
    let long = "1".repeat(1 << 20);
    assert_eq!(read(&long, "1000"), (None, None, Some(1_000)));
}

#[test]
fn fans_tell_their_speed_and_how_they_are_driven() {
    let tree = Tree::new(&[
        ("sys/class/hwmon/hwmon0/name", "nct6798"),
        ("sys/class/hwmon/hwmon0/fan1_input", "1320"),
        ("sys/class/hwmon/hwmon0/fan1_label", "CPU"),
        ("sys/class/hwmon/hwmon0/pwm1", "102"),
        ("sys/class/hwmon/hwmon0/pwm1_enable", "1"),
        ("sys/class/hwmon/hwmon0/fan2_input", "0"),
        ("sys/class/hwmon/hwmon0/fan2_fault", "0"),
        ("sys/class/hwmon/hwmon1/name", "pwm_tach"),
        ("sys/class/hwmon/hwmon1/rpm", "1786"),
        ("sys/class/hwmon/hwmon2/name", "pwmfan"),
        ("sys/class/hwmon/hwmon2/pwm1", "255"),
    ]);
    let mut sensors = tree.sensors();
    let told = |sensors: &mut SysfsSensors| -> Vec<(String, Option<u32>, Option<u16>)> {
        let fans = sensors.read().fans;
        fans.into_iter().map(|f| (f.name, f.speed.map(|s| s.0), f.drive.map(|d| d.0))).collect()
    };
    let fan = |name: &str, speed, drive| (name.to_owned(), speed, drive);
    assert_eq!(
        told(&mut sensors),
        [
            fan("nct6798 CPU", Some(1_320), Some(400)),
            fan("nct6798 fan2", Some(0), None),
            fan("pwm_tach rpm", Some(1_786), None),
            fan("pwmfan pwm1", None, Some(1_000)),
        ]
    );
    for (path, text) in [
        ("sys/class/hwmon/hwmon0/fan1_input", "-1"),
        ("sys/class/hwmon/hwmon0/pwm1", "256"),
        ("sys/class/hwmon/hwmon0/fan2_fault", "1"),
        ("sys/class/hwmon/hwmon1/rpm", "4294967295"),
        ("sys/class/hwmon/hwmon2/pwm1", "full"),
    ] {
        tree.write(path, text);
    }
    let fans = sensors.read().fans;
    assert!(fans.iter().all(|fan| fan.speed.is_none() && fan.drive.is_none()), "{fans:?}");
    assert_eq!(fans[1].condition, Condition::Faulty);
    assert_eq!((Rpm(0) < Rpm(1), Permille(400).as_share()), (true, 0.4));
}

#[test]
fn counters_of_throttling_are_told_by_what_they_count() {
    let tree = Tree::new(&[
        ("sys/class/hwmon/hwmon3/name", "soctherm_oc"),
        ("sys/class/hwmon/hwmon3/oc1_event_cnt", "0"),
        ("sys/class/hwmon/hwmon3/oc2_event_cnt", "15"),
        ("sys/class/hwmon/hwmon3/oc3_event_cnt", "-1"),
        ("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "4"),
    ]);
    let counter = |name: &str, events| Throttle { name: name.to_owned(), events };
    assert_eq!(
        tree.sensors().read().throttles,
        [
            counter("under-voltage", Some(0)),
            counter("average over-current", Some(15)),
            counter("instantaneous over-current", None),
            counter("processor too hot", Some(4)),
        ]
    );
}

#[test]
fn sensor_that_its_driver_calls_faulty_has_no_value() {
    let tree = Tree::new(&[
        ("sys/class/hwmon/hwmon0/name", "tmp451"),
        ("sys/class/hwmon/hwmon0/temp1_input", "41000"),
        ("sys/class/hwmon/hwmon0/temp1_fault", "0"),
    ]);
    let mut sensors = tree.sensors();
    let sensor = sensors.read().temperatures.remove(0);
    assert_eq!(
        (sensor.value, sensor.condition),
        (Some(Millicelsius(41_000)), Condition::Unremarkable)
    );
    tree.write("sys/class/hwmon/hwmon0/temp1_fault", "1");
    let sensor = sensors.read().temperatures.remove(0);
    assert_eq!((sensor.value, sensor.condition), (None, Condition::Faulty));
}

#[test]
fn sensor_that_stands_still_while_the_others_move_is_told_as_frozen() {
    let tree = Tree::new(&[
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal"),
        ("sys/class/thermal/thermal_zone0/temp", "39000"),
        ("sys/class/thermal/thermal_zone1/type", "tj-thermal"),
        ("sys/class/thermal/thermal_zone1/temp", "40000"),
    ]);
    let minutes = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&minutes);
    let now = move || Monotonic::from_millis(clock.load(Ordering::Relaxed) * 60_000);
    let places = Places { root: tree.0.path().to_owned(), nvml: None };
    let (mut sensors, _) = discover(&places, &(Arc::new(now) as Now));
    sensors.read();
    let mut conditions = Vec::new();
    tree.write("sys/class/thermal/thermal_zone0/temp", "40000");
    for (minute, junction) in [(0, "40000"), (1, "46000"), (9, "52000"), (10, "52000")] {
        minutes.store(minute, Ordering::Relaxed);
        tree.write("sys/class/thermal/thermal_zone1/temp", junction);
        let temperatures = sensors.read().temperatures;
        assert_eq!(temperatures[0].value, Some(Millicelsius(40_000)), "it is told, not hidden");
        conditions.push(temperatures.iter().map(|t| t.condition).collect::<Vec<_>>());
    }
    use Condition::{Frozen, Unremarkable};
    assert_eq!(conditions[2], [Unremarkable, Unremarkable]);
    assert_eq!(conditions[3], [Frozen, Unremarkable]);
}

#[test]
fn what_may_not_be_read_has_no_value_and_disturbs_nothing_else() {
    let tree = Tree::new(&[
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal"),
        ("sys/class/thermal/thermal_zone0/temp", "40000"),
        ("sys/class/hwmon/hwmon0/name", "nct6798"),
        ("sys/class/hwmon/hwmon0/fan1_input", "1320"),
    ]);
    // A folder in a file's place can be read by nobody, root included.
    fs::create_dir_all(tree.0.path().join("sys/class/thermal/thermal_zone1/temp")).expect("made");
    tree.write("sys/class/thermal/thermal_zone1/type", "gpu-thermal");
    fs::create_dir_all(tree.0.path().join("sys/class/hwmon/hwmon1/name")).expect("made");
    let readings = tree.sensors().read();
    let values: Vec<_> = readings.temperatures.iter().map(|t| t.value.map(|v| v.0)).collect();
    assert_eq!((values, readings.fans.len()), (vec![Some(40_000), None], 1));
    let zone = tree.0.path().join("sys/class/thermal/thermal_zone0/temp");
    fs::set_permissions(&zone, fs::Permissions::from_mode(0o000)).expect("it is ours");
    if fs::read(&zone).is_ok() {
        return println!("SKIPPED: this user may read everything");
    }
    assert_eq!(tree.sensors().read().temperatures[0].value, None);
}
