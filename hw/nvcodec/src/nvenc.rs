//! One session of NVIDIA's encoder: opened for H.264 with low delay, fed from memory that it lends.
//!
//! Owns the session, its input and its output. Knows no surfaces; that is [`crate::encoder`]'s.

use std::ffi::c_void;
use std::mem;
use std::ptr::{self, NonNull};
use std::slice;

use hal::encode::Config;
use nvidia_video_codec_sdk::sys::nvEncodeAPI as sdk;
use wire::time::MediaTime;

use crate::encoder::Force;
use crate::gpu::Gpu;
use crate::nvenc_functions::{Error, Functions, checked};
use crate::nvenc_records;

/// Longest parameter sets that are taken, in bytes: NVENC says 256 at most.
const SETS_BYTES_MAX: usize = 1_024;

/// An encoding session.
pub(crate) struct Session {
    gpu: Gpu,
    functions: Functions,
    handle: *mut c_void,
    input: *mut c_void,
    output: *mut c_void,
    size: (u32, u32),
    pitch: u32,
    ended: bool,
}

// SAFETY: a session may be used by any thread, one at a time.
unsafe impl Send for Session {}

/// An access unit behind start codes.
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) keyframe: bool,
}

/// The input's memory, until it is dropped.
pub(crate) struct Locked<'s> {
    session: &'s Session,
    pub(crate) at: NonNull<u8>,
    pub(crate) pitch: usize,
}

impl Session {
    pub(crate) fn open(gpu: &Gpu, config: &Config) -> Result<Self, Error> {
        let functions = Functions::load(gpu)?;
        let mut wanted = sdk::NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS {
            version: sdk::NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER,
            deviceType: sdk::NV_ENC_DEVICE_TYPE::NV_ENC_DEVICE_TYPE_CUDA,
            device: gpu.context(),
            apiVersion: sdk::NVENCAPI_VERSION,
            ..Default::default()
        };
        let mut handle = ptr::null_mut();
        // SAFETY: writes one handle; the context lives as long as `gpu`.
        let code = unsafe { (functions.open)(&mut wanted, &mut handle) };
        let size = (u32::from(config.size.width), u32::from(config.size.height));
        let (gpu, null) = (gpu.clone(), ptr::null_mut());
        // From here whatever was made is destroyed by `drop`; so it must also be, says NVIDIA,
        // after a session that was not opened.
        let mut session =
            Self { gpu, functions, handle, input: null, output: null, size, pitch: 0, ended: true };
        checked("nvEncOpenEncodeSessionEx", code)?;
        session.initialize(config)?;
        session.allocate()?;
        Ok(session)
    }

    fn initialize(&mut self, config: &Config) -> Result<(), Error> {
        let mut preset = sdk::NV_ENC_PRESET_CONFIG {
            version: sdk::NV_ENC_PRESET_CONFIG_VER,
            ..nvenc_records::preset()
        };
        preset.presetCfg.version = sdk::NV_ENC_CONFIG_VER;
        let codec = sdk::NV_ENC_CODEC_H264_GUID;
        // The middle one: NVIDIA's own advice for streams.
        let level = sdk::NV_ENC_PRESET_P4_GUID;
        let tuning = sdk::NV_ENC_TUNING_INFO::NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
        // SAFETY: fills in the record of the version that it carries.
        let code =
            unsafe { (self.functions.preset)(self.handle, codec, level, tuning, &mut preset) };
        checked("nvEncGetEncodePresetConfigEx", code)?;
        let mut how = preset.presetCfg;
        how.version = sdk::NV_ENC_CONFIG_VER;
        how.profileGUID = sdk::NV_ENC_H264_PROFILE_HIGH_GUID;
        // Keyframes come when they are asked for, and no picture waits for a later one.
        how.gopLength = sdk::NVENC_INFINITE_GOPLENGTH;
        how.frameIntervalP = 1;
        how.rcParams.rateControlMode = sdk::NV_ENC_PARAMS_RC_MODE::NV_ENC_PARAMS_RC_CBR;
        how.rcParams.averageBitRate = config.bitrate.0;
        how.rcParams.maxBitRate = config.bitrate.0;
        // A second's worth, as in software.
        how.rcParams.vbvBufferSize = config.bitrate.0;
        how.encodeCodecConfig.h264Config.idrPeriod = sdk::NVENC_INFINITE_GOPLENGTH;
        let (width, height) = self.size;
        let mut wanted = sdk::NV_ENC_INITIALIZE_PARAMS {
            version: sdk::NV_ENC_INITIALIZE_PARAMS_VER,
            encodeGUID: codec,
            presetGUID: level,
            encodeWidth: width,
            encodeHeight: height,
            darWidth: width,
            darHeight: height,
            frameRateNum: config.frame_rate.0,
            frameRateDen: 1_000,
            enablePTD: 1,
            encodeConfig: &mut how,
            tuningInfo: tuning,
            ..Default::default()
        };
        // SAFETY: both records live as long as the call.
        let code = unsafe { (self.functions.initialize)(self.handle, &mut wanted) };
        checked("nvEncInitializeEncoder", code)?;
        self.ended = false;
        Ok(())
    }

