//! Connection A: messages out; acknowledgements, file responses and commands in.
//!
//! Carries out what [`outbox::Outbox`] decides. Publishing and storing run side by side: a live
//! message never waits for the disk, and the disk never waits for the network.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use mqtt::{Event, Incoming, PublishError};
use outbox::{Class, Delays, Effect, Item, Key, Limits, Loaded, Outbox};
use tokio::sync::{mpsc, oneshot, watch};
use wire::birth::{Held, Presence};
use wire::ids::{BootId, Seq};
use wire::time::Monotonic;
use wire::topic::{self, Leaf};
use wire::transfer::{Ack, FileResponse};

use super::budget::Budget;
use super::letters::Letter;
use super::line::Line;
use super::{Config, Inbound, Pulse, Stats, Tempo, sleep};
use crate::store::{Opened, Spending, Store, StoreError, StoredMessage, Ticket};

mod asked;
mod birth;
mod farewell;
mod telemetry;

/// Both encodings of a message count, so this is 32 messages.
const WINDOW: u16 = 64;
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Below the five minutes after which many routers forget a silent connection.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(240);
const GOODBYE: Duration = Duration::from_secs(1);
/// Wait before the store is asked again after it was busy.
const STORE_RETRY: Duration = Duration::from_millis(50);
/// Nothing larger than an acknowledgement or a file response comes in.
const PACKET_BYTES_MAX: u32 = 64 * 1024;

const LIMITS: Limits = Limits {
    window: 1,
    backlog_unacked_max: 256,
    resend: Delays { first: Duration::from_secs(4), longest: Duration::from_secs(60) },
    puback_timeout: Duration::from_secs(10),
};

/// The messenger's ends of links.
pub(super) struct Links {
    pub(super) inbox: mpsc::Receiver<Inbound>,
    pub(super) tempo: watch::Receiver<Tempo>,
    /// Link: messenger → courier. DROP: an upload asks again.
    pub(super) responses: mpsc::Sender<FileResponse>,
    pub(super) stats: Stats,
    pub(super) pulse: watch::Sender<Pulse>,
}

struct Drain {
    until: Monotonic,
    reply: oneshot::Sender<u64>,
}

pub(super) struct Messenger<C> {
    config: Arc<Config>,
    clock: Arc<C>,
    store: Store,
    boot: BootId,
    links: Links,
    outbox: Outbox,
    /// Letters of every key on the outbox's shelves, and a few more.
    letters: BTreeMap<Key, Letter>,
    /// Put into the outbox, but not taken by the store yet; in order.
    unstored: VecDeque<Key>,
    store_retry: Option<Monotonic>,
    persisted: watch::Receiver<Seq>,
    load: Option<(Loaded, Ticket<Vec<StoredMessage>>)>,
    birth: Option<Ticket<Vec<Held>>>,
    line: Line<Key>,
    /// Of the connection that is up or tried.
    tempo: Tempo,
    /// What the broker has not answered.
    half: HashMap<Key, Half>,
    drain: Option<Drain>,
    /// Bytes of telemetry a day.
    budget: Budget,
}

/// A message of which the broker has not answered every encoding.
struct Half {
    left: usize,
    /// Of an event that goes for the first time: when it went.
    event_at: Option<Monotonic>,
}

/// What woke the task.
enum Woken {
    Inbound(Option<Inbound>),
    Connection(Event<Key>),
    Persisted,
    Loaded(Result<Vec<StoredMessage>, StoreError>),
    Held(Result<Vec<Held>, StoreError>),
    Tempo,
    Deadline,
}

impl<C: Clock> Messenger<C> {
    pub(super) fn new(
        config: Arc<Config>,
        opened: &Opened,
        (clock, links): (Arc<C>, Links),
    ) -> Self {
        let first = |held: &Held| Key { boot: held.boot, seq: held.from_seq };
        let held: Vec<Key> = opened.held.iter().map(first).collect();
        Self {
            store: opened.store.clone(),
            boot: opened.boot,
            links,
            outbox: Outbox::new(opened.boot, LIMITS, &held),
            letters: BTreeMap::new(),
            unstored: VecDeque::new(),
            store_retry: None,
            persisted: opened.store.persisted(),
            load: None,
            birth: None,
            line: Line::new(config.endpoint.clone(), clock.now(), u64::from(opened.boot.0)),
            tempo: Tempo::Live,
            half: HashMap::new(),
            drain: None,
            budget: Budget::new(opened, Spending::Telemetry, config.day_bytes_max.telemetry),
            config,
            clock,
        }
    }

    /// Runs until it was drained.
    pub(super) async fn run(mut self) {
        loop {
            let now = self.clock.now();
            self.keep_tempo(now).await;
            self.act(now);
            if self.is_drained(now) {
                return self.finish().await;
            }
            let woken = self.wait().await;
            self.handle(woken);
            self.tell_stats();
        }
    }

