//! A ball's free flight and what came of it: made, missed, and when.
//!
//! Owns the meaning of the truth's moments. `made`: the ball's centre passes the ring's plane
//! downwards inside the ring for the last time. `missed`: it leaves the ring's surroundings for
//! good, or, if it never came in, is nearest to the ring.

use crate::geometry::Vec3;
use crate::physics::{self, Ball, HoopBody, Net};

/// Samples a second of every recorded path.
pub(crate) const RATE: f32 = 200.0;
const STEPS_PER_SAMPLE: usize = 5;

/// One recorded instant, in the hoop's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    pub(crate) p: Vec3,
    pub(crate) inside: Net,
    pub(crate) ring: f32,
    pub(crate) board: f32,
    pub(crate) floor: f32,
    pub(crate) net_push: (f32, f32),
}

/// What a flight came to; times in seconds from its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Through the ring at this time.
    Made(f32),
    /// Past or off the ring at this time.
    Missed(f32),
    /// It stayed on the ring or went on for too long: not a flight to use.
    Stuck,
}

/// A recorded flight.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) path: Vec<Instant>,
    pub(crate) outcome: Outcome,
    /// First time at ring or board, if it touched them.
    pub(crate) first_touch: Option<f32>,
    /// Smallest distance of the ball's centre from the ring's centre, metres.
    pub(crate) nearest: f32,
    pub(crate) ring_touches: usize,
    pub(crate) board_touches: usize,
}

/// Flights longer than this are not used, seconds.
const LONGEST: f32 = 5.0;

/// Lets `ball` fly near `hoop` until its second bounce on the floor.
pub(crate) fn fly(mut ball: Ball, hoop: &HoopBody) -> Flight {
    let mut path = Vec::with_capacity(600);
    let mut bounces = 0;
    while bounces < 2 && path.len() < (LONGEST * RATE) as usize {
        let mut instant = Instant {
            p: ball.p,
            inside: ball.net,
            ring: 0.0,
            board: 0.0,
            floor: 0.0,
            net_push: (0.0, 0.0),
        };
        for _ in 0..STEPS_PER_SAMPLE {
            let touch = physics::step(&mut ball, hoop);
            instant.ring = instant.ring.max(touch.ring);
            instant.board = instant.board.max(touch.board);
            instant.floor = instant.floor.max(touch.floor);
            if touch.net_push.0.abs() + touch.net_push.1.abs() > 0.0 {
                instant.net_push = touch.net_push;
            }
        }
        bounces += usize::from(instant.floor > 0.3);
        path.push(instant);
    }
    judge(path)
}

/// Whether the ball is at the ring: rolling on it, in the net, or above it after a bounce, from
/// where it can still fall in.
fn at_ring(p: Vec3) -> bool {
    p.flat() < 0.46 && p.z > -0.30 && p.z < 1.3
}

fn judge(path: Vec<Instant>) -> Flight {
    let time = |index: usize| index as f32 / RATE;
    let landed = path.iter().position(|i| i.floor > 0.3).unwrap_or(path.len());
    let air = &path[..landed];
    let nearest = nearest_instant(air);
    let crossing = air
        .windows(2)
        .enumerate()
        .filter(|(_, w)| w[0].p.z >= 0.0 && w[1].p.z < 0.0 && w[1].inside == Net::Inside)
        .map(|(index, w)| time(index) + w[0].p.z / (w[0].p.z - w[1].p.z) / RATE)
        .next_back();
    let passed = air.last().is_some_and(|i| i.inside == Net::Passed);
    let left = air.iter().rposition(|i| at_ring(i.p));
    let outcome = match (crossing, passed, left) {
        (Some(t), true, _) => Outcome::Made(t),
        (_, _, Some(last)) if last + 20 < air.len() => Outcome::Missed(time(last)),
        (_, _, Some(_)) => Outcome::Stuck,
        (_, _, None) => Outcome::Missed(time(nearest.0)),
    };
    Flight {
        outcome,
        first_touch: air.iter().position(|i| i.ring + i.board > 0.05).map(time),
        nearest: nearest.1,
        ring_touches: touches(air, |i| i.ring),
        board_touches: touches(air, |i| i.board),
        path,
    }
}

fn nearest_instant(path: &[Instant]) -> (usize, f32) {
    let mut best = (0, f32::INFINITY);
    for (index, instant) in path.iter().enumerate() {
        let distance = instant.p.length();
        if distance < best.1 {
            best = (index, distance);
        }
    }
    best
}

fn touches(path: &[Instant], speed: impl Fn(&Instant) -> f32) -> usize {
    path.windows(2).filter(|w| speed(&w[0]) < 0.05 && speed(&w[1]) >= 0.05).count()
}

