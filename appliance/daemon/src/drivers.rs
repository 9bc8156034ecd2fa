//! Which driver decodes a source's media on this box.
//!
//! Owns the order in which decoders are tried, and what is told when it is not the first one: a
//! decoder that was wished for and does not decode is never replaced silently. Software through
//! `hw/libav` is the last in every order. Which one decodes stands in the log and, by the decode
//! stage, in telemetry.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hal::decode::{AudioConfig, DecodeAudio, DecodeError, DecodeVideo, Packet, VideoConfig};
use hal::encode::{self, EncodeError, EncodeVideo};
use hal::surface::{Surface, SurfacePool};
use pipeline::captured::encode::Encoders;
use pipeline::source::Decoders;
use tracing::{info, warn};
use wire::ids::Name;

/// Something that decodes video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// NVIDIA's video engine, through `hw/nvcodec`.
    Nvcodec,
    /// FFmpeg, in software.
    Libav,
}

impl Driver {
    /// As people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nvcodec => "nvcodec",
            Self::Libav => "libav",
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is measured in a file is measured with the same decoder on every box.
pub fn software() -> Arc<dyn Decoders> {
    Arc::new(Software)
}

/// Who decodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The video engine of the box where there is one, else software.
    #[default]
    Auto,
    /// This one; software where it cannot, with a notice.
    Only(Driver),
}

impl Choice {
    /// The choices as people write them.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("auto", Self::Auto),
        ("nvcodec", Self::Only(Driver::Nvcodec)),
        ("libav", Self::Only(Driver::Libav)),
    ];

    /// The hardware that is tried before software.
    fn hardware(self) -> Option<Driver> {
        match self {
            Self::Auto | Self::Only(Driver::Nvcodec) => Some(Driver::Nvcodec),
            Self::Only(Driver::Libav) => None,
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto: the box's video engine if there is one, else libav"),
            Self::Only(Driver::Libav) => f.write_str("libav"),
            Self::Only(driver) => write!(f, "{driver}, or libav with a notice"),
        }
    }
}

/// Why a driver is not there at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The box has no such hardware, or not its libraries.
    Absent(String),
    /// This program was built without the driver.
    NotBuilt,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(reason) => f.write_str(reason),
            Self::NotBuilt => f.write_str(
                "this program was built without it; install one that was built with `--features \
                 nvidia`",
            ),
        }
    }
}

/// Opens video decoders of one kind of hardware.
pub trait Hardware: Send + Sync {
    /// Opens one.
    ///
    /// # Errors
    /// As [`Decoders::open_video`].
    fn open(
        &self,
        config: &VideoConfig,
        pool: SurfacePool,
    ) -> Result<Box<dyn DecodeVideo>, DecodeError>;
}

/// The hardware that was found on this box, looked for once.
#[derive(Clone)]
pub struct Found {
    nvcodec: Result<Arc<dyn Hardware>, Missing>,
}

impl Found {
    /// Looks for hardware, as far as this program was built for it, and tells what it found.
    pub fn look(choice: Choice) -> Self {
        let nvcodec = match choice.hardware() {
            Some(Driver::Nvcodec) => nvidia::find(),
            Some(Driver::Libav) | None => {
                Err(Missing::Absent("the configuration chooses software".into()))
            }
        };
        match (&nvcodec, choice) {
            (Ok(_), _)
            | (Err(_), Choice::Only(Driver::Libav))
            | (Err(Missing::NotBuilt), Choice::Auto) => {}
            (Err(missing), Choice::Auto | Choice::Only(Driver::Nvcodec)) => {
                info!("video is decoded in software; nvcodec: {missing}");
            }
        }
        Self { nvcodec }
    }

    /// A box with this hardware.
    pub fn with(nvcodec: Result<Arc<dyn Hardware>, Missing>) -> Self {
        Self { nvcodec }
    }
}

/// Hears that another decoder than the wished one decodes, in a sentence.
pub type TellFallback = Box<dyn Fn(&str) + Send + Sync>;

/// The decoders of one source.
pub struct Drivers {
    source: Name,
    choice: Choice,
    found: Found,
    tell: TellFallback,
    state: Mutex<State>,
}

/// What became of the hardware on this source.
#[derive(Default)]
struct State {
    /// The stream that it is used for.
    config: Option<VideoConfig>,
    /// It does not decode that one.
    unfit: bool,
    /// Which driver the last decoder was of.
    last: Option<Driver>,
    /// That it is not there was told.
    told_missing: bool,
}

impl Drivers {
    /// The decoders of the source of that name.
    pub fn new(source: Name, choice: Choice, found: Found, tell: TellFallback) -> Self {
        Self { source, choice, found, tell, state: Mutex::default() }
    }

    /// The hardware decoder, if one is wished for and can be opened.
    fn open_hardware(
        &self,
        config: &VideoConfig,
        pool: &SurfacePool,
    ) -> Option<Box<dyn DecodeVideo>> {
        let driver = self.choice.hardware()?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Another stream may be one that it decodes.
        if state.config.as_ref() != Some(config) {
            state.config = Some(config.clone());
            state.unfit = false;
        }
        if state.unfit {
            return None;
        }
        let hardware = match &self.found.nvcodec {
            Ok(hardware) => hardware,
            Err(missing) => {
                self.tell_missing(&mut state, (driver, missing));
                return None;
            }
        };
        match hardware.open(config, pool.clone()) {
            Ok(decoder) => {
                state.last = Some(driver);
                Some(Box::new(Guarded { decoder, in_vain: 0 }))
            }
            Err(error) => {
                state.unfit = true;
                self.tell_fallback(driver, &reason(&error));
                None
            }
        }
    }

