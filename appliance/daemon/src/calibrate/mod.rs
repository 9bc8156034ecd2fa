//! `courtside calibrate`: runs every tier of the box's packs with every engine and precision that
//! the box has, says which is the fastest, and keeps that as a table for the next start.
//!
//! Owns the rule by which one is chosen, and the file in `data_dir`. Who uses it: [`known`] hands
//! it to the engines, from which `engine::Tiers` takes the governor's costs. Nothing of a table is
//! believed that was measured on another machine, with another library or of another pack. For
//! people: `docs/models.md`.

mod machine;
mod measure;
pub mod power;
mod report;
mod table;

use std::path::Path;

use anyhow::Result;
use hal::Clock;
use hal::infer::Infer;
use models::engine::{Accelerator, AcceleratorError, Backend, Engines, Network};
use models::manifest::{Precision, Tier};
use models::{Pack, PackError};
use tracing::{info, warn};

use self::power::Scale;

pub use self::measure::Timing;
pub use self::report::Summary;
pub use self::table::{FILE, Table};
use self::table::{PackRow, TierRow};
use crate::clock::SystemClock;
use crate::engine::Packs;
use crate::packs::probe;

/// int8 is taken where it needs at most this share of the time of the best f32: a smaller gain is
/// not worth any accuracy.
const INT8_TIME_MAX: f32 = 0.9;

/// What was measured, and what was not there to be measured.
pub struct Calibration {
    /// The table to keep.
    pub table: Table,
    /// GPUs that do not compute here, with the reason.
    pub absent: Vec<AcceleratorError>,
}

