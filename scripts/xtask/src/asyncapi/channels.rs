//! What the types cannot say: which topic carries which message, in which direction, how sure and
//! whether the broker keeps it; and an example of each.
//!
//! Owns: the list of channels. Topics are built by `wire::topic`, examples are the messages of
//! wire's golden tests. Must not: describe a message; the schemas do.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};
use wire::command::Verb;
use wire::envelope::{BYTES_MAX, Body, Envelope};
use wire::ids::{ClipId, Name};
use wire::topic::{
    self, Device, Encoding, FilePart, KIND_BOARD, KIND_CLIP, KIND_NOTICE, Route, Topic,
};

use super::Description;
use super::schemas::PLACE;

#[path = "../../../../appliance/wire/tests/samples/mod.rs"]
pub(super) mod samples;

/// Group of the telemetry that has no type.
const TELEMETRY_PIPELINE: &str = "pipeline";
/// Its schema, written by hand.
const PIPELINE: &str = include_str!("pipeline.json");

/// One topic.
struct Channel {
    id: &'static str,
    address: String,
    description: &'static str,
    says: Says,
    qos: u8,
    retain: Retain,
    /// Ids of its messages.
    messages: &'static [&'static str],
}

/// Who publishes.
#[derive(Clone, Copy)]
enum Says {
    Box,
    Receiver,
    Operator,
}

#[derive(Clone, Copy)]
enum Retain {
    No,
    Yes,
}

/// One message: its schema, what it is, an example.
struct Message {
    id: &'static str,
    title: &'static str,
    content_type: &'static str,
    payload: Value,
    example: Option<Value>,
}

pub(super) fn document(description: &Description) -> Result<Value> {
    let listed = channels()?;
    let mut schemas = description.schemas.clone();
    let pipeline = serde_json::from_str(PIPELINE).context("pipeline.json is not JSON")?;
    schemas.insert("Pipeline".to_owned(), pipeline);
    let listed_messages = messages()?;
    let messages =
        listed_messages.iter().map(|message| (message.id.to_owned(), of_message(message)));
    let messages: Map<String, Value> = messages.collect();
    let kinds = kinds(description)?;
    let channels: Map<String, Value> =
        listed.iter().map(|channel| (channel.id.to_owned(), of_channel(channel, &kinds))).collect();
    let operations: Map<String, Value> = listed.iter().map(of_operation).collect();
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Courtside over MQTT",
            "version": format!("{}.{}", topic::ROOT.trim_start_matches("cv"), wire::envelope::VERSION),
            "description": "What a courtside box tells and takes. Generated from the types of \
                `appliance/wire` by `cargo xtask asyncapi`; how to use it: docs/subscriber.md. The \
                box is the application: it sends what it tells. A reader ignores fields and \
                variants that it does not know; they are only ever added.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "x-schema-hash": description.hash,
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": schemas,
            "messages": messages,
            "parameters": parameters(),
        },
        "x-postcard": {
            "description": "Layout in postcard: the fields of a record in their order, the variants \
                of an enum with their numbers from 0, or the one thing that a new type holds. u16 to \
                u64 are varints, i16 to i64 zigzag varints, u8 one byte, text and lists begin with \
                their length as a varint, optional with 0 or 1.",
            "types": description.layouts,
        },
    }))
}

