//! A publisher made by hand: the bytes that a test wants to send, and a session that reads them.

#![allow(dead_code, reason = "every test binary uses another part of it")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use ingest::limits::Limits;
use ingest::rtmp::amf0::{self, Value};
use ingest::rtmp::{Event, Refusal, Session};
use wire::time::Monotonic;

pub(crate) const AUDIO: u8 = 8;
pub(crate) const VIDEO: u8 = 9;
pub(crate) const DATA: u8 = 18;
pub(crate) const COMMAND: u8 = 20;

/// C0, C1 and C2.
pub(crate) fn handshake() -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.extend((0..2 * 1536).map(|at: u32| (at * 7) as u8));
    bytes
}

/// One message with a full header, in chunks of at most `u24::MAX`, so in one.
pub(crate) fn message(kind: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let field = timestamp.min(0x00FF_FFFF).to_be_bytes();
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![kind.max(3)];
    bytes.extend_from_slice(&field[1..]);
    bytes.extend_from_slice(&length[1..]);
    bytes.extend_from_slice(&[kind, 1, 0, 0, 0]);
    if timestamp >= 0x00FF_FFFF {
        bytes.extend_from_slice(&timestamp.to_be_bytes());
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// A chunk size that puts every message of a test into one chunk.
pub(crate) fn one_chunk() -> Vec<u8> {
    message(1, 0, &0x00FF_FFFF_u32.to_be_bytes())
}

pub(crate) fn command(values: &[Value]) -> Vec<u8> {
    message(COMMAND, 0, &encoded(values))
}

pub(crate) fn encoded(values: &[Value]) -> Vec<u8> {
    let mut payload = Vec::new();
    values.iter().for_each(|value| amf0::encode(value, &mut payload));
    payload
}

pub(crate) fn connect(app: &str) -> Vec<u8> {
    let object = Value::Object(vec![("app".to_owned(), app.into())]);
    command(&["connect".into(), Value::Number(1.0), object])
}

pub(crate) fn call(name: &str, argument: &str) -> Vec<u8> {
    command(&[name.into(), Value::Number(4.0), Value::Null, argument.into()])
}

/// Everything up to and including `publish`, in one chunk a message.
pub(crate) fn opening(app: &str, key: &str) -> Vec<u8> {
    let create = command(&["createStream".into(), Value::Number(2.0), Value::Null]);
    [
        handshake(),
        one_chunk(),
        connect(app),
        call("releaseStream", key),
        call("FCPublish", key),
        create,
        command(&["publish".into(), Value::Number(5.0), Value::Null, key.into(), "live".into()]),
    ]
    .concat()
}

/// The same with an accepted publisher.
pub(crate) fn publishing(limits: Limits) -> Session {
    let mut session = Session::new(limits, Monotonic(0));
    session.handle_bytes(Monotonic(0), &opening("live", "secret")).unwrap();
    assert!(matches!(session.next_event(), Some(Event::PublishRequested { .. })));
    session.accept_publish(Monotonic(0)).unwrap();
    while session.next_output().is_some() {}
    session
}

/// All events so far.
pub(crate) fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.next_event()).collect()
}

/// All output so far.
pub(crate) fn output(session: &mut Session) -> Vec<u8> {
    std::iter::from_fn(|| session.next_output()).flatten().collect()
}

/// Feeds `bytes` in pieces, accepts whoever asks, and returns the events and the refusal.
pub(crate) fn feed(limits: Limits, bytes: &[u8], piece: usize) -> (Vec<Event>, Option<Refusal>) {
    let mut session = Session::new(limits, Monotonic(0));
    let mut all = Vec::new();
    for bytes in bytes.chunks(piece) {
        let mut refusal = session.handle_bytes(Monotonic(0), bytes).err();
        while let Some(event) = session.next_event() {
            if matches!(event, Event::PublishRequested { .. }) {
                refusal = refusal.or(session.accept_publish(Monotonic(0)).err());
            }
            all.push(event);
        }
        output(&mut session);
        if refusal.is_some() {
            return (all, refusal);
        }
    }
    (all, None)
}

/// `avcC` of a 320x180 High-profile stream of x264: cropped, with emulation prevention.
pub(crate) const AVCC: [u8; 46] = [
    0x01, 0x64, 0x00, 0x0c, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41,
    0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42,
    0x99, 0x60, 0x01, 0x00, 0x05, 0x68, 0xef, 0x83, 0x1c, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
];

/// A video message with the configuration above.
pub(crate) fn video_configuration() -> Vec<u8> {
    message(VIDEO, 0, &[[0x17, 0, 0, 0, 0].as_slice(), &AVCC].concat())
}

/// The body of a video tag with one NAL unit of `nal_type`.
pub(crate) fn frame(nal_type: u8, composition_ms: i32) -> Vec<u8> {
    let [_, a, b, c] = composition_ms.to_be_bytes();
    vec![0x27, 1, a, b, c, 0, 0, 0, 3, 0x60 | nal_type, 0xaa, 0xbb]
}
