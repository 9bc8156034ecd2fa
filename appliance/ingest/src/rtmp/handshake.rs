//! The simple handshake, server side: C0 C1 → S0 S1 S2 → C2. The contents of C1 and C2 are not
//! judged: encoders put digests, versions and garbage there, and publish all the same.
//! Specification: Adobe RTMP 1.0, section 5.2.

use bytes::Bytes;

const VERSION: u8 = 3;
/// Length of C1, C2, S1 and S2.
const PACKET_BYTES: usize = 1536;

/// Why a peer does not speak RTMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// RTMPE.
    #[error("the peer wants encrypted RTMP (version {0}); publish with rtmp://, not rtmpe://")]
    Encrypted(u8),
    /// Anything else.
    #[error("the first byte is {0:#04x}, an RTMP publisher sends 0x03; something else connected")]
    NotRtmp(u8),
}

/// Where the handshake stands.
///
/// ```text
/// Greeting (C0, C1) ──► Echo (C2) ──► done
/// ```
#[derive(Debug)]
pub(crate) enum Handshake {
    Greeting { received: Vec<u8> },
    Echo { left: usize },
}

/// What the bytes led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More bytes are needed.
    Waiting,
    /// Write this to the peer.
    Reply(Bytes),
    /// Chunks follow.
    Done,
}

impl Handshake {
    pub(crate) fn new() -> Self {
        Self::Greeting { received: Vec::new() }
    }

    /// Consumes what belongs to the current step. Call again while it returns a reply.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Progress, HandshakeError> {
        match self {
            Self::Greeting { received } => {
                take(input, 1 + PACKET_BYTES - received.len(), |bytes| {
                    received.extend_from_slice(bytes);
                });
                match received.first() {
                    None | Some(&VERSION) => {}
                    Some(&version @ (6 | 8)) => return Err(HandshakeError::Encrypted(version)),
                    Some(&other) => return Err(HandshakeError::NotRtmp(other)),
                }
                if received.len() <= PACKET_BYTES {
                    return Ok(Progress::Waiting);
                }
                let reply = reply(&received[1..]);
                *self = Self::Echo { left: PACKET_BYTES };
                Ok(Progress::Reply(reply))
            }
            Self::Echo { left } => {
                let wanted = *left;
                take(input, wanted, |bytes| *left -= bytes.len());
                Ok(if *left == 0 { Progress::Done } else { Progress::Waiting })
            }
        }
    }
}

fn take(input: &mut &[u8], most: usize, use_bytes: impl FnOnce(&[u8])) {
    let (head, rest) = input.split_at(most.min(input.len()));
    use_bytes(head);
    *input = rest;
}

/// S0, S1 and S2. S1 states time 0 and version 0, which tells the peer that no digest is
/// expected; its filler only has to look arbitrary, nothing secret depends on it.
fn reply(c1: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(1 + 2 * PACKET_BYTES);
    out.push(VERSION);
    out.extend_from_slice(&[0; 8]);
    let mut state = 0x9e37_79b9_u32;
    out.extend((8..PACKET_BYTES).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    }));
    out.extend_from_slice(c1);
    Bytes::from(out)
}
