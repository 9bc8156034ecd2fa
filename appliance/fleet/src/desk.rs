//! One connection and the desk behind it: messages come in and are handled in batches; replies
//! go out once the batch is durable.
//!
//! The broker gets its PUBACK as soon as a message has arrived, because only the reply to the box
//! counts. PUBACKs after the commit were tried: rumqttc sends one of them for every ten packets
//! that it reads, and at 900 events a second a thousand of them waited. What holds a fast sender
//! back is the socket, which is not read while a batch is being stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use mqtt::{Connection, Endpoint, Event, Incoming, Message, Quality, Session};
use outbox::{Backoff, Delays};
use tokio::sync::mpsc;
use wire::time::{Monotonic, WallTime};

use crate::letters::Reason;
use crate::line::Line;
use crate::metrics::{Metrics, Which};

/// Messages that one commit takes.
const BATCH_MAX: usize = 64;
/// A desk that could not store its batch tries again after this.
const RETRY: Duration = Duration::from_secs(1);
const STABLE: Duration = Duration::from_secs(10);
const RECONNECT: Delays =
    Delays { first: Duration::from_millis(250), longest: Duration::from_secs(15) };

/// Handles messages. Runs on a thread that may block.
pub(crate) trait Desk: Send + 'static {
    /// Under which name it counts.
    const WHICH: Which;

    /// With what promise its replies are published.
    const REPLIES: Quality;

    /// Stores a batch durably, all or nothing. It may be called again with the same batch.
    fn handle(&mut self, batch: &[Incoming], now: Now) -> Result<Outcome, DeskError>;

    /// What to tell the boxes when a connection comes up.
    fn greet(&mut self) -> Result<Vec<Message>, DeskError>;
}

/// The two clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) mono: Monotonic,
    pub(crate) wall: WallTime,
}

/// What follows from a batch once it is durable.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) replies: Vec<Message>,
    pub(crate) lines: Vec<Line>,
    pub(crate) tally: Tally,
    /// Topic filters that this connection needs from now on.
    pub(crate) subscribe: Vec<String>,
}

/// What a batch was made of, for the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) duplicates: u64,
    pub(crate) conflicts: u64,
    pub(crate) holes: u64,
    /// Unreadable messages by [`Reason`].
    pub(crate) letters: BTreeMap<Reason, u64>,
    pub(crate) letters_dropped: u64,
    pub(crate) clips: u64,
    pub(crate) clip_bytes: u64,
    /// Links that boxes were given to put parts of clips into the bucket.
    pub(crate) links: u64,
    /// Times that the bucket could not be reached, or refused.
    pub(crate) bucket_errors: u64,
}

impl Tally {
    /// One more message that could not be read.
    pub(crate) fn letter(&mut self, reason: Reason) {
        *self.letters.entry(reason).or_default() += 1;
    }
}

/// A batch could not be stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    #[error("the database refuses: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("PostgreSQL refuses or cannot be reached: {}", with_causes(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("a file cannot be written: {0}")]
    File(#[from] std::io::Error),
    #[error("a desk's thread ended early")]
    Ended,
}

/// An error with what it stems from, where its own text does not say it.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}

/// Runs one desk for ever: connects, receives, handles, answers, and connects again.
pub(crate) struct Counter<C, D> {
    pub(crate) clock: Arc<C>,
    pub(crate) endpoint: Endpoint,
    pub(crate) session: Session,
    pub(crate) desk: D,
    pub(crate) lines: mpsc::Sender<Line>,
    pub(crate) metrics: Arc<Metrics>,
}

