//! A broker that breaks the protocol in every way that a box must survive: between the box and a
//! real one stands somebody who forgets, lies, stalls, garbles and cuts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::bench::Bench;
use super::broker::Broker;
use super::runtime;

/// Packets that pass before the malice begins, so that each connection comes up.
const HONEST_PACKETS: usize = 12;

/// A connection whose malice does not end it ends after this.
const LASTS_MAX: Duration = Duration::from_secs(3);

/// What one connection suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Malice {
    /// Acknowledges messages that were never sent.
    WrongAcks,
    /// Acknowledges in the reverse order, four at a time.
    ReversedAcks,
    /// Keeps every third acknowledgement.
    LostAcks,
    /// Refuses everything: quota exceeded. Passes nothing on.
    Quota,
    /// Acknowledges everything and passes nothing on.
    Forgets,
    /// Falls silent with the connection open.
    Stalls,
    /// Takes one message at a time, of 300 bytes at most.
    TinyLimits,
    /// Sends bytes that are no packet.
    Garbles,
    /// Sends half a packet and closes.
    Cuts,
    /// Passes everything on.
    Honest,
}

const ALL: [Malice; 9] = [
    Malice::WrongAcks,
    Malice::ReversedAcks,
    Malice::Quota,
    Malice::Forgets,
    Malice::TinyLimits,
    Malice::Garbles,
    Malice::Cuts,
    Malice::LostAcks,
    Malice::Stalls,
];

/// Stands before a broker; each connection suffers the next malice, later ones none.
struct Hostile {
    port: u16,
    seen: Arc<AtomicUsize>,
}

impl Hostile {
    async fn before(broker: u16, malices: Vec<Malice>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                let malice = malices.get(number).copied().unwrap_or(Malice::Honest);
                let server = TcpStream::connect(("127.0.0.1", broker)).await.expect("it runs");
                tokio::spawn(suffer(client, server, malice));
            }
        });
        Self { port, seen }
    }
}

async fn suffer(client: TcpStream, server: TcpStream, malice: Malice) {
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let to_client = Arc::new(Mutex::new(to_client));
    let up = upwards(from_client, to_server, Arc::clone(&to_client), malice);
    let down = downwards(from_server, to_client, malice);
    let both = async {
        // One end closes: both are gone.
        tokio::select! {
            _ = up => {}
            _ = down => {}
        }
    };
    match malice {
        // The box itself has to notice these.
        Malice::Honest | Malice::Stalls | Malice::LostAcks => both.await,
        Malice::WrongAcks
        | Malice::ReversedAcks
        | Malice::Quota
        | Malice::Forgets
        | Malice::TinyLimits
        | Malice::Garbles
        | Malice::Cuts => {
            let _cut = tokio::time::timeout(LASTS_MAX, both).await;
        }
    }
}

/// From the box to the broker.
async fn upwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    back: Arc<Mutex<OwnedWriteHalf>>,
    malice: Malice,
) -> Option<()> {
    loop {
        let packet = read(&mut from).await?;
        let answer = match (malice, publish_id(&packet)) {
            (Malice::Quota, Some([high, low])) => Some(vec![0x40, 3, high, low, 0x97]),
            (Malice::Forgets, Some([high, low])) => Some(vec![0x40, 2, high, low]),
            (_, _) => None,
        };
        match answer {
            Some(answer) => back.lock().await.write_all(&answer).await.ok()?,
            None => to.write_all(&packet).await.ok()?,
        }
    }
}

