//! The picture being drawn: I420 planes of a rectangle of the whole picture.
//!
//! Coordinates are those of the whole picture, so that a viewport shows exactly what a crop of
//! the whole picture would.

use super::shapes::Shape;
use crate::color::Yuv;
use crate::geometry::Rect;

/// Which planes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planes {
    /// Luma only, for training data.
    Luma,
    /// Luma and chroma.
    I420,
}

/// A picture being drawn.
pub(crate) struct Canvas<'a> {
    pub(crate) rect: Rect,
    pub(crate) luma: &'a mut [u8],
    /// Cb and Cr, empty when only luma is drawn.
    pub(crate) chroma: [&'a mut [u8]; 2],
}

/// What a shape is filled with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    pub(crate) color: Yuv,
    /// 0 invisible to 1 opaque.
    pub(crate) opacity: f32,
}

/// An opaque ink.
pub(crate) const fn ink(color: Yuv) -> Ink {
    Ink { color, opacity: 1.0 }
}

impl<'a> Canvas<'a> {
    /// A canvas over `bytes`: luma alone, or all of I420.
    pub(crate) fn over(bytes: &'a mut [u8], rect: Rect, planes: Planes) -> Self {
        let (luma, rest) = bytes.split_at_mut(rect.width * rect.height);
        let chroma = match planes {
            Planes::Luma => [&mut [][..], &mut [][..]],
            Planes::I420 => {
                let (u, v) = rest.split_at_mut(rect.chroma_width() * rect.chroma_height());
                [u, v]
            }
        };
        Self { rect, luma, chroma }
    }

    /// Fills a shape.
    pub(crate) fn fill<S: Shape>(&mut self, shape: &S, ink: Ink) {
        self.fill_luma(shape, ink);
        if !self.chroma[0].is_empty() {
            self.fill_chroma(shape, ink);
        }
    }

    fn fill_luma<S: Shape>(&mut self, shape: &S, ink: Ink) {
        let rect = self.rect;
        let (top, bottom) = shape.rows();
        let first = (top.floor() as i32).max(rect.y);
        let last = (bottom.ceil() as i32).min(rect.y + rect.height as i32);
        let tone = ink.color[0] - 16.0;
        let opacity = ink.opacity * 256.0;
        for y in first..last {
            let middle = y as f32 + 0.5;
            let (left, right) = shape.span(middle);
            let begin = (left.floor() as i32).max(rect.x);
            let end = (right.ceil() as i32).min(rect.x + rect.width as i32);
            if begin >= end {
                continue;
            }
            let row = (y - rect.y) as usize * rect.width;
            let cells =
                &mut self.luma[row + (begin - rect.x) as usize..row + (end - rect.x) as usize];
            for (x, cell) in (begin..end).zip(cells) {
                let (cover, shade) = shape.at(x as f32 + 0.5, middle);
                let weight = (cover * opacity) as i32;
                if weight > 0 {
                    let target = (16.0 + tone * shade).clamp(0.0, 255.0) as i32;
                    let old = i32::from(*cell);
                    *cell = (old + (((target - old) * weight + 128) >> 8)) as u8;
                }
            }
        }
    }

    fn fill_chroma<S: Shape>(&mut self, shape: &S, ink: Ink) {
        let rect = self.rect;
        let (wide, tall) = (rect.chroma_width() as i32, rect.chroma_height() as i32);
        let (left0, top0) = (rect.x / 2, rect.y / 2);
        let (top, bottom) = shape.rows();
        let first = ((top / 2.0 - 0.5).floor() as i32).max(top0);
        let last = ((bottom / 2.0 + 0.5).ceil() as i32).min(top0 + tall);
        let opacity = ink.opacity * 256.0;
        let tone = [ink.color[1] - 128.0, ink.color[2] - 128.0];
        for y in first..last {
            let middle = (2 * y + 1) as f32;
            let (left, right) = shape.span(middle);
            let begin = ((left / 2.0 - 0.5).floor() as i32).max(left0);
            let end = ((right / 2.0 + 0.5).ceil() as i32).min(left0 + wide);
            for x in begin..end {
                let (cover, shade) = shape.at((2 * x + 1) as f32, middle);
                let weight = (cover * opacity) as i32;
                if weight <= 0 {
                    continue;
                }
                let index = (y - top0) as usize * wide as usize + (x - left0) as usize;
                for (plane, tone) in self.chroma.iter_mut().zip(tone) {
                    let target = (128.0 + tone * shade).clamp(0.0, 255.0) as i32;
                    let old = i32::from(plane[index]);
                    plane[index] = (old + (((target - old) * weight + 128) >> 8)) as u8;
                }
            }
        }
    }
}
