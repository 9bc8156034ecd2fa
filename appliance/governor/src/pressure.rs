//! What other programs leave to this one: waiting for processor and memory, and how old frames
//! become.

use core::time::Duration;

use wire::units::Permille;

/// One reading; `None` where the kernel does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Share of the last ten seconds in which something waited for a processor.
    pub cpu: Option<Permille>,
    /// Share of the last ten seconds in which something waited for memory.
    pub memory: Option<Permille>,
    /// Share of its memory limit that is in use: the control group's, or the box's.
    pub memory_used: Option<Permille>,
    /// Age of the oldest frame when its lanes were done, since the last reading, from the arrival
    /// of its last byte. `None` if none was analysed.
    pub frame_age: Option<Duration>,
}
