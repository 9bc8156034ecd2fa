//! Minutes without a broker, in real time: what was durable arrives, and what is made after the
//! return does not wait for it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use tokio::time::Instant;

use super::durable::Ledger;
use super::plan::ClipWay;
use super::stage::{Stage, Task};
use super::{Tally, Trial, verdict};
use crate::venue::{ROLES, Role};

/// The backlog of hours would take longer; of minutes none may.
const CATCH_UP_MAX: Duration = Duration::from_secs(300);
/// How soon the box must have noticed that the broker is back: its longest wait is 18 s.
const RETURN_MAX: Duration = Duration::from_secs(30);
/// Events that were made so long after the return are looked at.
const LOOKED_AT: Duration = Duration::from_secs(60);

/// How long each part lasts.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Repeats events and clips.
    pub seed: u64,
    /// With a broker.
    pub before: Duration,
    /// Without one: it was killed.
    pub without: Duration,
    /// With one again.
    pub after: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Durable messages, all delivered once.
    pub messages: usize,
    /// Durable clips, all delivered whole.
    pub clips: usize,
    /// Durable messages of the minutes without a broker.
    pub made_without: u64,
    /// From the broker's return to the first message that was made after it.
    pub returned: Duration,
    /// From the broker's return until everything of before had arrived.
    pub caught_up: Duration,
    /// From making to commit, of the events of the minute after the first that arrived; sorted.
    pub latencies: Vec<Duration>,
}

impl Outage {
    /// The latency that `share` of those events were not slower than.
    pub fn latency(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share).ceil() as usize).copied().unwrap_or_default()
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, clips, made_without, returned, caught_up, latencies } = self;
        let ms = |share| self.latency(share).as_secs_f64() * 1_000.0;
        writeln!(
            f,
            "{messages} durable messages and {clips} clips, all delivered, none twice; \
             {made_without} messages were made without a broker"
        )?;
        write!(
            f,
            "connected again {:.1} s after the return; the backlog had arrived after {:.1} s; {} \
             events of the minute in between and after: p50 {:.1} ms, p95 {:.1} ms, max {:.0} ms",
            returned.as_secs_f64(),
            caught_up.as_secs_f64(),
            latencies.len(),
            ms(0.5),
            ms(0.95),
            ms(1.0),
        )
    }
}

/// Runs the plan in `folder`, and judges.
///
/// # Errors
/// A violation, or a program that is missing.
pub async fn outage(folder: &Path, plan: Plan, mut tell: impl FnMut(String)) -> Result<Outage> {
    let stage = Stage::open(folder, (plan.seed, ClipWay::Messages)).await?;
    let ledger = Ledger::new(&stage.ledger());
    let mut trial = Trial { stage, ledger, tally: Tally::default(), orders: 0, troubled: None };
    for role in ROLES {
        trial.stage.start(role, Task::Generate)?;
    }
    trial.tend_until(Instant::now() + plan.before).await?;
    let before = trial.made()?;
    tell(format!("{before} durable messages; the broker is killed"));
    trial.stage.take_down(Role::Broker).await?;
    trial.tend_until(Instant::now() + plan.without).await?;
    let made = trial.made()?;
    tell(format!("{} more; the broker comes back", made - before));
    trial.stage.start(Role::Broker, Task::Generate)?;
    let back = Instant::now();
    let wall = wall_us();
    let database = trial.stage.database();
    let first = loop {
        if let Some(first) = first_made_after(&database, wall)? {
            break first;
        }
        ensure!(back.elapsed() < RETURN_MAX, "{RETURN_MAX:?} after the return nothing has come");
        trial.tend(None).await?;
    };
    let returned = back.elapsed();
    tell(format!("connected after {:.1} s", returned.as_secs_f64()));
    let mut owed = trial.ledger.owed()?;
    while !trial.ledger.has_arrived(&mut owed, &database) {
        let waited = back.elapsed();
        ensure!(waited < CATCH_UP_MAX, "{waited:?} after the return is missing: {}", owed.text());
        trial.tend(None).await?;
    }
    let caught_up = back.elapsed();
    tell(format!("caught up after {:.1} s", caught_up.as_secs_f64()));
    trial.tend_until(back + plan.after).await?;
    trial.finish().await?;
    verdict::judge(&trial.stage, &trial.ledger.durable, &mut trial.tally)?;
    Ok(Outage {
        messages: trial.tally.messages,
        clips: trial.tally.clips,
        made_without: made - before,
        returned,
        caught_up,
        latencies: latencies(&database, first)?,
    })
}

impl Trial {
    /// Durable messages so far.
    fn made(&mut self) -> Result<u64> {
        self.ledger.follow()?;
        Ok(self.ledger.durable.upto.values().sum())
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with what box and receiver write down")]
fn wall_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_micros() as i64)
}

fn open(database: &Path) -> Result<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("{}", database.display()))
}

/// When the first event was made that was made after `wall` and has arrived.
fn first_made_after(database: &Path, wall: i64) -> Result<Option<i64>> {
    let first = "SELECT min(ts_us) FROM events WHERE event IS NOT NULL AND ts_us > ?1";
    Ok(open(database)?.query_row(first, [wall], |row| row.get(0))?)
}

/// Of the events that were made in the minute from `first` on, sorted.
fn latencies(database: &Path, first: i64) -> Result<Vec<Duration>> {
    let connection = open(database)?;
    let mut statement = connection.prepare(
        "SELECT stored_us - ts_us FROM events
         WHERE event IS NOT NULL AND ts_us BETWEEN ?1 AND ?2 ORDER BY 1",
    )?;
    let until = first + LOOKED_AT.as_micros() as i64;
    let rows = statement.query_map([first, until], |row| row.get::<_, i64>(0))?;
    let took = |us: i64| Duration::from_micros(us.max(0) as u64);
    rows.map(|us| Ok(took(us?))).collect()
}
