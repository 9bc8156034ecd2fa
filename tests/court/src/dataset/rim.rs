//! Clips of one hoop for the rim lane: raw luma, limited range, before any compression.
//!
//! `clips.u8` holds clips back to back, each `[72][p][p]`; `clips.json` lists them. The viewport
//! goes along with the camera by whole pixels, so the hoop stays in it; where it was is listed too.

use serde::Serialize;

use super::Piece;
use crate::game::{Game, GameConfig};
use crate::geometry::Rect;
use crate::look::{Look, NetStyle};
use crate::play::director::Director;
use crate::play::{Flavour, Quiet, Theme};
use crate::random::Random;
use crate::render::Quality;
use crate::render::frames::Frames;
use crate::truth::Kind;

/// Frames of a clip.
pub const FRAMES: usize = 72;
/// Frames a second.
pub const FPS: f64 = 25.0;
/// Sides a clip can have, pixels: hoops from 10 to 40 pixels wide.
const SIDES: [usize; 5] = [48, 64, 80, 112, 160];
/// Side of a viewport in widths of the hoop's box.
const WIDTHS: f32 = 4.6;
/// Share of clips whose hoop has no net: three times as many as games have, because there only
/// the ring tells a ball inside from one before or behind.
const BARE: f32 = 0.12;
/// Shares of clips with other balls in the air around the hoop, and with people before it.
const WARM_UP: f32 = 0.15;
const CROWDED: f32 = 0.12;

/// One clip in `clips.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Clip {
    /// First byte in `clips.u8`.
    pub offset: u64,
    /// Side, pixels.
    pub p: usize,
    /// Seed it was made from.
    pub seed: u64,
    /// What is played: the flavour of the shot, or of what is none.
    pub play: String,
    /// Left and top of the viewport in each frame, picture pixels.
    pub corner_per_frame: Vec<[f32; 2]>,
    /// Left, top, right, bottom of ring and net in each frame, viewport pixels.
    pub hoop_box_per_frame: Vec<[f32; 4]>,
    /// Shots at this hoop within the clip.
    pub events: Vec<Moment>,
    /// x, y, radius and visibility (0 to 1) of the ball in each frame, viewport pixels.
    pub ball_per_frame: Vec<[f32; 4]>,
    /// How far the ball is behind the ring's centre as the camera sees it, metres (in front of it:
    /// negative), and whether it came through the ring and is in the net (1) or not (0).
    pub depth_per_frame: Vec<[f32; 2]>,
}

/// A shot's moment.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// Made or missed.
    pub kind: Kind,
    /// Frame of the clip, between frames as a fraction.
    pub frame: f32,
}

impl Piece for Clip {
    fn render(seed: u64) -> (Self, Vec<u8>) {
        render(seed)
    }

    fn set_offset(&mut self, offset: u64) {
        self.offset = offset;
    }
}

/// The shots in the clip of a seed, without rendering it.
#[must_use]
pub fn moments_of_seed(seed: u64) -> Vec<Moment> {
    let plan = Plan::of_seed(seed);
    moments(&plan.game, plan.start)
}

/// What a seed's clip shows.
pub(super) struct Plan {
    pub(super) game: Game,
    /// First frame of the clip.
    pub(super) start: usize,
    /// Side of the viewport, pixels.
    pub(super) side: usize,
    pub(super) play: String,
    pub(super) random: Random,
}

impl Plan {
    fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(seed, "rim clip");
        let (side, width) = draw_side(&mut random);
        let play = Play::draw(&mut random);
        let (game, start) = game_of(seed, (width, play), &mut random);
        Self { game, start, side, play: play.name(), random }
    }
}

/// Side of a clip's viewport and width of the hoop's box in it, pixels.
pub(super) fn draw_side(random: &mut Random) -> (usize, f32) {
    let side = random.pick(&SIDES);
    (side, (side as f32 / WIDTHS * random.range(0.87, 1.15)).max(10.0))
}

/// Renders the clip of a seed: its entry (offset 0) and its `[72][p][p]` bytes.
#[must_use]
pub fn render(seed: u64) -> (Clip, Vec<u8>) {
    render_plan(seed, Plan::of_seed(seed))
}

