//! What a container carries, whichever it is: tracks and access units with their place in time.
//!
//! [`Elementary`] owns what a stream has announced so far (its tracks) and its timeline. It does
//! not trust a container's keyframe flag: the NAL units decide. Access units leave with 4-byte
//! lengths, whatever the publisher uses. What a decoder could not use, because no keyframe came
//! yet, is not emitted but counted in [`Counters`]. Reads no container: `flv`, `ts` and `fmp4` do.

use std::collections::VecDeque;

use bytes::Bytes;
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::MediaSpan;

use crate::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
pub use crate::codec::RecordError;
use crate::codec::{Configuration, Content, aac, avc, content, hevc, nal};
use crate::entry::{Entry, Picture, Sound};
use crate::limits::Limits;
use crate::timeline::{Placed, TimeBase, Timeline, Video};

/// What a stream turns into, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A track's configuration or an access unit.
    Item(MediaItem),
    /// The timeline starts again at zero: what follows is a new epoch.
    Discontinuity,
}

/// Why a stream cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Video in a codec that the box does not decode.
    #[error(
        "video in {0} is not supported; set the encoder to H.264 or H.265 (over RTMP: Enhanced \
         RTMP)"
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
    /// Places of a transport stream where packets are missing or damaged.
    pub gaps: u64,
    /// Decoding times that went back and were held.
    pub times_repaired: u64,
    /// Epochs after the first.
    pub discontinuities: u64,
}

/// Turns what a container carries into tracks and access units.
#[derive(Debug)]
pub(crate) struct Elementary {
    limits: Limits,
    base: TimeBase,
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

impl Elementary {
    /// The start of a stream whose container counts time like this.
    pub(crate) fn new(limits: Limits, base: TimeBase) -> Self {
        Self {
            limits,
            base,
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

    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// The video track is this one from now on: an `avcC` or `hvcC` record.
    pub(crate) fn configure_video(
        &mut self,
        codec: VideoCodec,
        record: &[u8],
    ) -> Result<(), StreamError> {
        let configuration = match codec {
            VideoCodec::H264 => avc::configuration(record),
            VideoCodec::H265 => hevc::configuration(record),
        };
        let configuration =
            configuration.map_err(|error| StreamError::Configuration(Track::Video, error))?;
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

    /// The audio track is this one from now on: an AudioSpecificConfig.
    pub(crate) fn configure_audio(&mut self, record: Bytes) -> Result<(), StreamError> {
        let layout = aac::layout(&record)
            .map_err(|error| StreamError::Configuration(Track::Audio, error))?;
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

    /// Takes one access unit of video.
    pub(crate) fn video(&mut self, picture: Picture) -> Result<(), StreamError> {
        let Picture { codec, data, raw, composition, arrived } = picture;
        let Some(video) = self.video.as_ref().filter(|video| video.codec == codec) else {
            self.counters.video_early_dropped += 1;
            return Ok(());
        };
        let length_bytes = video.configuration.length_bytes;
        let composition_ms = u128::from(composition.as_millis().unsigned_abs());
        if composition_ms > self.limits.jump_max.as_millis() {
            return self.damaged();
        }
        let Some(content) = content(codec, &data, length_bytes) else {
            return self.damaged();
        };
        let Ok(data) = nal::widen(data, length_bytes) else { return self.damaged() };
        let Content::Picture { keyframe } = content else { return self.keep_parameters(&data) };
        self.damaged_in_a_row = 0;
        let data = self.with_parameters(data);
        let Some(placed) = self.place(Stamp { raw, composition, keyframe }) else {
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

    /// Takes what a reader found.
    pub(crate) fn take(&mut self, entry: Entry) -> Result<(), StreamError> {
        match entry {
            Entry::VideoTrack { codec, record } => return self.configure_video(codec, &record),
            Entry::AudioTrack(record) => return self.configure_audio(record),
            Entry::Picture(picture) => return self.video(picture),
            Entry::Damaged => return self.damaged(),
            Entry::Sound(sound) => self.audio(sound),
            Entry::Gap => self.counters.gaps += 1,
            Entry::LostVideo => self.lost_video(),
            Entry::Cut => self.cut(),
        }
        Ok(())
    }

    /// Takes one raw AAC frame.
    pub(crate) fn audio(&mut self, sound: Sound) {
        let Sound { data, raw, arrived } = sound;
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

    /// Something was damaged and is dropped.
    pub(crate) fn damaged(&mut self) -> Result<(), StreamError> {
        self.counters.malformed_dropped += 1;
        self.damaged_in_a_row += 1;
        if self.damaged_in_a_row > self.limits.malformed_units_max {
            return Err(StreamError::Damaged(self.damaged_in_a_row));
        }
        Ok(())
    }

    /// The container says that what follows does not continue what came before: the next keyframe
    /// begins a new epoch.
    fn cut(&mut self) {
        if self.timeline.take().is_some() {
            self.counters.discontinuities += 1;
            self.output.push_back(Output::Discontinuity);
        }
        self.starting = true;
        self.parameters.clear();
    }

    /// Part of the video was lost: pictures are dropped until the next keyframe.
    fn lost_video(&mut self) {
        self.starting = true;
        self.parameters.clear();
    }

    /// Some cameras send parameter sets and messages in units of their own. They belong to the
    /// next picture: an access unit that leaves is always one picture.
    fn keep_parameters(&mut self, data: &[u8]) -> Result<(), StreamError> {
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
        let Stamp { raw, composition, keyframe } = stamp;
        if self.starting && !keyframe {
            return None;
        }
        self.starting = false;
        if let Some(timeline) = &mut self.timeline {
            match timeline.video(raw, composition) {
                Video::Placed(placed) => {
                    self.counters.times_repaired += u64::from(placed.repaired);
                    return Some(placed);
                }
                Video::Jump => self.cut(),
            }
        }
        if !keyframe {
            self.starting = true;
            return None;
        }
        self.starting = false;
        let timeline = Timeline::start(self.base, (raw, composition), self.limits.jump_max);
        match self.timeline.insert(timeline).video(raw, composition) {
            Video::Placed(placed) => Some(placed),
            Video::Jump => None,
        }
    }

    fn emit(&mut self, unit: AccessUnit) {
        self.output.push_back(Output::Item(MediaItem::Unit(unit)));
    }
}

/// Parameter sets and messages of one picture stay under a few hundred bytes; captions and the
/// like may fill some kilobytes.
const PARAMETERS_BYTES_MAX: usize = 16 << 10;

/// What decides the place of a frame.
struct Stamp {
    raw: u64,
    composition: MediaSpan,
    keyframe: bool,
}
