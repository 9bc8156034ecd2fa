//! `courtside-fleet receive`: the desk for messages and those for files, each with its connection.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use mqtt::Session;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::topic::{EVENTS_POSTCARD, FILE, INFO, ROOT, STATE};

use crate::config::{Config, Replica};
use crate::desk::{Counter, DeskError, Now};
use crate::files::bucket::{Bucket, BucketName};
use crate::files::{Boxes, FileDesk, Shelf};
use crate::line::Line;
use crate::messages::{Greeting, MessageDesk};
use crate::metrics::{Metrics, serve::serve};
use crate::shard::Shard;
use crate::store::{self, Db, Files, Stores};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The largest segment that a box sends is 64 KiB.
const PACKET_BYTES_MAX: u32 = 1024 * 1024;
const WINDOW: u16 = 64;

/// Why the receiver cannot work, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The database cannot be opened.
    #[error(
        "`store.db` = `{db}` cannot be opened: {why}; name a file in a folder that this user may write, or a PostgreSQL database that is there and lets this user in"
    )]
    Database {
        /// Which one.
        db: Db,
        /// Its reason.
        why: String,
    },
    /// The folder of clips cannot be made.
    #[error("`store.clips` = `{}` cannot be used: {error}; name a folder that this user may write", path.display())]
    Clips {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The bucket cannot be used with this environment.
    #[error(
        "`store.clips` = `{name}` cannot be used: {error}; set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT unless it is Amazon's"
    )]
    Bucket {
        /// The bucket.
        name: BucketName,
        /// What is missing or wrong.
        error: Box<object_store::Error>,
    },
    /// Nobody can be served at the address for metrics.
    #[error(
        "`metrics.listen` = \"{address}\" cannot be used: {error}; name a free address of this machine"
    )]
    Metrics {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A desk ended, which it never should.
    #[error("the receiver stopped: {0}")]
    Stopped(String),
}

