//! One packet of a transport stream. ISO/IEC 13818-1, 2.4.3.

/// Bytes of a packet.
pub(super) const BYTES: usize = 188;
/// The first byte of each.
pub(super) const SYNC: u8 = 0x47;

/// What a packet's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Which part of the stream it belongs to.
    pub(super) pid: u16,
    /// A section or a PES packet begins in it.
    pub(super) starts: bool,
    /// Counts the packets of a PID that have a payload, modulo 16.
    pub(super) counter: u8,
    /// The counter or the clock does not go on from the packet before.
    pub(super) discontinuity: bool,
    /// Filled up although it has a payload: a muxer does so where a PES packet ends.
    pub(super) stuffed: bool,
    /// The payload cannot be read: it is encrypted.
    pub(super) scrambled: bool,
    /// Empty if there is none.
    pub(super) payload: &'a [u8],
}

/// Reads a packet; `None` for one that was damaged on its way or contradicts itself.
pub(super) fn parse(packet: &[u8; BYTES]) -> Option<Packet<'_>> {
    let [sync, b1, b2, b3, rest @ ..] = packet;
    // Transport error indicator.
    if *sync != SYNC || b1 & 0x80 != 0 {
        return None;
    }
    let (mut discontinuity, mut stuffed, mut payload) = (false, false, &rest[..]);
    if b3 & 0x20 != 0 {
        let (length, tail) = rest.split_first()?;
        let (field, tail) = tail.split_at_checked(usize::from(*length))?;
        let flags = field.first().copied().unwrap_or_default();
        discontinuity = flags & 0x80 != 0;
        stuffed = field.len() > needed(flags);
        payload = tail;
    }
    if b3 & 0x10 == 0 {
        payload = &[];
    }
    Some(Packet {
        pid: u16::from_be_bytes([b1 & 0x1f, *b2]),
        starts: b1 & 0x40 != 0,
        counter: b3 & 0x0f,
        discontinuity,
        stuffed,
        scrambled: b3 & 0xc0 != 0,
        payload,
    })
}

/// Bytes that an adaptation field of these flags has without stuffing. One with private data or
/// extensions is taken to need all its bytes; one of no byte at all is stuffing.
fn needed(flags: u8) -> usize {
    if flags & 0x03 != 0 {
        return BYTES;
    }
    let part = |bit: u8, bytes: usize| if flags & bit != 0 { bytes } else { 0 };
    // Flags, PCR, OPCR, splice countdown.
    1 + part(0x10, 6) + part(0x08, 6) + part(0x04, 1)
}