/// From the broker to the box.
async fn downwards(
    mut from: OwnedReadHalf,
    to: Arc<Mutex<OwnedWriteHalf>>,
    malice: Malice,
) -> Option<()> {
    let (mut passed, mut held) = (0, Vec::new());
    loop {
        let packet = read(&mut from).await?;
        passed += 1;
        let is_ack = packet[0] == 0x40;
        let mut to = to.lock().await;
        match malice {
            Malice::TinyLimits if packet[0] == 0x20 => {
                // Accepted, with a receive maximum of 1 and a maximum packet size of 300.
                let limits = [0x20, 11, 0, 0, 8, 0x21, 0, 1, 0x27, 0, 0, 1, 0x2c];
                to.write_all(&limits).await.ok()?;
                continue;
            }
            Malice::ReversedAcks if is_ack => {
                held.push(packet);
                if held.len() == 4 {
                    for ack in held.drain(..).rev() {
                        to.write_all(&ack).await.ok()?;
                    }
                }
                continue;
            }
            Malice::LostAcks if is_ack && passed % 3 == 0 => continue,
            Malice::WrongAcks if passed > HONEST_PACKETS => {
                to.write_all(&[0x40, 2, 0x55, 0x55]).await.ok()?;
            }
            Malice::Garbles if passed > HONEST_PACKETS => {
                to.write_all(&[0xff; 64]).await.ok()?;
            }
            Malice::Cuts if passed > HONEST_PACKETS => {
                to.write_all(&packet[..packet.len() / 2]).await.ok()?;
                return None;
            }
            Malice::Stalls if passed > HONEST_PACKETS => {
                // Nothing is read or written any more; the socket stays open.
                std::future::pending::<()>().await;
            }
            Malice::WrongAcks
            | Malice::ReversedAcks
            | Malice::LostAcks
            | Malice::Quota
            | Malice::Forgets
            | Malice::Stalls
            | Malice::TinyLimits
            | Malice::Garbles
            | Malice::Cuts
            | Malice::Honest => {}
        }
        to.write_all(&packet).await.ok()?;
    }
}

/// A packet, header and all.
async fn read(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut packet = vec![from.read_u8().await.ok()?];
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = from.read_u8().await.ok()?;
        packet.push(byte);
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let begin = packet.len();
    packet.resize(begin + length, 0);
    from.read_exact(&mut packet[begin..]).await.ok()?;
    Some(packet)
}

/// The number of a PUBLISH with QoS 1.
fn publish_id(packet: &[u8]) -> Option<[u8; 2]> {
    if packet[0] & 0xf6 != 0x32 {
        return None;
    }
    let header = 1 + packet[1..].iter().position(|byte| byte & 0x80 == 0)? + 1;
    let topic = usize::from(u16::from_be_bytes([*packet.get(header)?, *packet.get(header + 1)?]));
    Some([*packet.get(header + 2 + topic)?, *packet.get(header + 3 + topic)?])
}

#[test]
fn nothing_is_lost_or_told_twice_through_a_broker_that_breaks_the_protocol() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let hostile = Hostile::before(broker.port, ALL.to_vec()).await;
        let mut bench = Bench::new(broker.port);
        bench.restart_receiver().await;
        bench.port = hostile.port;
        let (opened, handle) = bench.start_box();
        let mut number = 0;
        let mut clips = 0;
        // Until every malice had its connection; events and now and then a clip all the while.
        let deadline = hal::Clock::now(&*bench.clock).plus(Duration::from_secs(150));
        while hostile.seen.load(Ordering::Relaxed) <= ALL.len() {
            number += 1;
            handle.publish(bench.event(opened.boot, number)).expect("there is room");
            if number % 200 == 0 {
                clips += 1;
                bench.offer_clip((&opened, &handle), 20_000 + clips).await;
            }
            bench.pause(20).await;
            assert!(
                hal::Clock::now(&*bench.clock) < deadline,
                "after {} connections the box connects no more",
                hostile.seen.load(Ordering::Relaxed)
            );
        }
        bench.until("every acknowledgement", |_| handle.stats().live_unacked == 0).await;
        bench.until("every clip", |bench| bench.clips_told() == clips).await;
        let told = bench.events_told();
        assert_eq!(told.len(), number as usize, "every event");
        assert!(told.values().all(|times| *times == 1), "none twice");
        println!(
            "{number} events and {clips} clips through {} connections",
            hostile.seen.load(Ordering::Relaxed)
        );
    });
}
