//! An update on trial: whether one may begin, and whether the box can do after it what it could
//! before. Asked by the image's scripts (`image-build/root/usr/lib/courtside`), which keep the
//! answers and know slots and kernels.
//!
//! Owns what is demanded of a version on trial. Must not: know RAUC, systemd or slots, or change
//! anything on the box.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use hal::Clock;
use serde::{Deserialize, Serialize};
use wire::ids::Name;

use crate::clock::SystemClock;
use crate::status::{self, Status};

/// A picture that is older counts for nothing.
const PICTURE_AGE_MAX: Duration = Duration::from_secs(10);
/// How often the box is asked while it is waited for.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// What telemetry says of a box that heat limits.
const HOT: [&str; 3] = ["throttled", "critical", "shutting down"];

/// What the image's scripts ask.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Job {
    /// Whether an update may begin now; prints, as JSON, what the box can do, to be asked for again
    /// afterwards. Fails with the reason if it may not.
    MayBegin,
    /// Waits until the box can do what this file says that it could.
    Await {
        /// What `may-begin` printed.
        before: PathBuf,
        /// Seconds to wait for it.
        #[arg(long, default_value_t = 300)]
        within: u64,
    },
}

/// What a box can do at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// Sources whose pictures are looked at.
    pub sees: BTreeSet<Name>,
    /// It is connected to its broker.
    pub reaches_broker: bool,
}

/// What a version on trial cannot do although the one before could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It does not run, or hangs.
    Everything,
    /// The pictures of a source.
    Pictures(Name),
    /// The connection to the broker.
    Broker,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("the box does not run"),
            Self::Pictures(source) => write!(f, "no picture of source {source} is looked at"),
            Self::Broker => f.write_str("the broker is not reached"),
        }
    }
}

/// Why no update may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A game is on.
    Play,
    /// Heat limits the box already.
    Heat,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Play => {
                "a game is on: the last event is less than twenty minutes old; try again after it"
            }
            Self::Heat => {
                "the box is too hot, and unpacking an update makes it hotter; `courtside sensors` \
                 tells where"
            }
        })
    }
}

impl Abilities {
    /// Of a box that told this.
    pub fn of(status: &Status) -> Self {
        let sees = status.sources.iter().filter(|(_, source)| {
            source
                .picture
                .as_ref()
                .is_some_and(|picture| Duration::from_millis(picture.age_ms) <= PICTURE_AGE_MAX)
        });
        Self {
            sees: sees.map(|(name, _)| name.clone()).collect(),
            reaches_broker: status.connected,
        }
    }

    /// What `self` could do and `now` cannot. A source that is no longer in the configuration is
    /// not missed.
    pub fn lost(&self, now: &Status) -> Vec<Lost> {
        let can = Self::of(now);
        let sources = self.sees.iter().filter(|name| now.sources.contains_key(*name));
        let dark = sources.filter(|name| !can.sees.contains(*name));
        let mut lost: Vec<Lost> = dark.cloned().map(Lost::Pictures).collect();
        lost.extend((self.reaches_broker && !can.reaches_broker).then_some(Lost::Broker));
        lost
    }
}

/// Whether an update may begin on a box that told this. One that does not run may be updated: that
/// may be what mends it.
///
/// # Errors
/// [`Refused`].
pub fn may_begin(status: Option<&Status>) -> Result<Abilities, Refused> {
    let Some(status) = status else { return Ok(Abilities::default()) };
    let state = status.pipeline["governor"]["state"].as_str();
    if state.is_some_and(|state| HOT.contains(&state)) {
        return Err(Refused::Heat);
    }
    if status.in_play { Err(Refused::Play) } else { Ok(Abilities::of(status)) }
}

/// Does it for the box with this data folder; returns what to print.
///
/// # Errors
/// What speaks against the update, or what the box cannot do.
pub fn run(job: &Job, data_dir: &Path) -> Result<String> {
    match job {
        Job::MayBegin => {
            let clock = SystemClock::start();
            match may_begin(ask(data_dir, &clock)?.as_ref()) {
                Ok(abilities) => Ok(serde_json::to_string(&abilities)?),
                Err(refused) => bail!("{refused}"),
            }
        }
        Job::Await { before, within } => {
            let text = std::fs::read(before)
                .with_context(|| format!("{} cannot be read", before.display()))?;
            let before: Abilities = serde_json::from_slice(&text)
                .with_context(|| format!("{} is not what may-begin printed", before.display()))?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            runtime.block_on(wait(&before, data_dir, Duration::from_secs(*within)))
        }
    }
}

/// What the box tells, if it runs.
fn ask(data_dir: &Path, clock: &SystemClock) -> Result<Option<Status>> {
    let found = status::read(data_dir, clock.wall_time())
        .with_context(|| format!("what the box tells cannot be read in {}", data_dir.display()))?;
    Ok(found.filter(status::Found::is_fresh).map(|found| found.status))
}

async fn wait(before: &Abilities, data_dir: &Path, within: Duration) -> Result<String> {
    let clock = SystemClock::start();
    let until = clock.now().plus(within);
    loop {
        let lost = match ask(data_dir, &clock)? {
            Some(status) => before.lost(&status),
            None => vec![Lost::Everything],
        };
        if lost.is_empty() {
            return Ok("the box can do what it could before".to_owned());
        }
        if clock.now() >= until {
            let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
            bail!(
                "{} within {} s, and the version before could",
                lost.join(", "),
                within.as_secs()
            );
        }
        clock.sleep_until(clock.now().plus(ASK_EVERY)).await;
    }
}

#[cfg(test)]
mod tests;
