//! A line to the broker: one connection after the other, with growing waits in between.
//!
//! ```text
//! Down ──open()──► Trying ──come_up()──► Up
//!   ▲                │                   │
//!   └───── fail() ───┴───────────────────┘
//! ```

use std::time::Duration;

use mqtt::{Connection, Endpoint, Event, Session};
use outbox::{Backoff, Delays};
use wire::time::Monotonic;

/// A connection that lasted less does not count as a success: two boxes with one name throw each
/// other out, and must not do so without a pause.
const STABLE: Duration = Duration::from_secs(10);
pub(super) const RECONNECT: Delays =
    Delays { first: Duration::from_millis(250), longest: Duration::from_secs(18) };

enum State<T> {
    Down { retry_at: Monotonic },
    Trying(Connection<T>),
    Up { connection: Connection<T>, since: Monotonic },
}

pub(super) struct Line<T> {
    endpoint: Endpoint,
    state: State<T>,
    backoff: Backoff,
}

impl<T> Line<T> {
    /// A line that may be opened at `now`.
    pub(super) fn new(endpoint: Endpoint, now: Monotonic, seed: u64) -> Self {
        let backoff = Backoff::new(RECONNECT, seed);
        Self { endpoint, state: State::Down { retry_at: now }, backoff }
    }

    /// When it should be opened; `None` while it is open.
    pub(super) fn retry_at(&self) -> Option<Monotonic> {
        match self.state {
            State::Down { retry_at } => Some(retry_at),
            State::Trying(_) | State::Up { .. } => None,
        }
    }

    pub(super) fn open(&mut self, session: Session) {
        self.state = State::Trying(Connection::open(&self.endpoint, session));
    }

    pub(super) fn come_up(&mut self, now: Monotonic) {
        let state = std::mem::replace(&mut self.state, State::Down { retry_at: now });
        self.state = match state {
            State::Trying(connection) => State::Up { connection, since: now },
            State::Down { .. } | State::Up { .. } => state,
        };
    }

    pub(super) fn up(&mut self) -> Option<&mut Connection<T>> {
        match &mut self.state {
            State::Up { connection, .. } => Some(connection),
            State::Down { .. } | State::Trying(_) => None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// The connection is over. Dropping it closes its socket, so that nothing of it remains.
    pub(super) fn fail(&mut self, now: Monotonic, reason: &str) {
        if let State::Up { since, .. } = self.state
            && now.since(since) >= STABLE
        {
            self.backoff.succeed();
        }
        let wait = self.backoff.fail();
        let retry_ms = wait.as_millis() as u64;
        tracing::warn!(endpoint = %self.endpoint, reason, retry_ms, "no connection");
        self.state = State::Down { retry_at: now.plus(wait) };
    }

    /// The next event; never, without a connection. Cancel-safe.
    pub(super) async fn next(&mut self) -> Event<T> {
        match &mut self.state {
            State::Trying(connection) | State::Up { connection, .. } => connection.next().await,
            State::Down { .. } => std::future::pending().await,
        }
    }

    /// Says goodbye, and may be opened again at once.
    pub(super) async fn hang_up(&mut self, now: Monotonic, within: Duration) {
        match std::mem::replace(&mut self.state, State::Down { retry_at: now }) {
            State::Up { connection, .. } => connection.close(within).await,
            State::Down { .. } | State::Trying(_) => {}
        }
    }

    /// Says goodbye, if there is anybody to say it to.
    pub(super) async fn close(self, within: Duration) {
        match self.state {
            State::Up { connection, .. } => connection.close(within).await,
            State::Down { .. } | State::Trying(_) => {}
        }
    }
}
