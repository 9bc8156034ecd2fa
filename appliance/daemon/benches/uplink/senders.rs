//! What runs at the box's end: our uplink, or a design that anybody would write first.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use courtside::clock::SystemClock;
use courtside::store::{Finish, Store, StoredPlan};
use courtside::uplink::{self, Config, DayBytes, Handle, PlainLinks, Trust, Way};
use hal::Clock;
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Retain, Security, Session};
use outbox::Quota;
use sha2::{Digest, Sha256};
use wire::clip::ClipRecord;
use wire::envelope::{BYTES_MAX, Body, Envelope, VERSION};
use wire::event::{EventKind, GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId, Seq};
use wire::time::{MediaInterval, MediaTime};
use wire::topic::{self, Device, FilePart, Route};
use wire::units::{Permille, PictureSize};

use super::{BROKER, Design, Load};

/// No clip is uploaded to its end.
const CLIP_BYTES: usize = 192 << 20;
/// Segments of the designs that anybody would write first.
const NAIVE_SEGMENT: usize = 64 * 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Sends until it is killed.
pub(super) async fn run(folder: &Path, design: Design, load: Load) {
    let clock = Arc::new(SystemClock::start());
    match design {
        Design::Ours => ours(folder, &clock, (load, Way::Messages)).await,
        Design::Links => {
            let trust = Trust { ca: PathBuf::new(), plain: PlainLinks::Followed };
            ours(folder, &clock, (load, Way::Links(trust))).await;
        }
        Design::OneConnection => naive(&clock, load, Connections::One).await,
        Design::TwoConnections => naive(&clock, load, Connections::Two).await,
    }
}

fn device() -> Device {
    let name = |text: &str| text.parse().expect("a name");
    Device { tenant: name("bench"), device: name("court-1") }
}

fn endpoint() -> Endpoint {
    Endpoint::new(&BROKER.ip().to_string(), BROKER.port(), &Security::Plain).expect("no TLS")
}

pub(super) fn config(endpoint: Endpoint) -> Config {
    Config {
        commands: None,
        day_bytes_max: DayBytes::default(),
        device: device(),
        firmware: "bench".to_owned(),
        endpoint,
        terms: Config::TERMS,
        way: Way::Messages,
        gate: outbox::Gate::default(),
        quota: Quota { bytes: 1 << 30, files: 1000 },
    }
}

pub(super) fn event(clock: &SystemClock, number: u32) -> Body {
    let wall = clock.wall().0;
    let at = MediaTime::from_millis(i64::from(number) * 40);
    Body::Game(GameEvent {
        id: EventId { boot: BootId(1), number },
        revision: 0,
        stage: Stage::Provisional,
        kind: EventKind::MadeShot,
        source: "court-1".parse().expect("a name"),
        hoop: None,
        at,
        interval: MediaInterval { start: at, end: at },
        decided_at: at,
        at_arrived: wall,
        decided_arrived: wall,
        confidence: Permille(900),
        cues: heapless::Vec::new(),
    })
}

/// When events happen: about as often as is asked for, never in step with anything.
struct Events {
    every: Option<Duration>,
    random: u64,
    number: u32,
}

impl Events {
    const fn new(load: Load) -> Self {
        Self { every: load.event_every, random: 1, number: 0 }
    }

    /// Waits for the next one; its number. For ever, without events.
    async fn next(&mut self, clock: &SystemClock) -> u32 {
        let Some(every) = self.every else { return std::future::pending().await };
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Half to one and a half times as long.
        let share = 512 + (self.random >> 54) as u32;
        clock.sleep_until(clock.now().plus(every * share / 1024)).await;
        self.number += 1;
        self.number
    }
}

async fn ours(folder: &Path, clock: &Arc<SystemClock>, (load, way): (Load, Way)) {
    let opened =
        Store::open(&folder.join("box.sqlite"), Arc::clone(clock)).expect("the store opens");
    let config = Config { way, ..config(endpoint()) };
    let handle = uplink::start(config, &opened, Arc::clone(clock));
    if load.clip {
        offer_clip(folder, (&opened.store, &handle)).await;
    }
    let mut events = Events::new(load);
    loop {
        let number = events.next(clock).await;
        handle.publish(event(clock, number)).expect("the store is not that slow");
    }
}

