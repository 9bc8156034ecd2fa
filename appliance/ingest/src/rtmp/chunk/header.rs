//! Headers of chunks, and what a chunk stream remembers between them.

use wire::time::Monotonic;

/// Basic header 3, message header 11, extended timestamp 4.
pub(super) const HEADER_BYTES_MAX: usize = 18;
/// Timestamp field that announces an extended timestamp.
pub(super) const EXTENDED: u32 = 0x00FF_FFFF;

#[derive(Debug, Default)]
pub(super) struct ChunkStream {
    pub(super) id: u32,
    pub(super) timestamp: u32,
    /// Added to the timestamp by a header without one.
    pub(super) delta: u32,
    /// The value of the extended field, if the last explicit header had one.
    pub(super) extended: Option<u32>,
    /// The last explicit header carried an absolute timestamp.
    pub(super) absolute: bool,
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) message_stream: u32,
    pub(super) partial: Option<Partial>,
}

#[derive(Debug)]
pub(super) struct Partial {
    pub(super) data: Vec<u8>,
    pub(super) since: Monotonic,
}

/// A header of the wire, decoded.
pub(super) struct Header<'a> {
    pub(super) format: u8,
    pub(super) id: u32,
    /// Message header without basic header and extended timestamp: 11, 7, 3 or 0 bytes.
    pub(super) fields: &'a [u8],
    pub(super) extended: Option<u32>,
}

impl ChunkStream {
    /// Takes over what the header of a new message says.
    pub(super) fn apply(&mut self, header: &Header<'_>) {
        let fields = header.fields;
        if let Some(field) = fields.get(..3) {
            let field = uint24(field);
            self.extended = header.extended;
            self.absolute = header.format == 0;
            // By the specification, the difference that follows an absolute timestamp without
            // being stated is that timestamp.
            self.delta = header.extended.unwrap_or(field);
        }
        if let (Some(length), Some(kind)) = (fields.get(3..6), fields.get(6)) {
            self.length = uint24(length) as usize;
            self.kind = *kind;
        }
        if let Some(Ok(stream)) = fields.get(7..11).map(<[u8; 4]>::try_from) {
            self.message_stream = u32::from_le_bytes(stream);
        }
        match header.format {
            0 => self.timestamp = self.delta,
            // A repeated absolute extended timestamp means the same moment; adding it, as the
            // letter of the specification has it, would jump by hours.
            3 if self.absolute && self.extended.is_some() => {}
            _ => self.timestamp = self.timestamp.wrapping_add(self.delta),
        }
    }
}

pub(super) fn basic_bytes(first: u8) -> usize {
    match first & 0x3f {
        0 => 2,
        1 => 3,
        _ => 1,
    }
}

pub(super) fn fields_bytes(first: u8) -> usize {
    [11, 7, 3, 0][usize::from(first >> 6)]
}

/// `header`: at least the basic header.
pub(super) fn chunk_stream_id(header: &[u8]) -> u32 {
    match (header[0] & 0x3f, header) {
        (0, [_, low, ..]) => 64 + u32::from(*low),
        (1, [_, low, high, ..]) => 64 + u32::from(*low) + 256 * u32::from(*high),
        (id, _) => u32::from(id),
    }
}

pub(super) fn uint24(bytes: &[u8]) -> u32 {
    bytes.iter().take(3).fold(0, |value, byte| value << 8 | u32::from(*byte))
}
