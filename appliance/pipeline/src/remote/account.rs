//! Whether the next look is asked elsewhere: how well the server does, and what it has cost.
//!
//! Pure: receives `now`, returns a plan and what is news. One account for a lane on all sources of
//! the box.
//!
//! ```text
//!            look, and `retry` is over          the model is ours
//!   Away ────────────────────────────► Checking ─────────────────► Serving
//!    ▲ ◄──── not there, or another model ──┘                          │
//!    └──────────── FAILURES_MAX calls in a row failed ────────────────┘
//! ```
//! After a check one call is on trial: if it fails, the server is away again, for longer.

use std::fmt;
use std::time::Duration;

use hal::infer::{CheckError, InferError};
use outbox::{Backoff, Delays};
use wire::time::Monotonic;

/// Calls that fail in a row before the server is left alone for a while.
pub const FAILURES_MAX: u32 = 3;
/// How long it is left alone, the first time and at most. A look without an answer is answered by
/// the box a deadline late, so not often; a server that was restarted is missed for a minute at
/// most.
const DELAYS: Delays = Delays { first: Duration::from_secs(2), longest: Duration::from_secs(60) };
/// A check whose outcome nobody told after this long is forgotten: its source has no pictures.
const CHECK_MAX: Duration = Duration::from_secs(20);
/// A game is over when no source has shown a picture for this long. A publisher that lost its
/// network is back sooner; between two games of a day it is longer.
pub const GAME_PAUSE: Duration = Duration::from_secs(10 * 60);
/// And after this long: a camera that is never turned off spends at most six budgets a day.
pub const GAME_MAX: Duration = Duration::from_secs(4 * 60 * 60);

/// An amount of money in millionths of whatever the operator counts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(pub u64);

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// What calls may take and cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long an answer is waited for.
    pub deadline: Duration,
    /// What one call costs, whatever becomes of it.
    pub cost: Price,
    /// What all calls of one game may cost.
    pub budget: Price,
}

/// What to do with a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Ask the server. The call is paid.
    Ask,
    /// Answer it here.
    Here,
    /// Answer it here, and check the server beside it.
    HereAndCheck,
}

/// What is told to people, once for each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The server answers the looks from now on.
    Served,
    /// The box answers them itself from now on.
    GivenUp {
        /// What was wrong last.
        reason: String,
    },
    /// The same, until the next game: the budget is spent.
    Spent {
        /// What was spent.
        spent: Price,
    },
}

/// How well the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is left alone until `retry`.
    Away { retry: Monotonic },
    /// It is asked what it is; forgotten after `until`.
    Checking { until: Monotonic },
    /// It is asked. So many calls in a row have failed.
    Serving { failures: u32 },
}

/// Who answers, as it was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Served,
    Here,
}

/// One game, as far as money is concerned.
#[derive(Clone, Copy, Debug)]
struct Game {
    began: Monotonic,
    /// The newest picture of any source.
    last: Monotonic,
    spent: Price,
    told_spent: bool,
}

/// What became of the looks, since the box started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times that the server was asked what it has; they cost nothing.
    pub checks: u64,
    /// Calls that were made.
    pub calls: u64,
    /// Calls that were answered; their looks are the server's.
    pub answers: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that took longer than the deadline.
    pub overruns: u64,
    /// Looks that could not be asked because the call before was still under way after its
    /// deadline.
    pub busy: u64,
    /// Looks that the box answered itself, for whatever reason.
    pub here: u64,
}

/// How it stands, for telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// `away`, `checking`, `serving` or `spent`.
    pub state: &'static str,
    /// What became of the looks.
    pub counts: Counts,
    /// What this game's calls have cost.
    pub spent: Price,
    /// What they may cost.
    pub budget: Price,
}

/// See the module.
pub struct Account {
    terms: Terms,
    standing: Standing,
    backoff: Backoff,
    game: Option<Game>,
    told: Told,
    counts: Counts,
}

