//! The governor's shell: reads the sensors and the engine's work once a second, hands both to
//! `governor`, and passes on what it decides and what a person should look at.
//!
//! Owns the sensors. Decides nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use boards::Detected;
use governor::machine::{Effect, Governor};
use governor::operating_point::{LADDER, LADDER_FULL, LADDER_NANO, LADDER_SMALL};
use governor::{OperatingPoint, Work};
use hal::Clock;
use hal::sensors::Readings;
use pipeline::inference::InferenceHealth;
use pipeline::links::OperatingPoints;
use pipeline::source::SourceLinks;
use sensors::{Now, Places};
use tracing::{info, warn};
use wire::envelope::{Body, NoticeKind};

use crate::clock::SystemClock;
use crate::config::TierChoice;
use crate::hardware::concerns::Concerns;
use crate::hardware::{Hardware, probes};
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
    /// Which board the box is.
    pub board: Detected,
    /// Where its sensors are.
    pub places: Places,
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
        let ladder = match self.choice {
            TierChoice::Auto => LADDER,
            TierChoice::Nano => LADDER_NANO,
            TierChoice::Small => LADDER_SMALL,
            TierChoice::Full => LADDER_FULL,
        };
        let mut governor = Governor::new(clock.now(), &self.tiers.ladder(ladder));
        governor.handle_claims(|point| self.tiers.claim(point));
        if let Some(slew) = self.board.board.slew_per_second {
            governor.handle_slew(slew);
        }
        self.points.signal(governor.operating_point());
        // After the engine has its first operating point: a driver may take seconds to open.
        let mut hardware = self.open_hardware();
        let mut concerns = Concerns::default();
        let mut seen = Engine::default();
        while !self.stop.load(Ordering::Relaxed) {
            let next = clock.now().plus(EVERY);
            let readings = hardware.read();
            let work = seen.work_since(&self.inference, &self.sources);
            let now = clock.now();
            governor.handle_readings(now, &probes(hardware.fit(), &readings));
            governor.handle_work(now, work);
            while let Some(effect) = governor.next(now) {
                self.act(effect, governor.operating_point());
            }
            for concern in concerns.next(now, &readings, hardware.fit()) {
                self.worry(&concern);
            }
            self.remember(Latest {
                readings,
                status: governor.status().point.to_string(),
                engine_load: work.busy.as_secs_f64() / EVERY.as_secs_f64(),
            });
            clock.sleep_until(next).await;
        }
    }

    /// Finds the sensors, and tells what the board has and the kernel does not show.
    fn open_hardware(&self) -> Hardware {
        let clock = Arc::clone(&self.clock);
        let now: Now = Arc::new(move || clock.now());
        let board = self.board.board.clone();
        let (hardware, absent) = Hardware::open(board, &self.places, &now);
        for missing in absent {
            info!("sensor absent: {missing}");
        }
        for missing in hardware.missing() {
            self.worry(&missing.to_string());
        }
        hardware
    }

    /// Tells the operator of something that is not as it should be.
    fn worry(&self, text: &str) {
        warn!("{text}");
        let told = notice(NoticeKind::Hardware, None, text);
        if let Err(refused) = self.uplink.publish(Body::Notice(told)) {
            warn!(%refused, "the state of the hardware not published");
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
