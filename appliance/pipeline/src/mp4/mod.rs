//! The containers we write: fragments of a recording, and clip files.
//!
//! A fragment is complete in itself: `ftyp moov moof mdat`, so that a recording survives any
//! crash as a folder of playable files and its index is rebuilt from their headers. A clip is a
//! progressive file, `ftyp moov mdat`, whose edit lists hide what a decoder needs but a viewer
//! must not see.
//!
//! Boxes come from `mp4-atom`; this module owns what goes into them. It knows no file, no
//! source and no clock. Video is timed in 1/90 000 s and audio in its own samples.

mod clip;
mod fragment;
mod layout;
mod steady;
mod tracks;

pub use clip::{Chunk, Clip, Located, Movie};
pub use fragment::{Fragment, Media};
pub use layout::{Layout, Sample};
pub use tracks::Tracks;

use wire::time::{MEDIA_HZ, MediaSpan};

/// Ticks a second of video tracks and of movie headers: those of [`wire::time::MediaTime`].
pub const VIDEO_HZ: u32 = MEDIA_HZ as u32;

/// Decode times in fragments are media times plus this, because they must not be negative while
/// the first frames of a stream with B-frames decode before media time zero. A player that shows
/// fragments as they are (Media Source Extensions) sets its timestamp offset to minus this.
pub const ORIGIN: MediaSpan = MediaSpan::from_millis(10_000);

const VIDEO_TRACK: u32 = 1;
const AUDIO_TRACK: u32 = 2;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Mp4Error {
    /// A decoder configuration record of the source makes no sense.
    #[error(
        "the stream's {record} record is not valid ({reason}); its video or sound cannot be \
         stored: restart the encoder, or choose H.264 or H.265 with AAC"
    )]
    Record {
        /// `avcC`, `hvcC` or AudioSpecificConfig.
        record: &'static str,
        /// What the parser says.
        reason: mp4_atom::Error,
    },
    /// Bytes are missing at the end: a crash while the file was written.
    #[error("the file ends after {has} bytes but its header says {needs}: it was not finished")]
    Short {
        /// Bytes present.
        has: u64,
        /// Bytes needed, as far as is known yet.
        needs: u64,
    },
    /// The boxes are not what this module writes.
    #[error("not a fragment of a recording: {0}")]
    Foreign(&'static str),
    /// The boxes cannot be read or written.
    #[error("a box of the file is damaged or too large ({0})")]
    Boxes(#[from] mp4_atom::Error),
}
