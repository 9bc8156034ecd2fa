//! The chunk layer: bytes to messages and back. Bounded: the number of chunk streams, of
//! incomplete messages and the memory reserved for them. Knows nothing of what a message means,
//! except that its caller tells it of new chunk sizes and aborted messages.
//! Specification: Adobe RTMP 1.0, section 5.3.

mod header;
mod writer;

use bytes::Bytes;
use wire::time::Monotonic;

use header::{ChunkStream, EXTENDED, HEADER_BYTES_MAX, Header, Partial};
use header::{basic_bytes, chunk_stream_id, fields_bytes, uint24};
pub(crate) use writer::write;

/// A complete message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    /// Milliseconds, modulo 2^32.
    pub(crate) timestamp: u32,
    pub(crate) payload: Bytes,
}

/// What the peer may hold here at this moment; tighter before a publisher is accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) message_bytes_max: usize,
    pub(crate) partial_bytes_max: usize,
    pub(crate) partial_streams_max: usize,
    pub(crate) chunk_streams_max: usize,
}

/// Why bytes are no acceptable chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A header that refers to an earlier one of a chunk stream that has none.
    #[error("chunk stream {0} starts with a header that refers to an earlier one")]
    NoEarlierHeader(u32),
    /// A full header while a message of the same chunk stream is incomplete.
    #[error("chunk stream {0} starts a message inside another one")]
    MessageInsideMessage(u32),
    /// A message that is too long.
    #[error("a message of {length} bytes is announced, {limit} are allowed at this stage")]
    MessageTooLong {
        /// Announced length.
        length: usize,
        /// Most that is allowed at this stage.
        limit: usize,
    },
    /// Too many chunk streams.
    #[error("more than {0} chunk streams are used")]
    ChunkStreams(usize),
    /// Too many incomplete messages.
    #[error("more than {0} messages are incomplete at the same time")]
    PartialStreams(usize),
    /// Too much memory in incomplete messages.
    #[error("incomplete messages would need more than {0} bytes")]
    PartialBytes(usize),
}

/// First reservation for a message; longer ones grow by doubling as their bytes arrive, so that
/// an announced length alone costs nothing.
const RESERVE_FIRST: usize = 64 << 10;
/// Length of an extended timestamp.
const REPLAY_BYTES: usize = 4;

