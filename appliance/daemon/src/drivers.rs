//! Which driver does what on this box. Today: FFmpeg's software decoders and encoders everywhere.

use hal::decode::{AudioConfig, DecodeAudio, DecodeError, DecodeVideo, VideoConfig};
use hal::encode::{self, EncodeError, EncodeVideo};
use hal::surface::SurfacePool;
use pipeline::captured::encode::Encoders;
use pipeline::source::Decoders;

/// Software decoders and encoders through `hw/libav`.
#[derive(Debug)]
pub struct Software;

impl Decoders for Software {
    fn open_video(
        &self,
        config: &VideoConfig,
        pool: SurfacePool,
    ) -> Result<Box<dyn DecodeVideo>, DecodeError> {
        Ok(Box::new(libav::video::Decoder::open(config, pool)?))
    }

    fn open_audio(&self, config: &AudioConfig) -> Result<Box<dyn DecodeAudio>, DecodeError> {
        Ok(Box::new(libav::audio::Decoder::open(config)?))
    }
}

impl Encoders for Software {
    fn open_video(&self, config: &encode::Config) -> Result<Box<dyn EncodeVideo>, EncodeError> {
        Ok(Box::new(libav::encode::Encoder::open(config)?))
    }
}
