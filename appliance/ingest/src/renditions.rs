//! One stream whose pictures and sound may come in two lists of pieces: read, and put in one order.
//!
//! [`Demuxer`] owns a reader for each list of an HLS stream, whatever their pieces are packed in, and
//! what one of them found while the other is behind: both count on one clock, so that whatever is
//! decoded earlier leaves first. Who is late is waited for, for twice the length of a piece; after
//! that what came leaves without it. Trouble with the sound costs the sound alone. Knows no playlist
//! and no server: `hls` does.
//!
//! ```text
//!   pieces of the pictures ► reader ► entries ─┐ by decoding time
//!                                              ├──────────────────► Elementary ► tracks, units
//!   pieces of the sound ───► reader ► entries ─┘
//! ```

use std::cmp::Ordering;
use std::time::Duration;

use wire::time::{MediaSpan, Monotonic};

use crate::container::{Read, Wanted};
use crate::elementary::{Counters, Elementary, Output, StreamError};
use crate::entry::{Entries, Entry};
use crate::fmp4::{self, Fmp4Error};
use crate::hls::{AudioPlace, Format, Media, Piece, Track};
use crate::limits::Limits;
use crate::timeline::TimeBase;
use crate::ts::{self, TsError};

/// How long the other list is waited for: at least a load of a playlist and of a piece over a slow
/// line, and never longer than what it is worth.
const PATIENCE_MIN: Duration = Duration::from_secs(2);
const PATIENCE_MAX: Duration = Duration::from_secs(20);

