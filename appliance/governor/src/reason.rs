//! Why the governor did what it did, as values that print as sentences of at most about 160
//! bytes, so that they fit a notice.

use core::fmt;
use core::time::Duration;

use wire::units::{Millicelsius, Milliwatts, Permille};

use crate::cue::Cue;
use crate::engine::{LOAD_MAX, SLOW};
use crate::forecast::Outlook;
use crate::operating_point::OperatingPoint;
use crate::pressure::AGE_MAX;
use crate::thermal::{SensorName, Worst};

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
    /// A sensor no longer answers, and counts as its worst case.
    Blind(SensorName),
    /// A sensor would get too hot.
    TooHotSoon(Outlook),
    /// The box would draw more than it may.
    OverBudget(Milliwatts, Milliwatts),
    /// The supply's alarm came.
    OverCurrent,
    /// What is saved now is spent when a cue comes.
    Saving,
    /// A moment may be coming.
    Sprint(Cue),
    /// Play goes on, and there is heat to spare.
    Live,
    /// No cue for a while.
    SprintOver,
    /// Frames become this old before their lanes are done.
    Old(Duration),
    /// Programs wait for a processor for this share of the time.
    ProcessorShort(Permille),
    /// Memory is short: this share of the time is spent waiting for it, or this much of it is used.
    MemoryShort(Permille),
    /// What kept the box back is over.
    Relieved,
    /// The configuration asks for this point all the time.
    Pinned,
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
            Self::Blind(name) => {
                write!(f, "{name} no longer answers and counts as its worst case")
            }
            Self::TooHotSoon(outlook) => write!(f, "{outlook}"),
            Self::OverBudget(expected, limit) => {
                write!(f, "it would draw {}, and may draw {}", Watts(*expected), Watts(*limit))
            }
            Self::OverCurrent => write!(f, "the supply's over-current alarm came"),
            Self::Saving => write!(f, "what is saved now is spent when a cue comes"),
            Self::Sprint(cue) => write!(f, "a moment may be coming: {cue}"),
            Self::Live => write!(f, "play goes on, and the box is cool enough"),
            Self::SprintOver => write!(f, "no cue for a while"),
            Self::Old(age) => write!(
                f,
                "frames are {} ms old when they are analysed, above {}",
                age.as_millis(),
                AGE_MAX.as_millis()
            ),
            Self::ProcessorShort(share) => {
                write!(f, "programs wait for a processor for {} of the time", Share(*share))
            }
            Self::MemoryShort(share) => write!(f, "memory is short ({})", Share(*share)),
            Self::Relieved => write!(f, "what kept the box back is over"),
            Self::Pinned => write!(f, "the configuration asks for it"),
        }
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sensor, value, margin, limit } = self;
        write!(
            f,
            "{sensor} would come to {} ± {}, its limit is {}",
            Celsius(*value),
            Celsius(*margin),
            Celsius(*limit)
        )
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
    /// Whether it begins, changes or ends a sprint, of which there are dozens an hour.
    pub is_of_a_sprint: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, reason, .. } = self;
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

pub(crate) struct Celsius(pub(crate) Millicelsius);

impl fmt::Display for Celsius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Millicelsius(milli) = self.0;
        let sign = if milli < 0 { "-" } else { "" };
        let tenths = milli.unsigned_abs() / 100;
        write!(f, "{sign}{}.{} °C", tenths / 10, tenths % 10)
    }
}

pub(crate) struct Watts(pub(crate) Milliwatts);

impl fmt::Display for Watts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Milliwatts(milli) = self.0;
        write!(f, "{}.{} W", milli / 1_000, milli % 1_000 / 100)
    }
}

pub(crate) struct Share(pub(crate) Permille);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Permille(share) = self.0;
        write!(f, "{}.{} %", share / 10, share % 10)
    }
}
