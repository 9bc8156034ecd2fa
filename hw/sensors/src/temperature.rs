//! One temperature and where it is read, and the temperatures of a disk, which are read apart from
//! all others.

use hal::sensors::{Condition, Readings, Sensors, Temperature, Trips};

use crate::hwmon::Monitor;
use crate::sysfs::Attribute;

/// One temperature and where it is read.
pub(crate) struct TemperatureSensor {
    pub(crate) name: String,
    pub(crate) value: Attribute,
    /// What its driver says of it.
    pub(crate) fault: Option<Attribute>,
    pub(crate) trips: Trips,
}

impl TemperatureSensor {
    /// What it reads now. What its driver calls faulty has no value.
    pub(crate) fn read(&self) -> Temperature {
        let is_faulty = self.fault.as_ref().and_then(Attribute::is_set) == Some(true);
        let (value, condition) = if is_faulty {
            (None, Condition::Faulty)
        } else {
            (self.value.millicelsius(), Condition::Unremarkable)
        };
        Temperature { name: self.name.clone(), value, condition, trips: self.trips }
    }
}

/// The temperatures that one disk's monitor shows.
pub(crate) struct DiskTemperatures(Vec<TemperatureSensor>);

impl DiskTemperatures {
    /// Looks what the monitor shows; that alone asks the disk for its limits.
    pub(crate) fn of(monitor: &Monitor) -> Option<Self> {
        let sensors = monitor.temperatures();
        (!sensors.is_empty()).then_some(Self(sensors))
    }
}

impl Sensors for DiskTemperatures {
    fn read(&mut self) -> Readings {
        let temperatures = self.0.iter().map(TemperatureSensor::read).collect();
        Readings { temperatures, ..Readings::default() }
    }
}