fn channels() -> Result<Vec<Channel>> {
    let name = |text: &str| text.parse::<Name>().context("a name");
    let device = Device { tenant: name("_tenant_")?, device: name("_device_")? };
    let route: Route = "_source_/_kind_".parse().context("a route")?;
    let id = ClipId(0x1d1d_1d1d_1d1d_1d1d_1d1d_1d1d_1d1d_1d1d);
    let (number, sha) = (u64::MAX, "0".repeat(64));
    let fin = FilePart::Fin(number, samples::text(&sha));
    let address = |topic: Topic, count: &str| {
        topic
            .replace("_tenant_", "{tenant}")
            .replace("_device_", "{device}")
            .replace("_source_", "{source}")
            .replace("_kind_", "{kind}")
            .replace(&id.to_string(), "{id}")
            .replace(&sha, "{sha256}")
            .replace(&number.to_string(), count)
    };
    let tel = |group: &str| Ok::<_, anyhow::Error>(address(device.telemetry(&name(group)?), ""));
    let from_box = |id, address, description, qos, messages| Channel {
        id,
        address,
        description,
        says: Says::Box,
        qos,
        retain: Retain::No,
        messages,
    };
    let kept = |channel: Channel| Channel { retain: Retain::Yes, ..channel };
    let to_box = |channel: Channel| Channel { says: Says::Receiver, ..channel };
    let file = |part: &FilePart, count: &str| address(device.file(id, part), count);
    let event = |encoding| address(device.event(encoding, &route), "");
    let mut told = vec![
        from_box("events", event(Encoding::Json), EVENTS, 1, &["game", "clip", "notice", "board"]),
        from_box("eventsPostcard", event(Encoding::Postcard), EVENTS_POSTCARD, 1, &["postcard"]),
        kept(from_box("state", address(device.state(), ""), STATE, 1, &["state"])),
        kept(from_box("info", address(device.info(), ""), INFO, 1, &["info"])),
        from_box("telemetryPipeline", tel(TELEMETRY_PIPELINE)?, PIPELINE_TOLD, 0, &["pipeline"]),
        from_box("telemetryTimeline", tel(topic::TELEMETRY_TIMELINE)?, TIMELINE, 0, &["timeline"]),
        from_box("telemetryPlayers", tel(topic::TELEMETRY_PLAYERS)?, PLAYERS, 0, &["players"]),
        to_box(from_box("ack", address(device.ack(), ""), ACK, 1, &["ack"])),
        from_box("fileInit", file(&FilePart::Init, ""), FILE_INIT, 1, &["fileInit"]),
        from_box(
            "fileSegment",
            file(&FilePart::Segment(number), "{offset}"),
            SEGMENT,
            1,
            &["octets"],
        ),
        from_box("fileFin", file(&fin, "{size}"), FIN, 1, &["empty"]),
        from_box("fileAbort", file(&FilePart::Abort, ""), ABORT, 1, &["empty"]),
        to_box(from_box(
            "fileResponse",
            address(device.file_response(), ""),
            RESPONSE,
            1,
            &["fileResponse"],
        )),
    ];
    told.extend(asked(&device)?);
    Ok(told)
}

/// What boxes are asked for, and what they ask for themselves.
fn asked(device: &Device) -> Result<Vec<Channel>> {
    let verb: Name = "_verb_".parse().context("a name")?;
    let address = |topic: Topic| {
        topic
            .replace("_tenant_", "{tenant}")
            .replace("_device_", "{device}")
            .replace("_verb_", "{verb}")
    };
    let one = |id, topic, (says, description), messages| Channel {
        id,
        address: address(topic),
        description,
        says,
        qos: 1,
        retain: Retain::No,
        messages,
    };
    let (operator, receiver) = ((Says::Operator, COMMAND), (Says::Receiver, ENROL_RESPONSE));
    let answer = (Says::Box, COMMAND_RESPONSE);
    Ok(vec![
        one("command", device.command(&verb), operator, &["command", "signedCommand"]),
        one("commandResponse", device.command_response(), answer, &["commandResponse"]),
        one("enrol", device.enrol(), (Says::Box, ENROL), &["enrol"]),
        one("enrolResponse", device.enrol_response(), receiver, &["enrolResponse"]),
    ])
}

const EVENTS: &str = "What happens, as JSON. Drop duplicates by (dev, boot, seq); let later revisions of an event win.";
const EVENTS_POSTCARD: &str = "The same messages as postcard, under the same sequence numbers.";
const STATE: &str = "Whether the box is there. `lost` is its last will, published by the broker.";
const INFO: &str = "Published with every connection: which start of the box this is, its firmware, which messages it still holds.";
const PIPELINE_TOLD: &str =
    "Counters, every two seconds while something happens; else about once an hour.";
