//! A thousand events a second, for as long as it takes to see that nothing piles up: from the box's
//! store through a broker into the receiver's database, all on this machine.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use courtside::clock::SystemClock;
use courtside::store::Store;
use courtside::uplink;
use fleet::Stored;
use hal::Clock;
use mqtt::{Endpoint, Security};
use tokio::sync::mpsc;

use super::senders;
use super::stretch::Stretch;

const RATE: u64 = 1_000;
const SECONDS: u64 = 30;

/// What a burst showed.
pub(super) struct Burst {
    /// From an event's making to its commit at the receiver, as a stretch of the whole time.
    pub(super) stretch: Stretch,
    /// Times that the box had no room for an event, which then was offered again.
    pub(super) refused: u64,
    /// From the last event's making to the last commit.
    pub(super) tail: Duration,
}

struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Runs it; nothing of it is emulated.
pub(super) async fn run() -> Burst {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(SystemClock::start());
    let (broker, port) = broker(folder.path());
    let (lines, mut told) = mpsc::channel(4_096);
    let text = format!(
        "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n[store]\ndb = \"fleet.sqlite\"\nclips = \"clips\"\n"
    );
    let config = fleet::config::Config::read(&folder.path().join("fleet.toml"), &text);
    let (config, of_receiver) = (config.expect("it was written by us"), Arc::clone(&clock));
    let receiver = tokio::spawn(async move {
        fleet::receive(&config, of_receiver, lines).await.expect("it runs until aborted");
    });
    let opened = Store::open(&folder.path().join("box.sqlite"), Arc::clone(&clock));
    let opened = opened.expect("the store opens");
    let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain).expect("no TLS");
    let handle = uplink::start(senders::config(endpoint), &opened, Arc::clone(&clock));
    let sending = tokio::spawn(send(handle, Arc::clone(&clock)));
    let mut stretch = Stretch { seconds: SECONDS as f64, ..Stretch::default() };
    let mut last = clock.now();
    while (stretch.events.len() as u64) < RATE * SECONDS {
        let line = told.recv().await.expect("the receiver lives");
        if let Stored::Event { envelope, .. } = &line.stored {
            last = clock.now();
            // A line comes after its commit.
            stretch.events.push((clock.wall_time().0 - envelope.ts_us.0) as f64 / 1_000.0);
        }
    }
    let (refused, ended) = sending.await.expect("it ends by itself");
    receiver.abort();
    drop(broker);
    stretch.events.sort_by(f64::total_cmp);
    Burst { stretch, refused, tail: last.since(ended) }
}

fn broker(folder: &Path) -> (Broker, u16) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = free.expect("a free port").port();
    let file = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nset_tcp_nodelay true\n"
    );
    fs::write(&file, text).expect("a file");
    let mut command = Command::new("mosquitto");
    command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
    let broker = Broker(command.spawn().expect("mosquitto is installed"));
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    (broker, port)
}

/// Evenly, and never fewer than that: what a late timer missed comes at once.
async fn send(handle: uplink::Handle, clock: Arc<SystemClock>) -> (u64, wire::time::Monotonic) {
    let began = clock.now();
    let (mut sent, mut refused) = (0, 0);
    while sent < RATE * SECONDS {
        let due = began.plus(Duration::from_micros(sent * 1_000_000 / RATE));
        if due > clock.now() {
            clock.sleep_until(due).await;
        }
        match handle.publish(senders::event(&clock, sent as u32 + 1)) {
            Ok(_) => sent += 1,
            Err(_full) => {
                refused += 1;
                clock.sleep_until(clock.now().plus(Duration::from_millis(1))).await;
            }
        }
    }
    (refused, clock.now())
}
