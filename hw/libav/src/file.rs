//! Media files as access units, through libavformat: MP4, MOV, MKV, FLV and MPEG-TS with H.264
//! or H.265 and, if there is sound, AAC. For recordings and `courtside evaluate`, not for live
//! streams: opening looks at the whole start of the file first.
//!
//! Everything leaves in one shape whatever the container: length-prefixed NAL units and an
//! `avcC` or `hvcC` record, raw AAC frames and an AudioSpecificConfig, times on the 90 kHz
//! timeline whose zero is the first picture shown.

mod adts;
mod clock;

use std::path::{Path, PathBuf};

use ffmpeg::{Dictionary, Packet, ffi};
use ffmpeg_the_third as ffmpeg;
use hal::decode::{AudioConfig, VideoConfig};
use hal::nal;
use thiserror::Error;
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::{MEDIA_HZ, MediaSpan, MediaTime};
use wire::units::PictureSize;

use self::clock::Clock;
use crate::codec::silence;

/// A media file being read from start to end. Iterate over it to get its access units in the
/// order of the file; the first error ends it.
pub struct Reader {
    input: ffmpeg::format::context::Input,
    path: PathBuf,
    video: Video,
    audio: Option<Audio>,
    sound: Sound,
    duration: Option<MediaSpan>,
    damaged: Damage,
    done: bool,
}

/// Access units that a damaged file has and nobody can use.
#[derive(Clone, Copy, Default)]
struct Damage {
    total: u64,
    /// Since the last good one.
    in_a_row: u32,
}

/// Two seconds of pictures and sound without a good one: what follows is no video.
const DAMAGED_IN_A_ROW_MAX: u32 = 150;

/// The video track of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoTrack {
    /// What a decoder is opened with.
    pub config: VideoConfig,
    /// Picture size as the container states it.
    pub size: PictureSize,
    /// Mean frame rate as the container states it, in frames a second.
    pub frame_rate: Option<f64>,
}

/// The audio track of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    /// What a decoder is opened with.
    pub config: AudioConfig,
    /// Sample rate in Hz as the container states it.
    pub sample_hz: u32,
    /// Channels as the container states them.
    pub channels: u32,
}

/// Whether a file's sound can be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// It has an AAC track.
    Present,
    /// It has no audio track.
    Absent,
    /// It has an audio track that is left out; the text says why.
    Skipped(String),
}

/// One access unit of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Which track it belongs to.
    pub track: Track,
    /// Presentation time. Below zero for what an edit list cuts off: decode it, do not show it.
    pub pts: MediaTime,
    /// Decoding time; below zero at the start of a file with B-frames.
    pub dts: MediaTime,
    /// A decoder can start here. Always true for audio.
    pub keyframe: bool,
    /// Length-prefixed NAL units, or one raw AAC frame.
    pub data: Vec<u8>,
}

impl Unit {
    /// The access unit as decoders take it.
    pub fn packet(&self) -> hal::decode::Packet<'_> {
        hal::decode::Packet { data: &self.data, pts: self.pts, dts: self.dts }
    }
}

/// The two tracks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// Why a file gives no access units, or no more of them.
#[derive(Debug, Error)]
pub enum Error {
    /// It could not be opened as a media file.
    #[error(
        "{} cannot be read as a video: {reason}; give a complete MP4, MOV, MKV, FLV or TS file",
        .path.display()
    )]
    Open {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// It has nothing to look at.
    #[error("{} has no video track; give a file with pictures", .path.display())]
    NoVideo {
        /// Which file.
        path: PathBuf,
    },
    /// Its pictures are in a form that is not read.
    #[error(
        "the video of {} cannot be used: {reason}; convert it with \
         `ffmpeg -i INPUT -c:v libx264 -c:a aac OUTPUT.mp4`",
        .path.display()
    )]
    Unsupported {
        /// Which file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Reading stopped in the middle.
    #[error(
        "{} cannot be read beyond {:.1} s: {reason}; the file is damaged or cut off, copy it \
         again",
        .path.display(), .at.as_secs_f64()
    )]
    Read {
        /// Which file.
        path: PathBuf,
        /// Time of the last access unit before it.
        at: MediaTime,
        /// What went wrong.
        reason: String,
    },
}

struct Video {
    index: usize,
    track: VideoTrack,
    clock: Clock,
    framing: Framing,
    last: MediaTime,
}

struct Audio {
    index: usize,
    track: AudioTrack,
    clock: Clock,
    framing: Framing,
}

