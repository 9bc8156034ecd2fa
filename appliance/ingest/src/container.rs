//! What every container has in common: bytes to a reader, what it found to the timeline.
//!
//! [`Demuxer`] is a reader of one container and the stream that it carries. Knows no container:
//! `ts` and `fmp4` are the readers. A stream in two lists of pieces has two of them, and
//! [`crate::renditions`] in this one's place.

use wire::time::Monotonic;

use crate::elementary::{Counters, Elementary, Output, StreamError};
use crate::entry::Entries;
use crate::limits::Limits;
use crate::timeline::TimeBase;

/// What is taken of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Pictures, and the sound beside them.
    Program,
    /// Sound alone: pictures come from elsewhere.
    Sound,
}

/// Reads one container.
pub trait Read {
    /// Why a stream cannot be taken.
    type Error: From<StreamError>;

    /// A reader at the start of a stream.
    fn new(limits: Limits, wanted: Wanted) -> Self;

    /// Takes bytes of the stream, cut anywhere.
    ///
    /// # Errors
    /// The stream cannot be taken. What is damaged or missing is an entry instead.
    fn handle_bytes(
        &mut self,
        now: Monotonic,
        bytes: &[u8],
        found: &mut Entries,
    ) -> Result<(), Self::Error>;

    /// A piece ends here: what waits for more is whole, or damaged.
    fn finish(&mut self, found: &mut Entries);

    /// What follows does not continue what came before.
    fn cut(&mut self, found: &mut Entries);

    /// What the stream carries that is not taken; told once.
    fn complaint(&mut self) -> Option<String>;
}

/// Turns the bytes of one stream into tracks and access units.
#[derive(Debug)]
pub struct Demuxer<R> {
    pub(crate) reader: R,
    stream: Elementary,
}

impl<R: Read> Demuxer<R> {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        let reader = R::new(limits, Wanted::Program);
        Self { reader, stream: Elementary::new(limits, TimeBase::MPEG) }
    }

    /// Takes bytes of the stream, cut anywhere.
    ///
    /// # Errors
    /// The stream cannot be taken. What is damaged or missing is counted instead.
    pub fn handle_bytes(&mut self, now: Monotonic, bytes: &[u8]) -> Result<(), R::Error> {
        let mut found = Entries::new();
        let read = self.reader.handle_bytes(now, bytes, &mut found);
        self.take(found)?;
        read
    }

    /// A piece ends here, as a segment of HLS: what waits for more is whole, or damaged.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn finish(&mut self) -> Result<(), R::Error> {
        let mut found = Entries::new();
        self.reader.finish(&mut found);
        self.take(found)
    }

    /// What follows does not continue what came before: a new epoch begins, with announcements and
    /// times of its own.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn cut(&mut self) -> Result<(), R::Error> {
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

    fn take(&mut self, found: Entries) -> Result<(), R::Error> {
        found.into_iter().try_for_each(|entry| Ok(self.stream.take(entry)?))
    }
}
