//! Processor share and memory, through `sysinfo`, and how often the processor held itself back.

use std::path::Path;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use wire::units::Permille;

use crate::Absent;
use crate::hwmon::ThrottleCounter;
use crate::sysfs::Attribute;

/// Follows the load of the box and the memory of this process.
pub(crate) struct Load {
    system: Option<System>,
    process: Pid,
    read_before: bool,
}

/// One reading.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) cpu: Option<Permille>,
    pub(crate) memory_total_bytes: Option<u64>,
    pub(crate) memory_available_bytes: Option<u64>,
    pub(crate) memory_resident_bytes: Option<u64>,
}

impl Load {
    pub(crate) fn open() -> (Self, Option<Absent>) {
        let process = Pid::from_u32(std::process::id());
        let (system, absent) = match System::new() {
            Ok(system) => (Some(system), None),
            Err(error) => {
                let why = format!("the system's statistics cannot be read: {error:?}");
                (None, Some(Absent { what: "load and memory", why }))
            }
        };
        (Self { system, process, read_before: false }, absent)
    }

    pub(crate) fn read(&mut self) -> Reading {
        let Some(system) = &mut self.system else { return Reading::default() };
        system.refresh_cpu_usage();
        system.refresh_memory();
        let this = [self.process];
        let kind = ProcessRefreshKind::nothing().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&this), true, kind);
        // A share of time needs two readings.
        let share = system.global_cpu_usage() / 100.0;
        let cpu =
            std::mem::replace(&mut self.read_before, true).then(|| Permille::from_share(share));
        let available = system.available_memory();
        Reading {
            cpu,
            memory_total_bytes: Some(system.total_memory()).filter(|total| *total > 0),
            memory_available_bytes: (available > 0).then_some(available),
            memory_resident_bytes: system.process(self.process).map(|p| p.memory()),
        }
    }
}

/// How often an x86 processor throttled as a whole because it was too hot. Every core shows the
/// same counter.
pub(crate) fn throttles(root: &Path) -> Option<ThrottleCounter> {
    let folder = root.join("sys/devices/system/cpu/cpu0/thermal_throttle");
    let events = Attribute::new(folder.join("package_throttle_count"));
    events.is_there().then_some(ThrottleCounter { name: "processor too hot", events })
}