/// Why a stream cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Its transport stream.
    #[error(transparent)]
    Ts(#[from] TsError),
    /// Its fragmented MP4.
    #[error(transparent)]
    Fmp4(#[from] Fmp4Error),
    /// What is carried.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// What waits for the other list, or for the rest of its piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Access units, and what is told between them.
    pub entries: usize,
    /// Bytes of media.
    pub bytes: usize,
}

/// See the module.
#[derive(Debug)]
pub struct Demuxer {
    main: Lane,
    /// `None` if it comes with the pictures, or no more.
    sound: Option<Lane>,
    place: AudioPlace,
    stream: Elementary,
    patience: Duration,
    complaint: Option<String>,
}

/// One list of pieces.
#[derive(Debug)]
struct Lane {
    limits: Limits,
    wanted: Wanted,
    reader: Option<Reader>,
    /// Segment that is read.
    segment: Option<(u32, u64)>,
    entries: Entries,
    bytes: usize,
    /// When the newest entries were found.
    since: Monotonic,
    /// Cuts that have left it.
    cuts: u32,
}

#[derive(Debug)]
enum Reader {
    Ts(Box<ts::Reader>),
    Fmp4(Box<fmp4::Reader>),
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits, place: AudioPlace) -> Self {
        let sound = match place {
            AudioPlace::Main => None,
            AudioPlace::Separate => Some(Lane::new(limits, Wanted::Sound)),
        };
        Self {
            main: Lane::new(limits, Wanted::Program),
            sound,
            place,
            stream: Elementary::new(limits, TimeBase::MPEG),
            patience: PATIENCE_MIN,
            complaint: None,
        }
    }

    /// Takes a piece that was fetched: all of it.
    ///
    /// # Errors
    /// [`MediaError`]: the stream cannot be taken. What is damaged or missing is counted instead.
    pub fn handle_piece(
        &mut self,
        now: Monotonic,
        media: &Media,
        body: &[u8],
    ) -> Result<(), MediaError> {
        let longest = (2 * media.duration).clamp(PATIENCE_MIN, PATIENCE_MAX);
        self.patience = self.patience.max(longest);
        match (media.track, &mut self.sound) {
            (Track::Main, _) => self.main.read(now, media, body)?,
            (Track::Audio, Some(sound)) => {
                if let Err(error) = sound.read(now, media, body) {
                    self.lose_sound(&error);
                }
            }
            (Track::Audio, None) => {}
        }
        self.handle_time(now)
    }

    /// Pieces of a list will not come.
    ///
    /// # Errors
    /// As [`handle_piece`](Self::handle_piece).
    pub fn handle_missed(&mut self, now: Monotonic, track: Track) -> Result<(), MediaError> {
        match (track, &mut self.sound) {
            (Track::Main, _) => self.main.miss(now),
            (Track::Audio, Some(sound)) => sound.miss(now),
            (Track::Audio, None) => {}
        }
        self.handle_time(now)
    }

    /// No more sound will come.
    ///
    /// # Errors
    /// As [`handle_piece`](Self::handle_piece).
    pub fn handle_sound_lost(&mut self, now: Monotonic) -> Result<(), MediaError> {
        self.sound = None;
        self.handle_time(now)
    }

    /// Nothing more will come: what waits leaves.
    ///
    /// # Errors
    /// As [`handle_piece`](Self::handle_piece).
    pub fn finish(&mut self) -> Result<(), MediaError> {
        for lane in [Some(&mut self.main), self.sound.as_mut()].into_iter().flatten() {
            lane.finish();
        }
        let mut refused = Ok(());
        // Whatever becomes of one, none is left behind.
        while let Some(turn) = self.first() {
            refused = refused.and(self.take(turn));
        }
        refused
    }

    /// Lets go of what has waited long enough.
    ///
    /// # Errors
    /// As [`handle_piece`](Self::handle_piece).
    pub fn handle_time(&mut self, now: Monotonic) -> Result<(), MediaError> {
        while let Some(turn) = self.first() {
            if self.waits(turn) && now < self.release(turn) {
                break;
            }
            self.take(turn)?;
        }
        Ok(())
    }

    /// When [`handle_time`](Self::handle_time) has something to do.
    pub fn deadline(&self) -> Option<Monotonic> {
        self.first().map(|turn| self.release(turn))
    }

    /// The next thing that the pieces so far turned into.
    pub fn next_output(&mut self) -> Option<Output> {
        self.stream.next_output()
    }

    /// What was lost and repaired so far.
    pub fn counters(&self) -> Counters {
        self.stream.counters()
    }

    /// What the stream carries that the box does not take, for the log; told once.
    pub fn complaint(&mut self) -> Option<String> {
        let own = self.complaint.take();
        own.or_else(|| self.main.complaint())
    }

    /// What of a list waits in here.
    pub fn waiting(&self, track: Track) -> Waiting {
        let lane = match track {
            Track::Main => Some(&self.main),
            Track::Audio => self.sound.as_ref(),
        };
        lane.map_or_else(Waiting::default, |lane| Waiting {
            entries: lane.entries.len(),
            bytes: lane.bytes,
        })
    }

    /// Whose turn it is, if anybody has something.
    fn first(&self) -> Option<Track> {
        let (main, sound) = (&self.main, self.sound.as_ref());
        let Some((sound, heard)) = sound.and_then(|lane| Some((lane, lane.entries.front()?)))
        else {
            return main.entries.front().map(|_| Track::Main);
        };
        let Some(seen) = main.entries.front() else { return Some(Track::Audio) };
        let Some(heard) = heard.stamp() else { return Some(Track::Audio) };
        let order = sound.cuts.cmp(&main.cuts).then_with(|| match seen.stamp() {
            Some(seen) => TimeBase::MPEG.step(seen, heard).cmp(&MediaSpan(0)),
            // A cut of the pictures ends what this sound belongs to.
            None if matches!(seen, Entry::Cut) => Ordering::Less,
            None => Ordering::Greater,
        });
        Some(if order == Ordering::Greater { Track::Main } else { Track::Audio })
    }

    /// Whether the other list may still bring something that belongs before what this one has.
    fn waits(&self, turn: Track) -> bool {
        let Some(sound) = &self.sound else { return false };
        let (own, other) = match turn {
            Track::Main => (&self.main, sound),
            Track::Audio => (sound, &self.main),
        };
        let timed = own.entries.front().is_some_and(|entry| {
            entry.stamp().is_some() || (turn == Track::Main && matches!(entry, Entry::Cut))
        });
        // Beyond a cut that this one has not reached, nothing earlier will come.
        timed && other.entries.is_empty() && other.cuts <= own.cuts
    }

    fn release(&self, turn: Track) -> Monotonic {
        let lane = match (turn, &self.sound) {
            (Track::Audio, Some(sound)) => sound,
            (Track::Main, _) | (Track::Audio, None) => &self.main,
        };
        let oldest = lane.entries.iter().find_map(Entry::arrived);
        oldest.unwrap_or(lane.since).plus(self.patience)
    }

    /// Gives an entry its place.
    fn take(&mut self, turn: Track) -> Result<(), MediaError> {
        match (turn, &mut self.sound) {
            (Track::Audio, Some(sound)) => {
                let entry = match sound.pop() {
                    // Of the pictures that are not in this list.
                    Some(Entry::LostVideo | Entry::Cut) | None => return Ok(()),
                    Some(Entry::Damaged) => Entry::Gap,
                    Some(entry) => entry,
                };
                if let Err(error) = self.stream.take(entry) {
                    self.lose_sound(&error.into());
                }
                Ok(())
            }
            (Track::Main, _) | (Track::Audio, None) => {
                let Some(entry) = self.main.pop() else { return Ok(()) };
                let is_sound = matches!(entry, Entry::Sound(_) | Entry::AudioTrack(_));
                if is_sound && self.place == AudioPlace::Separate {
                    return Ok(());
                }
                Ok(self.stream.take(entry)?)
            }
        }
    }

    fn lose_sound(&mut self, error: &MediaError) {
        self.sound = None;
        self.complaint = Some(format!("{error}; the pictures are taken without sound"));
    }
}

