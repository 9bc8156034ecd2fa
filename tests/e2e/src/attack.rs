//! Clients that mean no good: random bytes, handshakes that stop, chunks that are too large, and
//! patience without end. Each keeps its connection until the box closes it or the test ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::chance::Chance;

/// RTMP's version byte and the length of its handshake packets.
const VERSION: u8 = 3;
const HANDSHAKE_BYTES: usize = 1536;
/// A slow-loris sends one byte this often.
const LORIS_PAUSE: Duration = Duration::from_millis(100);
/// Most bytes that one attacker sends, so that the test ends on a box that takes everything.
const BYTES_MAX: usize = 32 << 20;

/// How a client attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes that mean nothing.
    RandomBytes,
    /// A handshake that stops somewhere and waits.
    TruncatedHandshake,
    /// After a good handshake: an enormous chunk size and message lengths that never end.
    OversizedChunks,
    /// A good handshake, one byte at a time.
    SlowLoris,
}

/// All kinds.
pub const KINDS: [Kind; 4] =
    [Kind::RandomBytes, Kind::TruncatedHandshake, Kind::OversizedChunks, Kind::SlowLoris];

/// What became of one attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The box did not take the connection, or closed it.
    Refused,
    /// The attacker had nothing more to send; the box still listened.
    Exhausted,
}

/// Attacks the RTMP port of this machine once. Ends when the box hangs up or by being dropped.
pub async fn attack(port: u16, kind: Kind, mut chance: Chance) -> Outcome {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return Outcome::Refused;
    };
    let sent = match kind {
        Kind::RandomBytes => random_bytes(&mut stream, &mut chance).await,
        Kind::TruncatedHandshake => truncated_handshake(&mut stream, &mut chance).await,
        Kind::OversizedChunks => oversized_chunks(&mut stream, &mut chance).await,
        Kind::SlowLoris => slow_loris(&mut stream, &mut chance).await,
    };
    if sent.is_err() { Outcome::Refused } else { Outcome::Exhausted }
}

async fn random_bytes(stream: &mut TcpStream, chance: &mut Chance) -> std::io::Result<()> {
    // Every other one gets past the version byte and through the handshake.
    if chance.below(2) == 0 {
        stream.write_all(&[VERSION]).await?;
    }
    for _ in 0..BYTES_MAX / 4096 {
        stream.write_all(&chance.bytes(4096)).await?;
    }
    Ok(())
}

async fn truncated_handshake(stream: &mut TcpStream, chance: &mut Chance) -> std::io::Result<()> {
    let stop = usize::try_from(chance.below(2 * HANDSHAKE_BYTES as u64)).unwrap_or(0);
    let mut packet = vec![VERSION];
    packet.extend(chance.bytes(stop));
    stream.write_all(&packet).await?;
    if chance.below(2) == 0 {
        return Ok(()); // closes at once
    }
    wait_for_the_end(stream).await
}

/// Reads what comes until the box closes the connection.
async fn wait_for_the_end(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).await? > 0 {}
    Err(std::io::ErrorKind::ConnectionAborted.into())
}

async fn handshake(stream: &mut TcpStream, chance: &mut Chance) -> std::io::Result<()> {
    let mut hello = vec![VERSION];
    hello.extend(chance.bytes(HANDSHAKE_BYTES));
    stream.write_all(&hello).await?;
    let mut answer = vec![0; 1 + 2 * HANDSHAKE_BYTES];
    stream.read_exact(&mut answer).await?;
    stream.write_all(&answer[1..=HANDSHAKE_BYTES]).await
}

async fn oversized_chunks(stream: &mut TcpStream, chance: &mut Chance) -> std::io::Result<()> {
    handshake(stream, chance).await?;
    let chunk_size = message_start(2, 1, 4);
    stream.write_all(&chunk_size).await?;
    stream.write_all(&0x7FFF_FFFF_u32.to_be_bytes()).await?;
    if chance.below(2) == 0 {
        // One message of 16 MB after the other.
        for _ in 0..BYTES_MAX / (1 << 20) {
            stream.write_all(&message_start(3, 20, 0x00FF_FFFF)).await?;
            stream.write_all(&vec![0; 1 << 20]).await?;
        }
    } else {
        // Messages that begin on every chunk stream and never end.
        stream.write_all(&message_start(2, 1, 4)).await?;
        stream.write_all(&1024_u32.to_be_bytes()).await?;
        for id in (3..64).cycle().take(BYTES_MAX / 1024) {
            stream.write_all(&message_start(id, 9, 0x00FF_FFFF)).await?;
            stream.write_all(&chance.bytes(1024)).await?;
        }
    }
    Ok(())
}

/// Header of the first chunk of a message: chunk stream, message type and length in bytes.
fn message_start(chunk_stream: u8, message_type: u8, length: u32) -> [u8; 12] {
    let [_, l0, l1, l2] = length.to_be_bytes();
    [chunk_stream & 0x3F, 0, 0, 0, l0, l1, l2, message_type, 0, 0, 0, 0]
}

async fn slow_loris(stream: &mut TcpStream, chance: &mut Chance) -> std::io::Result<()> {
    let mut pauses = tokio::time::interval(LORIS_PAUSE);
    stream.write_all(&[VERSION]).await?;
    loop {
        pauses.tick().await;
        stream.write_all(&chance.bytes(1)).await?;
    }
}
