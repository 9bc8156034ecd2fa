//! The hardware decoder itself: what it can take, made for one format, and pictures that it lends.
//!
//! Owns NVDEC's handle. What is decoded and what is shown is [`crate::session`]'s.

use std::ffi::{c_int, c_uint};
use std::mem;
use std::ptr;
use std::sync::Arc;

use nvidia_video_codec_sdk::sys::cuviddec::{
    CUVIDDECODECAPS, CUVIDDECODECREATEINFO, CUVIDGETDECODESTATUS, CUVIDPICPARAMS, CUVIDPROCPARAMS,
    CUvideodecoder, cudaVideoChromaFormat, cudaVideoCodec,
};
use nvidia_video_codec_sdk::sys::nvcuvid::CUVIDPARSERDISPINFO;
use wire::codec::VideoCodec;
use wire::units::PictureSize;

use crate::gpu::{Fault, Gpu};
use crate::library::Rows;
use crate::picture::Store;

/// `cuvidDecodeStatus_Error` and `cuvidDecodeStatus_Error_Concealed`.
const STATUS_ERROR: c_uint = 8;
const STATUS_CONCEALED: c_uint = 9;

/// NVIDIA's name of a codec.
pub(crate) fn vendors(codec: VideoCodec) -> cudaVideoCodec {
    match codec {
        VideoCodec::H264 => cudaVideoCodec::cudaVideoCodec_H264,
        VideoCodec::H265 => cudaVideoCodec::cudaVideoCodec_HEVC,
    }
}

/// Largest pictures that the GPU decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) width: c_uint,
    pub(crate) height: c_uint,
}

impl Limits {
    /// Of 4:2:0 with 8 bit in this codec; `None` if the GPU does not decode that.
    pub(crate) fn of(gpu: &Gpu, codec: VideoCodec) -> Result<Option<Self>, Fault> {
        // SAFETY: zeros are valid for all of it: numbers, and enums that have a zero.
        let mut asked: CUVIDDECODECAPS = unsafe { mem::zeroed() };
        asked.eCodecType = vendors(codec);
        asked.eChromaFormat = cudaVideoChromaFormat::cudaVideoChromaFormat_420;
        let _entered = gpu.enter()?;
        // SAFETY: fills the record in; the context is current.
        let code = unsafe { (gpu.cuvid().capabilities)(&mut asked) };
        gpu.checked("cuvidGetDecoderCaps", code)?;
        let limits = Self { width: asked.nMaxWidth, height: asked.nMaxHeight };
        Ok((asked.bIsSupported != 0).then_some(limits))
    }
}

/// The hardware decoder, made for one format.
pub(crate) struct Hardware {
    gpu: Gpu,
    decoder: CUvideodecoder,
    pub(crate) format: Format,
    pub(crate) store: Arc<Store>,
}

/// What a hardware decoder is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) coded: (c_uint, c_uint),
    /// Left, top, right, bottom.
    pub(crate) shown: [i32; 4],
    pub(crate) surfaces: u8,
}

impl Format {
    pub(crate) fn size(&self) -> Option<PictureSize> {
        let [left, top, right, bottom] = self.shown;
        let side = |low: i32, high: i32, coded: c_uint| {
            let side = u16::try_from(high.checked_sub(low)?).ok().filter(|side| *side > 0)?;
            (low >= 0 && u32::try_from(high).ok()? <= coded).then_some(side)
        };
        let (width, height) = (side(left, right, self.coded.0)?, side(top, bottom, self.coded.1)?);
        Some(PictureSize { width, height })
    }
}

