//! The thread that writes: collects what comes within a moment and commits it at once.
//!
//! A batch that cannot be written is kept and tried again; meanwhile the queue fills and callers
//! are refused, so nothing is forgotten and nothing grows without limit.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use hal::Clock;
use outbox::{Loaded, Spent};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};
use wire::birth::Held;
use wire::ids::{BootId, ClipId, Name, Seq};
use wire::time::Monotonic;

use super::{
    CommandRow, Farewell, Finish, Health, Known, Outcome, Spending, StoreError, StoredClip,
    StoredMessage, StoredPlan, commands, open, tables,
};

/// Longest wait for company before a commit.
const LINGER: Duration = Duration::from_millis(10);
/// Most records in one commit.
const BATCH_MAX: usize = 64;
/// Lazy records wait at most this long for a commit that happens anyway.
const LAZY_WAIT: Duration = Duration::from_secs(1);
/// Wait between two attempts to write a batch that failed.
const RETRY: Duration = Duration::from_secs(1);
/// Most lazy records that wait.
const LAZY_MAX: usize = 256;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

#[derive(Debug)]
pub(super) enum Command {
    Write(Write, Option<Reply<()>>),
    /// Goes with the next commit.
    Lazy(Write),
    Read(Read),
}

#[derive(Debug)]
pub(super) enum Write {
    Nothing,
    Message(StoredMessage),
    Plan(StoredPlan),
    FinishPlan(ClipId, Finish),
    ReleaseClip(ClipId, Farewell),
    ForgetClip(ClipId),
    ReleaseMessages(BootId, Seq),
    BeginCommand(Box<CommandRow>),
    EndCommand(Name, Outcome, String),
    RefusedCommand(Box<CommandRow>),
    Spent(Spending, Spent),
}

#[derive(Debug)]
pub(super) enum Read {
    Load(Loaded, Reply<Vec<StoredMessage>>),
    Held(Reply<Vec<Held>>),
    Clips(Reply<Vec<StoredClip>>),
    KnownCommand(Name, Reply<Option<Known>>),
}

pub(super) struct Writer<C> {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) boot: BootId,
    pub(super) clock: Arc<C>,
    pub(super) commands: Receiver<Command>,
    pub(super) persisted: watch::Sender<Seq>,
    pub(super) health: watch::Sender<Health>,
}

#[derive(Default)]
struct Batch {
    writes: Vec<Write>,
    replies: Vec<Reply<()>>,
    lazy: VecDeque<Write>,
    lazy_since: Option<Monotonic>,
    reads: Vec<Read>,
    closed: bool,
}

impl<C: Clock> Writer<C> {
    /// Runs until every [`super::Store`] is dropped, then writes the rest and returns.
    pub(super) fn run(mut self) {
        let mut batch = Batch::default();
        while !batch.closed {
            self.gather(&mut batch);
            while let Err(error) = self.commit(&mut batch) {
                if self.wait_for_repair(&error, &mut batch) == Repair::GivenUp {
                    return;
                }
            }
            self.answer(&mut batch);
        }
    }

    /// Waits for work, then for company.
    fn gather(&self, batch: &mut Batch) {
        let first = match batch.lazy_since {
            None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => {
                self.commands.recv_timeout(since.plus(LAZY_WAIT).since(self.clock.now()))
            }
        };
        let Some(first) = batch.note(first) else { return };
        let now = self.clock.now();
        batch.add(first, now);
        self.gather_until(now.plus(LINGER), batch);
    }

    fn gather_until(&self, deadline: Monotonic, batch: &mut Batch) {
        while batch.wants_more() {
            let left = deadline.since(self.clock.now());
            let Some(command) = batch.note(self.commands.recv_timeout(left)) else { return };
            batch.add(command, self.clock.now());
        }
    }