async fn offer_clip(folder: &Path, (store, handle): (&Store, &Handle)) {
    let id = ClipId(u128::from(std::process::id()) << 64);
    let content: Vec<u8> = (0..CLIP_BYTES).map(|i| (i * 31 + i / 251) as u8).collect();
    let path = folder.join(format!("{id}.mp4"));
    fs::write(&path, &content).expect("a file");
    let record = ClipRecord {
        id,
        source: "court-1".parse().expect("a name"),
        interval: MediaInterval { start: MediaTime(0), end: MediaTime::from_millis(10_000) },
        frames: 250,
        picture: PictureSize { width: 1280, height: 720 },
        bytes: CLIP_BYTES as u64,
        sha256: format!("{:x}", Sha256::digest(&content)).chars().collect(),
        starts: wire::time::WallTime(0),
        events: heapless::Vec::new(),
    };
    let plan = StoredPlan { id, payload: vec![1] };
    store.put_plan(plan).expect("there is room").outcome().await.expect("it is stored");
    let finish = Finish::Cut(Box::new(record.clone()), path.clone());
    let mut cut = store.finish_plan(id, finish).expect("there is room");
    cut.outcome().await.expect("it is stored");
    handle.offer_clip(record, path).expect("there is room");
}

#[derive(Clone, Copy)]
enum Connections {
    One,
    Two,
}

/// Events as soon as they happen, segments of 64 KB as fast as the connection takes them.
async fn naive(clock: &SystemClock, load: Load, connections: Connections) {
    let mut events = Events::new(load);
    let mut first = up("a").await;
    let mut second = match connections {
        Connections::One => None,
        Connections::Two => Some(up("b").await),
    };
    let mut offset = 0;
    let mut flying = 0;
    let window = first.limits().map_or(20, |limits| usize::from(limits.window));
    loop {
        while load.clip && flying < window.saturating_sub(2) {
            let connection = second.as_mut().unwrap_or(&mut first);
            connection.publish(Tag::Segment, segment(offset)).expect("the window is open");
            offset += NAIVE_SEGMENT as u64;
            flying += 1;
        }
        let other = async {
            match &mut second {
                Some(connection) => connection.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            number = events.next(clock) => {
                for message in messages(clock, number) {
                    first.publish(Tag::Event, message).expect("the queue has room");
                }
            }
            happened = first.next() => flying -= landed(&happened),
            happened = other => flying -= landed(&happened),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Tag {
    Event,
    Segment,
}

fn landed(event: &Event<Tag>) -> usize {
    match event {
        Event::Answered(tag, _) => usize::from(*tag == Tag::Segment),
        Event::Down(reason) => panic!("the connection is gone: {reason}"),
        Event::Up(_) | Event::Message(_) => 0,
    }
}

async fn up(letter: &str) -> Connection<Tag> {
    let session = Session {
        client_id: format!("naive-{letter}"),
        keep_alive: KEEP_ALIVE,
        will: None,
        window: 100,
        packet_bytes_max: 1 << 20,
        subscriptions: Vec::new(),
    };
    let mut connection = Connection::open(&endpoint(), session);
    match connection.next().await {
        Event::Up(_) => connection,
        other @ (Event::Answered(..) | Event::Message(_) | Event::Down(_)) => {
            panic!("the broker is there: {other:?}")
        }
    }
}

fn segment(offset: u64) -> Message {
    let topic = device().file(ClipId(1), &FilePart::Segment(offset)).as_str().to_owned();
    let payload = Bytes::from(vec![7; NAIVE_SEGMENT]);
    Message { topic, payload, encoding: Encoding::Octets, retain: Retain::No }
}

/// Both encodings, as ours.
fn messages(clock: &SystemClock, number: u32) -> [Message; 2] {
    let (wall, quality) = clock.wall();
    let envelope = Envelope {
        v: VERSION,
        dev: device().device,
        boot: BootId(1),
        seq: Seq(u64::from(number)),
        ts_us: wall,
        mono_us: clock.now(),
        clock: quality,
        body: event(clock, number),
    };
    let route = Route::of(&envelope.body);
    let message = |encoding, of, payload: Vec<u8>| Message {
        topic: device().event(encoding, &route).as_str().to_owned(),
        payload: payload.into(),
        encoding: of,
        retain: Retain::No,
    };
    let mut buffer = [0; BYTES_MAX];
    let short = postcard::to_slice(&envelope, &mut buffer).expect("it fits").to_vec();
    let json = serde_json::to_vec(&envelope).expect("JSON can hold it");
    [
        message(topic::Encoding::Json, Encoding::Json, json),
        message(topic::Encoding::Postcard, Encoding::Postcard, short),
    ]
}
