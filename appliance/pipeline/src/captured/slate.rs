//! The slate: what a recording shows while there is no picture. Dark, with the time without one in
//! the middle, in seven-segment digits.

use std::time::Duration;

use hal::surface::{DownloadError, HostPicture, PixelFormat, Plane, SurfaceMemory};
use wire::units::PictureSize;

/// Brightness of the ground and of the digits: video black is 16, and nobody is to be dazzled.
const DARK: u8 = 20;
const LIGHT: u8 = 120;
/// Grey, as chroma.
const NO_COLOUR: u8 = 128;
/// A digit is this part of the picture's height.
const DIGIT_SHARE: usize = 8;
/// Lower digits could not be read: the slate of so small a picture is dark alone.
const ROWS_MIN: usize = 5;

/// Which segments a digit has: top, upper left, upper right, middle, lower left, lower right,
/// bottom.
const SEGMENTS: [[bool; 7]; 10] = {
    const O: bool = false;
    const X: bool = true;
    [
        [X, X, X, O, X, X, X],
        [O, O, X, O, O, X, O],
        [X, O, X, X, X, O, X],
        [X, O, X, X, O, X, X],
        [O, X, X, X, O, X, O],
        [X, X, O, X, O, X, X],
        [X, X, O, X, X, X, X],
        [X, O, X, O, O, X, O],
        [X, X, X, X, X, X, X],
        [X, X, X, X, O, X, X],
    ]
};

/// Draws slates.
pub(super) struct Slate;

/// One picture, NV12.
pub(super) struct Drawn {
    size: PictureSize,
    pixels: Vec<u8>,
}

impl Slate {
    /// The slate after that much time.
    pub(super) fn draw(&self, size: PictureSize, passed: Duration) -> Drawn {
        let (width, height) = (usize::from(size.width), usize::from(size.height));
        let mut pixels = vec![DARK; width * height];
        pixels.resize(width * (height + height.div_ceil(2)), NO_COLOUR);
        let mut canvas = Canvas { width, height, luma: &mut pixels[..width * height] };
        canvas.write(&clock(passed));
        Drawn { size, pixels }
    }
}

/// `12:05`, or `1:12:05`, as digits; `None` is a colon.
fn clock(passed: Duration) -> Vec<Option<usize>> {
    let seconds = passed.as_secs() as usize;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = Vec::new();
    if hours > 0 {
        text.extend(hours.to_string().bytes().map(|digit| Some(usize::from(digit - b'0'))));
        text.push(None);
    }
    text.extend([
        Some(minutes / 10),
        Some(minutes % 10),
        None,
        Some(seconds / 10),
        Some(seconds % 10),
    ]);
    text
}

struct Canvas<'a> {
    width: usize,
    height: usize,
    luma: &'a mut [u8],
}

#[derive(Clone, Copy)]
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Canvas<'_> {
    /// Writes the digits into the middle.
    fn write(&mut self, text: &[Option<usize>]) {
        let tall = self.height / DIGIT_SHARE;
        if tall < ROWS_MIN {
            return;
        }
        let (wide, thick) = (tall / 2, (tall / 8).max(1));
        let advance =
            |place: &Option<usize>| if place.is_some() { wide + 2 * thick } else { 3 * thick };
        let total: usize = text.iter().map(advance).sum();
        let mut x = self.width.saturating_sub(total) / 2;
        let y = (self.height - tall) / 2;
        for place in text {
            match place {
                Some(digit) => self.digit(Area { x, y, width: wide, height: tall }, *digit),
                None => {
                    for dot in [tall / 3, 2 * tall / 3] {
                        self.fill(Area { x, y: y + dot, width: thick, height: thick });
                    }
                }
            }
            x += advance(place);
        }
    }

    fn digit(&mut self, area: Area, digit: usize) {
        let Area { x, y, width, height } = area;
        let thick = (height / 8).max(1);
        let (right, middle, bottom) =
            (x + width.saturating_sub(thick), y + (height - thick) / 2, y + height - thick);
        let across = |y| Area { x, y, width, height: thick };
        let down = |x, y| Area { x, y, width: thick, height: height.div_ceil(2) };
        let lower = y + height / 2;
        let places = [
            across(y),
            down(x, y),
            down(right, y),
            across(middle),
            down(x, lower),
            down(right, lower),
            across(bottom),
        ];
        for (place, _) in places.into_iter().zip(SEGMENTS[digit % 10]).filter(|(_, lit)| *lit) {
            self.fill(place);
        }
    }

    /// Lights what of `area` lies within the picture.
    fn fill(&mut self, area: Area) {
        let columns = area.x.min(self.width)..(area.x + area.width).min(self.width);
        for row in area.y..(area.y + area.height).min(self.height) {
            self.luma[row * self.width..][columns.clone()].fill(LIGHT);
        }
    }
}

impl SurfaceMemory for Drawn {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let stride = usize::from(self.size.width);
        let (luma, chroma) = self.pixels.split_at(stride * usize::from(self.size.height));
        let planes = [
            Plane { data: luma, stride },
            Plane { data: chroma, stride },
            Plane { data: &[], stride: 0 },
        ];
        Ok(HostPicture { size: self.size, format: PixelFormat::Nv12, planes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_minutes_and_then_in_hours() {
        let told = |seconds| {
            let place = |digit: Option<usize>| digit.map_or(":".to_owned(), |d| d.to_string());
            clock(Duration::from_secs(seconds)).into_iter().map(place).collect::<String>()
        };
        assert_eq!([told(0), told(65), told(3_599)], ["00:00", "01:05", "59:59"]);
        assert_eq!([told(3_600), told(45_296)], ["1:00:00", "12:34:56"]);
    }

    #[test]
    fn a_slate_is_dark_grey_and_its_digits_change() {
        let size = PictureSize { width: 640, height: 360 };
        let draw = |seconds| Slate.draw(size, Duration::from_secs(seconds));
        let (one, two) = (draw(1), draw(2));
        let lit = |drawn: &Drawn| {
            let picture = drawn.download().expect("it is in host memory");
            assert!(picture.planes[1].data.iter().all(|pixel| *pixel == NO_COLOUR));
            picture.planes[0].data.iter().filter(|pixel| **pixel == LIGHT).count()
        };
        assert!(lit(&one) * 20 < 640 * 360 && lit(&one) > 500, "{}", lit(&one));
        assert!(lit(&two) > lit(&one), "a two has more segments than a one");
    }

    #[test]
    fn no_size_is_too_small_to_draw_on() {
        for (width, height) in [(2, 2), (16, 16), (64, 8), (16, 720)] {
            let size = PictureSize { width, height };
            let drawn = Slate.draw(size, Duration::from_secs(100_000));
            let picture = drawn.download().expect("it is in host memory");
            assert_eq!(picture.planes[0].data.len(), usize::from(width) * usize::from(height));
        }
    }
}
