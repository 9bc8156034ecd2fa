//! What became of the packets that one direction of a link was given.

use core::ops::{Add, AddAssign, Sub};

/// A number of packets, and their bytes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of these packets, IP headers and all.
    pub bytes: u64,
}

/// Totals since the link began. Every packet that came in is in one other line, or under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Given to the link.
    pub accepted: Count,
    /// Come out at the other end.
    pub delivered: Count,
    /// Refused because the queue was full.
    pub dropped_queue: Count,
    /// Lost at random, after their time on the line.
    pub dropped_loss: Count,
    /// Came, waited or were under way while the link was down.
    pub dropped_outage: Count,
    /// The most bytes that ever waited.
    pub queue_bytes_peak: u64,
}

impl Count {
    /// One packet.
    pub const fn of(packet: &[u8]) -> Self {
        Self { packets: 1, bytes: packet.len() as u64 }
    }
}

impl Counters {
    /// All that will not come out any more, and all that has.
    pub fn settled(&self) -> Count {
        self.delivered + self.dropped_queue + self.dropped_loss + self.dropped_outage
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Count {
    type Output = Self;

    /// What came between an earlier look at a counter and this one.
    fn sub(self, earlier: Self) -> Self {
        Self { packets: self.packets - earlier.packets, bytes: self.bytes - earlier.bytes }
    }
}
