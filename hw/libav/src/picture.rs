//! Pictures in libavcodec's memory as [`SurfaceMemory`]: planar 4:2:0 and NV12 at 8 bit as they
//! are, other layouts of luma and chroma converted to I420 once, when they are decoded.

use std::slice;

use ffmpeg::ffi;
use ffmpeg::format::Pixel;
use ffmpeg_the_third as ffmpeg;
use hal::PixelFormat;
use hal::surface::{DownloadError, Half, HostPicture, Plane, Scan, SurfaceMemory};
use wire::units::PictureSize;

const DRIVER: &str = "libavcodec";

/// Why a decoded picture must not be shown to anyone, if it must not.
pub(crate) fn damage(frame: &ffmpeg::frame::Video) -> Option<String> {
    if frame.is_corrupt() {
        return Some("the decoder marked the picture as corrupt".into());
    }
    // SAFETY: the pointer inside `Video` is an allocated `AVFrame` that `frame` owns.
    let flags = unsafe { frame.as_ref() }.map_or(0, |raw| raw.decode_error_flags);
    if flags & ffi::FF_DECODE_ERROR_MISSING_REFERENCE != 0 {
        return Some("a picture that it refers to is missing".into());
    }
    (flags != 0).then(|| "a part of the picture could not be decoded".into())
}

/// What the stream says of the picture's rows.
fn scan(frame: &ffmpeg::frame::Video) -> Scan {
    match (frame.is_interlaced(), frame.is_top_first()) {
        (false, _) => Scan::Progressive,
        (true, true) => Scan::Interlaced(Half::Upper),
        (true, false) => Scan::Interlaced(Half::Lower),
    }
}

/// Wraps a decoded picture.
///
/// # Errors
/// A sentence naming the pixel format when it has no luma plane that could be used.
pub(crate) fn memory(frame: ffmpeg::frame::Video) -> Result<Box<dyn SurfaceMemory>, String> {
    let pixel = frame.format();
    let format = if [Pixel::YUV420P, Pixel::YUVJ420P].contains(&pixel) {
        PixelFormat::I420
    } else if pixel == Pixel::NV12 {
        PixelFormat::Nv12
    } else {
        return convert(&frame, pixel);
    };
    Ok(Box::new(Native { frame, format }))
}

/// A reference-counted `AVFrame`, as libavcodec filled it.
struct Native {
    frame: ffmpeg::frame::Video,
    format: PixelFormat,
}

impl SurfaceMemory for Native {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let (width, height) = (self.frame.width() as usize, self.frame.height() as usize);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let lost = |index: usize| DownloadError {
            driver: DRIVER,
            reason: format!("plane {index} of the picture is missing"),
        };
        let take = |index, bytes, rows| plane(&self.frame, index, Extent { bytes, rows });
        let empty = Plane { data: &[], stride: 0 };
        let luma = take(0, width, height).ok_or_else(|| lost(0))?;
        let planes = match self.format {
            PixelFormat::I420 => [
                luma,
                take(1, half_width, half_height).ok_or_else(|| lost(1))?,
                take(2, half_width, half_height).ok_or_else(|| lost(2))?,
            ],
            PixelFormat::Nv12 => {
                [luma, take(1, 2 * half_width, half_height).ok_or_else(|| lost(1))?, empty]
            }
        };
        Ok(HostPicture { size: picture_size(&self.frame), format: self.format, planes })
    }

    fn scan(&self) -> Scan {
        scan(&self.frame)
    }
}

/// A picture that had to be converted.
struct Converted {
    size: PictureSize,
    scan: Scan,
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

impl SurfaceMemory for Converted {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let stride = usize::from(self.size.width);
        let half = stride.div_ceil(2);
        let [cb, cr] = &self.chroma;
        let planes = [
            Plane { data: &self.luma, stride },
            Plane { data: cb, stride: half },
            Plane { data: cr, stride: half },
        ];
        Ok(HostPicture { size: self.size, format: PixelFormat::I420, planes })
    }

    fn scan(&self) -> Scan {
        self.scan
    }
}

fn picture_size(frame: &ffmpeg::frame::Video) -> PictureSize {
    // `video` has refused pictures that do not fit.
    PictureSize { width: frame.width() as u16, height: frame.height() as u16 }
}

/// How much of a plane is used.
#[derive(Clone, Copy)]
struct Extent {
    bytes: usize,
    rows: usize,
}

/// One plane's bytes up to the last used byte of its last row: behind that the padding may be
/// shorter than a stride.
fn plane(frame: &ffmpeg::frame::Video, index: usize, extent: Extent) -> Option<Plane<'_>> {
    // SAFETY: the pointer inside `Video` is an allocated `AVFrame` that `frame` owns.
    let raw = unsafe { frame.as_ref() }?;
    let data = *raw.data.get(index)?;
    let stride = usize::try_from(*raw.linesize.get(index)?).ok()?;
    if data.is_null() || extent.rows == 0 || stride < extent.bytes {
        return None;
    }
    let len = stride * (extent.rows - 1) + extent.bytes;
    // SAFETY: libavcodec guarantees `linesize` bytes between rows and the visible part of each
    // row behind `data`; the buffers live as long as `frame`, and nobody writes to a picture
    // that `avcodec_receive_frame` has returned.
    let data = unsafe { slice::from_raw_parts(data.cast_const(), len) };
    Some(Plane { data, stride })
}

