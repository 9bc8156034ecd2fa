//! `courtside-fleet replay`: tells again what boxes told, at its own pace or faster.
//!
//! Owns: the pace, and one connection. Must not: acknowledge anything, or publish what a box takes.

mod rewrite;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use hal::Clock;
use mqtt::{
    Connection, Encoding, Endpoint, Event, Limits, Message, PublishError, Quality, Session, Verdict,
};
use wire::ids::Name;
use wire::time::{Monotonic, WallTime};
use wire::topic::{Device, EVENTS_POSTCARD, FILE};

use crate::recording::{Entry, Recording};
use rewrite::{Changes, rewrite};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Messages that may wait for the broker's PUBACK.
const WINDOW: u16 = 64;
const PACKET_BYTES_MAX: u32 = 1024 * 1024;
/// From the last message of a round to the first one of the next.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);
/// A connection that takes no more is asked again after this.
const BUSY: Duration = Duration::from_millis(5);
/// The broker has this long to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How a recording is told again.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much faster than it was.
    pub speed: Speed,
    /// As which box; `None`: as the one that told it.
    pub device: Option<Device>,
    /// What becomes of wall times.
    pub wall: Wall,
    /// How often.
    pub rounds: Rounds,
    /// Client id on the broker.
    pub client_id: String,
}

/// What becomes of wall times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// They stay as they were.
    Recorded,
    /// They are moved to when the message is told again.
    Now,
}

/// How often a recording is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounds {
    /// Once.
    One,
    /// Until it is stopped. Each round is another start of the box, so that nobody drops it as told
    /// before.
    ForEver,
}

/// A factor of speed, 0.01 to 1000.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f64);

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let factor = text.parse().ok().filter(|factor| (0.01..=1000.0).contains(factor));
        factor.map(Self).ok_or_else(|| "a factor from 0.01 to 1000, such as 4".to_owned())
    }
}

impl Speed {
    /// As fast as it was.
    pub const REAL: Self = Self(1.0);

    fn of(self, span: Duration) -> Duration {
        span.div_f64(self.0)
    }
}

/// Why a recording was not told, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A message cannot be changed as asked.
    #[error("line {line}: {why}")]
    Line {
        /// Where it stands in the recording.
        line: usize,
        /// Why, and what to do.
        why: String,
    },
    /// One name for several boxes.
    #[error(
        "--as gives one box another name, but the recording has {0}; record one with `tail --tenant \
         T --device D`, or replay without --as"
    )]
    Boxes(String),
    /// No connection, or no more.
    #[error(
        "{endpoint}: {why}; {told} messages were told; see that a broker runs there and lets this \
         client in"
    )]
    Connection {
        /// The broker.
        endpoint: String,
        /// Its reason.
        why: String,
        /// Messages that the broker has taken.
        told: u64,
    },
    /// The broker does not take a message.
    #[error(
        "line {line}: the broker refuses `{topic}`: {why}; let this client publish it in the broker's access list"
    )]
    Refused {
        /// Where it stands in the recording.
        line: usize,
        /// Its topic as published.
        topic: String,
        /// The broker's reason.
        why: String,
    },
}

/// Tells the recording again, as often as wanted; returns how many messages that were. It may be
/// dropped at any moment.
///
/// # Errors
/// [`ReplayError`]. Whether every message can be changed as asked is checked before the first one
/// is told.
pub async fn replay<C: Clock>(
    endpoint: &Endpoint,
    recording: &Recording,
    options: &Options,
    clock: &C,
) -> Result<u64, ReplayError> {
    check(recording, options)?;
    let session = Session {
        client_id: options.client_id.clone(),
        keep_alive: KEEP_ALIVE,
        will: None,
        window: WINDOW,
        packet_bytes_max: PACKET_BYTES_MAX,
        subscriptions: Vec::new(),
    };
    let connection = Connection::open(endpoint, session);
    let mut player = Player { endpoint, connection, clock, told: 0, window: 1 };
    player.come_up().await?;
    let mut start = clock.now();
    let mut changes = Changes { device: options.device.clone(), ..Changes::default() };
    let length = recording.entries.last().map_or(Duration::ZERO, |entry| entry.at);
    loop {
        let began = clock.wall().0;
        for entry in &recording.entries {
            let after = options.speed.of(entry.at);
            player.wait_until(start.plus(after)).await?;
            changes.wall_shift = shift(options.wall, (recording.began, entry.at), (began, after));
            player.tell(entry, &changes).await?;
        }
        player.settle().await?;
        if options.rounds == Rounds::One {
            let told = player.told;
            player.connection.close(GOODBYE).await;
            return Ok(told);
        }
        changes.boots = changes.boots.saturating_add(boots(recording));
        start = start.plus(options.speed.of(length) + BETWEEN_ROUNDS);
        // A broker that is slower than the recording: nothing is told in a heap afterwards.
        start = start.max(clock.now());
        player.wait_until(start).await?;
    }
}

