//! Who may publish: streams known by application and key, one publisher each.
//!
//! A newcomer with the right key takes a stream over from a publisher that is silent. While the
//! older one is not known to be silent, the newcomer waits: if media of the older one arrives,
//! the newcomer is refused; if none arrives for [`TAKEOVER_SILENCE`], it takes over. So a camera
//! that lost its link comes back at once, and two encoders with the same key do not push each
//! other out in turns.
//!
//! Pure policy: the shell reports what happens on connections and carries out the effects.
//!
//! ```text
//! free ──request──► held ──silent, request──► held by the newcomer (the older one: TakenOver)
//!                    │ ▲
//!            request │ │ media of the holder (the newcomer: Busy)
//!                    ▼ │
//!                 contended ──silence──► held by the newcomer (the older one: TakenOver)
//! ```

use core::hint::black_box;
use core::time::Duration;
use std::collections::VecDeque;

use wire::ids::Name;
use wire::time::Monotonic;

use crate::rtmp::StreamKey;

/// A publisher that has sent no media for this long has lost its stream to whoever asks next.
/// Encoders send audio and video at least every 50 ms; a second of silence is a dead link.
pub const TAKEOVER_SILENCE: Duration = Duration::from_secs(1);

/// A connection, numbered by the shell; a number is not used again while it is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// A stream that may be published.
#[derive(Clone, Debug)]
pub struct Route {
    /// The source that it feeds.
    pub source: Name,
    /// Application of the URL.
    pub app: String,
    /// Stream key.
    pub key: StreamKey,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Accept this connection as the publisher of `source`.
    Accept {
        /// The newcomer.
        connection: ConnectionId,
        /// What it feeds.
        source: Name,
    },
    /// Turn this connection away and log the reason.
    Refuse {
        /// The newcomer.
        connection: ConnectionId,
        /// For the log; the peer only hears that the name is bad.
        reason: RefuseReason,
    },
    /// End this publisher with [`EndReason::TakenOver`](crate::rtmp::EndReason::TakenOver).
    TakenOver {
        /// The older publisher.
        connection: ConnectionId,
    },
}

/// Why a publisher is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefuseReason {
    /// No source with this application.
    #[error("no source is configured for this application; check the path of the encoder's URL")]
    UnknownApp,
    /// The application exists, the key does not belong to it.
    #[error("wrong stream key; check the key of the encoder against the source's `key`")]
    WrongKey,
    /// Somebody else is publishing and alive.
    #[error(
        "another publisher is live on this source; stop it first, or give this one its own key"
    )]
    Busy,
}

/// Streams and their publishers.
#[derive(Debug)]
pub struct Registry {
    streams: Vec<Stream>,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
struct Stream {
    route: Route,
    holding: Holding,
}

#[derive(Clone, Copy, Debug)]
enum Holding {
    Free,
    Held { holder: ConnectionId, heard: Monotonic },
    Contended { holder: ConnectionId, heard: Monotonic, newcomer: ConnectionId },
}

impl Registry {
    /// A registry of streams that nobody publishes yet.
    pub fn new(routes: Vec<Route>) -> Self {
        let stream = |route| Stream { route, holding: Holding::Free };
        Self { streams: routes.into_iter().map(stream).collect(), effects: VecDeque::new() }
    }

    /// `connection` asks to publish. The answer is among the effects, at once or later.
    pub fn handle_request(
        &mut self,
        now: Monotonic,
        connection: ConnectionId,
        asked: (&str, &StreamKey),
    ) {
        let Some(index) = self.lookup(asked.0, asked.1) else {
            let known = self.streams.iter().any(|stream| stream.route.app == asked.0);
            let reason = if known { RefuseReason::WrongKey } else { RefuseReason::UnknownApp };
            self.effects.push_back(Effect::Refuse { connection, reason });
            return;
        };
        self.streams[index].holding = match self.streams[index].holding {
            Holding::Free => self.accept(now, index, connection),
            Holding::Held { holder, heard } => {
                Holding::Contended { holder, heard, newcomer: connection }
            }
            Holding::Contended { holder, heard, newcomer } => {
                // The later newcomer is the one whose connection is certainly alive.
                self.refuse_busy(newcomer);
                Holding::Contended { holder, heard, newcomer: connection }
            }
        };
        self.handle_deadline(now);
    }

