//! H.264 with libx264: one thread, no B-frames, no look-ahead, so that an access unit leaves with
//! its picture.
//!
//! Owns the encoder and one picture in libavutil's memory, into which each surface is laid out as
//! NV12, the layout in which x264 works. When a keyframe is due is [`hal::encode::Keyframes`]'.

use std::slice;

use ffmpeg::codec::{Flags, threading};
use ffmpeg::format::Pixel;
use ffmpeg::{Dictionary, Packet, ffi, picture};
use ffmpeg_the_third as ffmpeg;
use hal::decode::VideoConfig;
use hal::encode::{Config, EncodeError, EncodeVideo, Keyframes, Unit};
use hal::nal;
use hal::nv12::{self, PlaneMut, Target};
use hal::surface::{Half, Scan, Surface};
use wire::codec::VideoCodec;
use wire::time::{MEDIA_HZ, MediaTime};

use crate::codec::{Verdict, silence, verdict};

/// How we call it in reports, and FFmpeg too.
const NAME: &str = "libx264";

/// What x264 spends on a picture; `benches/encode.rs` measures it. The next quicker one,
/// `ultrafast`, has neither deblocking nor CABAC and shows it on a moving camera.
const PRESET: &str = "superfast";

/// x264 counts frames between keyframes; ours come by time, long before this many.
const GOP_FRAMES_MAX: u32 = 100_000;

/// A libx264 encoder of one source.
pub struct Encoder {
    opened: ffmpeg::encoder::video::Encoder,
    picture: ffmpeg::frame::Video,
    config: Config,
    stream: VideoConfig,
    keyframes: Keyframes,
    last: Option<MediaTime>,
}

impl Encoder {
    /// Opens an encoder.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when FFmpeg lacks libx264, for H.265, and for sizes and rates that
    /// cannot be encoded.
    pub fn open(config: &Config) -> Result<Self, EncodeError> {
        silence();
        config.check().map_err(failed)?;
        let codec = ffmpeg::encoder::find_by_name(NAME).ok_or_else(|| {
            failed("this build of FFmpeg has no such encoder; install the distribution's".into())
        })?;
        let refused = |error: ffmpeg::Error| failed(format!("it was not opened: {error}"));
        let mut context = ffmpeg::codec::Context::new_with_codec(codec).encoder();
        context.set_threading(threading::Config {
            kind: threading::Type::None,
            count: 1,
            ..threading::Config::default()
        });
        let mut video = context.video().map_err(refused)?;
        let (width, height) = (u32::from(config.size.width), u32::from(config.size.height));
        video.set_width(width);
        video.set_height(height);
        video.set_format(Pixel::NV12);
        video.set_color_range(ffmpeg::color::Range::MPEG);
        video.set_time_base((1, MEDIA_HZ as i32));
        video.set_frame_rate(Some((config.frame_rate.0 as i32, 1_000)));
        video.set_bit_rate(config.bitrate.0 as usize);
        video.set_max_bit_rate(config.bitrate.0 as usize);
        video.set_gop(GOP_FRAMES_MAX);
        video.set_max_b_frames(0);
        video.set_flags(flags(config.scan));
        let opened = video.open_as_with(codec, options(config)).map_err(refused)?;
        let stream = stream(&opened).ok_or_else(|| failed("it told no parameter sets".into()))?;
        let mut picture = ffmpeg::frame::Video::new(Pixel::NV12, width, height);
        picture.set_color_range(ffmpeg::color::Range::MPEG);
        mark_scan(&mut picture, config.scan);
        let config = *config;
        Ok(Self { opened, picture, config, stream, keyframes: Keyframes::default(), last: None })
    }

    /// Copies the surface into our picture.
    fn take(&mut self, surface: &Surface) -> Result<(), EncodeError> {
        let pts = surface.pts();
        let lost = |reason: String| EncodeError::Picture { pts, reason };
        let source = surface.download()?;
        let rows = usize::from(self.config.size.height);
        let mut target = target(&mut self.picture, rows).map_err(lost)?;
        nv12::lay_out(&source, &mut target).map_err(|error| lost(error.to_string()))
    }

    fn send(&mut self, pts: MediaTime) -> Result<(), EncodeError> {
        let kind = if self.keyframes.due(pts) { picture::Type::I } else { picture::Type::None };
        self.picture.set_kind(kind);
        self.picture.set_pts(Some(pts.0));
        // `receive` empties the encoder after each picture, so it is never full here.
        self.opened.send_frame(&self.picture).map_err(|error| failed(error.to_string()))
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Unit)) -> Result<(), EncodeError> {
        loop {
            let mut packet = Packet::empty();
            match self.opened.receive_packet(&mut packet) {
                Ok(()) => {
                    let unit = unit(&packet).ok_or_else(|| {
                        failed("an access unit has no bytes, no time, or too many bytes".into())
                    })?;
                    if unit.keyframe {
                        self.keyframes.made(unit.pts);
                    }
                    deliver(unit);
                }
                Err(error) => match verdict(error) {
                    Verdict::NeedsInput | Verdict::Drained => return Ok(()),
                    Verdict::Corrupt(reason) | Verdict::Failed(reason) => {
                        return Err(failed(reason));
                    }
                },
            }
        }
    }
}

