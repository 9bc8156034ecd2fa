//! The box's durable memory: messages that the receiver has not acknowledged, plans of clips that
//! are not cut, clips that are not delivered, and what had to be evicted. Also counts boots.
//!
//! Owns one SQLite file (WAL, `synchronous=FULL`) and the thread that writes it; group commit,
//! because one fdatasync costs 3 to 17 ms. Must not: decide what is sent or evicted
//! (`outbox` does), number messages (`uplink` does), or write media files.
//! A clip's file is complete, synced and renamed before its row is put here.
//! Design note: `docs/architecture.md`.

mod commands;
mod open;
mod schema;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError};

use outbox::{Class, Key, Loaded, Spent};
use tokio::sync::{oneshot, watch};
use wire::birth::Held;
use wire::clip::ClipRecord;
use wire::ids::{BootId, ClipId, Name, Seq};
use wire::topic::Route;

pub use commands::{CommandRow, Known, Outcome, read_commands};
pub use open::{OpenError, Opened};
use writer::{Command, Read, Write};

/// Commands that wait for the writer. Policy REFUSE: the caller keeps what it has.
const COMMANDS_MAX: usize = 1024;

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its identity.
    pub key: Key,
    /// Its urgency.
    pub class: Class,
    /// The end of its topic.
    pub route: Route,
    /// The envelope as postcard: sent again byte by byte, also by a later firmware.
    pub envelope: Vec<u8>,
}

/// A clip that is planned and not cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPlan {
    /// Identity of the clip that it will become.
    pub id: ClipId,
    /// The planner's own encoding.
    pub payload: Vec<u8>,
}

/// What a line that costs by the byte is asked to carry little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spending {
    /// Bytes of clips.
    Clips,
    /// Bytes of telemetry.
    Telemetry,
}

/// Bytes of each kind, and on which day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpentByKind {
    /// Of clips.
    pub clips: Spent,
    /// Of telemetry.
    pub telemetry: Spent,
}

impl SpentByKind {
    /// Those of one kind.
    pub const fn of(self, kind: Spending) -> Spent {
        match kind {
            Spending::Clips => self.clips,
            Spending::Telemetry => self.telemetry,
        }
    }
}

/// A clip that is cut and not delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredClip {
    /// What it shows.
    pub record: ClipRecord,
    /// Where its file is.
    pub path: PathBuf,
    /// Order of creation.
    pub age: u64,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// A clip: from now on it is kept until it is delivered.
    Cut(Box<ClipRecord>, PathBuf),
    /// No clip, for this reason.
    Dropped(String),
}

/// Why a clip's file may be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The receiver has it.
    Delivered,
    /// It is given up, for this reason.
    Dropped(String),
}

/// How the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Everything that was put is written, or about to be.
    Good,
    /// The disk is full: nothing is written until there is room; nothing is forgotten.
    Full,
    /// The file cannot be written, for this reason; it is tried again every second.
    Failing(String),
}

/// Why the store did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The writer is behind.
    #[error("the store is busy: {COMMANDS_MAX} records wait to be written; try again")]
    Busy,
    /// The writer has ended.
    #[error("the store is closed; the daemon is stopping")]
    Closed,
    /// The database refused.
    #[error("the store failed: {0}; check the disk that holds `box.data_dir`")]
    Failed(String),
}

/// The outcome of a write or read, once it is durable or known. May be dropped.
#[derive(Debug)]
pub struct Ticket<T = ()>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Ticket<T> {
    /// Blocks the thread until the outcome is known. Not for asynchronous tasks.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with the database's reason, or [`StoreError::Closed`].
    pub fn wait(self) -> Result<T, StoreError> {
        self.0.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    /// Waits in an asynchronous task until the outcome is known, which it is once. Cancel-safe.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with the database's reason, or [`StoreError::Closed`].
    pub async fn outcome(&mut self) -> Result<T, StoreError> {
        (&mut self.0).await.map_err(|_| StoreError::Closed)?
    }
}

/// A handle to the store; cheap to clone. The writer ends when the last handle is gone, after it
/// has written everything.
#[derive(Clone, Debug)]
pub struct Store {
    commands: SyncSender<Command>,
    persisted: watch::Receiver<Seq>,
    health: watch::Receiver<Health>,
}

impl Store {
    /// Queues a message of this boot. Messages must come in the order of their numbers: what is
    /// written is always a beginning of what was put, without holes.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]: the message is not queued.
    pub fn put_message(&self, message: StoredMessage) -> Result<(), StoreError> {
        self.send(Command::Write(Write::Message(message), None))
    }

