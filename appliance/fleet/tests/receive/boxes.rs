//! A box as the receiver knows it: numbers its messages, sends them until they are acknowledged,
//! connects again, and says in `info` what it holds.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Retain, Security, Session};
use wire::birth::{Held, Info};
use wire::envelope::{BYTES_MAX, Body, Envelope, Notice, NoticeKind, VERSION};
use wire::ids::{BootId, Seq};
use wire::time::{ClockQuality, Monotonic, WallTime};
use wire::topic::{self, Device, Route};
use wire::transfer::Ack;

/// Messages that it has under way.
const WINDOW: u16 = 16;
/// What nothing was heard of for this long is sent again.
const WATCHDOG: Duration = Duration::from_millis(500);

pub(crate) const BOOT: BootId = BootId(7);

pub(crate) fn device(name: &str) -> Device {
    Device { tenant: "demo".parse().expect("a name"), device: name.parse().expect("a name") }
}

/// A connection that is up.
pub(crate) async fn connect(port: u16, device: &Device) -> Connection<()> {
    loop {
        let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain).expect("no TLS");
        let session = Session {
            client_id: format!("{}-{}", device.tenant, device.device),
            keep_alive: Duration::from_secs(60),
            will: None,
            window: 64,
            packet_bytes_max: 1 << 20,
            subscriptions: vec![
                device.ack().as_str().to_owned(),
                device.file_response().as_str().to_owned(),
            ],
        };
        let mut connection = Connection::open(&endpoint, session);
        match connection.next().await {
            Event::Up(_) => return connection,
            Event::Down(_) => tokio::task::yield_now().await,
            other @ (Event::Answered(..) | Event::Message(_)) => panic!("{other:?}"),
        }
    }
}

/// Sends messages 1 to `count` until all of them are acknowledged, across whatever happens to the
/// broker and the receivers. Returns how many were sent again.
pub(crate) async fn deliver(port: u16, device: Device, count: u64) -> u64 {
    let (mut acknowledged, mut again) = (0, 0);
    while acknowledged < count {
        let mut connection = connect(port, &device).await;
        tell(&mut connection, &device, info(&device, (acknowledged + 1, count)));
        let mut waiting: VecDeque<u64> = (acknowledged + 1..=count).collect();
        // The birth is under way as well.
        let mut flying = 1_u16;
        while acknowledged < count {
            while flying < WINDOW
                && let Some(seq) = waiting.pop_front()
            {
                connection.publish((), event(&device, seq)).expect("the window is open");
                flying += 1;
            }
            match tokio::time::timeout(WATCHDOG, connection.next()).await {
                Ok(Event::Answered((), _)) => flying = flying.saturating_sub(1),
                Ok(Event::Message(message)) => {
                    let ack: Ack = serde_json::from_slice(message.payload()).expect("an ack");
                    assert!(ack.upto_seq.0 <= count, "more than was sent: {ack:?}");
                    acknowledged = acknowledged.max(ack.upto_seq.0);
                    waiting.retain(|seq| *seq > acknowledged);
                }
                Ok(Event::Up(_)) => {}
                Ok(Event::Down(_)) => break,
                Err(_elapsed) if waiting.is_empty() => {
                    waiting.extend(acknowledged + 1..=count);
                    again += waiting.len() as u64;
                    // What the broker has not answered by now it never will.
                    flying = 0;
                }
                Err(_elapsed) => {}
            }
        }
    }
    again
}

pub(crate) fn tell(connection: &mut Connection<()>, device: &Device, message: Message) {
    let topic = message.topic.clone();
    connection.publish((), message).unwrap_or_else(|error| panic!("{device:?} {topic}: {error}"));
}

/// The birth of a box that holds these messages.
pub(crate) fn info(device: &Device, (from, upto): (u64, u64)) -> Message {
    let held =
        Held { boot: BOOT, from_seq: Seq(from), upto_seq: Seq(upto), gaps: heapless::Vec::new() };
    let info = Info {
        v: VERSION,
        dev: device.device.clone(),
        boot: BOOT,
        firmware: "0.1.0".chars().collect(),
        ts_us: WallTime(0),
        held: [held].into_iter().collect(),
        schema: None,
    };
    Message {
        topic: device.info().as_str().to_owned(),
        payload: serde_json::to_vec(&info).expect("JSON").into(),
        encoding: Encoding::Json,
        retain: Retain::Yes,
    }
}

/// The text of a message, by which its content is known again.
pub(crate) fn content(device: &Device, seq: u64) -> String {
    format!("{} message {seq}", device.device)
}

pub(crate) fn event(device: &Device, seq: u64) -> Message {
    let text = content(device, seq).chars().collect();
    let body = Body::Notice(Notice { kind: NoticeKind::SourceUp, source: None, count: 1, text });
    let route = Route::of(&body);
    let envelope = Envelope {
        v: VERSION,
        dev: device.device.clone(),
        boot: BOOT,
        seq: Seq(seq),
        ts_us: WallTime(1_790_000_000_000_000),
        mono_us: Monotonic(seq),
        clock: ClockQuality::Unknown,
        body,
    };
    let mut buffer = [0; BYTES_MAX];
    let bytes = postcard::to_slice(&envelope, &mut buffer).expect("it fits");
    raw(device.event(topic::Encoding::Postcard, &route).as_str(), bytes)
}

pub(crate) fn raw(topic: &str, bytes: &[u8]) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: Bytes::copy_from_slice(bytes),
        encoding: Encoding::Postcard,
        retain: Retain::No,
    }
}
