//! What is around the court: walls, stands with people, banners, sky.

use crate::color::{Rgb, rgb};
use crate::geometry::Vec3;
use crate::look::{HallLook, Place};
use crate::random::{cell, cell_bits, smooth};

/// Height of one row of seats and width of one seat, metres.
pub(super) const SEAT: (f32, f32) = (0.42, 0.58);

/// A point on one of the four sides of the hall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// 0 and 1 the ends, 2 and 3 the sides.
    pub(super) side: usize,
    /// Metres along the side, and up.
    pub(super) along: f32,
    pub(super) up: f32,
    /// Size of a pixel there, metres.
    pub(super) blur: f32,
}

/// Colour of a side of the hall; none where the sky is seen over it.
pub(super) fn color(look: &HallLook, spot: Spot) -> Option<Rgb> {
    let seed = look.texture ^ (spot.side as u32 * 0x9e37);
    if look.boards && spot.up < 0.95 {
        return Some(board(look, seed, spot));
    }
    if look.slopes[spot.side] > 0.0 && spot.up < 7.5 {
        return Some(stands(look, seed, spot));
    }
    match look.place {
        Place::Outdoor => outdoor(look, seed, spot),
        Place::Gym | Place::Arena => Some(wall(look, seed, spot)),
    }
}

/// Advertising boards: colour fields with marks like letters.
fn board(look: &HallLook, seed: u32, spot: Spot) -> Rgb {
    let panel = (spot.along / 3.2).floor();
    let ground = look.banners[(cell_bits(seed, panel as i32, 1) % 3) as usize];
    let u = (spot.along / 3.2 - panel) * 3.2;
    let letter = (u / 0.3).floor();
    let marked = spot.up > 0.25 && spot.up < 0.72 && (0.4..2.7).contains(&u);
    let bits = cell_bits(seed, (panel * 16.0 + letter) as i32, 2);
    let (gx, gy) = (((u / 0.3 - letter) * 4.0) as u32, ((spot.up - 0.25) / 0.12) as u32);
    if marked && gx < 3 && (bits >> (gy * 3 + gx)) & 1 == 1 {
        let ink = if ground.luma() > 0.5 { 0.08 } else { 0.92 };
        return rgb(ink, ink, ink);
    }
    ground
}

fn wall(look: &HallLook, seed: u32, spot: Spot) -> Rgb {
    let (s, h) = (spot.along, spot.up);
    let style = cell_bits(seed, 5, 5);
    let split = 1.8 + cell(seed, 1, 9) * 1.6;
    let mut base = if h < split { look.walls[1] } else { look.walls[0] };
    base = base.scaled(0.94 + 0.12 * smooth(seed, s * 0.4, h * 0.4));
    match style % 4 {
        0 if (s / 1.5).rem_euclid(1.0) < 0.03 => base = base.scaled(0.8),
        1 if h.rem_euclid(0.2) < 0.02 || (s + (h / 0.2).floor() * 0.2).rem_euclid(0.4) < 0.02 => {
            base = base.scaled(1.0 - 0.25 * (0.03 / spot.blur.max(0.01)).min(1.0));
        }
        2 if h < split && (h / 0.17).rem_euclid(1.0) < 0.25 => base = base.scaled(0.75),
        _ => {}
    }
    window(look, seed, spot).or_else(|| poster(look, seed, spot)).unwrap_or(base)
}

fn window(look: &HallLook, seed: u32, spot: Spot) -> Option<Rgb> {
    let low = 3.4 + cell(seed, 2, 2) * 1.5;
    let has = cell(seed, 8, 8) < 0.45 && look.place == Place::Gym;
    if !has || spot.up < low || spot.up > low + 1.7 {
        return None;
    }
    let u = (spot.along / 2.4).rem_euclid(1.0);
    if !(0.12..0.88).contains(&u) {
        return None;
    }
    let bar = (u * 5.0).rem_euclid(1.0) < 0.06 || ((spot.up - low) * 1.3).rem_euclid(1.0) < 0.05;
    let sky = 0.75 + 0.3 * smooth(seed ^ 77, spot.along * 0.3, spot.up);
    Some(if bar { rgb(0.3, 0.3, 0.3) } else { rgb(0.9, 0.96, 1.0).scaled(sky) })
}

