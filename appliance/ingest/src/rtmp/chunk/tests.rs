//! Chunks as publishers may legally send them, and as nobody should.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    message_bytes_max: 200_000,
    partial_bytes_max: 300_000,
    partial_streams_max: 4,
    chunk_streams_max: 8,
};

/// Chunk stream ids of one, two and three bytes, at their edges.
const IDS: [u32; 5] = [2, 63, 64, 319, 65_599];

/// How the test's publisher treats extended timestamps after the first chunk of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Continuation {
    Repeats,
    LeavesOut,
}

/// A publisher's side of the chunk layer, written independently of the reader.
struct Publisher {
    chunk_bytes: usize,
    continuation: Continuation,
    streams: HashMap<u32, Sent>,
    wire: Vec<u8>,
    completed: Vec<Message>,
}

#[derive(Default)]
struct Sent {
    last: Option<Message>,
    field: u32,
    absolute: bool,
    waiting: VecDeque<(u8, Message)>,
    open: Option<(Message, usize)>,
}

impl Publisher {
    fn new(chunk_bytes: usize, continuation: Continuation) -> Self {
        let (streams, wire, completed) = (HashMap::new(), Vec::new(), Vec::new());
        Self { chunk_bytes, continuation, streams, wire, completed }
    }

    /// Queues a message; its header is compressed up to `format`, as far as that is legal.
    fn queue(&mut self, id: u32, format: u8, message: Message) {
        self.streams.entry(id).or_default().waiting.push_back((format, message));
    }

    /// Sends one chunk of a stream, if it has something to send.
    fn send_chunk(&mut self, id: u32) {
        let sent = self.streams.entry(id).or_default();
        let (message, from) = if let Some(open) = sent.open.take() {
            basic_header(3, id, &mut self.wire);
            if sent.field >= EXTENDED && self.continuation == Continuation::Repeats {
                self.wire.extend_from_slice(&sent.field.to_be_bytes());
            }
            open
        } else if let Some((wish, message)) = sent.waiting.pop_front() {
            self.wire.extend(sent.header(wish, id, &message));
            (message, 0)
        } else {
            return;
        };
        let to = message.payload.len().min(from + self.chunk_bytes);
        self.wire.extend_from_slice(&message.payload[from..to]);
        if to < message.payload.len() {
            sent.open = Some((message, to));
        } else {
            sent.last = Some(message.clone());
            self.completed.push(message);
        }
    }

    fn send_all(&mut self) {
        for id in IDS {
            while self.streams.get(&id).is_some_and(|s| s.open.is_some() || !s.waiting.is_empty()) {
                self.send_chunk(id);
            }
        }
    }
}

impl Sent {
    fn header(&mut self, wish: u8, id: u32, message: &Message) -> Vec<u8> {
        let mut wire = Vec::new();
        let mut format = 0;
        let mut field = message.timestamp;
        if let Some(last) = &self.last
            && last.stream == message.stream
        {
            let delta = message.timestamp.wrapping_sub(last.timestamp);
            let repeated = match (self.absolute, self.field >= EXTENDED) {
                (true, true) => 0,
                (true, false) | (false, true | false) => self.field,
            };
            format = 1;
            if (last.payload.len(), last.kind) == (message.payload.len(), message.kind) {
                format = if delta == repeated { 3 } else { 2 };
            }
            format = format.min(wish);
            if format > 0 {
                field = delta;
            }
        }
        basic_header(format, id, &mut wire);
        if format < 3 {
            (self.field, self.absolute) = (field, format == 0);
            wire.extend_from_slice(&field.min(EXTENDED).to_be_bytes()[1..]);
        }
        if format < 2 {
            wire.extend_from_slice(&(message.payload.len() as u32).to_be_bytes()[1..]);
            wire.push(message.kind);
        }
        if format == 0 {
            wire.extend_from_slice(&message.stream.to_le_bytes());
        }
        if self.field >= EXTENDED {
            wire.extend_from_slice(&self.field.to_be_bytes());
        }
        wire
    }
}

fn basic_header(format: u8, id: u32, wire: &mut Vec<u8>) {
    match id {
        0..64 => wire.push(format << 6 | id as u8),
        64..320 => wire.extend([format << 6, (id - 64) as u8]),
        _ => wire.extend([format << 6 | 1, (id - 64) as u8, ((id - 64) >> 8) as u8]),
    }
}

