//! The floor: material, paint and lines.

use crate::color::Rgb;
use crate::geometry::{COURT_HALF_LENGTH, COURT_HALF_WIDTH, HOOP_X};
use crate::look::{CourtLook, Material};
use crate::random::{cell, smooth};

/// Half the width of a line, metres.
const LINE: f32 = 0.025;
/// Half the width of the key and its end, metres from the middle of the court.
const KEY: (f32, f32) = (2.45, 8.2);
/// The three-point arc's radius, and where it runs straight beside the key, metres.
const ARC: (f32, f32) = (6.75, 6.6);

/// Colour of the floor at a point. `blur` is the size of a pixel there, metres.
pub(super) fn color(look: &CourtLook, (x, y): (f32, f32), blur: f32) -> Rgb {
    let end = x.abs();
    let in_court = end < COURT_HALF_LENGTH && y.abs() < COURT_HALF_WIDTH;
    let arc = arc_distance(end, y);
    let mut base = if !in_court {
        look.apron
    } else if y.abs() < KEY.0 && end > KEY.1 {
        look.key
    } else if arc < 0.0 {
        look.inner
    } else {
        look.floor
    };
    base = texture(look, base, ((x, y), blur));
    if let Some(other) = look.other_lines {
        let near = other_lines(x, y);
        base = base.mix(other, coverage(near, blur) * 0.85);
    }
    let near = lines(end, y, arc);
    base.mix(look.lines, coverage(near, blur))
}

fn coverage(distance: f32, blur: f32) -> f32 {
    let half = LINE.max(blur * 0.5);
    ((half - distance) / blur.max(0.004) + 0.5).clamp(0.0, 1.0) * (LINE / half)
}

fn texture(look: &CourtLook, base: Rgb, ((x, y), blur): ((f32, f32), f32)) -> Rgb {
    let seed = look.texture;
    let broad = smooth(seed ^ 7, x * 0.35, y * 0.35) - 0.5;
    let fade = (0.06 / blur.max(0.001)).min(1.0);
    let fine = match look.material {
        Material::Wood => {
            let row = (y / 0.07).floor();
            let plank =
                cell(seed, (x / 0.9 + cell(seed, row as i32, 3) * 9.0).floor() as i32, row as i32);
            let grain = smooth(seed ^ 3, x * 4.0, y * 90.0) - 0.5;
            (plank - 0.5) * 0.22 + grain * 0.12
        }
        Material::Tile => {
            let (u, v) = ((x / 0.3).rem_euclid(1.0), (y / 0.3).rem_euclid(1.0));
            let joint = u.min(v).min(1.0 - u).min(1.0 - v);
            if joint < 0.03 {
                -0.25
            } else {
                (cell(seed, (x / 0.3).floor() as i32, (y / 0.3).floor() as i32) - 0.5) * 0.06
            }
        }
        Material::Asphalt => {
            let speck = cell(seed, (x * 60.0).floor() as i32, (y * 60.0).floor() as i32) - 0.5;
            speck * 0.35 + (smooth(seed ^ 9, x * 2.5, y * 2.5) - 0.5) * 0.3
        }
        Material::Rubber => (smooth(seed ^ 9, x * 6.0, y * 6.0) - 0.5) * 0.05,
    };
    base.scaled(1.0 + look.wear * (broad * 0.22 + fine * fade))
}

/// Signed distance from the three-point line; negative inside.
fn arc_distance(end: f32, y: f32) -> f32 {
    let corner = HOOP_X - (ARC.0 * ARC.0 - ARC.1 * ARC.1).sqrt();
    if end > corner { y.abs() - ARC.1 } else { (end - HOOP_X).hypot(y) - ARC.0 }
}

/// Distance from the nearest basketball line.
fn lines(end: f32, y: f32, arc: f32) -> f32 {
    let side = y.abs();
    let mut near = f32::INFINITY;
    if end < COURT_HALF_LENGTH + LINE && side < COURT_HALF_WIDTH + LINE {
        near = near.min((COURT_HALF_LENGTH - end).abs()).min((COURT_HALF_WIDTH - side).abs());
        near = near.min(end).min((end.hypot(y) - 1.8).abs()).min(arc.abs());
        if end > KEY.1 - LINE && side < KEY.0 + LINE {
            near = near.min((end - KEY.1).abs()).min((side - KEY.0).abs());
        }
        if end < KEY.1 {
            near = near.min(((end - KEY.1).hypot(y) - 1.8).abs());
        }
        if end < HOOP_X {
            near = near.min(((end - HOOP_X).hypot(y) - 1.25).abs());
        }
    }
    near
}

/// Distance from the nearest line of a volleyball and a badminton field.
fn other_lines(x: f32, y: f32) -> f32 {
    let field = |half: (f32, f32)| {
        let (u, v) = (x.abs() - half.0, y.abs() - half.1);
        if u < LINE && v < LINE { u.abs().min(v.abs()) } else { f32::INFINITY }
    };
    let spiked = if y.abs() < 4.5 { (x.abs() - 3.0).abs() } else { f32::INFINITY };
    field((9.0, 4.5)).min(spiked).min(field((6.7, 3.05)))
}