    async fn wait(&mut self) -> Woken {
        let deadline = self.deadline();
        let takes = self.outbox.has_room() && self.drain.is_none();
        let Self { clock, links, line, persisted, load, birth, .. } = self;
        tokio::select! {
            inbound = links.inbox.recv(), if takes => Woken::Inbound(inbound),
            event = line.next() => Woken::Connection(event),
            Ok(()) = persisted.changed() => Woken::Persisted,
            loaded = outcome(load.as_mut().map(|(_, ticket)| ticket)) => Woken::Loaded(loaded),
            held = outcome(birth.as_mut()) => Woken::Held(held),
            Ok(()) = links.tempo.changed() => Woken::Tempo,
            () = sleep(&**clock, deadline) => Woken::Deadline,
        }
    }

    fn handle(&mut self, woken: Woken) {
        let now = self.clock.now();
        match woken {
            Woken::Inbound(Some(Inbound::Letter(letter))) => self.take(letter),
            Woken::Inbound(Some(Inbound::Telemetry(group, json))) => self.telemetry(&group, json),
            Woken::Inbound(Some(Inbound::Announce)) => self.announce(),
            Woken::Inbound(Some(Inbound::Answer(response))) => self.answer(&response),
            Woken::Inbound(Some(Inbound::Drain(within, reply))) => {
                self.drain = Some(Drain { until: now.plus(within), reply });
            }
            Woken::Connection(event) => self.handle_connection(now, event),
            Woken::Persisted => {
                let upto = *self.persisted.borrow_and_update();
                self.outbox.handle_persisted(upto);
            }
            Woken::Loaded(loaded) => self.handle_loaded(now, loaded),
            Woken::Held(held) => self.publish_birth(held),
            Woken::Inbound(None) | Woken::Tempo | Woken::Deadline => {}
        }
    }

    fn take(&mut self, letter: Letter) {
        let item = Item { key: letter.key, class: letter.class };
        self.outbox.handle_put(item).expect("the inbox is read only while the outbox has room");
        self.unstored.push_back(letter.key);
        self.letters.insert(letter.key, letter);
        self.store_letters();
    }

    /// Hands letters to the store in order; what it does not take now waits.
    fn store_letters(&mut self) {
        self.store_retry = None;
        while let Some(key) = self.unstored.front() {
            let Some(letter) = self.letters.get(key) else {
                // Released by the receiver before the store had it.
                self.unstored.pop_front();
                continue;
            };
            match self.store.put_message(letter.stored()) {
                Ok(()) => {
                    self.unstored.pop_front();
                }
                Err(_busy) => {
                    self.store_retry = Some(self.clock.now().plus(STORE_RETRY));
                    return;
                }
            }
        }
    }

    fn act(&mut self, now: Monotonic) {
        if self.store_retry.is_some_and(|at| at <= now) {
            self.store_letters();
        }
        if self.drain.is_none() && self.line.retry_at().is_some_and(|at| at <= now) {
            self.tempo = *self.links.tempo.borrow();
            self.line.open(self.session());
        }
        while let Some(effect) = self.outbox.next(now) {
            match effect {
                Effect::Send { key, attempt } => self.send(now, key, attempt),
                Effect::Load(range) => match self.store.load(range) {
                    Ok(ticket) => self.load = Some((range, ticket)),
                    Err(_busy) => self.outbox.handle_load_failed(now),
                },
                Effect::Release { boot, upto } => {
                    self.letters.retain(|key, _| key.boot != boot || key.seq > upto);
                    if self.store.release_messages(boot, upto).is_err() {
                        tracing::debug!(
                            boot = boot.0,
                            upto = upto.0,
                            "the store was too busy to forget; messages will be sent again after a restart"
                        );
                    }
                    faults::mark("uplink.ack.after");
                }
                Effect::Announce => self.birth = self.store.held().ok(),
                Effect::Reconnect(reason) => self.go_down(now, &format!("{reason:?}")),
            }
        }
    }

    fn send(&mut self, now: Monotonic, key: Key, attempt: u8) {
        let Some(connection) = self.line.up() else { return };
        let Some(letter) = self.letters.get(&key) else {
            tracing::error!(?key, "a message is not in memory any more; it is loaded again");
            self.outbox.handle_lost(key);
            return;
        };
        if attempt > 1 {
            tracing::debug!(boot = key.boot.0, seq = key.seq.0, attempt, "sent again");
        }
        let mut flying = 0;
        faults::mark("uplink.publish.before");
        for message in letter.messages(&self.config.device) {
            match connection.publish(key, message) {
                Ok(()) => flying += 1,
                Err(error @ PublishError::TooLarge { .. }) => {
                    tracing::error!(%error, boot = key.boot.0, seq = key.seq.0, "not published");
                }
                Err(error @ PublishError::Busy) => tracing::warn!(%error, "not published"),
            }
        }
        faults::mark("uplink.publish.after");
        if flying == 0 {
            // As if the broker had it: the outbox tries again later and less and less often.
            self.outbox.handle_puback(key);
        } else {
            let event_at = (attempt == 1 && letter.class == Class::P0).then_some(now);
            if event_at.is_some() {
                self.links.pulse.send_modify(|pulse| pulse.sent = event_at);
            }
            self.half.insert(key, Half { left: flying, event_at });
        }
    }

