//! Composes frames: backdrop, scoreboard, crowd, shadows, players, hoops and balls by depth, grain.

use super::backdrop::{Backdrop, Quality};
use super::ball::BallShape;
use super::canvas::{Canvas, Planes, ink};
use super::crowd::{self, Fan};
use super::grain::Grain;
use super::hoop::{Hoop, Part};
use super::painter::Painter;
use super::player::{self, Pose};
use super::scoreboard::{self, Reading};
use super::shapes::Edge;
use crate::game::Game;
use crate::geometry::{Rect, Vec3};
use crate::physics::Net;
use crate::play::net::NetAt;
use crate::play::timeline::BallAt;
use crate::random::{Random, cell};

/// Renders the frames of one game, or of a part of its picture.
pub struct Frames<'a> {
    game: &'a Game,
    rect: Rect,
    planes: Planes,
    backdrop: Backdrop,
    fans: Vec<Fan>,
    grain: Grain,
    edge: Edge,
    following: bool,
}

/// Something to draw, by depth.
#[derive(Clone, Copy, Debug)]
enum Item {
    Player(usize),
    Hoop(usize),
    Ball(usize),
}

/// Most instants of one exposure that are drawn.
const MOST_INSTANTS: usize = 7;
/// A ball this near to a hoop is drawn between the hoop's parts, metres.
const AT_HOOP: f32 = 2.2;

impl<'a> Frames<'a> {
    /// Frames of the part `rect` of the game's picture, as I420.
    #[must_use]
    pub fn new(game: &'a Game, rect: Rect, quality: Quality) -> Self {
        let how = (Planes::I420, quality, game.shifts.reach);
        Self::with_planes(game, (rect, false), how)
    }

    /// Frames of luma alone: `rect.width * rect.height` bytes each.
    #[must_use]
    pub fn luma(game: &'a Game, rect: Rect, quality: Quality) -> Self {
        let how = (Planes::Luma, quality, game.shifts.reach);
        Self::with_planes(game, (rect, false), how)
    }

    /// Frames of luma alone, `rect.width * rect.height` bytes each, of a part of the picture that
    /// goes along with the camera by whole pixels, see [`Self::moved_at`].
    #[must_use]
    pub fn luma_following(game: &'a Game, rect: Rect, quality: Quality) -> Self {
        Self::with_planes(game, (rect, true), (Planes::Luma, quality, (1, 1)))
    }

    fn with_planes(
        game: &'a Game,
        (rect, following): (Rect, bool),
        how: (Planes, Quality, (i32, i32)),
    ) -> Self {
        let lens = &game.look.lens;
        Self {
            game,
            rect,
            planes: how.0,
            following,
            backdrop: Backdrop::render((&game.look, &game.camera), rect, how),
            fans: crowd::gather(&game.look.hall),
            grain: Grain::new(lens.grain, game.config.seed),
            edge: Edge {
                width: (lens.softness * game.camera.scale).max(1.0),
                light: lens.light,
                contrast: lens.contrast,
            },
        }
    }

    /// How far the rendered part has moved in frame `index`, in x and y, whole pixels.
    #[must_use]
    pub fn moved_at(&self, index: usize) -> (f32, f32) {
        let shift = self.game.shifts.at(index as f32 / self.game.config.fps as f32);
        if self.following { (shift.0.round(), shift.1.round()) } else { (0.0, 0.0) }
    }

    /// Renders frame `index` into `bytes`, which hold one picture.
    ///
    /// # Panics
    /// If `bytes` is shorter than the picture.
    pub fn render(&self, index: usize, bytes: &mut [u8]) {
        let t = index as f32 / self.game.config.fps as f32;
        let (shift, moved) = (self.game.shifts.at(t), self.moved_at(index));
        let shift = (shift.0 - moved.0, shift.1 - moved.1);
        let mut canvas = Canvas::over(bytes, self.rect, self.planes);
        self.backdrop.draw(&mut canvas, shift);
        let mut painter = Painter {
            canvas: &mut canvas,
            camera: &self.game.camera,
            shift,
            look: &self.game.look,
            edge: self.edge,
        };
        self.draw(&mut painter, t);
        let mut random = Random::new(self.game.config.seed ^ (index as u64) << 20, "frame");
        let flicker = (random.normal() * self.game.look.lens.flicker) as i16;
        let place = (random.below(256), random.below(256));
        self.grain.add(canvas.luma, self.rect, (place, flicker));
    }

    fn draw(&self, painter: &mut Painter<'_, '_>, t: f32) {
        let game = self.game;
        crowd::draw(painter, &self.fans, (t, game.mood_at(t)));
        if let Some(place) = &game.board {
            let clock = game.clock - game.timeline.played_at(t);
            scoreboard::draw(painter, place, Reading { score: game.timeline.score_at(t), clock });
        }
        let ball = game.timeline.ball_at(t);
        let poses: Vec<Pose> =
            (0..game.timeline.players.len()).map(|i| Pose::at(&game.timeline, i, t)).collect();
        for player in &game.timeline.players {
            player::shadow(painter, player.place(t), (0.45, player.lift(t)));
        }
        for which in 0..=game.timeline.spares.len() {
            let place = game.timeline.any_ball_at(which, t);
            player::shadow(painter, place, (0.2, place.z));
        }
        let ball_hoop =
            game.hoops.iter().position(|h| (h.place.centre - ball.p).length() < AT_HOOP);
        for item in self.by_depth(t, (&ball, ball_hoop)) {
            match item {
                Item::Player(index) => {
                    player::draw(painter, &game.timeline.players[index], &poses[index]);
                }
                Item::Ball(which) => self.ball(painter, (which, t)),
                Item::Hoop(index) => {
                    let within = ball_hoop == Some(index);
                    self.hoop(painter, (index, t), within.then_some(ball));
                }
            }
        }
    }

