//! One game: its looks, its camera, everything that happens in it, and the truth of it.

use crate::camera::{Camera, SHIFT_RATE, Seen, Shifts};
use crate::geometry::{HoopPlace, Rect, Vec3, vec3};
use crate::look::{Look, Stand};
use crate::physics::{BALL_RADIUS, HoopBody, Net, RING_RADIUS};
use crate::play::Theme;
use crate::play::director::{Director, Setting};
use crate::play::net::{self, NetAt};
use crate::play::timeline::{Noise, Timeline};
use crate::random::Random;
use crate::render::frames::Frames;
use crate::render::{BoardPlace, FIELDS, Quality};
use crate::truth::{Event, Field, Hoop, Kind, Truth};

/// What a game is made from.
#[derive(Clone, Copy, Debug)]
pub struct GameConfig {
    /// The whole game follows from it.
    pub seed: u64,
    /// Width and height of the picture, pixels.
    pub size: (usize, usize),
    /// Frames a second.
    pub fps: f64,
    /// Length, seconds.
    pub seconds: f64,
    /// Seconds from shot to shot, on average; below about 4 they follow at once.
    pub shot_every: f64,
    /// What it has more of than others.
    pub theme: Theme,
}

impl GameConfig {
    /// A minute of 1280×720 at 25 frames a second with a shot every 6.5 seconds.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            size: (1280, 720),
            fps: 25.0,
            seconds: 60.0,
            shot_every: 6.5,
            theme: Theme::Mixed,
        }
    }
}

/// A game, simulated from its first to its last frame.
pub struct Game {
    pub(crate) config: GameConfig,
    pub(crate) look: Look,
    pub(crate) camera: Camera,
    pub(crate) shifts: Shifts,
    pub(crate) timeline: Timeline,
    pub(crate) hoops: Vec<HoopShown>,
    pub(crate) board: Option<BoardPlace>,
    /// Seconds on the clock at the start.
    pub(crate) clock: f32,
}

/// One hoop of a game.
pub(crate) struct HoopShown {
    pub(crate) place: HoopPlace,
    pub(crate) nets: Vec<NetAt>,
}

/// What is true of one frame, in pixels of the whole picture.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameTruth {
    /// Balls: x, y, radius, and how much can be seen, 0 to 1.
    pub balls: Vec<[f32; 4]>,
    /// Bounding box of ring and net of each hoop in view, and its name.
    pub hoops: Vec<(char, [f32; 4])>,
    /// Whether the picture moved by more than half a pixel since the frame before.
    pub camera_moved: bool,
}

/// A field of a scoreboard that has fewer rows cannot be read by a person either.
const FIELD_ROWS_MIN: f32 = 12.0;
/// Names of the hoops.
const NAMES: [char; 2] = ['a', 'b'];
/// A hoop is wholly in the picture when at most a hundredth of its box is not.
const WHOLE: f32 = 0.99;

impl Game {
    /// The game of a seed with the looks of that seed.
    #[must_use]
    pub fn new(config: GameConfig) -> Self {
        Self::with_look(config, Look::of_seed(config.seed))
    }

    /// The game of a seed with other looks.
    #[must_use]
    pub fn with_look(config: GameConfig, look: Look) -> Self {
        let setting = Self::setting(&config, &look);
        let timeline = Director::new(setting).play_game(config.seconds as f32);
        Self::with_timeline(config, look, timeline)
    }

    /// What is to be directed for a config and looks.
    pub(crate) fn setting(config: &GameConfig, look: &Look) -> Setting {
        Setting {
            seed: config.seed,
            hoop: body_of(look),
            hoops: if look.view.stand == Stand::Broadcast { 2 } else { 1 },
            eye: Camera::of(look, config.size).eye,
            shot_every: config.shot_every as f32,
            theme: config.theme,
        }
    }

    pub(crate) fn with_timeline(config: GameConfig, look: Look, timeline: Timeline) -> Self {
        let camera = Camera::of(&look, config.size);
        let body = body_of(&look);
        let play: Vec<(f32, f32)> = (0..=(config.seconds as f32 * SHIFT_RATE) as usize + 1)
            .map(|i| camera.see(timeline.ball_at(i as f32 / SHIFT_RATE).p))
            .map(|seen| (seen.x, seen.y))
            .collect();
        let hoops = (0..2)
            .map(|index| HoopShown {
                place: HoopPlace::of(index),
                nets: net::swing(&timeline, index, (&look.hoop, &body)),
            })
            .collect();
        let mut random = Random::new(config.seed, "game");
        let board = look.hall.scoreboard.then(|| hang_board(&camera, &mut random));
        Self {
            shifts: Shifts::of(&look.view, &camera, (&play, config.seed)),
            clock: random.range(60.0, 600.0),
            config,
            look,
            camera,
            timeline,
            hoops,
            board,
        }
    }