/// One component (Y, Cb or Cr) of any layout that libavutil describes.
struct Component<'a> {
    plane: Plane<'a>,
    step: usize,
    offset: usize,
    shift: u32,
    depth: u32,
}

impl Component<'_> {
    /// The sample at column `x`, row `y` of the component's own grid, as 8 bit.
    fn sample(&self, x: usize, y: usize) -> u8 {
        let at = y * self.plane.stride + x * self.step + self.offset;
        if self.depth <= 8 {
            return self.plane.data[at] >> self.shift;
        }
        let word = u16::from_le_bytes([self.plane.data[at], self.plane.data[at + 1]]);
        ((word >> self.shift) >> (self.depth - 8)) as u8
    }
}

fn convert(frame: &ffmpeg::frame::Video, format: Pixel) -> Result<Box<dyn SurfaceMemory>, String> {
    let refused = |name: &str| {
        format!("its pictures are in {name}, which is not supported; let the camera send 4:2:0")
    };
    let unknown = || refused("an unknown pixel format");
    let descriptor = format.descriptor().ok_or_else(unknown)?;
    // SAFETY: libavutil's descriptors are constants that live as long as the library.
    let raw = unsafe { descriptor.as_ptr().as_ref() }.ok_or_else(unknown)?;
    let unusable = ffi::AV_PIX_FMT_FLAG_BE
        | ffi::AV_PIX_FMT_FLAG_PAL
        | ffi::AV_PIX_FMT_FLAG_BITSTREAM
        | ffi::AV_PIX_FMT_FLAG_HWACCEL
        | ffi::AV_PIX_FMT_FLAG_RGB
        | ffi::AV_PIX_FMT_FLAG_BAYER
        | ffi::AV_PIX_FMT_FLAG_FLOAT;
    if raw.flags & unusable as u64 != 0 {
        return Err(refused(descriptor.name()));
    }
    let size = picture_size(frame);
    let (width, height) = (usize::from(size.width), usize::from(size.height));
    let (log2_w, log2_h) = (u32::from(raw.log2_chroma_w), u32::from(raw.log2_chroma_h));
    let component = |index: usize| -> Result<Component<'_>, String> {
        let (w, h) = if index == 0 { (0, 0) } else { (log2_w, log2_h) };
        let columns = width.div_ceil(1 << w);
        let rows = height.div_ceil(1 << h);
        component(frame, &raw.comp[index], Extent { bytes: columns, rows })
            .ok_or_else(|| refused(descriptor.name()))
    };
    let y = component(0)?;
    let mut luma = Vec::with_capacity(width * height);
    for row in 0..height {
        luma.extend((0..width).map(|x| y.sample(x, row)));
    }
    let grey = vec![128; width.div_ceil(2) * height.div_ceil(2)];
    let chroma = if raw.nb_components < 3 {
        [grey.clone(), grey]
    } else {
        let grid = ChromaGrid { width, height, log2_w, log2_h };
        [grid.halve(&component(1)?), grid.halve(&component(2)?)]
    };
    Ok(Box::new(Converted { size, scan: scan(frame), luma, chroma }))
}

/// `extent.bytes` counts samples here.
fn component<'a>(
    frame: &'a ffmpeg::frame::Video,
    layout: &ffi::AVComponentDescriptor,
    extent: Extent,
) -> Option<Component<'a>> {
    let step = usize::try_from(layout.step).ok()?;
    let offset = usize::try_from(layout.offset).ok()?;
    let depth = u32::try_from(layout.depth).ok()?;
    let sample_bytes = if depth <= 8 { 1 } else { 2 };
    let bytes = extent.bytes.checked_sub(1)? * step + offset + sample_bytes;
    let index = usize::try_from(layout.plane).ok()?;
    let plane = plane(frame, index, Extent { bytes, rows: extent.rows })?;
    let shift = u32::try_from(layout.shift).ok()?;
    (depth <= 16).then_some(Component { plane, step, offset, shift, depth })
}

/// Where a picture's chroma samples lie.
struct ChromaGrid {
    width: usize,
    height: usize,
    log2_w: u32,
    log2_h: u32,
}

impl ChromaGrid {
    /// The component at half the luma's columns and rows: the mean of the samples that fall
    /// into each 2 × 2 luma pixels.
    fn halve(&self, component: &Component<'_>) -> Vec<u8> {
        let (columns, rows) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut out = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            let top = (2 * row) >> self.log2_h;
            let bottom = (2 * row + 1).min(self.height - 1) >> self.log2_h;
            for column in 0..columns {
                let left = (2 * column) >> self.log2_w;
                let right = (2 * column + 1).min(self.width - 1) >> self.log2_w;
                let sum = [(left, top), (right, top), (left, bottom), (right, bottom)]
                    .iter()
                    .map(|(x, y)| u32::from(component.sample(*x, *y)))
                    .sum::<u32>();
                out.push(((sum + 2) / 4) as u8);
            }
        }
        out
    }
}
