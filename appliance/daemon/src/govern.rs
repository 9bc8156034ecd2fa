//! The governor's shell: reads the sensors and the engine's work once a second, hands both to
//! `governor`, and passes on what it decides.
//!
//! Owns the sensors. Decides nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::machine::{Effect, Governor};
use governor::operating_point::{LADDER, LADDER_FULL, LADDER_NANO, LADDER_SMALL};
use governor::{OperatingPoint, Probe, Trips, Work};
use hal::Clock;
use hal::sensors::{Readings, Sensors, Temperature};
use pipeline::inference::InferenceHealth;
use pipeline::links::OperatingPoints;
use pipeline::source::SourceLinks;
use sensors::SysfsSensors;
use tracing::{info, warn};
use wire::envelope::{Body, NoticeKind};

use crate::clock::SystemClock;
use crate::config::TierChoice;
use crate::outputs::notice;
use crate::tiers::Tiers;
use crate::uplink;

/// Between two looks at the box.
const EVERY: Duration = Duration::from_secs(1);

/// What the governor knew and decided last, for telemetry.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    /// The last readings.
    pub readings: Readings,
    /// Mode and operating point, as a sentence.
    pub status: String,
    /// Share of one core's time that inference used in the last second.
    pub engine_load: f64,
}

/// What the governor's thread works with.
pub struct Govern {
    /// The time.
    pub clock: Arc<SystemClock>,
    /// Who chooses the tier.
    pub choice: TierChoice,
    /// The tiers to choose from.
    pub tiers: Tiers,
    /// What the engine did.
    pub inference: Arc<InferenceHealth>,
    /// What the sources delivered.
    pub sources: Vec<Arc<SourceLinks>>,
    /// To the engine.
    pub points: Arc<OperatingPoints>,
    /// Changes are told here.
    pub uplink: uplink::Handle,
    /// For telemetry.
    pub latest: Arc<Mutex<Latest>>,
    /// Set to end the thread.
    pub stop: Arc<AtomicBool>,
    /// Called when the box must be powered off.
    pub shut_down: Box<dyn Fn() + Send>,
}

impl Govern {
    /// Governs until it is stopped; sleeps in between.
    pub async fn run(self) {
        let clock = Arc::clone(&self.clock);
        let for_sensors = Arc::clone(&clock);
        let (mut sensors, absent) =
            SysfsSensors::discover(Path::new("/"), move || for_sensors.now());
        for missing in absent {
            info!("sensor absent: {missing}");
        }
        let ladder = match self.choice {
            TierChoice::Auto => LADDER,
            TierChoice::Nano => LADDER_NANO,
            TierChoice::Small => LADDER_SMALL,
            TierChoice::Full => LADDER_FULL,
        };
        let mut governor = Governor::new(clock.now(), &self.tiers.ladder(ladder));
        governor.handle_costs(|point| self.tiers.cost(point));
        self.points.signal(governor.operating_point());
        let mut seen = Engine::default();
        while !self.stop.load(Ordering::Relaxed) {
            let next = clock.now().plus(EVERY);
            let readings = sensors.read();
            let work = seen.work_since(&self.inference, &self.sources);
            let now = clock.now();
            let probes: Vec<Probe<'_>> = readings.temperatures.iter().map(probe).collect();
            governor.handle_readings(now, &probes);
            governor.handle_work(now, work);
            while let Some(effect) = governor.next(now) {
                self.act(effect, governor.operating_point());
            }
            self.remember(Latest {
                readings,
                status: governor.status().point.to_string(),
                engine_load: work.busy.as_secs_f64() / EVERY.as_secs_f64(),
            });
            clock.sleep_until(next).await;
        }
    }

    fn remember(&self, latest: Latest) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = latest;
    }

    fn act(&self, effect: Effect, point: OperatingPoint) {
        match effect {
            Effect::Changed(change) => {
                info!("operating point: {change}");
                self.points.signal(point);
                let told = notice(NoticeKind::Governor, None, &change.to_string());
                if let Err(refused) = self.uplink.publish(Body::Notice(told)) {
                    warn!(%refused, "change of the operating point not published");
                }
            }
            Effect::Report(finding) => warn!("{finding}"),
            Effect::ShutDown(reason) => {
                warn!("the box must be powered off: {reason}");
                (self.shut_down)();
            }
        }
    }
}

fn probe(temperature: &Temperature) -> Probe<'_> {
    let trips = temperature.trips;
    Probe {
        name: &temperature.name,
        value: temperature.value,
        trips: Trips { passive: trips.passive, hot: trips.hot, critical: trips.critical },
    }
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
