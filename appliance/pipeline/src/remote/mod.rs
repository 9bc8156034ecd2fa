//! A lane that is served elsewhere: who answers a look, and what happens while an answer is on its
//! way.
//!
//! The inference thread never waits for a server. It puts a question on a source's [`Line`], which
//! a thread of the line's own carries to the server ([`carry`]), and goes on with its frames; with
//! one of the next frames it finds the answer, or that there is none and the box answers itself.
//! Owns lines and accounts. Must not know protocols or sockets: those are behind
//! [`hal::infer::Remote`]. Why: `docs/decisions/0017-a-lane-may-be-remote.md`.

mod account;

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hal::infer::{CheckError, InferError, Remote, Signature, Tensor};
use wire::time::Monotonic;

use crate::links::{RemoteAnswers, RemoteJobs};
use account::Plan;
pub use account::{
    Account, Counts, FAILURES_MAX, GAME_MAX, GAME_PAUSE, News, Price, Status, Terms,
};

/// What a line's thread is told to do.
pub enum Job {
    /// Ask the server whether it has this network.
    Check(Signature),
    /// Ask it this.
    Run(Tensor),
}

/// What came of it.
pub enum Answer {
    /// Of a check.
    Checked(Result<(), CheckError>),
    /// Of a question.
    Ran(Result<Tensor, InferError>),
}

/// A lane's account, for all lines and whoever tells about it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Account>>);

impl Shared {
    /// Of a lane.
    pub fn new(account: Account) -> Self {
        Self(Arc::new(Mutex::new(account)))
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.lock().status()
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One source's way to the server: one call at a time.
pub struct Line {
    account: Shared,
    jobs: RemoteJobs,
    answers: RemoteAnswers,
    deadline: Duration,
    carries: Carries,
    tell: Box<dyn Fn(&News) + Send>,
}

/// The end of a line at its thread.
pub struct Carrier {
    jobs: Receiver<Job>,
    answers: SyncSender<Answer>,
}

/// What is on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carries {
    Nothing,
    /// A question whose answer is waited for until then.
    Question {
        until: Monotonic,
    },
    Check,
    /// Something whose outcome nobody wants any more.
    Abandoned,
}

/// Who answers a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The server: its answer comes with one of the next frames.
    Server,
    /// The box, now.
    Here,
}

/// What became of a question.
pub(crate) enum Outcome {
    /// It is under way.
    Waiting,
    /// The server answered.
    Answered(Tensor),
    /// It did not, or not in time: the box answers.
    Here,
}

impl Line {
    /// A line and its end at the thread that [`carry`]s. `tell` is told the account's news.
    pub fn new(account: &Shared, tell: Box<dyn Fn(&News) + Send>) -> (Self, Carrier) {
        let (jobs, to_do) = sync_channel(1);
        let (done, answers) = sync_channel(1);
        let deadline = account.lock().terms().deadline;
        let account = account.clone();
        let line = Self { account, jobs, answers, deadline, carries: Carries::Nothing, tell };
        (line, Carrier { jobs: to_do, answers: done })
    }

    /// The source showed a picture. What is on the line and is not an answer that somebody waits
    /// for is settled.
    pub(crate) fn picture(&mut self, now: Monotonic) {
        self.account.lock().picture(now);
        match self.carries {
            Carries::Check | Carries::Abandoned => self.settle(now),
            Carries::Nothing | Carries::Question { .. } => {}
        }
    }

