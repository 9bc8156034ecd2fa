//! Audio decoding with libavcodec and libswresample: any AAC in, 16 kHz mono out.

use ffmpeg::codec::Flags;
use ffmpeg::format::{Sample, sample};
use ffmpeg::software::resampling;
use ffmpeg::{ChannelLayout, ChannelLayoutMask, Dictionary, ffi};
use ffmpeg_the_third as ffmpeg;
use hal::decode::{AUDIO_HZ, AudioBlock, AudioConfig, DecodeAudio, DecodeError, Packet};
use wire::codec::AudioCodec;
use wire::time::{MEDIA_HZ, MediaSpan, MediaTime};

use crate::codec::{self, Recipe, Verdict, verdict};

const NAME: &str = "libavcodec aac";

/// Most samples that one access unit may decode to; AAC has at most 2048 with spectral band
/// replication.
const FRAME_SAMPLES_MAX: usize = 1 << 16;

/// A libavcodec audio decoder of one source.
pub struct Decoder {
    opened: ffmpeg::decoder::Opened,
    resampler: Option<Resampler>,
}

impl Decoder {
    /// Opens a decoder from the track's AudioSpecificConfig.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] when FFmpeg lacks the decoder or refuses the configuration.
    pub fn open(config: &AudioConfig) -> Result<Self, DecodeError> {
        let id = match config.codec {
            AudioCodec::Aac => ffmpeg::codec::Id::AAC,
        };
        if config.record.is_empty() {
            let reason = "the track has no configuration (AudioSpecificConfig)".into();
            return Err(DecodeError::Failed { decoder: NAME, reason });
        }
        let opened = codec::open(Recipe {
            decoder: NAME,
            id,
            medium: ffmpeg::media::Type::Audio,
            record: &config.record,
            flags: Flags::empty(),
        })?;
        Ok(Self { opened, resampler: None })
    }

    fn resample(
        &mut self,
        frame: &ffmpeg::frame::Audio,
        pts: MediaTime,
        block: &mut Option<AudioBlock>,
    ) -> Result<(), DecodeError> {
        let shape = Shape::of(frame)?;
        // A stream may switch its rate or its channels, and spectral band replication shows its
        // true rate only in the first decoded frame.
        let resampler = match self.resampler.take() {
            Some(resampler) if resampler.shape == shape => resampler,
            Some(_) | None => Resampler::new(shape)?,
        };
        self.resampler.insert(resampler).run(frame, pts, block)
    }
}

impl DecodeAudio for Decoder {
    fn decode(&mut self, packet: Packet<'_>) -> Result<Option<AudioBlock>, DecodeError> {
        let corrupt = |reason: String| DecodeError::Corrupt { pts: packet.pts, reason };
        let Some(av_packet) = codec::packet(&packet) else {
            return Err(corrupt("it is empty, or memory is out".into()));
        };
        let sorted = |error| match verdict(error) {
            Verdict::Failed(reason) => failed(reason),
            Verdict::Corrupt(reason) => corrupt(reason),
            Verdict::NeedsInput | Verdict::Drained => {
                failed("libavcodec neither takes nor gives".into())
            }
        };
        self.opened.send_packet(&av_packet).map_err(sorted)?;
        let mut block = None;
        loop {
            let mut frame = ffmpeg::frame::Audio::empty();
            match self.opened.receive_frame(&mut frame) {
                Ok(()) => {
                    let pts = frame.pts().map_or(packet.pts, MediaTime);
                    self.resample(&frame, pts, &mut block)?;
                }
                Err(error) => match verdict(error) {
                    Verdict::NeedsInput | Verdict::Drained => return Ok(block),
                    Verdict::Corrupt(_) | Verdict::Failed(_) => return Err(sorted(error)),
                },
            }
        }
    }
}

fn failed(reason: String) -> DecodeError {
    DecodeError::Failed { decoder: NAME, reason }
}

