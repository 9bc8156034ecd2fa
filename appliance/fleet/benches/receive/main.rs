//! How many events a second receivers store durably, behind a real broker, and what it costs.
//!
//! `scripts/bench-receive` runs it. Twenty boxes send as fast as the broker takes it; receivers are
//! processes of `courtside-fleet receive`, with their database on this machine's disk: an SQLite
//! file for one, a PostgreSQL of our own for one and for two.
#![forbid(unsafe_code)]

#[path = "../../tests/receive/boxes.rs"]
#[allow(dead_code, reason = "a benchmark loses nothing, so its boxes send nothing again")]
mod boxes;
#[path = "../../../mqtt/tests/broker/mod.rs"]
mod broker;
mod clips;
mod cost;
#[path = "../../tests/postgres/mod.rs"]
mod postgres;
#[path = "../../tests/receive/receiver.rs"]
#[allow(dead_code, reason = "a benchmark kills nobody")]
mod receiver;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use broker::Broker;
use cost::{Cost, bytes_of};
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Retain, Security, Session};
use receiver::Receiver;
use wire::envelope::{BYTES_MAX, Body, Envelope, VERSION};
use wire::event::{EventKind, GameEvent, Stage};
use wire::ids::{BootId, EventId, Name, Seq};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};
use wire::topic::{self, Device, Route};
use wire::units::Permille;

const BOXES: u32 = 20;
const ROUNDS: usize = 5;
/// Of each box in each round.
const EVENTS: u64 = 2_000;

/// What one round is run with.
#[derive(Clone, Copy)]
enum Setting {
    Sqlite,
    /// With so many receivers.
    Postgres(usize),
    /// With two receivers and a hundred times as many boxes: each connection speaks for a hundred,
    /// so that hardly two messages of a batch come from one box, as with a large fleet.
    Fleet,
}

impl Setting {
    const fn receivers(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres(receivers) => receivers,
            Self::Fleet => 2,
        }
    }

    /// Boxes behind one connection.
    const fn boxes(self) -> u64 {
        match self {
            Self::Sqlite | Self::Postgres(_) => 1,
            Self::Fleet => 100,
        }
    }
}

fn main() {
    let queues = "max_queued_messages 0\nmax_inflight_messages 1000";
    let Some(broker) = Broker::start(queues) else { return };
    clips::measure(&broker);
    println!("SQLite, one receiver");
    rounds(|round| measure(&broker, None, (Setting::Sqlite, round)));
    let Some(server) = postgres::Server::start() else { return };
    for replicas in [1, 2] {
        println!("PostgreSQL, receivers: {replicas}");
        rounds(|round| measure(&broker, Some(&server), (Setting::Postgres(replicas), round)));
    }
    println!("PostgreSQL, receivers: 2, boxes: {}", u64::from(BOXES) * Setting::Fleet.boxes());
    rounds(|round| measure(&broker, Some(&server), (Setting::Fleet, round)));
}

fn rounds(round: impl Fn(usize) -> f64) {
    let mut rates: Vec<f64> = (0..ROUNDS).map(round).collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "  median of {ROUNDS} rounds of {} events: {:.0} events a second",
        EVENTS * u64::from(BOXES),
        rates[ROUNDS / 2]
    );
}

/// Receivers with an empty database, and as many boxes; returns events a second.
fn measure(
    broker: &Broker,
    server: Option<&postgres::Server>,
    (setting, round): (Setting, usize),
) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let replicas = setting.receivers();
    let db = match setting {
        Setting::Sqlite => "fleet.sqlite".to_owned(),
        Setting::Postgres(_) | Setting::Fleet => {
            let name = format!("round_{replicas}_{}_{round}", setting.boxes());
            server.expect("it was started").database(&name)
        }
    };
    let receivers: Vec<Receiver> = (0..replicas)
        .map(|index| {
            let replica =
                format!("[replica]\ngroup = \"bench\"\nindex = {index}\ncount = {replicas}\n");
            let more = match setting {
                Setting::Sqlite => String::new(),
                Setting::Postgres(_) | Setting::Fleet => replica,
            };
            let store = format!("[store]\ndb = \"{db}\"\nclips = \"clips\"\n{more}");
            Receiver::start(folder.path(), (broker.port, &format!("one-{index}")), &store)
        })
        .collect();
    let stored = || -> f64 { receivers.iter().filter_map(|one| one.sample("events_total")).sum() };
    let cost = Cost::begin(broker.pid(), server.map(postgres::Server::pid), &receivers);
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    let began = Instant::now();
    runtime.block_on(async {
        let tenant: Name = format!("round-{round}").parse().expect("a name");
        let mut sending = tokio::task::JoinSet::new();
        for number in 0..BOXES {
            let device: Name = format!("box-{number}").parse().expect("a name");
            let device = Device { tenant: tenant.clone(), device };
            let port = broker.port;
            sending.spawn(async move {
                let mut connection = up(port, &device).await;
                send(&mut connection, &device, setting.boxes()).await;
            });
        }
        sending.join_all().await;
    });
    let all = (EVENTS * u64::from(BOXES)) as f64;
    assert!(receiver::until(|| (stored() >= all).then_some(())).is_some(), "{} stored", stored());
    let took = began.elapsed().as_secs_f64();
    println!("  round {}: {:.0} events a second; {}", round + 1, all / took, cost.end(all));
    tell_batches(&receivers);
    println!("    {}", bytes_of(folder.path(), &db, all));
    all / took
}

