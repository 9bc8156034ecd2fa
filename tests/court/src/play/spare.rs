//! Other balls beside the game: lying around, bounced by somebody waiting, thrown to and fro.

use crate::geometry::{COURT_HALF_LENGTH, COURT_HALF_WIDTH, Vec3, vec3};
use crate::physics::{BALL_RADIUS, GRAVITY};
use crate::random::Random;

/// A ball that is not played with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spare {
    /// On the floor or in a rack.
    Resting(Vec3),
    /// Bounced on one place: floor point, height of the hand, seconds a bounce.
    Bounced(Vec3, f32, f32),
    /// Thrown between two hands: the hands and the seconds of one way.
    Thrown(Vec3, Vec3, f32),
}

impl Spare {
    /// Draws one beside the court or on it, within view of a game at hoop `a`.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let spot = |random: &mut Random| {
            let beside = random.chance(0.6);
            let y = if beside {
                random.sign() * (COURT_HALF_WIDTH + random.range(0.3, 1.5))
            } else {
                random.range(-COURT_HALF_WIDTH, COURT_HALF_WIDTH)
            };
            vec3(random.range(-2.0, COURT_HALF_LENGTH), y, 0.0)
        };
        let at = spot(random);
        match random.below(3) {
            0 => Self::Resting(at.at_height(BALL_RADIUS * random.pick(&[1.0, 1.0, 4.0]))),
            1 => Self::Bounced(at, random.range(0.6, 1.0), random.range(0.45, 0.8)),
            _ => {
                let way = vec3(random.range(-4.0, 4.0), random.range(-1.5, 1.5), 0.0);
                let hand = random.range(1.0, 1.6);
                Self::Thrown(at.at_height(hand), (at + way).at_height(hand), random.range(0.6, 1.3))
            }
        }
    }

    /// Where it is at `t`.
    pub(crate) fn at(&self, t: f32) -> Vec3 {
        match *self {
            Self::Resting(p) => p,
            Self::Bounced(p, high, period) => {
                let away = (2.0 * (t / period).rem_euclid(1.0) - 1.0).abs();
                p.at_height(BALL_RADIUS + (high - BALL_RADIUS) * (1.0 - (1.0 - away).powi(2)))
            }
            Self::Thrown(a, b, way) => {
                let round = (t / way).rem_euclid(2.0);
                let u = if round < 1.0 { round } else { 2.0 - round };
                let arc = 0.5 * GRAVITY * way * way * u * (1.0 - u);
                a.towards(b, u) + vec3(0.0, 0.0, arc)
            }
        }
    }
}
