//! Everything about a game that is taste rather than play: the whole variety of pictures.
//!
//! A [`Look`] is drawn from a seed alone, part by part, each part from its own random stream:
//! court, hall, hoop, ball, kits, lens, view. To hold looks out of training, draw a look, judge
//! its fields, and skip the seed; or change a part of a look and give it to
//! [`crate::Game::with_look`]. Nothing in a look changes what is played, except where the camera
//! stands: misses are preferred that cross the hoop in the picture.

use crate::color::{self, Grade, Rgb, rgb};
use crate::random::Random;

/// The looks of one game.
#[derive(Clone, Debug)]
pub struct Look {
    /// The playing surface.
    pub court: CourtLook,
    /// What is around it.
    pub hall: HallLook,
    /// Board, ring, net and their support.
    pub hoop: HoopLook,
    /// The ball.
    pub ball: BallLook,
    /// The two teams.
    pub kits: [KitLook; 2],
    /// The camera's picture.
    pub lens: LensLook,
    /// Where the camera stands and how it moves.
    pub view: ViewLook,
}

/// What the floor is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    /// Planks with a gloss.
    Wood,
    /// Plastic tiles.
    Tile,
    /// Rough and matt.
    Asphalt,
    /// One even colour.
    Rubber,
}

/// The playing surface.
#[derive(Clone, Debug)]
pub struct CourtLook {
    /// What it is made of.
    pub material: Material,
    /// Colour of the field.
    pub floor: Rgb,
    /// Colour outside the lines.
    pub apron: Rgb,
    /// Colour of the key.
    pub key: Rgb,
    /// Colour inside the three-point line.
    pub inner: Rgb,
    /// Colour of the lines.
    pub lines: Rgb,
    /// Lines of another sport, if there are any.
    pub other_lines: Option<Rgb>,
    /// Strength of reflections, 0 to 1.
    pub gloss: f32,
    /// Strength of the texture, 0 to 1.
    pub wear: f32,
    /// Seed of the texture.
    pub texture: u32,
}

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A school or club hall.
    Gym,
    /// Stands full of people.
    Arena,
    /// Under the sky.
    Outdoor,
}

/// What is around the court.
#[derive(Clone, Debug)]
pub struct HallLook {
    /// What kind of place it is.
    pub place: Place,
    /// Upper and lower colour of the walls.
    pub walls: [Rgb; 2],
    /// Colour of ceiling or sky.
    pub above: Rgb,
    /// Height of the ceiling, metres.
    pub height: f32,
    /// Distance of the walls behind the lines, metres: at the ends and at the sides.
    pub margin: [f32; 2],
    /// Whether the ends (0, 1) and sides (2, 3) have stands: metres back per metre up; 0 is a wall.
    pub slopes: [f32; 4],
    /// Share of the seats that are taken.
    pub crowd: f32,
    /// Colours of banners and boards.
    pub banners: [Rgb; 3],
    /// Whether boards run along the foot of the walls.
    pub boards: bool,
    /// General brightness.
    pub light: f32,
    /// Seed of everything on the walls.
    pub texture: u32,
    /// Whether an LED scoreboard hangs in view.
    pub scoreboard: bool,
    /// Colour of its digits.
    pub digits: Rgb,
}

/// How a net is knotted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetStyle {
    /// Diamonds of string.
    String,
    /// Chains with a few rings.
    Chain,
    /// Diamonds with rings, close together.
    Dense,
    /// No net at all.
    Bare,
}

/// Board, ring, net and their support.
#[derive(Clone, Debug)]
pub struct HoopLook {
    /// Colour of the ring.
    pub ring: Rgb,
    /// Radius of its steel, metres.
    pub tube: f32,
    /// How the net is knotted.
    pub net_style: NetStyle,
    /// Colour of the net.
    pub net: Rgb,
    /// Loops of the net around the ring, and rows down.
    pub net_loops: (usize, usize),
    /// Length of the net, metres.
    pub net_length: f32,
    /// Share of the ring's radius at the net's end.
    pub net_taper: f32,
    /// Thickness of the cord, metres.
    pub net_cord: f32,
    /// How hard the net brakes the ball, 1/s.
    pub net_grip: f32,
    /// How much the net swings, 0.3 to 1.3.
    pub net_swing: f32,
    /// Colour of the board.
    pub board: Rgb,
    /// 1 is opaque; glass is about 0.15.
    pub board_opacity: f32,
    /// Half the width of the board, metres.
    pub board_half: f32,
    /// Lower and upper edge above the ring, metres.
    pub board_span: (f32, f32),
    /// Rounded at the top like a fan.
    pub board_fan: bool,
    /// Distance of the board from the ring's centre, metres.
    pub board_distance: f32,
    /// Colour of the board's edge and of the square.
    pub frame: Rgb,
    /// Colour of the square above the ring.
    pub square: Rgb,
    /// Colour of the support.
    pub support: Rgb,
    /// 0 stanchion, 1 pole, 2 hung from above, 3 wall arms.
    pub support_kind: u8,
    /// Share of speed that ring and board give back.
    pub bounce: (f32, f32),
}