/// The launch velocity that brings a ball from `from` to `to` leaving at `angle` (radians above
/// the floor), drag made up for; `None` if no such throw exists.
pub(crate) fn launch(from: Vec3, to: Vec3, angle: f32) -> Option<Vec3> {
    let mut aim = to;
    let mut velocity = None;
    for _ in 0..3 {
        let throw = ballistic(from, aim, angle)?;
        velocity = Some(throw);
        let landed = drop_at(from, throw, to.z)?;
        aim += (to - landed).at_height(0.0);
    }
    velocity
}

fn ballistic(from: Vec3, to: Vec3, angle: f32) -> Option<Vec3> {
    let (dx, dy, dz) = (to.x - from.x, to.y - from.y, to.z - from.z);
    let d = dx.hypot(dy);
    let room = d * angle.tan() - dz;
    if room <= 0.01 || d < 1e-3 {
        return None;
    }
    let speed = (physics::GRAVITY * d * d / (2.0 * angle.cos().powi(2) * room)).sqrt();
    let flat = speed * angle.cos();
    Some(Vec3 { x: dx / d * flat, y: dy / d * flat, z: speed * angle.sin() })
}

/// Where a free throw with drag comes down through height `z`.
fn drop_at(from: Vec3, velocity: Vec3, z: f32) -> Option<Vec3> {
    let (mut p, mut v) = (from, velocity);
    for _ in 0..4000 {
        physics::fall(&mut p, &mut v);
        if v.z < 0.0 && p.z <= z {
            return Some(p);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::vec3;
    use crate::physics::RING_RADIUS;

    fn hoop() -> HoopBody {
        HoopBody {
            tube: 0.009,
            board_y: -0.379,
            board_half: 0.9,
            board_low: -0.15,
            board_high: 0.9,
            ring_bounce: 0.55,
            board_bounce: 0.7,
            floor_bounce: 0.76,
            net_length: 0.42,
            net_taper: 0.6,
            net_grip: 5.0,
            net_slip: 1.0,
            floor_z: -2.93,
        }
    }

    fn drop_from(x: f32, y: f32) -> Flight {
        fly(Ball { p: vec3(x, y, 0.8), v: vec3(0.0, 0.0, 0.0), net: Net::Outside }, &hoop())
    }

    #[test]
    fn a_ball_dropped_on_the_middle_is_made_when_it_passes_the_ring() {
        let flight = drop_from(0.0, 0.0);
        let Outcome::Made(t) = flight.outcome else { panic!("{:?}", flight.outcome) };
        let fallen = (2.0f32 * 0.8 / physics::GRAVITY).sqrt();
        assert!((t - fallen).abs() < 0.01, "passed at {t} instead of {fallen}");
        assert_eq!(flight.ring_touches + flight.board_touches, 0);
    }

    #[test]
    fn a_ball_dropped_beside_the_ring_is_missed_without_a_touch() {
        let flight = drop_from(0.45, 0.0);
        assert!(matches!(flight.outcome, Outcome::Missed(_)), "{:?}", flight.outcome);
        assert_eq!(flight.ring_touches, 0);
        assert!(flight.nearest > RING_RADIUS);
    }

    #[test]
    fn a_ball_dropped_on_the_outside_of_the_ring_bounces_off() {
        let flight = drop_from(0.28, 0.0);
        assert!(matches!(flight.outcome, Outcome::Missed(_)), "{:?}", flight.outcome);
        assert!(flight.ring_touches > 0);
        assert!(flight.path.iter().any(|i| i.p.x > 0.6));
    }

    #[test]
    fn a_ball_tossed_into_the_net_from_below_is_not_made() {
        let ball = Ball { p: vec3(0.02, 0.0, -1.2), v: vec3(0.0, 0.0, 4.0), net: Net::Outside };
        assert!(!matches!(fly(ball, &hoop()).outcome, Outcome::Made(_)));
    }

    #[test]
    fn a_throw_comes_down_where_it_was_aimed_in_spite_of_drag() {
        let (from, to) = (vec3(1.0, 7.0, -0.6), vec3(0.1, -0.05, 0.0));
        let v = launch(from, to, 0.9).expect("there is such a throw");
        let landed = drop_at(from, v, to.z).expect("it comes down");
        assert!((landed - to).flat() < 0.02, "landed at {landed:?}");
    }

    #[test]
    fn a_bounce_on_the_floor_loses_height() {
        let flight = drop_from(2.0, 2.0);
        let landed = flight.path.iter().position(|i| i.floor > 0.3).expect("it lands");
        let top = flight.path[landed..].iter().map(|i| i.p.z).fold(f32::MIN, f32::max);
        assert!(top < 0.0 && top > -2.8, "rose to {top}");
    }
}
