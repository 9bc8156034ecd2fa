//! NVENC as an encoder of `hal`: surfaces in, H.264 out, each access unit with its picture.
//!
//! Owns one encoding session: a picture that is laid out as NV12 straight into memory of NVENC's,
//! and one buffer for what comes out. When a keyframe is due is [`hal::encode::Keyframes`]'.

use std::slice;

use hal::decode::VideoConfig;
use hal::encode::{Config, EncodeError, EncodeVideo, Keyframes, Unit};
use hal::nal;
use hal::nv12::{self, PlaneMut, Target};
use hal::surface::{Scan, Surface};
use wire::codec::VideoCodec;
use wire::time::MediaTime;

use crate::gpu::Gpu;
use crate::nvenc::{Locked, Session};

/// How we call it in reports.
const NAME: &str = "nvenc h264";

/// An NVENC encoder of one source.
pub struct Encoder {
    session: Session,
    config: Config,
    stream: VideoConfig,
    keyframes: Keyframes,
    last: Option<MediaTime>,
}

impl Encoder {
    /// Opens an encoder.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when the box has no NVENC (some GPUs decode only), for H.265, for
    /// interlaced pictures, which newer GPUs do not encode, and for sizes and rates that cannot be
    /// encoded.
    pub fn open(gpu: &Gpu, config: &Config) -> Result<Self, EncodeError> {
        check(config).map_err(failed)?;
        let session = Session::open(gpu, config).map_err(|error| failed(error.to_string()))?;
        let sets = session.parameter_sets().map_err(|error| failed(error.to_string()))?;
        let record = nal::avcc(&sets).ok_or_else(|| failed("it told no parameter sets".into()))?;
        let stream = VideoConfig { codec: VideoCodec::H264, record };
        let keyframes = Keyframes::default();
        Ok(Self { session, config: *config, stream, keyframes, last: None })
    }

    /// Lays the surface out in NVENC's memory.
    fn take(&mut self, surface: &Surface) -> Result<(), EncodeError> {
        let pts = surface.pts();
        let source = surface.download()?;
        let rows = usize::from(self.config.size.height);
        let mut locked = self.session.lock().map_err(|error| failed(error.to_string()))?;
        let mut target = target(&mut locked, rows);
        nv12::lay_out(&source, &mut target)
            .map_err(|error| EncodeError::Picture { pts, reason: error.to_string() })
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
        let pts = surface.pts();
        let due = self.keyframes.due(pts);
        let encoded = self.session.encode(pts, if due { Force::Keyframe } else { Force::Nothing });
        let encoded = encoded.map_err(|error| failed(error.to_string()))?;
        self.last = Some(pts);
        let data = nal::length_prefixed(&encoded.bytes);
        if data.is_empty() {
            return Err(failed("an access unit without bytes came out".into()));
        }
        if encoded.keyframe {
            self.keyframes.made(pts);
        }
        deliver(Unit { pts, dts: pts, keyframe: encoded.keyframe, data });
        Ok(())
    }

    fn request_keyframe(&mut self) {
        self.keyframes.request();
    }

    fn drain(&mut self, _deliver: &mut dyn FnMut(Unit)) -> Result<(), EncodeError> {
        // Without B-frames and look-ahead nothing waits inside.
        self.session.end().map_err(|error| failed(error.to_string()))
    }

    fn config(&self) -> &VideoConfig {
        &self.stream
    }

    fn name(&self) -> &str {
        NAME
    }
}

/// What a picture must become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Force {
    /// What the encoder likes.
    Nothing,
    /// One at which a decoder can start.
    Keyframe,
}

fn failed(reason: String) -> EncodeError {
    EncodeError::Failed { encoder: NAME, reason }
}

fn check(config: &Config) -> Result<(), String> {
    config.check()?;
    match config.scan {
        Scan::Progressive => Ok(()),
        Scan::Interlaced(_) => {
            Err("it encodes no interlaced pictures; encode this source in software".into())
        }
    }
}

/// NVENC's memory as planes to be written.
fn target<'l>(locked: &'l mut Locked<'_>, rows: usize) -> Target<'l> {
    let stride = locked.pitch;
    let bytes = stride * rows * 3 / 2;
    // SAFETY: NVENC guarantees `pitch` bytes for each row of luma and half as many rows of chroma
    // behind them, until the memory is unlocked; nobody else refers to it.
    let all = unsafe { slice::from_raw_parts_mut(locked.at.as_ptr(), bytes) };
    let (luma, chroma) = all.split_at_mut(stride * rows);
    Target { luma: PlaneMut { data: luma, stride }, chroma: PlaneMut { data: chroma, stride } }
}
