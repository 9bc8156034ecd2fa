//! Video decoding with libavcodec: low delay, pictures handed on without a copy.
//!
//! A damaged picture is never delivered: libavcodec conceals what it could not decode, and a
//! concealed ball is an invented one. After damage the decoder starts anew at the next keyframe.

use ffmpeg::codec::Flags;
use ffmpeg_the_third as ffmpeg;
use hal::decode::{DecodeError, DecodeVideo, Packet, VideoConfig};
use hal::surface::{Surface, SurfacePool};
use wire::codec::VideoCodec;
use wire::time::MediaTime;
use wire::units::PictureSize;

use crate::codec::{self, Recipe, Verdict, verdict};
use crate::picture;

/// A libavcodec video decoder of one source.
pub struct Decoder {
    opened: ffmpeg::decoder::Opened,
    pool: SurfacePool,
    name: &'static str,
}

impl Decoder {
    /// Opens a decoder from the track's configuration record alone, without looking at the
    /// stream. Pictures come out of `pool`; when it is empty they are dropped, counted there,
    /// and decoding goes on.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] when FFmpeg lacks the decoder or refuses the record.
    pub fn open(config: &VideoConfig, pool: SurfacePool) -> Result<Self, DecodeError> {
        // Bytes of a record without parameter sets; they may come in the stream.
        let (name, id, record, bytes_min) = match config.codec {
            VideoCodec::H264 => ("libavcodec h264", ffmpeg::codec::Id::H264, "avcC", 7),
            VideoCodec::H265 => ("libavcodec hevc", ffmpeg::codec::Id::HEVC, "hvcC", 23),
        };
        // libavcodec takes anything, and then fails at every access unit.
        if config.record.first() != Some(&1) || config.record.len() < bytes_min {
            let bytes = config.record.len();
            let reason = format!("the track's {bytes} bytes of configuration are no {record}");
            return Err(DecodeError::Failed { decoder: name, reason });
        }
        let opened = codec::open(Recipe {
            decoder: name,
            id,
            medium: ffmpeg::media::Type::Video,
            record: &config.record,
            flags: Flags::LOW_DELAY,
        })?;
        Ok(Self { opened, pool, name })
    }

    fn send(&mut self, packet: &Packet<'_>) -> Result<(), Trouble> {
        let Some(packet) = codec::packet(packet) else {
            let reason = "it is empty, or memory is out".into();
            return Err(Trouble::Corrupt { pts: None, reason });
        };
        match self.opened.send_packet(&packet).map_err(verdict) {
            Ok(()) | Err(Verdict::Drained) => Ok(()),
            // `receive` empties the decoder after each packet, so it is never full here.
            Err(Verdict::NeedsInput) => {
                Err(Trouble::Failed("libavcodec neither takes nor gives".into()))
            }
            Err(Verdict::Corrupt(reason)) => Err(Trouble::Corrupt { pts: None, reason }),
            Err(Verdict::Failed(reason)) => Err(Trouble::Failed(reason)),
        }
    }

    /// Takes every picture that is ready. Goes on behind a damaged one, so that what was decoded
    /// before it is not lost, and reports the first damage.
    fn receive(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), Trouble> {
        let mut damage = Ok(());
        loop {
            let mut frame = ffmpeg::frame::Video::empty();
            match self.opened.receive_frame(&mut frame) {
                Ok(()) => match picture::damage(&frame) {
                    Some(reason) => {
                        let pts = frame.pts().map(MediaTime);
                        damage = damage.and(Err(Trouble::Corrupt { pts, reason }));
                    }
                    None => self.hand_on(frame, deliver)?,
                },
                Err(error) => match verdict(error) {
                    Verdict::NeedsInput | Verdict::Drained => return damage,
                    Verdict::Corrupt(reason) => {
                        damage = damage.and(Err(Trouble::Corrupt { pts: None, reason }));
                    }
                    Verdict::Failed(reason) => return Err(Trouble::Failed(reason)),
                },
            }
        }
    }

    fn hand_on(
        &self,
        frame: ffmpeg::frame::Video,
        deliver: &mut dyn FnMut(Surface),
    ) -> Result<(), Trouble> {
        // Every packet carries a time, so a picture without one belongs to none of them.
        let Some(pts) = frame.pts().or_else(|| frame.timestamp()).map(MediaTime) else {
            return Err(Trouble::Corrupt { pts: None, reason: "a picture without a time".into() });
        };
        let size = u16::try_from(frame.width()).ok().zip(u16::try_from(frame.height()).ok());
        let Some((width, height)) = size else {
            let (w, h) = (frame.width(), frame.height());
            return Err(Trouble::Failed(format!("a picture of {w}×{h} pixels is too large")));
        };
        let memory = picture::memory(frame).map_err(Trouble::Failed)?;
        if let Some(surface) = self.pool.wrap(memory, PictureSize { width, height }, pts) {
            deliver(surface);
        }
        Ok(())
    }

    /// Gives out the sound pictures that wait for reordering, then forgets everything: libavcodec
    /// delivers nothing until the next keyframe or recovery point.
    fn start_anew(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), Trouble> {
        let result = match self.opened.send_eof() {
            Ok(()) => self.receive(deliver),
            Err(error) => match verdict(error) {
                Verdict::NeedsInput | Verdict::Drained => Ok(()),
                Verdict::Corrupt(reason) => Err(Trouble::Corrupt { pts: None, reason }),
                Verdict::Failed(reason) => Err(Trouble::Failed(reason)),
            },
        };
        self.opened.flush();
        result
    }

    fn failed(&self, reason: String) -> DecodeError {
        DecodeError::Failed { decoder: self.name, reason }
    }
}

impl DecodeVideo for Decoder {
    fn decode(
        &mut self,
        packet: Packet<'_>,
        deliver: &mut dyn FnMut(Surface),
    ) -> Result<(), DecodeError> {
        let sent = self.send(&packet);
        match sent.and(self.receive(deliver)) {
            Ok(()) => Ok(()),
            Err(Trouble::Failed(reason)) => Err(self.failed(reason)),
            Err(Trouble::Corrupt { pts, reason }) => {
                if let Err(Trouble::Failed(reason)) = self.start_anew(deliver) {
                    return Err(self.failed(reason));
                }
                Err(DecodeError::Corrupt { pts: pts.unwrap_or(packet.pts), reason })
            }
        }
    }

    fn drain(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), DecodeError> {
        match self.start_anew(deliver) {
            // Damage in the last pictures: they are not delivered, and nothing follows them.
            Ok(()) | Err(Trouble::Corrupt { .. }) => Ok(()),
            Err(Trouble::Failed(reason)) => Err(self.failed(reason)),
        }
    }

    fn name(&self) -> &str {
        self.name
    }
}

/// What went wrong inside libavcodec.
enum Trouble {
    /// With an access unit; its time if libavcodec told it.
    Corrupt { pts: Option<MediaTime>, reason: String },
    /// With the decoder.
    Failed(String),
}
