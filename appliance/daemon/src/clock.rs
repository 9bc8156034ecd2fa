//! The real clock: the only place of the box that reads the system's time.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hal::Clock;
use wire::time::{ClockQuality, Monotonic, WallTime};

/// Made by `systemd-timesyncd` once it has set the clock from a time server.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

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
    fn wall_time(&self) -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime(since.as_micros() as i64 + faults::clock_error_us())
    }

    fn wall(&self) -> (WallTime, ClockQuality) {
        let quality = if Path::new(SYNCHRONIZED).exists() {
            ClockQuality::Synchronized
        } else {
            ClockQuality::Unknown
        };
        (self.wall_time(), quality)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else uses")]
    async fn sleep_until(&self, at: Monotonic) {
        tokio::time::sleep(at.since(self.now())).await;
    }
}