/// Receives until it is dropped. Everything that was stored is told on `lines`, once each. Needs
/// a tokio runtime. It may be dropped, or the process killed, at any moment.
///
/// # Errors
/// [`ReceiveError`]; losing the broker or a full disk is none, the receiver waits for their
/// return.
pub async fn receive<C: Clock>(
    config: &Config,
    clock: Arc<C>,
    lines: mpsc::Sender<Line>,
) -> Result<(), ReceiveError> {
    std::fs::create_dir_all(&config.clips)
        .map_err(|error| ReceiveError::Clips { path: config.clips.clone(), error })?;
    let metrics = Arc::new(Metrics::default());
    let listener = listen(config).await?;
    let bucket = config.bucket.as_ref().map(|name| {
        let refused = |error| ReceiveError::Bucket { name: name.clone(), error: Box::new(error) };
        Bucket::open(name, Handle::current()).map(Arc::new).map_err(refused)
    });
    let shelf = Shelf { folder: config.clips.clone(), bucket: bucket.transpose()? };
    let now = Now { mono: clock.now(), wall: clock.wall().0 };
    let Opened { desk, ledgers, reread } = open(config, now).await?;
    for line in reread {
        let _nobody_reads = lines.send(line).await;
    }
    let stopped = |error: DeskError| ReceiveError::Stopped(error.to_string());
    let messages = Counter {
        clock: Arc::clone(&clock),
        endpoint: config.endpoint.clone(),
        session: session(config, "a", messages_of(config)),
        desk,
        lines: lines.clone(),
        metrics: Arc::clone(&metrics),
    };
    // All of them end when this one is dropped.
    let mut counters = JoinSet::new();
    counters.spawn(messages.run());
    for (number, ledger) in (0..).zip(ledgers) {
        let files = Counter {
            clock: Arc::clone(&clock),
            endpoint: config.endpoint.clone(),
            session: session(config, &letter_of(number), files_of(config)),
            desk: FileDesk::new(ledger, (shelf.clone(), boxes_of(config, number))),
            lines: lines.clone(),
            metrics: Arc::clone(&metrics),
        };
        counters.spawn(files.run());
    }
    drop(lines);
    let receiving = async {
        let ended = counters.join_next().await;
        ended.and_then(Result::ok).unwrap_or(Err(DeskError::Ended))
    };
    let serving = async {
        match listener {
            Some(listener) => serve(listener, metrics).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        received = receiving => received.map_err(stopped),
        () = serving => Err(stopped(DeskError::Ended)),
    }
}

/// The store, opened.
struct Opened {
    desk: MessageDesk,
    /// One for each desk for files.
    ledgers: Vec<Box<dyn Files>>,
    /// What an earlier version could not read.
    reread: Vec<Line>,
}

/// Opens the store and reads again what an earlier version could not read.
async fn open(config: &Config, now: Now) -> Result<Opened, ReceiveError> {
    let (db, runtime) = (config.db.clone(), Handle::current());
    let more = 1..config.clip_desks;
    let greeting = if config.replica.is_some() { Greeting::Silence } else { Greeting::Marks };
    let opened = tokio::task::spawn_blocking(move || {
        let Stores { messages, files } = store::open(&db, &runtime)?;
        let mut desk = MessageDesk::new(messages, greeting);
        let reread = desk.reread(now).map_err(|error| error.to_string())?.lines;
        let mut ledgers = vec![files];
        for _one in more {
            ledgers.push(store::open_files(&db, &runtime)?);
        }
        Ok(Opened { desk, ledgers, reread })
    });
    let opened = opened.await.unwrap_or_else(|error| Err(error.to_string()));
    opened.map_err(|why| ReceiveError::Database { db: config.db.clone(), why })
}

async fn listen(config: &Config) -> Result<Option<TcpListener>, ReceiveError> {
    let Some(address) = config.metrics else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    bound.map(Some).map_err(|error| ReceiveError::Metrics { address, error })
}

/// Events and what boxes say of themselves; of several receivers each gets its share of all. The
/// broker sends retained messages to no shared subscription: a box whose birth nobody heard tells
/// it again when its acknowledgement does not move.
fn messages_of(config: &Config) -> Vec<String> {
    let filters =
        [EVENTS_POSTCARD, INFO, STATE].map(|leaf| format!("{ROOT}/+/+/{leaf}{}", below(leaf)));
    match &config.replica {
        None => filters.into(),
        Some(Replica { group, .. }) => {
            filters.into_iter().map(|filter| format!("$share/{group}/{filter}")).collect()
        }
    }
}

/// Whose clips the desk with this number takes, of all desks of all receivers.
fn boxes_of(config: &Config, number: u32) -> Boxes {
    let desks = config.clip_desks;
    let (index, count) = config.replica.as_ref().map_or((0, 1), |one| (one.index, one.count));
    match count * desks {
        1 => Boxes::All,
        all => Boxes::Of(Shard { index: index * desks + number, count: all }, BTreeSet::new()),
    }
}

/// What ends the client id of the desk for files with this number.
fn letter_of(number: u32) -> String {
    if number == 0 { "b".to_owned() } else { format!("b{number}") }
}

/// Files of every box; or, of several desks, births, from which the desk knows its boxes.
fn files_of(config: &Config) -> Vec<String> {
    let leaf = if matches!(boxes_of(config, 0), Boxes::All) { FILE } else { INFO };
    vec![format!("{ROOT}/+/+/{leaf}{}", below(leaf))]
}

fn below(leaf: &str) -> &'static str {
    if [EVENTS_POSTCARD, FILE].contains(&leaf) { "/#" } else { "" }
}

fn session(config: &Config, letter: &str, subscriptions: Vec<String>) -> Session {
    Session {
        client_id: format!("{}-{letter}", config.client_id),
        keep_alive: KEEP_ALIVE,
        will: None,
        window: WINDOW,
        packet_bytes_max: PACKET_BYTES_MAX,
        subscriptions,
    }
}
