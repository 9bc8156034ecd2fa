//! What leaves ingest: tracks and access units.

use bytes::Bytes;
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::{MediaTime, Monotonic};

/// One compressed access unit with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Which track it belongs to.
    pub track: Track,
    /// Presentation time.
    pub pts: MediaTime,
    /// Decoding time; never falls within an epoch.
    pub dts: MediaTime,
    /// A decoder can start here. Always true for audio.
    pub keyframe: bool,
    /// Length-prefixed NAL units (4-byte lengths as in the configuration record), or one raw AAC
    /// frame.
    pub data: Bytes,
    /// When its last byte had arrived at the box.
    pub arrived: Monotonic,
}

/// The two tracks of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// Configuration of the video track, sent before its first access unit and at each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoTrack {
    /// Codec.
    pub codec: VideoCodec,
    /// `avcC` or `hvcC` record, without box header.
    pub record: Bytes,
    /// Picture size from the sequence parameter set.
    pub width: u16,
    /// Picture size from the sequence parameter set.
    pub height: u16,
}

/// Configuration of the audio track, sent before its first access unit and at each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    /// Codec.
    pub codec: AudioCodec,
    /// AudioSpecificConfig.
    pub record: Bytes,
    /// Sample rate in Hz.
    pub sample_hz: u32,
    /// Channels.
    pub channels: u8,
}

/// What a publisher's stream delivers, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaItem {
    /// The video track starts or changes.
    Video(VideoTrack),
    /// The audio track starts or changes.
    Audio(AudioTrack),
    /// An access unit of a track that was announced.
    Unit(AccessUnit),
}
