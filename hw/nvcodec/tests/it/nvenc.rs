//! A stand-in for an encoding session of NVENC's, over host memory; its "stream" is one byte of luma
//! and two of chroma.

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hal::encode::{Config, EncodeError};
use nvcodec::encoder::Encoder;
use nvidia_video_codec_sdk::sys::nvEncodeAPI as sdk;

use crate::fake::Fake;

/// Rows of the pictures that are encoded.
const HEIGHT: u16 = 180;

pub(crate) type Status = sdk::NVENCSTATUS;
const DONE: Status = Status::NV_ENC_SUCCESS;

/// Rows of NVENC's memory are longer than they are seen.
const PITCH: usize = 512;

/// The one session of a test.
pub(crate) struct Engine {
    /// Luma and chroma, as NVENC lends it.
    memory: Vec<u8>,
    out: Vec<u8>,
    kind: sdk::NV_ENC_PIC_TYPE,
    /// Sessions, inputs, outputs and locks that were made and not given back.
    pub(crate) live: [i32; 4],
    pub(crate) pictures: u32,
    pub(crate) ends: u32,
    pub(crate) initialized: Option<Initialized>,
    /// The call that fails.
    pub(crate) failing: Option<(&'static str, Status)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Initialized {
    pub(crate) size: (u32, u32),
    pub(crate) rate: (u32, u32),
    pub(crate) bitrate: u32,
    pub(crate) gop: u32,
    pub(crate) between: i32,
}

static ENGINE: Mutex<Engine> = Mutex::new(Engine {
    memory: Vec::new(),
    out: Vec::new(),
    kind: sdk::NV_ENC_PIC_TYPE::NV_ENC_PIC_TYPE_P,
    live: [0; 4],
    pictures: 0,
    ends: 0,
    initialized: None,
    failing: None,
});
/// One test at a time.
static TEST: Mutex<()> = Mutex::new(());

pub(crate) fn engine() -> MutexGuard<'static, Engine> {
    ENGINE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    fn answer(&self, call: &str) -> Status {
        self.failing.filter(|(failing, _)| *failing == call).map_or(DONE, |(_, status)| status)
    }
}

unsafe extern "C" fn open(
    wanted: *mut sdk::NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS,
    handle: *mut *mut c_void,
) -> Status {
    // SAFETY: the caller's record.
    let wanted = unsafe { &*wanted };
    assert_eq!(wanted.apiVersion, sdk::NVENCAPI_VERSION);
    assert!(!wanted.device.is_null(), "the context is told");
    // SAFETY: the caller's place for a handle.
    unsafe { *handle = std::ptr::dangling_mut::<u8>().cast() };
    let mut engine = engine();
    engine.live[0] += 1;
    engine.answer("open")
}

unsafe extern "C" fn preset(
    _: *mut c_void,
    _: sdk::GUID,
    _: sdk::GUID,
    tuning: sdk::NV_ENC_TUNING_INFO,
    config: *mut sdk::NV_ENC_PRESET_CONFIG,
) -> Status {
    assert_eq!(tuning, sdk::NV_ENC_TUNING_INFO::NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY);
    // SAFETY: within the caller's record.
    let mode = number(unsafe { &raw const (*config).presetCfg.frameFieldMode });
    let frame = sdk::NV_ENC_PARAMS_FRAME_FIELD_MODE::NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME as u32;
    assert_eq!(mode, frame);
    // SAFETY: the caller's record.
    let config = unsafe { &mut *config };
    assert_eq!(config.version, sdk::NV_ENC_PRESET_CONFIG_VER);
    assert_eq!(config.presetCfg.version, sdk::NV_ENC_CONFIG_VER);
    config.presetCfg.frameIntervalP = 3;
    config.presetCfg.gopLength = 30;
    engine().answer("preset")
}

unsafe extern "C" fn initialize(
    _: *mut c_void,
    wanted: *mut sdk::NV_ENC_INITIALIZE_PARAMS,
) -> Status {
    // SAFETY: the caller's record.
    let wanted = unsafe { &*wanted };
    // SAFETY: and the one that it points to.
    let config = unsafe { &*wanted.encodeConfig };
    let mut engine = engine();
    engine.initialized = Some(Initialized {
        size: (wanted.encodeWidth, wanted.encodeHeight),
        rate: (wanted.frameRateNum, wanted.frameRateDen),
        bitrate: config.rcParams.averageBitRate,
        gop: config.gopLength,
        between: config.frameIntervalP,
    });
    engine.answer("initialize")
}

