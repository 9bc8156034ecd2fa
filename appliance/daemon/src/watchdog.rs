//! systemd's view of the daemon: ready, alive, stopping.
//!
//! The watchdog is fed only while every stage moves or has nothing to do. A stage that is stuck
//! is named in the log, and systemd restarts the daemon when its patience ends.

use std::time::Duration;

use hal::Clock;
use pipeline::health::Watch;
use tracing::{debug, error};

/// Between two looks at the stages when systemd asks for no watchdog; the log is told all the
/// same.
const EVERY: Duration = Duration::from_secs(5);

/// Tells systemd that the daemon is ready.
pub fn ready() {
    notify(&[sd_notify::NotifyState::Ready]);
}

/// Tells systemd that the daemon is stopping.
pub fn stopping() {
    notify(&[sd_notify::NotifyState::Stopping]);
}

/// Looks at the stages for ever, several times in each of systemd's watchdog intervals.
pub async fn watch<C: Clock>(clock: &C, mut watches: Vec<Watch>) {
    let patience = sd_notify::watchdog_enabled();
    // Thrice in an interval, so that one late look costs nothing.
    let every = patience.map_or(EVERY, |interval| interval / 3);
    loop {
        clock.sleep_until(clock.now().plus(every)).await;
        // All are asked, so that each remembers this look.
        let stuck: Vec<String> = watches
            .iter_mut()
            .filter_map(|watch| (!watch.moves()).then(|| watch.name.clone()))
            .collect();
        if stuck.is_empty() {
            notify(&[sd_notify::NotifyState::Watchdog]);
        } else {
            error!(stages = stuck.join(", "), "stuck for {every:?}; the watchdog is not fed");
        }
    }
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "systemd not told");
    }
}
