//! The proof that nothing durable is lost: a small box, the receiver and the broker are killed at
//! fail points and at any moment, while disks fill up, fail or are read-only and clocks jump.
//!
//! Owns the schedule, the faults, and the judgement. Knows the programs by their folders, their
//! ledger and the names of their fail points. Must not: repair anything; every program starts
//! again by itself.
//! Design note: `docs/decisions/0029-kills-at-fail-points.md`.

mod disk;
mod durable;
pub mod outage;
pub mod plan;
mod stage;
mod tally;
mod verdict;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use faults::{Act, Order};
use tokio::time::Instant;

use crate::venue::{ROLES, Role};
use durable::Ledger;
pub use plan::ClipWay;
use plan::{Kill, Round, Trouble, Way};
use stage::{Stage, Task};
pub use tally::Tally;

/// Everything durable must have arrived so soon after the last fault.
pub const RECOVERY_MAX: Duration = Duration::from_secs(30);
/// A point that is not reached within this is given up.
const POINT_WAIT: Duration = Duration::from_secs(4);
/// A trouble lasts at least so long.
const TROUBLE_LEAST: Duration = Duration::from_millis(1_200);
/// The first of them may have been made, and have arrived, before a fault.
const NEW_EVENTS: usize = 8;
const STOP_LIMIT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Whether a point may be ordered: each program takes one order at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orders {
    Free,
    /// A trouble of this round is one.
    Taken,
}

/// One proof.
struct Trial {
    stage: Stage,
    ledger: Ledger,
    tally: Tally,
    orders: u64,
    /// Somebody's disk is in trouble: starts may fail.
    troubled: Option<Role>,
}

/// Runs the schedule of `seed` with that many kills in `folder`, and judges. `tell` hears of
/// each round.
///
/// # Errors
/// A violation, or a program that is missing.
pub async fn prove(
    folder: &Path,
    (seed, clips, kills): (u64, ClipWay, usize),
    mut tell: impl FnMut(String),
) -> Result<Tally> {
    let stage = Stage::open(folder, (seed, clips)).await?;
    let ledger = Ledger::new(&stage.ledger());
    let tally = Tally::default();
    let mut trial = Trial { stage, ledger, tally, orders: 0, troubled: None };
    if !trial.stage.disk(Role::Appliance).is_mounted() {
        tell("nothing can be mounted here: full and read-only disks come from fail points".into());
    }
    for role in ROLES {
        trial.stage.start(role, Task::Generate)?;
    }
    let rounds = plan::rounds((seed, clips), kills);
    let began = Instant::now();
    for (number, round) in rounds.iter().enumerate() {
        let recovery = trial.round(round).await;
        let recovery =
            recovery.with_context(|| format!("round {number} of seed {seed}: {round:?}"))?;
        let trouble = round.trouble.map(|trouble| format!("; {trouble}")).unwrap_or_default();
        tell(format!(
            "{:>6.1} s  round {}/{}: {} kills of {kills}, recovered in {:.1} s{trouble}",
            began.elapsed().as_secs_f64(),
            number + 1,
            rounds.len(),
            trial.tally.kill_count(),
            recovery.as_secs_f64(),
        ));
    }
    trial.finish().await?;
    verdict::judge(&trial.stage, &trial.ledger.durable, &mut trial.tally)?;
    Ok(trial.tally)
}

impl Trial {
    async fn round(&mut self, round: &Round) -> Result<Duration> {
        let began = Instant::now();
        if let Some(trouble) = round.trouble {
            *self.tally.troubles.entry(trouble.label()).or_default() += 1;
            self.begin(trouble).await?;
        }
        let is_ordered = matches!(round.trouble, Some(Trouble::Errors(..)));
        let orders = if is_ordered || self.is_unmounted(round.trouble) {
            Orders::Taken
        } else {
            Orders::Free
        };
        for kill in &round.kills {
            self.kill(*kill, orders).await?;
        }
        if let Some(trouble) = round.trouble {
            self.tend_until(began + TROUBLE_LEAST).await?;
            self.end(trouble).await?;
        }
        self.recover().await
    }

    async fn begin(&mut self, trouble: Trouble) -> Result<()> {
        match trouble {
            Trouble::Full(role) | Trouble::ReadOnly(role) if self.is_unmounted(Some(trouble)) => {
                let act = match trouble {
                    Trouble::Full(_) => Act::Full(u32::MAX),
                    Trouble::ReadOnly(_)
                    | Trouble::Errors(..)
                    | Trouble::Clock(..)
                    | Trouble::Frozen
                    | Trouble::BucketAway => Act::ReadOnly(u32::MAX),
                };
                let point = if role == Role::Appliance {
                    "store.write.before"
                } else {
                    "fleet.event.before"
                };
                self.order(role, (point, 1, act))
            }
            Trouble::Full(role) => {
                self.troubled = Some(role);
                self.stage.disk(role).fill()
            }
            Trouble::ReadOnly(role) => {
                self.troubled = Some(role);
                self.stage.kill(role).await?;
                self.stage.disk(role).freeze()
            }
            Trouble::Errors(role, point, act) => self.order(role, (point.name, 1, act)),
            Trouble::Clock(role, us) => self.stage.set_clock(role, us),
            Trouble::Frozen => self.stage.signal(Role::Broker, "STOP").await,
            Trouble::BucketAway => self.with_bucket(s3_server::Server::go_away),
        }
    }

