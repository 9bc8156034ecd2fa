//! The desk of one port: which connection feeds which source, and the answers to those who ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hal::Clock;
use ingest::registry::{ConnectionId, Effect, RefuseReason, Registry};
use ingest::rtmp::StreamKey;
use pipeline::feeder::Feeder;
use tokio::sync::{OwnedMutexGuard, mpsc};
use wire::ids::Name;

use super::{Outlet, Stream, Tell};
use crate::clock::SystemClock;

/// What the desk tells a connection.
pub(super) enum Word {
    /// Publish; the seat is the connection's until it drops it.
    Accept(Seat),
    /// Go away.
    Refuse(RefuseReason),
    /// Another publisher has the source now.
    TakenOver,
}

/// Words that wait for one connection: an answer and a take-over at most.
const WORDS_MAX: usize = 2;

/// A source as its publisher sees it.
pub(super) struct Seat {
    pub(super) feeder: OwnedMutexGuard<Feeder<SystemClock>>,
    pub(super) idle_max: std::time::Duration,
    pub(super) tell: Tell,
}

struct Place {
    feeder: Arc<tokio::sync::Mutex<Feeder<SystemClock>>>,
    idle_max: std::time::Duration,
    tell: Tell,
}

/// See the module.
pub(super) struct Desk {
    pub(super) clock: Arc<SystemClock>,
    registry: Mutex<Registry>,
    places: HashMap<Name, Place>,
    waiting: Mutex<HashMap<ConnectionId, mpsc::Sender<Word>>>,
}

impl Desk {
    pub(super) fn new(clock: Arc<SystemClock>, registry: Registry, streams: Vec<Stream>) -> Self {
        let place = |stream: Stream| {
            let Stream { idle_max, outlet: Outlet { source, feeder, tell, .. }, .. } = stream;
            let feeder = Arc::new(tokio::sync::Mutex::new(feeder));
            (source, Place { feeder, idle_max, tell })
        };
        Self {
            clock,
            registry: Mutex::new(registry),
            places: streams.into_iter().map(place).collect(),
            waiting: Mutex::default(),
        }
    }

    /// A connection registers before it may ask, and hears the desk's words through the receiver.
    pub(super) fn enter(&self, id: ConnectionId) -> mpsc::Receiver<Word> {
        let (sender, receiver) = mpsc::channel(WORDS_MAX);
        locked(&self.waiting).insert(id, sender);
        receiver
    }

    /// A connection asks to publish; the answer comes as a [`Word`], perhaps a second later.
    pub(super) fn ask(&self, id: ConnectionId, app: &str, key: &StreamKey) {
        let now = self.clock.now();
        locked(&self.registry).handle_request(now, id, (app, key));
        self.settle();
    }

    /// A publisher's media arrived.
    pub(super) fn heard(&self, id: ConnectionId) {
        let effect = {
            let mut registry = locked(&self.registry);
            registry.handle_media(self.clock.now(), id);
            registry.next_effect()
        };
        // With nearly every message there is none.
        if let Some(effect) = effect {
            self.act(effect);
            self.settle();
        }
    }

    /// A connection is gone.
    pub(super) fn leave(&self, id: ConnectionId) {
        locked(&self.waiting).remove(&id);
        locked(&self.registry).handle_gone(self.clock.now(), id);
        self.settle();
    }

    /// Waits for the registry's next deadline and acts on it; one connection that waits for an
    /// answer does this for all.
    pub(super) async fn wait_turn(&self) {
        let deadline = locked(&self.registry).deadline();
        match deadline {
            Some(at) => {
                self.clock.sleep_until(at).await;
                locked(&self.registry).handle_deadline(self.clock.now());
                self.settle();
            }
            // Nobody's turn can come: whoever asked has its answer already.
            None => std::future::pending().await,
        }
    }

    /// Shuts down every source, once its publisher has let go of it.
    pub(super) async fn shut_down(&self) {
        for place in self.places.values() {
            place.feeder.lock().await.shut_down().await;
        }
    }

    fn settle(&self) {
        while let Some(effect) = { locked(&self.registry).next_effect() } {
            self.act(effect);
        }
    }

    fn act(&self, effect: Effect) {
        match effect {
            Effect::Accept { connection, source } => {
                let Some(place) = self.places.get(&source) else { return };
                let Some(sender) = self.sender(connection) else { return };
                let (idle_max, tell) = (place.idle_max, Arc::clone(&place.tell));
                let feeder = Arc::clone(&place.feeder);
                // Not here: the older publisher may still hold the feeder for a moment.
                tokio::spawn(async move {
                    let feeder = feeder.lock_owned().await;
                    // Gone meanwhile: the guard is dropped with the word.
                    let _ = sender.send(Word::Accept(Seat { feeder, idle_max, tell })).await;
                });
            }
            Effect::Refuse { connection, reason } => {
                if let Some(sender) = self.sender(connection) {
                    let _ = sender.try_send(Word::Refuse(reason));
                }
            }
            Effect::TakenOver { connection } => {
                if let Some(sender) = self.sender(connection) {
                    let _ = sender.try_send(Word::TakenOver);
                }
            }
        }
    }

    fn sender(&self, id: ConnectionId) -> Option<mpsc::Sender<Word>> {
        locked(&self.waiting).get(&id).cloned()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
