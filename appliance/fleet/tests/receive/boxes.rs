//! A box as the receiver knows it: numbers its messages, sends them until they are acknowledged,
//! connects again, and says in `info` what it holds.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Retain, Security, Session};
use sha2::{Digest, Sha256};
use wire::birth::{Held, Info};
use wire::clip::ClipRecord;
use wire::envelope::{BYTES_MAX, Body, Envelope, Notice, NoticeKind, VERSION};
use wire::ids::{BootId, ClipId, Seq};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};
use wire::topic::{self, Device, FilePart, Route};
use wire::transfer::{Ack, FileInit, FileResponse, FileStep, FileWay};
use wire::units::PictureSize;

/// Messages that it has under way.
const WINDOW: usize = 16;
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
        // Where it is not taken the connection is over, too, and it goes with the next one.
        let _over = connection.publish((), info(&device, (acknowledged + 1, count)));
        let mut waiting: VecDeque<u64> = (acknowledged + 1..=count).collect();
        while acknowledged < count {
            while connection.unanswered() < WINDOW
                && let Some(seq) = waiting.pop_front()
            {
                // The connection is over: its last event follows.
                if connection.publish((), event(&device, seq)).is_err() {
                    waiting.push_front(seq);
                    break;
                }
            }
            match tokio::time::timeout(WATCHDOG, connection.next()).await {
                Ok(Event::Message(message)) => {
                    let ack: Ack = serde_json::from_slice(message.payload()).expect("an ack");
                    assert!(ack.upto_seq.0 <= count, "more than was sent: {ack:?}");
                    acknowledged = acknowledged.max(ack.upto_seq.0);
                    waiting.retain(|seq| *seq > acknowledged);
                }
                Ok(Event::Up(_) | Event::Answered(..)) => {}
                Ok(Event::Down(_)) => break,
                Err(_elapsed) if waiting.is_empty() => {
                    waiting.extend(acknowledged + 1..=count);
                    again += waiting.len() as u64;
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

/// A clip's content, known again by its box.
pub(crate) fn clip(device: &Device, bytes: usize) -> Vec<u8> {
    device.device.as_str().bytes().cycle().take(bytes).collect()
}

/// Sends a clip as segments until it is stored.
pub(crate) async fn upload(port: u16, device: Device, bytes: usize) {
    upload_by(port, (device, FileWay::Segments), bytes).await;
}

/// Announces a clip, sends what is missing of it and its end, and again, until it is stored. A part
/// that it is given a link for it puts there, whatever becomes of it.
pub(crate) async fn upload_by(port: u16, (device, way): (Device, FileWay), bytes: usize) {
    let content = clip(&device, bytes);
    let record = record(&content);
    let mut connection = connect(port, &device).await;
    tell(&mut connection, &device, info(&device, (1, 1)));
    let file = |part: &FilePart| device.file(record.id, part).as_str().to_owned();
    let init = FileInit {
        name: "clip.mp4".chars().collect(),
        size: record.bytes,
        checksum: record.sha256.clone(),
        user_data: record.clone(),
        way,
    };
    let init = serde_json::to_vec(&init).expect("JSON");
    loop {
        tell(&mut connection, &device, raw(&file(&FilePart::Init), &init));
        let Some(told) = response(&mut connection).await else { continue };
        match (told.step, told.reason_code) {
            (FileStep::Init, FileResponse::PERSISTED) if told.missing.is_empty() => {}
            (FileStep::Init, FileResponse::PERSISTED) if told.link.is_some() => {
                put(&told, &content).await;
                continue;
            }
            (FileStep::Init, FileResponse::PERSISTED) => {
                send_segments(&mut connection, (&device, &record), (&content, &told.missing)).await;
            }
            (FileStep::Fin, FileResponse::PERSISTED) => return,
            (FileStep::Init | FileStep::Segments | FileStep::Fin, _again) => continue,
        }
        let fin = FilePart::Fin(record.bytes, record.sha256.clone());
        tell(&mut connection, &device, raw(&file(&fin), &[]));
        if let Some(FileResponse {
            step: FileStep::Fin,
            reason_code: FileResponse::PERSISTED,
            ..
        }) = response(&mut connection).await
        {
            return;
        }
    }
}

/// Puts the first range that is missing to its link.
async fn put(told: &FileResponse, content: &[u8]) {
    // Whoever was first is the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let (Some(link), Some((start, end))) = (&told.link, told.missing.first()) else { return };
    let part = content[*start as usize..*end as usize].to_vec();
    let _gone = reqwest::Client::new().put(link.as_str()).body(part).send().await;
}

async fn send_segments(
    connection: &mut Connection<()>,
    (device, record): (&Device, &ClipRecord),
    (content, missing): (&[u8], &[(u64, u64)]),
) {
    for (from, to) in missing {
        let range = *from as usize..*to as usize;
        for (number, segment) in content[range].chunks(32 * 1024).enumerate() {
            let offset = from + number as u64 * 32 * 1024;
            let topic = device.file(record.id, &FilePart::Segment(offset));
            while connection.unanswered() >= WINDOW {
                let _answered = connection.next().await;
            }
            tell(connection, device, raw(topic.as_str(), segment));
        }
    }
}

/// What the receiver says next; `None` when it says nothing for a while.
async fn response(connection: &mut Connection<()>) -> Option<FileResponse> {
    loop {
        match tokio::time::timeout(WATCHDOG, connection.next()).await {
            Err(_elapsed) => return None,
            Ok(Event::Message(message)) if message.topic().ends_with("/file-response") => {
                return Some(serde_json::from_slice(message.payload()).expect("a response"));
            }
            Ok(Event::Down(reason)) => panic!("{reason}"),
            Ok(Event::Up(_) | Event::Answered(..) | Event::Message(_)) => {}
        }
    }
}

pub(crate) fn record(content: &[u8]) -> ClipRecord {
    ClipRecord {
        id: ClipId(0xabc),
        source: "court-1".parse().expect("a name"),
        interval: MediaInterval { start: MediaTime(0), end: MediaTime(90_000) },
        frames: 25,
        picture: PictureSize { width: 1280, height: 720 },
        bytes: content.len() as u64,
        sha256: format!("{:x}", Sha256::digest(content)).chars().collect(),
        starts: WallTime(1_790_000_000_000_000),
        events: std::iter::empty().collect(),
    }
}
