//! A simulated box's sensors as a sysfs tree, for programs that read files: thermal zones, the
//! INA3221 of a Jetson, its fan and its over-current counters.
//!
//! A reader sees each file whole, before a change or after it, never empty: a file is written
//! beside the tree and put in its place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::board::Board;
use crate::quantity::Celsius;
use crate::sensing::{Sensor, Snapshot};

/// Input of the module, in mV.
const INPUT_MV: u64 = 5_000;
/// `pwm1` of full drive.
const DRIVE_MAX: u64 = 255;
/// Where files are written before they are put in place, beside `sys`: one writer to a tree.
const BESIDE: &str = ".unfinished";

/// A tree below a folder.
pub struct Tree {
    root: PathBuf,
    board: Board,
    /// Over-current alarms that were told.
    alarms: u32,
}

impl Tree {
    /// Makes the tree with everything that does not change, and a first reading.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(root: &Path, board: Board, first: &Snapshot) -> io::Result<Self> {
        let mut tree = Self { root: root.to_owned(), board, alarms: first.alarms };
        if let Some(compatible) = board.compatible() {
            let base = "sys/firmware/devicetree/base";
            tree.put(&format!("{base}/compatible"), &format!("{compatible}\0"))?;
            tree.put(&format!("{base}/model"), &format!("simulated {}\0", board.name()))?;
        }
        for (zone, sensor) in tree.zones() {
            let folder = format!("sys/class/thermal/thermal_zone{zone}");
            tree.put(&format!("{folder}/type"), sensor.name())?;
            let (passive, critical) = board.trips();
            for (number, kind, at) in [(0, "passive", passive), (1, "critical", critical)] {
                tree.put(&format!("{folder}/trip_point_{number}_type"), kind)?;
                let at = at.as_millicelsius().0.to_string();
                tree.put(&format!("{folder}/trip_point_{number}_temp"), &at)?;
            }
        }
        for (monitor, name) in [(0, "pwmfan"), (1, "soctherm_oc"), (2, "ina3221"), (3, "nvme")] {
            tree.put(&format!("sys/class/hwmon/hwmon{monitor}/name"), name)?;
        }
        tree.put("sys/class/hwmon/hwmon2/in1_label", "VDD_IN")?;
        tree.put("sys/class/hwmon/hwmon3/temp1_label", "Composite")?;
        let limit = (board.supply_max().0 * 1_000_000.0 / INPUT_MV as f64) as u64;
        for what in ["max", "crit"] {
            tree.put(&format!("sys/class/hwmon/hwmon2/curr1_{what}"), &limit.to_string())?;
        }
        tree.put("sys/class/hwmon/hwmon2/curr1_crit_alarm", "0")?;
        tree.update(first)?;
        Ok(tree)
    }

    /// Writes another reading. The input's alarm is set in the reading that follows one.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn update(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        for (zone, sensor) in self.zones() {
            let path = format!("sys/class/thermal/thermal_zone{zone}/temp");
            self.put(&path, &degrees(snapshot, sensor))?;
        }
        let drive = u64::from(snapshot.fan.0) * DRIVE_MAX / 1_000;
        self.put("sys/class/hwmon/hwmon0/pwm1", &drive.to_string())?;
        self.put("sys/class/hwmon/hwmon1/oc2_event_cnt", &snapshot.alarms.to_string())?;
        let input = snapshot.input.map_or(0, |input| u64::from(input.0));
        self.put("sys/class/hwmon/hwmon2/in1_input", &INPUT_MV.to_string())?;
        let alarm = snapshot.alarms > std::mem::replace(&mut self.alarms, snapshot.alarms);
        self.put("sys/class/hwmon/hwmon2/curr1_max_alarm", if alarm { "1" } else { "0" })?;
        let milliamperes = input * 1_000 / INPUT_MV;
        self.put("sys/class/hwmon/hwmon2/curr1_input", &milliamperes.to_string())?;
        self.put("sys/class/hwmon/hwmon3/temp1_input", &degrees(snapshot, Sensor::Disk))
    }

    /// The board whose sensors these are.
    pub fn board(&self) -> Board {
        self.board
    }

    fn zones(&self) -> impl Iterator<Item = (usize, Sensor)> {
        [Sensor::Cpu, Sensor::Gpu, Sensor::Junction].into_iter().enumerate()
    }

    fn put(&self, path: &str, text: &str) -> io::Result<()> {
        let beside = self.root.join(BESIDE);
        let place = self.root.join(path);
        fs::create_dir_all(place.parent().unwrap_or(&self.root))?;
        fs::write(&beside, format!("{text}\n"))?;
        fs::rename(&beside, &place)
    }
}

/// A reading as the kernel writes it. A sensor that is lost is an empty line, which is no number:
/// a file cannot fail to be read as the kernel's can.
fn degrees(snapshot: &Snapshot, sensor: Sensor) -> String {
    let value = snapshot.temperatures[sensor as usize];
    value.map_or_else(String::new, |value| value.0.to_string())
}

/// A snapshot of a box that was off, for a tree's first reading.
pub fn cold(ambient: Celsius) -> Snapshot {
    Snapshot { temperatures: [Some(ambient.as_millicelsius()); 4], ..Snapshot::default() }
}
