//! Decides what is played: who has the ball, where everybody goes, which shot comes when.

use super::handling::{HAND_SPEED, Pass};
use super::shots::Flavour;
use super::spare::Spare;
use super::theme::Theme;
use super::timeline::{EventAt, Noise, Player, Timeline};
use crate::color::{self, rgb};
use crate::flight::RATE;
use crate::geometry::{COURT_HALF_LENGTH, COURT_HALF_WIDTH, HoopPlace, Vec3, vec3};
use crate::physics::HoopBody;
use crate::random::Random;
use crate::truth::Kind;

/// What a game is directed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) hoop: HoopBody,
    /// Hoops that are played on: 1 or 2.
    pub(crate) hoops: usize,
    /// The camera's place.
    pub(crate) eye: Vec3,
    /// Seconds from shot to shot, on average.
    pub(crate) shot_every: f32,
    pub(crate) theme: Theme,
}

/// Writes a timeline play by play.
pub(crate) struct Director {
    pub(super) random: Random,
    pub(super) timeline: Timeline,
    pub(super) setting: Setting,
    /// The hoop being played on.
    pub(super) hoop: usize,
    /// Who has, or had, the ball.
    pub(super) holder: usize,
}

impl Director {
    /// Players on the floor and the ball in one's hands.
    pub(crate) fn new(setting: Setting) -> Self {
        let mut random = Random::new(setting.seed, "play");
        let each = if setting.hoops == 2 {
            5
        } else {
            random.weighted(&[(0.4, 5), (0.25, 3), (0.15, 2), (0.12, 1), (0.08, 4)])
        };
        let mut director =
            Self { timeline: Timeline::default(), setting, hoop: 0, holder: 0, random };
        for index in 0..each * 2 {
            let player = director.draw_player(index % 2);
            director.timeline.players.push(player);
        }
        if director.random.chance(0.4) {
            let referee = director.draw_player(2);
            director.timeline.players.push(referee);
        }
        director.timeline.scores.push((0.0, [0, 0]));
        director.draw_spares();
        director.set_theme();
        let start = director.beside(0, 0.0, (0.32, 0.1, 1.15));
        director.push_ball(start);
        director.take(0);
        director
    }

    fn draw_spares(&mut self) {
        let mut random = Random::new(self.setting.seed, "spares");
        if random.chance(0.3) {
            for _ in 0..=random.below(3) {
                self.timeline.spares.push(Spare::draw(&mut random));
            }
        }
    }

    fn draw_player(&mut self, team: usize) -> Player {
        let place = self.spot(0.8, 7.5);
        let r = &mut self.random;
        Player {
            team,
            number: r.below(56) as u32,
            tall: r.range(1.72, 2.08),
            skin: color::skin(r),
            hair: rgb(0.06, 0.05, 0.05).mix(rgb(0.6, 0.45, 0.25), r.unit().powi(3)),
            way: vec![(0.0, place)],
            jumps: Vec::new(),
            raised: Vec::new(),
        }
    }

    pub(super) fn hoop_place(&self) -> HoopPlace {
        HoopPlace::of(self.hoop)
    }

    /// A place on the floor between `near` and `far` metres from the hoop being played on.
    pub(super) fn spot(&mut self, near: f32, far: f32) -> Vec3 {
        let angle = self.random.range(-1.45, 1.45);
        let away = self.random.range(near, far);
        let p = self.hoop_place().world(vec3(away * angle.sin(), away * angle.cos(), 0.0));
        vec3(
            p.x.clamp(-COURT_HALF_LENGTH, COURT_HALF_LENGTH),
            p.y.clamp(-COURT_HALF_WIDTH, COURT_HALF_WIDTH),
            0.0,
        )
    }

