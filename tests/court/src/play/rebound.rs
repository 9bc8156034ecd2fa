//! Who gets the ball after a shot, when and where.

use super::director::Director;
use super::timeline::Jump;
use crate::flight::{Flight, Outcome, RATE};
use crate::geometry::{Vec3, vec3};

/// How fast players run for a loose ball, m/s.
const RUN: f32 = 5.5;

impl Director {
    /// Writes the flight until somebody can reach the ball, and gives it to them.
    pub(super) fn rebound(&mut self, flight: &Flight) {
        let start = self.timeline.now();
        let (until, player) = self.catch(flight, start);
        let at = self.hoop_place().world(flight.path[until - 1].p);
        let arrive = start + until as f32 / RATE;
        let catcher = &mut self.timeline.players[player];
        let from = catcher.place(start);
        let stand = at + (from - at).at_height(0.0).unit() * 0.3;
        catcher.go(start, arrive, stand);
        if at.z > 1.9 {
            catcher.raised.push((arrive - 0.5, arrive + 0.1));
            catcher.jumps.push(Jump { top: arrive, height: (at.z - 2.2).clamp(0.1, 0.6) });
        }
        self.crowd_in(start, (player, at));
        self.push_flight(flight, until);
        self.take(player);
        self.carry(0.3, (0.34, 0.1, 1.15));
    }

    /// The sample at which a player can have the ball, and who.
    fn catch(&self, flight: &Flight, start: f32) -> (usize, usize) {
        let free = match flight.outcome {
            Outcome::Made(_) => flight.path.iter().position(|i| i.floor > 0.3),
            Outcome::Missed(t) => Some((t * RATE) as usize),
            Outcome::Stuck => None,
        };
        let first = free.unwrap_or(0) + (0.2 * RATE) as usize;
        let place = self.hoop_place();
        let last = flight.path.len();
        for until in (first.min(last)..last).step_by(10) {
            let at = place.world(flight.path[until - 1].p);
            if at.z > 2.6 {
                continue;
            }
            let (player, away) = self.nearest_to(at, start);
            if away < RUN * (until as f32 / RATE - 0.25) {
                return (until, player);
            }
        }
        (last, self.nearest_to(place.world(flight.path[last - 1].p), start).0)
    }

    /// The player nearest to a point at `t`, referees left out, and the distance.
    pub(super) fn nearest_to(&self, at: Vec3, t: f32) -> (usize, f32) {
        let mut best = (0, f32::INFINITY);
        for (index, player) in self.timeline.players.iter().enumerate() {
            let away = (player.place(t) - at).flat();
            if player.team < 2 && away < best.1 {
                best = (index, away);
            }
        }
        best
    }

    /// Some of the others go for the ball as well.
    fn crowd_in(&mut self, now: f32, (catcher, at): (usize, Vec3)) {
        for index in 0..self.timeline.players.len() {
            if index == catcher || !self.random.chance(0.5) {
                continue;
            }
            let place = self.timeline.players[index].place(now);
            let away = self.random.range(0.6, 2.5);
            let aside = vec3(self.random.normal() * 0.5, self.random.normal() * 0.5, 0.0);
            let to = at + (place - at).at_height(0.0).unit() * away + aside;
            let takes = ((to - place).flat() / 4.0).max(0.7);
            self.timeline.players[index].go(now, now + takes, to);
        }
    }
}
