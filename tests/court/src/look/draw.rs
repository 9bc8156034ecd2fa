//! How the parts of a look are drawn: what is common, what is rare, what goes together.

use super::{
    BallLook, CourtLook, HallLook, HoopLook, KitLook, LensLook, Material, NetStyle, Place, Stand,
    ViewLook,
};
use crate::color::{self, Grade, Rgb, rgb};
use crate::random::Random;

impl CourtLook {
    pub(super) fn draw(r: &mut Random, place: Place) -> Self {
        let material = match place {
            Place::Gym => r.weighted(&[
                (0.65, Material::Wood),
                (0.2, Material::Rubber),
                (0.15, Material::Tile),
            ]),
            Place::Arena => r.weighted(&[(0.85, Material::Wood), (0.15, Material::Tile)]),
            Place::Outdoor => r.weighted(&[
                (0.5, Material::Asphalt),
                (0.3, Material::Rubber),
                (0.2, Material::Tile),
            ]),
        };
        let floor = match material {
            Material::Wood => {
                let light = rgb(0.86, 0.68, 0.45).mix(rgb(0.55, 0.33, 0.17), r.unit());
                light.scaled(r.range(0.8, 1.1))
            }
            Material::Asphalt => rgb(0.36, 0.36, 0.37).scaled(r.range(0.6, 1.5)),
            Material::Tile | Material::Rubber => {
                Rgb::hsv(r.unit(), r.range(0.1, 0.7), r.range(0.25, 0.75))
            }
        };
        let paint = |r: &mut Random, p: f32| {
            if !r.chance(p) {
                floor
            } else if r.chance(0.3) {
                color::any(r)
            } else {
                color::calm(r)
            }
        };
        Self {
            material,
            floor,
            apron: paint(r, 0.6),
            key: paint(r, 0.65),
            inner: if r.chance(0.25) { floor.mix(color::calm(r), 0.6) } else { floor },
            lines: if r.chance(0.75) { rgb(0.95, 0.95, 0.93) } else { color::any(r) },
            other_lines: r.chance(0.4).then(|| color::any(r)),
            gloss: if material == Material::Wood { r.range(0.1, 0.7) } else { r.range(0.0, 0.2) },
            wear: r.range(0.1, 1.0),
            texture: r.bits() as u32,
        }
    }
}

impl HallLook {
    pub(super) fn draw(r: &mut Random) -> Self {
        let place = r.weighted(&[(0.5, Place::Gym), (0.28, Place::Arena), (0.22, Place::Outdoor)]);
        let slope = |r: &mut Random, p: f32| if r.chance(p) { r.range(1.0, 2.2) } else { 0.0 };
        let stands = match place {
            Place::Gym => 0.3,
            Place::Arena => 1.0,
            Place::Outdoor => 0.08,
        };
        let warm = rgb(0.93, 0.9, 0.84).scaled(r.range(0.5, 1.0));
        let wall = if r.chance(0.5) { warm } else { color::calm(r) };
        let sky = rgb(0.55, 0.7, 0.92).mix(rgb(0.85, 0.86, 0.88), r.unit());
        let above = match place {
            Place::Outdoor => sky.scaled(r.range(0.7, 1.1)),
            Place::Gym => rgb(0.6, 0.58, 0.55).scaled(r.range(0.35, 1.4)),
            Place::Arena => rgb(0.12, 0.12, 0.14).scaled(r.range(0.3, 1.5)),
        };
        Self {
            place,
            walls: [wall, if r.chance(0.5) { color::calm(r) } else { wall.scaled(0.85) }],
            above,
            height: r.range(6.5, 14.0),
            margin: [r.range(1.6, 7.0), r.range(1.8, 7.0)],
            slopes: [slope(r, stands), slope(r, stands), slope(r, stands), slope(r, stands)],
            crowd: if place == Place::Arena { r.range(0.5, 0.97) } else { r.range(0.03, 0.7) },
            banners: [color::any(r), color::any(r), color::any(r)],
            boards: r.chance(0.5),
            light: r.range(0.75, 1.1),
            texture: r.bits() as u32,
            scoreboard: r.chance(if place == Place::Outdoor { 0.25 } else { 0.75 }),
            digits: r.pick(&[
                rgb(1.0, 0.25, 0.12),
                rgb(1.0, 0.75, 0.2),
                rgb(0.4, 1.0, 0.4),
                rgb(0.9, 0.95, 1.0),
            ]),
        }
    }
}