    /// Plays until `seconds` are full.
    pub(crate) fn play_game(mut self, seconds: f32) -> Timeline {
        self.timeline.events.reserve(64);
        let mut buzzer = self.random.range(20.0, 70.0);
        while self.timeline.now() < seconds + 1.0 {
            let now = self.timeline.now();
            if now > buzzer {
                self.stoppage(Kind::Buzzer);
                buzzer += self.random.range(35.0, 80.0);
            } else if self.random.chance(0.07) {
                self.stoppage(Kind::Whistle);
            }
            let flavour = self.draw_flavour();
            let pace = self.random.range(0.5, 1.5);
            let before = ((self.setting.shot_every - 3.3) * pace).max(0.3);
            self.possession(before, flavour);
            self.crowd_the_hoop();
            self.shoot(flavour);
            self.turn_over();
        }
        self.timeline
    }

    fn draw_flavour(&mut self) -> Flavour {
        let r = &mut self.random;
        let usual = if r.chance(0.03) {
            Flavour::Block
        } else if r.chance(0.5) {
            Flavour::made(r)
        } else {
            Flavour::missed(r)
        };
        self.setting.theme.shot(usual, r)
    }

    /// The other side's turn, perhaps at the other hoop.
    fn turn_over(&mut self) {
        if self.setting.hoops == 2 && self.random.chance(0.8) {
            self.hoop = 1 - self.hoop;
        }
    }

    /// A whistle or buzzer: everybody slows down, the clock stands.
    pub(super) fn stoppage(&mut self, kind: Kind) {
        let now = self.timeline.now();
        let noise = if kind == Kind::Buzzer { Noise::Buzzer } else { Noise::Whistle };
        self.event(kind, now, None);
        self.sound(now, noise);
        let pause = self.random.range(1.2, 2.6);
        self.timeline.stops.push((now, now + pause));
        self.carry(pause, (0.35, 0.15, 1.1));
    }

    /// The ball goes round for about `seconds` and ends with the one who shoots.
    pub(super) fn possession(&mut self, seconds: f32, flavour: Flavour) {
        self.move_all(seconds + 1.2);
        self.advance();
        let until = self.timeline.now() + seconds;
        loop {
            let left = until - self.timeline.now();
            if left < 0.25 {
                break;
            }
            if left > 1.2 && self.random.chance(0.55) {
                let receiver = self.mate();
                if receiver != self.holder {
                    let kind = self.random.weighted(&[
                        (0.6, Pass::Chest),
                        (0.2, Pass::Bounce),
                        (0.2, Pass::Lob),
                    ]);
                    self.pass(receiver, kind);
                    continue;
                }
            }
            let seconds = left.min(self.random.range(0.6, 2.0));
            self.roam(seconds);
            self.dribble(seconds);
        }
        if flavour.at_the_ring() {
            self.drive(flavour);
        }
    }

    /// Brings the ball up when it is far from the hoop being played on.
    fn advance(&mut self) {
        let now = self.timeline.now();
        let here = self.timeline.players[self.holder].place(now);
        if (here - self.hoop_place().centre).flat() < 9.0 {
            return;
        }
        let to = self.spot(4.0, 7.5);
        let seconds = (to - here).flat() / self.random.range(5.0, 6.5);
        self.timeline.players[self.holder].go(now, now + seconds, to);
        self.dribble(seconds);
    }

    /// Everybody without the ball finds a new place within `seconds`.
    pub(super) fn move_all(&mut self, seconds: f32) {
        let now = self.timeline.now();
        for index in 0..self.timeline.players.len() {
            if index == self.holder {
                continue;
            }
            let crowded = self.random.chance(0.3);
            let range = if crowded { (0.6, 2.8) } else { (1.5, 8.0) };
            let to = self.free_spot(range, index);
            let arrive = now + seconds * self.random.range(0.6, 1.2);
            let player = &mut self.timeline.players[index];
            let quickest = (to - player.place(now)).flat() / 5.5;
            player.go(now, arrive.max(now + quickest), to);
            if self.random.chance(0.2) {
                let at = now + self.random.range(0.0, seconds);
                let long = self.random.range(0.4, 1.6);
                self.timeline.players[index].raised.push((at, at + long));
            }
        }
    }