const TIMELINE: &str = "How the clock of each source runs, as often as the counters.";
const PLAYERS: &str =
    "Who is in the picture, once a second for each source; only from boxes with a `players` pack.";
const ACK: &str = "The receiver's word that it has durably stored every message of a boot up to a number. Whoever sends it takes the place of `courtside-fleet receive`.";
const FILE_INIT: &str = "A clip is announced.";
const SEGMENT: &str = "Bytes of the clip from this offset on.";
const FIN: &str = "All of the clip was sent: its size in bytes and its SHA-256.";
const ABORT: &str = "The box gives the clip up.";
const RESPONSE: &str = "The receiver's answer to a message of an upload. Whoever sends it takes the place of `courtside-fleet receive`.";

const COMMAND: &str = "What the box is asked to do, if its `[commands] accept` says that it takes commands. Whoever hears nothing within some seconds sends the same one again: it is done once.";
const COMMAND_RESPONSE: &str =
    "What became of a command, also of one that somebody else sent: look for your own id.";

const ENROL: &str = "A box asks for a certificate, with a claim or with its present one.";
const ENROL_RESPONSE: &str = "The authority's answer.";

fn messages() -> Result<Vec<Message>> {
    let event = |id, title, variant: &str, body: Body| {
        let narrowed = json!({ "properties": { "body": { "required": [variant] } } });
        let payload = json!({ "allOf": [reference("Envelope"), narrowed] });
        let example = example(&samples::envelope(body))?;
        Ok::<_, anyhow::Error>(Message { payload, ..typed(id, title, "Envelope", example) })
    };
    let bytes = |id, title, content_type, payload| Message {
        id,
        title,
        content_type,
        payload,
        example: None,
    };
    let octets = json!({ "type": "string", "format": "binary" });
    let mut postcard = bytes("postcard", "An envelope", "application/x-postcard", octets.clone());
    postcard.payload["description"] =
        "Envelope, as `x-postcard` says; the example's bytes are written as hexadecimal digits."
            .into();
    postcard.example = Some(hex(&samples::envelope(Body::Game(samples::game())))?.into());
    let pipeline =
        Message { example: None, ..typed("pipeline", "Counters", "Pipeline", Value::Null) };
    let mut told = vec![
        event("game", "Something happened in the game", "game", Body::Game(samples::game()))?,
        event("clip", "A clip was cut", "clip", Body::Clip(samples::clip()))?,
        event(
            "notice",
            "Something is lost or degraded",
            "notice",
            Body::Notice(samples::notice()),
        )?,
        event(
            "board",
            "The scoreboard says something new",
            "board",
            Body::Board(samples::board()),
        )?,
        postcard,
        typed("state", "Whether the box is there", "BoxState", example(&samples::state())?),
        typed("info", "The birth of a connection", "Info", example(&samples::info())?),
        pipeline,
        typed("timeline", "A source's clock", "SourceTimeline", example(&samples::timeline())?),
        typed("players", "Who is in the picture", "PlayersSeen", example(&samples::players())?),
        typed("ack", "Cumulative acknowledgement", "Ack", example(&samples::ack())?),
        typed("fileInit", "Announcement of a clip", "FileInit", example(&samples::init())?),
        typed("fileResponse", "Answer", "FileResponse", example(&samples::response())?),
        bytes("octets", "A part of a clip", "application/octet-stream", octets),
        bytes(
            "empty",
            "Nothing",
            "application/octet-stream",
            json!({ "type": "string", "maxLength": 0 }),
        ),
    ];
    told.extend(asked_messages()?);
    Ok(told)
}

/// What goes over the channels of [`asked`].
fn asked_messages() -> Result<Vec<Message>> {
    Ok(vec![
        typed("command", "Something to do", "Command", example(&samples::command())?),
        typed("signedCommand", "The same, signed", "Signed", example(&samples::signed())?),
        typed(
            "commandResponse",
            "What became of it",
            "CommandResponse",
            example(&samples::command_response())?,
        ),
        typed("enrol", "A certificate is asked for", "EnrolRequest", example(&samples::enrol())?),
        typed(
            "enrolResponse",
            "A certificate, or why not",
            "EnrolResponse",
            example(&samples::enrolled())?,
        ),
    ])
}