/// How access units lie in the container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// As they leave.
    AsIs,
    /// Behind start codes (H.264) or ADTS headers (AAC).
    Streamed,
}

impl Reader {
    /// Opens a file and finds its tracks.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::NoVideo`], [`Error::Unsupported`]; each names the file and what
    /// to do.
    pub fn open(path: &Path) -> Result<Self, Error> {
        silence();
        let refused = |reason: String| Error::Open { path: path.into(), reason };
        let metadata = std::fs::metadata(path).map_err(|e| refused(e.to_string()))?;
        if !metadata.is_file() {
            return Err(refused("it is not a regular file".into()));
        }
        // The prefix and the list keep a name like `http:…` and a playlist's entries from being
        // fetched from elsewhere.
        let mut url = std::ffi::OsString::from("file:");
        url.push(path);
        let mut options = Dictionary::new();
        options.set("protocol_whitelist", "file");
        let input = ffmpeg::format::input_with_dictionary(&url, options)
            .map_err(|e| refused(e.to_string()))?;
        let mut video = find_video(&input, path)?;
        let (mut audio, sound) = find_audio(&input);
        let origin = video.clock.at(first_shown(&input, video.index)).0;
        video.clock.origin = origin;
        if let Some(audio) = &mut audio {
            audio.clock.origin = origin;
        }
        let duration = (input.duration() > 0).then(|| {
            MediaSpan(
                input.duration() * (MEDIA_HZ / 10_000) / i64::from(ffi::AV_TIME_BASE / 10_000),
            )
        });
        let path = path.to_owned();
        Ok(Self {
            input,
            path,
            video,
            audio,
            sound,
            duration,
            damaged: Damage::default(),
            done: false,
        })
    }

    /// The video track.
    pub fn video(&self) -> &VideoTrack {
        &self.video.track
    }

    /// The audio track, if there is one that can be decoded.
    pub fn audio(&self) -> Option<&AudioTrack> {
        self.audio.as_ref().map(|audio| &audio.track)
    }

    /// Why there is an audio track or none.
    pub fn sound(&self) -> &Sound {
        &self.sound
    }

    /// Length of the file as the container states it.
    pub fn duration(&self) -> Option<MediaSpan> {
        self.duration
    }

    /// Access units so far that were damaged: dropped, or handed out with a hole in them.
    pub fn damaged(&self) -> u64 {
        self.damaged.total
    }

    fn read(&mut self) -> Result<Option<Unit>, Error> {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) => {}
                Err(ffmpeg::Error::Eof) => return Ok(None),
                Err(error) => return Err(self.stopped(error.to_string())),
            }
            if let Some(unit) = self.unit(&packet)? {
                return Ok(Some(unit));
            }
        }
    }

    /// The packet as an access unit; `None` if it belongs to another track or is empty.
    fn unit(&mut self, packet: &Packet) -> Result<Option<Unit>, Error> {
        let Some(data) = packet.data().filter(|data| !data.is_empty()) else { return Ok(None) };
        let stamps = packet.pts().or(packet.dts()).zip(packet.dts().or(packet.pts()));
        let index = packet.stream();
        let (track, clock, data) = if index == self.video.index {
            let data = match self.video.framing {
                Framing::AsIs => data.to_vec(),
                Framing::Streamed => nal::length_prefixed(data),
            };
            (Track::Video, self.video.clock, data)
        } else if let Some(audio) = self.audio.as_ref().filter(|audio| audio.index == index) {
            let data = match audio.framing {
                Framing::AsIs => data.to_vec(),
                Framing::Streamed => adts::payload(data).unwrap_or_default().to_vec(),
            };
            (Track::Audio, audio.clock, data)
        } else {
            return Ok(None);
        };
        if data.is_empty() {
            return Ok(None);
        }
        self.damaged.total += u64::from(packet.is_corrupt() || stamps.is_none());
        let Some((pts, dts)) = stamps else {
            self.damaged.in_a_row += 1;
            if self.damaged.in_a_row > DAMAGED_IN_A_ROW_MAX {
                return Err(self.stopped("access units carry no time stamps".into()));
            }
            return Ok(None);
        };
        self.damaged.in_a_row = 0;
        let (pts, dts) = (clock.at(pts), clock.at(dts));
        let keyframe = track == Track::Audio || packet.is_key();
        self.video.last = self.video.last.max(pts);
        Ok(Some(Unit { track, pts, dts, keyframe, data }))
    }

    fn stopped(&self, reason: String) -> Error {
        Error::Read { path: self.path.clone(), at: self.video.last, reason }
    }
}