    /// Everything that moves, farthest first. A ball at a hoop is left to the hoop.
    fn by_depth(&self, t: f32, (ball, ball_hoop): (&BallAt, Option<usize>)) -> Vec<Item> {
        let game = self.game;
        let depth = |p: Vec3| game.camera.see(p).depth;
        let mut items: Vec<(f32, Item)> = Vec::with_capacity(16);
        for (index, player) in game.timeline.players.iter().enumerate() {
            items.push((depth(player.place(t).at_height(1.2)), Item::Player(index)));
        }
        for (index, hoop) in game.hoops.iter().enumerate() {
            items.push((depth(hoop.place.centre.at_height(1.2)), Item::Hoop(index)));
        }
        if ball_hoop.is_none() {
            items.push((depth(ball.p), Item::Ball(0)));
        }
        for which in 1..=game.timeline.spares.len() {
            items.push((depth(game.timeline.any_ball_at(which, t)), Item::Ball(which)));
        }
        items.sort_by(|a, b| b.0.total_cmp(&a.0));
        items.into_iter().map(|(_, item)| item).collect()
    }

    fn hoop(&self, painter: &mut Painter<'_, '_>, (index, t): (usize, f32), ball: Option<BallAt>) {
        let game = self.game;
        let shown = &game.hoops[index];
        let distance = game.look.hoop.board_distance;
        let nets = self.nets(index, t);
        let hoop = Hoop { place: shown.place, nets: &nets };
        let front = hoop.faces(game.camera.eye, distance);
        let near = ball.map(|b| shown.place.local(b.p));
        let behind_board = near.is_some_and(|p| p.y < -distance);
        let split = ball.map_or(f32::NEG_INFINITY, |b| game.camera.see(b.p).depth);
        let inside = ball.is_some_and(|b| b.net == Net::Inside && b.hoop == index);
        // A ball in the net is between its halves, wherever in there it is.
        let split = if inside { game.camera.see(shown.place.centre).depth } else { split };
        let with_ball = ball.is_some();
        if front {
            hoop.support(painter);
            if with_ball && behind_board {
                self.ball(painter, (0, t));
            }
            hoop.board(painter);
        } else if with_ball
            && !behind_board
            && split > game.camera.see(shown.place.centre).depth + 0.6
        {
            // Far on the other side of the ring, seen from behind the board.
            self.ball(painter, (0, t));
        }
        let among = with_ball && !behind_board;
        if among {
            hoop.ring_and_net(painter, Part::Behind(split));
            if front || split <= game.camera.see(shown.place.centre).depth + 0.6 {
                self.ball(painter, (0, t));
            }
            hoop.ring_and_net(painter, Part::Before(split));
        } else {
            hoop.ring_and_net(painter, Part::Behind(f32::NEG_INFINITY));
        }
        if !front {
            hoop.board(painter);
            hoop.support(painter);
            if with_ball && behind_board {
                self.ball(painter, (0, t));
            }
        }
    }

    /// The net during the exposure: one state, or two if it moves.
    fn nets(&self, hoop: usize, t: f32) -> Vec<NetAt> {
        let game = self.game;
        let now = game.net_at(hoop, t);
        let before = game.net_at(hoop, t - self.exposure() * 0.6);
        let moved = (now.lift - before.lift).abs()
            + (now.sway.0 - before.sway.0).abs()
            + (now.sway.1 - before.sway.1).abs();
        if moved > 0.015 { vec![before, now] } else { vec![now] }
    }

    fn exposure(&self) -> f32 {
        self.game.look.lens.shutter / self.game.config.fps as f32
    }

    fn ball(&self, painter: &mut Painter<'_, '_>, (which, t): (usize, f32)) {
        let look = &self.game.look.ball;
        let place = |t: f32| self.game.timeline.any_ball_at(which, t);
        let now = painter.see(place(t));
        if now.depth < 0.5 {
            return;
        }
        let radius = look.radius * painter.camera.pixels_per_metre(now.depth);
        let early = painter.see(place(t - self.exposure()));
        let way = (now.x - early.x).hypot(now.y - early.y);
        let count = ((way / (radius * 0.4).max(1.0)) as usize + 1).min(MOST_INSTANTS);
        let middles: Vec<(f32, f32)> = (0..count)
            .map(|i| {
                let back = self.exposure() * (count - 1 - i) as f32 / count as f32;
                let seen = painter.see(place(t - back));
                (seen.x, seen.y)
            })
            .collect();
        let color = painter.yuv(look.skin);
        let seam = painter.yuv(look.seam)[0];
        let shape = BallShape {
            middles: &middles,
            radius,
            edge: self.edge,
            spin: spin_at(t, self.game.config.seed),
            seam: look.seam_width,
            seam_shade: (seam - 16.0) / (color[0] - 16.0).max(8.0),
        };
        painter.canvas.fill(&shape, ink(color));
    }
}

fn spin_at(t: f32, seed: u64) -> ([f32; 3], [f32; 3]) {
    let tilt = cell(seed as u32, 5, 1) * 6.3;
    let turn = t * 9.0;
    let (ct, st) = (tilt.cos(), tilt.sin());
    let (cr, sr) = (turn.cos(), turn.sin());
    ([cr * ct, cr * st, sr], [-st, ct, 0.25 * sr])
}
