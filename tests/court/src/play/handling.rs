//! The ball in hands: carrying, dribbling, passing.

use super::director::Director;
use super::timeline::{BallAt, Hold, Noise, Sound};
use crate::flight::RATE;
use crate::geometry::{Vec3, vec3};
use crate::physics::{BALL_RADIUS, GRAVITY, Net};

/// How fast a hand moves the ball at most, m/s.
pub(super) const HAND_SPEED: f32 = 12.0;

/// How a pass flies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Chest,
    Bounce,
    Lob,
}

impl Director {
    /// Where the holder looks: to the hoop, along the floor.
    pub(super) fn facing(&self, player: usize, t: f32) -> Vec3 {
        let to = self.hoop_place().centre - self.timeline.players[player].place(t);
        to.at_height(0.0).unit()
    }

    /// A point at `reach` metres ahead and `aside` to the right of a player, at height `z`.
    pub(super) fn beside(&self, player: usize, t: f32, (reach, aside, z): (f32, f32, f32)) -> Vec3 {
        let ahead = self.facing(player, t);
        let right = vec3(ahead.y, -ahead.x, 0.0);
        let place = self.timeline.players[player].place(t);
        (place + ahead * reach + right * aside).at_height(z)
    }

    pub(super) fn push_ball(&mut self, p: Vec3) {
        let hoop = self.hoop;
        self.timeline.ball.push(BallAt { p, net: Net::Outside, hoop });
    }

    pub(super) fn last_ball(&self) -> Vec3 {
        self.timeline.ball.last().map_or(vec3(0.0, 0.0, 1.2), |b| b.p)
    }

    /// The holder takes the ball within `seconds` to `rel` (ahead, aside, height).
    pub(super) fn carry(&mut self, seconds: f32, rel: (f32, f32, f32)) {
        let from = self.last_ball();
        let count = (seconds * RATE).max(1.0) as usize;
        for i in 1..=count {
            let u = i as f32 / count as f32;
            let u = u * u * (3.0 - 2.0 * u);
            let to = self.beside(self.holder, self.timeline.now(), rel);
            self.hold_at(from.towards(to, u));
        }
    }

    /// The ball in a hand that wants to be at `p`, no quicker than a hand is.
    fn hold_at(&mut self, p: Vec3) {
        let from = self.last_ball();
        let way = (p - from).length();
        let most = HAND_SPEED / RATE;
        self.push_ball(if way > most { from.towards(p, most / way) } else { p });
    }

    /// The holder dribbles for about `seconds`.
    pub(super) fn dribble(&mut self, seconds: f32) {
        let period = self.random.range(0.5, 0.75);
        let high = self.random.range(0.7, 1.0);
        let aside = 0.38 * self.random.sign();
        self.carry(0.15, (0.3, aside, high));
        let times = (seconds / period).round().max(1.0) as usize;
        for _ in 0..times {
            let count = (period * RATE) as usize;
            let start = self.timeline.now();
            for i in 1..=count {
                let away = (2.0 * i as f32 / count as f32 - 1.0).abs();
                let z = BALL_RADIUS + (high - BALL_RADIUS) * (1.0 - (1.0 - away).powi(2));
                let p = self.beside(self.holder, self.timeline.now(), (0.3, aside, z));
                self.hold_at(p);
            }
            self.sound(start + period / 2.0, Noise::Bounce(4.0));
        }
        self.carry(0.12, (0.32, 0.1, 1.15));
    }

    /// The holder passes to `receiver`.
    pub(super) fn pass(&mut self, receiver: usize, kind: Pass) {
        self.carry(0.18, (0.5, 0.0, if kind == Pass::Lob { 1.9 } else { 1.35 }));
        let now = self.timeline.now();
        let from = self.last_ball();
        let there = self.timeline.players[receiver].place(now + 0.6);
        let distance = (there - from).flat();
        let seconds = match kind {
            Pass::Chest => 0.15 + distance / 11.0,
            Pass::Bounce => 0.2 + distance / 8.5,
            Pass::Lob => 0.55 + distance / 9.0,
        };
        self.release(now);
        let at = self.timeline.players[receiver].place(now + seconds);
        let to = (at + (from - at).at_height(0.0).unit() * 0.35).at_height(1.3);
        if kind == Pass::Bounce {
            let touch = from.towards(to, 0.6).at_height(BALL_RADIUS);
            self.throw(touch, seconds * 0.55);
            self.sound(self.timeline.now(), Noise::Bounce(4.5));
            self.throw(to, seconds * 0.45);
        } else {
            self.throw(to, seconds);
        }
        self.take(receiver);
    }

    /// The ball flies freely to `to`, `seconds` long.
    pub(super) fn throw(&mut self, to: Vec3, seconds: f32) {
        let from = self.last_ball();
        let count = (seconds * RATE).max(1.0) as usize;
        let seconds = count as f32 / RATE;
        let mut velocity = (to - from) * (1.0 / seconds);
        velocity.z += 0.5 * GRAVITY * seconds;
        for i in 1..=count {
            let t = i as f32 / RATE;
            let p = from + velocity * t - vec3(0.0, 0.0, 0.5 * GRAVITY * t * t);
            self.push_ball(p);
        }
    }

    /// `player` has the ball from now on.
    pub(super) fn take(&mut self, player: usize) {
        let now = self.timeline.now();
        self.holder = player;
        self.timeline.holds.push(Hold { from: now, to: f32::INFINITY, player });
    }

    /// Nobody has the ball from `now` on.
    pub(super) fn release(&mut self, now: f32) {
        if let Some(hold) = self.timeline.holds.last_mut() {
            hold.to = hold.to.min(now);
        }
    }

    pub(super) fn sound(&mut self, t: f32, noise: Noise) {
        self.timeline.sounds.push(Sound { t, noise });
    }
}
