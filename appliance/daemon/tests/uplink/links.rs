//! Clips by links, with a receiver and a server that do what each case needs. With real ones:
//! `tests/e2e/tests/kills.rs` and `appliance/fleet/tests/receive/bucket.rs`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use courtside::uplink::{Handle, PlainLinks, Tempo, Trust, Way};
use mqtt::{Connection, Encoding, Event, Message, Quality, Retain};
use outbox::{GameLock, Gate};
use wire::topic::{self, FilePart, Leaf};
use wire::transfer::{FileInit, FileResponse, FileStep, FileWay};

use super::bench::{Bench, device};
use super::broker::Broker;
use super::runtime;
use super::witness::witness;

/// More than the buffers of a connection hold.
const CLIP_BYTES: usize = 24 << 20;

/// What a server does with each connection, one after the other.
#[derive(Clone, Copy)]
enum Serves {
    /// Reads nothing of the body.
    Nothing,
    /// Reads everything, and is content.
    All,
    /// Refuses after the head.
    Forbids,
}

/// A server; how many bytes of a body each connection brought.
fn serve(connections: &'static [Serves]) -> (SocketAddr, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it");
    let (tell, told) = sync_channel(connections.len());
    thread::spawn(move || {
        for serves in connections {
            let (stream, _) = listener.accept().expect("the box");
            serve_one(stream, (*serves, &tell));
        }
    });
    (address, told)
}

fn serve_one(mut stream: TcpStream, (serves, tell): (Serves, &SyncSender<usize>)) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.push(byte[0]);
    }
    match serves {
        Serves::Nothing => {
            tell.send(0).expect("somebody hears");
            // Held as long as the test runs.
            thread::spawn(move || {
                let _held = stream;
                thread::park();
            });
        }
        Serves::Forbids => {
            let _box_is_gone =
                stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            tell.send(0).expect("somebody hears");
        }
        Serves::All => {
            let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
            let (_, length) = head.split_once("content-length: ").expect("a length");
            let length: usize =
                length.lines().next().and_then(|line| line.parse().ok()).expect("a number");
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("all of it");
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("it reads");
            tell.send(length).expect("somebody hears");
        }
    }
}

/// A receiver that gives links to one server; it believes whatever the box ends with.
struct Desk {
    connection: Connection<()>,
    server: SocketAddr,
    /// Announcements that asked for links, and those that did not.
    asked: (usize, usize),
    /// Bytes that came as messages.
    by_broker: usize,
}

impl Desk {
    async fn open(port: u16, server: SocketAddr) -> Self {
        let connection = witness(port, "desk", &["cv1/demo/box-1/file/#"]).await;
        Self { connection, server, asked: (0, 0), by_broker: 0 }
    }

    /// Answers the box for ever.
    async fn answer(&mut self) {
        loop {
            let Event::Message(message) = self.connection.next().await else { continue };
            let Some((_, Leaf::File(id, part))) = topic::parse(message.topic()) else { continue };
            let (step, missing, link) = match part {
                FilePart::Init => {
                    let init: FileInit = serde_json::from_slice(message.payload()).expect("json");
                    let link = format!("http://{}/clip?signature=0a", self.server);
                    let link = match init.way {
                        FileWay::Links => Some(link.as_str().try_into().expect("it is short")),
                        FileWay::Segments => None,
                    };
                    self.asked.0 += usize::from(link.is_some());
                    self.asked.1 += usize::from(link.is_none());
                    (FileStep::Init, vec![(0, init.size)], link)
                }
                FilePart::Segment(_) => {
                    self.by_broker += message.payload().len();
                    continue;
                }
                FilePart::Fin(..) => (FileStep::Fin, Vec::new(), None),
                FilePart::Abort => continue,
            };
            let response = FileResponse {
                vsn: "0.1".try_into().expect("it is short"),
                file: id,
                step,
                reason_code: FileResponse::PERSISTED,
                reason_description: heapless::String::new(),
                missing: missing.into_iter().collect(),
                link,
            };
            let message = Message {
                topic: device().file_response().as_str().to_owned(),
                payload: serde_json::to_vec(&response).expect("json").into(),
                encoding: Encoding::Json,
                retain: Retain::No,
            };
            self.connection.tell(message, Quality::AtLeastOnce).expect("there is room");
        }
    }