    /// The looks of this game.
    #[must_use]
    pub const fn look(&self) -> &Look {
        &self.look
    }

    /// What this game was made from.
    #[must_use]
    pub const fn config(&self) -> &GameConfig {
        &self.config
    }

    /// Frames of the whole game.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        (self.config.seconds * self.config.fps).round() as usize
    }

    /// A renderer of the whole picture.
    #[must_use]
    pub fn frames(&self) -> Frames<'_> {
        Frames::new(self, Rect::whole(self.config.size), Quality::Fine)
    }

    /// The truth, as it is written beside the video.
    #[must_use]
    pub fn truth(&self) -> Truth {
        let first = self.frame_truth(0);
        let in_view: Vec<char> = first.hoops.iter().map(|h| h.0).collect();
        let hoops = first
            .hoops
            .iter()
            .map(|(name, b)| Hoop {
                id: name.to_string(),
                bounds: b.map(|v| f64::from((v * 10.0).round()) / 10.0),
            })
            .collect();
        let mut events: Vec<Event> = self
            .timeline
            .events
            .iter()
            .filter(|e| f64::from(e.t) < self.config.seconds)
            .filter_map(|e| {
                let certain = match e.hoop {
                    None => true,
                    Some(hoop) => match self.seen_share(hoop, e.t) {
                        0.0 => return None,
                        share => share > WHOLE && in_view.contains(&NAMES[hoop]),
                    },
                };
                Some(Event {
                    kind: e.kind,
                    t: (f64::from(e.t) * 1000.0).round() / 1000.0,
                    hoop: e.hoop.map(|h| NAMES[h].to_string()),
                    certain,
                    score: (e.kind == Kind::ScoreChange).then(|| self.timeline.score_at(e.t)),
                })
            })
            .collect();
        events.sort_by(|a, b| a.t.total_cmp(&b.t));
        let (fps, still) = (self.config.fps, self.stands_still());
        Truth { fps, still, hoops, board: self.board_fields(), events }
    }

    /// See [`Truth::still`].
    fn stands_still(&self) -> bool {
        self.shifts.reach.0 <= 2 && self.shifts.reach.1 <= 2
    }

    /// See [`Truth::board`].
    fn board_fields(&self) -> Vec<Field> {
        let Some(board) = self.board.filter(|_| self.stands_still()) else { return Vec::new() };
        let (w, h) = (self.config.size.0 as f32, self.config.size.1 as f32);
        let place = |[left, top, right, bottom]: [f32; 4]| {
            let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
            let seen = corners.map(|(x, y)| self.camera.see(board.point(x, y)));
            let least = |of: fn(&Seen) -> f32| seen.iter().map(of).fold(f32::INFINITY, f32::min);
            let most = |of: fn(&Seen) -> f32| seen.iter().map(of).fold(0.0, f32::max);
            [least(|s| s.x), least(|s| s.y), most(|s| s.x), most(|s| s.y)]
        };
        let legible = |[x0, y0, x1, y1]: [f32; 4]| {
            x0 >= 0.0 && y0 >= 0.0 && x1 <= w && y1 <= h && y1 - y0 >= FIELD_ROWS_MIN
        };
        let boxes = FIELDS.map(|(_, field)| place(field));
        if !boxes.iter().copied().all(legible) {
            return Vec::new();
        }
        let field = |((name, _), bounds): (&(&str, _), [f32; 4])| Field {
            field: (*name).to_owned(),
            bounds: bounds.map(|v| f64::from((v * 10.0).round()) / 10.0),
        };
        FIELDS.iter().zip(boxes).map(field).collect()
    }

    /// What is true of frame `index`.
    #[must_use]
    pub fn frame_truth(&self, index: usize) -> FrameTruth {
        let t = index as f32 / self.config.fps as f32;
        let shift = self.shifts.at(t);
        let before = self.shifts.at((t - 1.0 / self.config.fps as f32).max(0.0));
        let hoops = (0..2).filter_map(|i| self.hoop_box(i, shift).map(|b| (NAMES[i], b))).collect();
        FrameTruth {
            balls: (0..=self.timeline.spares.len()).map(|which| self.ball_in(which, t)).collect(),
            hoops,
            camera_moved: (shift.0 - before.0).hypot(shift.1 - before.1) > 0.5,
        }
    }

    /// A ball in the picture: x, y, radius, and how much of it can be seen.
    fn ball_in(&self, which: usize, t: f32) -> [f32; 4] {
        let shift = self.shifts.at(t);
        let p = self.timeline.any_ball_at(which, t);
        let seen = self.camera.see(p);
        if seen.depth < 0.5 {
            return [0.0, 0.0, 0.0, 0.0];
        }
        let radius = BALL_RADIUS * self.camera.pixels_per_metre(seen.depth);
        let (x, y) = (seen.x + shift.0, seen.y + shift.1);
        let (w, h) = (self.config.size.0 as f32, self.config.size.1 as f32);
        let within = x > 0.0 && y > 0.0 && x < w && y < h;
        [x, y, radius, if within { self.uncovered(p, t) } else { 0.0 }]
    }

    /// How much of a ball can be seen past the players and an opaque board: rays to nine points.
    fn uncovered(&self, ball: Vec3, t: f32) -> f32 {
        let to = (ball - self.camera.eye).unit();
        let aside = to.cross(vec3(0.0, 0.0, 1.0)).unit();
        let up = aside.cross(to);
        let mut seen = 0;
        for i in 0..9 {
            let point =
                ball + aside * ((i % 3 - 1) as f32 * 0.07) + up * ((i / 3 - 1) as f32 * 0.07);
            seen += usize::from(!self.covered(point, t));
        }
        seen as f32 / 9.0
    }

    fn covered(&self, point: Vec3, t: f32) -> bool {
        let eye = self.camera.eye;
        let ray = point - eye;
        let holder = self.timeline.holder_at(t);
        let by_player = self.timeline.players.iter().enumerate().any(|(index, player)| {
            let feet = player.place(t);
            let d = (feet - eye).at_height(0.0);
            let flat = ray.at_height(0.0);
            let share = d.dot(flat) / flat.dot(flat).max(1e-6);
            let margin = if holder == Some(index) { 0.12 } else { 0.0 };
            if !(0.0..1.0 - margin / flat.length().max(0.1)).contains(&share) {
                return false;
            }
            let z = eye.z + ray.z * share;
            let lift = player.lift(t);
            (flat * share - d).flat() < 0.2 && z > lift && z < lift + player.tall
        });
        by_player || self.hoops.iter().any(|h| self.behind_board(h, point))
    }

    fn behind_board(&self, hoop: &HoopShown, point: Vec3) -> bool {
        let look = &self.look.hoop;
        if look.board_opacity < 1.0 {
            return false;
        }
        let (a, b) = (hoop.place.local(self.camera.eye), hoop.place.local(point));
        let share = (-look.board_distance - a.y) / (b.y - a.y);
        let p = a.towards(b, share);
        (0.0..1.0).contains(&share)
            && p.x.abs() < look.board_half
            && (look.board_span.0..look.board_span.1).contains(&p.z)
    }

    /// The box of hoop `a` in frame `index`, whether it is in the picture or not.
    pub(crate) fn hoop_box_at(&self, index: usize) -> [f32; 4] {
        let shift = self.shifts.at(index as f32 / self.config.fps as f32);
        self.hoop_bounds(0, shift).unwrap_or_default()
    }

    /// How far the ball is behind hoop `a` as the camera sees it in frame `index`, metres, and
    /// whether it came through the ring and is in the net (1) or not (0).
    pub(crate) fn ball_behind_hoop(&self, index: usize) -> [f32; 2] {
        let ball = self.timeline.ball_at(index as f32 / self.config.fps as f32);
        let depth =
            self.camera.see(ball.p).depth - self.camera.see(self.hoops[0].place.centre).depth;
        let inside = ball.net == Net::Inside && ball.hoop == 0;
        [depth, f32::from(u8::from(inside))]
    }

    /// The box of hoop `a` before the camera moves.
    pub(crate) fn unmoved_hoop_box(&self) -> [f32; 4] {
        self.hoop_bounds(0, (0.0, 0.0)).unwrap_or_default()
    }

    /// The hoop's box if its middle is in the picture.
    fn hoop_box(&self, index: usize, shift: (f32, f32)) -> Option<[f32; 4]> {
        let bounds = self.hoop_bounds(index, shift)?;
        let middle = ((bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0);
        let (w, h) = (self.config.size.0 as f32, self.config.size.1 as f32);
        let within = middle.0 > 0.0 && middle.1 > 0.0 && middle.0 < w && middle.1 < h;
        within.then_some(bounds)
    }

    /// Which share of a hoop's box is inside the picture at a time.
    fn seen_share(&self, hoop: usize, t: f32) -> f32 {
        let Some([x0, y0, x1, y1]) = self.hoop_bounds(hoop, self.shifts.at(t)) else { return 0.0 };
        let (w, h) = (self.config.size.0 as f32, self.config.size.1 as f32);
        let inside = |from: f32, to: f32, length: f32| to.min(length) - from.max(0.0);
        let seen = inside(x0, x1, w).max(0.0) * inside(y0, y1, h).max(0.0);
        seen / ((x1 - x0) * (y1 - y0)).max(1e-6)
    }

    /// The hoop's box wherever it is, unless it is behind the camera.
    fn hoop_bounds(&self, index: usize, shift: (f32, f32)) -> Option<[f32; 4]> {
        let place = &self.hoops[index].place;
        let length = self.look.hoop.net_length;
        let mut bounds = [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY];
        for i in 0..32 {
            let (s, c) = (std::f32::consts::TAU * i as f32 / 32.0).sin_cos();
            let ring = RING_RADIUS + self.look.hoop.tube;
            let low = RING_RADIUS * self.look.hoop.net_taper;
            for p in [vec3(ring * c, ring * s, 0.0), vec3(low * c, low * s, -length)] {
                let seen = self.camera.see(place.world(p));
                if seen.depth < 0.5 {
                    return None;
                }
                bounds[0] = bounds[0].min(seen.x + shift.0);
                bounds[1] = bounds[1].min(seen.y + shift.1);
                bounds[2] = bounds[2].max(seen.x + shift.0);
                bounds[3] = bounds[3].max(seen.y + shift.1);
            }
        }
        Some(bounds)
    }

    pub(crate) fn net_at(&self, hoop: usize, t: f32) -> NetAt {
        let nets = &self.hoops[hoop].nets;
        let index = (t * crate::flight::RATE - 1.0).max(0.0) as usize;
        nets.get(index.min(nets.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// How excited the crowd is at `t`, 0 to 1.
    pub(crate) fn mood_at(&self, t: f32) -> f32 {
        let mut mood = 0.08f32;
        for sound in &self.timeline.sounds {
            let since = t - sound.t;
            if !(0.0..6.0).contains(&since) {
                continue;
            }
            let (strength, rise, decay) = match sound.noise {
                Noise::Cheer(strength) => (strength, 0.25, 2.2),
                Noise::Anticipation => (0.3, 0.5, 0.8),
                Noise::Buzzer => (0.5, 0.3, 1.5),
                Noise::Bounce(_)
                | Noise::Rim(_)
                | Noise::Board(_)
                | Noise::Swish
                | Noise::Whistle
                | Noise::Sigh => continue,
            };
            mood = mood.max(strength * (since / rise).min(1.0) * (-since / decay).exp());
        }
        mood
    }
}

fn body_of(look: &Look) -> HoopBody {
    let hoop = &look.hoop;
    HoopBody {
        tube: hoop.tube,
        board_y: -hoop.board_distance,
        board_half: hoop.board_half,
        board_low: hoop.board_span.0,
        board_high: hoop.board_span.1,
        ring_bounce: hoop.bounce.0,
        board_bounce: hoop.bounce.1,
        floor_bounce: 0.76,
        net_length: hoop.net_length,
        net_taper: hoop.net_taper,
        net_grip: hoop.net_grip,
        net_slip: 0.6 + 0.1 * hoop.net_grip.min(8.0),
        floor_z: BALL_RADIUS - crate::geometry::RING_HEIGHT,
    }
}

/// Hangs the scoreboard where the camera sees it, beyond the players.
fn hang_board(camera: &Camera, random: &mut Random) -> BoardPlace {
    let (w, h) = (camera.middle.0 * 2.0, camera.middle.1 * 2.0);
    let at = (random.range(0.12, 0.88) * w, random.range(0.06, 0.2) * h);
    let ray = camera.ray(at.0, at.1).unit();
    let far = random.range(14.0, 30.0);
    let middle = camera.eye + ray * far;
    let turn = random.range(-0.35, 0.35);
    let right =
        (camera.right.at_height(0.0).unit() + camera.ahead.at_height(0.0).unit() * turn).unit();
    let width = random.range(90.0, 200.0) * camera.scale / camera.pixels_per_metre(far);
    BoardPlace { middle, right, width }
}
