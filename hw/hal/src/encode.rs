//! Encoders: surfaces in, compressed access units out.
//!
//! The mirror of [`crate::decode`]: what leaves is what a decoder, a recorder and a muxer take,
//! length-prefixed NAL units and a configuration record. Says nothing of how an encoder works, and
//! decides nothing: size, rate and bitrate come from whoever opens it.

use thiserror::Error;
use wire::codec::VideoCodec;
use wire::time::{MediaSpan, MediaTime};
use wire::units::PictureSize;

use crate::decode::VideoConfig;
use crate::surface::{DownloadError, Scan, Surface};

/// Longest stretch from one keyframe to the next. A clip begins at a keyframe, and a decoder that
/// lost something is back at the next one.
pub const GOP: MediaSpan = MediaSpan::from_millis(2_000);

/// What an encoder puts out on average, in bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitsPerSecond(pub u32);

impl BitsPerSecond {
    /// So many thousand bits a second, as operators write it.
    pub const fn from_kilobits(kilobits: u32) -> Self {
        Self(kilobits.saturating_mul(1_000))
    }
}

/// About how many frames come, in thousandths a second: a promise for rate control. Times come
/// with the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameRate(pub u32);

impl FrameRate {
    /// A whole number of frames a second.
    pub const fn from_hz(frames: u32) -> Self {
        Self(frames.saturating_mul(1_000))
    }
}

/// What a video encoder is opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What leaves.
    pub codec: VideoCodec,
    /// Size of every picture; both sides even.
    pub size: PictureSize,
    /// About how many pictures come.
    pub frame_rate: FrameRate,
    /// How the pictures' rows were taken; the stream says so.
    pub scan: Scan,
    /// What leaves on average.
    pub bitrate: BitsPerSecond,
}

impl Config {
    /// Whether any encoder of ours encodes this; what one cannot do beyond that is its own.
    ///
    /// # Errors
    /// A sentence that says why not and what to ask for.
    pub fn check(&self) -> Result<(), String> {
        let Self { codec, size, frame_rate: FrameRate(millihertz), bitrate, .. } = *self;
        // Both libraries count in `int`.
        let limit = i32::MAX as u32;
        match codec {
            VideoCodec::H264 => {}
            VideoCodec::H265 => return Err("it encodes H.264 and no H.265; ask for H.264".into()),
        }
        if size.width == 0 || size.height == 0 || size.width % 2 + size.height % 2 != 0 {
            return Err(format!(
                "pictures of {}×{} cannot be encoded; give both sides an even number of pixels",
                size.width, size.height
            ));
        }
        if millihertz == 0 || millihertz > limit {
            return Err(format!("{millihertz} thousandths of a frame a second are no frame rate"));
        }
        if bitrate.0 == 0 || bitrate.0 > limit {
            return Err(format!("{} bits a second are no bitrate", bitrate.0));
        }
        Ok(())
    }

    /// Whether a picture of this size and time may come behind the one at `last`.
    ///
    /// # Errors
    /// [`EncodeError::Size`] or [`EncodeError::Time`].
    pub fn admit(
        &self,
        (got, pts): (PictureSize, MediaTime),
        last: Option<MediaTime>,
    ) -> Result<(), EncodeError> {
        let expected = self.size;
        if got != expected {
            return Err(EncodeError::Size { pts, got, expected });
        }
        match last {
            Some(last) if pts <= last => Err(EncodeError::Time { pts, last }),
            Some(_) | None => Ok(()),
        }
    }
}

/// One compressed access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Presentation time: the picture's own.
    pub pts: MediaTime,
    /// Decoding time. Without B-frames, which no encoder of ours makes, the same as `pts`.
    pub dts: MediaTime,
    /// A decoder can start here.
    pub keyframe: bool,
    /// NAL units, each behind its length in four bytes.
    pub data: Vec<u8>,
}

/// A video encoder of one source.
pub trait EncodeVideo: Send {
    /// Encodes one picture and hands every access unit that is ready to `deliver`, in decoding
    /// order. The first one, and one in every [`GOP`], is a keyframe.
    ///
    /// # Errors
    /// [`EncodeError`]: only after [`EncodeError::Failed`] is the encoder of no more use, after
    /// the others it goes on with the next picture.
    fn encode(
        &mut self,
        surface: &Surface,
        deliver: &mut dyn FnMut(Unit),
    ) -> Result<(), EncodeError>;

    /// Makes the next picture a keyframe.
    fn request_keyframe(&mut self);

    /// Hands out the access units still inside, at the end of a stream. The encoder takes no
    /// picture after that.
    ///
    /// # Errors
    /// [`EncodeError::Failed`].
    fn drain(&mut self, deliver: &mut dyn FnMut(Unit)) -> Result<(), EncodeError>;

    /// What a decoder of the access units is opened with; does not change.
    fn config(&self) -> &VideoConfig;