/// Posters, doors, clocks and other things on a wall, some of them round like a ball.
fn poster(look: &HallLook, seed: u32, spot: Spot) -> Option<Rgb> {
    let (cx, cy) = ((spot.along / 2.7).floor(), (spot.up / 1.9).floor());
    let bits = cell_bits(seed ^ 0x55, cx as i32, cy as i32);
    if bits % 100 > 34 {
        return None;
    }
    let (u, v) = (spot.along / 2.7 - cx - 0.5, (spot.up / 1.9 - cy - 0.5) * 0.7);
    let (w, h) = (0.1 + 0.3 * cell(bits, 1, 0), 0.08 + 0.24 * cell(bits, 2, 0));
    let tone = Rgb::hsv(cell(bits, 3, 0), cell(bits, 4, 0), 0.15 + 0.8 * cell(bits, 5, 0));
    let round = bits.is_multiple_of(3);
    let inside = if round { u.hypot(v) < h * 0.6 } else { u.abs() < w && v.abs() < h };
    if !inside {
        return None;
    }
    let stripes = bits % 5 == 1 && (v * 30.0).rem_euclid(1.0) < 0.4;
    let blob = smooth(bits, u * 14.0, v * 14.0) > 0.62 && !bits.is_multiple_of(4);
    Some(if stripes || blob { tone.mix(look.banners[(bits % 3) as usize], 0.8) } else { tone })
}

fn outdoor(look: &HallLook, seed: u32, spot: Spot) -> Option<Rgb> {
    let (s, h) = (spot.along, spot.up);
    let roof = 3.0 + 9.0 * cell(seed, (s / 11.0).floor() as i32, 1) * cell(seed, 4, 4);
    let crown = 3.5 + 5.5 * smooth(seed ^ 1, s * 0.22, 0.0) + 1.2 * smooth(seed ^ 2, s * 1.7, 1.0);
    if cell(seed, 7, 7) < 0.6 && h < crown {
        let leaf =
            smooth(seed ^ 3, s * 5.0, h * 5.0) * 0.6 + smooth(seed ^ 4, s * 15.0, h * 15.0) * 0.4;
        let clump = smooth(seed ^ 6, s * 0.8, h * 1.1);
        let green = rgb(0.2, 0.3, 0.13).mix(rgb(0.42, 0.48, 0.2), smooth(seed, s * 0.15, 3.0));
        return Some(green.scaled((0.4 + 0.9 * leaf) * (0.55 + 0.8 * clump)));
    }
    if h < roof {
        let tone = look.walls[(cell_bits(seed, (s / 11.0).floor() as i32, 2) % 2) as usize];
        let pane = (s / 1.3).rem_euclid(1.0) < 0.45 && (h / 1.7).rem_euclid(1.0) > 0.45;
        return Some(if pane { tone.scaled(0.4) } else { tone.scaled(0.9) });
    }
    None
}

/// The sky in a direction: clouds on a plane far above, haze at the horizon.
pub(super) fn sky(look: &HallLook, ray: Vec3) -> Rgb {
    let d = ray.unit();
    let up = d.z.max(0.0);
    let (u, v) = (d.x / (up + 0.12), d.y / (up + 0.12));
    let cloud = smooth(look.texture, u, v) * 0.6 + smooth(look.texture ^ 5, u * 3.1, v * 3.1) * 0.4;
    let white = rgb(0.95, 0.95, 0.96);
    let thick = (cloud - 0.45).clamp(0.0, 0.4) * 1.6 * (up * 4.0).min(1.0);
    look.above.mix(white, (0.45 - up).clamp(0.0, 0.45) + thick)
}

