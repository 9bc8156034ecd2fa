//! The boxes of a fragmented MP4 as they come: which of them are kept, and the samples in them.
//!
//! Owns the bytes of the box that is not whole yet. Reads no box's insides, and gives nothing a place
//! in time.
//!
//! ```text
//!          header ► moov, moof, mdat          whole: read
//!   Head ──────────────────────────► Keeping ─────────────► Head
//!    │ ──────────────► Passing ── over ► Head
//!    │     header ► any other box
//!    └── no header of a box ► Lost ── the piece ends ► Head
//! ```

use bytes::{Bytes, BytesMut};
use wire::codec::VideoCodec;
use wire::time::{MEDIA_HZ, MediaSpan, Monotonic};

use super::Fmp4Error;
use super::boxes::{self, Kind, Start};
use super::fragment::{self, Place, Sample};
use super::header::{self, Codec, Header, Track};
use crate::container::{Read, Wanted};
use crate::elementary::StreamError;
use crate::entry::{Entries, Entry, Picture, Sound};
use crate::limits::Limits;

/// See the module.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    wanted: Wanted,
    state: State,
    /// Bytes of the piece so far.
    position: u64,
    header: Header,
    /// The fragment whose samples are to come.
    fragment: Option<Fragment>,
    /// Decoding times after the last fragment: of the video, of the sound.
    next: (u64, u64),
    complaint: Option<String>,
}

#[derive(Debug)]
enum State {
    Head(Vec<u8>),
    /// `begins`: its first byte, counted from the beginning of the piece.
    Keeping {
        kind: Kind,
        begins: u64,
        left: u64,
        bytes: BytesMut,
    },
    /// `left`: `None` up to the end of the piece.
    Passing {
        left: Option<u64>,
    },
    /// Nothing can be told until the next piece begins.
    Lost,
}

#[derive(Debug)]
struct Fragment {
    moof: Vec<u8>,
    /// Its first byte, counted from the beginning of the piece.
    begins: u64,
}

/// A sample with its place: of the video, or of the sound.
struct Placed<'a> {
    track: &'a Track,
    sample: Sample,
    /// Decoding time in 1/90000 s, not wrapped.
    decoded: i128,
}

impl Read for Reader {
    type Error = Fmp4Error;

    fn new(limits: Limits, wanted: Wanted) -> Self {
        Self {
            limits,
            wanted,
            state: State::Head(Vec::new()),
            position: 0,
            header: Header::default(),
            fragment: None,
            next: (0, 0),
            complaint: None,
        }
    }

    fn handle_bytes(
        &mut self,
        now: Monotonic,
        mut bytes: &[u8],
        found: &mut Entries,
    ) -> Result<(), Fmp4Error> {
        while let Some((first, tail)) = bytes.split_first() {
            let mut before = bytes.len();
            match &mut self.state {
                State::Head(head) => {
                    head.push(*first);
                    let head = std::mem::take(head);
                    (bytes, before) = (tail, tail.len());
                    self.position += 1;
                    self.begin(head, found);
                }
                State::Keeping { left, bytes: kept, .. } => {
                    let (part, rest) = split(bytes, left);
                    kept.extend_from_slice(part);
                    bytes = rest;
                }
                State::Passing { left: Some(left) } => bytes = split(bytes, left).1,
                State::Passing { left: None } => bytes = &[],
                State::Lost => bytes = &[],
            }
            self.position += (before - bytes.len()) as u64;
            self.end_box(now, found)?;
        }
        Ok(())
    }

    fn finish(&mut self, found: &mut Entries) {
        let ends_well = match &self.state {
            State::Head(head) => head.is_empty() && self.fragment.is_none(),
            State::Passing { left } => left.is_none(),
            State::Keeping { .. } => false,
            // That was counted already.
            State::Lost => true,
        };
        if !ends_well {
            self.lose(found);
        }
        self.state = State::Head(Vec::new());
        self.fragment = None;
        self.position = 0;
    }

