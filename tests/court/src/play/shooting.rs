//! Carrying out a shot: wind-up, flight, defenders, points, and what it sounds like.

use super::director::Director;
use super::shots::{Attempt, Flavour};
use super::timeline::{Jump, Noise};
use crate::flight::{Flight, Outcome, RATE};
use crate::geometry::vec3;
use crate::physics::Net;
use crate::truth::Kind;

/// Flights farther from the ring than this are no shots at it, metres.
const SHOT_REACH: f32 = 1.3;

impl Director {
    /// Shoots, and lets somebody get the ball.
    pub(super) fn shoot(&mut self, flavour: Flavour) {
        self.wind_up(flavour);
        let place = self.hoop_place();
        let cross = self.random.chance(0.6);
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