/// A hall's ceiling at a point: beams and lamps.
pub(super) fn ceiling(look: &HallLook, x: f32, y: f32) -> Rgb {
    let pitch = 2.5 + 3.0 * cell(look.texture, 31, 1);
    let lamps = 3.0 + 2.0 * cell(look.texture, 31, 2);
    let (u, v) = ((x / lamps).rem_euclid(1.0), (y / lamps).rem_euclid(1.0));
    if (u - 0.5).abs() < 0.14 && (v - 0.5).abs() < 0.07 {
        return rgb(1.0, 1.0, 0.97).scaled(1.3);
    }
    let beam = (x / pitch).rem_euclid(1.0) < 0.07 || (y / (pitch * 1.7)).rem_euclid(1.0) < 0.04;
    look.above.scaled(if beam { 0.6 } else { 0.9 + 0.2 * smooth(look.texture, x * 0.2, y * 0.2) })
}

/// Rows of seats and the people in them.
fn stands(look: &HallLook, seed: u32, spot: Spot) -> Rgb {
    let row = (spot.up / SEAT.0).floor();
    // Heads reach into the row above, so that row is asked first.
    let ground = rgb(0.25, 0.25, 0.27).mix(look.banners[2], 0.35).scaled(0.8);
    for ahead in [-1.0, 0.0] {
        let at = row + ahead;
        let shift = (at as i32 % 2) as f32 * 0.5;
        let seat = (spot.along / SEAT.1 + shift).floor();
        let u = spot.along / SEAT.1 + shift - seat - 0.5;
        let v = spot.up / SEAT.0 - at;
        if let Some(tone) = spectator(look, (seed, seat as i32, at as i32), (u, v)) {
            return tone;
        }
    }
    let step = (spot.up / SEAT.0).rem_euclid(1.0) < 0.18;
    if step { ground.scaled(0.6) } else { ground }
}

/// Colours of shirt and head of whoever sits there.
pub(super) fn spectator_colors(seed: u32, seat: i32, row: i32) -> (Rgb, Rgb) {
    let bits = cell_bits(seed ^ 0xabc, seat, row);
    let hue = cell(bits, 1, 1);
    let pale = cell(bits, 2, 1);
    let shirt = Rgb::hsv(hue, pale * pale * 0.9, 0.12 + 0.8 * cell(bits, 3, 1));
    let skin = rgb(0.3, 0.19, 0.13).mix(rgb(0.9, 0.72, 0.6), cell(bits, 4, 1));
    (shirt, skin)
}

/// Whether a seat is taken.
pub(super) fn taken(look: &HallLook, seed: u32, (seat, row): (i32, i32)) -> bool {
    cell(seed ^ 0x123, seat, row) < look.crowd
}

fn spectator(
    look: &HallLook,
    (seed, seat, row): (u32, i32, i32),
    (u, v): (f32, f32),
) -> Option<Rgb> {
    if !taken(look, seed, (seat, row)) {
        return None;
    }
    let lean = (cell(seed ^ 0x77, seat, row) - 0.5) * 0.2;
    let (shirt, skin) = spectator_colors(seed, seat, row);
    let shade = 0.75 + 0.4 * cell(seed ^ 0x78, seat, row);
    let head = ((u - lean) / 0.19).hypot((v - 1.32) / 0.3);
    if head < 1.0 {
        let hair = v > 1.42 || head > 0.86;
        return Some(if hair { skin.scaled(0.3) } else { skin.scaled(shade) });
    }
    let body = v < 1.05 && v > 0.2 && (u - lean * 0.5).abs() < 0.42 - (v - 0.6).max(0.0) * 0.3;
    body.then(|| shirt.scaled(shade * (0.8 + 0.2 * v)))
}