/// What decoded sound looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    format: Sample,
    layout: ChannelLayoutMask,
    hz: u32,
}

impl Shape {
    fn of(frame: &ffmpeg::frame::Audio) -> Result<Self, DecodeError> {
        let layout = frame.ch_layout();
        // A program config element may leave the speakers unnamed; then their number decides.
        let usual = || ChannelLayout::default_for_channels(layout.channels()).mask();
        let layout =
            layout.mask().or_else(usual).filter(|mask| !mask.is_empty()).ok_or_else(|| {
                failed(format!("a layout of {} channels is not supported", layout.channels()))
            })?;
        let hz = frame.rate();
        if hz == 0 || frame.samples() > FRAME_SAMPLES_MAX {
            return Err(failed(format!("{} samples at {hz} Hz make no sense", frame.samples())));
        }
        Ok(Self { format: frame.format(), layout, hz })
    }
}

/// A resampler that knows at which time its next sample lies.
struct Resampler {
    context: resampling::Context,
    shape: Shape,
}

impl Resampler {
    fn new(shape: Shape) -> Result<Self, DecodeError> {
        let layout = ChannelLayout::from_mask(shape.layout)
            .ok_or_else(|| failed("a channel layout without channels".into()))?;
        // Without it, two equal channels would add up to 1.41 times their level.
        let mut options = Dictionary::new();
        options.set("rematrix_maxval", "1.0");
        let context = resampling::Context::get_with2(
            shape.format,
            layout,
            shape.hz,
            Sample::F32(sample::Type::Packed),
            ChannelLayout::MONO,
            AUDIO_HZ,
            options,
        )
        .map_err(|e| failed(format!("libswresample refused {} Hz: {e}", shape.hz)))?;
        Ok(Self { context, shape })
    }

    /// Resamples one decoded frame and appends to `block`, or starts it.
    fn run(
        &mut self,
        frame: &ffmpeg::frame::Audio,
        pts: MediaTime,
        block: &mut Option<AudioBlock>,
    ) -> Result<(), DecodeError> {
        // SAFETY: the pointer inside the context is an initialised `SwrContext` that it owns.
        let swr = unsafe { self.context.as_mut_ptr() };
        // Sound that the filter still holds comes out first, so the next sample lies that much
        // before this frame's.
        // SAFETY: `swr` is initialised; the function only reads it.
        let held = unsafe { ffi::swr_get_delay(swr, MEDIA_HZ) };
        let samples_in = frame.samples() as i32;
        // SAFETY: as above.
        let bound = unsafe { ffi::swr_get_out_samples(swr, samples_in) };
        let bound = usize::try_from(bound).map_err(|_| failed("no output size".into()))?;
        let mut samples = vec![0f32; bound];
        let mut out = [samples.as_mut_ptr().cast::<u8>()];
        // SAFETY: the pointer inside `Audio` is an allocated `AVFrame` that `frame` owns.
        let raw = unsafe { frame.as_ref() }.ok_or_else(|| failed("no frame".into()))?;
        let planes = raw.extended_data.cast::<*const u8>();
        // SAFETY: `out` is one packed plane of `bound` floats; `extended_data` has a pointer for
        // each of the channels that the context was opened for (`Shape` was compared), each with
        // `nb_samples` samples in the format that it was opened for.
        let written =
            unsafe { ffi::swr_convert(swr, out.as_mut_ptr(), bound as i32, planes, samples_in) };
        let written = usize::try_from(written)
            .map_err(|_| failed(format!("libswresample: {}", ffmpeg::Error::from(written))))?;
        samples.truncate(written);
        for sample in &mut samples {
            // A lossy codec overshoots.
            *sample = sample.clamp(-1.0, 1.0);
        }
        match block {
            Some(block) => block.samples.append(&mut samples),
            None if samples.is_empty() => {}
            None => *block = Some(AudioBlock { pts: pts.minus(MediaSpan(held)), samples }),
        }
        Ok(())
    }
}
