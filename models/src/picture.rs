//! Pictures as networks want them: a view of a luma plane, resampled into small grey pictures.
//!
//! Area average where the picture shrinks, bilinear where it grows, the border repeated outside.
//! The trainer computes the same (`models/train`), so nothing here may change without it.

use hal::surface::{Half, HostPicture};
use thiserror::Error;
use wire::units::PixelBox;

use crate::limits::LETTERBOX_GREY;

/// One plane of luma, borrowed. Its rows lie within `data`: checked once, at construction.
#[derive(Clone, Copy)]
pub struct Luma<'a> {
    data: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
    /// The half whose rows stand in for the other's too.
    half: Option<Half>,
}

/// A plane that does not hold the picture that it is said to hold.
#[derive(Debug, Error)]
#[error(
    "a plane of {bytes} bytes with rows {stride} bytes apart does not hold {width} x {height} \
     pixels; the driver that made it is wrong, the frame is skipped"
)]
pub struct PlaneError {
    /// Bytes in the plane.
    pub bytes: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl<'a> Luma<'a> {
    /// A view of `width` x `height` pixels, the rows `stride` bytes apart.
    ///
    /// # Errors
    /// [`PlaneError`] if `data` is too short, `stride` too small, or the picture empty.
    pub fn new(
        data: &'a [u8],
        stride: usize,
        (width, height): (usize, usize),
    ) -> Result<Self, PlaneError> {
        let needed = height
            .checked_sub(1)
            .and_then(|rows| rows.checked_mul(stride))
            .and_then(|bytes| bytes.checked_add(width));
        let fits = needed.is_some_and(|n| n <= data.len()) && stride >= width && width > 0;
        if fits {
            return Ok(Self { data, stride, width, height, half: None });
        }
        Err(PlaneError { bytes: data.len(), stride, width, height })
    }

    /// The luma plane of a picture in host memory.
    ///
    /// # Errors
    /// [`PlaneError`] if the driver handed out a plane shorter than its size says.
    pub fn of(picture: &HostPicture<'a>) -> Result<Self, PlaneError> {
        let size = (usize::from(picture.size.width), usize::from(picture.size.height));
        Self::new(picture.planes[0].data, picture.planes[0].stride, size)
    }

    /// The same picture seen through one half of its rows: each of them twice, in place of the
    /// other half's. Size and places stay as they are, to half a row, and nothing is copied; where
    /// pictures shrink to half their rows or less, as they do on their way into the networks,
    /// it is the same as a picture of that half alone.
    pub fn through(self, half: Half) -> Self {
        Self { half: Some(half), ..self }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels of row `y`, which must be below [`height`](Self::height).
    pub fn row(&self, y: usize) -> &'a [u8] {
        let y = match self.half {
            None => y,
            Some(Half::Upper) => y & !1,
            // A picture with an odd number of rows ends with one of the upper half.
            Some(Half::Lower) => (y | 1).min(self.height - 1),
        };
        &self.data[y * self.stride..][..self.width]
    }
}

/// A small grey picture that owns its pixels, row after row without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grey {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Pixels, `width * height` of them.
    pub data: Vec<u8>,
}

impl Grey {
    /// A picture of one grey value.
    pub fn filled(width: usize, height: usize, grey: u8) -> Self {
        Self { width, height, data: vec![grey; width * height] }
    }

    /// Writes the pixels into a network's input, divided by 255.
    ///
    /// - `target`: exactly as many elements as the picture has pixels.
    pub fn write_to(&self, target: &mut [f32]) {
        debug_assert_eq!(target.len(), self.data.len());
        for (t, &p) in target.iter_mut().zip(&self.data) {
            *t = f32::from(p) * (1.0 / 255.0);
        }
    }
}

/// Maps points of a letterboxed picture back into the source's picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    /// Left edge of the picture inside the letterbox.
    pub left: usize,
    /// Top edge of the picture inside the letterbox.
    pub top: usize,
    /// Columns of the picture inside the letterbox.
    pub width: usize,
    /// Rows of the picture inside the letterbox.
    pub height: usize,
    /// Source pixels per letterbox pixel, across.
    pub scale_x: f32,
    /// Source pixels per letterbox pixel, down.
    pub scale_y: f32,
}