impl Lane {
    fn new(limits: Limits, wanted: Wanted) -> Self {
        Self {
            limits,
            wanted,
            reader: None,
            segment: None,
            entries: Entries::new(),
            bytes: 0,
            since: Monotonic::default(),
            cuts: 0,
        }
    }

    fn read(&mut self, now: Monotonic, media: &Media, body: &[u8]) -> Result<(), MediaError> {
        let segment = Some((media.epoch, media.sequence));
        let goes_on = std::mem::replace(&mut self.segment, segment) == segment;
        let mut found = Entries::new();
        let format = match &self.reader {
            Some(Reader::Ts(_)) => Some(Format::Ts),
            Some(Reader::Fmp4(_)) => Some(Format::Fmp4),
            None => None,
        };
        if let Some(reader) = &mut self.reader {
            if !goes_on || media.discontinuity || format != Some(media.format) {
                reader.finish(&mut found);
            }
            if media.discontinuity {
                reader.cut(&mut found);
            }
        }
        if format != Some(media.format) {
            let (limits, wanted) = (self.limits, self.wanted);
            self.reader = Some(match media.format {
                Format::Ts => Reader::Ts(Box::new(ts::Reader::new(limits, wanted))),
                Format::Fmp4 => Reader::Fmp4(Box::new(fmp4::Reader::new(limits, wanted))),
            });
        }
        let read = self.reader.as_mut().map_or(Ok(()), |reader| {
            reader.handle_bytes(now, body, &mut found)?;
            let is_whole = match media.format {
                // Parts of a segment are cut anywhere between two packets.
                Format::Ts => media.piece == Piece::Segment,
                Format::Fmp4 => true,
            };
            if is_whole {
                reader.finish(&mut found);
            }
            Ok(())
        });
        self.push(now, found);
        read
    }

    /// What follows in an MP4 does not tell that something is missing; packets of TS are counted.
    fn miss(&mut self, now: Monotonic) {
        if matches!(self.reader, Some(Reader::Fmp4(_))) {
            self.push(now, Entries::from([Entry::Gap, Entry::LostVideo]));
        }
    }

    fn finish(&mut self) {
        let (mut found, since) = (Entries::new(), self.since);
        if let Some(reader) = &mut self.reader {
            reader.finish(&mut found);
        }
        self.push(since, found);
    }

    fn push(&mut self, now: Monotonic, found: Entries) {
        if found.is_empty() {
            return;
        }
        self.since = now;
        self.bytes += found.iter().map(Entry::bytes).sum::<usize>();
        self.entries.extend(found);
    }

    fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.bytes();
        self.cuts += u32::from(matches!(entry, Entry::Cut));
        Some(entry)
    }

    fn complaint(&mut self) -> Option<String> {
        match self.reader.as_mut()? {
            Reader::Ts(reader) => reader.complaint(),
            Reader::Fmp4(reader) => reader.complaint(),
        }
    }
}

impl Reader {
    fn handle_bytes(
        &mut self,
        now: Monotonic,
        bytes: &[u8],
        found: &mut Entries,
    ) -> Result<(), MediaError> {
        match self {
            Self::Ts(reader) => Ok(reader.handle_bytes(now, bytes, found)?),
            Self::Fmp4(reader) => Ok(reader.handle_bytes(now, bytes, found)?),
        }
    }

    fn finish(&mut self, found: &mut Entries) {
        match self {
            Self::Ts(reader) => reader.finish(found),
            Self::Fmp4(reader) => reader.finish(found),
        }
    }

    fn cut(&mut self, found: &mut Entries) {
        match self {
            Self::Ts(reader) => reader.cut(found),
            Self::Fmp4(reader) => reader.cut(found),
        }
    }
}
