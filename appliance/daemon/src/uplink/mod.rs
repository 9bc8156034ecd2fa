//! The uplink: messages and clips on their way to the receiver, over two MQTT connections.
//!
//! Owns: the numbers of messages, connection A (messages, acknowledgements, commands: the
//! `messenger`) and connection B (clips: the `courier`), so that no clip ever stands in an
//! event's way. Must not: decide what goes next (`outbox` does) or what is durable (`store`).
//! A message is published at once and stored at the same time; whatever the receiver has not
//! acknowledged is sent again, by this boot or a later one.
//! Facts behind it: `docs/architecture.md`; numbers and holes:
//! `docs/decisions/0005-holes-in-sequence-numbers.md`.

mod budget;
mod courier;
mod hour;
mod letters;
mod line;
mod messenger;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hal::Clock;
use mqtt::Endpoint;
use outbox::{Class, Closed, Counters, Gate, Key, Link, Quota, Terms, Wish};
use tokio::sync::{mpsc, oneshot, watch};
use wire::clip::ClipRecord;
use wire::command::CommandResponse;
use wire::envelope::{Body, Envelope, VERSION};
use wire::ids::{BootId, Name, Seq};
use wire::time::{ClockQuality, Monotonic, WallTime};
use wire::topic::Device;

use crate::store::{Opened, StoredClip};
pub use courier::{PlainLinks, Trust};
use letters::Letter;

/// Link: everybody → messenger. REFUSE: the caller learns it at once.
const LETTERS_MAX: usize = 256;
/// Link: cutter → courier. REFUSE: the clip is in the store, and the next start finds it.
const OFFERS_MAX: usize = 64;

/// How to reach the receiver, and how much may wait for it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who this box is.
    pub device: Device,
    /// Version of the firmware, told in the birth message.
    pub firmware: String,
    /// The broker.
    pub endpoint: Endpoint,
    /// Sizes of a clip's segments; [`Config::TERMS`] unless the operator knows better.
    pub terms: Terms,
    /// How the bytes of clips go.
    pub way: Way,
    /// When clips are uploaded.
    pub gate: Gate,
    /// What may go on a line that costs by the byte.
    pub day_bytes_max: DayBytes,
    /// How much may wait for upload; beyond it clips are evicted, oldest first.
    pub quota: Quota,
    /// Link: messenger → commands. DROP: whoever asks hears nothing and asks again. `None`: the
    /// box takes no commands, and does not subscribe to any.
    pub commands: Option<mpsc::Sender<Asked>>,
}

/// How the bytes of clips go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As messages, through the broker.
    Messages,
    /// By HTTP to links that the receiver gives; as messages, where it gives none or none works.
    Links(Trust),
}

/// Bytes that may go in a day of the box's own time zone; `None`: as many as there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayBytes {
    /// Of clips. What is over waits for the next day.
    pub clips: Option<u64>,
    /// Of telemetry. When they are used up it is as sparse as that of a box that does nothing.
    pub telemetry: Option<u64>,
}

/// A command as it came, unread.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Last level of its topic.
    pub verb: Name,
    /// What came.
    pub payload: Bytes,
}

impl Config {
    /// The longest segment that every managed broker takes, and as much in flight as fills
    /// 160 Mbit/s at 50 ms; the broker's own limits count as well.
    pub const TERMS: Terms = Terms {
        segment_bytes: (4 * 1024, 64 * 1024),
        window: 20,
        flying_bytes_max: 1024 * 1024,
        ceiling: None,
    };
}

/// The uplink's handle; cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    device: Name,
    boot: BootId,
    next: Mutex<Seq>,
    stamp: Box<dyn Fn() -> Stamp + Send + Sync>,
    letters: mpsc::Sender<Inbound>,
    offers: mpsc::Sender<Offer>,
    /// Link: whoever sees what happens → messenger, courier, LATEST.
    tempo: watch::Sender<Tempo>,
    /// Link: commands → courier, LATEST.
    wished: watch::Sender<Wished>,
    stats: Stats,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uplink::Handle({}, boot {})", self.0.device, self.0.boot.0)
    }
}

struct Stamp {
    wall: WallTime,
    quality: ClockQuality,
    mono: Monotonic,
}

/// How watchful the connections are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tempo {
    /// A game is or may be on: that the box or the broker is gone is noticed within seconds.
    Live,
    /// Nothing happens: noticed within minutes, for a fraction of the traffic.
    Idle,
}

/// What somebody asked for about clips, and until when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wished {
    wish: Wish,
    until: Monotonic,
}