/// Renders what was planned for a seed.
pub(super) fn render_plan(seed: u64, plan: Plan) -> (Clip, Vec<u8>) {
    let Plan { game, start, side, play, mut random } = plan;
    let rect = viewport(&game, side, &mut random);
    let frames = Frames::luma_following(&game, rect, Quality::Fine);
    let mut bytes = vec![0; FRAMES * side * side];
    let mut clip = Clip {
        offset: 0,
        p: side,
        seed,
        play,
        corner_per_frame: Vec::with_capacity(FRAMES),
        hoop_box_per_frame: Vec::with_capacity(FRAMES),
        events: moments(&game, start),
        ball_per_frame: Vec::with_capacity(FRAMES),
        depth_per_frame: Vec::with_capacity(FRAMES),
    };
    for (index, picture) in bytes.chunks_exact_mut(side * side).enumerate() {
        frames.render(start + index, picture);
        let moved = frames.moved_at(start + index);
        let (x, y) = (rect.x as f32 + moved.0, rect.y as f32 + moved.1);
        clip.corner_per_frame.push([x, y]);
        let bounds = game.hoop_box_at(start + index);
        clip.hoop_box_per_frame.push([bounds[0] - x, bounds[1] - y, bounds[2] - x, bounds[3] - y]);
        let ball = game.frame_truth(start + index).balls[0];
        clip.ball_per_frame.push([ball[0] - x, ball[1] - y, ball[2], ball[3]]);
        clip.depth_per_frame.push(game.ball_behind_hoop(start + index));
    }
    (clip, bytes)
}

/// What is played in a clip.
#[derive(Clone, Copy, Debug)]
enum Play {
    Shot(Flavour),
    Quiet(Quiet),
}

impl Play {
    fn draw(random: &mut Random) -> Self {
        let share = random.unit();
        if share < 0.35 {
            Self::Shot(Flavour::made(random))
        } else if share < 0.75 {
            Self::Shot(Flavour::missed(random))
        } else {
            Self::Quiet(random.weighted(&[
                (0.3, Quiet::Possession),
                (0.35, Quiet::Across),
                (0.15, Quiet::Toss),
                (0.2, Quiet::Hands),
            ]))
        }
    }

    fn name(self) -> String {
        match self {
            Self::Shot(flavour) => format!("{flavour:?}"),
            Self::Quiet(quiet) => format!("{quiet:?}"),
        }
    }
}

/// A game with one play, its hoop's box `width` pixels wide, and the clip's first frame.
fn game_of(seed: u64, (width, play): (f32, Play), random: &mut Random) -> (Game, usize) {
    let (config, look) = setting_of(seed, width, 9.0);
    let setting = Game::setting(&config, &look);
    let timeline = match play {
        Play::Shot(flavour) => Director::drill_shot(setting, flavour),
        Play::Quiet(quiet) => Director::drill_quiet(setting, (quiet, 5.0)),
    };
    let shot = timeline.events.iter().find(|e| e.hoop.is_some()).map(|e| e.t);
    let game = Game::with_timeline(config, look, timeline);
    let start = match shot {
        Some(t) => t * FPS as f32 - random.range(12.0, FRAMES as f32 - 6.0),
        None => random.range(0.0, 60.0),
    };
    (game, start.max(0.0) as usize)
}

/// The looks of a seed with a hoop's box `width` pixels wide: the same view at another resolution,
/// for a small hoop is a small picture, not a wide lens.
pub(super) fn setting_of(seed: u64, width: f32, seconds: f64) -> (GameConfig, Look) {
    let mut random = Random::new(seed, "clip setting");
    let mut look = Look::of_seed(seed);
    if random.chance(BARE) {
        look.hoop.net_style = NetStyle::Bare;
    }
    let theme = random.weighted(&[
        (1.0 - WARM_UP - CROWDED, Theme::Mixed),
        (WARM_UP, Theme::WarmUp),
        (CROWDED, Theme::Crowded),
    ]);
    let scale = width / 1.03 / look.view.ring_width;
    let size = ((1280.0 * scale) as usize, (720.0 * scale) as usize);
    (GameConfig { seconds, size, theme, ..GameConfig::of_seed(seed) }, look)
}

/// A square of `side` pixels around the hoop where the camera has not moved yet.
fn viewport(game: &Game, side: usize, random: &mut Random) -> Rect {
    let bounds = game.unmoved_hoop_box();
    let width = bounds[2] - bounds[0];
    let half = side as f32 / 2.0;
    let x = (bounds[0] + bounds[2]) / 2.0 - half + width * random.range(-0.1, 0.1);
    let y = bounds[1] + 0.45 * width - half + width * random.range(-0.1, 0.1);
    let even = |v: f32| (v / 2.0).round() as i32 * 2;
    Rect { x: even(x), y: even(y), width: side, height: side }
}

fn moments(game: &Game, start: usize) -> Vec<Moment> {
    let frame = |t: f32| t * FPS as f32 - start as f32;
    game.timeline
        .events
        .iter()
        .filter(|e| e.hoop == Some(0))
        .map(|e| Moment { kind: e.kind, frame: frame(e.t) })
        .filter(|m| (0.0..FRAMES as f32).contains(&m.frame))
        .collect()
}
