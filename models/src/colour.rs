//! Pictures in colour as networks want them: luma and chroma, resampled, as blue, green and red.
//!
//! Luma and chroma are resampled first, each from its own size, and only the small picture is
//! converted: a tenth of the work at 1280 x 720. Owns the colours; how planes shrink is
//! [`crate::picture`]'s.

use hal::surface::{HostPicture, PixelFormat};

use crate::limits::LETTERBOX_GREY;
use crate::picture::{Grey, Letterbox, Luma, PlaneError, Resampler};

/// How colours can become a network's numbers: the order of its planes, 0 to 255 or divided by
/// 255.
pub const SCALES: [&str; 4] = ["bgr", "rgb", "bgr/255", "rgb/255"];

/// Pictures of at most so many rows have the colours of standard definition (BT.601), larger ones
/// those of high definition (BT.709), as encoders have it that do not say.
const STANDARD_ROWS_MAX: usize = 576;

/// One of [`SCALES`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    order: Order,
    factor: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Bgr,
    Rgb,
}

impl Scale {
    /// The scale of that name; `None` for a name that is not among [`SCALES`].
    pub fn named(name: &str) -> Option<Self> {
        let (order, factor) = match name {
            "bgr" => (Order::Bgr, 1.0),
            "rgb" => (Order::Rgb, 1.0),
            "bgr/255" => (Order::Bgr, 1.0 / 255.0),
            "rgb/255" => (Order::Rgb, 1.0 / 255.0),
            _ => return None,
        };
        Some(Self { order, factor })
    }
}

/// The planes of a picture, borrowed. They lie within their data: checked once, at construction.
#[derive(Clone, Copy)]
pub struct Colour<'a> {
    luma: Luma<'a>,
    chroma: Chroma<'a>,
}