impl Wished {
    /// What counts now.
    fn at(self, now: Monotonic) -> Wish {
        if now < self.until { self.wish } else { Wish::AsSet }
    }
}

/// What the messenger is asked for.
enum Inbound {
    Letter(Letter),
    Announce,
    Answer(Box<CommandResponse>),
    Telemetry(Name, String),
    Drain(Duration, oneshot::Sender<u64>),
}

/// What the courier is asked for.
enum Offer {
    Clip(Box<StoredClip>),
    Stop(oneshot::Sender<()>),
}

/// Link: messenger → courier, LATEST. The newest live event on its way: clips make room for it.
#[derive(Clone, Copy, Debug, Default)]
struct Pulse {
    /// When it was published.
    sent: Option<Monotonic>,
    /// When the newest answer came, and how long after its event.
    answered: Option<(Monotonic, Duration)>,
}

/// The uplink takes nothing now: 256 messages already wait. Nothing was numbered or kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the uplink is busy: {LETTERS_MAX} messages wait to be stored; the store is too slow or stopped"
)]
pub struct Refused;

/// The uplink as it was a moment ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UplinkStats {
    /// Connection A is up.
    pub connected: bool,
    /// Connection B is up.
    pub clips_connected: bool,
    /// This boot's messages that the receiver has not acknowledged.
    pub live_unacked: u64,
    /// Stored messages in memory that wait for their turn or their acknowledgement.
    pub backlog_loaded: usize,
    /// Sent, sent again, released.
    pub messages: Counters,
    /// Clips that wait, the one being uploaded included.
    pub clips_waiting: usize,
    /// Their bytes.
    pub clip_bytes_waiting: u64,
    /// Why they wait, if not for the line.
    pub clips_held: Option<Closed>,
    /// Clips that the receiver confirmed, since the start.
    pub clips_delivered: u64,
    /// Clips that were given up, since the start.
    pub clips_dropped: u64,
    /// Links for clips that were asked for and not given, refused by their server, or not to be
    /// reached, since the start.
    pub links_failed: u64,
    /// What the segments of clips tell of the link; none yet, without one.
    pub link: Option<Link>,
    /// From the newest answered event's publication to the broker's answer.
    pub event_round_trip: Option<Duration>,
    /// Bytes of clips that went today, by the box's own midnight.
    pub clip_bytes_today: u64,
    /// When the newest event of a game was published, or what a scoreboard says; none yet.
    pub last_play: Option<Monotonic>,
    /// Commands that came faster than they are read.
    pub commands_dropped: u64,
    /// Bytes of telemetry that went today.
    pub telemetry_bytes_today: u64,
    /// As many as a day allows: from now on it has to be sparse.
    pub telemetry_is_spent: bool,
    /// Telemetry that was not sent because there was no connection.
    pub telemetry_dropped: u64,
}

/// Shared by both tasks; each writes its own part.
#[derive(Clone, Default)]
struct Stats(Arc<Mutex<UplinkStats>>);

