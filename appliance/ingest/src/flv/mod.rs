//! FLV tags to tracks and access units, for H.264, H.265 and AAC.
//!
//! [`Demuxer`] owns what a stream has announced so far (its tracks) and its timeline. It does not
//! trust a tag's keyframe flag: the NAL units decide. Access units leave with 4-byte lengths,
//! whatever the publisher uses. What a decoder could not use, because no keyframe came yet, is
//! not emitted but counted in [`Counters`].

mod aac;
mod audio_tag;
mod avc;
mod bits;
mod config;
mod content;
mod hevc;
mod nal;
mod timeline;
mod video_tag;

use std::collections::VecDeque;

use bytes::Bytes;
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::Monotonic;

use crate::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use crate::limits::Limits;
use audio_tag::AudioTag;
use config::Configuration;
pub use config::RecordError;
use content::{Content, content};
use timeline::{Placed, Timeline, Video};
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

/// What tags turn into, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A track's configuration or an access unit.
    Item(MediaItem),
    /// The timeline starts again at zero: what follows is a new epoch.
    Discontinuity,
}

/// Why a stream cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlvError {
    /// Video in a codec that the box does not decode.
    #[error(
        "video in {0} is not supported; set the encoder to H.264, or to H.265 over Enhanced RTMP"
    )]
    UnsupportedVideo(String),
    /// Audio in a codec that the box does not decode.
    #[error("audio in {0} is not supported; set the encoder to AAC")]
    UnsupportedAudio(String),
    /// A decoder configuration that cannot be used.
    #[error("the {0:?} decoder configuration cannot be used: {1}")]
    Configuration(Track, RecordError),
    /// Too many damaged access units in a row.
    #[error("{0} damaged access units in a row; the encoder or the link corrupts the stream")]
    Damaged(u32),
    /// A tag that ends inside its header; counted by [`Demuxer`], which goes on.
    #[error("a tag ends inside its header")]
    Truncated,
}

/// What a stream lost and had repaired, since its start. Saturating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Video access units that left.
    pub video_units: u64,
    /// Audio access units that left.
    pub audio_units: u64,
    /// Video before its configuration, or between a (changed) configuration or the start of an
    /// epoch and the next keyframe: not decodable.
    pub video_early_dropped: u64,
    /// Audio before its configuration or before the first picture: it has no place on the
    /// timeline yet.
    pub audio_early_dropped: u64,
    /// Audio further from the last picture than the allowed jump.
    pub audio_astray_dropped: u64,
    /// Tags and access units that are damaged.
    pub malformed_dropped: u64,
    /// Decoding times that went back and were held.
    pub times_repaired: u64,
    /// Epochs after the first.
    pub discontinuities: u64,
}

/// Turns the tags of one stream into tracks and access units.
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    video: Option<VideoState>,
    audio: Option<Bytes>,
    /// `None` until the first keyframe of an epoch.
    timeline: Option<Timeline>,
    /// A decoder has to start anew: pictures are dropped until a keyframe.
    starting: bool,
    /// NAL units that came without a picture and wait for the next one.
    parameters: Vec<u8>,
    damaged_in_a_row: u32,
    counters: Counters,
    output: VecDeque<Output>,
}

