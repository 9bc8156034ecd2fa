//! Whether the packets of one PID follow each other, and what becomes of what they are put together
//! to when they do not. ISO/IEC 13818-1, 2.4.3.3.

use super::packet::Packet;
use crate::entry::Entries;

/// What is put together out of the packets of one PID.
pub(super) trait Parts {
    /// Packets of it are missing.
    fn lost(&mut self, found: &mut Entries);
}

/// A PID and what is put together out of its packets.
#[derive(Debug)]
pub(super) struct Pid<T> {
    pub(super) pid: u16,
    counter: Option<u8>,
    pub(super) assembly: T,
}

/// Whether a packet is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It goes on from the one before, or from a gap that its assembly knows of.
    Next,
    /// It was sent twice, as the standard allows.
    Repeated,
}

impl<T: Parts> Pid<T> {
    pub(super) fn new(pid: u16, assembly: T) -> Self {
        Self { pid, counter: None, assembly }
    }

    /// Looks how a packet goes on from the one before.
    pub(super) fn follow(&mut self, packet: &Packet<'_>, found: &mut Entries) -> Turn {
        let before = self.counter.replace(packet.counter);
        let Some(before) = before.filter(|_| !packet.discontinuity) else { return Turn::Next };
        if before == packet.counter {
            return Turn::Repeated;
        }
        if (before + 1) & 0x0f != packet.counter {
            self.assembly.lost(found);
        }
        Turn::Next
    }
}