    async fn end(&mut self, trouble: Trouble) -> Result<()> {
        match trouble {
            Trouble::Full(role) | Trouble::ReadOnly(role) => {
                self.stage.disk(role).mend()?;
                self.stage.order(role, None)
            }
            Trouble::Errors(role, ..) => self.stage.order(role, None),
            Trouble::Clock(role, _) => self.stage.set_clock(role, 0),
            Trouble::Frozen => self.stage.signal(Role::Broker, "CONT").await,
            Trouble::BucketAway => self.with_bucket(s3_server::Server::come_back),
        }
    }

    fn is_unmounted(&self, trouble: Option<Trouble>) -> bool {
        match trouble {
            Some(Trouble::Full(role) | Trouble::ReadOnly(role)) => {
                !self.stage.disk(role).is_mounted()
            }
            Some(
                Trouble::Errors(..) | Trouble::Clock(..) | Trouble::Frozen | Trouble::BucketAway,
            )
            | None => false,
        }
    }

    fn with_bucket(&mut self, change: impl FnOnce(&mut s3_server::Server)) -> Result<()> {
        self.stage.bucket().map(change).context("there is no bucket")
    }

    async fn kill(&mut self, kill: Kill, orders: Orders) -> Result<()> {
        let victim = kill.victim;
        let label = match kill.way {
            Way::Moment { after_ms } => {
                self.tend_until(Instant::now() + Duration::from_millis(after_ms)).await?;
                self.stage.kill(victim).await?;
                "any moment"
            }
            Way::Point { .. } if orders == Orders::Taken => {
                self.stage.kill(victim).await?;
                "any moment"
            }
            Way::Point { point, passing } => {
                self.order(victim, (point.name, passing, Act::Kill))?;
                if plan::is_at_start(point) {
                    self.stage.kill(victim).await?;
                }
                let reached = self.wait_for_end(victim).await?;
                self.stage.order(victim, None)?;
                if reached {
                    point.name
                } else {
                    *self.tally.missed.entry(point.name).or_default() += 1;
                    self.stage.kill(victim).await?;
                    "any moment"
                }
            }
        };
        *self.tally.kills.entry((plan::role_label(victim), label)).or_default() += 1;
        Ok(())
    }

    fn order(&mut self, role: Role, (point, passing, act): (&str, u32, Act)) -> Result<()> {
        self.orders += 1;
        let order = Order { number: self.orders, point: point.to_owned(), passing, act };
        self.stage.order(role, Some(&order))
    }

    /// Whether the victim ended by itself in time.
    async fn wait_for_end(&mut self, victim: Role) -> Result<bool> {
        let deadline = Instant::now() + POINT_WAIT;
        while Instant::now() < deadline {
            if self.tend(Some(victim)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn tend_until(&mut self, end: Instant) -> Result<()> {
        while Instant::now() < end {
            self.tend(None).await?;
        }
        Ok(())
    }

    /// One look. Whether `victim` ended; nobody else may end, but one whose disk is in trouble.
    async fn tend(&mut self, victim: Option<Role>) -> Result<bool> {
        tokio::time::interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY).tick().await;
        let mut killed = false;
        for role in self.stage.tend()? {
            if Some(role) == victim && self.troubled != Some(role) {
                killed = true;
            } else if self.troubled != Some(role) {
                let log = std::fs::read_to_string(self.stage.log(role)).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let end = lines[lines.len().saturating_sub(10)..].join("\n");
                bail!("{role:?} ended by itself:\n{end}");
            }
        }
        Ok(killed)
    }

    /// How long it takes until everybody is back, everything that is durable by then has arrived,
    /// and something that was made afterwards as well.
    async fn recover(&mut self) -> Result<Duration> {
        let ended = Instant::now();
        while !self.stage.is_whole() {
            self.tend(None).await?;
        }
        self.ledger.follow()?;
        let enough = self.ledger.durable.events.len() + NEW_EVENTS;
        while self.ledger.durable.events.len() < enough {
            ensure!(ended.elapsed() < RECOVERY_MAX, "{RECOVERY_MAX:?} without a durable event");
            self.tend(None).await?;
            self.ledger.follow()?;
        }
        let mut owed = self.ledger.owed()?;
        let database = self.stage.database();
        while !self.ledger.has_arrived(&mut owed, &database) {
            ensure!(
                ended.elapsed() < RECOVERY_MAX,
                "{RECOVERY_MAX:?} after the faults this has not arrived: {}",
                owed.text()
            );
            self.tend(None).await?;
        }
        // A start that failed before the disk was mended may be noticed only now.
        self.troubled = None;
        let recovery = ended.elapsed();
        self.tally.recoveries.push(recovery);
        Ok(recovery)
    }

    /// The box stops making things, and delivers the rest.
    async fn finish(&mut self) -> Result<()> {
        self.stage.end(Role::Appliance, STOP_LIMIT).await?;
        self.stage.start(Role::Appliance, Task::Empty)?;
        let began = Instant::now();
        loop {
            self.tend(None).await?;
            let left = crate::stored::backlog(self.stage.box_folder())?;
            let files = std::fs::read_dir(self.stage.box_folder().join("clips"))?.count();
            if left.messages + left.plans + left.clips == 0 && files == 0 {
                break;
            }
            ensure!(began.elapsed() < RECOVERY_MAX, "the box still has {left:?}, {files} files");
        }
        for role in ROLES.into_iter().rev() {
            self.stage.end(role, STOP_LIMIT).await?;
        }
        self.ledger.follow()
    }
}