    /// Decides about a look. `question` and `signature` are fetched if they are needed.
    pub(crate) fn look(
        &mut self,
        now: Monotonic,
        question: impl FnOnce() -> Tensor,
        signature: impl FnOnce() -> Signature,
    ) -> By {
        match self.carries {
            Carries::Nothing => {}
            Carries::Check => {
                self.account.lock().here();
                return By::Here;
            }
            Carries::Question { .. } | Carries::Abandoned => {
                let mut account = self.account.lock();
                account.busy();
                account.here();
                return By::Here;
            }
        }
        let (plan, news) = self.account.lock().plan(now);
        self.tell(news);
        let (job, carries) = match plan {
            Plan::Ask => {
                let until = now.plus(self.deadline);
                (Job::Run(question()), Carries::Question { until })
            }
            Plan::HereAndCheck => (Job::Check(signature()), Carries::Check),
            Plan::Here => {
                self.account.lock().here();
                return By::Here;
            }
        };
        // Nothing is on the line, so there is room, unless its thread is gone: then the next
        // reading of the answers says so.
        let _ = self.jobs.try_send(job);
        self.carries = carries;
        if plan == Plan::Ask {
            return By::Server;
        }
        self.account.lock().here();
        By::Here
    }

    /// What became of the question that is on the line.
    pub(crate) fn outcome(&mut self, now: Monotonic) -> Outcome {
        let Carries::Question { until } = self.carries else { return Outcome::Here };
        let ran = match self.answers.try_recv() {
            Ok(Answer::Ran(ran)) => ran,
            Ok(Answer::Checked(_)) => Err(lost("it answered something else")),
            Err(TryRecvError::Disconnected) => Err(lost("its thread has ended")),
            Err(TryRecvError::Empty) if now < until => return Outcome::Waiting,
            Err(TryRecvError::Empty) => {
                self.carries = Carries::Abandoned;
                let deadline_ms = self.deadline.as_millis() as u64;
                return self
                    .refuse(&InferError::Late { network: "elsewhere".into(), deadline_ms }, now);
            }
        };
        self.carries = Carries::Nothing;
        match ran {
            Ok(answer) => {
                let news = self.account.lock().answered();
                self.tell(news);
                Outcome::Answered(answer)
            }
            Err(error) => self.refuse(&error, now),
        }
    }

    /// Nobody waits for the answer any more, and the box does not answer either.
    pub(crate) fn abandon(&mut self) {
        match self.carries {
            Carries::Question { .. } => self.carries = Carries::Abandoned,
            Carries::Nothing | Carries::Check | Carries::Abandoned => {}
        }
    }

    /// The lane has other networks.
    pub(crate) fn renewed(&mut self) {
        if self.carries != Carries::Nothing {
            self.carries = Carries::Abandoned;
        }
        self.account.lock().renewed();
    }

    fn settle(&mut self, now: Monotonic) {
        let outcome = match self.answers.try_recv() {
            Err(TryRecvError::Empty) => return,
            Ok(Answer::Checked(outcome)) => outcome,
            Ok(Answer::Ran(_)) => Err(CheckError::Away("it answered something else".into())),
            Err(TryRecvError::Disconnected) => Err(CheckError::Away("its thread has ended".into())),
        };
        let was = std::mem::replace(&mut self.carries, Carries::Nothing);
        if was == Carries::Check {
            let news = self.account.lock().checked(outcome, now);
            self.tell(news);
        }
    }

    fn refuse(&self, error: &InferError, now: Monotonic) -> Outcome {
        let mut account = self.account.lock();
        let news = account.failed(error, now);
        account.here();
        drop(account);
        self.tell(news);
        Outcome::Here
    }

    fn tell(&self, news: Option<News>) {
        if let Some(news) = news {
            (self.tell)(&news);
        }
    }
}

fn lost(reason: &str) -> InferError {
    InferError::Engine { network: "elsewhere".into(), reason: reason.into() }
}

/// Carries a line's jobs to the server and back, on the calling thread, until the line is dropped.
pub fn carry(carrier: Carrier, mut server: impl Remote) {
    while let Ok(job) = carrier.jobs.recv() {
        let answer = match job {
            Job::Check(signature) => Answer::Checked(server.check(&signature)),
            Job::Run(question) => {
                let ran = server.run(&[question]);
                Answer::Ran(ran.and_then(|mut outputs| {
                    outputs.pop().ok_or_else(|| lost("it answered nothing"))
                }))
            }
        };
        if carrier.answers.send(answer).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
