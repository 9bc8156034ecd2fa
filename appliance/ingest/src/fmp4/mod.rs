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

use wire::time::Monotonic;

use crate::elementary::{Counters, Elementary, Output, StreamError};
use crate::entry::Entries;
use crate::limits::Limits;
use crate::timeline::TimeBase;
pub(crate) use crate::ts::Wanted;
pub(crate) use reader::Reader;

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
#[derive(Debug)]
pub struct Demuxer {
    reader: Reader,
    stream: Elementary,
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        let reader = Reader::new(limits, Wanted::Program);
        Self { reader, stream: Elementary::new(limits, TimeBase::MPEG) }
    }

    /// Takes bytes of the stream, cut anywhere: initialization sections and fragments.
    ///
    /// # Errors
    /// [`Fmp4Error`]: the stream cannot be taken. What is damaged or missing is counted instead.
    pub fn handle_bytes(&mut self, now: Monotonic, bytes: &[u8]) -> Result<(), Fmp4Error> {
        let mut found = Entries::new();
        let read = self.reader.handle_bytes(now, bytes, &mut found);
        self.take(found)?;
        read
    }

    /// A piece ends here: a box begins with the next byte.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn finish(&mut self) -> Result<(), Fmp4Error> {
        let mut found = Entries::new();
        self.reader.finish(&mut found);
        self.take(found)
    }

    /// What follows does not continue what came before: a new epoch begins.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn cut(&mut self) -> Result<(), Fmp4Error> {
        let mut found = Entries::new();
        self.reader.cut(&mut found);
        self.take(found)
    }

    /// The next thing that the bytes so far turned into.
    pub fn next_output(&mut self) -> Option<Output> {
        self.stream.next_output()
    }

    /// What was lost and repaired so far.
    pub fn counters(&self) -> Counters {
        self.stream.counters()
    }

    /// What the stream carries that the box does not take, for the log; told once.
    pub fn complaint(&mut self) -> Option<String> {
        self.reader.complaint()
    }

    /// Bytes that wait for the rest of their box.
    pub fn held_bytes(&self) -> usize {
        self.reader.held_bytes()
    }

    fn take(&mut self, found: Entries) -> Result<(), Fmp4Error> {
        found.into_iter().try_for_each(|entry| Ok(self.stream.take(entry)?))
    }
}