fn tell_batches(receivers: &[Receiver]) {
    for (index, one) in receivers.iter().enumerate() {
        let sample = |name: &str| one.sample(name).expect("a sample");
        let messages = sample("messages_total{desk=\"messages\"}");
        let commits = sample("commit_seconds_count{desk=\"messages\"}");
        let seconds = sample("commit_seconds_sum{desk=\"messages\"}");
        println!(
            "    receiver {index}: {messages:.0} messages in {commits:.0} batches of {:.1}, {:.2} ms each",
            messages / commits,
            seconds / commits * 1_000.0
        );
    }
}

async fn up(port: u16, device: &Device) -> Connection<()> {
    let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain).expect("no TLS");
    let session = Session {
        client_id: format!("{}-{}", device.tenant, device.device),
        keep_alive: Duration::from_secs(60),
        will: None,
        window: 64,
        packet_bytes_max: 1 << 20,
        subscriptions: Vec::new(),
    };
    let mut connection = Connection::open(&endpoint, session);
    match connection.next().await {
        Event::Up(_) => connection,
        other @ (Event::Answered(..) | Event::Message(_) | Event::Down(_)) => {
            panic!("the broker is there: {other:?}")
        }
    }
}

/// All events of a box, as many at once as the window allows.
async fn send(connection: &mut Connection<()>, device: &Device, boxes: u64) {
    let one_of = |number: u64| {
        let name = format!("{}.{}", device.device, number % boxes);
        let device =
            Device { tenant: device.tenant.clone(), device: name.parse().expect("a name") };
        event(&device, number / boxes + 1)
    };
    let mut waiting: VecDeque<Message> = (0..EVENTS).map(one_of).collect();
    let mut flying = 0;
    while !waiting.is_empty() || flying > 0 {
        while flying < 60
            && let Some(message) = waiting.pop_front()
        {
            connection.publish((), message).expect("the window is open");
            flying += 1;
        }
        match connection.next().await {
            Event::Answered((), _) => flying -= 1,
            Event::Down(reason) => panic!("{reason}"),
            Event::Up(_) | Event::Message(_) => {}
        }
    }
}

fn event(device: &Device, seq: u64) -> Message {
    let boot = BootId(1);
    let at = MediaTime(seq as i64 * 3_600);
    let envelope = Envelope {
        v: VERSION,
        dev: device.device.clone(),
        boot,
        seq: Seq(seq),
        ts_us: WallTime(1_790_000_000_000_000),
        mono_us: Monotonic(seq),
        clock: ClockQuality::Unknown,
        body: Body::Game(GameEvent {
            id: EventId { boot, number: seq as u32 },
            revision: 0,
            stage: Stage::Confirmed,
            kind: EventKind::MadeShot,
            source: "court-1".parse().expect("a name"),
            hoop: None,
            at,
            interval: MediaInterval { start: at, end: at },
            decided_at: at,
            at_arrived: WallTime(1_790_000_000_000_000),
            decided_arrived: WallTime(1_790_000_000_000_000),
            confidence: Permille(900),
            cues: heapless::Vec::new(),
        }),
    };
    let mut buffer = [0; BYTES_MAX];
    let bytes = postcard::to_slice(&envelope, &mut buffer).expect("it fits").to_vec();
    let route = Route::of(&envelope.body);
    Message {
        topic: device.event(topic::Encoding::Postcard, &route).as_str().to_owned(),
        payload: bytes.into(),
        encoding: Encoding::Postcard,
        retain: Retain::No,
    }
}