    /// The roomiest of a few places between `near` and `far` metres from the hoop.
    fn free_spot(&mut self, (near, far): (f32, f32), player: usize) -> Vec3 {
        let mut best = (0.0, Vec3::default());
        for _ in 0..4 {
            let at = self.spot(near, far);
            let others = self.timeline.players.iter().enumerate().filter(|(i, _)| *i != player);
            let room = others
                .filter_map(|(_, p)| p.way.last().map(|key| (key.1 - at).flat()))
                .fold(f32::INFINITY, f32::min);
            if room >= best.0 {
                best = (room, at);
            }
        }
        best.1
    }

    /// The holder goes somewhere within `seconds`.
    pub(super) fn roam(&mut self, seconds: f32) {
        let now = self.timeline.now();
        let to = self.free_spot((2.0, 7.2), self.holder);
        let here = self.timeline.players[self.holder].place(now);
        let reach = (seconds * 3.5 / (to - here).flat().max(0.1)).min(1.0);
        self.timeline.players[self.holder].go(now, now + seconds, here.towards(to, reach));
    }

    /// Goes to the ring with the ball.
    fn drive(&mut self, flavour: Flavour) {
        let now = self.timeline.now();
        let angle = self.random.range(-1.2, 1.2);
        let away = if flavour.dunked() { 0.75 } else { self.random.range(0.7, 1.3) };
        let to = self.hoop_place().world(vec3(away * angle.sin(), away * angle.cos(), 0.0));
        let here = self.timeline.players[self.holder].place(now);
        let seconds = ((to - here).flat() / 4.5).clamp(0.3, 3.0);
        self.timeline.players[self.holder].go(now, now + seconds + 0.3, to.at_height(0.0));
        if seconds > 0.8 {
            self.dribble(seconds - 0.4);
        } else {
            self.carry(seconds, (0.3, 0.1, 1.2));
        }
    }

    /// Somebody of the holder's side.
    fn mate(&mut self) -> usize {
        let team = self.timeline.players[self.holder].team;
        let mates: Vec<usize> = (0..self.timeline.players.len())
            .filter(|i| self.timeline.players[*i].team == team && *i != self.holder)
            .collect();
        if mates.is_empty() { self.holder } else { self.random.pick(&mates) }
    }

    pub(super) fn event(&mut self, kind: Kind, t: f32, hoop: Option<usize>) {
        self.timeline.events.push(EventAt { kind, t, hoop });
    }

    /// Moves the ball straight to a point within `seconds`.
    pub(super) fn bring(&mut self, to: Vec3, seconds: f32) {
        let from = self.last_ball();
        let seconds = seconds.max((to - from).length() / HAND_SPEED);
        let count = (seconds * RATE).max(1.0) as usize;
        for i in 1..=count {
            self.push_ball(from.towards(to, i as f32 / count as f32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::{Game, GameConfig};
    use crate::look::Look;

    fn timeline(seed: u64) -> Timeline {
        let look = Look::of_seed(seed);
        let setting = Game::setting(&GameConfig::of_seed(seed), &look);
        Director::new(setting).play_game(60.0)
    }

    #[test]
    fn the_ball_never_jumps() {
        for seed in 0..30 {
            let timeline = timeline(seed);
            for (index, pair) in timeline.ball.windows(2).enumerate() {
                let speed = (pair[1].p - pair[0].p).length() * RATE;
                assert!(speed < 17.0, "seed {seed}: {speed} m/s at {}", index as f32 / RATE);
            }
        }
    }

    #[test]
    fn players_stay_near_the_court_and_run_no_faster_than_people() {
        for seed in 0..30 {
            let timeline = timeline(seed);
            for (index, player) in timeline.players.iter().enumerate() {
                for step in 0..600 {
                    let t = step as f32 * 0.1;
                    let speed = player.velocity(t).length();
                    assert!(speed < 14.0, "seed {seed}: player {index} at {speed} m/s at {t}");
                    let place = player.place(t);
                    let near = place.x.abs() < COURT_HALF_LENGTH + 4.0
                        && place.y.abs() < COURT_HALF_WIDTH + 4.0;
                    assert!(near, "seed {seed}: player {index} at {place:?} at {t}");
                }
            }
        }
    }
}
