//! Energy counters of processors (RAPL): `/sys/class/powercap/*/energy_uj`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use wire::time::Monotonic;
use wire::units::Milliwatts;

use crate::Absent;
use crate::sysfs::{Attribute, entries, make_unique, text};

/// A counter of used energy, in µJ, that starts again from zero at its end.
pub(crate) struct Energy {
    pub(crate) name: String,
    counter: Attribute,
    range_uj: Option<i64>,
    last: Option<(Monotonic, i64)>,
}

impl Energy {
    /// Mean power since the last reading; `None` at the first one, or when there is none.
    pub(crate) fn read(&mut self, now: Monotonic) -> Option<Milliwatts> {
        let counter = self.counter.number();
        let last = std::mem::replace(&mut self.last, counter.map(|counter| (now, counter)));
        let ((then, before), counter) = (last?, counter?);
        let elapsed_us = i64::try_from(now.since(then).as_micros()).ok().filter(|us| *us > 0)?;
        let wrapped = if counter < before { self.range_uj? } else { 0 };
        let used_uj = counter - before + wrapped;
        let milliwatts = i128::from(used_uj) * 1_000 / i128::from(elapsed_us);
        u32::try_from(milliwatts).ok().map(Milliwatts)
    }
}

pub(crate) fn discover(folder: &Path) -> (Vec<Energy>, Vec<Absent>) {
    let (mut energies, mut absent) = (Vec::new(), Vec::new());
    for zone in entries(folder) {
        let path = zone.join("energy_uj");
        let Some(name) = text(&zone.join("name")).filter(|_| path.exists()) else { continue };
        match fs::read(&path) {
            Ok(_) => energies.push(Energy {
                name,
                counter: Attribute::new(path),
                range_uj: Attribute::new(zone.join("max_energy_range_uj")).number(),
                last: None,
            }),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let why = format!(
                    "the energy counter {name} is for root alone; let the service read {}",
                    path.display()
                );
                absent.push(Absent { what: "power", why });
            }
            Err(error) => {
                let why = format!("the energy counter {name} cannot be read: {error}");
                absent.push(Absent { what: "power", why });
            }
        }
    }
    make_unique(energies.iter_mut().map(|energy| &mut energy.name));
    (energies, absent)
}