    /// Writes the batch in one transaction. The batch keeps its writes until that succeeded.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), rusqlite::Error> {
        if batch.is_due(self.clock.now()) {
            let context = tables::Context { boot: self.boot, wall: self.clock.wall().0 };
            let transaction = self.connection.transaction()?;
            for write in batch.writes.iter().chain(&batch.lazy) {
                point("store.write.before")?;
                tables::apply(&transaction, context, write)?;
            }
            point("store.commit.before")?;
            transaction.commit()?;
            faults::mark("store.commit.after");
            batch.lazy.clear();
            batch.lazy_since = None;
        }
        let newest = batch.writes.iter().filter_map(|write| match write {
            Write::Message(message) => Some(message.key.seq),
            Write::Nothing
            | Write::Plan(_)
            | Write::FinishPlan(..)
            | Write::ReleaseClip(..)
            | Write::ForgetClip(_)
            | Write::ReleaseMessages(..)
            | Write::BeginCommand(_)
            | Write::EndCommand(..)
            | Write::RefusedCommand(_)
            | Write::Spent(..) => None,
        });
        if let Some(newest) = newest.max() {
            self.persisted.send_replace(newest);
            faults::mark("store.told");
        }
        self.health
            .send_if_modified(|health| std::mem::replace(health, Health::Good) != Health::Good);
        batch.writes.clear();
        for reply in batch.replies.drain(..) {
            let _caller_is_gone = reply.send(Ok(()));
        }
        Ok(())
    }

    /// Says what is wrong, waits, and opens the file again: after a failed sync the same
    /// descriptor may claim that everything is written.
    fn wait_for_repair(&mut self, error: &rusqlite::Error, batch: &mut Batch) -> Repair {
        let health = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Health::Full,
            Some(_) | None => Health::Failing(error.to_string()),
        };
        let news =
            self.health.send_if_modified(|old| std::mem::replace(old, health.clone()) != health);
        if news {
            tracing::error!(
                %error,
                path = %self.path.display(),
                "the store cannot write; events are kept in memory and tried again every second; \
                 make room on the disk or repair it"
            );
        }
        if batch.closed {
            for reply in batch.replies.drain(..) {
                let _caller_is_gone = reply.send(Err(StoreError::Failed(error.to_string())));
            }
            return Repair::GivenUp;
        }
        let deadline = self.clock.now().plus(RETRY);
        self.gather_until(deadline, batch);
        // A full batch takes nothing more, so the rest of the wait is spent on a link on which
        // nobody ever sends.
        let (_nobody, wait) = sync_channel::<()>(0);
        let _elapsed = wait.recv_timeout(deadline.since(self.clock.now()));
        match open::connect(&self.path) {
            Ok(connection) => self.connection = connection,
            Err(error) => tracing::error!(%error, "the store cannot be opened again"),
        }
        Repair::TryAgain
    }

    fn answer(&self, batch: &mut Batch) {
        for read in batch.reads.drain(..) {
            match read {
                Read::Load(range, reply) => respond(reply, tables::load(&self.connection, range)),
                Read::Held(reply) => respond(reply, tables::held(&self.connection)),
                Read::Clips(reply) => respond(reply, tables::clips(&self.connection)),
                Read::KnownCommand(id, reply) => {
                    respond(reply, commands::known(&self.connection, &id));
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    TryAgain,
    GivenUp,
}

impl Batch {
    fn add(&mut self, command: Command, now: Monotonic) {
        match command {
            Command::Write(write, reply) => {
                self.writes.push(write);
                self.replies.extend(reply);
            }
            Command::Lazy(write) => {
                self.lazy.push_back(write);
                self.lazy_since.get_or_insert(now);
            }
            Command::Read(read) => self.reads.push(read),
        }
    }

    /// Lazy records alone are a reason to commit only when they have waited long enough.
    fn is_due(&self, now: Monotonic) -> bool {
        let old = self.lazy_since.is_some_and(|since| now.since(since) >= LAZY_WAIT);
        !self.writes.is_empty() || old || self.closed || self.lazy.len() >= LAZY_MAX
    }

    /// Nobody waits long for a read.
    fn wants_more(&self) -> bool {
        self.reads.is_empty() && self.writes.len() < BATCH_MAX && self.lazy.len() < LAZY_MAX
    }

    fn note(&mut self, received: Result<Command, RecvTimeoutError>) -> Option<Command> {
        self.closed |= matches!(received, Err(RecvTimeoutError::Disconnected));
        received.ok()
    }
}

/// A fail point, with the disk's error as SQLite would tell it.
fn point(name: &'static str) -> Result<(), rusqlite::Error> {
    faults::pass(name).map_err(|error| {
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        let code = if full { rusqlite::ffi::SQLITE_FULL } else { rusqlite::ffi::SQLITE_READONLY };
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    })
}

fn respond<T>(reply: Reply<T>, outcome: Result<T, rusqlite::Error>) {
    let outcome = outcome.map_err(|error| StoreError::Failed(error.to_string()));
    let _caller_is_gone = reply.send(outcome);
}