/// The ball.
#[derive(Clone, Debug)]
pub struct BallLook {
    /// Its colour.
    pub skin: Rgb,
    /// A second colour of panels, often the same.
    pub panel: Rgb,
    /// Colour of the seams.
    pub seam: Rgb,
    /// Width of the seams, share of the radius.
    pub seam_width: f32,
    /// Radius as seen, metres.
    pub radius: f32,
}

/// One team's clothes.
#[derive(Clone, Debug)]
pub struct KitLook {
    /// Shirt.
    pub shirt: Rgb,
    /// Shorts.
    pub shorts: Rgb,
    /// Number on the shirt.
    pub number: Rgb,
    /// Shoes.
    pub shoes: Rgb,
}

/// The camera's picture.
#[derive(Clone, Debug)]
pub struct LensLook {
    /// Width of an edge in pixels of a 720-line picture: 1 sharp, 3 soft.
    pub softness: f32,
    /// Standard deviation of the grain in luma steps.
    pub grain: f32,
    /// Exposure, curve and colours.
    pub grade: Grade,
    /// Exposure time as a share of the frame's time.
    pub shutter: f32,
    /// Flicker of the lamps in luma steps.
    pub flicker: f32,
    /// Direction of the main light in the picture (x right, y down), unit length.
    pub light: (f32, f32),
    /// Difference between lit and dark sides, 0 to 0.6.
    pub contrast: f32,
}

/// Where a camera stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// High at the side, both hoops in view.
    Broadcast,
    /// In the stands, one half of the court in view.
    Stands,
    /// Beside the court, about head height.
    Courtside,
    /// Behind the end line, beside the board.
    Baseline,
    /// A phone near the hoop.
    Phone,
}

/// Where the camera stands and how it moves.
#[derive(Clone, Debug)]
pub struct ViewLook {
    /// Where the camera stands.
    pub stand: Stand,
    /// Degrees around the hoop from straight ahead of the board.
    pub azimuth: f32,
    /// Distance from the hoop along the floor, metres.
    pub distance: f32,
    /// Height of the lens, metres.
    pub height: f32,
    /// Width of the ring in pixels of a 720-line picture.
    pub ring_width: f32,
    /// Where the hoop is in the picture, shares of width and height.
    pub at: (f32, f32),
    /// Roll, degrees.
    pub roll: f32,
    /// Strength of a hand's shake in pixels of a 720-line picture; 0 is a tripod.
    pub shake: f32,
    /// Width of slow pans, share of the picture's height.
    pub pan: f32,
    /// How often the camera is aimed anew, times a minute.
    pub reaim: f32,
}

impl Look {
    /// The looks of the game `seed`.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let hall = HallLook::draw(&mut Random::new(seed, "hall"));
        let kits = KitLook::draw_two(&mut Random::new(seed, "kits"));
        Self {
            court: CourtLook::draw(&mut Random::new(seed, "floor"), hall.place),
            hoop: HoopLook::draw(&mut Random::new(seed, "hoop"), hall.place),
            ball: BallLook::draw(&mut Random::new(seed, "ball")),
            lens: LensLook::draw(&mut Random::new(seed, "lens")),
            view: ViewLook::draw(&mut Random::new(seed, "view")),
            hall,
            kits,
        }
    }
}

impl CourtLook {
    fn draw(r: &mut Random, place: Place) -> Self {
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
    fn draw(r: &mut Random) -> Self {
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
    fn draw(r: &mut Random, place: Place) -> Self {
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
    fn draw(r: &mut Random) -> Self {
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
    fn draw_two(r: &mut Random) -> [Self; 2] {
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
    fn draw(r: &mut Random) -> Self {
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
    fn draw(r: &mut Random) -> Self {
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
            (r.range(0.25, 0.75), r.range(0.16, 0.46))
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
        }
    }
}
