//! The functions of NVIDIA's encoder, out of the list that its library hands out, and what their
//! answers mean.
//!
//! Calls none of them; that is [`crate::nvenc`]'s.

use std::ffi::c_void;
use std::mem;

use nvidia_video_codec_sdk::sys::nvEncodeAPI as sdk;
use thiserror::Error;

use crate::gpu::{Fault, Gpu};
use crate::library::{Absent, Code, Nvenc};

/// Why the encoder does not encode.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// It is not there.
    #[error(transparent)]
    Absent(#[from] Absent),
    /// The GPU does not answer.
    #[error(transparent)]
    Gpu(#[from] Fault),
    /// It refused a call.
    #[error("{call} answered {code}{}", .meaning(*.code))]
    Refused {
        /// Which function.
        call: &'static str,
        /// `NVENCSTATUS`.
        code: Code,
    },
}

/// What a technician should know of some answers.
fn meaning(code: Code) -> &'static str {
    match code {
        1 | 2 => ": this GPU has no encoder",
        10 => ": out of memory, or too many sessions for this GPU",
        15 => ": the driver is of another version than this program was built for",
        _ => "",
    }
}

/// Finds a function in NVENC's list. The vendor's own type answers with an enum; a newer library
/// may answer what it lacks, so that a number is read.
macro_rules! function {
    ($list:expr, $gpu:expr, $field:ident ($($argument:ty),* $(,)?)) => {{
        let found = $list.$field.ok_or_else(|| Absent::Function {
            name: $gpu.names().encode.clone(),
            symbol: stringify!($field),
        })?;
        // SAFETY: the enum has the size of the number that is read instead.
        unsafe {
            mem::transmute::<
                unsafe extern "C" fn($($argument),*) -> sdk::NVENCSTATUS,
                unsafe extern "C" fn($($argument),*) -> Code,
            >(found)
        }
    }};
}

/// NVENC's functions that are called here.
pub(crate) struct Functions {
    pub(crate) open: unsafe extern "C" fn(
        *mut sdk::NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS,
        *mut *mut c_void,
    ) -> Code,
    pub(crate) preset: unsafe extern "C" fn(
        *mut c_void,
        sdk::GUID,
        sdk::GUID,
        sdk::NV_ENC_TUNING_INFO,
        *mut sdk::NV_ENC_PRESET_CONFIG,
    ) -> Code,
    pub(crate) initialize:
        unsafe extern "C" fn(*mut c_void, *mut sdk::NV_ENC_INITIALIZE_PARAMS) -> Code,
    pub(crate) sets:
        unsafe extern "C" fn(*mut c_void, *mut sdk::NV_ENC_SEQUENCE_PARAM_PAYLOAD) -> Code,
    pub(crate) create_input:
        unsafe extern "C" fn(*mut c_void, *mut sdk::NV_ENC_CREATE_INPUT_BUFFER) -> Code,
    pub(crate) destroy_input: unsafe extern "C" fn(*mut c_void, *mut c_void) -> Code,
    pub(crate) create_output:
        unsafe extern "C" fn(*mut c_void, *mut sdk::NV_ENC_CREATE_BITSTREAM_BUFFER) -> Code,
    pub(crate) destroy_output: unsafe extern "C" fn(*mut c_void, *mut c_void) -> Code,
    pub(crate) lock_input:
        unsafe extern "C" fn(*mut c_void, *mut sdk::NV_ENC_LOCK_INPUT_BUFFER) -> Code,
    pub(crate) unlock_input: unsafe extern "C" fn(*mut c_void, *mut c_void) -> Code,
    pub(crate) encode: unsafe extern "C" fn(*mut c_void, *mut sdk::NV_ENC_PIC_PARAMS) -> Code,
    pub(crate) lock_output:
        unsafe extern "C" fn(*mut c_void, *mut sdk::NV_ENC_LOCK_BITSTREAM) -> Code,
    pub(crate) unlock_output: unsafe extern "C" fn(*mut c_void, *mut c_void) -> Code,
    pub(crate) destroy: unsafe extern "C" fn(*mut c_void) -> Code,
    /// Keeps the functions' code in memory.
    _library: Nvenc,
}