fn message(kind: u8, timestamp: u32, length: usize) -> Message {
    let payload = (0..length).map(|at| (at as u8).wrapping_mul(31) ^ kind).collect();
    Message { kind, stream: 1, timestamp, payload }
}

fn read_all(reader: &mut Reader, wire: &[u8], piece: usize) -> Result<Vec<Message>, ChunkError> {
    let mut messages = Vec::new();
    for mut input in wire.chunks(piece) {
        while let Some(message) = reader.read(Monotonic(0), &mut input, &BOUNDS)? {
            messages.push(message);
        }
        assert!(input.is_empty(), "the reader left input behind");
    }
    Ok(messages)
}

fn reader(chunk_bytes: usize) -> Reader {
    let mut reader = Reader::new();
    reader.set_chunk_bytes(chunk_bytes as u32);
    reader
}

fn timestamps() -> impl Strategy<Value = u32> {
    let edges = [0, 40, 0x00FF_FFFE, EXTENDED, 0x0100_0000, 0x7FFF_FFFF, 0xFFFF_FFF0, u32::MAX];
    prop_oneof![prop::sample::select(edges.to_vec()), any::<u32>(), 0..10_000_u32]
}

proptest! {
    #[test]
    fn interleaved_messages_survive_any_chunk_size_header_and_split(
        chunk_bytes in prop_oneof![1..200_usize, 4096..70_000_usize],
        messages in prop::collection::vec(
            (0..IDS.len(), 0..4_u8, 1..4_u8, timestamps(), prop_oneof![0..300_usize, Just(99_usize)]),
            1..40,
        ),
        order in prop::collection::vec(0..IDS.len(), 0..300),
        piece in 1..500_usize,
        same_step in any::<bool>(),
    ) {
        let mut publisher = Publisher::new(chunk_bytes, Continuation::Repeats);
        for (at, (id, format, kind, timestamp, length)) in messages.into_iter().enumerate() {
            let timestamp = if same_step { 40 * at as u32 } else { timestamp };
            publisher.queue(IDS[id], format, message(kind, timestamp, length));
        }
        for id in order {
            publisher.send_chunk(IDS[id]);
        }
        publisher.send_all();
        let mut reader = reader(chunk_bytes);
        // Five chunk streams may be open at once here.
        let bounds = Bounds { partial_streams_max: 5, ..BOUNDS };
        let mut read = Vec::new();
        for mut input in publisher.wire.chunks(piece) {
            while let Some(message) = reader.read(Monotonic(0), &mut input, &bounds).unwrap() {
                read.push(message);
            }
        }
        prop_assert_eq!(read, publisher.completed);
        prop_assert_eq!(reader.reserved_bytes(), 0);
    }

    #[test]
    fn garbage_never_panics_and_never_exceeds_the_budget(
        bytes in prop::collection::vec(any::<u8>(), 0..4096),
        piece in 1..100_usize,
    ) {
        let mut reader = Reader::new();
        for mut input in bytes.chunks(piece) {
            while let Ok(Some(_)) = reader.read(Monotonic(0), &mut input, &BOUNDS) {}
            prop_assert!(reader.reserved_bytes() <= BOUNDS.partial_bytes_max);
        }
    }
}

#[test]
fn video_between_the_chunks_of_audio_arrives_first_when_it_ends_first() {
    let mut publisher = Publisher::new(128, Continuation::Repeats);
    publisher.queue(63, 0, message(8, 10, 1000));
    publisher.queue(64, 0, message(9, 20, 200));
    for id in [63, 64, 63, 63, 64] {
        publisher.send_chunk(id);
    }
    publisher.send_all();
    let read = read_all(&mut reader(128), &publisher.wire, 7).unwrap();
    assert_eq!(
        read.iter().map(|m| (m.kind, m.payload.len())).collect::<Vec<_>>(),
        [(9, 200), (8, 1000)]
    );
    assert_eq!(read, publisher.completed);
}

#[test]
fn extended_timestamps_may_be_left_out_of_continuations() {
    for piece in [1, 3, 4096] {
        let mut publisher = Publisher::new(100, Continuation::LeavesOut);
        for (at, length) in [(0, 350), (40, 101), (80, 350), (120, 102), (160, 100)] {
            publisher.queue(63, 1, message(9, 0x0123_4567 + at, length));
        }
        // Something must follow: the reader looks four bytes ahead.
        publisher.queue(63, 0, message(9, 5, 10));
        publisher.send_all();
        let read = read_all(&mut reader(100), &publisher.wire, piece).unwrap();
        assert_eq!(read, publisher.completed);
    }
}

