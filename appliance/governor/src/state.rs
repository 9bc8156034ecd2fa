//! The states of the governor and the step from one to the next.
//!
//! ```text
//!        sensors answer,       hot                    critical
//!        or grace over   ┌──────────────►┌───────────►┐
//!   Boot ──────────► Nominal        Throttled       Critical ──────► Shutdown
//!                        └◄──────────────┘◄───────────┘  emergency for 3 s
//!                          cool for 30 s   below for 30 s
//! ```
//!
//! A band skips no state downwards; upwards `Boot` and `Nominal` may go to `Critical` at once.
//! Knows temperature alone. Constants and their reasons: `docs/governor.md`.

use core::time::Duration;

use wire::time::Monotonic;

use crate::reason::Mode;
use crate::thermal::Band;

/// How long the first readings may take before the box is taken for one without sensors.
pub const BOOT_GRACE: Duration = Duration::from_secs(3);
/// How long it must be calm before less heat is believed.
pub const COOL_DWELL: Duration = Duration::from_secs(30);
/// How long an emergency must last: one wrong reading does not shut a box down.
pub const EMERGENCY_DWELL: Duration = Duration::from_secs(3);

/// What the box's temperature allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is known yet.
    Boot {
        /// Start of the governor.
        since: Monotonic,
    },
    /// Temperature limits nothing.
    Nominal,
    /// Too hot.
    Throttled {
        /// Cool since then.
        cool_since: Option<Monotonic>,
    },
    /// Near the hardware's limit.
    Critical {
        /// Below the critical band since then.
        calm_since: Option<Monotonic>,
        /// Above it since then.
        emergency_since: Option<Monotonic>,
    },
    /// Beyond the hardware's limit. Final.
    Shutdown,
}

impl State {
    /// The state without its data.
    pub fn mode(self) -> Mode {
        match self {
            Self::Boot { .. } => Mode::Boot,
            Self::Nominal => Mode::Nominal,
            Self::Throttled { .. } => Mode::Throttled,
            Self::Critical { .. } => Mode::Critical,
            Self::Shutdown => Mode::Shutdown,
        }
    }
}

/// What the sensors say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heat {
    /// No readings came yet.
    Unknown,
    /// Readings came, but no sensor ever answered.
    NoSensor,
    /// The worst sensor's band.
    Band(Band),
}

/// The state that follows.
pub fn step(state: State, now: Monotonic, heat: Heat) -> State {
    use Band::{Cool, Critical as TooHot, Emergency, Hot, Warm};
    use State::{Boot, Critical, Nominal, Shutdown, Throttled};
    let held = |since: Monotonic, dwell: Duration| now.since(since) >= dwell;
    match (state, heat) {
        (Shutdown, _) => Shutdown,
        (Boot { since }, Heat::Unknown) if held(since, BOOT_GRACE) => Nominal,
        // Sensors are never forgotten, so heat is known once it was.
        (_, Heat::Unknown) => state,
        (Boot { .. } | Nominal, Heat::NoSensor) => Nominal,
        (Throttled { .. } | Critical { .. }, Heat::NoSensor) => state,
        (Critical { emergency_since: Some(since), .. }, Heat::Band(Emergency)) => {
            if held(since, EMERGENCY_DWELL) { Shutdown } else { state }
        }
        (
            Boot { .. } | Nominal | Throttled { .. } | Critical { emergency_since: None, .. },
            Heat::Band(Emergency),
        ) => Critical { calm_since: None, emergency_since: Some(now) },
        (_, Heat::Band(TooHot)) => Critical { calm_since: None, emergency_since: None },
        (Boot { .. } | Nominal | Throttled { .. }, Heat::Band(Hot)) => {
            Throttled { cool_since: None }
        }
        (Boot { .. } | Nominal, Heat::Band(Cool | Warm)) => Nominal,
        (Throttled { .. }, Heat::Band(Warm)) => Throttled { cool_since: None },
        (Throttled { cool_since: None }, Heat::Band(Cool)) => Throttled { cool_since: Some(now) },
        (Throttled { cool_since: Some(since) }, Heat::Band(Cool)) => {
            if held(since, COOL_DWELL) {
                Nominal
            } else {
                state
            }
        }
        (Critical { calm_since: None, .. }, Heat::Band(Cool | Warm | Hot)) => {
            Critical { calm_since: Some(now), emergency_since: None }
        }
        (Critical { calm_since: Some(since), .. }, Heat::Band(Cool | Warm | Hot)) => {
            if held(since, COOL_DWELL) { Throttled { cool_since: None } } else { state }
        }
    }
}
