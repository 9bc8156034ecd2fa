//! The real clock: the only place of the receiver that reads the system's time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hal::Clock;
use wire::time::{ClockQuality, Monotonic, WallTime};

/// Monotonic time since the start of the process, and the system's UTC.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock that starts at zero now. One per process.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else uses")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else uses")]
    fn now(&self) -> Monotonic {
        Monotonic(Instant::now().duration_since(self.started).as_micros() as u64)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else uses")]
    fn wall(&self) -> (WallTime, ClockQuality) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = since.as_micros() as i64 + faults::clock_error_us();
        (WallTime(wall), ClockQuality::Unknown)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else uses")]
    async fn sleep_until(&self, at: Monotonic) {
        tokio::time::sleep(at.since(self.now())).await;
    }
}
