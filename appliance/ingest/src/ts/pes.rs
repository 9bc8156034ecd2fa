//! PES packets: put together out of the packets of their PID, and their header.
//! ISO/IEC 13818-1, 2.4.3.6.

use wire::time::Monotonic;

use super::packet::Packet;

/// Puts the PES packets of one PID together.
#[derive(Debug)]
pub(super) struct Assembly {
    bytes_max: usize,
    bytes: Vec<u8>,
    state: State,
    arrived: Monotonic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is wanted before the next beginning.
    Closed,
    /// Collects.
    Open,
    /// Taken because it seemed whole; more of it would say that it was not.
    TakenEarly,
}

/// A PES packet that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pes {
    /// Time stamps, 90 kHz modulo 2^33: presentation and, if it is another, decoding.
    pub(super) times: Option<(u64, u64)>,
    /// What it carries.
    pub(super) payload: Vec<u8>,
    /// When its last byte had arrived.
    pub(super) arrived: Monotonic,
}

/// What a packet does to the PES packet of its PID.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The one before is whole.
    pub(super) whole: Option<Pes>,
    /// The one that was taken early goes on.
    pub(super) taken_too_early: bool,
    /// One was damaged, or longer than allowed, and is dropped.
    pub(super) dropped: bool,
}

impl Assembly {
    pub(super) fn new(bytes_max: usize) -> Self {
        let (bytes, arrived) = (Vec::new(), Monotonic::default());
        Self { bytes_max, bytes, state: State::Closed, arrived }
    }

    /// Takes a packet.
    pub(super) fn add(&mut self, packet: &Packet<'_>, now: Monotonic) -> Step {
        let payload = packet.payload;
        let mut step = Step::default();
        if packet.starts {
            step = self.finish();
            self.state = State::Open;
        }
        match self.state {
            State::Closed => return step,
            State::TakenEarly => {
                step.taken_too_early = !payload.is_empty();
                return step;
            }
            State::Open => {}
        }
        if self.bytes.len() + payload.len() > self.bytes_max {
            self.abandon();
            return Step { dropped: true, ..step };
        }
        self.bytes.extend_from_slice(payload);
        self.arrived = now;
        step
    }

    /// The length that its header announces is there.
    pub(super) fn is_whole(&self) -> bool {
        let Some(&[_, _, _, _, high, low]) = self.bytes.first_chunk() else { return false };
        let length = usize::from(u16::from_be_bytes([high, low]));
        length != 0 && self.bytes.len() >= 6 + length
    }

    /// Takes what is there as whole, before the next one begins.
    pub(super) fn finish_early(&mut self) -> Step {
        let step = self.finish();
        self.state = State::TakenEarly;
        step
    }

    /// Takes what is there as whole.
    pub(super) fn finish(&mut self) -> Step {
        let was_open = std::mem::replace(&mut self.state, State::Closed) == State::Open;
        let bytes = std::mem::take(&mut self.bytes);
        if !was_open || bytes.is_empty() {
            return Step::default();
        }
        // As much again is likely: no growing by doubling for each picture.
        self.bytes.reserve(bytes.len());
        let whole = read(bytes, self.arrived);
        Step { dropped: whole.is_none(), whole, taken_too_early: false }
    }

    /// Part of it was lost.
    ///
    /// - returns: whether there was anything to lose.
    pub(super) fn abandon(&mut self) -> bool {
        self.bytes.clear();
        std::mem::replace(&mut self.state, State::Closed) == State::Open
    }
}

fn read(mut bytes: Vec<u8>, arrived: Monotonic) -> Option<Pes> {
    let &[0, 0, 1, _, high, low, marker, flags, header] = bytes.first_chunk()? else { return None };
    if marker >> 6 != 2 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length != 0 {
        if bytes.len() < 6 + length {
            return None;
        }
        bytes.truncate(6 + length);
    }
    let times = match flags >> 6 {
        2 => stamp(&bytes, 9).map(|shown| (shown, shown)),
        3 => stamp(&bytes, 9).zip(stamp(&bytes, 14)),
        _ => None,
    };
    let begins = 9 + usize::from(header);
    if begins > bytes.len() {
        return None;
    }
    bytes.drain(..begins);
    Some(Pes { times, payload: bytes, arrived })
}

/// 33 bits in five bytes.
fn stamp(bytes: &[u8], at: usize) -> Option<u64> {
    let &[b0, b1, b2, b3, b4] = bytes.get(at..)?.first_chunk()?;
    let [b0, b1, b2, b3, b4] = [b0, b1, b2, b3, b4].map(u64::from);
    Some((b0 >> 1 & 7) << 30 | b1 << 22 | (b2 >> 1) << 15 | b3 << 7 | b4 >> 1)
}