unsafe extern "C" fn sets(
    _: *mut c_void,
    wanted: *mut sdk::NV_ENC_SEQUENCE_PARAM_PAYLOAD,
) -> Status {
    const SETS: [u8; 15] = [0, 0, 0, 1, 0x67, 100, 0, 31, 0xac, 0, 0, 0, 1, 0x68, 0xee];
    // SAFETY: the caller's record.
    let wanted = unsafe { &*wanted };
    assert!(wanted.inBufferSize as usize >= SETS.len());
    // SAFETY: the caller's place has room, as was just asserted.
    unsafe { wanted.spsppsBuffer.cast::<[u8; 15]>().write_unaligned(SETS) };
    // SAFETY: the caller's place for a number.
    unsafe { *wanted.outSPSPPSPayloadSize = SETS.len() as u32 };
    engine().answer("sets")
}

unsafe extern "C" fn create_input(
    _: *mut c_void,
    wanted: *mut sdk::NV_ENC_CREATE_INPUT_BUFFER,
) -> Status {
    // SAFETY: the caller's record.
    let wanted = unsafe { &mut *wanted };
    let mut engine = engine();
    engine.memory = vec![0; PITCH * wanted.height as usize * 3 / 2];
    engine.live[1] += 1;
    wanted.inputBuffer = engine.memory.as_mut_ptr().cast();
    engine.answer("create_input")
}

unsafe extern "C" fn create_output(
    _: *mut c_void,
    wanted: *mut sdk::NV_ENC_CREATE_BITSTREAM_BUFFER,
) -> Status {
    let mut engine = engine();
    engine.live[2] += 1;
    // SAFETY: the caller's record.
    unsafe { (*wanted).bitstreamBuffer = std::ptr::dangling_mut::<u8>().cast() };
    engine.answer("create_output")
}

unsafe extern "C" fn destroy_input(_: *mut c_void, _: *mut c_void) -> Status {
    engine().live[1] -= 1;
    DONE
}

unsafe extern "C" fn destroy_output(_: *mut c_void, _: *mut c_void) -> Status {
    engine().live[2] -= 1;
    DONE
}

unsafe extern "C" fn destroy(_: *mut c_void) -> Status {
    engine().live[0] -= 1;
    DONE
}

unsafe extern "C" fn lock_input(
    _: *mut c_void,
    wanted: *mut sdk::NV_ENC_LOCK_INPUT_BUFFER,
) -> Status {
    // SAFETY: the caller's record.
    let wanted = unsafe { &mut *wanted };
    let mut engine = engine();
    engine.live[3] += 1;
    wanted.bufferDataPtr = engine.memory.as_mut_ptr().cast();
    wanted.pitch = PITCH as u32;
    engine.answer("lock_input")
}

unsafe extern "C" fn unlock_input(_: *mut c_void, _: *mut c_void) -> Status {
    engine().live[3] -= 1;
    DONE
}

/// An enum of the caller's as a number: of a value that the enum lacks no reference may be made.
fn number<T>(value: *const T) -> u32 {
    // SAFETY: a field of the caller's record, and the vendor's enums have the size of the number.
    unsafe { value.cast::<u32>().read() }
}