/// Turns bytes into messages.
#[derive(Debug)]
pub(crate) struct Reader {
    streams: Vec<ChunkStream>,
    chunk_bytes: usize,
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    /// Bytes that looked like an extended timestamp and were payload; read again before input.
    replay: [u8; REPLAY_BYTES],
    replay_from: usize,
    phase: Phase,
    reserved_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Header,
    Payload { stream: usize, left: usize },
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            streams: Vec::new(),
            chunk_bytes: 128,
            header: [0; HEADER_BYTES_MAX],
            header_len: 0,
            replay: [0; REPLAY_BYTES],
            replay_from: REPLAY_BYTES,
            phase: Phase::Header,
            reserved_bytes: 0,
        }
    }

    /// Consumes `input` up to the end of the next message, or all of it.
    pub(crate) fn read(
        &mut self,
        now: Monotonic,
        input: &mut &[u8],
        bounds: &Bounds,
    ) -> Result<Option<Message>, ChunkError> {
        loop {
            if self.replay_from == REPLAY_BYTES {
                let message = self.advance(now, input, bounds)?;
                if message.is_some() || self.replay_from == REPLAY_BYTES {
                    return Ok(message);
                }
            }
            let replay = self.replay;
            let mut rest = &replay[self.replay_from..];
            // Another replay cannot begin within these bytes: it takes five.
            self.replay_from = REPLAY_BYTES;
            let message = self.advance(now, &mut rest, bounds)?;
            self.replay_from = REPLAY_BYTES - rest.len();
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    /// The peer's chunk size from now on; at least 1.
    pub(crate) fn set_chunk_bytes(&mut self, bytes: u32) {
        self.chunk_bytes = (bytes as usize).max(1);
    }

    /// Drops the incomplete message of a chunk stream.
    pub(crate) fn abort(&mut self, id: u32) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id)
            && let Some(partial) = stream.partial.take()
        {
            self.reserved_bytes -= partial.data.capacity();
        }
    }

    /// Since when the oldest incomplete message has been waiting for its last byte.
    pub(crate) fn oldest_partial(&self) -> Option<Monotonic> {
        self.streams.iter().filter_map(|s| s.partial.as_ref()).map(|p| p.since).min()
    }

    /// Memory reserved for incomplete messages.
    pub(crate) fn reserved_bytes(&self) -> usize {
        self.reserved_bytes
    }

    /// Reads until a message is complete, `input` ends, or there is something to replay first.
    fn advance(
        &mut self,
        now: Monotonic,
        input: &mut &[u8],
        bounds: &Bounds,
    ) -> Result<Option<Message>, ChunkError> {
        loop {
            let complete = match self.phase {
                Phase::Header => {
                    let missing = self.header_bytes().saturating_sub(self.header_len);
                    if missing > 0 {
                        if input.is_empty() {
                            return Ok(None);
                        }
                        let head = take(input, missing);
                        self.header[self.header_len..self.header_len + head.len()]
                            .copy_from_slice(head);
                        self.header_len += head.len();
                        continue;
                    }
                    let complete = self.begin_chunk(now, bounds)?;
                    if self.replay_from < REPLAY_BYTES {
                        return Ok(complete);
                    }
                    complete
                }
                Phase::Payload { stream, left } => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let head = take(input, left);
                    self.append(stream, head, bounds)?;
                    match left - head.len() {
                        0 => {
                            self.phase = Phase::Header;
                            self.complete(stream)
                        }
                        left => {
                            self.phase = Phase::Payload { stream, left };
                            None
                        }
                    }
                }
            };
            if complete.is_some() {
                return Ok(complete);
            }
        }
    }

    /// Length of the header that is being read, as far as its bytes tell.
    fn header_bytes(&self) -> usize {
        let header = &self.header[..self.header_len];
        let Some(first) = header.first() else { return 1 };
        let basic = basic_bytes(*first);
        if header.len() < basic {
            return basic;
        }
        let fields = fields_bytes(*first);
        if header.len() < basic + fields {
            return basic + fields;
        }
        let extended = if fields == 0 {
            let id = chunk_stream_id(header);
            self.streams.iter().any(|s| s.id == id && s.extended.is_some())
        } else {
            uint24(&header[basic..]) == EXTENDED
        };
        basic + fields + if extended { 4 } else { 0 }
    }

    fn begin_chunk(
        &mut self,
        now: Monotonic,
        bounds: &Bounds,
    ) -> Result<Option<Message>, ChunkError> {
        let bytes = self.header;
        let used = self.header_len;
        self.header_len = 0;
        let (basic, fields) = (basic_bytes(bytes[0]), fields_bytes(bytes[0]));
        let tail = &bytes[basic + fields..used];
        let header = Header {
            format: bytes[0] >> 6,
            id: chunk_stream_id(&bytes[..basic]),
            fields: &bytes[basic..basic + fields],
            extended: tail.first_chunk().map(|tail| u32::from_be_bytes(*tail)),
        };
        let index = self.stream(&header, bounds)?;
        let stream = &mut self.streams[index];
        let fresh = stream.partial.is_none();
        if !fresh && header.format != 3 {
            return Err(ChunkError::MessageInsideMessage(header.id));
        }
        // Old encoders leave the extended timestamp out of headers without fields. A repeated
        // one equals the last; anything else is payload already.
        let repeats = header.format == 3 && header.extended == stream.extended;
        if let (3, false, Some(payload)) = (header.format, repeats, header.extended) {
            self.replay = payload.to_be_bytes();
            self.replay_from = 0;
        }
        if fresh {
            stream.apply(&header);
            self.begin_message(index, now, bounds)?;
        }
        let stream = &self.streams[index];
        let have = stream.partial.as_ref().map_or(0, |partial| partial.data.len());
        let left = (stream.length - have).min(self.chunk_bytes);
        if left == 0 {
            return Ok(self.complete(index));
        }
        self.phase = Phase::Payload { stream: index, left };
        Ok(None)
    }

    fn stream(&mut self, header: &Header<'_>, bounds: &Bounds) -> Result<usize, ChunkError> {
        if let Some(index) = self.streams.iter().position(|stream| stream.id == header.id) {
            return Ok(index);
        }
        // librtmp opens chunk stream 2 with a header that leaves the message stream out.
        if header.format > 1 {
            return Err(ChunkError::NoEarlierHeader(header.id));
        }
        if self.streams.len() >= bounds.chunk_streams_max {
            return Err(ChunkError::ChunkStreams(bounds.chunk_streams_max));
        }
        self.streams.push(ChunkStream { id: header.id, ..ChunkStream::default() });
        Ok(self.streams.len() - 1)
    }

    fn begin_message(
        &mut self,
        index: usize,
        now: Monotonic,
        bounds: &Bounds,
    ) -> Result<(), ChunkError> {
        let (length, limit) = (self.streams[index].length, bounds.message_bytes_max);
        if length > limit {
            return Err(ChunkError::MessageTooLong { length, limit });
        }
        let partial = self.streams.iter().filter(|stream| stream.partial.is_some()).count();
        if partial >= bounds.partial_streams_max {
            return Err(ChunkError::PartialStreams(bounds.partial_streams_max));
        }
        self.streams[index].partial = Some(Partial { data: Vec::new(), since: now });
        Ok(())
    }

    fn append(&mut self, index: usize, bytes: &[u8], bounds: &Bounds) -> Result<(), ChunkError> {
        let stream = &mut self.streams[index];
        // An abort message travels between chunks, so a chunk in progress keeps its message.
        let Some(partial) = &mut stream.partial else { return Ok(()) };
        let (used, capacity) = (partial.data.len(), partial.data.capacity());
        if used + bytes.len() > capacity {
            let wanted = (used + bytes.len()).max(capacity * 2).max(RESERVE_FIRST);
            let wanted = wanted.min(stream.length);
            if self.reserved_bytes - capacity + wanted > bounds.partial_bytes_max {
                return Err(ChunkError::PartialBytes(bounds.partial_bytes_max));
            }
            partial.data.reserve_exact(wanted - used);
            self.reserved_bytes = self.reserved_bytes - capacity + partial.data.capacity();
        }
        partial.data.extend_from_slice(bytes);
        Ok(())
    }

    fn complete(&mut self, index: usize) -> Option<Message> {
        let stream = &mut self.streams[index];
        let partial = stream.partial.take_if(|partial| partial.data.len() >= stream.length)?;
        self.reserved_bytes -= partial.data.capacity();
        Some(Message {
            kind: stream.kind,
            stream: stream.message_stream,
            timestamp: stream.timestamp,
            payload: Bytes::from(partial.data),
        })
    }
}

fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (head, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    head
}

#[cfg(test)]
mod tests;