impl Iterator for Reader {
    type Item = Result<Unit, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.read().transpose();
        self.done = !matches!(item, Some(Ok(_)));
        item
    }
}

fn find_video(input: &ffmpeg::format::context::Input, path: &Path) -> Result<Video, Error> {
    let unsupported = |reason: String| Error::Unsupported { path: path.into(), reason };
    let stream = input
        .streams()
        .best(ffmpeg::media::Type::Video)
        .ok_or_else(|| Error::NoVideo { path: path.into() })?;
    let parameters = stream.parameters();
    let extradata = extradata(&parameters);
    let streamed = nal::has_start_code(extradata);
    let framing = if streamed { Framing::Streamed } else { Framing::AsIs };
    // Only these two are read; FFmpeg knows hundreds of others.
    let (codec, record) = if parameters.id() == ffmpeg::codec::Id::H264 {
        let record = if streamed { nal::avcc(extradata) } else { Some(extradata.to_vec()) };
        (VideoCodec::H264, record)
    } else if parameters.id() == ffmpeg::codec::Id::HEVC {
        if streamed {
            return Err(unsupported("it is H.265 without a configuration record".into()));
        }
        (VideoCodec::H265, Some(extradata.to_vec()))
    } else {
        return Err(unsupported(format!("it is {}", parameters.id().name())));
    };
    let record = record
        .filter(|record| !record.is_empty())
        .ok_or_else(|| unsupported("it has no parameter sets at its start".into()))?;
    let (width, height) = u16::try_from(parameters.width())
        .ok()
        .zip(u16::try_from(parameters.height()).ok())
        .ok_or_else(|| unsupported("its pictures are too large".into()))?;
    let rate = stream.avg_frame_rate();
    let frame_rate = (rate.numerator() > 0 && rate.denominator() > 0)
        .then(|| f64::from(rate.numerator()) / f64::from(rate.denominator()));
    let config = VideoConfig { codec, record };
    let track = VideoTrack { config, size: PictureSize { width, height }, frame_rate };
    let clock = Clock::new(stream.time_base());
    Ok(Video { index: stream.index(), track, clock, framing, last: MediaTime(0) })
}

fn find_audio(input: &ffmpeg::format::context::Input) -> (Option<Audio>, Sound) {
    let Some(stream) = input.streams().best(ffmpeg::media::Type::Audio) else {
        return (None, Sound::Absent);
    };
    let parameters = stream.parameters();
    if parameters.id() != ffmpeg::codec::Id::AAC {
        let name = parameters.id().name();
        return (None, Sound::Skipped(format!("the audio is {name}, only AAC is decoded")));
    }
    let sample_hz = parameters.sample_rate();
    let channels = parameters.ch_layout().channels();
    let (framing, record) = match extradata(&parameters) {
        [] => (Framing::Streamed, adts::config(sample_hz, channels)),
        record => (Framing::AsIs, Some(record.to_vec())),
    };
    let Some(record) = record else {
        let what = format!("{sample_hz} Hz with {channels} channels");
        return (None, Sound::Skipped(format!("the audio has no configuration, and is {what}")));
    };
    let config = AudioConfig { codec: AudioCodec::Aac, record };
    let track = AudioTrack { config, sample_hz, channels };
    let clock = Clock::new(stream.time_base());
    (Some(Audio { index: stream.index(), track, clock, framing }), Sound::Present)
}

/// Time stamp of the first picture shown, in the stream's time base.
fn first_shown(input: &ffmpeg::format::context::Input, index: usize) -> i64 {
    let start = input.streams().nth(index).map(|stream| stream.start_time());
    start.filter(|stamp| *stamp != ffi::AV_NOPTS_VALUE).unwrap_or(0)
}

fn extradata<'a>(parameters: &'a ffmpeg::codec::ParametersRef<'a>) -> &'a [u8] {
    // SAFETY: `ParametersRef` guarantees a valid `AVCodecParameters` for its lifetime.
    let raw = unsafe { &*parameters.as_ptr() };
    match usize::try_from(raw.extradata_size) {
        Ok(len) if len > 0 && !raw.extradata.is_null() => {
            // SAFETY: libavformat guarantees `extradata_size` bytes behind `extradata`, which
            // nobody writes to while the file is open for reading.
            unsafe { std::slice::from_raw_parts(raw.extradata, len) }
        }
        Ok(_) | Err(_) => &[],
    }
}