    /// Answers until `done`, a minute at most.
    async fn until(&mut self, bench: &mut Bench, what: &str, done: impl FnMut(&Bench) -> bool) {
        tokio::select! {
            () = self.answer() => {}
            () = bench.until(what, done) => {}
        }
    }
}

fn by_links(port: u16) -> Bench {
    let mut bench = Bench::new(port);
    let ca = bench.path("no-authorities.pem");
    bench.way = Way::Links(Trust { ca, plain: PlainLinks::Followed });
    bench
}

fn delivered(handle: &Handle, clips: u64) -> impl FnMut(&Bench) -> bool + use<> {
    let handle = handle.clone();
    move |_| handle.stats().clips_delivered == clips
}

/// What flew with the request that ended was waited for, for ever.
#[test]
fn clip_that_was_held_back_in_the_middle_of_a_part_goes_on_later() {
    let Some(broker) = Broker::start("") else { return };
    let (server, told) = serve(&[Serves::Nothing, Serves::All]);
    runtime().block_on(async {
        let mut bench = by_links(broker.port);
        bench.gate = Gate { hours: None, lock: GameLock::Backlog };
        bench.clip_age = Duration::from_secs(3_600);
        let mut desk = Desk::open(broker.port, server).await;
        let (opened, handle) = bench.start_box();
        handle.set_tempo(Tempo::Idle);
        bench.offer_clip((&opened, &handle), CLIP_BYTES).await;
        desk.until(&mut bench, "a request", |_| told.try_recv().is_ok()).await;
        // Until its window is full: so much was handed to the request and not a byte more.
        let mut last = (0, 0);
        let is_full = |_: &Bench| {
            let now = handle.stats().clip_bytes_today;
            last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
            now > 0 && last.1 > 50
        };
        desk.until(&mut bench, "a full window", is_full).await;
        assert!((handle.stats().clip_bytes_today as usize) < CLIP_BYTES);
        handle.set_tempo(Tempo::Live);
        desk.until(&mut bench, "a held clip", |_| handle.stats().clips_held.is_some()).await;
        handle.set_tempo(Tempo::Idle);
        desk.until(&mut bench, "the clip", delivered(&handle, 1)).await;
        assert_eq!(told.recv(), Ok(CLIP_BYTES));
        assert_eq!(desk.by_broker, 0);
    });
}

#[test]
fn clip_whose_links_are_all_refused_goes_through_the_broker_and_the_next_one_tries_again() {
    let Some(broker) = Broker::start("") else { return };
    let (server, told) = serve(&[Serves::Forbids, Serves::Forbids, Serves::Forbids, Serves::All]);
    runtime().block_on(async {
        let mut bench = by_links(broker.port);
        let mut desk = Desk::open(broker.port, server).await;
        let (opened, handle) = bench.start_box();
        bench.offer_clip((&opened, &handle), 300_000).await;
        desk.until(&mut bench, "the first clip", delivered(&handle, 1)).await;
        assert_eq!((desk.asked, desk.by_broker), ((3, 1), 300_000));
        assert_eq!(handle.stats().links_failed, 3);
        bench.offer_clip((&opened, &handle), 200_000).await;
        desk.until(&mut bench, "the second clip", delivered(&handle, 2)).await;
        assert_eq!((desk.asked, desk.by_broker), ((4, 1), 300_000));
        assert_eq!(handle.stats().links_failed, 3);
        let bodies: Vec<usize> = told.try_iter().collect();
        assert_eq!(bodies, [0, 0, 0, 200_000]);
    });
}
