//! What the box can feel: temperatures, power, fans, the wear of its disks, load, pressure and
//! memory. A sensor that is absent is absent in the readings; nobody invents a value for it.

use wire::units::{Milliamperes, Millicelsius, Millivolts, Milliwatts, Percent, Permille, Rpm};

/// One reading of everything. Lists keep their order and length for the life of the process, so
/// that a missing value stays visible as `None` under its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// Thermal zones and hardware-monitor temperatures.
    pub temperatures: Vec<Temperature>,
    /// Power rails.
    pub power: Vec<Power>,
    /// Fans.
    pub fans: Vec<Fan>,
    /// How often the hardware held the processors back by itself.
    pub throttles: Vec<Throttle>,
    /// Disks that tell how worn they are.
    pub wear: Vec<Wear>,
    /// Share of all cores' time in use since the last reading; `None` at the first.
    pub cpu: Option<Permille>,
    /// Memory of the box, in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Memory of the box that is available, in bytes.
    pub memory_available_bytes: Option<u64>,
    /// Resident memory of this process, in bytes.
    pub memory_resident_bytes: Option<u64>,
    /// How much tasks of the box wait.
    pub pressure: Pressure,
    /// Memory of the control group of this process.
    pub group_memory: GroupMemory,
}

impl Readings {
    /// These readings and, behind them, those of another driver. Load and memory are taken from
    /// the first that has them.
    pub fn and(mut self, other: Self) -> Self {
        self.temperatures.extend(other.temperatures);
        self.power.extend(other.power);
        self.fans.extend(other.fans);
        self.throttles.extend(other.throttles);
        self.wear.extend(other.wear);
        self.cpu = self.cpu.or(other.cpu);
        self.memory_total_bytes = self.memory_total_bytes.or(other.memory_total_bytes);
        self.memory_available_bytes = self.memory_available_bytes.or(other.memory_available_bytes);
        self.memory_resident_bytes = self.memory_resident_bytes.or(other.memory_resident_bytes);
        self.pressure = self.pressure.or(other.pressure);
        self.group_memory = self.group_memory.or(other.group_memory);
        self
    }

    /// Share of the memory that is in use: of the control group's limit where it has one, else of
    /// the box's. `None` where neither is known.
    pub fn memory_used(&self) -> Option<Permille> {
        let of_the_box = || {
            let (total, available) = (self.memory_total_bytes?, self.memory_available_bytes?);
            let used_bytes = Some(total.saturating_sub(available));
            GroupMemory { limit_bytes: Some(total), used_bytes }.used()
        };
        self.group_memory.used().or_else(of_the_box)
    }
}

/// Share of the last ten seconds in which some task of the box waited for something; `None` where
/// the kernel does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// For a processor.
    pub cpu: Option<Permille>,
    /// For memory.
    pub memory: Option<Permille>,
    /// For a disk.
    pub io: Option<Permille>,
}

impl Pressure {
    fn or(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.or(other.cpu),
            memory: self.memory.or(other.memory),
            io: self.io.or(other.io),
        }
    }
}

/// Memory of a control group, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupMemory {
    /// What it may use at most; `None` where nothing limits it.
    pub limit_bytes: Option<u64>,
    /// What it uses, without pages of files that the kernel gives back when asked.
    pub used_bytes: Option<u64>,
}

impl GroupMemory {
    /// The share of the limit that is in use; `None` where there is no limit.
    pub fn used(self) -> Option<Permille> {
        let (limit, used) = (self.limit_bytes.filter(|limit| *limit > 0)?, self.used_bytes?);
        let share = u128::from(used) * 1_000 / u128::from(limit);
        // At most 1000, which fits.
        Some(Permille(share.min(1_000) as u16))
    }

    fn or(self, other: Self) -> Self {
        if self == Self::default() { other } else { self }
    }
}

/// One temperature sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperature {
    /// The sensor's own name, such as `cpu-thermal`.
    pub name: String,
    /// The reading; `None` when it could not be read this time, or when the driver says that it
    /// is not to be believed.
    pub value: Option<Millicelsius>,
    /// What the driver knows of the sensor itself.
    pub condition: Condition,
    /// Trip points that the kernel knows for it.
    pub trips: Trips,
}

/// What a driver knows of one of its sensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// It answers, or does not; nothing more is known.
    #[default]
    Unremarkable,
    /// The kernel's driver says that the sensor is broken. It has no value.
    Faulty,
    /// It has said the same for long while others moved. The value is what it says.
    Frozen,
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Power {
    /// The rail's label, such as `VDD_IN` or `package-0`.
    pub name: String,
    /// The reading; `None` when it could not be read this time.
    pub value: Option<Milliwatts>,
    /// Its tension, where the monitor tells it.
    pub tension: Option<Millivolts>,
    /// Its current, where the monitor tells it.
    pub current: Option<Milliamperes>,
    /// The current from which the monitor raises the alarm, where it tells it.
    pub current_max: Option<Milliamperes>,
    /// What the monitor's own alarm says; `None` where it has none.
    pub alarm: Option<Alarm>,
}

/// The over-current alarm of a power monitor, which it raises without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The current is below both limits.
    Quiet,
    /// The mean current was above the lower limit (`currN_max_alarm`).
    High,
    /// The current was above the upper limit (`currN_crit_alarm`).
    Critical,
}

/// One fan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fan {
    /// The fan's label, or its monitor's name.
    pub name: String,
    /// How fast it turns; `None` where nothing counts or the driver says that it is broken.
    pub speed: Option<Rpm>,
    /// How fast it is told to turn; `None` where nobody tells it.
    pub drive: Option<Permille>,
    /// What the driver knows of it.
    pub condition: Condition,
}

/// A counter of the hardware's own interventions since the kernel started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Why it intervenes, such as `under-voltage`.
    pub name: String,
    /// How often it did; `None` when it could not be read this time.
    pub events: Option<u64>,
}

/// How worn a disk is, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wear {
    /// The disk, such as `mmcblk0` or `nvme0`.
    pub name: String,
    /// The used part of its rated life: at most so much, as eMMC tells it in steps of ten. Above
    /// 100 the maker promises nothing any more. `None` when it could not be read this time.
    pub used: Option<Percent>,
    /// What is left of the spare blocks; `None` where the disk does not say it as a number.
    pub spare: Option<Percent>,
    /// Whether the disk itself warns.
    pub warning: Option<Warning>,
}

/// What a disk warns of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Its spare blocks are being used up.
    SpareLow,
    /// Nearly all of its spare blocks are used up.
    SpareNearlyGone,
    /// It can no longer be relied on.
    Unreliable,
    /// It takes no more writes.
    ReadOnly,
}

/// The box's sensors.
pub trait Sensors: Send {
    /// Reads everything once. Never fails as a whole.
    fn read(&mut self) -> Readings;
}
