//! What the outbox is told and what it answers.

use core::time::Duration;

use wire::ids::{BootId, Seq};

use crate::Class;
use crate::backoff::Delays;

/// A message's identity within the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which boot made it.
    pub boot: BootId,
    /// Its number within the boot.
    pub seq: Seq,
}

/// What the outbox knows of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its identity.
    pub key: Key,
    /// Its urgency.
    pub class: Class,
}

/// Windows and waiting times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most messages that the broker has not acknowledged.
    pub window: u16,
    /// Most backlog messages that the receiver has not acknowledged: without a receiver the
    /// backlog stays on the box instead of being thrown at the broker.
    pub backlog_unacked_max: u16,
    /// When to send again what the receiver did not acknowledge.
    pub resend: Delays,
    /// A broker that takes longer than this for a PUBACK has lost the connection.
    pub puback_timeout: Duration,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Publish this message.
    Send {
        /// Which.
        key: Key,
        /// 1 for the first time.
        attempt: u8,
    },
    /// Read this portion of the store and answer with [`crate::Outbox::handle_loaded`].
    Load(Loaded),
    /// The receiver has durably stored everything of `boot` up to `upto`: the store may forget it.
    Release {
        /// Which boot.
        boot: BootId,
        /// Up to and including this number.
        upto: Seq,
    },
    /// The receiver asks for messages that are gone: publish `info` again.
    Announce,
    /// The connection is dead: drop it.
    Reconnect(Reconnect),
}

/// Why a connection is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconnect {
    /// No PUBACK for this message in time.
    PubackOverdue(Key),
}

/// A portion of the store: keys after `after` and before `before`, at most `count`, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Exclusive.
    pub after: Key,
    /// Exclusive.
    pub before: Key,
    /// At most so many.
    pub count: u16,
}

/// Why [`crate::Outbox::deadline`] wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A PUBACK is overdue then.
    Puback,
    /// The receiver's acknowledgement is overdue then.
    Resend,
    /// An announcement may go then.
    Announce,
    /// The store may be asked again then.
    Load,
}

/// The live shelf is full of messages that are not stored yet; nothing may be forgotten, so this
/// one must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages published for the first time in this boot.
    pub sent: u64,
    /// Messages published again.
    pub resent: u64,
    /// Messages released by the receiver's acknowledgement while they were in memory.
    pub released: u64,
    /// Acknowledgements of messages that this box never made.
    pub bogus_acks: u64,
}
