//! Dead letters: what came and cannot be read, and which of them stand for a message of a box.
//!
//! Pure. A letter is *numbered* when the beginning of its envelope can be read and is the box's
//! own: it is then kept whole, counts as received, is never dropped, and is read again by a later
//! version of the receiver. Every other one answers nothing and is bounded by the constants here.
//! Why: `docs/decisions/0030-receivers-beyond-one-machine.md`.

use bytes::Bytes;
use mqtt::Incoming;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use wire::envelope::{Envelope, VERSION};
use wire::ids::{BootId, Name, Seq};
use wire::topic::Device;

use crate::store::EventRow;

/// Longest message that is read, in bytes. Version 1 has at most 640; what a later firmware
/// appends to it, this receiver can skip.
pub(crate) const EVENT_BYTES_MAX: usize = 2048;
/// The largest number that both databases hold.
pub(crate) const NUMBER_MAX: u64 = i64::MAX as u64 - 1;
/// Bytes that are kept of a letter without number.
pub(crate) const BYTES_MAX: usize = 4096;
/// Bytes that are kept of a numbered letter.
pub(crate) const NUMBERED_BYTES_MAX: usize = 64 * 1024;
/// Letters without number that are kept of one box. Loss: the ones unseen for longest, counted in
/// the table `dead_letters_lost`.
pub(crate) const PER_BOX_MAX: u32 = 64;
/// Letters without number that are kept of all boxes together: 16 MiB. Loss: as above.
pub(crate) const ALL_MAX: u32 = 4096;
/// Of a topic that is none, so much is kept of tenant and device.
const LEVEL_BYTES_MAX: usize = 64;

/// Why something cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The topic is none of this protocol.
    Topic,
    /// Longer than any message.
    Oversized,
    /// Not of the form that it should have.
    Malformed,
    /// Of a later version than this receiver.
    Version,
    /// The message names another device than its topic.
    Device,
    /// Number 0, or one that no database holds.
    Number,
}

impl Reason {
    /// Every reason, for what counts them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Topic, Self::Oversized, Self::Malformed, Self::Version, Self::Device, Self::Number];

    /// As the table, the metrics and people have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::Device => "device",
            Self::Number => "number",
        }
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) tenant: String,
    pub(crate) device: String,
    pub(crate) topic: String,
    pub(crate) reason: Reason,
    /// Of which message of the box it is.
    pub(crate) number: Option<(BootId, Seq)>,
    /// The beginning, as much as is kept.
    pub(crate) bytes: Bytes,
    /// Its length when it came.
    pub(crate) size: u64,
    /// Of topic and payload: the same one again is counted, not kept again.
    pub(crate) digest: [u8; 32],
}

/// A kept letter that stands for a message of its box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) device: Device,
    pub(crate) bytes: Bytes,
    pub(crate) digest: [u8; 32],
}

/// The first fields of an envelope. They stay as they are in every later version, so that a
/// receiver knows the number of a message that it cannot read.
#[derive(Deserialize)]
struct Header {
    v: u8,
    dev: Name,
    boot: BootId,
    seq: Seq,
}

/// Reads a message that came on a topic of `device`; the error says why it cannot be read.
///
/// # Errors
/// [`Reason`], and the message's number if it is one of the box's own.
pub(crate) fn read(
    device: &Device,
    payload: &Bytes,
) -> Result<EventRow, (Reason, Option<(BootId, Seq)>)> {
    let header = match postcard::take_from_bytes::<Header>(payload) {
        Ok((header, _body)) => header,
        Err(_) => {
            let later = payload.first().is_some_and(|version| *version > VERSION);
            return Err((if later { Reason::Version } else { Reason::Malformed }, None));
        }
    };
    if header.dev != device.device {
        return Err((Reason::Device, None));
    }
    if header.seq.0 == 0 || header.seq.0 > NUMBER_MAX {
        return Err((Reason::Number, None));
    }
    let number = Some((header.boot, header.seq));
    if header.v != VERSION {
        return Err((Reason::Version, number));
    }
    if payload.len() > EVENT_BYTES_MAX {
        return Err((Reason::Oversized, number));
    }
    match postcard::from_bytes::<Envelope>(payload) {
        Ok(envelope) => Ok(EventRow {
            device: device.clone(),
            envelope: Box::new(envelope),
            payload: payload.clone(),
        }),
        // A kind of message that was added after this version looks like this as well.
        Err(_) => Err((Reason::Malformed, number)),
    }
}

impl Letter {
    /// A letter of what arrived.
    pub(crate) fn of(message: &Incoming, reason: Reason, number: Option<(BootId, Seq)>) -> Self {
        let (topic, payload) = (message.topic(), message.payload());
        let mut levels = topic.split('/').skip(1).map(|level| clipped(level, LEVEL_BYTES_MAX));
        let most = if number.is_some() { NUMBERED_BYTES_MAX } else { BYTES_MAX };
        let digest = Sha256::new().chain_update(topic).chain_update([0]).chain_update(payload);
        Self {
            tenant: levels.next().unwrap_or_default(),
            device: levels.next().unwrap_or_default(),
            topic: clipped(topic, wire::topic::TOPIC_BYTES_MAX),
            reason,
            number,
            bytes: payload.slice(..payload.len().min(most)),
            size: payload.len() as u64,
            digest: digest.finalize().into(),
        }
    }
}

/// The beginning of a text. No database takes NUL in one.
fn clipped(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_of_any_length_and_kind_becomes_a_text_that_can_be_kept() {
        let topic = format!("cv1/a\0b/{}/x", "ü".repeat(200));
        let letter = Letter::of(&Incoming::new(&topic, Bytes::new()), Reason::Topic, None);
        assert_eq!(letter.tenant, "a\u{fffd}b");
        assert_eq!(letter.device, "ü".repeat(32));
        assert!(letter.topic.len() <= 258);
    }

    #[test]
    fn long_payload_is_cut_and_its_length_is_known() {
        let payload = Bytes::from(vec![7; 5_000]);
        let letter =
            Letter::of(&Incoming::new("cv1/a/b/info", payload.clone()), Reason::Oversized, None);
        assert_eq!((letter.bytes.len(), letter.size), (BYTES_MAX, 5_000));
        let number = Some((BootId(1), Seq(1)));
        let whole = Letter::of(&Incoming::new("cv1/a/b/info", payload), Reason::Oversized, number);
        assert_eq!(whole.bytes.len(), 5_000);
    }
}
