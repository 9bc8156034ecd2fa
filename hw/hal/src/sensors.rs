//! What the box can feel: temperatures, power, load and memory. A sensor that is absent is
//! absent in the readings; nobody invents a value for it.

use wire::units::{Millicelsius, Milliwatts, Permille};

/// One reading of everything. Lists keep their order and length for the life of the process, so
/// that a missing value stays visible as `None` under its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// Thermal zones and hardware-monitor temperatures.
    pub temperatures: Vec<Temperature>,
    /// Power rails.
    pub power: Vec<Power>,
    /// Share of all cores' time in use since the last reading; `None` at the first.
    pub cpu: Option<Permille>,
    /// Memory of the box that is available, in bytes.
    pub memory_available_bytes: Option<u64>,
    /// Resident memory of this process, in bytes.
    pub memory_resident_bytes: Option<u64>,
}

/// One temperature sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperature {
    /// The sensor's own name, such as `cpu-thermal`.
    pub name: String,
    /// The reading; `None` when it could not be read this time.
    pub value: Option<Millicelsius>,
    /// Trip points that the kernel knows for it.
    pub trips: Trips,
}

/// Trip points of a thermal zone; `None` where the kernel has none of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trips {
    /// The kernel starts to throttle here (`passive`).
    pub passive: Option<Millicelsius>,
    /// The hardware is near its limit here (`hot`).
    pub hot: Option<Millicelsius>,
    /// The kernel shuts down here (`critical`).
    pub critical: Option<Millicelsius>,
}

/// One power rail.
#[derive(Clone, Debug, PartialEq)]
pub struct Power {
    /// The rail's label, such as `VDD_IN` or `package-0`.
    pub name: String,
    /// The reading; `None` when it could not be read this time.
    pub value: Option<Milliwatts>,
}

/// The box's sensors.
pub trait Sensors: Send {
    /// Reads everything once. Never fails as a whole.
    fn read(&mut self) -> Readings;
}
