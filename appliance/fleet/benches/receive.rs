//! How many events a second one receiver stores durably, behind a real broker.
//!
//! `scripts/bench-receive` runs it. Twenty boxes send as fast as the broker takes it; the receiver
//! is that of `courtside-fleet receive`, with its database on this machine's disk.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::clock::SystemClock;
use fleet::config::Config;
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Retain, Security, Session};
use tokio::sync::mpsc;
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

struct Broker(Child, u16);

impl Drop for Broker {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _status = self.0.wait();
    }
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(broker) = broker(folder.path()) else {
        println!("SKIPPED: mosquitto is not installed (apt install mosquitto)");
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let rate = runtime.block_on(round_of(folder.path(), broker.1, round));
            println!("round {}: {rate:.0} events a second", round + 1);
            rate
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "median of {ROUNDS} rounds of {} events: {:.0} events a second",
        EVENTS * u64::from(BOXES),
        rates[ROUNDS / 2]
    );
}

fn broker(folder: &Path) -> Option<Broker> {
    let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let file = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nset_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 1000\n"
    );
    fs::write(&file, text).expect("a file");
    let mosquitto = ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find_map(|program| {
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok()
    })?;
    let broker = Broker(mosquitto, port);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    Some(broker)
}

/// A receiver with an empty database, and as many boxes.
async fn round_of(folder: &Path, port: u16, round: usize) -> f64 {
    let name = |what: &str| folder.join(format!("{what}-{round}"));
    let text = format!(
        "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nclient_id = \"receiver-{round}\"\n[store]\ndb = {:?}\nclips = {:?}\n",
        name("db"),
        name("clips")
    );
    let config = Config::read(&folder.join("fleet.toml"), &text).expect("it was written by us");
    let (lines, mut told) = mpsc::channel(1024);
    let receiver = tokio::spawn(async move {
        fleet::receive(&config, Arc::new(SystemClock::start()), lines)
            .await
            .map_err(|e| panic!("{e}"))
    });
    let tenant = format!("round-{round}");
    let mut boxes = Vec::new();
    for number in 0..BOXES {
        boxes.push(up(port, &tenant, number).await);
    }
    // The receiver's first commit shows that it is subscribed.
    let probe = Device {
        tenant: tenant.parse().expect("a name"),
        device: "probe".parse().expect("a name"),
    };
    let mut first = up(port, &tenant, BOXES).await;
    while told.try_recv().is_err() {
        first.publish((), event(&probe, 1)).expect("room");
        tokio::task::yield_now().await;
        let _answer = tokio::time::timeout(Duration::from_millis(50), first.next()).await;
    }
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    let began = Instant::now();
    for (number, mut connection) in boxes.into_iter().enumerate() {
        let tenant = tenant.parse().expect("a name");
        let device: Name = format!("box-{number}").parse().expect("a name");
        tokio::spawn(async move { send(&mut connection, &Device { tenant, device }).await });
    }
    let mut stored = 0;
    while stored < EVENTS * u64::from(BOXES) {
        let line = told.recv().await.expect("the receiver lives");
        stored += u64::from(line.device != "probe");
    }
    let took = began.elapsed().as_secs_f64();
    receiver.abort();
    stored as f64 / took
}

async fn up(port: u16, tenant: &str, number: u32) -> Connection<()> {
    let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain).expect("no TLS");
    let session = Session {
        client_id: format!("{tenant}-{number}"),
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
async fn send(connection: &mut Connection<()>, device: &Device) {
    let mut waiting: VecDeque<Message> = (1..=EVENTS).map(|seq| event(device, seq)).collect();
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
