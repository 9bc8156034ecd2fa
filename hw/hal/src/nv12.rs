//! Pictures of any layout laid out as NV12, in which encoders work.
//!
//! Reads a [`HostPicture`] and writes into memory that the encoder owns. Never panics over a
//! driver's planes: what is too short is an error.

use thiserror::Error;
use wire::units::PictureSize;

use crate::surface::{HostPicture, PixelFormat, Plane};

/// Where a picture goes: luma `[h, w]`, then CbCr by turns `[h / 2, w]`, both sides even.
pub struct Target<'a> {
    /// Luma.
    pub luma: PlaneMut<'a>,
    /// Cb and Cr by turns.
    pub chroma: PlaneMut<'a>,
}

/// One plane to be written; what lies between its rows is left alone.
pub struct PlaneMut<'a> {
    /// Row after row; at least `stride * (rows - 1) + row bytes` long.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// The planes do not hold the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The picture's.
    #[error("plane {index} of the picture has {bytes} bytes in rows of {stride}, too few")]
    Source {
        /// Which plane.
        index: usize,
        /// Its bytes.
        bytes: usize,
        /// Its bytes from row to row.
        stride: usize,
    },
    /// The encoder's.
    #[error("the encoder's memory holds {bytes} bytes in rows of {stride}, too few")]
    Target {
        /// Its bytes.
        bytes: usize,
        /// Its bytes from row to row.
        stride: usize,
    },
    /// Chroma of half the rows and columns needs whole ones of luma.
    #[error("a picture of {}×{} has an odd side, which cannot be encoded", .0.width, .0.height)]
    Odd(PictureSize),
}

/// Lays a picture out as NV12.
///
/// # Errors
/// [`LayoutError`]; a part of `target` may be written by then.
pub fn lay_out(picture: &HostPicture<'_>, target: &mut Target<'_>) -> Result<(), LayoutError> {
    let (width, height) = even(picture.size)?;
    let source = |index: usize, columns: usize, rows: usize| {
        checked(picture.planes[index], Extent { bytes: columns, rows }, index)
    };
    let luma = source(0, width, height)?;
    let lines = target.luma.rows(Extent { bytes: width, rows: height })?;
    for (line, from) in lines.zip(luma) {
        line.copy_from_slice(from);
    }
    let lines = target.chroma.rows(Extent { bytes: width, rows: height / 2 })?;
    match picture.format {
        PixelFormat::I420 => {
            let (cb, cr) = (source(1, width / 2, height / 2)?, source(2, width / 2, height / 2)?);
            for ((line, cb), cr) in lines.zip(cb).zip(cr) {
                for ((pair, cb), cr) in line.chunks_exact_mut(2).zip(cb).zip(cr) {
                    pair.copy_from_slice(&[*cb, *cr]);
                }
            }
        }
        PixelFormat::Nv12 => {
            for (line, from) in lines.zip(source(1, width, height / 2)?) {
                line.copy_from_slice(from);
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Extent {
    bytes: usize,
    rows: usize,
}

impl Extent {
    fn lies_within(self, bytes: usize, stride: usize) -> bool {
        stride >= self.bytes && bytes >= stride * (self.rows - 1) + self.bytes
    }
}

fn even(size: PictureSize) -> Result<(usize, usize), LayoutError> {
    let (width, height) = (usize::from(size.width), usize::from(size.height));
    let whole = width > 0 && height > 0 && width.is_multiple_of(2) && height.is_multiple_of(2);
    whole.then_some((width, height)).ok_or(LayoutError::Odd(size))
}

/// The visible part of each row.
fn checked(
    plane: Plane<'_>,
    extent: Extent,
    index: usize,
) -> Result<impl Iterator<Item = &[u8]>, LayoutError> {
    let Plane { data, stride } = plane;
    if !extent.lies_within(data.len(), stride) {
        return Err(LayoutError::Source { index, bytes: data.len(), stride });
    }
    Ok(data.chunks(stride).take(extent.rows).map(move |row| &row[..extent.bytes]))
}

impl PlaneMut<'_> {
    fn rows(&mut self, extent: Extent) -> Result<impl Iterator<Item = &mut [u8]>, LayoutError> {
        if !extent.lies_within(self.data.len(), self.stride) {
            return Err(LayoutError::Target { bytes: self.data.len(), stride: self.stride });
        }
        let rows = self.data.chunks_mut(self.stride).take(extent.rows);
        Ok(rows.map(move |row| &mut row[..extent.bytes]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: PictureSize = PictureSize { width: 4, height: 4 };
    const LUMA: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const EMPTY: Plane<'_> = Plane { data: &[], stride: 0 };

    /// Rows of six bytes, so that strides matter.
    fn laid_out(
        lay: impl FnOnce(&mut Target<'_>) -> Result<(), LayoutError>,
    ) -> Result<(Vec<u8>, Vec<u8>), LayoutError> {
        let (mut luma, mut chroma) = (vec![99; 22], vec![99; 10]);
        let target = &mut Target {
            luma: PlaneMut { data: &mut luma, stride: 6 },
            chroma: PlaneMut { data: &mut chroma, stride: 6 },
        };
        lay(target)?;
        let rows = |plane: &[u8]| plane.chunks(6).flat_map(|row| row[..4].to_vec()).collect();
        Ok((rows(&luma), rows(&chroma)))
    }

    fn plane(data: &[u8], stride: usize) -> Plane<'_> {
        Plane { data, stride }
    }

    #[test]
    fn planes_and_pairs_of_chroma_become_the_same_pairs() {
        let luma = plane(&LUMA, 4);
        let planes = [luma, plane(&[20, 21, 99, 22, 23], 3), plane(&[30, 31, 32, 33], 2)];
        let format = PixelFormat::I420;
        let planar = HostPicture { size: SIZE, format, planes };
        let expected = (LUMA.to_vec(), vec![20, 30, 21, 31, 22, 32, 23, 33]);
        assert_eq!(laid_out(|target| lay_out(&planar, target)), Ok(expected.clone()));
        let planes = [luma, plane(&expected.1, 4), EMPTY];
        let pairs = HostPicture { size: SIZE, format: PixelFormat::Nv12, planes };
        assert_eq!(laid_out(|target| lay_out(&pairs, target)), Ok(expected));
    }

    #[test]
    fn planes_that_are_too_short_are_an_error_and_no_panic() {
        let whole = plane(&LUMA, 4);
        let chroma = plane(&[0; 4], 2);
        for (index, planes) in [
            (0, [plane(&LUMA[..15], 4), chroma, chroma]),
            (0, [plane(&LUMA, 3), chroma, chroma]),
            (1, [whole, EMPTY, chroma]),
            (2, [whole, chroma, plane(&[0; 3], 2)]),
        ] {
            let picture = HostPicture { size: SIZE, format: PixelFormat::I420, planes };
            let refused = laid_out(|target| lay_out(&picture, target)).expect_err("too short");
            assert!(matches!(refused, LayoutError::Source { index: i, .. } if i == index));
        }
        let large = PictureSize { width: 8, height: 4 };
        let planes = [plane(&[0; 32], 8), plane(&[0; 16], 8), EMPTY];
        let picture = HostPicture { size: large, format: PixelFormat::Nv12, planes };
        let refused = laid_out(|target| lay_out(&picture, target));
        assert!(matches!(refused, Err(LayoutError::Target { .. })), "{refused:?}");
        let odd = PictureSize { width: 3, height: 4 };
        let picture = HostPicture { size: odd, format: PixelFormat::I420, planes };
        assert_eq!(laid_out(|t| lay_out(&picture, t)), Err(LayoutError::Odd(odd)));
    }
}
