//! Decoders: compressed access units in, surfaces or sound out.

use thiserror::Error;
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::MediaTime;

use crate::surface::Surface;

/// Largest picture that a decoder takes, in pixels (4096 × 2304): a stream that claims more is
/// refused before its memory is allocated, whoever decodes.
pub const PIXELS_MAX: u32 = 4096 * 2304;

/// What a video decoder is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    /// Codec of the track.
    pub codec: VideoCodec,
    /// The decoder configuration record: `avcC` or `hvcC`, without box header.
    pub record: Vec<u8>,
}

/// What an audio decoder is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioConfig {
    /// Codec of the track.
    pub codec: AudioCodec,
    /// The codec's configuration: for AAC the AudioSpecificConfig.
    pub record: Vec<u8>,
}

/// One compressed access unit, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Length-prefixed NAL units, or one raw AAC frame.
    pub data: &'a [u8],
    /// Presentation time.
    pub pts: MediaTime,
    /// Decoding time.
    pub dts: MediaTime,
}

/// A video decoder of one source.
pub trait DecodeVideo: Send {
    /// Decodes one access unit and hands every picture that is ready to `deliver`, in
    /// presentation order.
    ///
    /// # Errors
    /// [`DecodeError::Corrupt`] for a broken access unit: the decoder stays usable, go on with
    /// the next keyframe. [`DecodeError::Failed`]: open a new decoder.
    fn decode(
        &mut self,
        packet: Packet<'_>,
        deliver: &mut dyn FnMut(Surface),
    ) -> Result<(), DecodeError>;

    /// Hands out the pictures still inside, at the end of a stream. The decoder starts anew with
    /// the next keyframe.
    ///
    /// # Errors
    /// [`DecodeError::Failed`]: open a new decoder.
    fn drain(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), DecodeError>;

    /// Which implementation decodes, for reports: `libavcodec h264`.
    fn name(&self) -> &str;
}

/// Sound of one source: 16 kHz, mono, f32 in -1 ..= 1.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioBlock {
    /// Presentation time of the first sample.
    pub pts: MediaTime,
    /// Samples at [`AUDIO_HZ`].
    pub samples: Vec<f32>,
}

/// Sample rate of an [`AudioBlock`].
pub const AUDIO_HZ: u32 = 16_000;

/// An audio decoder of one source, resampling included.
pub trait DecodeAudio: Send {
    /// Decodes one access unit into 16 kHz mono.
    ///
    /// # Errors
    /// As [`DecodeVideo::decode`].
    fn decode(&mut self, packet: Packet<'_>) -> Result<Option<AudioBlock>, DecodeError>;
}

/// Why decoding did not work.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The access unit is broken; the decoder is not.
    #[error("access unit at {pts:?} not decoded: {reason}; waiting for the next keyframe")]
    Corrupt {
        /// Presentation time of the access unit.
        pts: MediaTime,
        /// What the decoder said.
        reason: String,
    },
    /// The decoder cannot be used any more, or could not be opened.
    #[error("{decoder} failed: {reason}; the decoder must be opened again")]
    Failed {
        /// Which implementation.
        decoder: &'static str,
        /// What it said.
        reason: String,
    },
}