    /// A box without the hardware is told once for each source, and is an alert only where the
    /// configuration wishes for it by name.
    fn tell_missing(&self, state: &mut State, (driver, missing): (Driver, &Missing)) {
        if !std::mem::replace(&mut state.told_missing, true) && self.choice == Choice::Only(driver)
        {
            self.tell_fallback(driver, &missing.to_string());
        }
    }

    fn tell_fallback(&self, driver: Driver, reason: &str) {
        warn!(source = %self.source, "software decodes and not {driver}: {reason}");
        (self.tell)(&format!("software decodes and not {driver}: {reason}"));
    }
}

impl Decoders for Drivers {
    fn open_video(
        &self,
        config: &VideoConfig,
        pool: SurfacePool,
    ) -> Result<Box<dyn DecodeVideo>, DecodeError> {
        let decoder = match self.open_hardware(config, &pool) {
            Some(decoder) => decoder,
            None => {
                let decoder = libav::video::Decoder::open(config, pool)?;
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.last = Some(Driver::Libav);
                Box::new(decoder)
            }
        };
        info!(source = %self.source, "video is decoded by {}", decoder.name());
        Ok(decoder)
    }

    fn failed(&self, error: &DecodeError) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.last {
            Some(driver @ Driver::Nvcodec) => {
                state.unfit = true;
                drop(state);
                self.tell_fallback(driver, &reason(error));
            }
            // There is nothing to fall back to; it is opened again.
            Some(Driver::Libav) | None => {}
        }
    }

    fn open_audio(&self, config: &AudioConfig) -> Result<Box<dyn DecodeAudio>, DecodeError> {
        Ok(Box::new(libav::audio::Decoder::open(config)?))
    }
}

/// Keyframes of which a hardware decoder may make nothing, one after the other, before it is
/// replaced: more than damage on the way explains. With a keyframe every two seconds ten seconds.
const IN_VAIN_MAX: u32 = 5;

/// A hardware decoder that is not trusted to know when it is of no use: one that calls everything
/// corrupt would leave its source without pictures for ever, where software may see some.
struct Guarded {
    decoder: Box<dyn DecodeVideo>,
    /// Access units that were corrupt since the last picture. The decode stage gives it nothing but
    /// keyframes meanwhile.
    in_vain: u32,
}

impl DecodeVideo for Guarded {
    fn decode(
        &mut self,
        packet: Packet<'_>,
        deliver: &mut dyn FnMut(Surface),
    ) -> Result<(), DecodeError> {
        let in_vain = &mut self.in_vain;
        let decoded = self.decoder.decode(packet, &mut |surface| {
            *in_vain = 0;
            deliver(surface);
        });
        match decoded {
            Err(DecodeError::Corrupt { reason, .. }) if self.in_vain + 1 == IN_VAIN_MAX => {
                let reason = format!("{IN_VAIN_MAX} keyframes gave no picture; the last: {reason}");
                Err(DecodeError::Failed { decoder: "the video engine", reason })
            }
            Err(error @ DecodeError::Corrupt { .. }) => {
                self.in_vain += 1;
                Err(error)
            }
            Ok(()) | Err(DecodeError::Failed { .. }) => decoded,
        }
    }

    fn drain(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), DecodeError> {
        self.decoder.drain(deliver)
    }

    fn name(&self) -> &str {
        self.decoder.name()
    }
}

/// What a decoder said, without what the decode stage does about it: a notice is short.
fn reason(error: &DecodeError) -> String {
    match error {
        DecodeError::Corrupt { reason, .. } | DecodeError::Failed { reason, .. } => reason.clone(),
    }
}

/// FFmpeg alone.
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

    fn failed(&self, _error: &DecodeError) {}

    fn open_audio(&self, config: &AudioConfig) -> Result<Box<dyn DecodeAudio>, DecodeError> {
        Ok(Box::new(libav::audio::Decoder::open(config)?))
    }
}

impl Encoders for Software {
    fn open_video(&self, config: &encode::Config) -> Result<Box<dyn EncodeVideo>, EncodeError> {
        Ok(Box::new(libav::encode::Encoder::open(config)?))
    }
}

#[cfg(feature = "nvidia")]
mod nvidia {
    //! NVIDIA's video engine, where the program was built for it.

    use super::*;

    struct Nvdec(nvcodec::Gpu);

    impl Hardware for Nvdec {
        fn open(
            &self,
            config: &VideoConfig,
            pool: SurfacePool,
        ) -> Result<Box<dyn DecodeVideo>, DecodeError> {
            Ok(Box::new(nvcodec::decoder::Decoder::open(&self.0, config, pool)?))
        }
    }

    pub(super) fn find() -> Result<Arc<dyn Hardware>, Missing> {
        let gpu = nvcodec::Gpu::find(&nvcodec::Names::default())
            .map_err(|absent| Missing::Absent(absent.to_string()))?;
        info!("NVDEC is there: {}", gpu.name());
        Ok(Arc::new(Nvdec(gpu)))
    }
}

#[cfg(not(feature = "nvidia"))]
mod nvidia {
    //! What is left of it in a program that was built without.

    use super::{Arc, Hardware, Missing};

    pub(super) fn find() -> Result<Arc<dyn Hardware>, Missing> {
        Err(Missing::NotBuilt)
    }
}
