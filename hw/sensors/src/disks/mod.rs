//! How worn the disks are. Owns when they are asked, which is seldom: asking wakes a disk, and
//! wear takes months.
//!
//! eMMC tells it in sysfs ([`emmc`]). NVMe does not: sysfs has its temperature and nothing of its
//! life, so it is asked by an admin command ([`nvme`]), which the kernel lets nobody but root send.

mod emmc;
mod nvme;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hal::sensors::{Readings, Sensors, Wear};
use wire::time::Monotonic;

use crate::{Absent, Now};

pub use nvme::{LogPage, keep_log_pages};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(600);

/// The disks of one box that tell how worn they are, found once.
pub struct Disks {
    emmc: Vec<PathBuf>,
    nvme: Vec<nvme::Controller>,
    now: Now,
    last: Option<(Monotonic, Vec<Wear>)>,
}

impl Disks {
    /// Looks what there is below `root`, which is `/` except in tests.
    pub fn discover(root: &Path, now: Now) -> (Self, Vec<Absent>) {
        let (emmc, nvme) = (emmc::discover(root), nvme::discover(root));
        let refused = |controller: &nvme::Controller| {
            let error = controller.read().err()?;
            let why = format!("{} {error}", controller.name());
            Some(Absent { what: "disk wear", why })
        };
        let mut absent: Vec<Absent> = nvme.iter().filter_map(refused).collect();
        if emmc.is_empty() && nvme.is_empty() {
            let why = "the kernel shows neither an eMMC nor an NVMe disk here".to_owned();
            absent.push(Absent { what: "disk wear", why });
        }
        (Self { emmc, nvme, now, last: None }, absent)
    }

    fn ask(&self) -> Vec<Wear> {
        let emmc = self.emmc.iter().map(|disk| emmc::read(disk));
        emmc.chain(self.nvme.iter().map(nvme::Controller::wear)).collect()
    }
}

impl Sensors for Disks {
    fn read(&mut self) -> Readings {
        let now = (self.now)();
        let known = self.last.take().filter(|(at, _)| now.since(*at) < EVERY);
        let (at, wear) = known.unwrap_or_else(|| (now, self.ask()));
        self.last = Some((at, wear.clone()));
        Readings { wear, ..Readings::default() }
    }
}