unsafe extern "C" fn encode(_: *mut c_void, picture: *mut sdk::NV_ENC_PIC_PARAMS) -> Status {
    // SAFETY: within the caller's record.
    let structure = number(unsafe { &raw const (*picture).pictureStruct });
    let frame = sdk::NV_ENC_PIC_STRUCT::NV_ENC_PIC_STRUCT_FRAME as u32;
    assert_eq!(structure, frame, "of the record that tells the end too");
    // SAFETY: the caller's record.
    let picture = unsafe { &*picture };
    let mut engine = engine();
    if picture.encodePicFlags & sdk::NV_ENC_PIC_FLAGS::NV_ENC_PIC_FLAG_EOS as u32 != 0 {
        engine.ends += 1;
        return DONE;
    }
    assert_eq!(engine.live[3], 0, "the input is not locked");
    assert_eq!((picture.inputWidth, picture.inputHeight), (320, 180));
    assert_eq!(picture.inputPitch as usize, PITCH);
    let forced = sdk::NV_ENC_PIC_FLAGS::NV_ENC_PIC_FLAG_FORCEIDR as u32;
    let key = picture.encodePicFlags & forced != 0;
    let (header, kind) = if key {
        (0x65, sdk::NV_ENC_PIC_TYPE::NV_ENC_PIC_TYPE_IDR)
    } else {
        (0x41, sdk::NV_ENC_PIC_TYPE::NV_ENC_PIC_TYPE_P)
    };
    let height = usize::from(HEIGHT);
    // The last pixel of the last row of luma, and the last pair of chroma.
    let luma = engine.memory[PITCH * (height - 1) + 319];
    let chroma = engine.memory[PITCH * (height * 3 / 2 - 1) + 318..][..2].to_vec();
    engine.out = [&[0, 0, 0, 1, header, luma][..], &chroma].concat();
    engine.kind = kind;
    engine.pictures += 1;
    engine.answer("encode")
}

unsafe extern "C" fn lock_output(_: *mut c_void, out: *mut sdk::NV_ENC_LOCK_BITSTREAM) -> Status {
    let mut engine = engine();
    // SAFETY: within the caller's record.
    let structure = number(unsafe { &raw const (*out).pictureStruct });
    assert_eq!(structure, sdk::NV_ENC_PIC_STRUCT::NV_ENC_PIC_STRUCT_FRAME as u32);
    // SAFETY: the caller's record.
    let out = unsafe { &mut *out };
    out.bitstreamBufferPtr = engine.out.as_mut_ptr().cast();
    out.bitstreamSizeInBytes = engine.out.len() as u32;
    out.pictureType = engine.kind;
    engine.answer("lock_output")
}

unsafe extern "C" fn unlock_output(_: *mut c_void, _: *mut c_void) -> Status {
    DONE
}

unsafe extern "C" fn create(list: *mut c_void) -> i32 {
    // SAFETY: the caller's list.
    let list = unsafe { &mut *list.cast::<sdk::NV_ENCODE_API_FUNCTION_LIST>() };
    assert_eq!(list.version, sdk::NV_ENCODE_API_FUNCTION_LIST_VER);
    list.nvEncOpenEncodeSessionEx = Some(open);
    list.nvEncGetEncodePresetConfigEx = Some(preset);
    list.nvEncInitializeEncoder = Some(initialize);
    list.nvEncGetSequenceParams = Some(sets);
    list.nvEncCreateInputBuffer = Some(create_input);
    list.nvEncDestroyInputBuffer = Some(destroy_input);
    list.nvEncCreateBitstreamBuffer = Some(create_output);
    list.nvEncDestroyBitstreamBuffer = Some(destroy_output);
    list.nvEncLockInputBuffer = Some(lock_input);
    list.nvEncUnlockInputBuffer = Some(unlock_input);
    list.nvEncEncodePicture = Some(encode);
    list.nvEncLockBitstream = Some(lock_output);
    list.nvEncUnlockBitstream = Some(unlock_output);
    list.nvEncDestroyEncoder = Some(destroy);
    0
}

/// A box whose GPU encodes; held while a test runs.
pub(crate) struct Bench {
    pub(crate) fake: Fake,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    pub(crate) fn new() -> Option<Self> {
        let alone = TEST.lock().unwrap_or_else(PoisonError::into_inner);
        let fake = Fake::build()?;
        fake.encoder(create);
        *engine() = Engine {
            memory: Vec::new(),
            out: Vec::new(),
            kind: sdk::NV_ENC_PIC_TYPE::NV_ENC_PIC_TYPE_P,
            live: [0; 4],
            pictures: 0,
            ends: 0,
            initialized: None,
            failing: None,
        };
        Some(Self { fake, _alone: alone })
    }

    pub(crate) fn open(&self, config: &Config) -> Result<Encoder, EncodeError> {
        Encoder::open(&self.fake.gpu(), config)
    }
}
