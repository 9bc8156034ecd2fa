//! What the governor is told once a second: temperatures, supply, pressure, and the engine's work.
//!
//! Owns the sensors and what has to be compared with the second before. Decides nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use governor::power::Sample;
use governor::{Pressure, Work};
use hal::sensors::Readings;
use pipeline::inference::InferenceHealth;
use pipeline::source::SourceLinks;
use wire::time::Monotonic;

use super::supply::Supply;
use crate::hardware::Hardware;
use crate::hardware::concerns::Concerns;

/// The senses of the box.
pub(super) struct Senses {
    pub(super) hardware: Hardware,
    concerns: Concerns,
    engine: Engine,
    supply: Supply,
}

/// What was felt in a second.
pub(super) struct Felt {
    pub(super) readings: Readings,
    pub(super) work: Work,
    pub(super) pressure: Pressure,
    pub(super) supply: Sample,
}

impl Senses {
    pub(super) fn new(hardware: Hardware) -> Self {
        let (concerns, engine) = (Concerns::default(), Engine::default());
        Self { hardware, concerns, engine, supply: Supply::default() }
    }

    /// Reads everything.
    pub(super) fn feel(&mut self, health: &InferenceHealth, sources: &[Arc<SourceLinks>]) -> Felt {
        let readings = self.hardware.read();
        let work = self.engine.work_since(health, sources);
        let pressure = pressure(&readings, health.take_frame_age());
        let supply = self.supply.sample(&readings, self.hardware.fit());
        Felt { readings, work, pressure, supply }
    }

    /// What a person should look at.
    pub(super) fn concerns(&mut self, now: Monotonic, readings: &Readings) -> Vec<String> {
        self.concerns.next(now, readings, self.hardware.fit())
    }
}

/// What other programs leave.
fn pressure(readings: &Readings, frame_age: Option<Duration>) -> Pressure {
    let hal::sensors::Pressure { cpu, memory, io: _ } = readings.pressure;
    Pressure { cpu, memory, memory_used: readings.memory_used(), frame_age }
}

/// The engine's counters at the last look.
#[derive(Default)]
struct Engine {
    frames: u64,
    offered: u64,
    busy_us: u64,
    aside_us: u64,
}

impl Engine {
    fn work_since(&mut self, health: &InferenceHealth, sources: &[Arc<SourceLinks>]) -> Work {
        let now = Self {
            frames: health.frames.get(),
            offered: sources.iter().map(|source| source.counters.frames_decoded.get()).sum(),
            busy_us: health.busy_us.get(),
            aside_us: health.searching_us.get() + health.players_us.get(),
        };
        let before = std::mem::replace(self, now);
        Work {
            frames: (self.frames - before.frames) as u32,
            offered: (self.offered - before.offered) as u32,
            busy: Duration::from_micros(self.busy_us - before.busy_us),
            aside: Duration::from_micros(self.aside_us - before.aside_us),
            slowest: Duration::from_micros(health.slowest_us.swap(0, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use hal::sensors::GroupMemory;
    use wire::units::Permille;

    use super::*;

    #[test]
    fn governor_gets_shares_where_the_kernel_tells_them_and_nothing_else() {
        let age = Some(Duration::from_millis(80));
        let silent = pressure(&Readings::default(), None);
        assert_eq!(silent, Pressure::default());
        let told = hal::sensors::Pressure { cpu: Some(Permille(123)), ..Default::default() };
        let group_memory = GroupMemory { limit_bytes: Some(1_000), used_bytes: Some(900) };
        let readings = Readings { pressure: told, group_memory, ..Readings::default() };
        let expected = Pressure {
            cpu: Some(Permille(123)),
            memory: None,
            memory_used: Some(Permille(900)),
            frame_age: age,
        };
        assert_eq!(pressure(&readings, age), expected);
        let (total, available) = (Some(8_000), Some(2_000));
        let unlimited = Readings {
            memory_total_bytes: total,
            memory_available_bytes: available,
            ..Readings::default()
        };
        let used = pressure(&unlimited, None).memory_used;
        assert_eq!(used, Some(Permille(750)), "of the box's, where nothing limits it");
    }
}
