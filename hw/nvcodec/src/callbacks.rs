//! The functions that NVIDIA's parser calls, and nothing but the way from its pointers to
//! [`Session`]. All of them run on the decoding thread, inside `cuvidParseVideoData`.

use std::ffi::{c_int, c_void};

use nvidia_video_codec_sdk::sys::cuviddec::CUVIDPICPARAMS;
use nvidia_video_codec_sdk::sys::nvcuvid::{CUVIDEOFORMAT, CUVIDPARSERDISPINFO};

use crate::session::{Session, Told, Trouble};

/// Answers of a callback.
const REFUSED: c_int = 0;
const DONE: c_int = 1;

/// Chroma formats that NVIDIA has, from 0 to this.
const CHROMA_LAST: u32 = 3;

/// A sequence begins, or begins anew.
///
/// # Safety
/// `user` is the [`Session`] that the parser was made with, which nobody else borrows; `format` is
/// the parser's.
pub(crate) unsafe extern "C" fn on_sequence(
    user: *mut c_void,
    format: *mut CUVIDEOFORMAT,
) -> c_int {
    // SAFETY: the caller answers for it.
    let session = unsafe { &mut *user.cast::<Session>() };
    // SAFETY: the parser's record lives as long as the callback.
    let chroma: *const u32 = unsafe { &raw const (*format).chroma_format }.cast();
    // SAFETY: the enum has the size of a `u32`, and is read as one: a newer library may tell what
    // the vendor's list lacks.
    let chroma = unsafe { chroma.read() };
    if chroma > CHROMA_LAST {
        session.wrong(Trouble::Failed(format!("its chroma format {chroma} is not known")));
        return REFUSED;
    }
    // SAFETY: the parser's record lives as long as the callback; of its two enums one was looked
    // at, and the other is the codec that the parser was made for.
    let format = unsafe { &*format };
    let area = &format.display_area;
    let told = Told {
        chroma,
        bits: format.bit_depth_luma_minus8.saturating_add(8),
        coded: (format.coded_width, format.coded_height),
        shown: [area.left, area.top, area.right, area.bottom],
        surfaces: format.min_num_decode_surfaces,
    };
    session.sequence(&told).unwrap_or_else(|reason| {
        session.wrong(Trouble::Failed(reason));
        REFUSED
    })
}

/// A picture is to be decoded.
///
/// # Safety
/// As [`on_sequence`].
pub(crate) unsafe extern "C" fn on_decode(
    user: *mut c_void,
    parameters: *mut CUVIDPICPARAMS,
) -> c_int {
    // SAFETY: the caller answers for it.
    let session = unsafe { &mut *user.cast::<Session>() };
    // SAFETY: the parser's own, and it waits for this callback.
    match unsafe { session.decode(parameters) } {
        Ok(()) => DONE,
        Err(reason) => {
            session.wrong(Trouble::Failed(reason));
            REFUSED
        }
    }
}

/// A picture is to be shown; null at the end of the stream.
///
/// # Safety
/// As [`on_sequence`].
pub(crate) unsafe extern "C" fn on_show(
    user: *mut c_void,
    shown: *mut CUVIDPARSERDISPINFO,
) -> c_int {
    // SAFETY: the caller answers for it.
    let session = unsafe { &mut *user.cast::<Session>() };
    // SAFETY: the parser's record lives as long as the callback.
    let Some(shown) = (unsafe { shown.as_ref() }) else { return DONE };
    match session.show(shown) {
        Ok(()) => DONE,
        Err(trouble) => {
            session.wrong(trouble);
            // The picture is lost; the parser goes on.
            DONE
        }
    }
}
