//! How often the box tells its counters: every two seconds while something happens, and otherwise
//! so seldom that a month of it stays below a few megabytes, however large the message is.

use std::time::Duration;

use wire::time::Monotonic;

use crate::uplink::Tempo;

/// While something happens.
pub const EVERY: Duration = Duration::from_secs(2);
/// After the last time that something happened.
const LINGER: Duration = Duration::from_secs(10);
/// And so long the connection stays as watchful as in a game: a camera that is moved is no end of it.
const WATCHFUL: Duration = Duration::from_secs(5 * 60);
/// What idle telemetry may cost: 3.4 MB in 30 days, so that connections and births find room in 5.
const BYTES_PER_DAY: u64 = 113_000;
const DAY_US: u64 = 86_400 * 1_000_000;

/// When the next message is due.
#[derive(Debug)]
pub struct Cadence {
    happened: Monotonic,
    next_idle: Monotonic,
}

impl Cadence {
    /// The first message is due at once.
    pub const fn new(now: Monotonic) -> Self {
        Self { happened: now, next_idle: now }
    }

    /// Whether a message is due, as something happened since the last call or not. On a line that
    /// may carry no more, whatever happens is told as seldom as if nothing did.
    pub fn is_due(&mut self, now: Monotonic, happened: Happened, line: Line) -> bool {
        if happened == Happened::Something {
            self.happened = now;
        }
        let is_lively = now.since(self.happened) <= LINGER && line == Line::Free;
        is_lively || self.next_idle <= now
    }

    /// A message of so many bytes was sent.
    pub const fn handle_sent(&mut self, now: Monotonic, bytes: usize) {
        let wait = Duration::from_micros(bytes as u64 * (DAY_US / BYTES_PER_DAY));
        self.next_idle = now.plus(wait);
    }

    /// How watchful connections have to be.
    pub fn tempo(&self, now: Monotonic) -> Tempo {
        if now.since(self.happened) < WATCHFUL { Tempo::Live } else { Tempo::Idle }
    }
}

/// Whether anything changed that somebody may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Nothing did.
    Nothing,
    /// Something did.
    Something,
}

/// What the line may carry of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// As much as there is.
    Free,
    /// The day's bytes are used up.
    Spent,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two seconds each, as the box asks.
    fn messages(cadence: &mut Cadence, from: u64, to: u64, happened: Happened) -> usize {
        let steps = (from..to).step_by(2).map(|second| Monotonic::from_millis(second * 1_000));
        let due = |now: Monotonic| {
            let due = cadence.is_due(now, happened, Line::Free);
            if due {
                cadence.handle_sent(now, 4_000);
            }
            due
        };
        steps.map(due).filter(|due| *due).count()
    }

    #[test]
    fn every_two_seconds_while_something_happens_and_a_little_longer() {
        let mut cadence = Cadence::new(Monotonic(0));
        assert_eq!(messages(&mut cadence, 2, 102, Happened::Something), 50);
        assert_eq!(messages(&mut cadence, 102, 202, Happened::Nothing), 5);
        assert_eq!(messages(&mut cadence, 202, 212, Happened::Something), 5);
    }

    #[test]
    fn month_without_a_game_costs_less_than_five_megabytes() {
        let mut cadence = Cadence::new(Monotonic(0));
        let month = messages(&mut cadence, 2, 30 * 86_400, Happened::Nothing);
        assert!((600..=1_100).contains(&month), "{month} messages of 4 kB");
    }

    #[test]
    fn game_on_a_line_that_may_carry_no_more_is_told_as_seldom_as_silence_and_stays_watched() {
        let mut cadence = Cadence::new(Monotonic(0));
        let at = |second: u64| Monotonic::from_millis(second * 1_000);
        let mut due = 0;
        for second in (2..7_200).step_by(2) {
            if cadence.is_due(at(second), Happened::Something, Line::Spent) {
                cadence.handle_sent(at(second), 4_000);
                due += 1;
            }
            assert_eq!(cadence.tempo(at(second)), Tempo::Live);
        }
        assert!((2..=4).contains(&due), "{due} messages in two hours");
        assert!(cadence.is_due(at(7_200), Happened::Something, Line::Free));
    }

    #[test]
    fn connection_is_watchful_through_a_break() {
        let mut cadence = Cadence::new(Monotonic(0));
        cadence.is_due(Monotonic::from_millis(1_000), Happened::Something, Line::Free);
        assert_eq!(cadence.tempo(Monotonic::from_millis(300_000)), Tempo::Live);
        assert_eq!(cadence.tempo(Monotonic::from_millis(302_000)), Tempo::Idle);
    }
}
