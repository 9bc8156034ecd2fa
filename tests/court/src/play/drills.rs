//! Single plays for training: one shot, or something at the hoop that is no shot.

use super::director::{Director, Setting};
use super::shots::Flavour;
use super::timeline::{Jump, Timeline};
use crate::flight;
use crate::geometry::{Vec3, vec3};
use crate::physics::{Ball, GRAVITY, Net};

/// What happens at the hoop when nobody shoots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// Dribbling and passing, people around.
    Possession,
    /// A ball crosses the hoop in the picture, far in front of it or behind it.
    Across,
    /// A ball is tossed into the net from below.
    Toss,
    /// Players jump and raise their hands under the hoop.
    Hands,
}

impl Director {
    /// One shot of this flavour after a short possession; sometimes another one behind it.
    pub(crate) fn drill_shot(setting: Setting, flavour: Flavour) -> Timeline {
        let mut director = Self::new(setting);
        let before = director.random.range(0.8, 2.0);
        director.possession(before, flavour);
        director.crowd_the_hoop();
        director.shoot(flavour);
        if director.random.chance(0.2) {
            let second =
                if director.random.chance(0.5) { Flavour::LayupIn } else { Flavour::LayupOut };
            director.possession(0.1, second);
            director.shoot(second);
        }
        director.possession(4.0, Flavour::Swish);
        director.timeline
    }

    /// So many seconds without a shot.
    pub(crate) fn drill_quiet(setting: Setting, (quiet, seconds): (Quiet, f32)) -> Timeline {
        let mut director = Self::new(setting);
        if director.random.chance(0.5) {
            director.gather();
        }
        while director.timeline.now() < seconds {
            match quiet {
                Quiet::Possession => director.possession(2.0, Flavour::Swish),
                Quiet::Across => director.across(),
                Quiet::Toss => director.toss(),
                Quiet::Hands => director.hands(),
            }
        }
        director.timeline
    }

    /// Everybody comes close to the hoop or between hoop and camera.
    fn gather(&mut self) {
        let now = self.timeline.now();
        for index in 0..self.timeline.players.len() {
            let to = if self.random.chance(0.5) {
                let share = self.random.range(0.4, 0.98);
                let aside = vec3(self.random.normal() * 0.6, self.random.normal() * 0.6, 0.0);
                self.setting.eye.towards(self.hoop_place().centre, share) + aside
            } else {
                self.spot(0.3, 2.2)
            };
            let takes = self.random.range(0.4, 1.5);
            self.timeline.players[index].go(now, now + takes, to);
        }
    }

    fn hands(&mut self) {
        let now = self.timeline.now();
        for index in 0..self.timeline.players.len() {
            if self.random.chance(0.5) {
                let at = now + self.random.range(0.0, 1.5);
                let height = self.random.range(0.2, 0.8);
                let player = &mut self.timeline.players[index];
                player.raised.push((at - 0.4, at + 0.7));
                player.jumps.push(Jump { top: at, height });
            }
        }
        self.gather();
        self.possession(1.6, Flavour::Swish);
    }

    /// A throw whose way crosses the hoop in the picture without going near it.
    fn across(&mut self) {
        let ring = self.hoop_place().centre + vec3(0.0, 0.0, -0.2);
        let eye = self.setting.eye;
        let share = if self.random.chance(0.75) {
            self.random.range(0.4, 0.93)
        } else {
            self.random.range(1.1, 1.5)
        };
        let through = eye + (ring - eye) * share;
        if through.z < 0.4 || through.z > 5.0 || (through - ring).length() < 0.75 {
            self.possession(0.8, Flavour::Swish);
            return;
        }
        let sight = (ring - eye).at_height(0.0).unit();
        let turn = self.random.sign() * self.random.range(0.7, 2.4);
        let (s, c) = turn.sin_cos();
        let way = vec3(sight.x * c - sight.y * s, sight.x * s + sight.y * c, 0.0);
        let velocity =
            way * self.random.range(2.5, 9.0) + vec3(0.0, 0.0, self.random.range(-3.0, 4.5));
        self.throw_through(through, velocity);
    }

    /// Throws so that the ball passes `through` with `velocity`, hand to hand.
    fn throw_through(&mut self, through: Vec3, velocity: Vec3) {
        let hand = through.z.min(1.3);
        let swing = (velocity.z.powi(2) + 2.0 * GRAVITY * (through.z - hand)).sqrt();
        let (before, after) = ((swing - velocity.z) / GRAVITY, (swing + velocity.z) / GRAVITY);
        let start = (through - velocity * before).at_height(hand);
        let end = (through + velocity * after).at_height(hand);
        let now = self.timeline.now();
        self.timeline.players[self.holder].go(now, now + 0.5, start);
        self.carry(0.5, (0.2, 0.1, 1.2));
        self.bring(start, 0.2);
        let now = self.timeline.now();
        self.release(now);
        let receiver = (self.holder + 1) % self.timeline.players.len();
        self.timeline.players[receiver].go(now, now + before + after, end);
        self.throw(end, before + after);
        self.take(receiver);
        self.carry(0.3, (0.34, 0.1, 1.15));
    }

    /// From under the hoop up into the net and down again.
    fn toss(&mut self) {
        let now = self.timeline.now();
        let place = self.hoop_place();
        let aside = vec3(self.random.normal() * 0.2, self.random.normal() * 0.2, -1.15);
        let under = place.world(aside);
        self.timeline.players[self.holder].go(now, now + 0.7, under - place.out * 0.1);
        self.dribble(0.7);
        self.bring(under, 0.3);
        let top = self.random.range(-0.62, -0.2);
        let v = vec3(
            self.random.normal() * 0.25,
            self.random.normal() * 0.25,
            (2.0 * GRAVITY * (top - aside.z)).sqrt(),
        );
        let flight = flight::fly(Ball { p: aside, v, net: Net::Outside }, &self.setting.hoop);
        let now = self.timeline.now();
        self.release(now);
        let after = (0.3 * flight::RATE) as usize;
        let caught = flight.path.iter().skip(after).position(|i| i.p.z < -1.3);
        let until = caught.map_or(flight.path.len(), |c| c + after);
        self.push_flight(&flight, until);
        self.take(self.holder);
        self.carry(0.25, (0.34, 0.1, 1.15));
    }
}