    /// Which implementation encodes, for reports: `libx264`.
    fn name(&self) -> &str;
}

/// Why a picture was not encoded.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The picture has another size.
    #[error(
        "picture of {}×{} at {pts:?} not encoded: the encoder was opened for {}×{}; open another \
         one for the new size", .got.width, .got.height, .expected.width, .expected.height
    )]
    Size {
        /// Its time.
        pts: MediaTime,
        /// Its size.
        got: PictureSize,
        /// The encoder's.
        expected: PictureSize,
    },
    /// The picture does not come after the one before it.
    #[error(
        "picture at {pts:?} not encoded: it does not come after the one at {last:?}; open another \
         encoder where a timeline begins anew"
    )]
    Time {
        /// Its time.
        pts: MediaTime,
        /// Time of the picture before it.
        last: MediaTime,
    },
    /// The picture's pixels could not be read.
    #[error("picture at {pts:?} not encoded: {reason}; the frame is skipped")]
    Picture {
        /// Its time.
        pts: MediaTime,
        /// What was wrong with it.
        reason: String,
    },
    /// The device did not hand out the pixels.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The encoder cannot be used any more, or could not be opened.
    #[error("{encoder} failed: {reason}; the encoder must be opened again")]
    Failed {
        /// Which implementation.
        encoder: &'static str,
        /// What it said.
        reason: String,
    },
}

/// When the next picture must be a keyframe. By time and not by count, so that frames which a
/// camera drops do not make a GOP longer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyframes {
    last: Option<MediaTime>,
    requested: bool,
}

impl Keyframes {
    /// Makes the next picture one.
    pub fn request(&mut self) {
        self.requested = true;
    }

    /// Whether the picture at `pts` must be one. Nothing is forgotten until [`Self::made`], so
    /// that a picture which then fails does not cost the keyframe.
    pub fn due(&self, pts: MediaTime) -> bool {
        self.requested || self.last.is_none_or(|last| pts.since(last) >= GOP)
    }

    /// The picture at `pts` became one.
    pub fn made(&mut self, pts: MediaTime) {
        *self = Self { last: Some(pts), requested: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframe_is_due_at_first_when_asked_for_and_after_a_gop_whatever_was_dropped() {
        let mut keyframes = Keyframes::default();
        assert!(keyframes.due(MediaTime(-5)));
        keyframes.made(MediaTime(-5));
        assert!(!keyframes.due(MediaTime(0)));
        assert!(!keyframes.due(MediaTime(GOP.0 - 6)));
        assert!(keyframes.due(MediaTime(GOP.0 - 5)));
        assert!(keyframes.due(MediaTime(10 * GOP.0)));
        keyframes.request();
        assert!(keyframes.due(MediaTime(0)) && keyframes.due(MediaTime(1)), "until one is made");
        keyframes.made(MediaTime(1));
        assert!(!keyframes.due(MediaTime(2)));
    }

    const CONFIG: Config = Config {
        codec: VideoCodec::H264,
        size: PictureSize { width: 1920, height: 1080 },
        frame_rate: FrameRate(59_940),
        scan: Scan::Progressive,
        bitrate: BitsPerSecond::from_kilobits(8_000),
    };

    #[test]
    fn what_no_encoder_of_ours_encodes_is_refused_with_the_reason() {
        assert_eq!(CONFIG.check(), Ok(()));
        let size = |width, height| Config { size: PictureSize { width, height }, ..CONFIG };
        for (config, why) in [
            (Config { codec: VideoCodec::H265, ..CONFIG }, "ask for H.264"),
            (size(0, 2), "even number"),
            (size(2, 0), "even number"),
            (size(3, 2), "even number"),
            (size(2, 3), "even number"),
            (size(3, 3), "even number"),
            (Config { frame_rate: FrameRate(0), ..CONFIG }, "no frame rate"),
            (Config { frame_rate: FrameRate(u32::MAX), ..CONFIG }, "no frame rate"),
            (Config { bitrate: BitsPerSecond(0), ..CONFIG }, "no bitrate"),
            (Config { bitrate: BitsPerSecond(u32::MAX), ..CONFIG }, "no bitrate"),
        ] {
            let told = config.check().expect_err("it cannot be encoded");
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn picture_of_another_size_or_not_after_the_one_before_is_not_admitted() {
        let (size, other) = (CONFIG.size, PictureSize { width: 1280, height: 720 });
        let (now, before) = (MediaTime(9), Some(MediaTime(8)));
        assert!(CONFIG.admit((size, now), None).is_ok());
        assert!(CONFIG.admit((size, now), before).is_ok());
        for last in [MediaTime(9), MediaTime(10)] {
            let refused = CONFIG.admit((size, now), Some(last));
            assert!(matches!(refused, Err(EncodeError::Time { .. })), "{refused:?}");
        }
        let refused = CONFIG.admit((other, now), before);
        assert!(matches!(refused, Err(EncodeError::Size { .. })), "{refused:?}");
    }
}
