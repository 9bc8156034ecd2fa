//! The governor's shell: reads the sensors and the engine's work once a second, hands both to
//! `governor`, cues at once, and passes on what it decides and what a person should look at.
//!
//! Owns the thread and what is kept of it: the explanation, the black box. Decides nothing.

pub mod blackbox;
pub mod command;
pub mod deadlines;
pub mod explanation;
pub mod request;
mod senses;
pub mod supply;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use boards::Detected;
use futures_lite::future;
use governor::forecast::Outlook;
use governor::machine::Effect;
use governor::operating_point::{LADDER, LADDER_FULL, LADDER_NANO, LADDER_SMALL};
use governor::reason::{Change, Mode};
use governor::{Cue, Governor, OperatingPoint};
use hal::Clock;
use hal::sensors::Readings;
use pipeline::inference::InferenceHealth;
use pipeline::links::{Departure, Departures, Hint, Hints, OperatingPoints};
use pipeline::source::SourceLinks;
use sensors::{Now, Places};
use tracing::{info, warn};
use wire::envelope::{Body, NoticeKind};
use wire::time::Monotonic;
use wire::units::Permille;

use self::blackbox::{BlackBox, Moment};
use self::explanation::Explanation;
use self::senses::{Felt, Senses};
use crate::clock::SystemClock;
use crate::config::{self, GovernorMode, TierChoice};
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
    /// What is in force; `None` before the first look.
    pub status: Option<governor::Status>,
    /// Who chooses the operating point.
    pub mode: GovernorMode,
    /// Why it changed last, as a sentence; `None` before the first change.
    pub reason: Option<String>,
    /// Whether a cue asked for what is in force.
    pub is_sprinting: bool,
    /// The sensor closest to its limit as it will be in a minute; `None` before that is known.
    pub outlook: Option<Outlook>,
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
    /// Who chooses the operating point, and what the supply stands.
    pub config: config::Governor,
    /// Where the box keeps what it knows.
    pub data_dir: PathBuf,
    /// The tiers to choose from.
    pub tiers: Tiers,
    /// What the engine did.
    pub inference: Arc<InferenceHealth>,
    /// What the sources delivered.
    pub sources: Vec<Arc<SourceLinks>>,
    /// To the engine.
    pub points: Arc<OperatingPoints>,
    /// From the director.
    pub hints: Arc<Hints>,
    /// To the audit of a deterministic box.
    pub departures: Arc<Departures>,
    /// Changes are told here.
    pub uplink: uplink::Handle,
    /// For telemetry.
    pub latest: Arc<Mutex<Latest>>,
    /// Set to end the thread.
    pub stop: Arc<AtomicBool>,
    /// Called when the box must be powered off.
    pub shut_down: Box<dyn Fn() + Send>,
}

/// What is kept of the governor.
struct Memory {
    explanation: Explanation,
    black_box: BlackBox,
    reason: Option<String>,
    /// The data folder failed the last time, which is told once.
    fails: bool,
}

impl Govern {
    /// Governs until it is stopped; sleeps in between.
    pub async fn run(self) {
        let clock = Arc::clone(&self.clock);
        let mut governor = self.governor();
        self.points.signal(governor.operating_point());
        // After the engine has its first operating point: a driver may take seconds to open.
        let mut senses = Senses::new(self.open_hardware());
        let mut memory = Memory {
            explanation: Explanation::new(&self.data_dir),
            black_box: BlackBox::default(),
            reason: None,
            fails: false,
        };
        self.tell_departure(governor.operating_point(), "the box starts");
        // Asked of a box that did not run.
        let _ = request::take(&self.data_dir);
        while !self.stop.load(Ordering::Relaxed) {
            let next = clock.now().plus(EVERY);
            let felt = senses.feel(&self.inference, &self.sources);
            let now = clock.now();
            governor.handle_readings(now, &probes(senses.hardware.fit(), &felt.readings));
            governor.handle_power(now, felt.supply);
            governor.handle_pressure(now, felt.pressure);
            governor.handle_work(now, felt.work);
            for concern in senses.concerns(now, &felt.readings) {
                self.worry(&concern);
            }
            self.note(&governor, &mut memory, &felt);
            self.press_button(&mut governor, &mut memory);
            self.act(&mut governor, &mut memory, now);
            self.remember(&governor, &mut memory, felt);
            self.heed_hints(&mut governor, &mut memory, next).await;
        }
    }

