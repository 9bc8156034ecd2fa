//! A subscriber outside the box: hears events, clip announcements, telemetry and the receiver's
//! answers, each with the moment of its arrival. Comes back when the broker goes away.

use std::time::Duration;

use anyhow::{Context, Result};
use mqtt::{Connection, Endpoint, Event, Incoming, Security, Session};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::envelope::Envelope;
use wire::time::WallTime;
use wire::topic;
use wire::transfer::{Ack, FileResponse};

use crate::clock::wall;
use crate::described::Described;

/// Messages that wait for the listener; then the subscriber waits, and the broker keeps them.
const HEARD_MAX: usize = 1024;
/// Pause before the next attempt when the broker is away.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// Something that the subscriber heard.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A message of the box, and when it arrived here.
    Message(Box<Envelope>, WallTime),
    /// The receiver's answer to an upload, and when it arrived here.
    Upload(Box<FileResponse>, WallTime),
    /// The receiver has stored everything up to here.
    Ack(Ack),
    /// Telemetry: its group and its JSON.
    Telemetry(String, Value),
    /// A message that does not follow the protocol, described.
    Nonsense(String),
}

/// A subscriber in the background.
#[derive(Debug)]
pub struct Observer {
    heard: mpsc::Receiver<Heard>,
    task: JoinHandle<()>,
}

impl Observer {
    /// Subscribes at the broker on this port of this machine, and does so again whenever the
    /// connection breaks. Returns once the first subscription is granted.
    ///
    /// # Errors
    /// When the broker does not answer within ten seconds.
    pub async fn subscribe(port: u16) -> Result<Self> {
        let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain)?;
        let (sender, heard) = mpsc::channel(HEARD_MAX);
        let (up, mut is_up) = mpsc::channel(1);
        let described = Described::read()?;
        let task = tokio::spawn(async move {
            let mut pauses = tokio::time::interval(RECONNECT_AFTER);
            loop {
                pauses.tick().await;
                let connection = Connection::<()>::open(&endpoint, session());
                if listen(connection, &described, (&sender, &up)).await.is_none() {
                    return;
                }
            }
        });
        let first = tokio::time::timeout(Duration::from_secs(10), is_up.recv()).await;
        first.context("the broker did not grant a subscription within 10 s")?;
        Ok(Self { heard, task })
    }

    /// The next thing heard. Cancel-safe.
    pub async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    /// Whatever was heard and not yet taken.
    pub fn take_waiting(&mut self) -> Option<Heard> {
        self.heard.try_recv().ok()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn session() -> Session {
    let filter = |leaf: &str| format!("{}/+/+/{leaf}", topic::ROOT);
    Session {
        client_id: "observer".to_owned(),
        keep_alive: Duration::from_secs(5),
        will: None,
        window: 16,
        packet_bytes_max: 1 << 20,
        subscriptions: vec![
            filter(&format!("{}/#", topic::EVENTS_JSON)),
            filter(&format!("{}/#", topic::TELEMETRY)),
            filter(topic::FILE_RESPONSE),
            filter(topic::ACK),
            filter(topic::STATE),
            filter(topic::INFO),
        ],
    }
}

/// Passes on what a connection brings until it ends; `None` when nobody listens any more.
async fn listen(
    mut connection: Connection<()>,
    described: &Described,
    (heard, up): (&mpsc::Sender<Heard>, &mpsc::Sender<()>),
) -> Option<()> {
    loop {
        match connection.next().await {
            // Only the first one is waited for.
            Event::Up(_) => drop(up.try_send(())),
            Event::Message(message) => {
                if let Some(understood) = understand(&message, wall(), described) {
                    heard.send(understood).await.ok()?;
                }
            }
            Event::Answered((), _) => {}
            Event::Down(_) => return Some(()),
        }
    }
}

/// `None` for what nobody asks about: it is as described, and that is all.
fn understand(message: &Incoming, at: WallTime, described: &Described) -> Option<Heard> {
    let topic = message.topic();
    let json: Value = match serde_json::from_slice(message.payload()) {
        Ok(json) => json,
        Err(error) => return Some(Heard::Nonsense(format!("{topic}: {error}"))),
    };
    if let Err(error) = described.check(topic, &json) {
        return Some(Heard::Nonsense(error.to_string()));
    }
    let levels: Vec<&str> = topic.split('/').skip(3).collect();
    let told = match levels.as_slice() {
        [topic::EVENTS_JSON, ..] => serde_json::from_slice(message.payload())
            .map(|envelope| Heard::Message(Box::new(envelope), at)),
        [topic::FILE_RESPONSE] => serde_json::from_slice(message.payload())
            .map(|response| Heard::Upload(Box::new(response), at)),
        [topic::ACK] => serde_json::from_slice(message.payload()).map(Heard::Ack),
        [topic::TELEMETRY, group] => Ok(Heard::Telemetry((*group).to_owned(), json)),
        [topic::STATE | topic::INFO] => return None,
        _ => return Some(Heard::Nonsense(format!("{topic}: nobody asked for this topic"))),
    };
    Some(told.unwrap_or_else(|error| Heard::Nonsense(format!("{topic}: {error}"))))
}
