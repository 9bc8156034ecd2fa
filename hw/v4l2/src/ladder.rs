//! What is done about a device that delivers nothing, although there is a signal.
//!
//! ```text
//! Well ── silent, or failed ──► Tried(Restart) ──► Tried(Reopen) ──► Tried(Reset) ──► GivenUp ─┐
//!  ▲                                │                   │                 │           │    ▲   │
//!  └── a picture, or no signal ─────┴───────────────────┴─────────────────┴───────────┘    └───┘
//!                                                                          reopened or reset again
//! ```
//!
//! A device that answers and refuses what it is asked for goes the same way without the resets:
//! none mends that, and a reset takes down what else hangs on the same card.
//!
//! Pure: receives the time and what was seen, returns what to do. [`crate::device`] does it.

use std::time::Duration;

use hal::capture::Repair;
use wire::time::Monotonic;

/// A device that delivers nothing for this long is stalled.
pub const SILENCE_MAX: Duration = Duration::from_millis(1_500);
/// A repair has this long to bring a picture: cameras on USB take a second for their first one.
pub const PATIENCE: Duration = Duration::from_millis(2_000);
/// A repair that failed at once is followed by the next one after this.
pub const FAILED_PAUSE: Duration = Duration::from_millis(200);
/// Between two tries on a device that was given up: it may be plugged in again at any time.
pub const AGAIN_AFTER: Duration = Duration::from_millis(1_500);
/// One of so many of these tries is a reset, which may disturb what hangs on the same bus.
const RESET_EVERY: u32 = 20;

/// How a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Pictures come, or none can come because there is no signal.
    Well {
        /// When that was last seen.
        seen: Monotonic,
    },
    /// Pictures should come, and this was done about it.
    Tried {
        /// What.
        repair: Repair,
        /// When.
        at: Monotonic,
    },
    /// Nothing helped.
    GivenUp {
        /// When it was last tried.
        at: Monotonic,
        /// How often since.
        tries: u32,
    },
}

/// What was seen of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A picture.
    Picture,
    /// No signal: nobody can expect a picture.
    NoSignal,
    /// Nothing, although there may be a signal.
    Silence {
        /// When a picture last came, or could begin to.
        since: Monotonic,
    },
    /// An error, or the device is not there.
    Failure,
    /// The device answers, and refuses what it is asked for: no reset mends that.
    Refused,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing yet.
    Wait,
    /// This.
    Do(Repair),
    /// Tell everybody, and wait.
    GiveUp,
}

/// The next state, and what to do.
pub fn step(state: State, now: Monotonic, seen: Seen) -> (State, Act) {
    use State::{GivenUp, Tried, Well};
    let passed = |since: Monotonic, least: Duration| now.since(since) >= least;
    let patience = match seen {
        Seen::Failure | Seen::Refused => FAILED_PAUSE,
        Seen::Picture | Seen::NoSignal | Seen::Silence { .. } => PATIENCE,
    };
    match (state, seen) {
        (Well { .. } | Tried { .. } | GivenUp { .. }, Seen::Picture | Seen::NoSignal) => {
            (Well { seen: now }, Act::Wait)
        }
        (Well { .. }, Seen::Failure | Seen::Refused) => tried(Repair::Restart, now),
        (Well { seen }, Seen::Silence { .. }) if passed(seen, SILENCE_MAX) => {
            tried(Repair::Restart, now)
        }
        (Well { .. }, Seen::Silence { .. }) => (state, Act::Wait),
        (Tried { repair, at }, Seen::Silence { .. } | Seen::Failure | Seen::Refused)
            if passed(at, patience) =>
        {
            match repair {
                Repair::Restart => tried(Repair::Reopen, now),
                Repair::Reopen if seen != Seen::Refused => tried(Repair::Reset, now),
                Repair::Reopen | Repair::Reset => (GivenUp { at: now, tries: 0 }, Act::GiveUp),
            }
        }
        (Tried { .. }, Seen::Silence { .. } | Seen::Failure | Seen::Refused) => (state, Act::Wait),
        // One that is open again has as long for its first picture as after any repair.
        (GivenUp { at, .. }, Seen::Silence { since }) if !passed(at.max(since), PATIENCE) => {
            (state, Act::Wait)
        }
        (GivenUp { at, tries }, Seen::Refused) if passed(at, AGAIN_AFTER) => {
            (GivenUp { at: now, tries }, Act::Do(Repair::Reopen))
        }
        (GivenUp { at, tries }, Seen::Silence { .. } | Seen::Failure)
            if passed(at, AGAIN_AFTER) =>
        {
            let tries = tries.saturating_add(1);
            let resets = tries.is_multiple_of(RESET_EVERY);
            let repair = if resets { Repair::Reset } else { Repair::Reopen };
            (GivenUp { at: now, tries }, Act::Do(repair))
        }
        (GivenUp { .. }, Seen::Silence { .. } | Seen::Failure | Seen::Refused) => {
            (state, Act::Wait)
        }
    }
}

