//! What the reader of a container found, in its order, before it has a place on the timeline.
//!
//! Only data: readers write it, [`crate::elementary`] takes it. Between the two it may wait for
//! another reader's, as [`crate::renditions`] has it.

use std::collections::VecDeque;

use bytes::Bytes;
use wire::codec::VideoCodec;
use wire::time::{MediaSpan, Monotonic};

/// What a reader has found and nobody has taken yet. As long as the bytes that it was given last.
pub(crate) type Entries = VecDeque<Entry>;

/// One thing that a reader found.
#[derive(Debug)]
pub enum Entry {
    /// The video track is this one from now on: an `avcC` or `hvcC` record.
    VideoTrack { codec: VideoCodec, record: Bytes },
    /// The audio track is this one from now on: an AudioSpecificConfig.
    AudioTrack(Bytes),
    /// An access unit of video.
    Picture(Picture),
    /// A raw AAC frame.
    Sound(Sound),
    /// Something was damaged and is dropped.
    Damaged,
    /// A part of the container is missing or damaged.
    Gap,
    /// Part of the video was lost: pictures are of no use until the next keyframe.
    LostVideo,
    /// What follows does not continue what came before.
    Cut,
}

impl Entry {
    /// Decoding time in the container's units; the rest has none.
    pub(crate) fn stamp(&self) -> Option<u64> {
        match self {
            Self::Picture(picture) => Some(picture.raw),
            Self::Sound(sound) => Some(sound.raw),
            Self::VideoTrack { .. }
            | Self::AudioTrack(_)
            | Self::Damaged
            | Self::Gap
            | Self::LostVideo
            | Self::Cut => None,
        }
    }

    /// When its last byte had arrived; the rest has no such time.
    pub(crate) fn arrived(&self) -> Option<Monotonic> {
        match self {
            Self::Picture(picture) => Some(picture.arrived),
            Self::Sound(sound) => Some(sound.arrived),
            Self::VideoTrack { .. }
            | Self::AudioTrack(_)
            | Self::Damaged
            | Self::Gap
            | Self::LostVideo
            | Self::Cut => None,
        }
    }

    /// Bytes of media in it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Picture(picture) => picture.data.len(),
            Self::Sound(sound) => sound.data.len(),
            Self::VideoTrack { record, .. } | Self::AudioTrack(record) => record.len(),
            Self::Damaged | Self::Gap | Self::LostVideo | Self::Cut => 0,
        }
    }
}

/// One access unit of video as its container delivers it.
#[derive(Debug)]
pub struct Picture {
    pub(crate) codec: VideoCodec,
    /// NAL units behind length fields as its track's configuration announces them.
    pub(crate) data: Bytes,
    /// Decoding time, in the container's units.
    pub(crate) raw: u64,
    /// From decoding to presentation.
    pub(crate) composition: MediaSpan,
    pub(crate) arrived: Monotonic,
}

/// One raw AAC frame as its container delivers it.
#[derive(Debug)]
pub struct Sound {
    pub(crate) data: Bytes,
    /// Its time, in the container's units.
    pub(crate) raw: u64,
    pub(crate) arrived: Monotonic,
}