/// Measures every tier of `packs` with all that is here, also if the configuration wants a certain
/// GPU; `progress` is told a line for each. Takes at most [`measure::TIME_MAX`] and the loading of
/// a network for each tier and backend, and with a `scale` about four seconds for each of these.
///
/// # Errors
/// A network that proved itself when the pack was opened cannot be run any more.
pub fn run(
    packs: &Packs,
    engines: &Engines,
    mut scale: Option<&mut (dyn Scale + 'static)>,
    progress: impl FnMut(&str),
) -> Result<Calibration> {
    let (engines, absent) = engines.clone().unbound().searching(Accelerator::ALL);
    let clock = SystemClock::start();
    let mut progress = progress;
    let mut rows = Vec::new();
    for pack in packs.all() {
        let manifest = pack.manifest();
        let mut tiers = Vec::new();
        for tier in pack.tiers() {
            let row = measure_tier(&clock, (pack, tier), &engines, scale.as_deref_mut())?;
            progress(&report::line(&manifest.name, &row));
            tiers.push(row);
        }
        rows.push(PackRow {
            name: manifest.name.clone(),
            version: manifest.version,
            manifest_sha256: pack.digest().to_owned(),
            tiers,
        });
    }
    let table = Table::new(machine::name(), engines.library().map(str::to_owned), rows);
    Ok(Calibration { table, absent })
}

fn measure_tier(
    clock: &SystemClock,
    (pack, tier): (&Pack, &Tier),
    engines: &Engines,
    scale: Option<&mut (dyn Scale + 'static)>,
) -> Result<TierRow> {
    let (mut networks, mut unfit) = (Vec::<(Backend, Network)>::new(), Vec::new());
    for backend in engines.backends() {
        match pack.load_with(&tier.name, (engines, backend)) {
            Ok(network) => networks.push((backend, network)),
            Err(PackError::NoInt8 { .. }) => {}
            // The pack is open, so another backend runs the tier.
            Err(error) => unfit.push((backend, error.to_string())),
        }
    }
    let input = probe::noise(pack.manifest(), tier);
    let mut runs: Vec<(Backend, &mut dyn Infer)> =
        networks.iter_mut().map(|(backend, network)| (*backend, network as _)).collect();
    let mut timings = measure::measure(|| clock.now(), &mut runs, &input)?;
    if let Some(scale) = scale {
        let input = std::slice::from_ref(&input);
        for ((_, network), timing) in networks.iter_mut().zip(&mut timings) {
            timing.power = power::weigh(scale, || network.run(input).map(|_| ()))?;
        }
    }
    let (chosen, why) = choose(&timings, &unfit);
    Ok(TierRow { name: tier.name.clone(), chosen, why, timings })
}

/// The backend to run a tier with, and why, as a phrase.
fn choose(timings: &[Timing], unfit: &[(Backend, String)]) -> (Backend, String) {
    let of = |precision: Precision| {
        let fits = timings.iter().filter(move |t| t.backend.precision() == precision);
        fits.min_by(|a, b| a.median_ms.total_cmp(&b.median_ms))
    };
    let failed = unfit.iter().map(|(backend, reason)| format!("; {backend} failed: {reason}"));
    let failed: String = failed.collect();
    let best = of(Precision::F32);
    let best_name = best.map_or(Backend::Tract, |timing| timing.backend);
    let (chosen, why) = match (best, of(Precision::Int8)) {
        (Some(best), Some(int8)) => {
            let share = int8.median_ms / best.median_ms.max(f32::MIN_POSITIVE);
            let said = format!("int8 takes {:.0} % of the time of {best_name}", 100.0 * share);
            if share <= INT8_TIME_MAX {
                (int8.backend, said)
            } else {
                (best_name, format!("{said}, which is no gain worth any accuracy"))
            }
        }
        (None, Some(int8)) => (int8.backend, "nothing else runs".to_owned()),
        (_, None) => {
            let slowest = timings.iter().map(|t| t.median_ms).fold(0.0, f32::max);
            let ratio = best.map_or(1.0, |best| slowest / best.median_ms.max(f32::MIN_POSITIVE));
            let said = match timings.len() {
                0 | 1 => "the only one".to_owned(),
                2 => format!("{ratio:.1} times as fast as the other"),
                _ => format!("{ratio:.1} times as fast as the slowest"),
            };
            (best_name, said)
        }
    };
    (chosen, why + &failed)
}

/// The engines with what was measured on this box, if it can be believed; says in the log if not.
/// A GPU that something was measured on is looked for; one that is gone runs nothing, which is
/// said too.
pub fn known(engines: Engines, data_dir: &Path) -> Engines {
    let here = (machine::name(), engines.library());
    match Table::load(data_dir, &here) {
        Ok(Some(table)) => {
            let measured = table.measured();
            match engines.required() {
                None => {
                    info!("engines and precisions are those that `courtside calibrate` measured")
                }
                Some(wanted) => info!("the configuration wants {wanted}, whatever was measured"),
            }
            let on = |wanted: &Accelerator| {
                measured.values().any(|speed| speed.backend.accelerator() == Some(*wanted))
            };
            let (engines, absent) = engines.searching(Accelerator::ALL.into_iter().filter(on));
            for absent in absent {
                warn!(
                    "the calibration chose what is not here any more, so the usual engine runs: {absent}"
                );
            }
            engines.with_measured(measured)
        }
        Ok(None) => {
            info!(
                "this box is not calibrated: what networks cost is taken from their packs; \
                 `courtside calibrate` measures it"
            );
            engines
        }
        Err(ignored) => {
            warn!("{ignored}");
            engines
        }
    }
}

/// Says in the log which packs were not measured in the version that runs.
pub fn tell_stale(packs: &Packs, data_dir: &Path) {
    // Whether there is one was told by `known`.
    let Ok(Some(table)) = Table::read(data_dir) else { return };
    for pack in packs.all() {
        let (name, version) = (&pack.manifest().name, pack.manifest().version);
        if let Some(measured) = table.stale(name, pack.digest()) {
            warn!(
                "the calibration of {name} is of version {measured}, but version {version} runs, \
                 as its pack says; run `courtside calibrate` again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timings(ms: &[(Backend, f32)]) -> Vec<Timing> {
        let timing = |&(backend, ms)| Timing {
            backend,
            median_ms: ms,
            p95_ms: 2.0 * ms,
            runs: 40,
            power: None,
        };
        ms.iter().map(timing).collect()
    }

    #[test]
    fn int8_is_chosen_only_where_it_gains_a_tenth_or_more() {
        use Backend::{Cuda, OnnxRuntime, OnnxRuntimeInt8, TensorRt, Tract};
        for (ms, expected) in [
            (&[(Tract, 4.0)][..], Tract),
            (&[(Tract, 4.0), (OnnxRuntime, 2.0)], OnnxRuntime),
            (&[(Tract, 1.5), (OnnxRuntime, 2.0)], Tract),
            (&[(Tract, 4.0), (OnnxRuntime, 2.0), (OnnxRuntimeInt8, 1.0)], OnnxRuntimeInt8),
            (&[(Tract, 4.0), (OnnxRuntime, 2.0), (OnnxRuntimeInt8, 1.9)], OnnxRuntime),
            (&[(Tract, 1.0), (OnnxRuntime, 2.0), (OnnxRuntimeInt8, 1.2)], Tract),
            (&[(Tract, 4.0), (OnnxRuntime, 2.0), (Cuda, 1.0), (OnnxRuntimeInt8, 1.0)], Cuda),
            (&[(Tract, 4.0), (OnnxRuntime, 2.0), (Cuda, 2.5), (TensorRt, 1.5)], TensorRt),
        ] {
            let (chosen, why) = choose(&timings(ms), &[]);
            assert_eq!(chosen, expected, "{ms:?}: {why}");
        }
    }

    #[test]
    fn the_reason_names_figures_and_what_failed() {
        use Backend::{OnnxRuntime, OnnxRuntimeInt8, Tract};
        let (_, why) = choose(&timings(&[(Tract, 4.0), (OnnxRuntime, 2.0)]), &[]);
        assert_eq!(why, "2.0 times as fast as the other");
        let three = timings(&[(Tract, 4.0), (OnnxRuntime, 2.0), (OnnxRuntimeInt8, 1.0)]);
        assert_eq!(choose(&three, &[]).1, "int8 takes 50 % of the time of onnxruntime f32");
        let (_, why) =
            choose(&timings(&[(Tract, 4.0), (OnnxRuntime, 2.0), (Backend::Cuda, 1.0)]), &[]);
        assert_eq!(why, "4.0 times as fast as the slowest");
        let (_, why) = choose(&three[..2], &[(OnnxRuntimeInt8, "it is wrong".to_owned())]);
        assert!(why.ends_with("; onnxruntime int8 failed: it is wrong"), "{why}");
    }
}