/// From when a message was told to when it is told again, in microseconds.
fn shift(
    wall: Wall,
    (recorded, at): (WallTime, Duration),
    (began, after): (WallTime, Duration),
) -> i64 {
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    match wall {
        Wall::Recorded => 0,
        Wall::Now => began
            .0
            .saturating_add(micros(after))
            .saturating_sub(recorded.0.saturating_add(micros(at))),
    }
}

/// Starts of boxes that the recording spans: by so many a round differs from the one before.
fn boots(recording: &Recording) -> u32 {
    let boots = || recording.entries.iter().filter_map(rewrite::boot);
    let span = boots().max().zip(boots().min()).map(|(last, first)| last.0 - first.0);
    span.unwrap_or(0).saturating_add(1)
}

fn check(recording: &Recording, options: &Options) -> Result<(), ReplayError> {
    let boxes: BTreeSet<(&Name, &Name)> =
        recording.entries.iter().map(|entry| (&entry.tenant, &entry.device)).collect();
    if options.device.is_some() && boxes.len() > 1 {
        let names: Vec<String> =
            boxes.iter().map(|(tenant, device)| format!("{tenant}/{device}")).collect();
        return Err(ReplayError::Boxes(names.join(", ")));
    }
    // What will be changed, by values that change nothing else.
    let changes = Changes {
        device: options.device.clone(),
        wall_shift: i64::from(options.wall == Wall::Now),
        boots: u32::from(options.rounds == Rounds::ForEver),
    };
    for entry in &recording.entries {
        rewrite(entry, &changes).map_err(|why| ReplayError::Line { line: entry.line, why })?;
    }
    Ok(())
}

/// A connection on which messages are told at their times.
struct Player<'a, C> {
    endpoint: &'a Endpoint,
    connection: Connection<(usize, String)>,
    clock: &'a C,
    told: u64,
    window: usize,
}

impl<C: Clock> Player<'_, C> {
    async fn come_up(&mut self) -> Result<(), ReplayError> {
        loop {
            let event = self.connection.next().await;
            if let Event::Up(Limits { window, .. }) = event {
                self.window = window.max(1).into();
                return Ok(());
            }
            self.take(event)?;
        }
    }

    /// Looks after the connection until then.
    async fn wait_until(&mut self, at: Monotonic) -> Result<(), ReplayError> {
        while self.clock.now() < at {
            tokio::select! {
                event = self.connection.next() => self.take(event)?,
                () = self.clock.sleep_until(at) => {}
            }
        }
        while let Some(event) = self.connection.ready() {
            self.take(event)?;
        }
        Ok(())
    }

    async fn tell(&mut self, entry: &Entry, changes: &Changes) -> Result<(), ReplayError> {
        while self.connection.unanswered() >= self.window {
            let event = self.connection.next().await;
            self.take(event)?;
        }
        let line = entry.line;
        let (topic, payload) =
            rewrite(entry, changes).map_err(|why| ReplayError::Line { line, why })?;
        let level = entry.leaf.split('/').next().unwrap_or_default();
        let encoding = match level {
            EVENTS_POSTCARD => Encoding::Postcard,
            FILE if !entry.leaf.ends_with("/init") => Encoding::Octets,
            _others => Encoding::Json,
        };
        let message = Message { topic: topic.clone(), payload, encoding, retain: entry.retain };
        loop {
            let message = message.clone();
            let sent = match entry.quality {
                Quality::Once => self.connection.tell(message, Quality::Once),
                Quality::AtLeastOnce => self.connection.publish((line, topic.clone()), message),
            };
            match sent {
                Ok(()) => break,
                Err(PublishError::Busy) => self.wait_until(self.clock.now().plus(BUSY)).await?,
                Err(error @ PublishError::TooLarge { .. }) => {
                    return Err(ReplayError::Refused { line, topic, why: error.to_string() });
                }
            }
        }
        self.told += u64::from(entry.quality == Quality::Once);
        Ok(())
    }

    /// Waits until the broker has taken everything.
    async fn settle(&mut self) -> Result<(), ReplayError> {
        while self.connection.unanswered() > 0 {
            let event = self.connection.next().await;
            self.take(event)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<(usize, String)>) -> Result<(), ReplayError> {
        match event {
            Event::Up(_) | Event::Message(_) => Ok(()),
            Event::Answered(_, Verdict::Accepted | Verdict::NoReceiver) => {
                self.told += 1;
                Ok(())
            }
            Event::Answered((line, topic), Verdict::Refused(why)) => {
                Err(ReplayError::Refused { line, topic, why })
            }
            Event::Down(why) => Err(ReplayError::Connection {
                endpoint: self.endpoint.to_string(),
                why,
                told: self.told,
            }),
        }
    }
}
