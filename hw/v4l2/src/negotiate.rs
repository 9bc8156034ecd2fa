//! Which of a device's layouts and sizes is taken. Pure: [`crate::device`] asks the device.

use std::fmt;

use wire::units::PictureSize;

/// Layouts that the box can take, the best first. All are 8 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Luma, then Cb and Cr by turns at half the columns and rows: what lanes and encoders read.
    Nv12,
    /// Cb, Y, Cr, Y: what SDI carries. Unpacked when somebody reads it.
    Uyvy,
    /// Y, Cb, Y, Cr. Likewise.
    Yuyv,
}

impl Pixels {
    /// All, the best first.
    pub const ALL: [Self; 3] = [Self::Nv12, Self::Uyvy, Self::Yuyv];

    /// Its code in Video4Linux.
    pub const fn code(self) -> [u8; 4] {
        match self {
            Self::Nv12 => *b"NV12",
            Self::Uyvy => *b"UYVY",
            Self::Yuyv => *b"YUYV",
        }
    }

    /// The layout with that code.
    pub fn of_code(code: [u8; 4]) -> Option<Self> {
        Self::ALL.into_iter().find(|pixels| pixels.code() == code)
    }

    /// Bytes of one row of luma and whatever is packed with it.
    pub fn row_bytes(self, size: PictureSize) -> usize {
        match self {
            Self::Nv12 => usize::from(size.width),
            Self::Uyvy | Self::Yuyv => 2 * usize::from(size.width),
        }
    }

    /// Bytes that a picture needs at least, its rows `stride` bytes apart.
    pub fn picture_bytes(self, size: PictureSize, stride: usize) -> usize {
        let rows = match self {
            Self::Nv12 => usize::from(size.height) + usize::from(size.height).div_ceil(2),
            Self::Uyvy | Self::Yuyv => usize::from(size.height),
        };
        rows.saturating_sub(1) * stride + self.row_bytes(size)
    }
}

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nv12 => "NV12",
            Self::Uyvy => "UYVY",
            Self::Yuyv => "YUYV",
        })
    }
}

/// The layout to ask for: what is wanted, or the best that the device has.
///
/// # Errors
/// A sentence with what the device has, for a technician.
pub fn choose(offered: &[[u8; 4]], wanted: Option<Pixels>) -> Result<Pixels, String> {
    let has = |pixels: &Pixels| offered.contains(&pixels.code());
    let chosen = match wanted {
        Some(pixels) => Some(pixels).filter(has),
        None => Pixels::ALL.into_iter().find(has),
    };
    chosen.ok_or_else(|| {
        let all: Vec<String> =
            offered.iter().map(|code| String::from_utf8_lossy(code).trim().to_owned()).collect();
        let usable = || offered.iter().any(|code| Pixels::of_code(*code).is_some());
        match wanted {
            Some(pixels) if usable() => format!(
                "the device has no {pixels} but {}; correct `format`, or leave it out",
                all.join(", ")
            ),
            Some(_) | None => format!(
                "the device has {}, of which the box takes none; it takes NV12, UYVY and YUYV",
                if all.is_empty() { "no formats".to_owned() } else { all.join(", ") }
            ),
        }
    })
}

/// Sizes that a device can deliver in one layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// These.
    These(Vec<PictureSize>),
    /// Any in between.
    Between(PictureSize, PictureSize),
}

/// The size to ask for where no signal dictates it: the wanted one, or the one nearest to it that
/// is not larger, or the smallest.
pub fn fit(sizes: &Sizes, wanted: PictureSize) -> PictureSize {
    let fits = |size: &PictureSize| size.width <= wanted.width && size.height <= wanted.height;
    let area = |size: &PictureSize| u32::from(size.width) * u32::from(size.height);
    match sizes {
        Sizes::Between(least, most) => PictureSize {
            width: wanted.width.clamp(least.width, most.width.max(least.width)),
            height: wanted.height.clamp(least.height, most.height.max(least.height)),
        },
        Sizes::These(all) => {
            let within = all.iter().copied().filter(fits).max_by_key(area);
            within.or_else(|| all.iter().copied().min_by_key(area)).unwrap_or(wanted)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u16, height: u16) -> PictureSize {
        PictureSize { width, height }
    }

    #[test]
    fn the_best_layout_is_taken_unless_another_one_is_wanted() {
        let (uyvy, yuyv, nv12, rgb) = (*b"UYVY", *b"YUYV", *b"NV12", *b"RGB3");
        assert_eq!(choose(&[rgb, yuyv, uyvy, nv12], None), Ok(Pixels::Nv12));
        assert_eq!(choose(&[rgb, yuyv, uyvy], None), Ok(Pixels::Uyvy));
        assert_eq!(choose(&[yuyv, rgb], None), Ok(Pixels::Yuyv));
        assert_eq!(choose(&[yuyv, nv12], Some(Pixels::Yuyv)), Ok(Pixels::Yuyv));
    }

    #[test]
    fn a_technician_is_told_what_the_device_has() {
        let told = choose(&[*b"YUYV"], Some(Pixels::Nv12)).expect_err("it is not there");
        assert!(told.contains("no NV12 but YUYV"), "{told}");
        let told = choose(&[*b"RGB3", *b"MJPG"], None).expect_err("none is usable");
        assert!(told.contains("RGB3, MJPG, of which the box takes none"), "{told}");
        let told = choose(&[], None).expect_err("there is nothing");
        assert!(told.contains("has no formats"), "{told}");
    }

    #[test]
    fn a_size_that_the_device_lacks_becomes_the_next_smaller_one() {
        let these = Sizes::These(vec![size(640, 480), size(1280, 720), size(1920, 1080)]);
        assert_eq!(fit(&these, size(1920, 1080)), size(1920, 1080));
        assert_eq!(fit(&these, size(1600, 900)), size(1280, 720));
        assert_eq!(fit(&these, size(320, 240)), size(640, 480));
        let between = Sizes::Between(size(16, 16), size(1920, 1200));
        assert_eq!(fit(&between, size(1280, 720)), size(1280, 720));
        assert_eq!(fit(&between, size(3840, 2160)), size(1920, 1200));
        assert_eq!(fit(&Sizes::These(Vec::new()), size(1280, 720)), size(1280, 720));
    }

    #[test]
    fn a_picture_needs_what_its_layout_says() {
        assert_eq!(Pixels::Uyvy.picture_bytes(size(1920, 1080), 3840), 1080 * 3840);
        assert_eq!(Pixels::Nv12.picture_bytes(size(1920, 1080), 1920), 1620 * 1920);
        assert_eq!(Pixels::Nv12.picture_bytes(size(16, 16), 64), 23 * 64 + 16);
    }
}