impl Letterbox {
    /// How a picture of `source` columns and rows lies in one of `target`.
    pub fn of(source: (usize, usize), target: (usize, usize)) -> Self {
        let (w, h) = (source.0 as f32, source.1 as f32);
        let scale = (w / target.0 as f32).max(h / target.1 as f32);
        let fitted = |source: f32, max: usize| ((source / scale).round() as usize).clamp(1, max);
        let (width, height) = (fitted(w, target.0), fitted(h, target.1));
        Self {
            left: (target.0 - width) / 2,
            top: (target.1 - height) / 2,
            width,
            height,
            scale_x: w / width as f32,
            scale_y: h / height as f32,
        }
    }

    /// The point of the source's picture at (`x`, `y`) of the letterboxed one. Edges of pixels
    /// have whole coordinates, centres are at .5, in both.
    pub fn to_source(&self, x: f32, y: f32) -> (f32, f32) {
        ((x - self.left as f32) * self.scale_x, (y - self.top as f32) * self.scale_y)
    }
}

/// A square part of the source's picture, in its pixels. May lie partly or wholly outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Square {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Length of a side; more than 0.
    pub side: f32,
}

/// Resamples pictures; keeps its tables and working memory between pictures.
#[derive(Default)]
pub struct Resampler {
    columns: Taps,
    rows: Taps,
    line: Vec<u16>,
}

impl Resampler {
    /// Fits the whole picture into `target`, centred, with grey bars.
    pub fn letterbox(&mut self, luma: Luma<'_>, target: &mut Grey) -> Letterbox {
        let place = Letterbox::of((luma.width, luma.height), (target.width, target.height));
        if (place.width, place.height) != (target.width, target.height) {
            target.data.fill(LETTERBOX_GREY);
        }
        self.lay(luma, place, target);
        place
    }

    /// Lays a whole plane over `place` in `target`, and leaves the rest of it as it is.
    pub(crate) fn lay(&mut self, plane: Luma<'_>, place: Letterbox, target: &mut Grey) {
        let whole = |limit: usize| Span { start: 0.0, length: limit as f32, limit };
        self.columns.place(whole(plane.width), place.width);
        self.rows.place(whole(plane.height), place.height);
        let stride = target.width;
        self.run(plane, &mut target.data[place.top * stride + place.left..], stride);
    }

    /// Cuts a square out of the picture and fits it into `target`; the picture's border is
    /// repeated where the square lies outside.
    pub fn crop(&mut self, luma: Luma<'_>, square: Square, target: &mut Grey) {
        let across = Span { start: square.x, length: square.side, limit: luma.width };
        let down = Span { start: square.y, length: square.side, limit: luma.height };
        self.columns.place(across, target.width);
        self.rows.place(down, target.height);
        self.run(luma, &mut target.data, target.width);
    }

    /// Cuts a rectangle out of the picture and stretches it over the whole of `target`; the
    /// picture's border is repeated where the rectangle lies outside.
    pub fn stretch(&mut self, luma: Luma<'_>, area: PixelBox, target: &mut Grey) {
        let across = Span { start: area.x0, length: area.width(), limit: luma.width };
        let down = Span { start: area.y0, length: area.height(), limit: luma.height };
        self.columns.place(across, target.width);
        self.rows.place(down, target.height);
        self.run(luma, &mut target.data, target.width);
    }

    fn run(&mut self, luma: Luma<'_>, target: &mut [u8], stride: usize) {
        let first = self.columns.first();
        let columns = self.columns.end() - first;
        let width = self.columns.starts.len();
        self.line.resize(columns, 0);
        for (y, line) in target.chunks_mut(stride).take(self.rows.starts.len()).enumerate() {
            let (start, weights) = self.rows.of(y);
            self.line.fill(0);
            for (k, &weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0) {
                let row = &luma.row(start + k)[first..first + columns];
                for (sum, &pixel) in self.line.iter_mut().zip(row) {
                    // At most 255 * 256, because the weights of one output add up to `ONE`;
                    // wrapping, because a check for overflow in here is three times the time.
                    *sum = sum.wrapping_add(u16::from(pixel).wrapping_mul(weight));
                }
            }
            self.columns.gather(&self.line, first, &mut line[..width]);
        }
    }
}

/// Where one axis of the target lies on the source, in pixels.
struct Span {
    start: f32,
    length: f32,
    /// Pixels that the source has.
    limit: usize,
}

/// Sum of the weights of one output: 8 bits, so that a weighted sum of bytes fits 16 bits and
/// eight columns are computed at once on any x86-64 or ARM core.
const ONE: u16 = 256;

