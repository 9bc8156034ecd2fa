//! The uplink: messages and clips on their way to the receiver, over two MQTT connections.
//!
//! Owns: the numbers of messages, connection A (messages, acknowledgements, commands: the
//! `messenger`) and connection B (clips: the `courier`), so that no clip ever stands in an
//! event's way. Must not: decide what goes next (`outbox` does) or what is durable (`store`).
//! A message is published at once and stored at the same time; whatever the receiver has not
//! acknowledged is sent again, by this boot or a later one.
//! Facts behind it: `docs/architecture.md`; numbers and holes:
//! `docs/decisions/0005-holes-in-sequence-numbers.md`.

mod courier;
mod letters;
mod line;
mod messenger;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hal::Clock;
use mqtt::Endpoint;
use outbox::{Counters, Delays, Key, Pace, Quota, Shape};
use tokio::sync::{mpsc, oneshot};
use wire::clip::ClipRecord;
use wire::envelope::{Body, Envelope, VERSION};
use wire::ids::{BootId, Name, Seq};
use wire::time::{ClockQuality, Monotonic, WallTime};
use wire::topic::Device;

use crate::store::{Opened, StoredClip};
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
    /// How clips are uploaded; [`Config::SHAPE`] unless the operator knows better.
    pub shape: Shape,
    /// How much may wait for upload; beyond it clips are evicted, oldest first.
    pub quota: Quota,
}

impl Config {
    /// 8 KB × 3 in flight keeps an event's way free behind a full uplink: p50 85 ms, p95 96 ms
    /// to the acknowledgement at 2 Mbit/s and 50 ms round trip, against 2431 and 3116 ms for
    /// 64 KB chunks on one connection (bbr; measured with an emulated link).
    pub const SHAPE: Shape = Shape {
        chunk_bytes: 8 * 1024,
        window: 3,
        pace: Pace::Window,
        patience: Delays { first: Duration::from_secs(2), longest: Duration::from_secs(60) },
        puback_timeout: Duration::from_secs(20),
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

/// What the messenger is asked for.
enum Inbound {
    Letter(Letter),
    Telemetry(Name, String),
    Drain(Duration, oneshot::Sender<u64>),
}

/// What the courier is asked for.
enum Offer {
    Clip(Box<StoredClip>),
    Stop(oneshot::Sender<()>),
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
    /// Clips that the receiver confirmed, since the start.
    pub clips_delivered: u64,
    /// Clips that were given up, since the start.
    pub clips_dropped: u64,
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
        stats: stats.clone(),
    }));
    let (responses, answers) = mpsc::channel(OFFERS_MAX);
    let config = Arc::new(config);
    let links = messenger::Links { inbox, responses, stats: stats.clone() };
    let first = messenger::Messenger::new(Arc::clone(&config), opened, (Arc::clone(&clock), links));
    tokio::spawn(first.run());
    let links = courier::Links { offered, answers, stats, handle: handle.clone() };
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
