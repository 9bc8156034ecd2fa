//! MQTT topics. The encoding is part of the topic, because MQTT 3.1.1 clients never see
//! properties. At most seven slashes and 256 bytes, the strictest managed broker's limits.
//!
//! ```text
//! cv1/{tenant}/{device}/state                    retained JSON, also the last will
//! cv1/{tenant}/{device}/info                     retained JSON, the birth
//! cv1/{tenant}/{device}/evt/{source}/{kind}      QoS 1, JSON envelope
//! cv1/{tenant}/{device}/evtb/{source}/{kind}     QoS 1, postcard envelope, same sequence number
//! cv1/{tenant}/{device}/tel/{group}              QoS 0, JSON
//! cv1/{tenant}/{device}/ack                      in: cumulative acknowledgement
//! cv1/{tenant}/{device}/cmd/{verb}               in: what the box is asked to do, JSON
//! cv1/{tenant}/{device}/cmd-response             QoS 1, JSON
//! cv1/{tenant}/{device}/enrol                    QoS 1, JSON: asks for a certificate
//! cv1/{tenant}/{device}/enrol-response           in: the certificate
//! cv1/{tenant}/{device}/file/{id}/init | /{offset} | /fin/{size}/{sha256} | /abort
//! cv1/{tenant}/{device}/file-response            in
//! ```

use core::fmt::{self, Write};
use core::str::FromStr;

use heapless::String;

use crate::envelope::Body;
use crate::ids::{ClipId, NAME_BYTES_MAX, Name};

/// Longest topic in bytes.
pub const TOPIC_BYTES_MAX: usize = 256;

/// A topic's text.
pub type Topic = String<TOPIC_BYTES_MAX>;

/// First level of every topic: the protocol and its major version.
pub const ROOT: &str = "cv1";
/// Level of JSON events.
pub const EVENTS_JSON: &str = "evt";
/// Level of postcard events.
pub const EVENTS_POSTCARD: &str = "evtb";
/// Level of the retained connection state.
pub const STATE: &str = "state";
/// Level of the retained birth message.
pub const INFO: &str = "info";
/// Level of telemetry.
pub const TELEMETRY: &str = "tel";
/// Group of telemetry about the people in the picture.
pub const TELEMETRY_PLAYERS: &str = "players";
/// Group of telemetry about the clocks of the sources.
pub const TELEMETRY_TIMELINE: &str = "timeline";
/// Level of cumulative acknowledgements to the box.
pub const ACK: &str = "ack";
/// Level of file transfers from the box.
pub const FILE: &str = "file";
/// Level of file-transfer responses to the box.
pub const FILE_RESPONSE: &str = "file-response";
/// Level of what a box is asked to do.
pub const COMMAND: &str = "cmd";
/// Level of the box's answers to that.
pub const COMMAND_RESPONSE: &str = "cmd-response";
/// Level of a box's request for a certificate.
pub const ENROL: &str = "enrol";
/// Level of the authority's answer to that.
pub const ENROL_RESPONSE: &str = "enrol-response";
/// Kind level of a clip's record.
pub const KIND_CLIP: &str = "clip";
/// Kind level of a notice.
pub const KIND_NOTICE: &str = "notice";
/// Kind level of a scoreboard's reading.
pub const KIND_BOARD: &str = "board";
/// Source level of messages that concern the whole box.
pub const SOURCE_BOX: &str = "box";

/// One box's corner of the topic tree: builds every topic that concerns it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// Who owns the box.
    pub tenant: Name,
    /// The box, unique within its tenant.
    pub device: Name,
}

/// The end of an event's topic, `{source}/{kind}`. Kept with stored messages, so that even a
/// firmware that cannot read the message any more knows where it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(String<{ 2 * NAME_BYTES_MAX + 1 }>);

/// A text is no [`Route`]: it is not two names with a slash between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteError;

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a route is SOURCE/KIND, two names, such as court-1/made_shot")
    }
}

impl core::error::Error for RouteError {}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let (source, kind) = text.split_once('/').ok_or(RouteError)?;
        let _source: Name = source.parse().map_err(|_| RouteError)?;
        let _kind: Name = kind.parse().map_err(|_| RouteError)?;
        String::try_from(text).map(Self).map_err(|_| RouteError)
    }
}

impl Route {
    /// The route of a message.
    pub fn of(body: &Body) -> Self {
        let source = body.source().map_or(SOURCE_BOX, Name::as_str);
        let mut route = String::new();
        write!(route, "{source}/{}", body.kind())
            .expect("a name and a kind fit into two names and a slash");
        Self(route)
    }

    /// The route as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How an event is encoded; part of its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// JSON text, on `evt`.
    Json,
    /// postcard bytes, on `evtb`.
    Postcard,
}

/// Which message of an upload a topic carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePart {
    /// The announcement, a `FileInit` as JSON.
    Init,
    /// Bytes of the file from this offset on.
    Segment(u64),
    /// The end: size in bytes and SHA-256 of the whole file.
    Fin(u64, String<64>),
    /// The box gives the file up.
    Abort,
}

