//! What was heard, as a line for people or as JSON.
//!
//! Owns: the wording, and which messages were told before. Must not: pass on what could steer a
//! terminal; payloads come from a network.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt::Retain;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wire::birth::{BoxState, Info};
use wire::envelope::{Body, Envelope, VERSION};
use wire::event::Stage;
use wire::ids::{BootId, Seq};
use wire::players::PlayersSeen;
use wire::time::WallTime;
use wire::timeline::SourceTimeline;
use wire::topic::{
    EVENTS_JSON, EVENTS_POSTCARD, INFO, STATE, TELEMETRY, TELEMETRY_PLAYERS, TELEMETRY_TIMELINE,
};

use super::Heard;
use crate::line::{TimeOfDay, Told};

/// Messages that are remembered, so that one which is sent again is told once.
const REMEMBERED: usize = 4096;
/// Characters of a message of unknown form that are shown.
const SHOWN_MAX: usize = 160;

/// Whether lines for people are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// Puts what is heard into lines, each message once.
#[derive(Debug)]
pub struct Listener {
    colours: Colours,
    told: BTreeSet<(String, BootId, Seq)>,
    order: VecDeque<(String, BootId, Seq)>,
}

/// Escape sequences of a terminal, by what a line tells.
#[derive(Clone, Copy)]
enum Colour {
    Green,
    Yellow,
    Red,
    Magenta,
    Grey,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Green => "\x1b[32m",
            Self::Yellow => "\x1b[33m",
            Self::Red => "\x1b[31m",
            Self::Magenta => "\x1b[35m",
            Self::Grey => "\x1b[90m",
        }
    }
}

impl Listener {
    /// One that has heard nothing.
    pub const fn new(colours: Colours) -> Self {
        Self { colours, told: BTreeSet::new(), order: VecDeque::new() }
    }

    /// A line for people; `None` for what is not told again, and for postcard, which says what JSON
    /// does.
    pub fn line(&mut self, heard: &Heard) -> Option<String> {
        let topic = heard.message.topic();
        let (place, leaf) = split(topic)?;
        let (text, colour) = match self.event(heard)? {
            Some(envelope) => (Told(&envelope.body).to_string(), colour(&envelope.body)),
            None => (plain_text(leaf, heard.message.payload()), Colour::Grey),
        };
        // A name or a text of a message never reaches the terminal as a command.
        let text: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
        let line = format!("{} {place} {text}", TimeOfDay(heard.wall));
        Some(match self.colours {
            Colours::Yes => format!("{}{line}\x1b[0m", colour.code()),
            Colours::No => line,
        })
    }

    /// One JSON object; `None` as for [`Self::line`].
    pub fn json(&mut self, heard: &Heard) -> Option<String> {
        let message = &heard.message;
        let (place, _) = split(message.topic())?;
        self.event(heard)?;
        let (tenant, device) = place.split_once('/')?;
        let mut told = json!({
            "tenant": tenant,
            "device": device,
            "topic": message.topic(),
            "heard_us": heard.wall.0,
            "retain": message.retain() == Retain::Yes,
        });
        match serde_json::from_slice::<Value>(message.payload()) {
            Ok(payload) => told["message"] = payload,
            Err(_) => told["base64"] = STANDARD.encode(message.payload()).into(),
        }
        Some(told.to_string())
    }

    /// The event, if it is one that can be read. `None`: not to be told.
    #[allow(clippy::option_option, reason = "the outer one is whether to tell at all")]
    fn event(&mut self, heard: &Heard) -> Option<Option<Envelope>> {
        let topic = heard.message.topic();
        let (place, leaf) = split(topic)?;
        match leaf.split('/').next()? {
            EVENTS_POSTCARD => None,
            EVENTS_JSON => {
                let read: Option<Envelope> = serde_json::from_slice(heard.message.payload()).ok();
                let Some(envelope) = read.filter(|envelope| envelope.v == VERSION) else {
                    return Some(None);
                };
                let key = (place.to_owned(), envelope.boot, envelope.seq);
                self.is_new(key).then_some(Some(envelope))
            }
            _others => Some(None),
        }
    }

    fn is_new(&mut self, key: (String, BootId, Seq)) -> bool {
        if !self.told.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
        true
    }
}

/// `TENANT/DEVICE` and what is behind it.
fn split(topic: &str) -> Option<(&str, &str)> {
    let (_, rest) = topic.split_once('/')?;
    let end = rest.match_indices('/').nth(1)?.0;
    Some((&rest[..end], &rest[end + 1..]))
}

const fn colour(body: &Body) -> Colour {
    match body {
        Body::Game(event) => match event.stage {
            Stage::Provisional => Colour::Yellow,
            Stage::Confirmed => Colour::Green,
            Stage::Retracted => Colour::Red,
        },
        Body::Notice(_) => Colour::Magenta,
        Body::Clip(_) | Body::Board(_) => Colour::Green,
    }
}