    fn handle_answered(&mut self, now: Monotonic, key: Key) {
        let Some(half) = self.half.get_mut(&key) else { return };
        half.left = half.left.saturating_sub(1);
        if half.left > 0 {
            return;
        }
        if let Some(at) = half.event_at {
            let took = now.since(at);
            self.links.pulse.send_modify(|pulse| pulse.answered = Some((now, took)));
            self.links.stats.update(|stats| stats.event_round_trip = Some(took));
        }
        self.half.remove(&key);
        self.outbox.handle_puback(key);
    }

    fn handle_connection(&mut self, now: Monotonic, event: Event<Key>) {
        match event {
            Event::Up(limits) => self.come_up(now, limits),
            Event::Answered(key, verdict) => {
                if let mqtt::Verdict::Refused(reason) = verdict {
                    tracing::warn!(
                        boot = key.boot.0,
                        seq = key.seq.0,
                        reason,
                        "the broker refused a message; it is sent again later"
                    );
                }
                self.handle_answered(now, key);
            }
            Event::Message(message) => self.handle_message(now, &message),
            Event::Down(reason) => self.go_down(now, &reason),
        }
    }

    fn come_up(&mut self, now: Monotonic, limits: mqtt::Limits) {
        tracing::info!(endpoint = %self.config.endpoint, window = limits.window, "connected");
        self.line.come_up(now);
        self.tell_presence(Presence::Ready);
        self.outbox.handle_connected(limits.window / 2);
        self.birth = self.store.held().ok();
    }

    fn go_down(&mut self, now: Monotonic, reason: &str) {
        self.line.fail(now, reason);
        self.half.clear();
        self.outbox.handle_disconnected();
    }

    fn handle_message(&mut self, now: Monotonic, message: &Incoming) {
        let Some((device, leaf)) = topic::parse(message.topic()) else { return };
        if device != self.config.device {
            return;
        }
        match leaf {
            Leaf::Ack => match serde_json::from_slice::<Ack>(message.payload()) {
                Ok(ack) => {
                    faults::mark("uplink.ack.before");
                    self.outbox.handle_ack(now, ack.boot, ack.upto_seq);
                }
                Err(error) => tracing::warn!(%error, "an acknowledgement cannot be read"),
            },
            Leaf::FileResponse => match serde_json::from_slice::<FileResponse>(message.payload()) {
                // The courier's queue is full when it is behind; it asks again then.
                Ok(response) => drop(self.links.responses.try_send(response)),
                Err(error) => tracing::warn!(%error, "a file response cannot be read"),
            },
            Leaf::Command(verb) => self.ask(verb, message),
            Leaf::State
            | Leaf::Info
            | Leaf::Event(_)
            | Leaf::File(..)
            | Leaf::CommandResponse
            | Leaf::Enrol
            | Leaf::EnrolResponse => {}
        }
    }

    fn handle_loaded(&mut self, now: Monotonic, loaded: Result<Vec<StoredMessage>, StoreError>) {
        let Some((range, _)) = self.load.take() else { return };
        let stored = match loaded {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(%error, "stored messages cannot be read; tried again in a second");
                return self.outbox.handle_load_failed(now);
            }
        };
        let item = |message: &StoredMessage| Item { key: message.key, class: message.class };
        let items: Vec<Item> = stored.iter().map(item).collect();
        self.outbox.handle_loaded(range, &items);
        let on_shelves = self.outbox.keys();
        let letters = stored.into_iter().map(Letter::restored).map(|letter| (letter.key, letter));
        self.letters.extend(letters);
        // Letters that left the shelves for the store, or that were released meanwhile.
        self.letters.retain(|key, _| on_shelves.binary_search(key).is_ok());
    }

    fn deadline(&self) -> Option<Monotonic> {
        let retry = self.line.retry_at().filter(|_| self.drain.is_none());
        let outbox = self.outbox.deadline().map(|(at, _why)| at);
        let drain = self.drain.as_ref().map(|drain| drain.until);
        [retry, outbox, drain, self.store_retry].into_iter().flatten().min()
    }

    fn tell_stats(&self) {
        self.links.stats.update(|stats| {
            stats.connected = self.line.is_up();
            stats.live_unacked = self.outbox.owed();
            stats.backlog_loaded = self.outbox.on_shelves().1;
            stats.messages = self.outbox.counters();
        });
    }
}

/// The outcome of a ticket; never, without one.
async fn outcome<T>(ticket: Option<&mut Ticket<T>>) -> Result<T, StoreError> {
    match ticket {
        Some(ticket) => ticket.outcome().await,
        None => std::future::pending().await,
    }
}
