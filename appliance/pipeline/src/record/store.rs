//! The port to where fragments are kept. The daemon's vault implements it with files,
//! [`MemoryStore`](super::MemoryStore) for tests and simulations.

use wire::time::{MediaInterval, MediaSpan, MediaTime};

use super::fragmenter::AUDIO_PATIENCE;
use crate::mp4::{Fragment, Layout};

/// What the index knows of one fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the fragment within its recording.
    pub seq: u32,
    /// From the first picture's presentation to the end of the last one's.
    pub shown: MediaInterval,
    /// From the first sound to the end of the last.
    pub heard: Option<MediaInterval>,
    /// Presentation time of the first keyframe, if it has one.
    pub keyframe: Option<MediaTime>,
    /// Everything before this is in this fragment or in earlier ones.
    pub complete_upto: MediaTime,
    /// Equal for fragments whose video fits into one clip.
    pub video_config: u64,
    /// Equal for fragments whose audio fits into one clip; zero without audio.
    pub audio_config: u64,
    /// Bytes before the media.
    pub header_bytes: u64,
    /// Bytes of the whole fragment.
    pub bytes: u64,
}

impl Head {
    /// The index entry of a fragment.
    pub fn of(layout: &Layout) -> Self {
        let heard = layout.heard();
        let pictures = layout.video.last().map_or(MediaTime(0), |last| last.end);
        let nobody_waits = pictures.minus(AUDIO_PATIENCE);
        let complete_upto = match heard {
            Some(heard) => pictures.min(heard.end.max(nobody_waits)),
            None if layout.audio_config == 0 => pictures,
            None => nobody_waits,
        };
        Self {
            seq: layout.seq,
            shown: layout.shown(),
            heard,
            keyframe: layout.video.iter().find(|s| s.keyframe).map(|s| s.pts),
            complete_upto,
            video_config: layout.video_config,
            audio_config: layout.audio_config,
            header_bytes: layout.header_bytes,
            bytes: layout.bytes,
        }
    }

    /// Whether it has pictures or sound of the stretch, with a margin for sound that must be
    /// decoded before it is heard.
    pub(crate) fn touches(&self, wanted: MediaInterval) -> bool {
        let meets = |own: MediaInterval, lead: MediaSpan| {
            own.start < wanted.end && wanted.start.minus(lead) < own.end
        };
        meets(self.shown, MediaSpan(0))
            || self.heard.is_some_and(|heard| meets(heard, SOUND_LEAD_IN))
    }
}

/// Three AAC frames at 8 kHz with bandwidth replication are 384 ms.
const SOUND_LEAD_IN: MediaSpan = MediaSpan::from_millis(400);

/// What a new fragment cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Fragments that were evicted to keep the quota.
    pub evicted: u32,
    /// Their size.
    pub evicted_bytes: u64,
    /// How many of them were held for a pending clip: it will be incomplete.
    pub evicted_held: u32,
}

/// A stretch that must not be evicted; see [`FragmentStore::hold`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldId(pub u32);

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The fragment was not written.
    #[error(
        "fragment {seq} of the recording could not be written to {place} ({reason}): about a \
         second of the recording is lost; free space on that disk or lower the recording quota"
    )]
    Write {
        /// Number of the fragment.
        seq: u32,
        /// Where.
        place: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The fragment could not be read.
    #[error("fragment {seq} of the recording cannot be read from {place} ({reason})")]
    Read {
        /// Number of the fragment.
        seq: u32,
        /// Where.
        place: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The fragment is not there.
    #[error("fragment {seq} is not in the recording any more: it was evicted to keep the quota")]
    Evicted {
        /// Number of the fragment.
        seq: u32,
    },
    /// Too many holds.
    #[error(
        "{max} stretches of this recording are held for pending clips already; the new one is \
         not protected from eviction"
    )]
    HoldsFull {
        /// The limit.
        max: usize,
    },
}

/// The recording of one source and one boot. Shared by the recorder, which appends, and the
/// cutter, which reads; every method may be called from any thread.
pub trait FragmentStore: Send + Sync {
    /// The number that the next fragment gets; 0 for a new recording.
    fn next_seq(&self) -> u32;

    /// Evicts the oldest fragments to keep the quota, and adds this one.
    ///
    /// # Errors
    /// [`StoreError::Write`]; the fragment is not in the store.
    fn append(&self, fragment: &Fragment) -> Result<Appended, StoreError>;

    /// The fragments that are needed to show `wanted`, oldest first: from the last one with a
    /// keyframe at or before its start (or the first one with a keyframe at all) to its end.
    fn covering(&self, wanted: MediaInterval) -> Vec<Head>;

    /// Fills `into` with the bytes of a fragment from `offset` on.
    ///
    /// # Errors
    /// [`StoreError::Evicted`] or [`StoreError::Read`].
    fn read(&self, seq: u32, offset: u64, into: &mut [u8]) -> Result<(), StoreError>;

    /// Everything before this media time that arrived is stored; `None` while nothing is.
    fn complete_upto(&self) -> Option<MediaTime>;

    /// Evicts the oldest fragment that no hold protects. `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Write`] if it could not be removed.
    fn evict_oldest(&self) -> Result<Option<Head>, StoreError>;

    /// Protects what `wanted` needs from eviction until [`release`](Self::release), for a clip
    /// that will be cut. When nothing unprotected is left the oldest goes all the same, counted
    /// in [`Appended::evicted_held`]: the box keeps recording.
    ///
    /// # Errors
    /// [`StoreError::HoldsFull`].
    fn hold(&self, wanted: MediaInterval) -> Result<HoldId, StoreError>;

    /// Ends a hold. An unknown one is ignored.
    fn release(&self, hold: HoldId);
}