impl Stats {
    fn update(&self, change: impl FnOnce(&mut UplinkStats)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> UplinkStats {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts both tasks on the current tokio runtime. Everything that `opened` remembers is sent:
/// messages of earlier boots and clips that were not delivered.
pub fn start<C: Clock>(config: Config, opened: &Opened, clock: Arc<C>) -> Handle {
    let (letters, inbox) = mpsc::channel(LETTERS_MAX);
    let (offers, offered) = mpsc::channel(OFFERS_MAX);
    let (tempo, felt_tempo) = watch::channel(Tempo::Live);
    let courier_tempo = felt_tempo.clone();
    let (wished, felt_wish) = watch::channel(Wished::default());
    let stats = Stats::default();
    let stamps = Arc::clone(&clock);
    let stamp = move || {
        let (wall, quality) = stamps.wall();
        Stamp { wall, quality, mono: stamps.now() }
    };
    let handle = Handle(Arc::new(Inner {
        device: config.device.device.clone(),
        boot: opened.boot,
        next: Mutex::new(Seq(1)),
        stamp: Box::new(stamp),
        letters,
        offers,
        tempo,
        wished,
        stats: stats.clone(),
    }));
    let (responses, answers) = mpsc::channel(OFFERS_MAX);
    let config = Arc::new(config);
    let (pulse, felt) = watch::channel(Pulse::default());
    let links =
        messenger::Links { inbox, tempo: felt_tempo, responses, stats: stats.clone(), pulse };
    let first = messenger::Messenger::new(Arc::clone(&config), opened, (Arc::clone(&clock), links));
    tokio::spawn(first.run());
    let handle_too = handle.clone();
    let links = courier::Links {
        offered,
        answers,
        pulse: felt,
        tempo: courier_tempo,
        wished: felt_wish,
        stats,
        handle: handle_too,
    };
    let second = courier::Courier::new(config, opened, (clock, links));
    tokio::spawn(second.run());
    handle
}

impl Handle {
    /// Numbers a message, publishes it as soon as possible and stores it at the same time. Never
    /// waits.
    ///
    /// # Errors
    /// [`Refused`] when the store is so far behind that nothing more may be promised.
    pub fn publish(&self, body: Body) -> Result<Seq, Refused> {
        let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        // A number is used only when the message has a place, so that numbers have no holes.
        let place = self.0.letters.try_reserve().map_err(|_| Refused)?;
        let seq = *next;
        let stamp = (self.0.stamp)();
        let envelope = Envelope {
            v: VERSION,
            dev: self.0.device.clone(),
            boot: self.0.boot,
            seq,
            ts_us: stamp.wall,
            mono_us: stamp.mono,
            clock: stamp.quality,
            body,
        };
        if Class::of(&envelope.body) == Class::P0 {
            self.0.stats.update(|stats| stats.last_play = Some(stamp.mono));
        }
        place.send(Inbound::Letter(Letter::of(Key { boot: self.0.boot, seq }, &envelope)));
        *next = Seq(seq.0 + 1);
        Ok(seq)
    }

    /// Publishes telemetry on `…/tel/{group}` with QoS 0, if there is a connection; not stored.
    pub fn telemetry(&self, group: Name, json: String) {
        if self.0.letters.try_send(Inbound::Telemetry(group, json)).is_err() {
            self.0.stats.update(|stats| stats.telemetry_dropped += 1);
        }
    }

    /// Publishes `state` and `info` again.
    ///
    /// # Errors
    /// [`Refused`]: ask again.
    pub fn announce(&self) -> Result<(), Refused> {
        self.0.letters.try_send(Inbound::Announce).map_err(|_| Refused)
    }

    /// Publishes the answer to a command with QoS 1, if there is a connection; not stored: whoever
    /// hears nothing asks again.
    pub fn answer(&self, response: CommandResponse) {
        if self.0.letters.try_send(Inbound::Answer(Box::new(response))).is_err() {
            tracing::warn!("a command is not answered: too much waits to be sent");
        }
    }

    /// What counts for clips until then, whatever hours and lock say.
    pub fn wish(&self, wish: Wish, until: Monotonic) {
        self.0.wished.send_replace(Wished { wish, until });
    }

    /// How watchful the connections have to be.
    pub fn tempo(&self) -> Tempo {
        *self.0.tempo.borrow()
    }

    /// How watchful the connections have to be from now on.
    pub fn set_tempo(&self, tempo: Tempo) {
        self.0.tempo.send_if_modified(|known| std::mem::replace(known, tempo) != tempo);
    }

    /// Uploads a clip that the store has ([`crate::store::Store::finish_plan`] was durable).
    ///
    /// # Errors
    /// [`Refused`]: the clip stays in the store and goes after the next start.
    pub fn offer_clip(&self, record: ClipRecord, path: PathBuf) -> Result<(), Refused> {
        let clip = StoredClip { record, path, age: u64::MAX };
        self.0.offers.try_send(Offer::Clip(Box::new(clip))).map_err(|_| Refused)
    }

    /// The uplink as it was a moment ago.
    pub fn stats(&self) -> UplinkStats {
        self.0.stats.read()
    }

    /// This start of the device.
    pub fn boot(&self) -> BootId {
        self.0.boot
    }

    /// Stops: makes everything durable, waits at most `within` for the receiver to acknowledge
    /// this boot's messages, says goodbye. Returns how many were not acknowledged; the next
    /// start sends them. Afterwards nothing is taken any more.
    pub async fn drain(&self, within: Duration) -> u64 {
        let (stopped, courier) = oneshot::channel();
        if self.0.offers.send(Offer::Stop(stopped)).await.is_ok() {
            let _stopped_already = courier.await;
        }
        let (drained, messenger) = oneshot::channel();
        if self.0.letters.send(Inbound::Drain(within, drained)).await.is_err() {
            return 0;
        }
        messenger.await.unwrap_or(0)
    }
}

/// Sleeps until the deadline; for ever, without one.
async fn sleep<C: Clock>(clock: &C, deadline: Option<Monotonic>) {
    match deadline {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}