impl Functions {
    pub(crate) fn load(gpu: &Gpu) -> Result<Self, Error> {
        let library = Nvenc::load(&gpu.names().encode)?;
        let list = list(gpu, &library)?;
        Ok(Self {
            open: function!(
                list,
                gpu,
                nvEncOpenEncodeSessionEx(
                    *mut sdk::NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS,
                    *mut *mut c_void,
                )
            ),
            preset: function!(
                list,
                gpu,
                nvEncGetEncodePresetConfigEx(
                    *mut c_void,
                    sdk::GUID,
                    sdk::GUID,
                    sdk::NV_ENC_TUNING_INFO,
                    *mut sdk::NV_ENC_PRESET_CONFIG,
                )
            ),
            initialize: function!(
                list,
                gpu,
                nvEncInitializeEncoder(*mut c_void, *mut sdk::NV_ENC_INITIALIZE_PARAMS)
            ),
            sets: function!(
                list,
                gpu,
                nvEncGetSequenceParams(*mut c_void, *mut sdk::NV_ENC_SEQUENCE_PARAM_PAYLOAD)
            ),
            create_input: function!(
                list,
                gpu,
                nvEncCreateInputBuffer(*mut c_void, *mut sdk::NV_ENC_CREATE_INPUT_BUFFER)
            ),
            destroy_input: function!(list, gpu, nvEncDestroyInputBuffer(*mut c_void, *mut c_void)),
            create_output: function!(
                list,
                gpu,
                nvEncCreateBitstreamBuffer(*mut c_void, *mut sdk::NV_ENC_CREATE_BITSTREAM_BUFFER)
            ),
            destroy_output: function!(
                list,
                gpu,
                nvEncDestroyBitstreamBuffer(*mut c_void, *mut c_void)
            ),
            lock_input: function!(
                list,
                gpu,
                nvEncLockInputBuffer(*mut c_void, *mut sdk::NV_ENC_LOCK_INPUT_BUFFER)
            ),
            unlock_input: function!(list, gpu, nvEncUnlockInputBuffer(*mut c_void, *mut c_void)),
            encode: function!(
                list,
                gpu,
                nvEncEncodePicture(*mut c_void, *mut sdk::NV_ENC_PIC_PARAMS)
            ),
            lock_output: function!(
                list,
                gpu,
                nvEncLockBitstream(*mut c_void, *mut sdk::NV_ENC_LOCK_BITSTREAM)
            ),
            unlock_output: function!(list, gpu, nvEncUnlockBitstream(*mut c_void, *mut c_void)),
            destroy: function!(list, gpu, nvEncDestroyEncoder(*mut c_void)),
            _library: library,
        })
    }
}

/// The list of functions that the library hands out.
fn list(gpu: &Gpu, library: &Nvenc) -> Result<sdk::NV_ENCODE_API_FUNCTION_LIST, Error> {
    let mut newest = 0;
    // SAFETY: writes one number.
    let code = unsafe { (library.version_max)(&mut newest) };
    checked("NvEncodeAPIGetMaxSupportedVersion", code)?;
    if newest < sdk::NVENCAPI_MAJOR_VERSION << 4 | sdk::NVENCAPI_MINOR_VERSION {
        return Err(Error::Absent(Absent::Function {
            name: gpu.names().encode.clone(),
            symbol: "of NVENC's version 12.1",
        }));
    }
    // SAFETY: zeros are valid for all of it: numbers, null pointers, no functions.
    let mut list: sdk::NV_ENCODE_API_FUNCTION_LIST = unsafe { mem::zeroed() };
    list.version = sdk::NV_ENCODE_API_FUNCTION_LIST_VER;
    // SAFETY: fills in the list of the version that it carries.
    let code = unsafe { (library.create_instance)((&raw mut list).cast()) };
    checked("NvEncodeAPICreateInstance", code)?;
    Ok(list)
}

/// An answer as a result.
pub(crate) fn checked(call: &'static str, code: Code) -> Result<(), Error> {
    if code == 0 { Ok(()) } else { Err(Error::Refused { call, code }) }
}