impl HoopLook {
    pub(super) fn draw(r: &mut Random, place: Place) -> Self {
        let kinds: &[(f32, u8)] = match place {
            Place::Outdoor => &[(0.3, 0), (0.7, 1)],
            Place::Arena => &[(0.85, 0), (0.15, 2)],
            Place::Gym => &[(0.3, 0), (0.15, 1), (0.3, 2), (0.25, 3)],
        };
        let orange = rgb(0.9, 0.33, 0.1).mix(rgb(0.75, 0.12, 0.08), r.unit());
        let glass = r.chance(0.5);
        let big = r.chance(0.6);
        let white = rgb(0.95, 0.95, 0.95);
        let grey = rgb(0.1, 0.1, 0.11).mix(white, r.unit());
        Self {
            ring: if r.chance(0.8) { orange.scaled(r.range(0.7, 1.1)) } else { color::any(r) },
            tube: r.range(0.008, 0.0125),
            net_style: r.weighted(&[
                (0.66, NetStyle::String),
                (0.14, NetStyle::Chain),
                (0.16, NetStyle::Dense),
                (0.04, NetStyle::Bare),
            ]),
            net: if r.chance(0.72) { white.scaled(r.range(0.7, 1.03)) } else { color::any(r) },
            net_loops: (8 + r.below(6), 4 + r.below(3)),
            net_length: r.range(0.36, 0.5),
            net_taper: r.range(0.5, 0.78),
            net_cord: r.log_range(0.005, 0.013),
            net_grip: r.range(2.0, 10.0),
            net_swing: r.range(0.3, 1.3),
            board: if r.chance(0.7) { white.scaled(r.range(0.8, 1.0)) } else { color::any(r) },
            board_opacity: if glass { r.range(0.05, 0.35) } else { 1.0 },
            board_half: if big { 0.9 } else { r.range(0.55, 0.8) },
            board_span: if big {
                (-0.15, 0.9)
            } else {
                (r.range(-0.25, -0.05), r.range(0.65, 0.85))
            },
            board_fan: !big && r.chance(0.35),
            board_distance: RING_TO_BOARD + r.range(-0.02, 0.05),
            frame: if r.chance(0.6) { white } else { color::any(r) },
            square: if r.chance(0.5) { white } else { color::any(r) },
            support: if r.chance(0.5) { grey } else { color::any(r) },
            support_kind: r.weighted(kinds),
            bounce: (r.range(0.38, 0.66), r.range(0.55, 0.78)),
        }
    }
}

/// Distance of a regulation board from the ring's centre, metres.
const RING_TO_BOARD: f32 = 0.379;

impl BallLook {
    pub(super) fn draw(r: &mut Random) -> Self {
        let orange = rgb(0.85, 0.42, 0.16).mix(rgb(0.5, 0.24, 0.12), r.unit());
        let skin = if r.chance(0.85) { orange.scaled(r.range(0.75, 1.15)) } else { color::any(r) };
        Self {
            skin,
            panel: if r.chance(0.75) { skin } else { color::any(r) },
            seam: rgb(0.06, 0.05, 0.05).mix(skin, r.range(0.0, 0.5)),
            seam_width: r.range(0.03, 0.09),
            radius: r.range(0.113, 0.124),
        }
    }
}

impl KitLook {
    pub(super) fn draw_two(r: &mut Random) -> [Self; 2] {
        let first = Self::draw(r, None);
        let second = Self::draw(r, Some(first.shirt));
        [first, second]
    }

