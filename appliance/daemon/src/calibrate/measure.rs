//! Times networks in turn, one thread, until there are runs enough or the time is over.
//!
//! Owns how long that may take. Knows no packs and no clock of its own.

use std::time::Duration;

use hal::infer::{Infer, InferError, Tensor};
use models::engine::Backend;
use serde::{Deserialize, Serialize};
use wire::time::Monotonic;
use wire::units::Milliwatts;

use super::table::backend_text;

/// Runs of each network that are not counted: caches fill and memory is taken.
const WARM_UPS: usize = 3;
/// Runs of each network that are counted at most: p95 is then the third slowest.
const RUNS_MAX: usize = 60;
/// No round begins after so long, so a tier takes at most this and one round more.
pub(super) const TIME_MAX: Duration = Duration::from_secs(5);

/// What one network takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// What ran it.
    #[serde(with = "backend_text")]
    pub backend: Backend,
    /// Median time of a run in ms.
    pub median_ms: f32,
    /// All but one run in twenty took at most this, in ms.
    pub p95_ms: f32,
    /// Runs that were counted.
    pub runs: usize,
    /// What the box draws more while it runs again and again, in mW; `None` where nothing measures
    /// that, and in tables from before it was measured.
    #[serde(rename = "power_mw", default, skip_serializing_if = "Option::is_none")]
    pub power: Option<Milliwatts>,
}

/// Runs the networks in turn, so that what else the box does hits all alike, and as on the box,
/// where other networks run in between.
///
/// # Errors
/// What a network said that failed.
pub(super) fn measure(
    now: impl Fn() -> Monotonic,
    networks: &mut [(Backend, &mut dyn Infer)],
    input: &Tensor,
) -> Result<Vec<Timing>, InferError> {
    let input = std::slice::from_ref(input);
    let began = now();
    let mut took: Vec<Vec<Duration>> = networks.iter().map(|_| Vec::new()).collect();
    for round in 0..WARM_UPS + RUNS_MAX {
        for ((_, network), took) in networks.iter_mut().zip(&mut took) {
            let before = now();
            network.run(input)?;
            // The first run that counts takes the place of the warm-up before it, by which a
            // network is told that is so slow that its warm-up uses up the time.
            if round <= WARM_UPS {
                took.clear();
            }
            took.push(now().since(before));
        }
        if now().since(began) >= TIME_MAX {
            break;
        }
    }
    let timing = |((backend, _), took): (&(Backend, &mut dyn Infer), &Vec<Duration>)| {
        let mut ms: Vec<f32> = took.iter().map(|took| took.as_secs_f32() * 1_000.0).collect();
        ms.sort_by(f32::total_cmp);
        let at = |share: f32| ms[((ms.len() - 1) as f32 * share).round() as usize];
        let (median_ms, p95_ms) = (at(0.5), at(0.95));
        Timing { backend: *backend, median_ms, p95_ms, runs: ms.len(), power: None }
    };
    Ok(networks.iter().zip(&took).map(timing).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Takes the time that its list says, then the last of it again and again.
    struct Timed {
        now: Arc<AtomicU64>,
        ms: Vec<u64>,
        runs: usize,
    }

    impl Infer for Timed {
        fn run(&mut self, _inputs: &[Tensor]) -> Result<Vec<Tensor>, InferError> {
            let ms = self.ms[self.runs.min(self.ms.len() - 1)];
            self.now.fetch_add(ms, Ordering::Relaxed);
            self.runs += 1;
            Ok(Vec::new())
        }

        fn engine(&self) -> &str {
            "timed"
        }
    }

    fn measured(of: [Vec<u64>; 2]) -> (Vec<Timing>, u64) {
        let now = Arc::new(AtomicU64::new(0));
        let [mut a, mut b] = of.map(|ms| Timed { now: Arc::clone(&now), ms, runs: 0 });
        let mut networks: [(Backend, &mut dyn Infer); 2] =
            [(Backend::Tract, &mut a), (Backend::OnnxRuntime, &mut b)];
        let clock = || Monotonic::from_millis(now.load(Ordering::Relaxed));
        let timings = measure(clock, &mut networks, &Tensor::zeros(&[1]));
        (timings.expect("they run"), now.load(Ordering::Relaxed))
    }

    #[test]
    fn the_warm_up_is_not_counted_and_one_slow_run_in_twenty_does_not_show() {
        let mut ms = vec![900, 300, 50];
        ms.extend([10; 40]);
        ms.extend([25; 2]);
        ms.push(10);
        let (timings, _) = measured([ms, vec![4]]);
        let [slow, fast] = &timings[..] else { panic!("{timings:?}") };
        assert_eq!((slow.median_ms, slow.p95_ms, slow.runs), (10.0, 10.0, RUNS_MAX));
        assert_eq!((fast.backend, fast.median_ms), (Backend::OnnxRuntime, 4.0));
    }

    #[test]
    fn the_time_is_bounded_however_slow_a_network_is() {
        let (timings, took) = measured([vec![400], vec![100]]);
        assert_eq!(timings[0].runs, timings[1].runs);
        assert!((5_000..=5_500).contains(&took), "{took} ms");
        let (timings, took) = measured([vec![60_000], vec![1]]);
        assert_eq!((timings[0].runs, timings[0].median_ms), (1, 60_000.0));
        assert_eq!(took, 60_001, "one round");
    }
}