/// The part of a topic after the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Retained connection state.
    State,
    /// Retained birth.
    Info,
    /// An event in the given encoding.
    Event(Encoding),
    /// A message of a file transfer.
    File(ClipId, FilePart),
    /// Cumulative acknowledgement to the box.
    Ack,
    /// File-transfer response to the box.
    FileResponse,
    /// Something that the box is asked to do; the verb may be one that it does not know.
    Command(Name),
    /// The box's answer to that.
    CommandResponse,
    /// A box's request for a certificate.
    Enrol,
    /// The authority's answer to that.
    EnrolResponse,
}

impl Device {
    /// `…/state`.
    pub fn state(&self) -> Topic {
        self.topic(format_args!("{STATE}"))
    }

    /// `…/info`.
    pub fn info(&self) -> Topic {
        self.topic(format_args!("{INFO}"))
    }

    /// `…/ack`.
    pub fn ack(&self) -> Topic {
        self.topic(format_args!("{ACK}"))
    }

    /// `…/file-response`.
    pub fn file_response(&self) -> Topic {
        self.topic(format_args!("{FILE_RESPONSE}"))
    }

    /// `…/cmd/{verb}`.
    pub fn command(&self, verb: &Name) -> Topic {
        self.topic(format_args!("{COMMAND}/{verb}"))
    }

    /// `…/cmd-response`.
    pub fn command_response(&self) -> Topic {
        self.topic(format_args!("{COMMAND_RESPONSE}"))
    }

    /// `…/enrol`.
    pub fn enrol(&self) -> Topic {
        self.topic(format_args!("{ENROL}"))
    }

    /// `…/enrol-response`.
    pub fn enrol_response(&self) -> Topic {
        self.topic(format_args!("{ENROL_RESPONSE}"))
    }

    /// `…/tel/{group}`.
    pub fn telemetry(&self, group: &Name) -> Topic {
        self.topic(format_args!("{TELEMETRY}/{group}"))
    }

    /// `…/evt/{source}/{kind}` or `…/evtb/{source}/{kind}`.
    pub fn event(&self, encoding: Encoding, route: &Route) -> Topic {
        let level = match encoding {
            Encoding::Json => EVENTS_JSON,
            Encoding::Postcard => EVENTS_POSTCARD,
        };
        self.topic(format_args!("{level}/{}", route.as_str()))
    }

    /// `…/file/{id}/…`.
    pub fn file(&self, id: ClipId, part: &FilePart) -> Topic {
        match part {
            FilePart::Init => self.topic(format_args!("{FILE}/{id}/init")),
            FilePart::Segment(offset) => self.topic(format_args!("{FILE}/{id}/{offset}")),
            FilePart::Fin(size, sha256) => {
                self.topic(format_args!("{FILE}/{id}/fin/{size}/{sha256}"))
            }
            FilePart::Abort => self.topic(format_args!("{FILE}/{id}/abort")),
        }
    }

    fn topic(&self, leaf: fmt::Arguments<'_>) -> Topic {
        let mut topic = Topic::new();
        // Names have at most 32 bytes, numbers 20 and digests 64, so the longest topic has 192.
        write!(topic, "{ROOT}/{}/{}/{leaf}", self.tenant, self.device)
            .expect("a topic of bounded names fits into 256 bytes");
        topic
    }
}

/// Reads a topic of this protocol. `None` for every text that [`Device`] would not build: what
/// comes out consists of parsed types alone and may be used in file names.
pub fn parse(topic: &str) -> Option<(Device, Leaf)> {
    let mut levels = topic.split('/');
    if levels.next()? != ROOT {
        return None;
    }
    let tenant = levels.next()?.parse().ok()?;
    let device = levels.next()?.parse().ok()?;
    let leaf = match levels.next()? {
        STATE => Leaf::State,
        INFO => Leaf::Info,
        ACK => Leaf::Ack,
        FILE_RESPONSE => Leaf::FileResponse,
        EVENTS_JSON => parse_event(&mut levels, Encoding::Json)?,
        EVENTS_POSTCARD => parse_event(&mut levels, Encoding::Postcard)?,
        FILE => parse_file(&mut levels)?,
        COMMAND => Leaf::Command(levels.next()?.parse().ok()?),
        COMMAND_RESPONSE => Leaf::CommandResponse,
        ENROL => Leaf::Enrol,
        ENROL_RESPONSE => Leaf::EnrolResponse,
        _other => return None,
    };
    match levels.next() {
        Some(_) => None,
        None => Some((Device { tenant, device }, leaf)),
    }
}

fn parse_event<'a>(levels: &mut impl Iterator<Item = &'a str>, encoding: Encoding) -> Option<Leaf> {
    let _source: Name = levels.next()?.parse().ok()?;
    let _kind: Name = levels.next()?.parse().ok()?;
    Some(Leaf::Event(encoding))
}

fn parse_file<'a>(levels: &mut impl Iterator<Item = &'a str>) -> Option<Leaf> {
    let id = levels.next()?.parse().ok()?;
    let part = match levels.next()? {
        "init" => FilePart::Init,
        "abort" => FilePart::Abort,
        "fin" => {
            let size = parse_number(levels.next()?)?;
            FilePart::Fin(size, parse_sha256(levels.next()?)?)
        }
        offset => FilePart::Segment(parse_number(offset)?),
    };
    Some(Leaf::File(id, part))
}

/// Decimal digits only: `u64::from_str` would also take a leading `+`.
fn parse_number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn parse_sha256(text: &str) -> Option<String<64>> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let good = text.len() == 64 && text.bytes().all(lower);
    if good { String::try_from(text).ok() } else { None }
}