    fn cut(&mut self, found: &mut Entries) {
        self.state = State::Head(Vec::new());
        self.fragment = None;
        (self.position, self.next) = (0, (0, 0));
        found.push_back(Entry::Cut);
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

impl Reader {
    /// Bytes that wait for the rest of their box.
    pub(crate) fn held_bytes(&self) -> usize {
        let fragment = self.fragment.as_ref().map_or(0, |fragment| fragment.moof.len());
        fragment
            + match &self.state {
                State::Head(head) => head.len(),
                State::Keeping { bytes, .. } => bytes.len(),
                State::Passing { .. } | State::Lost => 0,
            }
    }

    /// Looks whether a header is whole, and what becomes of its box.
    fn begin(&mut self, head: Vec<u8>, found: &mut Entries) {
        let header = match boxes::start(&head) {
            Start::Short => {
                self.state = State::Head(head);
                return;
            }
            Start::Other => return self.lose(found),
            Start::Box(header) => header,
        };
        let (kind, left) = (header.kind, header.body_bytes);
        let limit = match &kind {
            b"moov" | b"moof" => self.limits.fragment_header_bytes_max,
            b"mdat" => self.limits.fragment_bytes_max,
            _ if kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => {
                self.state = State::Passing { left };
                return;
            }
            _ => return self.lose(found),
        };
        // One that reaches to the end of its piece cannot be read before that; no packager writes it.
        let Some(left) = left.filter(|left| *left <= limit as u64) else { return self.lose(found) };
        if kind == *b"mdat" && self.fragment.is_none() {
            // Of a fragment that was not understood, which has been counted.
            self.state = State::Passing { left: Some(left) };
            return;
        }
        let begins = self.position - header.header_bytes as u64;
        self.state = State::Keeping { kind, begins, left, bytes: BytesMut::new() };
    }

    /// Reads the box if it is whole by now.
    fn end_box(&mut self, now: Monotonic, found: &mut Entries) -> Result<(), Fmp4Error> {
        let (kind, begins, bytes) = match &mut self.state {
            State::Keeping { kind, begins, left: 0, bytes } => {
                (*kind, *begins, std::mem::take(bytes))
            }
            State::Passing { left: Some(0) } => {
                self.state = State::Head(Vec::new());
                return Ok(());
            }
            State::Keeping { .. } | State::Passing { .. } | State::Head(_) | State::Lost => {
                return Ok(());
            }
        };
        self.state = State::Head(Vec::new());
        match &kind {
            b"moov" => self.announce(&bytes, found)?,
            b"moof" => self.fragment = Some(Fragment { moof: bytes.to_vec(), begins }),
            _ => self.samples(bytes.freeze(), now, found),
        }
        Ok(())
    }

    /// Takes an initialization section.
    fn announce(&mut self, moov: &[u8], found: &mut Entries) -> Result<(), Fmp4Error> {
        let mut header = header::read(moov)?;
        match self.wanted {
            Wanted::Program if header.video.is_none() => return Err(Fmp4Error::NoVideo),
            Wanted::Sound if header.sound.is_none() => {
                let name = header.unheard.take();
                let named = |name| StreamError::UnsupportedAudio(name).into();
                return Err(name.map_or(Fmp4Error::NoSound, named));
            }
            Wanted::Sound => header.video = None,
            Wanted::Program => {}
        }
        if header == self.header {
            return Ok(());
        }
        if header.unheard != self.header.unheard {
            let pictures_alone = |name: &String| {
                let reason = StreamError::UnsupportedAudio(name.clone());
                format!("{reason}; the pictures are taken without it")
            };
            self.complaint = header.unheard.as_ref().map(pictures_alone);
        }
        for track in header.video.iter().chain(&header.sound) {
            found.push_back(match &track.codec {
                Codec::Video(codec, record) => {
                    Entry::VideoTrack { codec: *codec, record: record.clone() }
                }
                Codec::Aac(record) => Entry::AudioTrack(record.clone()),
            });
        }
        self.header = header;
        Ok(())
    }

    /// Takes the body of an `mdat` box: what the fragment before it tells of.
    fn samples(&mut self, data: Bytes, now: Monotonic, found: &mut Entries) {
        let Some(Fragment { moof, begins }) = self.fragment.take() else { return };
        let place = Place { moof: begins, samples_max: self.limits.fragment_samples_max };
        // Samples are counted from the beginning of the `moof` box.
        let data_begins = self.position - data.len() as u64 - begins;
        let mut placed = Vec::new();
        let Header { video, sound, ids, .. } = &self.header;
        if !fragment::is_of(&moof, ids) {
            found.extend([Entry::Gap, Entry::LostVideo]);
        }
        for (track, next) in [(video, &mut self.next.0), (sound, &mut self.next.1)] {
            let Some(track) = track else { continue };
            let Some(run) = fragment::read(&moof, track, (*next, place)) else {
                found.push_back(Entry::Gap);
                if matches!(track.codec, Codec::Video(..)) {
                    found.push_back(Entry::LostVideo);
                }
                continue;
            };
            *next = run.next;
            let place = |sample: Sample| {
                let decoded = ticks(i128::from(sample.at) + i128::from(track.shift), track);
                Placed { track, sample, decoded }
            };
            placed.extend(run.samples.into_iter().map(place));
        }
        placed.sort_by_key(|placed| placed.decoded);
        let entries = placed.into_iter().map(|placed| {
            let begins = placed.sample.offset.checked_sub(data_begins)?;
            let ends = begins.checked_add(u64::from(placed.sample.bytes))?;
            let range = usize::try_from(begins).ok()?..usize::try_from(ends).ok()?;
            (range.end <= data.len()).then(|| placed.entry(data.slice(range), now))
        });
        for entry in entries {
            match entry {
                Some(entry) => found.push_back(entry),
                None => found.extend([Entry::LostVideo, Entry::Damaged]),
            }
        }
    }

    /// The piece is damaged here: what follows in it cannot be told.
    fn lose(&mut self, found: &mut Entries) {
        self.state = State::Lost;
        self.fragment = None;
        found.extend([Entry::Gap, Entry::LostVideo]);
    }
}

impl Placed<'_> {
    fn entry(&self, data: Bytes, arrived: Monotonic) -> Entry {
        // 33 bits, as in a transport stream, which may be at its side.
        let raw = self.decoded.rem_euclid(1 << 33) as u64;
        match self.track.codec {
            Codec::Video(codec, _) => self.picture(codec, (data, raw, arrived)),
            Codec::Aac(_) => Entry::Sound(Sound { data, raw, arrived }),
        }
    }

    fn picture(&self, codec: VideoCodec, (data, raw, arrived): (Bytes, u64, Monotonic)) -> Entry {
        let Sample { at, composition, .. } = self.sample;
        let shown = i128::from(at) + i128::from(self.track.shift) + i128::from(composition);
        let span = ticks(shown, self.track) - self.decoded;
        let composition = MediaSpan(i64::try_from(span).unwrap_or(i64::MAX));
        Entry::Picture(Picture { codec, data, raw, composition, arrived })
    }
}

/// Times of a track in 1/90000 s.
fn ticks(units: i128, track: &Track) -> i128 {
    (units * i128::from(MEDIA_HZ)).div_euclid(i128::from(track.timescale))
}

/// What of these bytes still belongs to the box, and what is behind it.
fn split<'a>(bytes: &'a [u8], left: &mut u64) -> (&'a [u8], &'a [u8]) {
    let count = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= count as u64;
    bytes.split_at(count)
}