#[derive(Debug)]
struct VideoState {
    codec: VideoCodec,
    configuration: Configuration,
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            video: None,
            audio: None,
            timeline: None,
            starting: true,
            parameters: Vec::new(),
            damaged_in_a_row: 0,
            counters: Counters::default(),
            output: VecDeque::new(),
        }
    }

    /// Takes a video tag.
    ///
    /// # Errors
    /// [`FlvError`]: the stream cannot be taken; end the connection. Single damaged units are
    /// counted and dropped instead.
    pub fn handle_video(&mut self, tag: Tag) -> Result<(), FlvError> {
        match video_tag::parse(tag.body) {
            Ok(VideoTag::Configuration { codec, record }) => self.configure_video(codec, &record),
            Ok(VideoTag::Frame { codec, composition_ms, data }) => {
                let frame = Frame { composition_ms, data, raw: tag.timestamp_ms };
                self.video_frame(codec, frame, tag.arrived)
            }
            Ok(VideoTag::Nothing) => Ok(()),
            Err(FlvError::Truncated) => self.damaged(),
            Err(error) => Err(error),
        }
    }

    /// Takes an audio tag.
    ///
    /// # Errors
    /// As [`handle_video`](Self::handle_video).
    pub fn handle_audio(&mut self, tag: Tag) -> Result<(), FlvError> {
        match audio_tag::parse(tag.body) {
            Ok(AudioTag::Configuration(record)) => self.configure_audio(record),
            Ok(AudioTag::Frame(data)) => {
                self.audio_frame(data, tag.timestamp_ms, tag.arrived);
                Ok(())
            }
            Ok(AudioTag::Nothing) => Ok(()),
            Err(FlvError::Truncated) => self.damaged(),
            Err(error) => Err(error),
        }
    }

    /// The next thing that the tags so far turned into.
    pub fn next_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// What was lost and repaired so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn configure_video(&mut self, codec: VideoCodec, record: &[u8]) -> Result<(), FlvError> {
        let configuration = match codec {
            VideoCodec::H264 => avc::configuration(record),
            VideoCodec::H265 => hevc::configuration(record),
        };
        let configuration =
            configuration.map_err(|error| FlvError::Configuration(Track::Video, error))?;
        let repeats = self.video.as_ref().is_some_and(|video| {
            video.codec == codec && video.configuration.record == configuration.record
        });
        if !repeats {
            let track = VideoTrack {
                codec,
                record: configuration.record.clone(),
                width: configuration.size.width,
                height: configuration.size.height,
            };
            self.output.push_back(Output::Item(MediaItem::Video(track)));
            self.starting = true;
        }
        self.parameters.clear();
        self.video = Some(VideoState { codec, configuration });
        Ok(())
    }

    fn configure_audio(&mut self, record: Bytes) -> Result<(), FlvError> {
        let layout =
            aac::layout(&record).map_err(|error| FlvError::Configuration(Track::Audio, error))?;
        if self.audio.as_ref() != Some(&record) {
            let track = AudioTrack {
                codec: AudioCodec::Aac,
                record: record.clone(),
                sample_hz: layout.sample_hz,
                channels: layout.channels,
            };
            self.output.push_back(Output::Item(MediaItem::Audio(track)));
        }
        self.audio = Some(record);
        Ok(())
    }

    fn video_frame(
        &mut self,
        codec: VideoCodec,
        frame: Frame,
        arrived: Monotonic,
    ) -> Result<(), FlvError> {
        let Some(video) = self.video.as_ref().filter(|video| video.codec == codec) else {
            self.counters.video_early_dropped += 1;
            return Ok(());
        };
        let length_bytes = video.configuration.length_bytes;
        let Frame { composition_ms, raw, .. } = frame;
        if u128::from(composition_ms.unsigned_abs()) > self.limits.jump_max.as_millis() {
            return self.damaged();
        }
        let Some(content) = content(codec, &frame.data, length_bytes) else {
            return self.damaged();
        };
        let Ok(data) = nal::widen(frame.data, length_bytes) else { return self.damaged() };
        let Content::Picture { keyframe } = content else { return self.keep_parameters(&data) };
        self.damaged_in_a_row = 0;
        let data = self.with_parameters(data);
        let Some(placed) = self.place(Stamp { raw, composition_ms, keyframe }) else {
            self.counters.video_early_dropped += 1;
            return Ok(());
        };
        self.counters.video_units += 1;
        self.emit(AccessUnit {
            track: Track::Video,
            pts: placed.pts,
            dts: placed.dts,
            keyframe,
            data,
            arrived,
        });
        Ok(())
    }

    /// Some cameras send parameter sets and messages in tags of their own. They belong to the
    /// next picture: an access unit that leaves is always one picture.
    fn keep_parameters(&mut self, data: &[u8]) -> Result<(), FlvError> {
        if self.parameters.len() + data.len() > PARAMETERS_BYTES_MAX {
            self.parameters = Vec::new();
            return self.damaged();
        }
        self.parameters.extend_from_slice(data);
        Ok(())
    }

    fn with_parameters(&mut self, picture: Bytes) -> Bytes {
        if self.parameters.is_empty() {
            return picture;
        }
        let mut data = std::mem::take(&mut self.parameters);
        data.extend_from_slice(&picture);
        Bytes::from(data)
    }

    /// The frame's place on the timeline; `None` while a decoder would wait for a keyframe.
    fn place(&mut self, stamp: Stamp) -> Option<Placed> {
        let Stamp { raw, composition_ms, keyframe } = stamp;
        if self.starting && !keyframe {
            return None;
        }
        self.starting = false;
        if let Some(timeline) = &mut self.timeline {
            match timeline.video(raw, composition_ms) {
                Video::Placed(placed) => {
                    self.counters.times_repaired += u64::from(placed.repaired);
                    return Some(placed);
                }
                Video::Jump => {
                    self.timeline = None;
                    self.counters.discontinuities += 1;
                    self.output.push_back(Output::Discontinuity);
                }
            }
        }
        if !keyframe {
            self.starting = true;
            return None;
        }
        let timeline =
            self.timeline.insert(Timeline::start(raw, composition_ms, self.limits.jump_max));
        match timeline.video(raw, composition_ms) {
            Video::Placed(placed) => Some(placed),
            Video::Jump => None,
        }
    }

    fn audio_frame(&mut self, data: Bytes, raw: u32, arrived: Monotonic) {
        let (Some(timeline), true) = (&mut self.timeline, self.audio.is_some()) else {
            self.counters.audio_early_dropped += 1;
            return;
        };
        if data.is_empty() {
            self.counters.malformed_dropped += 1;
            return;
        }
        let Some(placed) = timeline.audio(raw) else {
            self.counters.audio_astray_dropped += 1;
            return;
        };
        self.counters.times_repaired += u64::from(placed.repaired);
        self.counters.audio_units += 1;
        self.emit(AccessUnit {
            track: Track::Audio,
            pts: placed.pts,
            dts: placed.dts,
            keyframe: true,
            data,
            arrived,
        });
    }

    fn emit(&mut self, unit: AccessUnit) {
        self.output.push_back(Output::Item(MediaItem::Unit(unit)));
    }

    fn damaged(&mut self) -> Result<(), FlvError> {
        self.counters.malformed_dropped += 1;
        self.damaged_in_a_row += 1;
        if self.damaged_in_a_row > self.limits.malformed_units_max {
            return Err(FlvError::Damaged(self.damaged_in_a_row));
        }
        Ok(())
    }
}

/// Parameter sets and messages of one picture stay under a few hundred bytes; captions and the
/// like may fill some kilobytes.
const PARAMETERS_BYTES_MAX: usize = 16 << 10;

struct Frame {
    composition_ms: i32,
    data: Bytes,
    raw: u32,
}

/// What decides the place of a frame.
struct Stamp {
    raw: u32,
    composition_ms: i32,
    keyframe: bool,
}
