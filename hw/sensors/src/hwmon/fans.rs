//! Fans of a hardware monitor: how fast they turn, and how fast they are told to.
//!
//! On Jetson boards one monitor counts (`pwm_tach`, whose file is called `rpm`) and another one
//! drives (`pwmfan`); both are told under their own names.

use std::path::{Path, PathBuf};

use hal::sensors::{Condition, Fan};
use wire::units::{Permille, Rpm};

use crate::sysfs::{Attribute, channels, numbered, text};

/// No fan of a box turns faster, in revolutions a minute; the counter is wrong.
const SPEED_MAX_RPM: u64 = 60_000;
/// `pwm*` of full drive.
const DRIVE_MAX: u64 = 255;

/// One fan.
pub(crate) struct FanSensor {
    pub(crate) name: String,
    speed: Option<Attribute>,
    fault: Option<Attribute>,
    drive: Option<Attribute>,
}

impl FanSensor {
    pub(crate) fn read(&self) -> Fan {
        let faulty = self.fault.as_ref().and_then(Attribute::is_set) == Some(true);
        let speed = self.speed.as_ref().and_then(Attribute::unsigned);
        let speed = speed.filter(|speed| *speed <= SPEED_MAX_RPM && !faulty);
        let drive = self.drive.as_ref().and_then(Attribute::unsigned);
        let drive = drive.filter(|drive| *drive <= DRIVE_MAX);
        Fan {
            name: self.name.clone(),
            speed: speed.and_then(|speed| u32::try_from(speed).ok()).map(Rpm),
            drive: drive.map(|drive| Permille::from_share(drive as f32 / DRIVE_MAX as f32)),
            condition: if faulty { Condition::Faulty } else { Condition::Unremarkable },
        }
    }
}

pub(super) fn of(monitor: &Path, chip: &str) -> Vec<FanSensor> {
    let counted = channels(monitor, "fan", "input");
    let drives: Vec<(u32, PathBuf)> = numbered(monitor, "pwm")
        .into_iter()
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    let drive_of = |channel: u32| {
        let found = drives.iter().find(|(number, _)| *number == channel);
        found.map(|(_, path)| Attribute::new(path.clone()))
    };
    let attribute = |name: String| Some(Attribute::new(monitor.join(name)));
    let label = |channel: &u32| {
        let label = text(&monitor.join(format!("fan{channel}_label")));
        label.unwrap_or_else(|| format!("fan{channel}"))
    };
    let mut fans: Vec<FanSensor> = counted
        .iter()
        .map(|channel| FanSensor {
            name: format!("{chip} {}", label(channel)),
            speed: attribute(format!("fan{channel}_input")),
            fault: attribute(format!("fan{channel}_fault")),
            drive: drive_of(*channel),
        })
        .collect();
    let alone = drives.iter().filter(|(channel, _)| !counted.contains(channel));
    fans.extend(alone.map(|(channel, path)| FanSensor {
        name: format!("{chip} pwm{channel}"),
        speed: None,
        fault: None,
        drive: Some(Attribute::new(path.clone())),
    }));
    let tegra = Attribute::new(monitor.join("rpm"));
    if tegra.is_there() {
        let name = format!("{chip} rpm");
        fans.push(FanSensor { name, speed: Some(tegra), fault: None, drive: None });
    }
    fans
}

fn number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("pwm")?.parse().ok()
}
