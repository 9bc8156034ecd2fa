//! The commands of a publisher, and the replies that ffmpeg, OBS (librtmp) and GStreamer expect.
//! Only translation between messages and meaning: `session` decides what to do.

use bytes::Bytes;

use super::amf0::{self, Amf0Error, Value};
use super::chunk::Message;
use crate::limits::Limits;

/// Message types of the wire that this server knows.
pub(crate) mod kind {
    pub(crate) const SET_CHUNK_SIZE: u8 = 1;
    pub(crate) const ABORT: u8 = 2;
    pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
    pub(crate) const USER_CONTROL: u8 = 4;
    pub(crate) const WINDOW_ACKNOWLEDGEMENT_SIZE: u8 = 5;
    pub(crate) const SET_PEER_BANDWIDTH: u8 = 6;
    pub(crate) const AUDIO: u8 = 8;
    pub(crate) const VIDEO: u8 = 9;
    pub(crate) const DATA_AMF3: u8 = 15;
    pub(crate) const SHARED_OBJECT_AMF3: u8 = 16;
    pub(crate) const COMMAND_AMF3: u8 = 17;
    pub(crate) const DATA_AMF0: u8 = 18;
    pub(crate) const SHARED_OBJECT_AMF0: u8 = 19;
    pub(crate) const COMMAND_AMF0: u8 = 20;
    pub(crate) const AGGREGATE: u8 = 22;
}

/// What a publisher asks for. `transaction` is what the answer must repeat.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    Connect {
        transaction: f64,
        app: String,
    },
    ReleaseStream {
        transaction: f64,
    },
    FcPublish {
        transaction: f64,
        name: String,
    },
    CreateStream {
        transaction: f64,
    },
    Publish {
        name: String,
    },
    FcUnpublish,
    /// `deleteStream` and `closeStream`.
    CloseStream,
    Play,
    /// Anything else: encoders probe for functions that a publisher does not need.
    Other,
}

/// What the publisher says about its stream. For logs only: tracks are described by their
/// configuration records, which cannot lie to the decoder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Name and version of the encoder.
    pub encoder: Option<String>,
    /// Picture width in pixels.
    pub width: Option<f64>,
    /// Picture height in pixels.
    pub height: Option<f64>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
}

/// Decodes a command message (types 17 and 20).
pub(crate) fn parse(message: &Message, limits: &Limits) -> Result<Command, Amf0Error> {
    let values = amf0::decode(amf0_part(message, kind::COMMAND_AMF3), limits)?;
    let name = values.first().and_then(Value::as_str).unwrap_or_default();
    let transaction = values.get(1).and_then(Value::as_number).unwrap_or_default();
    let argument = || values.get(3).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(match name {
        "connect" => {
            let app = values.get(2).and_then(|object| object.get("app"));
            let app = app.and_then(Value::as_str).unwrap_or_default();
            Command::Connect { transaction, app: app_name(app).to_owned() }
        }
        "releaseStream" => Command::ReleaseStream { transaction },
        "FCPublish" => Command::FcPublish { transaction, name: argument() },
        "createStream" => Command::CreateStream { transaction },
        "publish" => Command::Publish { name: argument() },
        "FCUnpublish" => Command::FcUnpublish,
        "deleteStream" | "closeStream" => Command::CloseStream,
        "play" | "play2" => Command::Play,
        _ => Command::Other,
    })
}

/// Decodes a data message (types 15 and 18); `None` when it is not metadata.
pub(crate) fn parse_metadata(message: &Message, limits: &Limits) -> Option<Metadata> {
    let values = amf0::decode(amf0_part(message, kind::DATA_AMF3), limits).ok()?;
    let mut values = values.iter();
    let mut name = values.next()?.as_str()?;
    if name == "@setDataFrame" {
        name = values.next()?.as_str()?;
    }
    if name != "onMetaData" {
        return None;
    }
    let object = values.next()?;
    let number = |name| object.get(name).and_then(Value::as_number);
    let encoder = object.get("encoder").and_then(Value::as_str);
    Some(Metadata {
        encoder: encoder.map(|text| text.chars().take(80).collect()),
        width: number("width"),
        height: number("height"),
        frame_rate: number("framerate"),
    })
}

