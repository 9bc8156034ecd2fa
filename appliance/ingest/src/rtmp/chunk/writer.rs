//! Messages to chunks, for the replies of the server.

use super::Message;
use super::header::EXTENDED;

/// Appends a message as chunks: one full header, then headers without fields.
pub(crate) fn write(message: &Message, chunk_stream: u8, chunk_bytes: usize, out: &mut Vec<u8>) {
    debug_assert!((2..64).contains(&chunk_stream), "only one-byte basic headers are written");
    let field = message.timestamp.min(EXTENDED);
    let extended = (field == EXTENDED).then(|| message.timestamp.to_be_bytes());
    out.push(chunk_stream);
    out.extend_from_slice(&field.to_be_bytes()[1..]);
    out.extend_from_slice(&(message.payload.len() as u32).to_be_bytes()[1..]);
    out.push(message.kind);
    out.extend_from_slice(&message.stream.to_le_bytes());
    out.extend(extended.into_iter().flatten());
    for (index, chunk) in message.payload.chunks(chunk_bytes).enumerate() {
        if index > 0 {
            out.push(0xc0 | chunk_stream);
            out.extend(extended.into_iter().flatten());
        }
        out.extend_from_slice(chunk);
    }
}
