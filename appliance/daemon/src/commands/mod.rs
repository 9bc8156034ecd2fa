//! What the box is asked to do over MQTT, done once each, and answered.
//!
//! Owns: the way of a command from `…/cmd/{verb}` to its answer, one after the other. Must not: run
//! programs or take paths, decide what a verb is worth (governor, gate of the uplink), or do
//! anything for a command that is not durably noted. A command that cannot be read, is not signed
//! as it must be, has expired, or makes no sense is refused with the reason.
//! Why so: `docs/decisions/0028-commands.md`; for senders: `docs/operator.md`.
//!
//! ```text
//! asked ─► judged ─► id known? ──yes─► answered as before
//!             │          └─no─► begun (durable) ─► done ─► ended (durable) ─► answered
//!             └─► refused, noted, answered
//! ```

pub mod audit;
mod judge;
mod perform;

use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use tokio::sync::{mpsc, watch};
use wire::command::{CommandOutcome, CommandResponse};
use wire::envelope::VERSION;
use wire::ids::Name;
use wire::topic::Device;

use crate::config;
use crate::packs::keys;
use crate::store::{CommandRow, Known, Outcome, Store, StoreError, Ticket};
use crate::uplink::{Asked, Handle};
use judge::{Order, Refusal};
pub use perform::{Means, Watched};

/// Link: messenger → commands. DROP, counted: whoever asks hears nothing and asks again.
pub const ASKED_MAX: usize = 8;
/// Between two commands: whoever asks faster must not take the line from events.
const PAUSE: Duration = Duration::from_millis(100);
/// A command that cannot be noted within this is refused.
const STORE_MAX: Duration = Duration::from_secs(5);
/// What is kept of a command's text, in bytes.
const BODY_BYTES_MAX: usize = 2 * 1024;

/// Does commands, one after the other.
pub struct Commands<C> {
    /// The box's clocks.
    pub clock: Arc<C>,
    /// Who this box is.
    pub device: Device,
    /// Whose word counts.
    pub config: config::Commands,
    /// Remembers what was done.
    pub store: Store,
    /// Answers.
    pub uplink: Handle,
    /// What commands can move.
    pub means: Means,
}

/// What became of a command, and what to say about it.
type Told = (CommandOutcome, String);

impl<C: Clock> Commands<C> {
    /// Runs until nobody can ask any more.
    pub async fn run(self, mut asked: mpsc::Receiver<Asked>) {
        while let Some(command) = asked.recv().await {
            self.handle(&command).await;
            self.clock.sleep_until(self.clock.now().plus(PAUSE)).await;
        }
    }

    async fn handle(&self, asked: &Asked) {
        // Read anew each time, so that a key that is added or withdrawn needs no restart.
        let trust = keys::load(std::slice::from_ref(&self.config.keys));
        let policy = judge::Policy { accept: self.config.accept, trust: &trust };
        let topic = self.device.command(&asked.verb);
        let now = self.clock.wall().0;
        match judge::judge((&topic, &asked.verb), &asked.payload, &policy, now) {
            Err(refusal) => self.refuse(asked, refusal),
            Ok(order) => {
                let (outcome, text) = self.obey(&order).await;
                tracing::info!(
                    verb = order.verb.as_str(), id = %order.command.id, by = order.command.by.as_str(),
                    ?outcome, text, "command"
                );
                self.answer((Some(order.command.id.clone()), &asked.verb), (outcome, &text));
                if outcome == CommandOutcome::Done {
                    self.means.after(order.verb);
                }
            }
        }
    }

