//! Fragmented MP4, as HLS and CMAF carry it, to tracks and access units.
//!
//! [`Reader`] owns the initialization section that was read last, and the box that is not whole yet;
//! what the samples hold is [`crate::elementary`]'s, and [`Demuxer`] is both. Of a presentation the
//! first video in H.264 or H.265 and the first sound in AAC are taken, the samples of a fragment in
//! the order of their decoding times. Sync flags are not believed, the NAL units decide.
//!
//! Boxes are read by hand: a few fields of a dozen kinds are needed, and a reader of all boxes would
//! have strangers reach all of it. A box that is kept must be shorter than a limit, any other one is
//! let pass as it comes; what does not hold together is counted, and the rest of its piece dropped.
//! ISO/IEC 14496-12, 8.8; RFC 8216, 3.3.

mod boxes;
mod fragment;
mod header;
mod reader;

use crate::elementary::StreamError;
pub use reader::Reader;

/// Why a stream cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fmp4Error {
    /// The initialization section does not hold together.
    #[error("the initialization section is damaged; look at the packager")]
    Header,
    /// Encrypted.
    #[error(
        "the samples are encrypted; send them in the clear, and encrypt the connection instead"
    )]
    Encrypted,
    /// Nothing to see.
    #[error("the fragmented MP4 has no video; add it at the encoder")]
    NoVideo,
    /// Nothing to hear in a stream that is there for its sound.
    #[error("the fragmented MP4 has no sound in AAC; set the packager to AAC")]
    NoSound,
    /// What it carries cannot be taken.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Turns the bytes of one fragmented MP4 into tracks and access units.
pub type Demuxer = crate::container::Demuxer<Reader>;

impl Demuxer {
    /// Bytes that wait for the rest of their box.
    pub fn held_bytes(&self) -> usize {
        self.reader.held_bytes()
    }
}
