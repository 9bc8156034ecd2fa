//! Energy counters of processors (RAPL): `/sys/class/powercap/*/energy_uj`.

use std::io::ErrorKind;
use std::path::Path;

use wire::time::Monotonic;
use wire::units::Milliwatts;

use crate::Absent;
use crate::sysfs::{Attribute, beginning, entries, make_unique, text};

/// More than any box of this kind uses, in W. A counter that could have gone round more than once
/// at this power since its last reading says nothing.
const POWER_MAX_W: i64 = 1_000;

/// A counter of used energy, in µJ, that starts again from zero at its end.
pub(crate) struct Energy {
    pub(crate) name: String,
    counter: Attribute,
    range_uj: Option<i64>,
    last: Option<(Monotonic, i64)>,
}

impl Energy {
    /// Mean power since the last reading; `None` at the first one, when there is none, and when
    /// so much time has passed that the counter may have gone round twice.
    pub(crate) fn read(&mut self, now: Monotonic) -> Option<Milliwatts> {
        let possible = |counter: &i64| (0..=self.range_uj.unwrap_or(i64::MAX)).contains(counter);
        let counter = self.counter.number().filter(possible);
        let last = std::mem::replace(&mut self.last, counter.map(|counter| (now, counter)));
        let ((then, before), counter) = (last?, counter?);
        let elapsed_us = i64::try_from(now.since(then).as_micros()).ok().filter(|us| *us > 0)?;
        let round_us = self.range_uj.map(|range| range / POWER_MAX_W);
        if round_us.is_some_and(|round| elapsed_us > round) {
            return None;
        }
        // From its highest number the counter goes to zero, which is one step as well.
        let wrapped = if counter < before { self.range_uj?.checked_add(1)? } else { 0 };
        let used_uj = (counter - before).checked_add(wrapped)?;
        let milliwatts = i128::from(used_uj) * 1_000 / i128::from(elapsed_us);
        u32::try_from(milliwatts).ok().map(Milliwatts)
    }
}

pub(crate) fn discover(folder: &Path) -> (Vec<Energy>, Vec<Absent>) {
    let (mut energies, mut absent) = (Vec::new(), Vec::new());
    for zone in entries(folder) {
        let path = zone.join("energy_uj");
        let Some(name) = text(&zone.join("name")).filter(|_| path.exists()) else { continue };
        match beginning(&path) {
            Ok(_) => energies.push(Energy {
                name,
                counter: Attribute::new(path),
                range_uj: range_of(&zone),
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

/// The counter's highest number, where the kernel states one.
fn range_of(zone: &Path) -> Option<i64> {
    Attribute::new(zone.join("max_energy_range_uj")).number().filter(|range| *range > 0)
}