    async fn obey(&self, order: &Order) -> Told {
        let id = &order.command.id;
        match self.within(self.store.known_command(id.clone())).await {
            Err(error) => return unwritten(&error),
            Ok(Some(known)) => return repeated(order, known),
            Ok(None) => {}
        }
        let row = row(Some(order), &order.verb_name, (&order.body, String::new()));
        if let Err(error) = self.within(self.store.begin_command(row)).await {
            // Should it be written later on, it says that nothing was done.
            let text = "it could not be noted in time".to_owned();
            let _too_busy = self.store.end_command(id.clone(), Outcome::Refused, text);
            return unwritten(&error);
        }
        faults::mark("command.begun");
        let done = self.means.perform(order, &self.uplink, self.clock.now());
        faults::mark("command.done");
        let (outcome, kept, text) = match done {
            Ok(text) => (CommandOutcome::Done, Outcome::Done, text),
            Err(text) => (CommandOutcome::Refused, Outcome::Refused, text),
        };
        let ended = self.within(self.store.end_command(id.clone(), kept, text.clone())).await;
        if let Err(error) = ended {
            tracing::error!(%error, %id, "what became of a command is not noted");
        }
        (outcome, text)
    }

    fn refuse(&self, asked: &Asked, refusal: Refusal) {
        let Refusal { id, by, text } = refusal;
        tracing::warn!(verb = %asked.verb, by, text, "a command is refused");
        let body = String::from_utf8_lossy(&asked.payload);
        let row = CommandRow {
            id: id.clone(),
            asked_by: by,
            ..row(None, &asked.verb, (&body, text.clone()))
        };
        if let Err(error) = self.store.note_refused(row) {
            tracing::warn!(%error, "a refused command is not noted");
        }
        self.answer((id, &asked.verb), (CommandOutcome::Refused, &text));
    }

    fn answer(&self, (id, verb): (Option<Name>, &Name), (outcome, text): (CommandOutcome, &str)) {
        self.uplink.answer(CommandResponse {
            v: VERSION,
            id,
            verb: verb.clone(),
            outcome,
            text: cut(text, 240).try_into().unwrap_or_default(),
            boot: self.uplink.boot(),
            ts_us: self.clock.wall().0,
        });
    }

    /// What the store answers, if it does so in time.
    async fn within<T>(&self, ticket: Result<Ticket<T>, StoreError>) -> Result<T, StoreError> {
        let mut ticket = ticket?;
        let late = self.clock.sleep_until(self.clock.now().plus(STORE_MAX));
        tokio::select! {
            outcome = ticket.outcome() => outcome,
            () = late => Err(StoreError::Busy),
        }
    }
}

/// Starts to do what comes on `asked`, on the current tokio runtime.
pub fn start<C: Clock + 'static>(commands: Commands<C>, asked: mpsc::Receiver<Asked>) {
    tokio::spawn(commands.run(asked));
}

/// The same command again: nothing is done, and what was told is told again.
fn repeated(order: &Order, known: Known) -> Told {
    if known.verb != order.verb.as_str() || known.body != cut(&order.body, BODY_BYTES_MAX) {
        let text = "this id was used for another command; ask with a new id".to_owned();
        return (CommandOutcome::Refused, text);
    }
    let outcome = match known.outcome {
        Outcome::Done => CommandOutcome::Done,
        Outcome::Refused => CommandOutcome::Refused,
        Outcome::Interrupted => CommandOutcome::Interrupted,
    };
    (outcome, known.text)
}

fn unwritten(error: &StoreError) -> Told {
    let text = format!("nothing is done that the box cannot note: {error}");
    (CommandOutcome::Refused, text)
}

fn row(order: Option<&Order>, verb: &Name, (body, text): (&str, String)) -> CommandRow {
    CommandRow {
        id: order.map(|order| order.command.id.clone()),
        verb: verb.clone(),
        asked_by: order.map(|order| order.command.by.as_str().to_owned()).unwrap_or_default(),
        signer: order.and_then(|order| order.signer.clone()),
        body: cut(body, BODY_BYTES_MAX).to_owned(),
        expires: order.map(|order| order.command.expires_us).unwrap_or_default(),
        text,
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// What asks the box to stop and start again.
#[derive(Clone, Debug)]
pub struct Restart(watch::Sender<bool>);

impl Restart {
    /// The asking end, and the one that hears it.
    pub fn new() -> (Self, watch::Receiver<bool>) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), receiver)
    }

    fn ask(&self) {
        let _stopping_already = self.0.send(true);
    }
}
