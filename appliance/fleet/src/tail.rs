//! `courtside-fleet tail`: listens to what boxes tell, beside whoever receives it.
//!
//! Owns: what is subscribed, and a connection that comes back. Must not: publish anything.

mod heard;

use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use mqtt::{Connection, Endpoint, Event, Incoming, Session};
use outbox::{Backoff, Delays};
use tokio::sync::mpsc;
use wire::ids::Name;
use wire::time::{Monotonic, WallTime};
use wire::topic::{EVENTS_JSON, EVENTS_POSTCARD, INFO, ROOT, STATE, TELEMETRY};

pub use heard::{Colours, Listener};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
const PACKET_BYTES_MAX: u32 = 1024 * 1024;
const WINDOW: u16 = 64;
const STABLE: Duration = Duration::from_secs(10);
const RECONNECT: Delays =
    Delays { first: Duration::from_millis(250), longest: Duration::from_secs(15) };

/// What is listened to.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Boxes of this customer alone.
    pub tenant: Option<Name>,
    /// Boxes of this name alone.
    pub device: Option<Name>,
    /// Messages of these kinds alone: the last level of their topic. Empty: all but telemetry.
    pub kinds: Vec<Name>,
    /// Telemetry as well.
    pub telemetry: bool,
    /// Postcard as well; it says the same as JSON.
    pub postcard: bool,
}

impl Selection {
    /// Topic filters that bring this selection and nothing else.
    pub fn filters(&self) -> Vec<String> {
        let level = |name: &Option<Name>| name.as_ref().map_or("+", Name::as_str).to_owned();
        let boxes = format!("{ROOT}/{}/{}", level(&self.tenant), level(&self.device));
        let encodings: &[&str] =
            if self.postcard { &[EVENTS_JSON, EVENTS_POSTCARD] } else { &[EVENTS_JSON] };
        let events = |kind: &str| -> Vec<String> {
            encodings.iter().map(|level| format!("{level}/+/{kind}")).collect()
        };
        let mut leaves = Vec::new();
        if self.kinds.is_empty() {
            leaves.extend(events("+"));
            leaves.extend([STATE, INFO].map(str::to_owned));
            if self.telemetry {
                leaves.push(format!("{TELEMETRY}/+"));
            }
        }
        for kind in self.kinds.iter().map(Name::as_str) {
            if [STATE, INFO].contains(&kind) {
                leaves.push(kind.to_owned());
            } else {
                leaves.extend(events(kind));
                leaves.push(format!("{TELEMETRY}/{kind}"));
            }
        }
        leaves.into_iter().map(|leaf| format!("{boxes}/{leaf}")).collect()
    }
}

/// A message, and when it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// By the clock that never jumps.
    pub at: Monotonic,
    /// UTC.
    pub wall: WallTime,
    /// The message.
    pub message: Incoming,
}

/// Listens until `heard` is closed or it is dropped; connects again whenever the connection ends.
/// Needs a tokio runtime.
pub async fn tail<C: Clock>(
    endpoint: &Endpoint,
    client_id: String,
    selection: &Selection,
    (clock, heard): (Arc<C>, mpsc::Sender<Heard>),
) {
    let session = Session {
        client_id,
        keep_alive: KEEP_ALIVE,
        will: None,
        window: WINDOW,
        packet_bytes_max: PACKET_BYTES_MAX,
        subscriptions: selection.filters(),
    };
    let mut backoff = Backoff::new(RECONNECT, clock.wall_time().0.cast_unsigned());
    loop {
        let mut connection: Connection<()> = Connection::open(endpoint, session.clone());
        let mut up = None;
        let reason = loop {
            match connection.next().await {
                Event::Up(_) => {
                    tracing::info!(%endpoint, "listens");
                    up = Some(clock.now());
                }
                Event::Message(message) => {
                    let now = Heard { at: clock.now(), wall: clock.wall_time(), message };
                    if heard.send(now).await.is_err() {
                        return;
                    }
                }
                Event::Answered((), _) => {}
                Event::Down(reason) => break reason,
            }
        };
        drop(connection);
        if up.is_some_and(|up| clock.now().since(up) >= STABLE) {
            backoff.succeed();
        }
        let wait = backoff.fail();
        tracing::warn!(%endpoint, reason, retry_ms = wait.as_millis() as u64, "no connection");
        clock.sleep_until(clock.now().plus(wait)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    #[test]
    fn all_of_every_box_but_telemetry_is_heard_by_default() {
        let filters = Selection::default().filters();
        assert_eq!(filters, ["cv1/+/+/evt/+/+", "cv1/+/+/state", "cv1/+/+/info"]);
    }

    #[test]
    fn selection_names_the_box_and_the_kinds() {
        let selection = Selection {
            tenant: Some(name("demo")),
            device: Some(name("court-1")),
            kinds: vec![name("made_shot"), name("state")],
            telemetry: false,
            postcard: true,
        };
        let filters = [
            "cv1/demo/court-1/evt/+/made_shot",
            "cv1/demo/court-1/evtb/+/made_shot",
            "cv1/demo/court-1/tel/made_shot",
            "cv1/demo/court-1/state",
        ];
        assert_eq!(selection.filters(), filters);
    }

    #[test]
    fn recording_has_both_encodings_and_telemetry_if_wanted() {
        let selection = Selection { telemetry: true, postcard: true, ..Selection::default() };
        let leaves = ["evt/+/+", "evtb/+/+", "state", "info", "tel/+"];
        assert_eq!(selection.filters(), leaves.map(|leaf| format!("cv1/+/+/{leaf}")));
    }
}