#[test]
fn librtmp_opens_the_control_stream_with_a_short_header() {
    let wire = [0x42, 0, 0, 0, 0, 0, 6, 4, 0, 3, 0, 0, 0, 1];
    let read = read_all(&mut reader(128), &wire, 1).unwrap();
    assert_eq!((read[0].kind, read[0].stream, read[0].payload.len()), (4, 0, 6));
}

#[test]
fn an_aborted_message_is_forgotten_with_its_memory() {
    let mut publisher = Publisher::new(128, Continuation::Repeats);
    publisher.queue(63, 0, message(9, 0, 1000));
    publisher.send_chunk(63);
    let mut reader = reader(128);
    assert_eq!(read_all(&mut reader, &publisher.wire, 64), Ok(vec![]));
    assert_eq!((reader.reserved_bytes(), reader.oldest_partial()), (1000, Some(Monotonic(0))));
    reader.abort(63);
    assert_eq!((reader.reserved_bytes(), reader.oldest_partial()), (0, None));

    let mut publisher = Publisher::new(128, Continuation::Repeats);
    publisher.queue(63, 0, message(9, 40, 500));
    publisher.send_all();
    assert_eq!(read_all(&mut reader, &publisher.wire, 64), Ok(publisher.completed));
}

#[test]
fn what_nobody_should_send_is_refused() {
    let full = |id: u8, length: u32| {
        let [_, a, b, c] = length.to_be_bytes();
        vec![id, 0, 0, 0, a, b, c, 9, 1, 0, 0, 0]
    };
    let open = |ids: core::ops::Range<u8>, length: u32| {
        ids.flat_map(|id| [full(id, length), vec![0; 128]].concat()).collect::<Vec<u8>>()
    };
    let closed = |ids: core::ops::Range<u8>| ids.flat_map(|id| full(id, 0)).collect::<Vec<u8>>();
    let limit = BOUNDS.message_bytes_max;
    let cases = [
        (vec![0xc3], ChunkError::NoEarlierHeader(3)),
        (vec![0x83, 0, 0, 0], ChunkError::NoEarlierHeader(3)),
        (open(3..4, 200_001), ChunkError::MessageTooLong { length: 200_001, limit }),
        (open(3..4, 0xFF_FFFF), ChunkError::MessageTooLong { length: 0xFF_FFFF, limit }),
        ([open(3..4, 500), full(3, 500)].concat(), ChunkError::MessageInsideMessage(3)),
        (open(3..8, 500), ChunkError::PartialStreams(4)),
        (closed(3..12), ChunkError::ChunkStreams(8)),
    ];
    for (wire, refusal) in cases {
        for piece in [1, 4096] {
            assert_eq!(read_all(&mut reader(128), &wire, piece), Err(refusal));
        }
    }
}

#[test]
fn announced_lengths_cost_nothing_until_their_bytes_arrive() {
    let mut reader = reader(128);
    for (started, id) in (1..=4).zip(3..) {
        // 200,000 bytes are announced.
        let header = [id, 0, 0, 0, 3, 0x0d, 0x40, 9, 1, 0, 0, 0];
        let before = reader.reserved_bytes();
        assert_eq!(read_all(&mut reader, &header, 4096), Ok(vec![]));
        assert_eq!(reader.reserved_bytes(), before);
        assert_eq!(read_all(&mut reader, &[0; 128], 4096), Ok(vec![]));
        assert_eq!(reader.reserved_bytes(), started * RESERVE_FIRST);
    }
    // The first of them grows until the budget is spent: 4 x 64 KiB are reserved, growing it to
    // 128 KiB would exceed 300,000 bytes.
    let chunk = [[0xc3].as_slice(), &[0; 128]].concat();
    let refused = (0..600).find_map(|_| read_all(&mut reader, &chunk, 4096).err());
    assert_eq!(refused, Some(ChunkError::PartialBytes(300_000)));
    assert!(reader.reserved_bytes() <= BOUNDS.partial_bytes_max);
}

#[test]
fn written_messages_read_back() {
    for (timestamp, length) in [(0, 0), (7, 128), (0x00FF_FFFF, 1000), (u32::MAX, 4097)] {
        let sent = message(20, timestamp, length);
        let mut wire = Vec::new();
        write(&sent, 3, 128, &mut wire);
        assert_eq!(read_all(&mut reader(128), &wire, 11), Ok(vec![sent]));
    }
}
