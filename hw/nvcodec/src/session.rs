//! What NVIDIA's parser calls while it reads an access unit: a sequence begins, a picture is to be
//! decoded, a picture is to be shown.
//!
//! Owns the hardware decoder and the pictures that are ready. Nothing damaged becomes ready: what
//! the hardware concealed, and what leads the keyframe at which the stream was entered, is left
//! out. All of it runs on the decoding thread, inside `cuvidParseVideoData`.

use std::ffi::{c_int, c_uint};

use hal::decode::PIXELS_MAX;
use hal::surface::{Half, Scan, Surface, SurfacePool};
use nvidia_video_codec_sdk::sys::cuviddec::CUVIDPICPARAMS;
use nvidia_video_codec_sdk::sys::nvcuvid::CUVIDPARSERDISPINFO;
use wire::codec::VideoCodec;
use wire::time::MediaTime;

use crate::gpu::{Fault, Gpu};
use crate::hardware::{Format, Hardware, Limits};

/// `cudaVideoChromaFormat_420`.
const CHROMA_420: u32 = 1;

/// What went wrong with an access unit.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A picture is damaged; its time.
    Corrupt { pts: MediaTime, reason: String },
    /// The decoder cannot go on.
    Failed(String),
}

/// From where on pictures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// From the next keyframe.
    Awaited,
    /// From this time: what is shown earlier leads the keyframe, and refers to what was not seen.
    From(MediaTime),
}

/// What the parser tells of a sequence.
pub(crate) struct Told {
    /// The number of the chroma format, as NVIDIA counts them.
    pub(crate) chroma: u32,
    /// Bits of a sample of luma.
    pub(crate) bits: u8,
    /// Columns and rows that are coded.
    pub(crate) coded: (c_uint, c_uint),
    /// The part of them that is shown: left, top, right, bottom.
    pub(crate) shown: [i32; 4],
    /// Pictures that the decoder must keep.
    pub(crate) surfaces: u8,
}

/// The access unit that is being parsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    /// Its time.
    pub(crate) pts: MediaTime,
    /// Whether a decoder can start at it.
    pub(crate) keyframe: bool,
}

/// One source's way through the hardware.
pub(crate) struct Session {
    gpu: Gpu,
    pool: SurfacePool,
    codec: VideoCodec,
    hardware: Option<Hardware>,
    entry: Entry,
    current: Current,
    /// Pictures that the parser found in the current access unit.
    found: u32,
    /// Pictures of the hardware's that were not shown, in the order of decoding.
    unshown: Vec<c_int>,
    pub(crate) ready: Vec<Surface>,
    trouble: Option<Trouble>,
}

impl Session {
    pub(crate) fn new(gpu: Gpu, codec: VideoCodec, pool: SurfacePool) -> Self {
        Self {
            gpu,
            pool,
            codec,
            hardware: None,
            entry: Entry::Awaited,
            current: Current { pts: MediaTime(0), keyframe: false },
            found: 0,
            unshown: Vec::new(),
            ready: Vec::new(),
            trouble: None,
        }
    }

    /// Before an access unit is parsed.
    pub(crate) fn begin(&mut self, current: Current) {
        self.current = current;
        self.found = 0;
    }

    /// After it was: the first thing that went wrong.
    pub(crate) fn finish(&mut self) -> Result<(), Trouble> {
        match self.trouble.take() {
            Some(trouble) => Err(trouble),
            None if self.found == 0 => {
                let reason = "the parser found no picture in it".into();
                Err(Trouble::Corrupt { pts: self.current.pts, reason })
            }
            None => Ok(()),
        }
    }

    /// Shows nothing until the next keyframe; what went wrong meanwhile.
    pub(crate) fn start_anew(&mut self) -> Option<Trouble> {
        self.entry = Entry::Awaited;
        self.unshown.clear();
        self.trouble.take()
    }

    pub(crate) fn wrong(&mut self, trouble: Trouble) {
        // The first is the cause, the others follow from it; only a failure weighs more.
        let replaces = match (&self.trouble, &trouble) {
            (None, _) | (Some(Trouble::Corrupt { .. }), Trouble::Failed(_)) => true,
            (Some(_), Trouble::Corrupt { .. }) | (Some(Trouble::Failed(_)), _) => false,
        };
        if replaces {
            self.trouble = Some(trouble);
        }
    }