    /// Media of `connection` arrived.
    pub fn handle_media(&mut self, now: Monotonic, connection: ConnectionId) {
        for index in 0..self.streams.len() {
            match self.streams[index].holding {
                Holding::Held { holder, .. } if holder == connection => {
                    self.streams[index].holding = Holding::Held { holder, heard: now };
                }
                Holding::Contended { holder, newcomer, .. } if holder == connection => {
                    self.refuse_busy(newcomer);
                    self.streams[index].holding = Holding::Held { holder, heard: now };
                }
                Holding::Free | Holding::Held { .. } | Holding::Contended { .. } => {}
            }
        }
    }

    /// `connection` is gone, for whatever reason. Unknown connections are ignored.
    pub fn handle_gone(&mut self, now: Monotonic, connection: ConnectionId) {
        for index in 0..self.streams.len() {
            self.streams[index].holding = match self.streams[index].holding {
                Holding::Held { holder, .. } if holder == connection => Holding::Free,
                Holding::Contended { holder, newcomer, .. } if holder == connection => {
                    self.accept(now, index, newcomer)
                }
                Holding::Contended { holder, heard, newcomer } if newcomer == connection => {
                    Holding::Held { holder, heard }
                }
                other @ (Holding::Free | Holding::Held { .. } | Holding::Contended { .. }) => other,
            };
        }
    }

    /// Hands streams over whose holders have been silent for long enough at `now`.
    pub fn handle_deadline(&mut self, now: Monotonic) {
        for index in 0..self.streams.len() {
            if let Holding::Contended { holder, heard, newcomer } = self.streams[index].holding
                && heard.plus(TAKEOVER_SILENCE) <= now
            {
                self.effects.push_back(Effect::TakenOver { connection: holder });
                self.streams[index].holding = self.accept(now, index, newcomer);
            }
        }
    }

    /// When [`handle_deadline`](Self::handle_deadline) is due.
    pub fn deadline(&self) -> Option<Monotonic> {
        let due = |stream: &Stream| match stream.holding {
            Holding::Contended { heard, .. } => Some(heard.plus(TAKEOVER_SILENCE)),
            Holding::Free | Holding::Held { .. } => None,
        };
        self.streams.iter().filter_map(due).min()
    }

    /// The next thing to do.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn accept(&mut self, now: Monotonic, index: usize, connection: ConnectionId) -> Holding {
        let source = self.streams[index].route.source.clone();
        self.effects.push_back(Effect::Accept { connection, source });
        Holding::Held { holder: connection, heard: now }
    }

    fn refuse_busy(&mut self, connection: ConnectionId) {
        self.effects.push_back(Effect::Refuse { connection, reason: RefuseReason::Busy });
    }

    /// Compares with every stream and every byte, so that the time taken tells nothing about
    /// how much of a key was right.
    fn lookup(&self, app: &str, key: &StreamKey) -> Option<usize> {
        let mut found = None;
        for (index, stream) in self.streams.iter().enumerate() {
            let key_fits = same(stream.route.key.expose().as_bytes(), key.expose().as_bytes());
            if key_fits & (stream.route.app == app) {
                found = Some(index);
            }
        }
        found
    }
}

