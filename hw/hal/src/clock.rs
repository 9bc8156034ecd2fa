//! The only way a task learns the time.

use std::future::Future;

use wire::time::{ClockQuality, Monotonic, WallTime};

/// Real in `daemon`, simulated in tests.
pub trait Clock: Send + Sync + 'static {
    /// The monotonic clock.
    fn now(&self) -> Monotonic;

    /// UTC and how far it can be trusted. For labels only.
    fn wall(&self) -> (WallTime, ClockQuality);

    /// UTC alone: for what is labelled with every picture. Whether it can be trusted may cost a look
    /// at the system.
    fn wall_time(&self) -> WallTime {
        self.wall().0
    }

    /// Completes once [`now`](Self::now) has reached `at`.
    fn sleep_until(&self, at: Monotonic) -> impl Future<Output = ()> + Send;
}