    fn draw(r: &mut Random, rival: Option<Rgb>) -> Self {
        let mut shirt = color::any(r);
        if rival.is_some_and(|c| (c.luma() - shirt.luma()).abs() < 0.25) {
            shirt = if shirt.luma() > 0.4 {
                shirt.scaled(0.35)
            } else {
                shirt.mix(rgb(1.0, 1.0, 1.0), 0.7)
            };
        }
        let shorts = if r.chance(0.7) { shirt } else { color::any(r) };
        let number =
            if shirt.luma() > 0.45 { rgb(0.05, 0.05, 0.08) } else { rgb(0.97, 0.97, 0.95) };
        let shoes = if r.chance(0.5) { rgb(0.9, 0.9, 0.9) } else { color::any(r) };
        Self { shirt, shorts, number, shoes }
    }
}

impl LensLook {
    pub(super) fn draw(r: &mut Random) -> Self {
        let angle = r.range(-0.9, 0.9);
        Self {
            softness: r.weighted(&[(0.5, 1.0), (0.3, 1.6), (0.2, 2.6)]) * r.range(0.9, 1.25),
            grain: if r.chance(0.25) { 0.3 } else { r.log_range(0.6, 6.0) },
            grade: Grade {
                gain: r.range(0.82, 1.25),
                gamma: r.log_range(0.68, 1.2),
                black: r.range(0.0, 0.06),
                saturation: r.range(0.55, 1.25),
                tint: (r.range(0.88, 1.12), r.range(0.85, 1.12)),
            },
            shutter: r.pick(&[0.05, 0.2, 0.4, 0.6, 0.9]),
            flicker: if r.chance(0.2) { r.range(0.5, 2.5) } else { 0.0 },
            light: (angle.sin(), -angle.cos()),
            contrast: r.range(0.1, 0.55),
        }
    }
}

impl ViewLook {
    pub(super) fn draw(r: &mut Random) -> Self {
        let stand = r.weighted(&[
            (0.18, Stand::Broadcast),
            (0.26, Stand::Stands),
            (0.22, Stand::Courtside),
            (0.12, Stand::Baseline),
            (0.22, Stand::Phone),
        ]);
        let side = r.sign();
        let (azimuth, distance, height, ring_width) = match stand {
            Stand::Broadcast => ((50.0, 62.0), (17.0, 22.0), (4.0, 9.0), (13.0, 17.0)),
            Stand::Stands => ((20.0, 88.0), (11.0, 20.0), (3.0, 8.5), (16.0, 34.0)),
            Stand::Courtside => ((15.0, 92.0), (7.0, 13.0), (1.3, 3.2), (20.0, 44.0)),
            Stand::Baseline => ((80.0, 150.0), (3.5, 8.0), (1.3, 4.5), (26.0, 60.0)),
            Stand::Phone => ((0.0, 80.0), (2.6, 6.5), (1.2, 1.9), (38.0, 90.0)),
        };
        let at = if stand == Stand::Broadcast {
            (if side < 0.0 { r.range(0.84, 0.91) } else { r.range(0.09, 0.16) }, r.range(0.2, 0.42))
        } else {
            (r.range(0.25, 0.75), r.range(0.14, 0.4))
        };
        let held = matches!(stand, Stand::Phone) || r.chance(0.2);
        Self {
            stand,
            azimuth: side * r.range(azimuth.0, azimuth.1),
            distance: r.range(distance.0, distance.1),
            height: r.range(height.0, height.1),
            ring_width: r.log_range(ring_width.0, ring_width.1),
            at,
            roll: if held { r.normal() * 2.0 } else { r.normal() * 0.4 },
            shake: if held { r.log_range(0.6, 6.0) } else { r.pick(&[0.0, 0.0, 0.25, 0.6]) },
            pan: if r.chance(0.45) { r.range(0.02, 0.14) } else { 0.0 },
            reaim: if r.chance(0.35) { r.range(0.5, 4.0) } else { 0.0 },
            follow: match stand {
                Stand::Broadcast if r.chance(0.6) => r.range(0.1, 0.4),
                Stand::Stands | Stand::Courtside if r.chance(0.35) => r.range(0.05, 0.3),
                Stand::Phone if r.chance(0.2) => r.range(0.02, 0.12),
                Stand::Broadcast
                | Stand::Stands
                | Stand::Courtside
                | Stand::Baseline
                | Stand::Phone => 0.0,
            },
            reach: if stand == Stand::Broadcast { 0.3 } else { 0.22 },
        }
    }
}
