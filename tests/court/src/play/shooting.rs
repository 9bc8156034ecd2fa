//! Carrying out a shot: wind-up, flight, defenders, points, and what it sounds like.
//!
//! A shot that is blocked far from the ring never comes near it and is no event.

use super::director::Director;
use super::shots::{Attempt, Flavour};
use super::timeline::{Jump, Noise};
use crate::flight::{self, Flight, Outcome, RATE};
use crate::geometry::vec3;
use crate::physics::{Ball, Net};
use crate::truth::Kind;

/// Flights farther from the ring than this are no shots at it, metres.
const SHOT_REACH: f32 = 1.3;

impl Director {
    /// Shoots, and lets somebody get the ball.
    pub(super) fn shoot(&mut self, flavour: Flavour) {
        if flavour == Flavour::Block && self.block() {
            return;
        }
        self.wind_up(flavour);
        let place = self.hoop_place();
        let cross = self.setting.theme.crosses(&mut self.random);
        let body = self.setting.hoop;
        let attempt = Attempt {
            from: place.local(self.last_ball()),
            flavour,
            hoop: &body,
            cross_from: cross.then(|| place.local(self.setting.eye)),
        };
        let flight = attempt.choose(&mut self.random);
        if flavour.dunked() {
            self.bring(place.world(vec3(0.0, 0.5, 0.32)), 0.18);
            self.bring(place.world(flight.path[0].p), 0.1);
        }
        let start = self.timeline.now();
        self.release(start);
        self.sound(start, Noise::Anticipation);
        self.defend(start);
        self.judge(&flight, start);
        self.rebound(&flight);
    }

    /// A shot that a defender knocks away soon after its release; false when nobody is near
    /// enough to do so.
    fn block(&mut self) -> bool {
        let now = self.timeline.now();
        let team = self.timeline.players[self.holder].team;
        let shooter = self.timeline.players[self.holder].place(now);
        let near = |i: &usize| (self.timeline.players[*i].place(now) - shooter).flat();
        let defender = (0..self.timeline.players.len())
            .filter(|i| self.timeline.players[*i].team == 1 - team.min(1))
            .filter(|i| near(i) < 4.0)
            .min_by(|a, b| near(a).total_cmp(&near(b)));
        let far = (shooter - self.hoop_place().centre).flat();
        let Some(defender) = defender.filter(|_| far > 3.0) else { return false };
        let guard = shooter + self.facing(self.holder, now) * 0.8;
        self.timeline.players[defender].go(now, now + 0.7, guard);
        self.wind_up(Flavour::Block);
        let start = self.timeline.now();
        self.release(start);
        self.sound(start, Noise::Anticipation);
        let top = start + 0.12;
        self.timeline.players[defender].jumps.push(Jump { top, height: 0.5 });
        self.timeline.players[defender].raised.push((start - 0.3, start + 0.5));
        let ahead = self.facing(self.holder, start);
        let met = self.last_ball() + ahead * 0.6 + vec3(0.0, 0.0, 0.3);
        self.throw(met, 0.1);
        let aside = vec3(ahead.y, -ahead.x, 0.0) * self.random.range(-2.5, 2.5);
        let v = aside - ahead * self.random.range(-0.5, 2.5) + vec3(0.0, 0.0, 0.5);
        let place = self.hoop_place();
        let ball = Ball { p: place.local(met), v: place.local_direction(v), net: Net::Outside };
        let flight = flight::fly(ball, &self.setting.hoop);
        let knocked = self.timeline.now();
        self.judge(&flight, knocked);
        self.rebound(&flight);
        true
    }

    fn wind_up(&mut self, flavour: Flavour) {
        let now = self.timeline.now();
        let tall = self.timeline.players[self.holder].tall;
        let (takes, height) = if flavour.dunked() {
            (0.3, 0.85)
        } else if flavour.at_the_ring() {
            (0.36, 0.5)
        } else {
            (self.random.range(0.36, 0.5), 0.32)
        };
        let top = now + takes + if flavour.dunked() { 0.15 } else { 0.0 };
        self.timeline.players[self.holder].jumps.push(Jump { top, height });
        if !flavour.at_the_ring() {
            self.carry(0.2, (0.3, 0.05, 1.1));
        }
        self.carry(takes, (0.3, 0.08, tall * 1.17 + height * 0.8));
    }

