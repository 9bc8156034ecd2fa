//! The kernel's digital video timings, and what they say.

use std::io;

use hal::capture::{NoSignal, Rate, SentRows, Timings};
use v4l::v4l_sys as sys;
use wire::units::PictureSize;

/// What they say; `None` of timings that no picture can have.
pub(crate) fn read(timings: &sys::v4l2_dv_timings) -> Option<Timings> {
    if timings.type_ != sys::V4L2_DV_BT_656_1120 {
        return None;
    }
    // SAFETY: of this type `bt` is the member in use; it is copied out of the packed structure.
    let bt = unsafe { timings.__bindgen_anon_1.bt };
    let sides = [bt.width, bt.height].map(u16::try_from);
    let [Ok(width @ 1..), Ok(height @ 1..)] = sides else { return None };
    let (is_interlaced, blanks) = match bt.interlaced {
        0 => (false, 0),
        _ => (
            true,
            u64::from(bt.il_vfrontporch) + u64::from(bt.il_vsync) + u64::from(bt.il_vbackporch),
        ),
    };
    let across = [bt.width, bt.hfrontporch, bt.hsync, bt.hbackporch];
    let down = [bt.height, bt.vfrontporch, bt.vsync, bt.vbackporch];
    let sum = |parts: [u32; 4]| parts.iter().map(|part| u64::from(*part)).sum::<u64>();
    let points = sum(across).checked_mul(sum(down) + blanks)?;
    let rate = (u128::from(bt.pixelclock) * 1_000 + u128::from(points / 2)) / u128::from(points);
    let rate = u32::try_from(rate).ok().filter(|rate| *rate > 0)?;
    Some(Timings {
        size: PictureSize { width, height },
        rows: if is_interlaced { SentRows::Interlaced } else { SentRows::Progressive },
        rate: Rate(rate),
    })
}

/// What an answer to `VIDIOC_QUERY_DV_TIMINGS` says of the signal.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// There is one.
    Signal(sys::v4l2_dv_timings, Timings),
    /// There is none.
    None(NoSignal),
    /// The device cannot tell: what comes out of it must do.
    Never,
    /// It cannot tell now.
    NotNow,
}

/// Understands an answer.
pub(crate) fn understand(answer: io::Result<sys::v4l2_dv_timings>) -> Answer {
    let error = match answer {
        Ok(timings) => {
            return match read(&timings) {
                Some(told) => Answer::Signal(timings, told),
                None => Answer::None(NoSignal::OutOfRange),
            };
        }
        Err(error) => error,
    };
    match error.raw_os_error() {
        Some(libc::ENOLINK) => Answer::None(NoSignal::Nothing),
        Some(libc::ENOLCK) => Answer::None(NoSignal::Unstable),
        Some(libc::ERANGE) => Answer::None(NoSignal::OutOfRange),
        Some(libc::ENOTTY | libc::EINVAL | libc::ENODATA) => Answer::Never,
        Some(_) | None => Answer::NotNow,
    }
}

/// What an input's status says of the signal, where it has no timings.
pub(crate) fn of_status(status: u32) -> Option<NoSignal> {
    let unstable = sys::V4L2_IN_ST_NO_H_LOCK | sys::V4L2_IN_ST_NO_V_LOCK | sys::V4L2_IN_ST_NO_SYNC;
    if status & (sys::V4L2_IN_ST_NO_POWER | sys::V4L2_IN_ST_NO_SIGNAL) != 0 {
        Some(NoSignal::Nothing)
    } else if status & unstable != 0 {
        Some(NoSignal::Unstable)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timings(bt: sys::v4l2_bt_timings) -> sys::v4l2_dv_timings {
        // SAFETY: integers and a union of them.
        let mut timings: sys::v4l2_dv_timings = unsafe { std::mem::zeroed() };
        timings.__bindgen_anon_1.bt = bt;
        timings
    }

    fn bt(across: [u32; 4], down: [u32; 4], pixelclock: u64) -> sys::v4l2_bt_timings {
        // SAFETY: integers.
        let zeros: sys::v4l2_bt_timings = unsafe { std::mem::zeroed() };
        sys::v4l2_bt_timings {
            width: across[0],
            hfrontporch: across[1],
            hsync: across[2],
            hbackporch: across[3],
            height: down[0],
            vfrontporch: down[1],
            vsync: down[2],
            vbackporch: down[3],
            pixelclock,
            ..zeros
        }
    }

    #[test]
    fn signals_of_broadcasters_are_told_by_their_names() {
        let full = [1920, 528, 44, 148];
        let progressive = bt(full, [1080, 4, 5, 36], 148_500_000);
        let interlaced = sys::v4l2_bt_timings {
            interlaced: 1,
            il_vfrontporch: 2,
            il_vsync: 5,
            il_vbackporch: 16,
            ..bt(full, [1080, 2, 5, 15], 74_250_000)
        };
        let ntsc = bt([1280, 110, 40, 220], [720, 5, 5, 20], 74_175_824);
        for (raw, name) in [(progressive, "1080p50"), (interlaced, "1080i50"), (ntsc, "720p59.94")]
        {
            assert_eq!(read(&timings(raw)).expect("a picture").to_string(), name);
        }
    }

    #[test]
    fn timings_that_no_picture_can_have_are_refused() {
        for raw in [
            bt([0; 4], [0; 4], 0),
            bt([1920, 0, 0, 0], [1080, 0, 0, 0], 0),
            bt([70_000, 0, 0, 0], [1080, 0, 0, 0], 148_500_000),
            bt([u32::MAX; 4], [u32::MAX; 4], u64::MAX),
        ] {
            assert_eq!(read(&timings(raw)), None);
        }
    }

    #[test]
    fn errors_of_a_query_say_what_is_wrong_with_the_signal() {
        let answer = |code| match understand(Err(io::Error::from_raw_os_error(code))) {
            Answer::None(why) => Some(why),
            Answer::Never | Answer::NotNow => None,
            Answer::Signal(..) => panic!("an error is no signal"),
        };
        assert_eq!(answer(libc::ENOLINK), Some(NoSignal::Nothing));
        assert_eq!(answer(libc::ENOLCK), Some(NoSignal::Unstable));
        assert_eq!(answer(libc::ERANGE), Some(NoSignal::OutOfRange));
        assert_eq!(answer(libc::EBUSY), None);
        assert_eq!(of_status(sys::V4L2_IN_ST_NO_SIGNAL), Some(NoSignal::Nothing));
        assert_eq!(of_status(sys::V4L2_IN_ST_NO_H_LOCK), Some(NoSignal::Unstable));
        assert_eq!(of_status(0), None);
    }
}