impl Hardware {
    pub(crate) fn create(gpu: &Gpu, (codec, format): (VideoCodec, Format)) -> Result<Self, Fault> {
        let size = format.size().expect("the session has refused formats without a size");
        let (width, height) = Store::decoded(size);
        // SAFETY: zeros are valid for all of it: numbers, a null pointer, and enums that have a
        // zero (NV12 and weaving among them, which is what is wanted).
        let mut wanted: CUVIDDECODECREATEINFO = unsafe { mem::zeroed() };
        wanted.ulWidth = u64::from(format.coded.0);
        wanted.ulHeight = u64::from(format.coded.1);
        wanted.ulNumDecodeSurfaces = u64::from(format.surfaces);
        wanted.CodecType = vendors(codec);
        wanted.ChromaFormat = cudaVideoChromaFormat::cudaVideoChromaFormat_420;
        // `cudaVideoCreate_PreferCUVID`: the video engine, and not the GPU's general cores.
        wanted.ulCreationFlags = 4;
        let [left, top, right, bottom] = format.shown.map(|edge| edge as i16);
        wanted.display_area.left = left;
        wanted.display_area.top = top;
        wanted.display_area.right = right;
        wanted.display_area.bottom = bottom;
        wanted.ulTargetWidth = width as u64;
        wanted.ulTargetHeight = height as u64;
        // A picture is copied out before the next one is shown.
        wanted.ulNumOutputSurfaces = 1;
        let _entered = gpu.enter()?;
        let mut decoder = ptr::null_mut();
        // SAFETY: writes one handle; the parameters live as long as the call.
        let code = unsafe { (gpu.cuvid().create_decoder)(&mut decoder, &mut wanted) };
        gpu.checked("cuvidCreateDecoder", code)?;
        let store = Store::new(gpu.clone(), size);
        Ok(Self { gpu: gpu.clone(), decoder, format, store })
    }

    /// Decodes a picture.
    ///
    /// # Safety
    /// `parameters` are the parser's, of this decoder's sequence.
    pub(crate) unsafe fn decode(&self, parameters: *mut CUVIDPICPARAMS) -> Result<(), Fault> {
        let _entered = self.gpu.enter()?;
        // SAFETY: the caller answers for the parameters.
        let code = unsafe { (self.gpu.cuvid().decode)(self.decoder, parameters) };
        self.gpu.checked("cuvidDecodePicture", code)
    }

    /// Borrows a decoded picture from the decoder, while the GPU is entered.
    pub(crate) fn map(&self, shown: &CUVIDPARSERDISPINFO) -> Result<Mapped<'_>, Fault> {
        // SAFETY: zeros are valid for all of it: numbers and null pointers.
        let mut how: CUVIDPROCPARAMS = unsafe { mem::zeroed() };
        how.progressive_frame = shown.progressive_frame;
        how.second_field = shown.repeat_first_field + 1;
        how.top_field_first = shown.top_field_first;
        how.unpaired_field = c_int::from(shown.repeat_first_field < 0);
        let (mut at, mut pitch) = (0, 0);
        let (index, map) = (shown.picture_index, self.gpu.cuvid().map);
        // SAFETY: writes an address and a number; the index is one that the parser told for this
        // decoder.
        let code = unsafe { map(self.decoder, index, &mut at, &mut pitch, &mut how) };
        self.gpu.checked("cuvidMapVideoFrame", code)?;
        let rows = Rows { at, pitch: pitch as usize };
        Ok(Mapped { hardware: self, rows })
    }
}

impl Hardware {
    /// What the hardware says was wrong with a picture, while the GPU is entered.
    pub(crate) fn damage(&self, index: c_int) -> Option<String> {
        // SAFETY: zeros are valid for all of it: numbers, null pointers, an enum that has a zero.
        let mut status: CUVIDGETDECODESTATUS = unsafe { mem::zeroed() };
        let ask = self.gpu.cuvid().status;
        // SAFETY: writes one record; the index is one that the parser told for this decoder.
        let code = unsafe { ask(self.decoder, index, &mut status) };
        if code != 0 {
            // Older hardware cannot say.
            return None;
        }
        let status: *const c_uint = (&raw const status.decodeStatus).cast();
        // SAFETY: the enum has the size of an `unsigned int`; whatever was written is one.
        match unsafe { status.read() } {
            STATUS_ERROR => Some("the hardware could not decode the picture".into()),
            STATUS_CONCEALED => Some("the hardware concealed a part of the picture".into()),
            _ => None,
        }
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        let Ok(_entered) = self.gpu.enter() else { return };
        // SAFETY: made by `create`, and nothing of it is borrowed any more.
        unsafe { (self.gpu.cuvid().destroy_decoder)(self.decoder) };
    }
}

/// A decoded picture that the decoder lends.
pub(crate) struct Mapped<'h> {
    hardware: &'h Hardware,
    pub(crate) rows: Rows,
}

impl Drop for Mapped<'_> {
    fn drop(&mut self) {
        let unmap = self.hardware.gpu.cuvid().unmap;
        // SAFETY: mapped once by `map`, within a context that is still current.
        unsafe { unmap(self.hardware.decoder, self.rows.at) };
    }
}
