//! Records of NVENC's with an enum that has no zero. The vendor's `Default` fills them with zeros,
//! which is no value of such an enum, and therefore no value of the record.

use std::mem::MaybeUninit;

use nvidia_video_codec_sdk::sys::nvEncodeAPI as sdk;

/// A record of zeros but for one field.
macro_rules! zeros_but {
    ($record:ty, $($field:ident).+, $value:expr) => {{
        let mut record = MaybeUninit::<$record>::zeroed();
        let at = record.as_mut_ptr();
        // SAFETY: the place lies within the record; nothing is read.
        let field = unsafe { &raw mut (*at).$($field).+ };
        // SAFETY: the field is the record's own, and aligned as C lays it out.
        unsafe { field.write($value) };
        // SAFETY: zeros are valid for all the rest: numbers, null pointers, unions of such records,
        // and enums that have a zero.
        unsafe { record.assume_init() }
    }};
}

/// A picture of whole frames.
pub(crate) fn picture() -> sdk::NV_ENC_PIC_PARAMS {
    let whole = sdk::NV_ENC_PIC_STRUCT::NV_ENC_PIC_STRUCT_FRAME;
    zeros_but!(sdk::NV_ENC_PIC_PARAMS, pictureStruct, whole)
}

/// Where NVENC tells what it encoded.
pub(crate) fn output() -> sdk::NV_ENC_LOCK_BITSTREAM {
    let whole = sdk::NV_ENC_PIC_STRUCT::NV_ENC_PIC_STRUCT_FRAME;
    zeros_but!(sdk::NV_ENC_LOCK_BITSTREAM, pictureStruct, whole)
}

/// Where NVENC tells what a preset is.
pub(crate) fn preset() -> sdk::NV_ENC_PRESET_CONFIG {
    let whole = sdk::NV_ENC_PARAMS_FRAME_FIELD_MODE::NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
    zeros_but!(sdk::NV_ENC_PRESET_CONFIG, presetCfg.frameFieldMode, whole)
}