#[derive(Clone, Copy)]
enum Chroma<'a> {
    /// Cb and Cr.
    Planes([Luma<'a>; 2]),
    /// Cb and Cr by turns; as many columns as both have.
    Pairs(Luma<'a>),
}

impl<'a> Colour<'a> {
    /// The planes of a picture in host memory.
    ///
    /// # Errors
    /// [`PlaneError`] if the driver handed out a plane shorter than its size says.
    pub fn of(picture: &HostPicture<'a>) -> Result<Self, PlaneError> {
        let luma = Luma::of(picture)?;
        let (columns, rows) = (luma.width().div_ceil(2), luma.height().div_ceil(2));
        let plane = |index: usize, columns| {
            let plane = picture.planes[index];
            Luma::new(plane.data, plane.stride, (columns, rows))
        };
        let chroma = match picture.format {
            PixelFormat::I420 => Chroma::Planes([plane(1, columns)?, plane(2, columns)?]),
            PixelFormat::Nv12 => Chroma::Pairs(plane(1, 2 * columns)?),
        };
        Ok(Self { luma, chroma })
    }

    /// Its luma plane.
    pub fn luma(&self) -> Luma<'a> {
        self.luma
    }
}

/// Resamples pictures in colour; keeps its working memory between pictures.
pub struct Painter {
    resampler: Resampler,
    scale: Scale,
    /// Luma, Cb and Cr at the network's size.
    small: [Grey; 3],
    /// Cb and Cr at the source's size, where a picture has them in pairs.
    apart: [Vec<u8>; 2],
}

impl Painter {
    /// A painter for networks that take this scale.
    pub fn new(scale: Scale) -> Self {
        let small = [(); 3].map(|()| Grey::filled(0, 0, 0));
        Self { resampler: Resampler::default(), scale, small, apart: [Vec::new(), Vec::new()] }
    }

    /// Fits the whole picture into a network's input, centred, with grey bars.
    ///
    /// - `target`: `[3, rows, columns]` f32, for `size` = (columns, rows); the planes in the order
    ///   of the scale.
    pub fn letterbox(
        &mut self,
        picture: Colour<'_>,
        size: (usize, usize),
        target: &mut [f32],
    ) -> Letterbox {
        debug_assert_eq!(target.len(), 3 * size.0 * size.1);
        let luma = picture.luma;
        let place = Letterbox::of((luma.width(), luma.height()), size);
        for small in &mut self.small {
            if (small.width, small.height) != size {
                *small = Grey::filled(size.0, size.1, 0);
            }
        }
        self.shrink(picture, place);
        target.fill(f32::from(LETTERBOX_GREY) * self.scale.factor);
        let matrix = if luma.height() <= STANDARD_ROWS_MAX { &BT601 } else { &BT709 };
        self.convert(matrix, place, target);
        place
    }

    fn shrink(&mut self, picture: Colour<'_>, place: Letterbox) {
        let Self { resampler, small: [luma, cb, cr], apart, .. } = self;
        resampler.lay(picture.luma, place, luma);
        let lay = |planes: [Luma<'_>; 2]| {
            for (plane, small) in planes.into_iter().zip([cb, cr]) {
                resampler.lay(plane, place, small);
            }
        };
        match picture.chroma {
            Chroma::Planes(planes) => lay(planes),
            Chroma::Pairs(pairs) => {
                let size = (pairs.width() / 2, pairs.height());
                split(pairs, apart);
                let plane = |data| Luma::new(data, size.0, size);
                // Always: `split` has just made both of this size.
                if let [Ok(cb), Ok(cr)] = [plane(&apart[0]), plane(&apart[1])] {
                    lay([cb, cr]);
                }
            }
        }
    }

    fn convert(&self, matrix: &Matrix, place: Letterbox, target: &mut [f32]) {
        let [luma, cb, cr] = &self.small;
        let factor = self.scale.factor;
        let (first, rest) = target.split_at_mut(luma.data.len());
        let (green, last) = rest.split_at_mut(luma.data.len());
        let (blue, red) = match self.scale.order {
            Order::Bgr => (first, last),
            Order::Rgb => (last, first),
        };
        for row in place.top..place.top + place.height {
            let line = row * luma.width + place.left..row * luma.width + place.left + place.width;
            let sources = luma.data[line.clone()].iter();
            let sources = sources.zip(&cb.data[line.clone()]).zip(&cr.data[line.clone()]);
            let targets = blue[line.clone()].iter_mut().zip(&mut green[line.clone()]);
            let targets = targets.zip(&mut red[line]);
            for (((y, cb), cr), ((blue, green), red)) in sources.zip(targets) {
                let [b, g, r] = matrix.bgr(*y, *cb, *cr);
                (*blue, *green, *red) = (b * factor, g * factor, r * factor);
            }
        }
    }
}

/// Takes pairs of Cb and Cr apart.
fn split(pairs: Luma<'_>, apart: &mut [Vec<u8>; 2]) {
    let [cb, cr] = apart;
    cb.clear();
    cr.clear();
    for y in 0..pairs.height() {
        let (row, _) = pairs.row(y).as_chunks::<2>();
        cb.extend(row.iter().map(|pair| pair[0]));
        cr.extend(row.iter().map(|pair| pair[1]));
    }
}

/// What a unit of Cb and Cr adds to each colour; luma from 16 to 235, chroma from 16 to 240.
struct Matrix {
    blue_cb: f32,
    green_cb: f32,
    green_cr: f32,
    red_cr: f32,
}

const BT601: Matrix =
    Matrix { blue_cb: 2.0172, green_cb: -0.3918, green_cr: -0.8130, red_cr: 1.596 };
const BT709: Matrix =
    Matrix { blue_cb: 2.1124, green_cb: -0.2132, green_cr: -0.5329, red_cr: 1.7927 };

impl Matrix {
    /// Blue, green and red, 0 to 255.
    fn bgr(&self, y: u8, cb: u8, cr: u8) -> [f32; 3] {
        let y = (f32::from(y) - 16.0) * (255.0 / 219.0);
        let (cb, cr) = (f32::from(cb) - 128.0, f32::from(cr) - 128.0);
        let green = self.green_cb * cb + self.green_cr * cr;
        [y + self.blue_cb * cb, y + green, y + self.red_cr * cr].map(|v| v.clamp(0.0, 255.0))
    }
}

#[cfg(test)]
mod tests {
    use hal::surface::Plane;
    use wire::units::PictureSize;

    use super::*;

    /// Y, Cb and Cr of the red, green and blue of a colour bar at full strength in BT.709, and
    /// of the red and the blue in BT.601 (ITU-R BT.709-6 and BT.601-7, 8 bit).
    const RED: [u8; 3] = [63, 102, 240];
    const GREEN: [u8; 3] = [173, 42, 26];
    const BLUE: [u8; 3] = [32, 240, 118];
    const RED_601: [u8; 3] = [81, 90, 240];
    const BLUE_601: [u8; 3] = [41, 240, 110];

    /// A picture of one colour, `columns` x `rows`, painted into 64 x 64: blue, green and red in
    /// the middle of each plane, and the corner of the first.
    fn painted(format: PixelFormat, size: (usize, usize), yuv: [u8; 3], scale: &str) -> [f32; 4] {
        let (half, rows) = (size.0.div_ceil(2), size.1.div_ceil(2));
        let luma = vec![yuv[0]; size.0 * size.1];
        let (cb, cr) = (vec![yuv[1]; half * rows], vec![yuv[2]; half * rows]);
        let pairs: Vec<u8> = cb.iter().zip(&cr).flat_map(|(a, b)| [*a, *b]).collect();
        let plane = |data, stride| Plane { data, stride };
        let planes = match format {
            PixelFormat::I420 => [plane(&luma, size.0), plane(&cb, half), plane(&cr, half)],
            PixelFormat::Nv12 => [plane(&luma, size.0), plane(&pairs, 2 * half), plane(&[], 0)],
        };
        let size = PictureSize { width: size.0 as u16, height: size.1 as u16 };
        let picture = HostPicture { size, format, planes };
        let colour = Colour::of(&picture).expect("it is whole");
        let mut target = vec![-1.0; 3 * 64 * 64];
        let mut painter = Painter::new(Scale::named(scale).expect("a known scale"));
        painter.letterbox(colour, (64, 64), &mut target);
        let middle = 32 * 64 + 32;
        [target[middle], target[4096 + middle], target[8192 + middle], target[0]]
    }

    fn close(a: [f32; 4], b: [f32; 4], off: f32) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= off)
    }

    #[test]
    fn primary_colours_come_out_at_full_strength_from_both_layouts() {
        for format in [PixelFormat::I420, PixelFormat::Nv12] {
            for (yuv, bgr) in
                [(RED, [0.0, 0.0, 255.0]), (GREEN, [0.0, 255.0, 0.0]), (BLUE, [255.0, 0.0, 0.0])]
            {
                let said = painted(format, (1280, 720), yuv, "bgr");
                let expected = [bgr[0], bgr[1], bgr[2], 114.0];
                assert!(close(said, expected, 2.5), "{format:?} {yuv:?}: {said:?}");
            }
            let said = painted(format, (640, 360), RED_601, "bgr");
            assert!(close(said, [0.0, 0.0, 255.0, 114.0], 2.5), "{format:?}: {said:?}");
        }
    }

    #[test]
    fn scale_says_the_order_of_the_colours_and_their_range() {
        let rgb = painted(PixelFormat::Nv12, (1280, 720), RED, "rgb");
        assert!(close(rgb, [255.0, 0.0, 0.0, 114.0], 2.5), "{rgb:?}");
        let unit = painted(PixelFormat::Nv12, (1280, 720), BLUE, "bgr/255");
        assert!(close(unit, [1.0, 0.0, 0.0, 114.0 / 255.0], 0.01), "{unit:?}");
        let unit = painted(PixelFormat::I420, (1280, 720), BLUE, "rgb/255");
        assert!(close(unit, [0.0, 0.0, 1.0, 114.0 / 255.0], 0.01), "{unit:?}");
        assert!(SCALES.iter().all(|name| Scale::named(name).is_some()));
        assert_eq!(Scale::named("luma/255"), None);
    }

    #[test]
    fn pictures_with_odd_sides_keep_their_colour_to_the_edge() {
        for format in [PixelFormat::I420, PixelFormat::Nv12] {
            for size in [(33, 65), (1, 1), (3, 1), (719, 721)] {
                let blue = if size.1 > STANDARD_ROWS_MAX { BLUE } else { BLUE_601 };
                let said = painted(format, size, blue, "bgr");
                assert!(said[0] > 250.0 && said[1] < 5.0, "{format:?} {size:?}: {said:?}");
            }
        }
    }

    #[test]
    fn a_chroma_plane_that_is_too_short_is_refused() {
        let bytes = vec![0; 64 * 64];
        let plane = |data, stride| Plane { data, stride };
        let size = PictureSize { width: 64, height: 64 };
        let short = [plane(&bytes[..], 64), plane(&bytes[..31 * 32], 32), plane(&bytes[..], 32)];
        let picture = HostPicture { size, format: PixelFormat::I420, planes: short };
        assert!(Colour::of(&picture).is_err());
        let narrow = [plane(&bytes[..], 64), plane(&bytes[..], 32), plane(&[], 0)];
        let picture = HostPicture { size, format: PixelFormat::Nv12, planes: narrow };
        assert!(Colour::of(&picture).is_err());
    }
}