impl Account {
    /// An account of which nothing is spent; the server is checked with the first look. `seed`
    /// differs from box to box, so that they do not all come back at once.
    pub fn new(terms: Terms, seed: u64) -> Self {
        Self {
            terms,
            standing: Standing::Away { retry: Monotonic(0) },
            backoff: Backoff::new(DELAYS, seed),
            game: None,
            told: Told::Nothing,
            counts: Counts::default(),
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let spent = self.game.map_or(Price(0), |game| game.spent);
        let state = match (self.can_pay(), self.standing) {
            (false, _) => "spent",
            (true, Standing::Away { .. }) => "away",
            (true, Standing::Checking { .. }) => "checking",
            (true, Standing::Serving { .. }) => "serving",
        };
        Status { state, counts: self.counts, spent, budget: self.terms.budget }
    }

    pub(super) fn terms(&self) -> Terms {
        self.terms
    }

    /// A source showed a picture: the game goes on, or a new one begins.
    pub(super) fn picture(&mut self, now: Monotonic) {
        let fresh = Game { began: now, last: now, spent: Price(0), told_spent: false };
        let goes_on =
            |game: &Game| now.since(game.last) < GAME_PAUSE && now.since(game.began) < GAME_MAX;
        self.game = Some(match self.game.filter(goes_on) {
            Some(game) => Game { last: now.max(game.last), ..game },
            None => fresh,
        });
    }

    /// Decides about a look. A picture must have been told before.
    pub(super) fn plan(&mut self, now: Monotonic) -> (Plan, Option<News>) {
        if !self.can_pay() {
            return (Plan::Here, self.tell_spent());
        }
        let again = now.plus(CHECK_MAX);
        match self.standing {
            Standing::Serving { .. } => {
                self.counts.calls += 1;
                if let Some(game) = &mut self.game {
                    game.spent.0 += self.terms.cost.0;
                }
                (Plan::Ask, None)
            }
            Standing::Away { retry: due } | Standing::Checking { until: due } if now >= due => {
                self.counts.checks += 1;
                self.standing = Standing::Checking { until: again };
                (Plan::HereAndCheck, None)
            }
            Standing::Away { .. } | Standing::Checking { .. } => (Plan::Here, None),
        }
    }

    /// The server answered a check.
    pub(super) fn checked(
        &mut self,
        outcome: Result<(), CheckError>,
        now: Monotonic,
    ) -> Option<News> {
        match outcome {
            Ok(()) => {
                self.standing = Standing::Serving { failures: FAILURES_MAX - 1 };
                None
            }
            Err(error @ CheckError::Away(_)) => {
                let wait = self.backoff.fail();
                self.give_up(now.plus(wait), error.to_string())
            }
            // Somebody has to do something about it; no need to ask often.
            Err(error @ CheckError::Differs { .. }) => {
                self.give_up(now.plus(DELAYS.longest), error.to_string())
            }
        }
    }

    /// The server answered a look.
    pub(super) fn answered(&mut self) -> Option<News> {
        self.counts.answers += 1;
        self.standing = Standing::Serving { failures: 0 };
        self.backoff.succeed();
        if std::mem::replace(&mut self.told, Told::Served) == Told::Served {
            return None;
        }
        Some(News::Served)
    }

    /// A call gave no answer, or none in time.
    pub(super) fn failed(&mut self, error: &InferError, now: Monotonic) -> Option<News> {
        match error {
            InferError::Late { .. } => self.counts.overruns += 1,
            InferError::Shape { .. } | InferError::Engine { .. } => self.counts.failures += 1,
        }
        match self.standing {
            Standing::Serving { failures } if failures + 1 < FAILURES_MAX => {
                self.standing = Standing::Serving { failures: failures + 1 };
                None
            }
            Standing::Serving { .. } => {
                let wait = self.backoff.fail();
                self.give_up(now.plus(wait), error.to_string())
            }
            // Another source's call has said so already.
            Standing::Away { .. } | Standing::Checking { .. } => None,
        }
    }

    /// A look was answered here.
    pub(super) fn here(&mut self) {
        self.counts.here += 1;
    }

    /// The way to the server was still taken.
    pub(super) fn busy(&mut self) {
        self.counts.busy += 1;
    }

    /// The lane has other networks: whether the server's is one of them is open.
    pub(super) fn renewed(&mut self) {
        self.standing = Standing::Away { retry: Monotonic(0) };
    }

    fn can_pay(&self) -> bool {
        let spent = self.game.map_or(0, |game| game.spent.0);
        spent + self.terms.cost.0 <= self.terms.budget.0
    }

    fn give_up(&mut self, retry: Monotonic, reason: String) -> Option<News> {
        self.standing = Standing::Away { retry };
        if std::mem::replace(&mut self.told, Told::Here) == Told::Here {
            return None;
        }
        Some(News::GivenUp { reason })
    }

    fn tell_spent(&mut self) -> Option<News> {
        let game = self.game.as_mut().filter(|game| !game.told_spent)?;
        game.told_spent = true;
        self.told = Told::Here;
        Some(News::Spent { spent: game.spent })
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Served => f.write_str("it serves the lane from now on"),
            Self::GivenUp { reason } => {
                write!(f, "the box serves the lane itself until it is back: {reason}")
            }
            Self::Spent { spent } => write!(
                f,
                "the box serves the lane itself until the next game: {spent} of the budget is \
                 spent, and another call would exceed it"
            ),
        }
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