fn plain_text(leaf: &str, payload: &[u8]) -> String {
    let levels: Vec<&str> = leaf.split('/').collect();
    let told = match levels.as_slice() {
        [STATE] => {
            read(payload).map(|BoxState { state, boot }| format!("{state:?}  boot {}", boot.0))
        }
        [INFO] => read(payload).map(|info: Info| birth(&info)),
        [TELEMETRY, TELEMETRY_PLAYERS] => read(payload).map(|seen: PlayersSeen| {
            let (people, balls) = (seen.people.len(), seen.balls.len());
            format!(
                "{}  {people} people, {balls} balls at {:.2} s",
                seen.source,
                seen.at.as_secs_f64()
            )
        }),
        [TELEMETRY, TELEMETRY_TIMELINE] => read(payload).map(|told: SourceTimeline| {
            let drift = told.drift_ppb.map_or("unknown".to_owned(), |ppb| {
                format!("{:+.1} ppm", f64::from(ppb) / 1_000.0)
            });
            format!("{}  {:?}  drift {drift}", told.source, told.state)
        }),
        _others => None,
    };
    let told = told.unwrap_or_else(|| match std::str::from_utf8(payload) {
        Ok(text) if text.chars().count() > SHOWN_MAX => {
            text.chars().take(SHOWN_MAX).chain(['…']).collect()
        }
        Ok(text) => text.to_owned(),
        Err(_) => format!("{} bytes that are no text", payload.len()),
    });
    format!("{leaf}  {told}")
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}

fn birth(info: &Info) -> String {
    let WallTime(born) = info.ts_us;
    let mut text = format!(
        "boot {} at {}  firmware {}",
        info.boot.0,
        TimeOfDay(WallTime(born)),
        info.firmware
    );
    let schema = info.schema.as_deref().unwrap_or("not told");
    let is_ours = if schema == wire::schema::HASH { " (ours)" } else { "" };
    let held = info.held.len();
    let _infallible = write!(text, "  schema {schema}{is_ours}  holds messages of {held} boots");
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mqtt::Incoming;
    use wire::time::Monotonic;

    use super::*;

    fn heard(leaf: &str, payload: &str) -> Heard {
        let message =
            Incoming::new(&format!("cv1/demo/court-1/{leaf}"), Bytes::from(payload.to_owned()));
        Heard { at: Monotonic(0), wall: WallTime(47_107_063_000), message }
    }

    fn notice(seq: u64, text: &str) -> Heard {
        let body =
            format!(r#"{{"notice":{{"kind":"evicted","source":null,"count":1,"text":"{text}"}}}}"#);
        let payload = format!(
            r#"{{"v":1,"dev":"court-1","boot":7,"seq":{seq},"ts_us":0,"mono_us":0,"clock":"unknown","body":{body}}}"#
        );
        heard("evt/box/notice", &payload)
    }

    fn line(leaf: &str, payload: &str) -> Option<String> {
        Listener::new(Colours::No).line(&heard(leaf, payload))
    }

    #[test]
    fn message_is_told_once_with_time_box_and_what_it_says() {
        let mut listener = Listener::new(Colours::No);
        let told = listener.line(&notice(1, "x"));
        assert_eq!(told.as_deref(), Some("13:05:07.063Z demo/court-1 notice  Evicted  x"));
        assert_eq!(listener.line(&notice(1, "x")), None);
        assert!(listener.line(&notice(2, "x")).is_some());
        assert_eq!(Listener::new(Colours::No).line(&heard("evtb/box/notice", "\u{1}")), None);
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut listener = Listener::new(Colours::No);
        let last = REMEMBERED as u64 + 1;
        for seq in 1..=last {
            assert!(listener.line(&notice(seq, "x")).is_some());
        }
        assert_eq!(listener.line(&notice(last, "x")), None);
        assert_eq!((listener.told.len(), listener.order.len()), (REMEMBERED, REMEMBERED));
    }

    #[test]
    fn text_of_a_message_cannot_steer_the_terminal() {
        let told = Listener::new(Colours::No).line(&notice(1, "\\u001b[2J\\u0007")).expect("new");
        assert!(told.ends_with("·[2J·"), "{told}");
        let raw = line("tel/odd", "\u{1b}[2J").expect("told");
        assert!(!raw.contains('\u{1b}'), "{raw}");
    }

    #[test]
    fn colours_are_there_only_when_asked_for() {
        let coloured = Listener::new(Colours::Yes).line(&notice(1, "x")).expect("new");
        assert!(coloured.starts_with("\x1b[35m") && coloured.ends_with("\x1b[0m"), "{coloured}");
    }

    #[test]
    fn state_birth_and_telemetry_are_told_in_words() {
        let state = line("state", r#"{"state":"lost","boot":7}"#).expect("told");
        assert!(state.ends_with("demo/court-1 state  Lost  boot 7"), "{state}");
        let info = r#"{"v":1,"dev":"court-1","boot":7,"firmware":"0.1.0","ts_us":0,"held":[]}"#;
        let info = line("info", info).expect("told");
        assert!(
            info.ends_with("firmware 0.1.0  schema not told  holds messages of 0 boots"),
            "{info}"
        );
        let long = format!(r#"{{"x":"{}"}}"#, "y".repeat(500));
        let odd = line("tel/pipeline", &long).expect("told");
        assert!(odd.ends_with("y…") && odd.len() < 300, "{odd}");
    }

    #[test]
    fn json_has_the_message_as_it_came() {
        let mut listener = Listener::new(Colours::No);
        let told = listener.json(&heard("state", r#"{"state":"ready","boot":7}"#)).expect("told");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(told["message"]["state"], "ready");
        assert_eq!((&told["tenant"], &told["device"]), (&json!("demo"), &json!("court-1")));
        let mut bytes = heard("tel/odd", "");
        bytes.message = Incoming::new("cv1/demo/court-1/tel/odd", Bytes::from_static(&[255]));
        let told = listener.json(&bytes).expect("told");
        assert!(told.contains(r#""base64":"/w==""#), "{told}");
    }
}