    /// Durably stores a plan; one with the same id is replaced. The file id of the clip is chosen
    /// when it is planned.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn put_plan(&self, plan: StoredPlan) -> Result<Ticket, StoreError> {
        self.write(Write::Plan(plan))
    }

    /// Durably replaces a plan by what became of it, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn finish_plan(&self, id: ClipId, finish: Finish) -> Result<Ticket, StoreError> {
        self.write(Write::FinishPlan(id, finish))
    }

    /// Durably notes that a clip's file may be removed. A restart in between removes it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn release_clip(&self, id: ClipId, farewell: Farewell) -> Result<Ticket, StoreError> {
        self.write(Write::ReleaseClip(id, farewell))
    }

    /// The file of a released clip is removed: forgets its row, some time later.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`].
    pub fn forget_clip(&self, id: ClipId) -> Result<(), StoreError> {
        self.send(Command::Lazy(Write::ForgetClip(id)))
    }

    /// Forgets messages that the receiver has acknowledged, some time later: an acknowledgement
    /// is never worth a sync of its own.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`].
    pub fn release_messages(&self, boot: BootId, upto: Seq) -> Result<(), StoreError> {
        self.send(Command::Lazy(Write::ReleaseMessages(boot, upto)))
    }

    /// Reads a portion of the messages.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn load(&self, range: Loaded) -> Result<Ticket<Vec<StoredMessage>>, StoreError> {
        let (reply, ticket) = oneshot::channel();
        self.send(Command::Read(Read::Load(range, reply)))?;
        Ok(Ticket(ticket))
    }

    /// Which messages of which boots are stored, oldest boot first.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn held(&self) -> Result<Ticket<Vec<Held>>, StoreError> {
        let (reply, ticket) = oneshot::channel();
        self.send(Command::Read(Read::Held(reply)))?;
        Ok(Ticket(ticket))
    }

    /// Clips that wait for upload, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn clips(&self) -> Result<Ticket<Vec<StoredClip>>, StoreError> {
        let (reply, ticket) = oneshot::channel();
        self.send(Command::Read(Read::Clips(reply)))?;
        Ok(Ticket(ticket))
    }

    /// What is remembered of a command's id.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn known_command(&self, id: Name) -> Result<Ticket<Option<Known>>, StoreError> {
        let (reply, ticket) = oneshot::channel();
        self.send(Command::Read(Read::KnownCommand(id, reply)))?;
        Ok(Ticket(ticket))
    }

    /// Durably notes that a command is begun.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn begin_command(&self, row: CommandRow) -> Result<Ticket, StoreError> {
        self.write(Write::BeginCommand(Box::new(row)))
    }

    /// Durably notes what became of a command that was begun.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`]; the ticket tells of the rest.
    pub fn end_command(
        &self,
        id: Name,
        outcome: Outcome,
        text: String,
    ) -> Result<Ticket, StoreError> {
        self.write(Write::EndCommand(id, outcome, text))
    }

    /// Notes how many bytes of one kind went on which day, some time later.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`].
    pub fn note_spent(&self, of: Spending, spent: Spent) -> Result<(), StoreError> {
        self.send(Command::Lazy(Write::Spent(of, spent)))
    }

    /// Notes a command that was refused, some time later.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`].
    pub fn note_refused(&self, row: CommandRow) -> Result<(), StoreError> {
        self.send(Command::Lazy(Write::RefusedCommand(Box::new(row))))
    }

    /// The ticket's outcome comes when everything queued before is durable.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Closed`].
    pub fn flush(&self) -> Result<Ticket, StoreError> {
        self.write(Write::Nothing)
    }

    /// This boot's messages up to this one are durable.
    pub fn persisted(&self) -> watch::Receiver<Seq> {
        self.persisted.clone()
    }

    /// How the store is.
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    fn write(&self, write: Write) -> Result<Ticket, StoreError> {
        let (reply, ticket) = oneshot::channel();
        self.send(Command::Write(write, Some(reply)))?;
        Ok(Ticket(ticket))
    }

    fn send(&self, command: Command) -> Result<(), StoreError> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}