/// For each output of one axis, which source pixels count how much.
#[derive(Default)]
struct Taps {
    /// First source pixel of each output; `taps` pixels from there lie within the source.
    starts: Vec<usize>,
    /// `taps` weights per output, adding up to [`ONE`].
    weights: Vec<u16>,
    taps: usize,
}

impl Taps {
    /// Lays `outputs` equal steps over `span`.
    fn place(&mut self, span: Span, outputs: usize) {
        // Bounded, so that a wild box costs no more than a whole picture and no index overflows.
        let reach = 4.0 * span.limit as f32;
        let length = span.length.clamp(1e-3, reach);
        let start = span.start.clamp(-reach, reach);
        let step = length / outputs as f32;
        let wanted = if step < 1.0 { 2 } else { step.ceil() as usize + 1 };
        self.taps = wanted.min(span.limit);
        self.starts.clear();
        self.weights.clear();
        self.weights.resize(outputs * self.taps, 0);
        for i in 0..outputs {
            let edge = start + i as f32 * step;
            // Bilinear interpolation is the area average of a window one pixel wide.
            let (from, size) =
                if step < 1.0 { (edge + (step - 1.0) / 2.0, 1.0) } else { (edge, step) };
            let low = (from.floor() as isize).clamp(0, (span.limit - self.taps) as isize) as usize;
            let weights = &mut self.weights[i * self.taps..][..self.taps];
            spread(Window { from, size }, low, weights);
            self.starts.push(low);
        }
    }

    fn of(&self, output: usize) -> (usize, &[u16]) {
        (self.starts[output], &self.weights[output * self.taps..][..self.taps])
    }

    /// First source pixel that any output reads.
    fn first(&self) -> usize {
        self.starts.first().copied().unwrap_or(0)
    }

    /// First source pixel after all that any output reads.
    fn end(&self) -> usize {
        self.starts.last().map_or(0, |s| s + self.taps)
    }

    /// Weighs the columns of one line of sums into bytes.
    fn gather(&self, line: &[u16], first: usize, out: &mut [u8]) {
        match self.taps {
            2 => self.gather_fixed::<2>(line, first, out),
            3 => self.gather_fixed::<3>(line, first, out),
            4 => self.gather_fixed::<4>(line, first, out),
            5 => self.gather_fixed::<5>(line, first, out),
            _ => {
                let pairs = self.starts.iter().zip(self.weights.chunks_exact(self.taps));
                for (o, (&start, weights)) in out.iter_mut().zip(pairs) {
                    *o = weigh(&line[start - first..], weights);
                }
            }
        }
    }

    /// The same with the number of taps known to the compiler: three times as fast.
    fn gather_fixed<const N: usize>(&self, line: &[u16], first: usize, out: &mut [u8]) {
        let (weights, _) = self.weights.as_chunks::<N>();
        for ((o, &start), weights) in out.iter_mut().zip(&self.starts).zip(weights) {
            let at = start - first;
            *o = weigh(&line[at..at + N], weights);
        }
    }
}

fn weigh(sums: &[u16], weights: &[u16]) -> u8 {
    // At most 255 * 256 * 256 and a half: no overflow, as above.
    let products = sums.iter().zip(weights).map(|(&s, &w)| u32::from(s).wrapping_mul(u32::from(w)));
    let sum = products.fold(1 << 15, u32::wrapping_add);
    // 8 bits from the rows and 8 from the columns.
    (sum >> 16) as u8
}

/// A stretch of the source that one output averages.
struct Window {
    from: f32,
    size: f32,
}

/// Shares [`ONE`] among the pixels `low..low + weights.len()` by how much of the window each
/// covers. What lies outside of them goes to the nearest of them: that repeats the border.
fn spread(window: Window, low: usize, weights: &mut [u16]) {
    let last = weights.len() - 1;
    let mut given = 0;
    for (k, weight) in weights.iter_mut().enumerate() {
        // Share of the window that lies left of this pixel's right edge. Rounding the running sum
        // and not each weight keeps the total exact.
        let edge = (low + k + 1) as f32;
        let share = ((edge - window.from) / window.size).clamp(0.0, 1.0);
        let sum = if k == last { ONE } else { (share * f32::from(ONE)).round() as u16 };
        *weight = sum - given;
        given = sum;
    }
}