    /// Makes a hardware decoder for the sequence, unless there is one; how many pictures it keeps.
    pub(crate) fn sequence(&mut self, told: &Told) -> Result<c_int, String> {
        let format = self.format(told)?;
        let kept = c_int::from(format.surfaces);
        if self.hardware.as_ref().is_some_and(|hardware| hardware.format == format) {
            return Ok(kept);
        }
        // Before the new one is made: the hardware has room for few.
        self.hardware = None;
        self.unshown.clear();
        let hardware = Hardware::create(&self.gpu, (self.codec, format));
        self.hardware = Some(hardware.map_err(|fault| fault.to_string())?);
        Ok(kept)
    }

    /// The format of a sequence, if it can be decoded.
    fn format(&self, told: &Told) -> Result<Format, String> {
        let Told { chroma, bits, coded, shown, surfaces } = *told;
        if chroma != CHROMA_420 || bits != 8 {
            return Err(format!(
                "its pictures are not 4:2:0 with 8 bit; let the camera send that, or choose \
                 software (chroma format {chroma}, {bits} bit)"
            ));
        }
        let (width, height) = coded;
        let limits = Limits::of(&self.gpu, self.codec).map_err(|fault| fault.to_string())?;
        let limits = limits.ok_or("the GPU does not decode this codec")?;
        let pixels = width.checked_mul(height).filter(|pixels| *pixels <= PIXELS_MAX);
        if pixels.is_none() || width > limits.width || height > limits.height {
            return Err(format!("a picture of {width}×{height} pixels is too large"));
        }
        let format = Format { coded, shown, surfaces: surfaces.max(1) };
        format.size().ok_or("a picture without pixels")?;
        Ok(format)
    }

    /// Decodes a picture, if the stream was entered.
    ///
    /// # Safety
    /// `parameters` are the parser's, handed on while it waits for its callback.
    pub(crate) unsafe fn decode(&mut self, parameters: *mut CUVIDPICPARAMS) -> Result<(), String> {
        self.found += 1;
        if self.entry == Entry::Awaited {
            if !self.current.keyframe {
                return Ok(());
            }
            self.entry = Entry::From(self.current.pts);
        }
        let hardware = self.hardware.as_ref().ok_or("a picture came before its sequence")?;
        // SAFETY: `CUVIDPICPARAMS` is the parser's and lives as long as the callback.
        let index = unsafe { (*parameters).CurrPicIdx };
        // A second field belongs to the picture of the first.
        if !self.unshown.contains(&index) {
            self.unshown.push(index);
        }
        // SAFETY: the caller answers for them, and the decoder was made for their sequence.
        unsafe { hardware.decode(parameters) }.map_err(|fault| fault.to_string())
    }

    /// Takes a decoded picture out of the hardware.
    pub(crate) fn show(&mut self, shown: &CUVIDPARSERDISPINFO) -> Result<(), Trouble> {
        let pts = MediaTime(shown.timestamp);
        match self.entry {
            Entry::From(first) if pts >= first => {}
            Entry::Awaited | Entry::From(_) => return Ok(()),
        }
        let hardware =
            self.hardware.as_ref().ok_or_else(|| Trouble::Failed("no decoder to show".into()))?;
        let fault = |fault: Fault| Trouble::Failed(fault.to_string());
        let _entered = self.gpu.enter().map_err(fault)?;
        let mapped = hardware.map(shown).map_err(fault)?;
        // A picture with B-frames before it is shown after them, and they refer to it: whatever
        // was decoded up to this one must be whole. The hardware decodes in order.
        let at = self.unshown.iter().position(|index| *index == shown.picture_index);
        let before = &self.unshown[..at.map_or(0, |at| at + 1)];
        if let Some(reason) = before.iter().find_map(|index| hardware.damage(*index)) {
            self.entry = Entry::Awaited;
            return Err(Trouble::Corrupt { pts, reason });
        }
        if let Some(at) = at {
            self.unshown.remove(at);
        }
        let store = &hardware.store;
        // SAFETY: the hardware decoder was made to put out what the store keeps.
        let memory = unsafe { store.keep(mapped.rows, scan(shown)) }.map_err(fault)?;
        drop(mapped);
        self.ready.extend(self.pool.wrap(memory, store.size(), pts));
        Ok(())
    }
}

fn scan(shown: &CUVIDPARSERDISPINFO) -> Scan {
    match (shown.progressive_frame, shown.top_field_first) {
        (0, 0) => Scan::Interlaced(Half::Lower),
        (0, _) => Scan::Interlaced(Half::Upper),
        (_, _) => Scan::Progressive,
    }
}