fn typed(id: &'static str, title: &'static str, name: &str, example: Value) -> Message {
    Message {
        id,
        title,
        content_type: "application/json",
        payload: reference(name),
        example: Some(example),
    }
}

fn example(message: &impl Serialize) -> Result<Value> {
    serde_json::to_value(message).context("a message is JSON")
}

fn hex(envelope: &Envelope) -> Result<String> {
    let mut buffer = [0; BYTES_MAX];
    let bytes = postcard::to_slice(envelope, &mut buffer).context("an envelope fits")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#{PLACE}/{schema}") })
}

fn of_message(message: &Message) -> Value {
    let is_text = message.content_type == "application/json";
    let mut told = json!({
        "title": message.title,
        "contentType": message.content_type,
        "payload": message.payload,
        "bindings": {
            "mqtt": { "payloadFormatIndicator": u8::from(is_text), "bindingVersion": "0.2.0" }
        },
    });
    if let Some(example) = &message.example {
        told["examples"] = json!([{ "payload": example }]);
    }
    told
}

fn of_channel(channel: &Channel, kinds: &[String]) -> Value {
    let names = channel.address.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let parameter = |name: &str| {
        let told = match name {
            "kind" => json!({ "description": "What the message tells of.", "enum": kinds }),
            "verb" => {
                let verbs = Verb::ALL.map(Verb::as_str);
                json!({ "description": "What is to be done.", "enum": verbs })
            }
            other => json!({ "$ref": format!("#/components/parameters/{other}") }),
        };
        (name.to_owned(), told)
    };
    let parameters: Map<String, Value> = names.map(parameter).collect();
    let message =
        |id: &&str| ((*id).to_owned(), json!({ "$ref": format!("#/components/messages/{id}") }));
    let messages: Map<String, Value> = channel.messages.iter().map(message).collect();
    json!({
        "address": channel.address,
        "description": channel.description,
        "parameters": parameters,
        "messages": messages,
    })
}

fn of_operation(channel: &Channel) -> (String, Value) {
    let (verb, action) = match channel.says {
        Says::Box => ("tell", "send"),
        Says::Receiver => ("take", "receive"),
        Says::Operator => ("obey", "receive"),
    };
    let mut letters = channel.id.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let name = format!("{verb}{}{}", first.unwrap_or_default(), letters.as_str());
    let messages = channel.messages.iter();
    let place = |id: &&str| json!({ "$ref": format!("#/channels/{}/messages/{id}", channel.id) });
    let operation = json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{}", channel.id) },
        "messages": messages.map(place).collect::<Vec<_>>(),
        "bindings": { "mqtt": {
            "qos": channel.qos,
            "retain": matches!(channel.retain, Retain::Yes),
            "bindingVersion": "0.2.0",
        } },
    });
    (name, operation)
}

fn parameters() -> Value {
    json!({
        "tenant": { "description": "Who owns the box." },
        "device": { "description": "The box, unique within its tenant." },
        "source": { "description": format!(
            "A source of the box, or `{}` for what concerns the whole box.", topic::SOURCE_BOX
        ) },
        "id": { "description": "The clip, 32 lower-case hexadecimal digits." },
        "offset": { "description": "Bytes of the file before this segment." },
        "size": { "description": "Size of the file in bytes." },
        "sha256": { "description": "SHA-256 of the file, 64 lower-case hexadecimal digits." },
    })
}

/// The last level of an event's topic.
fn kinds(description: &Description) -> Result<Vec<String>> {
    let games = description.layouts.get("enum EventKind").context("events have kinds")?;
    let others = [KIND_CLIP, KIND_NOTICE, KIND_BOARD].map(str::to_owned);
    Ok(games.iter().cloned().chain(others).collect())
}
