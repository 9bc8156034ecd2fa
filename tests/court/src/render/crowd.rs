//! The part of the crowd that moves: some people in the stands bob, stand up and raise their arms.

use super::painter::Painter;
use super::walls::{self, SEAT};
use crate::color::Rgb;
use crate::geometry::{COURT_HALF_LENGTH, COURT_HALF_WIDTH, Vec3, vec3};
use crate::look::HallLook;
use crate::random::cell;

/// Somebody in the stands who moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fan {
    at: Vec3,
    shirt: Rgb,
    skin: Rgb,
    /// Own rhythm and liveliness, 0 to 1.
    beat: f32,
    lively: f32,
}

/// Most people who move; the others are part of the backdrop.
const MOST: usize = 160;

/// The people who move, farthest rows first.
pub(super) fn gather(look: &HallLook) -> Vec<Fan> {
    let mut fans = Vec::new();
    for side in 0..4usize {
        let slope = look.slopes[side];
        if slope <= 0.0 {
            continue;
        }
        let seed = look.texture ^ (side as u32 * 0x9e37);
        let half = if side < 2 { COURT_HALF_WIDTH } else { COURT_HALF_LENGTH };
        let rows = (7.0 / SEAT.0) as i32;
        let seats = (half / SEAT.1) as i32;
        for row in (2..rows).rev() {
            for seat in -seats..seats {
                let lively = cell(seed ^ 0x991, seat, row);
                if lively > 0.9 && walls::taken(look, seed, (seat, row)) {
                    fans.push(fan(look, (side, slope), (seat, row)));
                }
            }
        }
    }
    let skip = fans.len().div_ceil(MOST).max(1);
    fans.into_iter().step_by(skip).collect()
}

fn fan(look: &HallLook, (side, slope): (usize, f32), (seat, row): (i32, i32)) -> Fan {
    let seed = look.texture ^ (side as u32 * 0x9e37);
    let shift = (row % 2) as f32 * 0.5;
    let along = (seat as f32 + 0.5 - shift) * SEAT.1;
    let up = row as f32 * SEAT.0;
    let sign = if side.is_multiple_of(2) { 1.0 } else { -1.0 };
    let at = if side < 2 {
        vec3(sign * (COURT_HALF_LENGTH + look.margin[0] + slope * up - 0.1), along, up)
    } else {
        vec3(along, sign * (COURT_HALF_WIDTH + look.margin[1] + slope * up - 0.1), up)
    };
    let (shirt, skin) = walls::spectator_colors(seed, seat, row);
    let lively = cell(seed ^ 0x992, seat, row);
    Fan { at, shirt, skin, beat: 1.0 + 2.0 * cell(seed ^ 0x993, seat, row), lively }
}

/// Draws the moving people; `mood` is 0 for calm and 1 for a cheer.
pub(super) fn draw(painter: &mut Painter<'_, '_>, fans: &[Fan], (t, mood): (f32, f32)) {
    for fan in fans {
        let excited = mood * (0.4 + 0.6 * fan.lively);
        let beat = (t * fan.beat * (2.0 + 4.0 * excited) + fan.lively * 40.0).sin();
        let rise = excited * 0.35 + beat.max(0.0) * 0.12 * excited;
        let sway = beat * (0.03 + 0.06 * excited);
        let seen = painter.see(fan.at);
        if seen.depth < 3.0 {
            continue;
        }
        let (s, k) = (painter.yuv(fan.shirt.scaled(0.95)), painter.yuv(fan.skin.scaled(0.95)));
        let hair = painter.yuv(fan.skin.scaled(0.3));
        let along = if fan.at.x.abs() > COURT_HALF_LENGTH {
            vec3(0.0, 1.0, 0.0)
        } else {
            vec3(1.0, 0.0, 0.0)
        };
        let seat = fan.at + along * sway + vec3(0.0, 0.0, rise);
        painter.limb((seat + vec3(0.0, 0.0, 0.1), 0.19), (seat + vec3(0.0, 0.0, 0.36), 0.2), s);
        let head = seat + vec3(0.0, 0.0, 0.58);
        painter.limb((head, 0.105), (head, 0.105), k);
        painter.limb(
            (head + vec3(0.0, 0.0, 0.05), 0.085),
            (head + vec3(0.0, 0.0, 0.06), 0.085),
            hair,
        );
        if excited > 0.45 {
            for side in [-1.0, 1.0] {
                let hand = seat
                    + along * (side * (0.28 + 0.08 * beat))
                    + vec3(0.0, 0.0, 0.85 + 0.1 * beat);
                let shoulder = seat + along * (side * 0.17) + vec3(0.0, 0.0, 0.38);
                painter.limb((shoulder, 0.055), (hand, 0.045), k);
            }
        }
    }
}
