//! What the box and the receiver have on disk, read as an investigator would: from copies of
//! their databases, so that nothing is repaired or checkpointed by looking.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use wire::clip::ClipRecord;
use wire::envelope::{Body, Envelope};
use wire::transfer::FileInit;

/// A message's place: boot and number within it.
pub type Place = (u32, u64);

/// Messages in the box's store: written, and not acknowledged by the receiver.
///
/// # Errors
/// When the store cannot be read.
pub fn messages_held(box_folder: &Path) -> Result<BTreeSet<Place>> {
    let copy = copy_of(&database_in(box_folder)?)?;
    places(&copy.connection, "SELECT boot, seq FROM messages")
}

/// What the box still has to do: messages without acknowledgement, clips to be cut or uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Messages without acknowledgement.
    pub messages: u64,
    /// Clips that are planned and not cut.
    pub plans: u64,
    /// Clips that are cut and not delivered.
    pub clips: u64,
    /// Messages and clips that were given up.
    pub evictions: u64,
}

/// Looks at the store of a box that runs.
///
/// # Errors
/// When the store cannot be read.
pub fn backlog(box_folder: &Path) -> Result<Backlog> {
    let copy = copy_of(&database_in(box_folder)?)?;
    let count = |query: &str| -> Result<u64> {
        let count: i64 = copy.connection.query_row(query, [], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    };
    Ok(Backlog {
        messages: count("SELECT count(*) FROM messages")?,
        plans: count("SELECT count(*) FROM plans")?,
        clips: count("SELECT count(*) FROM clips WHERE state = 'waiting'")?,
        evictions: count("SELECT count(*) FROM evictions")?,
    })
}

/// A copy of a database; it goes with the value.
struct Copied {
    connection: Connection,
    _folder: tempfile::TempDir,
}

/// Copies a database with its write-ahead log. A writer may be at work: then the two files may not
/// fit together, which SQLite's checksums tell, and the copy is made again.
fn copy_of(database: &Path) -> Result<Copied> {
    const ATTEMPTS: usize = 5;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("copy.sqlite");
        std::fs::copy(database, &copy)?;
        let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
        if log(database).exists() {
            std::fs::copy(log(database), log(&copy))?;
        }
        let connection = Connection::open(&copy)?;
        let verdict: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
        if verdict == "ok" {
            return Ok(Copied { connection, _folder: folder });
        }
        last = Some(verdict);
    }
    anyhow::bail!("{} is damaged: {}", database.display(), last.unwrap_or_default())
}

/// The one SQLite database in a folder.
fn database_in(folder: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot look into {}", folder.display()))?;
    let mut databases = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sqlite") {
            databases.push(path);
        }
    }
    ensure!(databases.len() == 1, "{} has not one database: {databases:?}", folder.display());
    databases.pop().context("one database")
}

fn places(connection: &Connection, query: &str) -> Result<BTreeSet<Place>> {
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    rows.map(|row| {
        let (boot, seq) = row?;
        Ok((u32::try_from(boot)?, u64::try_from(seq)?))
    })
    .collect()
}

/// What the receiver has stored.
#[derive(Debug)]
pub struct Received {
    /// Messages.
    pub places: BTreeSet<Place>,
    /// Revisions of events that came under two numbers, and contents that came under one number.
    pub doubled: Vec<String>,
    /// Clips: announced by a message, or uploaded.
    pub clips: Vec<ClipRecord>,
    /// Of each boot, up to which number it says to have everything.
    pub marks: BTreeMap<u32, u64>,
    /// Numbers below the marks under which nothing was received and which the box could not
    /// supply any more.
    pub holes: BTreeSet<Place>,
}

impl Received {
    /// Numbers below the marks that are neither received nor known as holes.
    pub fn unexplained(&self) -> Vec<Place> {
        let below = self.marks.iter().flat_map(|(boot, upto)| (1..=*upto).map(|seq| (*boot, seq)));
        let known = |place: &Place| self.places.contains(place) || self.holes.contains(place);
        below.filter(|place| !known(place)).collect()
    }
}

/// Reads the receiver's database.
///
/// # Errors
/// When it cannot be read.
pub fn received(database: &Path) -> Result<Received> {
    let Copied { connection, _folder } = copy_of(database)?;
    let doubled = texts(
        &connection,
        "SELECT 'event ' || event || ' revision ' || revision FROM events
             WHERE event IS NOT NULL GROUP BY event, revision HAVING count(*) > 1
         UNION ALL SELECT 'boot ' || boot || ' number ' || seq FROM conflicts",
    )?;
    let mut clips = BTreeMap::new();
    for text in texts(&connection, "SELECT json FROM events WHERE kind = 'clip'")? {
        let envelope: Envelope = serde_json::from_str(&text).context("a stored envelope")?;
        if let Body::Clip(record) = envelope.body {
            clips.insert(record.id, record);
        }
    }
    for text in texts(&connection, "SELECT record FROM files")? {
        let init: FileInit = serde_json::from_str(&text).context("a stored announcement")?;
        clips.insert(init.user_data.id, init.user_data);
    }
    Ok(Received {
        places: places(&connection, "SELECT boot, seq FROM events")?,
        doubled,
        clips: clips.into_values().collect(),
        marks: places(&connection, "SELECT boot, upto FROM marks")?.into_iter().collect(),
        holes: holes(&connection)?,
    })
}

fn holes(connection: &Connection) -> Result<BTreeSet<Place>> {
    let mut statement = connection.prepare("SELECT boot, from_seq, upto_seq FROM holes")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let mut holes = BTreeSet::new();
    for row in rows {
        let (boot, from, upto) = row?;
        holes.extend((u64::try_from(from)?..=u64::try_from(upto)?).map(|seq| (boot, seq)));
    }
    Ok(holes)
}

fn texts(connection: &Connection, query: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