impl<C: Clock, D: Desk> Counter<C, D> {
    pub(crate) async fn run(mut self) -> Result<(), DeskError> {
        let mut backoff = Backoff::new(RECONNECT, self.clock.wall().0.0 as u64);
        loop {
            let mut connection: Connection<()> =
                Connection::open(&self.endpoint, self.session.clone());
            let mut up = None;
            let reason = loop {
                match connection.next().await {
                    Event::Up(_) => {
                        tracing::info!(endpoint = %self.endpoint, client = self.session.client_id, "connected");
                        up = Some(self.clock.now());
                        self.metrics.connect(D::WHICH);
                        self = self.greet(&mut connection).await?;
                    }
                    Event::Message(first) => match self.serve(&mut connection, first).await? {
                        (desk, None) => self = desk,
                        (desk, Some(reason)) => {
                            self = desk;
                            break reason;
                        }
                    },
                    Event::Answered((), _) => {}
                    Event::Down(reason) => break reason,
                }
            };
            drop(connection);
            if up.is_some() {
                self.metrics.disconnect(D::WHICH);
            }
            if up.is_some_and(|up| self.clock.now().since(up) >= STABLE) {
                backoff.succeed();
            }
            let wait = backoff.fail();
            tracing::warn!(endpoint = %self.endpoint, reason, retry_ms = wait.as_millis() as u64, "no connection");
            self.clock.sleep_until(self.clock.now().plus(wait)).await;
        }
    }

    async fn greet(self, connection: &mut Connection<()>) -> Result<Self, DeskError> {
        let (this, greeting) = self.beside(|this| this.desk.greet()).await?;
        match greeting {
            Ok(greeting) => publish(connection, greeting, D::REPLIES),
            Err(error) => tracing::error!(%error, "the boxes cannot be told what is stored"),
        }
        Ok(this)
    }

    /// Handles a message and everything that has come behind it. `Some` when the connection
    /// ended meanwhile.
    async fn serve(
        mut self,
        connection: &mut Connection<()>,
        first: Incoming,
    ) -> Result<(Self, Option<String>), DeskError> {
        let mut batch = vec![first];
        let mut ended = None;
        while batch.len() < BATCH_MAX {
            match connection.ready() {
                Some(Event::Message(message)) => batch.push(message),
                Some(Event::Down(reason)) => {
                    ended = Some(reason);
                    break;
                }
                Some(Event::Up(_) | Event::Answered(..)) => {}
                None => break,
            }
        }
        loop {
            let now = Now { mono: self.clock.now(), wall: self.clock.wall().0 };
            let work = move |this: &mut Self| {
                let outcome = this.desk.handle(&batch, now);
                (outcome, batch)
            };
            let (this, (outcome, same)) = self.beside(work).await?;
            (self, batch) = (this, same);
            match outcome {
                Ok(outcome) => {
                    let took = self.clock.now().since(now.mono);
                    self.metrics.take(D::WHICH, (&batch, took), &outcome);
                    publish(connection, outcome.replies, D::REPLIES);
                    connection.subscribe(outcome.subscribe);
                    for line in outcome.lines {
                        let _nobody_reads = self.lines.send(line).await;
                    }
                    return Ok((self, ended));
                }
                Err(error) => {
                    self.metrics.refuse(D::WHICH);
                    tracing::error!(%error, "nothing more is received until this can be stored; make room, or repair the disk or the database; tried again in a second");
                    self.clock.sleep_until(self.clock.now().plus(RETRY)).await;
                }
            }
        }
    }

    async fn beside<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut Self) -> T + Send + 'static,
    ) -> Result<(Self, T), DeskError> {
        tokio::task::spawn_blocking(move || {
            let done = work(&mut self);
            (self, done)
        })
        .await
        .map_err(|_| DeskError::Ended)
    }
}

fn publish(connection: &mut Connection<()>, messages: Vec<Message>, quality: Quality) {
    for message in messages {
        faults::mark("fleet.reply.before");
        let topic = message.topic.clone();
        if let Err(error) = connection.tell(message, quality) {
            tracing::warn!(%error, topic, "a reply was not published; the box asks again");
        }
        faults::mark("fleet.reply.after");
    }
}
