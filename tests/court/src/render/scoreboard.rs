//! The LED scoreboard: seven-segment digits of score and clock.

use super::canvas::{Ink, ink};
use super::painter::Painter;
use crate::color::rgb;
use crate::geometry::{Vec3, vec3};

/// The ends of each of the seven segments in a box of 1 by 1, y down.
const SEGMENTS: [((f32, f32), (f32, f32)); 7] = [
    ((0.0, 0.0), (1.0, 0.0)),
    ((1.0, 0.0), (1.0, 0.5)),
    ((1.0, 0.5), (1.0, 1.0)),
    ((0.0, 1.0), (1.0, 1.0)),
    ((0.0, 0.5), (0.0, 1.0)),
    ((0.0, 0.0), (0.0, 0.5)),
    ((0.0, 0.5), (1.0, 0.5)),
];

/// Which segments each digit lights, lowest bit first.
const DIGITS: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

/// The lit segments of a digit.
pub(super) fn segments_of(digit: u32) -> impl Iterator<Item = ((f32, f32), (f32, f32))> {
    let lit = DIGITS[(digit % 10) as usize];
    SEGMENTS.into_iter().enumerate().filter(move |(i, _)| (lit >> i) & 1 == 1).map(|(_, s)| s)
}

/// What a scoreboard shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) score: [u32; 2],
    /// Seconds left on the clock.
    pub(super) clock: f32,
}

/// Where the scoreboard hangs: its middle, its right and the metres of its width.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoardPlace {
    pub(crate) middle: Vec3,
    pub(crate) right: Vec3,
    pub(crate) width: f32,
}

/// The fields by their names, and where their digits are: left, top, right and bottom in tenths of
/// the board's width from its middle, y down.
pub(crate) const FIELDS: [(&str, [f32; 4]); 3] = [
    ("home", [-4.9, 0.2, -1.95, 2.2]),
    ("away", [1.4, 0.2, 4.7, 2.2]),
    ("clock", [-2.55, -2.0, 2.55, -0.2]),
];

impl BoardPlace {
    /// A point on the board, in tenths of its width from its middle.
    pub(crate) fn point(&self, x: f32, y: f32) -> Vec3 {
        let unit = self.width / 10.0;
        self.middle + self.right * (x * unit) - vec3(0.0, 0.0, y * unit)
    }
}

/// Draws the scoreboard.
pub(super) fn draw(painter: &mut Painter<'_, '_>, place: &BoardPlace, reading: Reading) {
    let unit = place.width / 10.0;
    let at = |x: f32, y: f32| place.point(x, y);
    let case = [at(-5.0, -2.4), at(5.0, -2.4), at(5.0, 2.4), at(-5.0, 2.4)];
    let dark = ink(painter.yuv(rgb(0.05, 0.05, 0.06)));
    let edge = ink(painter.yuv(rgb(0.3, 0.3, 0.32)));
    painter.polygon(&case, dark);
    for (index, corner) in case.iter().enumerate() {
        painter.line((*corner, case[(index + 1) % 4]), unit * 0.16, edge);
    }
    let digits = painter.look.hall.digits;
    let lamp = Ink { color: painter.look.lens.grade.yuv(digits.scaled(1.2)), opacity: 1.0 };
    let left = reading.clock.max(0.0) as u32;
    let (minutes, seconds) = (left / 60, left % 60);
    let [home, guests] = reading.score;
    let mut shown = vec![
        (-2.0, -1.1, 1.0, minutes / 10),
        (-0.85, -1.1, 1.0, minutes % 10),
        (0.85, -1.1, 1.0, seconds / 10),
        (2.0, -1.1, 1.0, seconds % 10),
    ];
    for (x, points) in [(-4.0, home), (2.6, guests)] {
        if points >= 100 {
            shown.push((x - 0.65, 1.2, 1.15, points / 100));
        }
        shown.push((x + 0.3, 1.2, 1.15, points / 10));
        shown.push((x + 1.5, 1.2, 1.15, points));
    }
    for (x, y, size, digit) in shown {
        for (a, b) in segments_of(digit) {
            let corner =
                |p: (f32, f32)| at(x + (p.0 - 0.5) * 0.75 * size, y + (p.1 - 0.5) * 1.5 * size);
            painter.line((corner(a), corner(b)), unit * 0.22, lamp);
        }
    }
    for y in [-1.35, -0.85] {
        painter.line((at(-0.1, y), at(0.1, y)), unit * 0.2, lamp);
    }
}
