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

use wire::time::Monotonic;

use crate::elementary::{Counters, Elementary, Output, StreamError};
use crate::entry::Entries;
use crate::limits::Limits;
use crate::timeline::TimeBase;
pub(crate) use reader::{Reader, Wanted};

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

    /// Takes bytes of the stream, cut anywhere.
    ///
    /// # Errors
    /// [`TsError`]: the stream cannot be taken. What is damaged or missing is counted instead.
    pub fn handle_bytes(&mut self, now: Monotonic, bytes: &[u8]) -> Result<(), TsError> {
        let mut found = Entries::new();
        let read = self.reader.handle_bytes(now, bytes, &mut found);
        self.take(found)?;
        read
    }

    /// The bytes end here, as at the end of an HLS segment: what waits for more is whole.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn finish(&mut self) -> Result<(), TsError> {
        let mut found = Entries::new();
        self.reader.finish(&mut found);
        self.take(found)
    }

    /// What follows does not continue what came before: a new epoch begins, with tables, PIDs and
    /// times of its own.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn cut(&mut self) -> Result<(), TsError> {
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

    fn take(&mut self, found: Entries) -> Result<(), TsError> {
        found.into_iter().try_for_each(|entry| Ok(self.stream.take(entry)?))
    }
}