/// AMF3 messages of publishers are AMF0 after one byte.
fn amf0_part(message: &Message, amf3_kind: u8) -> &[u8] {
    match message.payload.split_first() {
        Some((0, rest)) if message.kind == amf3_kind => rest,
        _ => &message.payload,
    }
}

/// `live` out of `live`, `live/` and `live?token=1`.
fn app_name(app: &str) -> &str {
    app.split('?').next().unwrap_or_default().trim_matches('/')
}

/// A protocol control message with a 32-bit value.
pub(crate) fn control(kind: u8, value: u32) -> Message {
    message(kind, 0, &value.to_be_bytes())
}

/// Window size and limit type "dynamic".
pub(crate) fn set_peer_bandwidth(bytes: u32) -> Message {
    let [a, b, c, d] = bytes.to_be_bytes();
    message(kind::SET_PEER_BANDWIDTH, 0, &[a, b, c, d, 2])
}

/// "Stream begins" (user control event 0).
pub(crate) fn stream_begin(stream: u32) -> Message {
    let [a, b, c, d] = stream.to_be_bytes();
    message(kind::USER_CONTROL, 0, &[0, 0, a, b, c, d])
}

/// Answer to a ping (user control event 7).
pub(crate) fn pong(timestamp: [u8; 4]) -> Message {
    let [a, b, c, d] = timestamp;
    message(kind::USER_CONTROL, 0, &[0, 7, a, b, c, d])
}

/// `_result` of `connect`.
pub(crate) fn connected(transaction: f64) -> Message {
    let properties = Value::Object(vec![
        ("fmsVer".to_owned(), "FMS/3,0,1,123".into()),
        ("capabilities".to_owned(), Value::Number(31.0)),
        // Enhanced RTMP: what may be sent beside the codecs of plain FLV.
        ("fourCcList".to_owned(), Value::Array(vec!["avc1".into(), "hvc1".into(), "mp4a".into()])),
    ]);
    let mut info = status("NetConnection.Connect.Success", "Connected.", Level::Status);
    info.push(("objectEncoding".to_owned(), Value::Number(0.0)));
    let values = ["_result".into(), Value::Number(transaction), properties, Value::Object(info)];
    command(0, &values)
}

/// `_result` with at most one value.
pub(crate) fn result(transaction: f64, value: Value) -> Message {
    command(0, &["_result".into(), Value::Number(transaction), Value::Null, value])
}

/// `onFCPublish`.
pub(crate) fn on_fc_publish(stream_name: &str) -> Message {
    let info = Value::Object(status("NetStream.Publish.Start", stream_name, Level::Status));
    command(0, &["onFCPublish".into(), Value::Number(0.0), Value::Null, info])
}

/// `onStatus` on a message stream.
pub(crate) fn on_status(stream: u32, level: Level, code: &str, description: &str) -> Message {
    let info = Value::Object(status(code, description, level));
    command(stream, &["onStatus".into(), Value::Number(0.0), Value::Null, info])
}

/// Whether a status is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Status,
    Error,
}

fn status(code: &str, description: &str, level: Level) -> Vec<(String, Value)> {
    let level = match level {
        Level::Status => "status",
        Level::Error => "error",
    };
    vec![
        ("level".to_owned(), level.into()),
        ("code".to_owned(), code.into()),
        ("description".to_owned(), description.into()),
    ]
}

fn command(stream: u32, values: &[Value]) -> Message {
    let mut payload = Vec::with_capacity(256);
    values.iter().for_each(|value| amf0::encode(value, &mut payload));
    Message { kind: kind::COMMAND_AMF0, stream, timestamp: 0, payload: Bytes::from(payload) }
}

fn message(kind: u8, stream: u32, payload: &[u8]) -> Message {
    Message { kind, stream, timestamp: 0, payload: Bytes::copy_from_slice(payload) }
}