fn tried(repair: Repair, at: Monotonic) -> (State, Act) {
    (State::Tried { repair, at }, Act::Do(repair))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Act::{Do, GiveUp, Wait};
    use Repair::{Reopen, Reset, Restart};
    use State::{GivenUp, Tried, Well};

    /// Since long ago.
    const SILENT: Seen = Seen::Silence { since: Monotonic(0) };

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_millis(ms)
    }

    #[test]
    fn every_state_answers_every_sight() {
        let well = Well { seen: at(0) };
        let tried = |repair| Tried { repair, at: at(0) };
        let lost = GivenUp { at: at(0), tries: 0 };
        let table = [
            // A picture, or the lack of a signal, heals everything.
            (well, 5_000, Seen::Picture, Well { seen: at(5_000) }, Wait),
            (well, 5_000, Seen::NoSignal, Well { seen: at(5_000) }, Wait),
            (tried(Restart), 100, Seen::Picture, Well { seen: at(100) }, Wait),
            (tried(Reset), 100, Seen::NoSignal, Well { seen: at(100) }, Wait),
            (lost, 100, Seen::Picture, Well { seen: at(100) }, Wait),
            (lost, 100, Seen::NoSignal, Well { seen: at(100) }, Wait),
            // A device is silent for a moment, and is not disturbed.
            (well, 1_499, SILENT, well, Wait),
            (well, 1_500, SILENT, Tried { repair: Restart, at: at(1_500) }, Do(Restart)),
            (well, 1, Seen::Failure, Tried { repair: Restart, at: at(1) }, Do(Restart)),
            // A repair has its time, less of it if it failed at once.
            (tried(Restart), 1_999, SILENT, tried(Restart), Wait),
            (tried(Restart), 199, Seen::Failure, tried(Restart), Wait),
            (tried(Restart), 200, Seen::Failure, Tried { repair: Reopen, at: at(200) }, Do(Reopen)),
            (tried(Restart), 2_000, SILENT, Tried { repair: Reopen, at: at(2_000) }, Do(Reopen)),
            (tried(Reopen), 2_000, SILENT, Tried { repair: Reset, at: at(2_000) }, Do(Reset)),
            (tried(Reset), 1_999, SILENT, tried(Reset), Wait),
            (tried(Reset), 2_000, SILENT, GivenUp { at: at(2_000), tries: 0 }, GiveUp),
            // Given up is tried again and again, and not told again.
            (lost, 1_499, Seen::Failure, lost, Wait),
            (lost, 1_500, Seen::Failure, GivenUp { at: at(1_500), tries: 1 }, Do(Reopen)),
            (lost, 1_999, SILENT, lost, Wait),
            (lost, 2_000, SILENT, GivenUp { at: at(2_000), tries: 1 }, Do(Reopen)),
            // It was opened again at one second, and has its time for the first picture.
            (lost, 2_999, Seen::Silence { since: at(1_000) }, lost, Wait),
            (
                lost,
                3_000,
                Seen::Silence { since: at(1_000) },
                GivenUp { at: at(3_000), tries: 1 },
                Do(Reopen),
            ),
        ];
        for (state, ms, seen, next, act) in table {
            assert_eq!(step(state, at(ms), seen), (next, act), "{state:?}, {ms} ms, {seen:?}");
        }
    }

    #[test]
    fn a_dead_device_is_given_up_once_and_tried_for_ever_with_a_reset_now_and_then() {
        let (mut state, mut acts) = (Well { seen: at(0) }, Vec::new());
        for ms in (0..120_000).step_by(100) {
            let (next, act) = step(state, at(ms), Seen::Failure);
            state = next;
            if act != Wait {
                acts.push(act);
            }
        }
        assert_eq!(acts[..5], [Do(Restart), Do(Reopen), Do(Reset), GiveUp, Do(Reopen)]);
        let later = &acts[4..];
        assert!(!later.contains(&GiveUp), "{acts:?}");
        assert_eq!(later.iter().filter(|act| **act == Do(Reset)).count(), 3, "{acts:?}");
        assert_eq!(later.len(), 79, "one each 1.5 s");
    }

    #[test]
    fn a_device_that_refuses_is_given_up_and_never_reset() {
        let (mut state, mut acts) = (Well { seen: at(0) }, Vec::new());
        for ms in (0..120_000).step_by(100) {
            let (next, act) = step(state, at(ms), Seen::Refused);
            state = next;
            if act != Wait {
                acts.push(act);
            }
        }
        assert_eq!(acts[..4], [Do(Restart), Do(Reopen), GiveUp, Do(Reopen)]);
        assert!(acts[3..].iter().all(|act| *act == Do(Reopen)), "{acts:?}");
        assert_eq!(acts[3..].len(), 79, "one each 1.5 s");
        // What a reset was tried for before is another matter.
        let reset = Tried { repair: Reset, at: at(0) };
        assert_eq!(step(reset, at(200), Seen::Refused).1, GiveUp);
    }

    #[test]
    fn a_device_that_delivers_now_and_then_is_not_given_up() {
        let mut state = Well { seen: at(0) };
        for round in 0..100 {
            for ms in (100..=1_400).step_by(100) {
                let (next, act) = step(state, at(round * 1_500 + ms), SILENT);
                assert_eq!(act, Wait);
                state = next;
            }
            (state, _) = step(state, at(round * 1_500 + 1_490), Seen::Picture);
        }
    }
}