/// Constant time for a given pair of lengths.
fn same(expected: &[u8], given: &[u8]) -> bool {
    let mut difference = expected.len() ^ given.len();
    for (index, byte) in given.iter().enumerate() {
        let other = expected.get(index).copied().unwrap_or(!byte);
        difference |= usize::from(black_box(byte ^ other));
    }
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnectionId = ConnectionId(1);
    const B: ConnectionId = ConnectionId(2);
    const C: ConnectionId = ConnectionId(3);

    fn registry() -> Registry {
        let route = |source: &str, app: &str, key: &str| Route {
            source: source.parse().unwrap(),
            app: app.to_owned(),
            key: StreamKey::new(key),
        };
        Registry::new(vec![route("court-1", "live", "secret"), route("court-2", "live", "other")])
    }

    fn ask(registry: &mut Registry, at: u64, connection: ConnectionId) -> Vec<Effect> {
        registry.handle_request(ms(at), connection, ("live", &StreamKey::new("secret")));
        effects(registry)
    }

    fn effects(registry: &mut Registry) -> Vec<Effect> {
        std::iter::from_fn(|| registry.next_effect()).collect()
    }

    fn ms(at: u64) -> Monotonic {
        Monotonic::from_millis(at)
    }

    fn accept(connection: ConnectionId) -> Effect {
        Effect::Accept { connection, source: "court-1".parse().unwrap() }
    }

    fn refuse(connection: ConnectionId, reason: RefuseReason) -> Effect {
        Effect::Refuse { connection, reason }
    }

    #[test]
    fn only_the_right_application_with_the_right_key_is_accepted() {
        let cases = [
            ("live", "secret", accept(A)),
            ("live", "secre", refuse(A, RefuseReason::WrongKey)),
            ("live", "secret ", refuse(A, RefuseReason::WrongKey)),
            ("live", "", refuse(A, RefuseReason::WrongKey)),
            ("Live", "secret", refuse(A, RefuseReason::UnknownApp)),
            ("", "secret", refuse(A, RefuseReason::UnknownApp)),
        ];
        for (app, key, effect) in cases {
            let mut registry = registry();
            registry.handle_request(ms(0), A, (app, &StreamKey::new(key)));
            assert_eq!(effects(&mut registry), [effect], "{app} {key}");
        }
    }

    #[test]
    fn two_sources_of_one_application_are_told_apart_by_their_keys() {
        let mut registry = registry();
        assert_eq!(ask(&mut registry, 0, A), [accept(A)]);
        registry.handle_request(ms(0), B, ("live", &StreamKey::new("other")));
        let source = "court-2".parse().unwrap();
        assert_eq!(effects(&mut registry), [Effect::Accept { connection: B, source }]);
    }

    #[test]
    fn a_silent_publisher_is_replaced_at_once() {
        let mut registry = registry();
        ask(&mut registry, 0, A);
        registry.handle_media(ms(500), A);
        let taken = [Effect::TakenOver { connection: A }, accept(B)];
        assert_eq!(ask(&mut registry, 1500, B), taken);
        // The end of the older connection changes nothing any more.
        registry.handle_gone(ms(1600), A);
        assert_eq!(effects(&mut registry), []);
        assert_eq!(ask(&mut registry, 1700, C), []);
    }

    #[test]
    fn a_newcomer_waits_until_the_older_publisher_is_known_to_be_silent() {
        let mut registry = registry();
        ask(&mut registry, 0, A);
        registry.handle_media(ms(500), A);
        assert_eq!(ask(&mut registry, 900, B), []);
        assert_eq!(registry.deadline(), Some(ms(1500)));
        registry.handle_deadline(ms(1499));
        assert_eq!(effects(&mut registry), []);
        registry.handle_deadline(ms(1500));
        assert_eq!(effects(&mut registry), [Effect::TakenOver { connection: A }, accept(B)]);
        assert_eq!(registry.deadline(), None);
    }

    #[test]
    fn a_live_publisher_stays_and_the_newcomer_is_refused() {
        let mut registry = registry();
        ask(&mut registry, 0, A);
        registry.handle_media(ms(880), A);
        assert_eq!(ask(&mut registry, 900, B), []);
        registry.handle_media(ms(920), A);
        assert_eq!(effects(&mut registry), [refuse(B, RefuseReason::Busy)]);
        assert_eq!(registry.deadline(), None);
    }

    #[test]
    fn a_stream_is_free_again_when_its_publisher_is_gone() {
        let mut registry = registry();
        ask(&mut registry, 0, A);
        ask(&mut registry, 100, B);
        registry.handle_gone(ms(200), A);
        assert_eq!(effects(&mut registry), [accept(B)]);
        registry.handle_gone(ms(300), B);
        assert_eq!(ask(&mut registry, 400, C), [accept(C)]);
    }

    #[test]
    fn of_two_newcomers_the_later_one_waits_on() {
        let mut registry = registry();
        ask(&mut registry, 0, A);
        ask(&mut registry, 100, B);
        assert_eq!(ask(&mut registry, 200, C), [refuse(B, RefuseReason::Busy)]);
        registry.handle_gone(ms(300), B);
        registry.handle_gone(ms(400), C);
        assert_eq!((effects(&mut registry), registry.deadline()), (vec![], None));
    }
}
