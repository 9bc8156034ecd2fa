//! Packed 4:2:2 pictures, unpacked to NV12: what lanes and encoders read.
//!
//! Happens when a picture's pixels are first asked for, once for all readers: see
//! `docs/decisions/0021-capture.md`. What it costs: `benches/unpack.rs`.

use hal::surface::{HostPicture, PixelFormat, Plane, Scan};
use wire::units::PictureSize;

/// Which bytes of four hold what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Cb, Y, Cr, Y.
    Uyvy,
    /// Y, Cb, Y, Cr.
    Yuyv,
}

/// A packed picture, borrowed.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    /// Rows of four bytes for each two pixels.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Columns, an even number, and rows.
    pub size: PictureSize,
    /// What the bytes are.
    pub order: Order,
    /// Decides which rows share their chroma.
    pub scan: Scan,
}

/// An NV12 picture that owns its pixels.
#[derive(Clone, Debug)]
pub struct Unpacked {
    size: PictureSize,
    pixels: Vec<u8>,
}

/// An empty one.
impl Default for Unpacked {
    fn default() -> Self {
        Self { size: PictureSize { width: 0, height: 0 }, pixels: Vec::new() }
    }
}

impl Unpacked {
    /// Unpacks `picture` into this one's memory. The chroma of two rows becomes their mean: of
    /// neighbours, or of the two nearest of one half where the picture is interlaced, so that two
    /// moments are not mixed. Rows that `picture` does not hold stay as they were.
    pub fn fill(&mut self, picture: Packed<'_>) {
        let (width, height) = (usize::from(picture.size.width), usize::from(picture.size.height));
        self.size = picture.size;
        self.pixels.resize(width * (height + height.div_ceil(2)), 128);
        let (luma, chroma) = self.pixels.split_at_mut(width * height);
        let row = |y: usize| {
            let from = y.min(height.saturating_sub(1)) * picture.stride;
            picture.data.get(from..from + 2 * width).unwrap_or_default()
        };
        for (y, target) in luma.chunks_exact_mut(width.max(1)).enumerate() {
            match picture.order {
                Order::Uyvy => take::<1>(row(y), target),
                Order::Yuyv => take::<0>(row(y), target),
            }
        }
        for (k, target) in chroma.chunks_exact_mut(width.max(1)).enumerate() {
            let (upper, lower) = match picture.scan {
                Scan::Progressive => (2 * k, 2 * k + 1),
                Scan::Interlaced(_) => (4 * (k / 2) + k % 2, 4 * (k / 2) + k % 2 + 2),
            };
            match picture.order {
                Order::Uyvy => mean::<0>((row(upper), row(lower)), target),
                Order::Yuyv => mean::<1>((row(upper), row(lower)), target),
            }
        }
    }

    /// The planes.
    pub fn picture(&self) -> HostPicture<'_> {
        let stride = usize::from(self.size.width);
        let (luma, chroma) = self.pixels.split_at(stride * usize::from(self.size.height));
        let planes = [
            Plane { data: luma, stride },
            Plane { data: chroma, stride },
            Plane { data: &[], stride: 0 },
        ];
        HostPicture { size: self.size, format: PixelFormat::Nv12, planes }
    }
}

/// Every second byte, from byte `FROM` on.
fn take<const FROM: usize>(row: &[u8], target: &mut [u8]) {
    let (pairs, _) = row.as_chunks::<2>();
    for (pixel, pair) in target.iter_mut().zip(pairs) {
        *pixel = pair[FROM];
    }
}

/// The mean of every second byte of two rows, rounded up.
fn mean<const FROM: usize>((upper, lower): (&[u8], &[u8]), target: &mut [u8]) {
    let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
    for ((pixel, a), b) in target.iter_mut().zip(upper).zip(lower) {
        *pixel = (u16::from(a[FROM]) + u16::from(b[FROM])).div_ceil(2) as u8;
    }
}

#[cfg(test)]
mod tests {
    use hal::surface::Half;

    use super::*;

    /// Four columns; each row has its own luma and chroma.
    fn rows(order: Order, rows: &[[u8; 3]], padding: usize) -> Vec<u8> {
        let row = |[y, cb, cr]: &[u8; 3]| {
            let four = match order {
                Order::Uyvy => [*cb, *y, *cr, y + 1],
                Order::Yuyv => [*y, *cb, y + 1, *cr],
            };
            [four, four].concat().into_iter().chain(std::iter::repeat_n(0xEE, padding))
        };
        rows.iter().flat_map(|r| row(r).collect::<Vec<_>>()).collect()
    }

    fn unpacked(order: Order, scan: Scan) -> (Vec<u8>, Vec<u8>) {
        let colours = [[10, 100, 200], [20, 102, 202], [30, 110, 210], [40, 120, 220]];
        let data = rows(order, &colours, 4);
        let size = PictureSize { width: 4, height: 4 };
        let mut target = Unpacked::default();
        target.fill(Packed { data: &data, stride: 12, size, order, scan });
        let picture = target.picture();
        (picture.planes[0].data.to_vec(), picture.planes[1].data.to_vec())
    }

    #[test]
    fn both_orders_become_the_same_picture_and_padding_is_left_out() {
        let luma: Vec<u8> = [10, 20, 30, 40].iter().flat_map(|y| [*y, y + 1, *y, y + 1]).collect();
        for order in [Order::Uyvy, Order::Yuyv] {
            let (y, chroma) = unpacked(order, Scan::Progressive);
            assert_eq!(y, luma, "{order:?}");
            assert_eq!(chroma, [101, 201, 101, 201, 115, 215, 115, 215], "{order:?}");
        }
    }

    #[test]
    fn the_halves_of_an_interlaced_picture_keep_their_own_colours() {
        let (_, chroma) = unpacked(Order::Uyvy, Scan::Interlaced(Half::Upper));
        assert_eq!(chroma, [105, 205, 105, 205, 111, 211, 111, 211]);
    }

    #[test]
    fn a_short_buffer_is_no_panic_and_an_odd_number_of_rows_is_whole() {
        let size = PictureSize { width: 4, height: 3 };
        let data = rows(Order::Uyvy, &[[10, 100, 200], [20, 100, 200], [30, 90, 190]], 0);
        let mut target = Unpacked::default();
        let whole =
            Packed { data: &data, stride: 8, size, order: Order::Uyvy, scan: Scan::Progressive };
        target.fill(whole);
        assert_eq!(target.picture().planes[1].data[4..], [90, 190, 90, 190]);
        target.fill(Packed { data: &data[..9], ..whole });
        assert_eq!(target.picture().planes[0].data.len(), 12);
    }
}
