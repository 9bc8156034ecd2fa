//! Why the governor did what it did, as values that print as sentences of at most about 160
//! bytes, so that they fit a notice.

use core::fmt;
use core::time::Duration;

use wire::units::{Millicelsius, Permille};

use crate::engine::{LOAD_MAX, SLOW};
use crate::operating_point::OperatingPoint;
use crate::thermal::Worst;

/// The governor's state without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is known yet.
    Boot,
    /// Temperature limits nothing.
    Nominal,
    /// Too hot: less is asked of the engine, step by step.
    Throttled,
    /// Near the hardware's limit: the least is asked of it.
    Critical,
    /// Beyond it: the box must be shut down.
    Shutdown,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boot => "booting",
            Self::Nominal => "nominal",
            Self::Throttled => "throttled",
            Self::Critical => "critical",
            Self::Shutdown => "shutting down",
        })
    }
}

/// What is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub mode: Mode,
    /// What the engine is asked to do.
    pub point: OperatingPoint,
}

/// Why something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A sensor crossed a limit, or may have.
    Hot(Worst),
    /// The sensor closest to its limit is below it again.
    Cooled(Worst),
    /// The engine is busy for more than [`LOAD_MAX`] of the time.
    Busy(Permille),
    /// Frames take longer than [`SLOW`].
    Slow(Duration),
    /// The engine is busy for this share of the time, and the box is cool.
    Headroom(Permille),
    /// The sensors answer.
    Ready,
    /// No temperature sensor answers: the engine's load alone decides.
    NoTemperature,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hot(Worst { sensor, value, limit, assumed: false, .. }) => {
                write!(f, "{sensor} reads {}, its limit is {}", Celsius(*value), Celsius(*limit))
            }
            Self::Hot(Worst { sensor, value, limit, assumed: true, .. }) => write!(
                f,
                "{sensor} no longer answers and may be at {}, its limit is {}",
                Celsius(*value),
                Celsius(*limit)
            ),
            Self::Cooled(Worst { sensor, value, .. }) => {
                write!(f, "{sensor}, the closest to its limit, is at {}", Celsius(*value))
            }
            Self::Busy(load) => {
                write!(
                    f,
                    "the engine is busy {} of the time, above {}",
                    Share(*load),
                    Share(LOAD_MAX)
                )
            }
            Self::Slow(slowest) => {
                write!(f, "frames take {} ms, above {}", slowest.as_millis(), SLOW.as_millis())
            }
            Self::Headroom(load) => {
                write!(f, "the engine is busy only {} of the time", Share(*load))
            }
            Self::Ready => write!(f, "the temperature sensors answer"),
            Self::NoTemperature => {
                write!(f, "no temperature sensor answers, the engine's load alone decides")
            }
        }
    }
}

/// A change of what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was in force.
    pub before: Status,
    /// What is.
    pub after: Status,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, reason } = self;
        if after.mode != before.mode {
            write!(f, "{} (was {}), ", after.mode, before.mode)?;
        }
        write!(f, "{}", after.point)?;
        if after.point != before.point {
            write!(f, " (was {})", before.point)?;
        }
        write!(f, ": {reason}")
    }
}

/// Something that the operator should know, without a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The box has no temperature sensor that answers.
    NoTemperature,
    /// A sensor that was there no longer answers.
    SensorLost(crate::thermal::SensorName),
    /// So many sensors are not followed.
    SensorsLeftOut(usize),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTemperature => write!(
                f,
                "no temperature sensor answers, so the box cannot protect itself from heat; \
                 check that the kernel has a driver for one"
            ),
            Self::SensorLost(name) => write!(
                f,
                "sensor {name} no longer answers; it counts as the hottest that it could be by \
                 now; check it or restart the box"
            ),
            Self::SensorsLeftOut(count) => {
                write!(f, "{count} temperature sensors more than can be followed are left out")
            }
        }
    }
}

struct Celsius(Millicelsius);

impl fmt::Display for Celsius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Millicelsius(milli) = self.0;
        let sign = if milli < 0 { "-" } else { "" };
        let tenths = milli.unsigned_abs() / 100;
        write!(f, "{sign}{}.{} °C", tenths / 10, tenths % 10)
    }
}

struct Share(Permille);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Permille(share) = self.0;
        write!(f, "{}.{} %", share / 10, share % 10)
    }
}
