//! MPEG transport streams, as SRT and HLS carry them, to tracks and access units.
//!
//! [`Reader`] owns what the stream's tables announced and what of its packets is not whole yet;
//! what the packets carry is [`crate::elementary`]'s, and [`Demuxer`] is both. It takes the first program that has video in
//! H.264 or H.265, of it the first such stream and the first one of AAC, and one access unit of
//! video a PES packet. Other streams are let pass and named by [`Demuxer::complaint`].
//!
//! An access unit of video mostly has no length. It ends where the next one begins, which is a
//! picture too late, so it is taken already where a packet had to be filled up; a stream that goes
//! on after that is read the slow way from then on.
//! ISO/IEC 13818-1, 2.4.

mod continuity;
mod packet;
mod pes;
mod reader;
mod section;
mod sound;
mod video;

use crate::elementary::StreamError;
pub use reader::Reader;

/// Why a stream cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TsError {
    /// Something else than a transport stream.
    #[error(
        "{0} bytes without a packet of an MPEG transport stream; set the sender's container to \
         MPEG-TS"
    )]
    NotTransport(usize),
    /// Encrypted.
    #[error(
        "the transport stream is encrypted (scrambled); send it in the clear, and encrypt the \
         connection instead"
    )]
    Scrambled,
    /// Nothing to see.
    #[error("the transport stream has no video; add it at the encoder")]
    NoVideo,
    /// Nothing to hear in a stream that is there for its sound.
    #[error("the transport stream has no sound in AAC; set the packager to AAC")]
    NoSound,
    /// What it carries cannot be taken.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Turns the bytes of one transport stream into tracks and access units.
pub type Demuxer = crate::container::Demuxer<Reader>;
