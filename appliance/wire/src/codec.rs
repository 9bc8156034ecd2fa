//! Which codec a track is in.

use serde::{Deserialize, Serialize};

/// Video codecs that a source may deliver. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    /// H.264 / AVC, length-prefixed NAL units, configured by an `avcC` record.
    H264,
    /// H.265 / HEVC, length-prefixed NAL units, configured by an `hvcC` record.
    H265,
}

/// Audio codecs that a source may deliver. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioCodec {
    /// AAC, raw frames, configured by an AudioSpecificConfig.
    Aac,
}
