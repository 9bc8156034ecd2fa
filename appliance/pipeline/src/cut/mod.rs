//! The cutter: a plan and a recording in, one clip file out.
//!
//! It copies compressed samples, so a cut costs about as much as copying its bytes. It owns the
//! choice of fragments and the port that finished clips leave through ([`ClipSink`]); it must not
//! know files, runtimes or clocks. It never waits: whoever calls it waits until
//! [`FragmentStore::complete_upto`] reaches the plan's end, or decides that it never will, and
//! then gets what there is together with what is [`Missing`].

mod select;

use clips::planner::ClipPlan;
use sha2::{Digest, Sha256};
use wire::clip::ClipRecord;
use wire::ids::{ClipId, Name};
use wire::time::{MEDIA_HZ, MediaSpan, MediaTime, WallTime};

use crate::mp4::{Clip, Movie, Mp4Error};
use crate::record::{FragmentStore, StoreError};
use select::{Selection, select};

/// A clip to be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Identity of the clip.
    pub id: ClipId,
    /// The source it is cut from.
    pub source: Name,
    /// What to show.
    pub plan: ClipPlan,
    /// A moment of the source whose UTC is known, near the plan.
    pub anchor: Anchor,
}

/// UTC of a media time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The media time.
    pub media: MediaTime,
    /// Its UTC.
    pub wall: WallTime,
}

/// A clip that was written durably.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The clip's record, to be published and uploaded with it.
    pub record: ClipRecord,
    /// What the plan asked for and the recording did not have.
    pub missing: Missing,
}

/// What is missing from a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// At its start: evicted, or before the source's first keyframe.
    pub before: MediaSpan,
    /// At its end: the source stopped or the box crashed.
    pub after: MediaSpan,
    /// Between shown pictures: the source was interrupted, and the picture stands still.
    pub gaps: MediaSpan,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Where finished clips go.
pub trait ClipSink {
    /// Starts a clip. It becomes visible only when it is finished.
    ///
    /// # Errors
    /// [`SinkError`] if it cannot be stored.
    fn begin(&self, id: ClipId) -> Result<Box<dyn ClipFile + '_>, SinkError>;
}

/// A clip that is being written. Dropping it unfinished removes it.
pub trait ClipFile {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`SinkError`] if they cannot be stored.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError>;

    /// Makes the clip durable and visible under its name: after this it survives a power cut.
    ///
    /// # Errors
    /// [`SinkError`]; the clip is not stored.
    fn finish(self: Box<Self>) -> Result<(), SinkError>;
}

/// A clip could not be stored.
#[derive(Debug, thiserror::Error)]
#[error(
    "clip {clip} could not be stored in {place} ({reason}): free space on that disk or lower the \
     quotas of recordings and clips"
)]
pub struct SinkError {
    /// Which clip.
    pub clip: ClipId,
    /// Where.
    pub place: String,
    /// Why.
    pub reason: std::io::Error,
}

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The recording has nothing that could be shown.
    #[error(
        "clip {clip} was not cut: the recording has no picture between {start_s:.3} s and \
         {end_s:.3} s; it was evicted, or the source did not deliver"
    )]
    Nothing {
        /// Which clip.
        clip: ClipId,
        /// Start of the plan in media seconds.
        start_s: f64,
        /// End of the plan in media seconds.
        end_s: f64,
    },
    /// The recording could not be read.
    #[error("clip was not cut: {0}")]
    Store(#[from] StoreError),
    /// A fragment or the clip is not valid.
    #[error("clip was not cut: {0}")]
    Format(#[from] Mp4Error),
    /// The clip could not be stored.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Bytes that are copied at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Cuts clips, one after the other. Holds one buffer of 256 KiB.
#[derive(Debug)]
pub struct Cutter {
    buffer: Vec<u8>,
}

impl Default for Cutter {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES] }
    }
}

impl Cutter {
    /// Cuts a clip from what the recording has now, and returns once it is durable. The caller
    /// holds the plan's stretch ([`FragmentStore::hold`]), so that nothing is evicted meanwhile.
    ///
    /// # Errors
    /// [`CutError`]; no clip was stored.
    pub fn cut(
        &mut self,
        job: &Job,
        store: &dyn FragmentStore,
        sink: &dyn ClipSink,
    ) -> Result<Finished, CutError> {
        let Selection { tracks, video, audio, cut, missing } = select(job, store)?;
        let clip =
            Clip::new(&Movie { tracks: &tracks, video: &video, audio: &audio, show: cut.show })?;
        let mut output = Hashed { file: sink.begin(job.id)?, hash: Sha256::new() };
        output.write(&clip.head)?;
        for chunk in &clip.chunks {
            let mut done = 0;
            while done < chunk.bytes {
                let left = usize::try_from(chunk.bytes - done).unwrap_or(usize::MAX);
                let size = left.min(self.buffer.len());
                let (part, _) = self.buffer.split_at_mut(size);
                store.read(chunk.seq, chunk.offset + done, part)?;
                output.write(part)?;
                done += size as u64;
            }
        }
        let Hashed { file, hash } = output;
        file.finish()?;
        let record = ClipRecord {
            id: job.id,
            source: job.source.clone(),
            interval: cut.show,
            frames: cut.frames,
            picture: tracks.picture(),
            bytes: clip.bytes,
            sha256: hexadecimal(&hash.finalize()),
            starts: job.anchor.wall_at(cut.show.start),
            events: job.plan.events.clone(),
        };
        Ok(Finished { record, missing })
    }
}

impl Anchor {
    /// UTC of another media time near this one.
    pub fn wall_at(self, at: MediaTime) -> WallTime {
        let micros = i128::from(at.since(self.media).0) * 1_000_000 / i128::from(MEDIA_HZ);
        WallTime(self.wall.0.saturating_add(i64::try_from(micros).unwrap_or(0)))
    }
}

struct Hashed<'a> {
    file: Box<dyn ClipFile + 'a>,
    hash: Sha256,
}

impl Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.hash.update(bytes);
        self.file.write(bytes)
    }
}

fn hexadecimal(bytes: &[u8]) -> heapless::String<64> {
    let mut text = heapless::String::new();
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            // 32 bytes have exactly 64 digits.
            let _ = text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}