    fn allocate(&mut self) -> Result<(), Error> {
        let mut input = sdk::NV_ENC_CREATE_INPUT_BUFFER {
            version: sdk::NV_ENC_CREATE_INPUT_BUFFER_VER,
            width: self.size.0,
            height: self.size.1,
            bufferFmt: sdk::NV_ENC_BUFFER_FORMAT::NV_ENC_BUFFER_FORMAT_NV12,
            ..Default::default()
        };
        // SAFETY: fills in the record of the version that it carries.
        let code = unsafe { (self.functions.create_input)(self.handle, &mut input) };
        checked("nvEncCreateInputBuffer", code)?;
        self.input = input.inputBuffer;
        let mut output = sdk::NV_ENC_CREATE_BITSTREAM_BUFFER {
            version: sdk::NV_ENC_CREATE_BITSTREAM_BUFFER_VER,
            ..Default::default()
        };
        // SAFETY: as above.
        let code = unsafe { (self.functions.create_output)(self.handle, &mut output) };
        checked("nvEncCreateBitstreamBuffer", code)?;
        self.output = output.bitstreamBuffer;
        Ok(())
    }

    /// The parameter sets of the stream, behind start codes.
    pub(crate) fn parameter_sets(&self) -> Result<Vec<u8>, Error> {
        let (mut sets, mut bytes) = (vec![0; SETS_BYTES_MAX], 0);
        let mut wanted = sdk::NV_ENC_SEQUENCE_PARAM_PAYLOAD {
            version: sdk::NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER,
            inBufferSize: SETS_BYTES_MAX as u32,
            spsppsBuffer: sets.as_mut_ptr().cast(),
            outSPSPPSPayloadSize: &mut bytes,
            ..Default::default()
        };
        // SAFETY: writes at most as many bytes as it is told, and their number.
        let code = unsafe { (self.functions.sets)(self.handle, &mut wanted) };
        checked("nvEncGetSequenceParams", code)?;
        sets.truncate(bytes as usize);
        Ok(sets)
    }