impl EncodeVideo for Encoder {
    fn encode(
        &mut self,
        surface: &Surface,
        deliver: &mut dyn FnMut(Unit),
    ) -> Result<(), EncodeError> {
        self.config.admit((surface.size(), surface.pts()), self.last)?;
        self.take(surface)?;
        self.send(surface.pts())?;
        self.last = Some(surface.pts());
        self.receive(deliver)
    }

    fn request_keyframe(&mut self) {
        self.keyframes.request();
    }

    fn drain(&mut self, deliver: &mut dyn FnMut(Unit)) -> Result<(), EncodeError> {
        match self.opened.send_eof().map_err(verdict) {
            Ok(()) | Err(Verdict::Drained) => self.receive(deliver),
            Err(Verdict::NeedsInput) => Err(failed("it neither takes nor gives".into())),
            Err(Verdict::Corrupt(reason) | Verdict::Failed(reason)) => Err(failed(reason)),
        }
    }

    fn config(&self) -> &VideoConfig {
        &self.stream
    }

    fn name(&self) -> &str {
        NAME
    }
}

fn failed(reason: String) -> EncodeError {
    EncodeError::Failed { encoder: NAME, reason }
}

fn flags(scan: Scan) -> Flags {
    // Parameter sets in the record, and in the stream not at all.
    match scan {
        Scan::Progressive => Flags::GLOBAL_HEADER,
        Scan::Interlaced(_) => Flags::GLOBAL_HEADER | Flags::INTERLACED_DCT,
    }
}

fn options(config: &Config) -> Dictionary {
    let mut options = Dictionary::new();
    options.set("preset", PRESET);
    // No look-ahead and no threads of frames: the access unit leaves with its picture.
    options.set("tune", "zerolatency");
    // A keyframe that is asked for must be one from which a decoder can start.
    options.set("forced-idr", "1");
    // Keyframes come when they are due, and not at cuts.
    options.set("sc_threshold", "0");
    // A second's worth: a keyframe may be large, and a second later the rate is kept.
    options.set("bufsize", config.bitrate.0.to_string());
    options
}

/// What a decoder of the stream is opened with.
fn stream(opened: &ffmpeg::encoder::video::Encoder) -> Option<VideoConfig> {
    // SAFETY: only hands the pointer out.
    let raw = unsafe { opened.as_ptr() };
    // SAFETY: an opened encoder guarantees a valid `AVCodecContext` for its lifetime.
    let raw = unsafe { &*raw };
    let bytes = usize::try_from(raw.extradata_size).ok()?;
    if raw.extradata.is_null() {
        return None;
    }
    // SAFETY: libavcodec guarantees `extradata_size` bytes behind `extradata`, which an encoder
    // does not change once it is open.
    let sets = unsafe { slice::from_raw_parts(raw.extradata, bytes) };
    Some(VideoConfig { codec: VideoCodec::H264, record: nal::avcc(sets)? })
}

fn mark_scan(picture: &mut ffmpeg::frame::Video, scan: Scan) {
    let (interlaced, upper_first) = match scan {
        Scan::Progressive => (0, 0),
        Scan::Interlaced(Half::Upper) => (1, 1),
        Scan::Interlaced(Half::Lower) => (1, 0),
    };
    // SAFETY: only hands the pointer out.
    let raw = unsafe { picture.as_mut_ptr() };
    // SAFETY: `Video` guarantees a valid, exclusively owned `AVFrame`.
    let raw = unsafe { &mut *raw };
    raw.interlaced_frame = interlaced;
    raw.top_field_first = upper_first;
}

/// Our picture's planes, to be written.
fn target(picture: &mut ffmpeg::frame::Video, rows: usize) -> Result<Target<'_>, String> {
    // SAFETY: only hands the pointer out.
    let raw = unsafe { picture.as_mut_ptr() };
    // SAFETY: `Video` guarantees a valid, exclusively owned `AVFrame`. A picture that libavcodec
    // still refers to gets new buffers here.
    let code = unsafe { ffi::av_frame_make_writable(raw) };
    if code < 0 {
        return Err(format!("no memory for it: {}", ffmpeg::Error::from(code)));
    }
    // SAFETY: `Video` guarantees a valid `AVFrame`, borrowed exclusively for as long as the
    // planes live.
    let raw = unsafe { &mut *raw };
    let plane = |index: usize, rows: usize| {
        let stride = usize::try_from(raw.linesize[index]).unwrap_or(0);
        if raw.data[index].is_null() {
            return Err("no memory for it".to_owned());
        }
        // SAFETY: libavutil allocated `linesize` bytes for each of the plane's rows, the buffer
        // has no other reference, and the two planes do not overlap.
        let data = unsafe { slice::from_raw_parts_mut(raw.data[index], stride * rows) };
        Ok(PlaneMut { data, stride })
    };
    Ok(Target { luma: plane(0, rows)?, chroma: plane(1, rows / 2)? })
}

fn unit(packet: &Packet) -> Option<Unit> {
    let data = nal::length_prefixed(packet.data()?);
    let (pts, dts) = (MediaTime(packet.pts()?), MediaTime(packet.dts()?));
    (!data.is_empty()).then_some(Unit { pts, dts, keyframe: packet.is_key(), data })
}
