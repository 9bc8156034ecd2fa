//! FLV tags to tracks and access units, for H.264, H.265 and AAC.
//!
//! [`Demuxer`] reads the tags' own headers; what they carry is [`crate::elementary`]'s.

mod audio_tag;
mod video_tag;

use bytes::Bytes;
use wire::time::{MediaSpan, Monotonic};

use crate::elementary::{Counters, Elementary, Output, StreamError};
use crate::entry::{Picture, Sound};
use crate::limits::Limits;
use crate::timeline::TimeBase;
use audio_tag::AudioTag;
use video_tag::VideoTag;

/// The body of an FLV video or audio tag, or of the RTMP message that carries one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Decoding time in milliseconds, modulo 2^32.
    pub timestamp_ms: u32,
    /// Everything after the tag header.
    pub body: Bytes,
    /// When the last byte had arrived.
    pub arrived: Monotonic,
}

/// Why a tag is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TagError {
    /// It ends inside its header.
    Truncated,
    /// It is of a stream that cannot be taken.
    Refused(StreamError),
}

/// Turns the tags of one stream into tracks and access units.
#[derive(Debug)]
pub struct Demuxer {
    stream: Elementary,
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { stream: Elementary::new(limits, TimeBase::FLV) }
    }

    /// Takes a video tag.
    ///
    /// # Errors
    /// [`StreamError`]: the stream cannot be taken; end the connection. Single damaged units are
    /// counted and dropped instead.
    pub fn handle_video(&mut self, tag: Tag) -> Result<(), StreamError> {
        match video_tag::parse(tag.body) {
            Ok(VideoTag::Configuration { codec, record }) => {
                self.stream.configure_video(codec, &record)
            }
            Ok(VideoTag::Frame { codec, composition_ms, data }) => {
                let composition = MediaSpan::from_millis(composition_ms.into());
                let (raw, arrived) = (tag.timestamp_ms.into(), tag.arrived);
                self.stream.video(Picture { codec, data, raw, composition, arrived })
            }
            Ok(VideoTag::Nothing) => Ok(()),
            Err(TagError::Truncated) => self.stream.damaged(),
            Err(TagError::Refused(error)) => Err(error),
        }
    }

    /// Takes an audio tag.
    ///
    /// # Errors
    /// As [`handle_video`](Self::handle_video).
    pub fn handle_audio(&mut self, tag: Tag) -> Result<(), StreamError> {
        match audio_tag::parse(tag.body) {
            Ok(AudioTag::Configuration(record)) => self.stream.configure_audio(record),
            Ok(AudioTag::Frame(data)) => {
                let (raw, arrived) = (tag.timestamp_ms.into(), tag.arrived);
                self.stream.audio(Sound { data, raw, arrived });
                Ok(())
            }
            Ok(AudioTag::Nothing) => Ok(()),
            Err(TagError::Truncated) => self.stream.damaged(),
            Err(TagError::Refused(error)) => Err(error),
        }
    }

    /// The next thing that the tags so far turned into.
    pub fn next_output(&mut self) -> Option<Output> {
        self.stream.next_output()
    }

    /// What was lost and repaired so far.
    pub fn counters(&self) -> Counters {
        self.stream.counters()
    }
}
