//! Everything about a game that is taste rather than play: the whole variety of pictures.
//!
//! A [`Look`] is drawn from a seed alone, part by part, each part from its own random stream:
//! court, hall, hoop, ball, kits, lens, view. To hold looks out of training, draw a look, judge
//! its fields, and skip the seed; or change a part of a look and give it to
//! [`crate::Game::with_look`]. Nothing in a look changes what is played, except where the camera
//! stands: misses are preferred that cross the hoop in the picture.

mod draw;

use crate::color::{Grade, Rgb};
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
    /// Share of the ball's way that the operator follows, 0 to 1.
    pub follow: f32,
    /// How far the picture can be shifted by all of this, share of its height.
    pub reach: f32,
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
