//! Frames that an RTP receiver has put together, as cameras send them: tracks and access units.
//!
//! [`Assembly`] brings the tracks' clocks onto one, and finds a decoding time for pictures that
//! RTP labels with the time of their presentation alone. Keyframes, parameter sets, jumps and
//! damage are judged by [`crate::elementary`]. Reads no packet: that is the receiver's.

use bytes::Bytes;
use wire::codec::VideoCodec;
use wire::time::{MEDIA_HZ, MediaSpan, Monotonic};

use crate::access_unit::Track;
use crate::elementary::{Counters, Elementary, Output, StreamError};
use crate::entry::{Entry, Picture, Sound};
use crate::limits::Limits;
use crate::timeline::TimeBase;

/// A picture that is shown up to this much before the latest one is one that other pictures refer
/// across (a B-frame); a longer step back is a clock that was set back. Cameras send no B-frames,
/// or two in a row.
const REORDER_MAX: MediaSpan = MediaSpan::from_millis(400);

/// A time as RTP counts it, extended by its receiver beyond 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Since a moment that all tracks of the stream share.
    pub ticks: i64,
    /// Ticks a second.
    pub clock_hz: u32,
}

/// One frame, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which track it belongs to.
    pub track: Track,
    /// When it is shown or heard.
    pub at: Stamp,
    /// Length-prefixed NAL units as the track's configuration announces them, or one raw AAC frame.
    pub data: Bytes,
    /// Packets that are missing before it or in it.
    pub lost_packets: u16,
    /// When its last byte had arrived.
    pub arrived: Monotonic,
}

/// Turns the frames of one stream into tracks and access units.
#[derive(Debug)]
pub struct Assembly {
    stream: Elementary,
    codec: Option<VideoCodec>,
    /// Decoding time of the last picture, in 1/90 000 s.
    decoded: Option<i64>,
}

impl Assembly {
    /// The start of a stream.
    pub fn new(limits: Limits) -> Self {
        // Receivers extend the stamps, so that a wrap of them is none here.
        Self { stream: Elementary::new(limits, TimeBase::MPEG), codec: None, decoded: None }
    }

    /// The video track is this one from now on: an `avcC` or `hvcC` record.
    ///
    /// # Errors
    /// [`StreamError`]: the stream cannot be taken.
    pub fn configure_video(&mut self, codec: VideoCodec, record: &[u8]) -> Result<(), StreamError> {
        self.codec = Some(codec);
        self.stream.configure_video(codec, record)
    }

    /// The audio track is this one from now on: an AudioSpecificConfig.
    ///
    /// # Errors
    /// [`StreamError`]: the stream cannot be taken.
    pub fn configure_audio(&mut self, record: Bytes) -> Result<(), StreamError> {
        self.stream.configure_audio(record)
    }

    /// Takes a frame.
    ///
    /// # Errors
    /// [`StreamError`]: the stream cannot be taken; end the connection. Single damaged frames are
    /// counted and dropped instead.
    pub fn handle(&mut self, frame: Frame) -> Result<(), StreamError> {
        let Frame { track, at, data, lost_packets, arrived } = frame;
        let shown = media_ticks(at);
        match track {
            Track::Audio => {
                let raw = shown.cast_unsigned();
                self.stream.take(Entry::Sound(Sound { data, raw, arrived }))
            }
            Track::Video => {
                if lost_packets > 0 {
                    self.stream.take(Entry::Gap)?;
                    self.stream.take(Entry::LostVideo)?;
                }
                // A picture before its track is configured is counted and dropped there.
                let codec = self.codec.unwrap_or(VideoCodec::H264);
                let decoded = self.decoding_time(shown);
                let composition = MediaSpan(shown - decoded);
                let raw = decoded.cast_unsigned();
                let picture = Picture { codec, data, raw, composition, arrived };
                self.stream.take(Entry::Picture(picture))
            }
        }
    }

    /// The next thing that the frames so far turned into.
    pub fn next_output(&mut self) -> Option<Output> {
        self.stream.next_output()
    }

    /// What was lost and repaired so far.
    pub fn counters(&self) -> Counters {
        self.stream.counters()
    }

    /// Pictures come in the order of decoding: one that is shown before the one before it was
    /// decoded no earlier than that one.
    fn decoding_time(&mut self, shown: i64) -> i64 {
        let back = self.decoded.map_or(0, |last| last.saturating_sub(shown));
        let decoded = if (1..=REORDER_MAX.0).contains(&back) { shown + back } else { shown };
        self.decoded = Some(decoded);
        decoded
    }
}

/// In 1/90 000 s. A clock of 0 Hz does not count.
fn media_ticks(at: Stamp) -> i64 {
    if i64::from(at.clock_hz) == MEDIA_HZ {
        return at.ticks;
    }
    let scaled = i128::from(at.ticks) * i128::from(MEDIA_HZ);
    // What does not fit is as good as any other jump.
    i64::try_from(scaled.div_euclid(i128::from(at.clock_hz.max(1)))).unwrap_or_default()
}

#[cfg(test)]
#[path = "rtp_tests.rs"]
mod tests;
