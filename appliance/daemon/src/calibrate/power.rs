//! What a network adds to what the box draws, where the box measures that.
//!
//! Owns how long that takes: a pause without any network, then the network alone, again and again.
//! Other work on the box counts for as much as it changes between the two.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hal::Clock;
use sensors::Now;
use wire::time::Monotonic;
use wire::units::Milliwatts;

use crate::clock::SystemClock;
use crate::config::BoardChoice;
use crate::govern::supply;
use crate::hardware::sense::places;
use crate::hardware::{Hardware, board_of};

/// How long the box rests before a network, and how long the network runs.
const PHASE: Duration = Duration::from_secs(2);
/// Between two readings: rails tell the present, counters the mean since the reading before.
const SAMPLE: Duration = Duration::from_millis(250);

/// What measures the power of the box.
pub trait Scale {
    /// The time.
    fn now(&self) -> Monotonic;
    /// What the box draws now, or has drawn since the last call; `None` if it did not answer.
    fn read(&mut self) -> Option<Milliwatts>;
    /// Does nothing for so long.
    fn rest(&mut self, pause: Duration);
}

/// The sensors of this box.
pub struct BoxScale {
    hardware: Hardware,
    clock: Arc<SystemClock>,
    timer: tokio::runtime::Runtime,
}

impl BoxScale {
    /// The scale of this box; `None` if nothing measures what it draws.
    ///
    /// # Errors
    /// The system gives no timer.
    pub fn open(board: &BoardChoice) -> Result<Option<Self>> {
        let places = places(None);
        let clock = Arc::new(SystemClock::start());
        let for_sensors = Arc::clone(&clock);
        let now: Now = Arc::new(move || for_sensors.now());
        let board = board_of(board, &places.root).board;
        let (hardware, _) = Hardware::open(board, &places, &now);
        let timer = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .context("the system gives no timer")?;
        let mut scale = Self { hardware, clock, timer };
        // A counter needs two readings.
        scale.rest(SAMPLE);
        let measures = scale.read().is_some();
        Ok(measures.then_some(scale))
    }
}

impl Scale for BoxScale {
    fn now(&self) -> Monotonic {
        self.clock.now()
    }

    fn read(&mut self) -> Option<Milliwatts> {
        let readings = self.hardware.read();
        supply::input(&readings, self.hardware.fit())
    }

    fn rest(&mut self, pause: Duration) {
        self.timer.block_on(self.clock.sleep_until(self.clock.now().plus(pause)));
    }
}

/// The mean power while `run` runs again and again, less that of the pause before; `None` if the
/// scale did not answer. What is less than nothing is nothing.
///
/// # Errors
/// What `run` said that failed.
pub(super) fn weigh<E>(
    scale: &mut dyn Scale,
    mut run: impl FnMut() -> Result<(), E>,
) -> Result<Option<Milliwatts>, E> {
    // What was drawn before belongs to neither.
    scale.read();
    let idle = mean(scale, |scale| {
        scale.rest(SAMPLE);
        Ok(())
    })?;
    let busy = mean(scale, |scale| {
        let began = scale.now();
        while scale.now().since(began) < SAMPLE {
            run()?;
        }
        Ok(())
    })?;
    Ok(idle.zip(busy).map(|(idle, busy)| Milliwatts(busy.0.saturating_sub(idle.0))))
}

/// The mean of a phase, each reading weighed by the time since the one before.
fn mean<E>(
    scale: &mut dyn Scale,
    mut step: impl FnMut(&mut dyn Scale) -> Result<(), E>,
) -> Result<Option<Milliwatts>, E> {
    let began = scale.now();
    let (mut last, mut energy) = (began, Some(0_u128));
    while scale.now().since(began) < PHASE {
        step(scale)?;
        let (now, power) = (scale.now(), scale.read());
        let drawn = power.map(|power| u128::from(power.0) * now.since(last).as_micros());
        energy = energy.zip(drawn).map(|(sum, drawn)| sum + drawn);
        last = now;
    }
    let length = last.since(began).as_micros().max(1);
    Ok(energy.map(|energy| Milliwatts((energy / length).min(u128::from(u32::MAX)) as u32)))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    /// Draws 6 W and what the network adds; tells the mean since the last reading, as counters do.
    struct Counter<'c> {
        now_us: &'c Cell<u64>,
        energy: &'c Cell<u64>,
        last: (u64, u64),
        answers: Answers,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Answers {
        Always,
        Never,
    }

    const IDLE_MW: u64 = 6_000;

    impl Scale for Counter<'_> {
        fn now(&self) -> Monotonic {
            Monotonic(self.now_us.get())
        }

        fn read(&mut self) -> Option<Milliwatts> {
            let now = (self.now_us.get(), self.energy.get());
            let before = std::mem::replace(&mut self.last, now);
            let power = (now.1 - before.1).checked_div(now.0 - before.0)?;
            (self.answers == Answers::Always).then_some(Milliwatts(power as u32))
        }

        fn rest(&mut self, pause: Duration) {
            let pause_us = pause.as_micros() as u64;
            self.now_us.set(self.now_us.get() + pause_us);
            self.energy.set(self.energy.get() + IDLE_MW * pause_us);
        }
    }

    fn weighed(run_us: u64, network_mw: u64, answers: Answers) -> (Option<Milliwatts>, u64) {
        let (now_us, energy) = (Cell::new(0), Cell::new(0));
        let mut counter = Counter { now_us: &now_us, energy: &energy, last: (0, 0), answers };
        let power = weigh(&mut counter, || {
            now_us.set(now_us.get() + run_us);
            energy.set(energy.get() + network_mw * run_us);
            Ok::<(), Infallible>(())
        });
        let Ok(power) = power;
        (power, now_us.get())
    }

    #[test]
    fn power_of_a_network_is_what_the_box_draws_more_while_it_runs() {
        for run_us in [500, 40_000, 900_000] {
            let (power, took_us) = weighed(run_us, 9_500, Answers::Always);
            assert_eq!(power, Some(Milliwatts(3_500)), "{run_us}");
            assert!((4_000_000..5_000_000).contains(&took_us), "{took_us}");
        }
        assert_eq!(
            weighed(500, 5_000, Answers::Always).0,
            Some(Milliwatts(0)),
            "less than nothing"
        );
    }

    #[test]
    fn scale_that_falls_silent_says_nothing() {
        assert_eq!(weighed(500, 9_500, Answers::Never).0, None);
    }
}