    /// The governor of this box: what it may run, and what is known of that. A deterministic box
    /// runs the highest rung of its tier.
    fn governor(&self) -> Governor {
        let ladder = match self.choice {
            TierChoice::Auto => LADDER,
            TierChoice::Nano => LADDER_NANO,
            TierChoice::Small => LADDER_SMALL,
            TierChoice::Full => LADDER_FULL,
        };
        let ladder = self.tiers.ladder(ladder);
        let now = self.clock.now();
        let mut governor = match self.config.mode {
            GovernorMode::Adaptive => Governor::new(now, &ladder),
            GovernorMode::Deterministic => Governor::pinned(now, ladder[ladder.len() - 1]),
        };
        governor.handle_claims(|point| self.tiers.claim(point));
        if let Some(slew) = self.board.board.slew_per_second {
            governor.handle_slew(slew);
        }
        if let Some(power_max) = self.config.power_max {
            governor.handle_budget(power_max);
        }
        governor
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

    /// Waits for the next look; a cue acts at once.
    async fn heed_hints(&self, governor: &mut Governor, memory: &mut Memory, next: Monotonic) {
        loop {
            let hint = async { Some(self.hints.receive().await) };
            let over = async {
                self.clock.sleep_until(next).await;
                None
            };
            // The next look first: cues that never end do not put it off.
            let Some(hint) = future::or(over, hint).await else { return };
            let now = self.clock.now();
            match hint {
                Hint::Cue(cue) => governor.handle_cue(now, cue),
                Hint::Moment => governor.handle_moment(now),
            }
            self.act(governor, memory, now);
        }
    }

    /// Takes what a technician asked for.
    fn press_button(&self, governor: &mut Governor, memory: &mut Memory) {
        match request::take(&self.data_dir) {
            Ok(true) => {
                info!("somebody asked for a sprint");
                governor.handle_cue(self.clock.now(), Cue::Button);
            }
            Ok(false) => {}
            Err(error) => memory.complain("the request for a sprint cannot be taken", &error),
        }
    }

    /// Tells the operator of something that is not as it should be.
    fn worry(&self, text: &str) {
        warn!("{text}");
        let told = notice(NoticeKind::Hardware, None, text);
        if let Err(refused) = self.uplink.publish(Body::Notice(told)) {
            warn!(%refused, "the state of the hardware not published");
        }
    }

    /// Does what the governor decided.
    fn act(&self, governor: &mut Governor, memory: &mut Memory, now: Monotonic) {
        while let Some(effect) = governor.next(now) {
            match effect {
                Effect::Changed(change) => {
                    memory.reason = Some(change.reason.to_string());
                    self.tell_change(&change);
                }
                Effect::Report(finding) => warn!("{finding}"),
                Effect::ShutDown(reason) => {
                    let reason = reason.to_string();
                    warn!("the box must be powered off: {reason}");
                    let at = (self.clock.wall_time(), reason.as_str());
                    // Before anything is stopped: the power may be gone by then.
                    if let Err(error) = memory.black_box.keep(&self.data_dir, at) {
                        warn!("the black box is not written: {error}; is the disk full?");
                    }
                    (self.shut_down)();
                }
            }
        }
    }

    /// Puts a change in force and tells it. The dozens of sprints of an hour are no news to the
    /// operator: the log has them, and telemetry.
    fn tell_change(&self, change: &Change) {
        info!("operating point: {change}");
        let point = change.after.point;
        if point != change.before.point {
            self.points.signal(point);
            self.tell_departure(point, &change.reason.to_string());
        }
        if change.is_of_a_sprint {
            return;
        }
        let told = notice(NoticeKind::Governor, None, &change.to_string());
        if let Err(refused) = self.uplink.publish(Body::Notice(told)) {
            warn!(%refused, "change of the operating point not published");
        }
    }

    /// Writes down what a deterministic box runs from now on: that it departs from its operating
    /// point, or is back.
    fn tell_departure(&self, point: OperatingPoint, why: &str) {
        match self.config.mode {
            GovernorMode::Adaptive => {}
            GovernorMode::Deterministic => {
                warn!("a deterministic box runs {point} from now on: {why}");
                let (wall, why) = (self.clock.wall_time(), why.to_owned());
                // Refused: the line above has it.
                let _ = self.departures.try_send(Departure { wall, point, why });
            }
        }
    }

    /// Keeps this second for the black box.
    fn note(&self, governor: &Governor, memory: &mut Memory, felt: &Felt) {
        let load = Permille::from_share(felt.work.busy.as_secs_f32() / EVERY.as_secs_f32());
        memory.black_box.note(Moment {
            wall: self.clock.wall_time(),
            readings: felt.readings.clone(),
            mode: governor.status().mode,
            point: governor.operating_point(),
            load,
        });
    }

    /// Keeps what the governor says, for people and for telemetry.
    fn remember(&self, governor: &Governor, memory: &mut Memory, felt: Felt) {
        let text = governor.explain(self.clock.now()).to_string();
        match memory.explanation.keep(text, self.clock.wall_time()) {
            Ok(()) => memory.fails = false,
            Err(error) => memory.complain("what the governor says cannot be kept", &error),
        }
        let latest = Latest {
            readings: felt.readings,
            status: Some(governor.status()),
            mode: self.config.mode,
            reason: memory.reason.clone(),
            is_sprinting: governor.is_sprinting(),
            outlook: governor.predicted(),
            engine_load: felt.work.busy.as_secs_f64() / EVERY.as_secs_f64(),
        };
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = latest;
    }
}

impl Memory {
    /// Says in the log that the data folder fails, once until it works again.
    fn complain(&mut self, what: &str, error: &std::io::Error) {
        if !std::mem::replace(&mut self.fails, true) {
            warn!("{what}: {error}; is the data folder the box's own, and has the disk room?");
        }
    }
}

impl Latest {
    /// The governor's state; `Boot` before the first look.
    pub fn state(&self) -> Mode {
        self.status.map_or(Mode::Boot, |status| status.mode)
    }
}