    /// A defender near the shooter jumps at the ball; those under the ring get ready.
    fn defend(&mut self, start: f32) {
        let shooter = self.timeline.players[self.holder].place(start);
        let under = self.hoop_place().centre;
        for index in 0..self.timeline.players.len() {
            if index == self.holder {
                continue;
            }
            let place = self.timeline.players[index].place(start);
            let close = (place - shooter).flat() < 1.6;
            let boxing = (place - under).flat() < 3.0 && self.random.chance(0.6);
            if close || boxing {
                let wait = if close { 0.05 } else { self.random.range(0.3, 1.1) };
                let height = self.random.range(0.2, 0.55);
                let player = &mut self.timeline.players[index];
                player.raised.push((start + wait - 0.35, start + wait + 0.6));
                player.jumps.push(Jump { top: start + wait, height });
            }
        }
    }

    /// Writes down what came of a flight that starts at `start`.
    fn judge(&mut self, flight: &Flight, start: f32) {
        match flight.outcome {
            Outcome::Made(t) => {
                self.event(Kind::MadeShot, start + t, Some(self.hoop));
                self.sound(start + t + 0.05, Noise::Swish);
                let strength = self.random.range(0.4, 1.0);
                self.sound(start + t + 0.1, Noise::Cheer(strength));
                self.count_points(start + t);
            }
            Outcome::Missed(t) if flight.nearest < SHOT_REACH => {
                self.event(Kind::MissedShot, start + t, Some(self.hoop));
                self.sound(start + t, Noise::Sigh);
            }
            Outcome::Missed(_) | Outcome::Stuck => {}
        }
    }

    fn count_points(&mut self, made: f32) {
        let team = self.timeline.players[self.holder].team.min(1);
        let at = made + self.random.range(0.4, 1.6);
        let far =
            (self.timeline.players[self.holder].place(made) - self.hoop_place().centre).flat();
        let mut points = self.timeline.scores.last().map_or([0, 0], |s| s.1);
        points[team] += if far > 6.75 { 3 } else { 2 };
        self.timeline.scores.push((at, points));
        self.event(Kind::ScoreChange, at, None);
    }

    pub(super) fn push_flight(&mut self, flight: &Flight, until: usize) {
        let place = self.hoop_place();
        let mut quiet = 0usize;
        for instant in &flight.path[..until] {
            let p = place.world(instant.p);
            let index = self.timeline.ball.len();
            let net = if instant.inside == Net::Inside { Net::Inside } else { Net::Outside };
            self.push_ball(p);
            if let Some(last) = self.timeline.ball.last_mut() {
                last.net = net;
            }
            if instant.p.length() < 1.3 {
                self.timeline.contacts.push((index, self.hoop, *instant));
            }
            quiet = quiet.saturating_sub(1);
            let t = index as f32 / RATE;
            let noise = if instant.floor > 0.4 {
                Some(Noise::Bounce(instant.floor))
            } else if instant.board > 0.4 {
                Some(Noise::Board(instant.board))
            } else if instant.ring > 0.3 {
                Some(Noise::Rim(instant.ring))
            } else {
                None
            };
            if let (Some(noise), 0) = (noise, quiet) {
                self.sound(t, noise);
                quiet = 8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::{Game, GameConfig};
    use crate::look::Look;

    #[test]
    fn a_blocked_shot_comes_down_far_from_the_ring_and_is_no_event() {
        let mut blocked = 0;
        for seed in 0..30 {
            let look = Look::of_seed(seed);
            let setting = Game::setting(&GameConfig::of_seed(seed), &look);
            let mut director = Director::new(setting);
            director.possession(1.0, Flavour::Block);
            if !director.block() {
                continue;
            }
            blocked += 1;
            assert!(director.timeline.events.is_empty(), "seed {seed}");
            let ring = director.hoop_place().centre;
            for ball in &director.timeline.ball {
                assert!((ball.p - ring).length() > 0.9, "seed {seed}");
            }
        }
        assert!(blocked >= 8, "only {blocked} of 30");
    }
}