    /// Borrows the input's memory, to be filled in.
    pub(crate) fn lock(&mut self) -> Result<Locked<'_>, Error> {
        let mut wanted = sdk::NV_ENC_LOCK_INPUT_BUFFER {
            version: sdk::NV_ENC_LOCK_INPUT_BUFFER_VER,
            inputBuffer: self.input,
            ..Default::default()
        };
        // SAFETY: fills in the record of the version that it carries.
        let code = unsafe { (self.functions.lock_input)(self.handle, &mut wanted) };
        checked("nvEncLockInputBuffer", code)?;
        self.pitch = wanted.pitch;
        let at = NonNull::new(wanted.bufferDataPtr.cast::<u8>());
        let at = at.ok_or(Error::Refused { call: "nvEncLockInputBuffer", code: -1 })?;
        Ok(Locked { session: self, at, pitch: wanted.pitch as usize })
    }

    /// Encodes what was filled in, and waits for it.
    pub(crate) fn encode(&mut self, pts: MediaTime, force: Force) -> Result<Encoded, Error> {
        let mut picture = sdk::NV_ENC_PIC_PARAMS {
            version: sdk::NV_ENC_PIC_PARAMS_VER,
            inputWidth: self.size.0,
            inputHeight: self.size.1,
            inputPitch: self.pitch,
            inputTimeStamp: pts.0 as u64,
            inputBuffer: self.input,
            outputBitstream: self.output,
            bufferFmt: sdk::NV_ENC_BUFFER_FORMAT::NV_ENC_BUFFER_FORMAT_NV12,
            encodePicFlags: match force {
                Force::Nothing => 0,
                Force::Keyframe => sdk::NV_ENC_PIC_FLAGS::NV_ENC_PIC_FLAG_FORCEIDR as u32,
            },
            ..nvenc_records::picture()
        };
        // SAFETY: both buffers are the session's own, and neither is locked.
        let code = unsafe { (self.functions.encode)(self.handle, &mut picture) };
        checked("nvEncEncodePicture", code)?;
        let mut out = sdk::NV_ENC_LOCK_BITSTREAM {
            version: sdk::NV_ENC_LOCK_BITSTREAM_VER,
            outputBitstream: self.output,
            ..nvenc_records::output()
        };
        // SAFETY: fills in the record of the version that it carries, when the picture is done.
        let code = unsafe { (self.functions.lock_output)(self.handle, &mut out) };
        checked("nvEncLockBitstream", code)?;
        let mut bytes = Vec::new();
        if let Some(at) = NonNull::new(out.bitstreamBufferPtr.cast::<u8>()) {
            let length = out.bitstreamSizeInBytes as usize;
            // SAFETY: NVENC guarantees so many bytes there until the output is unlocked.
            bytes.extend(unsafe { slice::from_raw_parts(at.as_ptr(), length) });
        }
        let kind: *const u32 = (&raw const out.pictureType).cast();
        // SAFETY: the enum has the size of a `u32`; whatever was written is one.
        let kind = unsafe { kind.read() };
        // SAFETY: locked above; nothing refers to it any more.
        let code = unsafe { (self.functions.unlock_output)(self.handle, self.output) };
        checked("nvEncUnlockBitstream", code)?;
        Ok(Encoded { bytes, keyframe: kind == sdk::NV_ENC_PIC_TYPE::NV_ENC_PIC_TYPE_IDR as u32 })
    }

    /// Tells that no picture follows, once.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let mut last = sdk::NV_ENC_PIC_PARAMS {
            version: sdk::NV_ENC_PIC_PARAMS_VER,
            encodePicFlags: sdk::NV_ENC_PIC_FLAGS::NV_ENC_PIC_FLAG_EOS as u32,
            ..nvenc_records::picture()
        };
        // SAFETY: without a picture it refers to nothing.
        let code = unsafe { (self.functions.encode)(self.handle, &mut last) };
        checked("nvEncEncodePicture", code)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let session = self.session;
        // SAFETY: locked when this was made; nobody refers to the memory any more.
        unsafe { (session.functions.unlock_input)(session.handle, session.input) };
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.handle.is_null() {
            return;
        }
        // NVIDIA wants the end told before anything is given back.
        drop(self.end());
        if !self.input.is_null() {
            // SAFETY: made by `allocate`, and not locked.
            unsafe { (self.functions.destroy_input)(self.handle, self.input) };
        }
        if !self.output.is_null() {
            // SAFETY: as above.
            unsafe { (self.functions.destroy_output)(self.handle, self.output) };
        }
        // SAFETY: opened by `open`; its buffers are gone.
        unsafe { (self.functions.destroy)(self.handle) };
        // The context outlives the session: `gpu` is dropped after this.
        let _: &Gpu = &self.gpu;
    }
}
