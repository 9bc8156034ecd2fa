//! What a ball does: gravity, drag, floor, backboard, ring and net, in the frame of one hoop.
//!
//! Pure: a [`Ball`] and a [`HoopBody`] in, the ball one millisecond later out. It decides no
//! outcome; [`crate::flight`] watches what happened.

use crate::geometry::{Vec3, vec3};

/// Acceleration of gravity, m/s².
pub(crate) const GRAVITY: f32 = 9.81;
/// Radius of a ball, metres.
pub(crate) const BALL_RADIUS: f32 = 0.119;
/// Radius of the ring to the middle of its steel, metres.
pub(crate) const RING_RADIUS: f32 = 0.2286;
/// Length of one step, seconds.
pub(crate) const STEP: f32 = 0.001;

/// The parts of a hoop that a ball can touch. Metres, in the hoop's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoopBody {
    /// Radius of the ring's steel.
    pub(crate) tube: f32,
    /// y of the board's face; negative.
    pub(crate) board_y: f32,
    /// Half the board's width.
    pub(crate) board_half: f32,
    /// z of the board's lower and upper edge.
    pub(crate) board_low: f32,
    pub(crate) board_high: f32,
    /// Share of the speed that ring, board and floor give back.
    pub(crate) ring_bounce: f32,
    pub(crate) board_bounce: f32,
    pub(crate) floor_bounce: f32,
    /// Length of the net and the share of the ring's radius at its end.
    pub(crate) net_length: f32,
    pub(crate) net_taper: f32,
    /// How hard the net brakes, 1/s, and the speed it lets pass, m/s.
    pub(crate) net_grip: f32,
    pub(crate) net_slip: f32,
    /// z of the ball's centre when it lies on the floor.
    pub(crate) floor_z: f32,
}

/// Where a ball is relative to the inside of the net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    /// Anywhere else.
    Outside,
    /// It came in through the ring and is in the net.
    Inside,
    /// It has left the net at the lower end.
    Passed,
}

/// A moving ball in the hoop's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ball {
    pub(crate) p: Vec3,
    pub(crate) v: Vec3,
    pub(crate) net: Net,
}

/// What was touched during one step: speeds of impact in m/s, and the push on the net.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Touch {
    pub(crate) ring: f32,
    pub(crate) board: f32,
    pub(crate) floor: f32,
    pub(crate) net_push: (f32, f32),
}

/// Drag of a basketball, 1/m: acceleration is this times speed squared.
const DRAG: f32 = 0.008;
/// How hard a ball can press into the outside of a net, 1/s².
const NET_PUSH: f32 = 120.0;

/// One step of `ball` near `hoop`.
pub(crate) fn step(ball: &mut Ball, hoop: &HoopBody) -> Touch {
    let mut touch = Touch::default();
    let before = ball.p.z;
    fall(&mut ball.p, &mut ball.v);
    hit_floor(ball, hoop, &mut touch);
    if ball.p.z < -1.2 || ball.p.dot(ball.p) > 6.0 {
        if ball.net == Net::Inside {
            ball.net = Net::Passed;
        }
        return touch;
    }
    hit_board(ball, hoop, &mut touch);
    hit_bracket(ball, hoop, &mut touch);
    hit_ring(ball, hoop, &mut touch);
    pass_net(ball, hoop, before);
    push_net(ball, hoop, &mut touch);
    touch
}

/// One step of free fall with drag.
pub(crate) fn fall(p: &mut Vec3, v: &mut Vec3) {
    *v = *v * (1.0 - DRAG * v.length() * STEP);
    v.z -= GRAVITY * STEP;
    *p += *v * STEP;
}

fn hit_floor(ball: &mut Ball, hoop: &HoopBody, touch: &mut Touch) {
    if ball.p.z < hoop.floor_z && ball.v.z < 0.0 {
        touch.floor = -ball.v.z;
        ball.p.z = hoop.floor_z;
        ball.v.z *= -hoop.floor_bounce;
        ball.v.x *= 0.86;
        ball.v.y *= 0.86;
        if ball.v.z < 0.25 {
            ball.v.z = 0.0;
        }
    }
}

fn hit_board(ball: &mut Ball, hoop: &HoopBody, touch: &mut Touch) {
    let thickness = 0.04;
    let nearest = vec3(
        ball.p.x.clamp(-hoop.board_half, hoop.board_half),
        ball.p.y.clamp(hoop.board_y - thickness, hoop.board_y),
        ball.p.z.clamp(hoop.board_low, hoop.board_high),
    );
    let away = ball.p - nearest;
    let distance = away.length();
    if !(1e-6..BALL_RADIUS).contains(&distance) {
        return;
    }
    let normal = away * (1.0 / distance);
    let speed = ball.v.dot(normal);
    ball.p = nearest + normal * BALL_RADIUS;
    if speed < 0.0 {
        touch.board = -speed;
        ball.v = (ball.v - normal * ((1.0 + hoop.board_bounce) * speed)) * 0.97;
    }
}

/// The plate that holds the ring: a small shelf between ring and board.
fn hit_bracket(ball: &mut Ball, hoop: &HoopBody, touch: &mut Touch) {
    let over = ball.p.x.abs() < 0.09 && ball.p.y < -RING_RADIUS && ball.p.y > hoop.board_y;
    if over && ball.p.z < BALL_RADIUS && ball.p.z > 0.0 && ball.v.z < 0.0 {
        touch.ring = touch.ring.max(-ball.v.z);
        ball.v.z *= -hoop.ring_bounce;
        ball.p.z = BALL_RADIUS;
    }
}

fn hit_ring(ball: &mut Ball, hoop: &HoopBody, touch: &mut Touch) {
    let flat = ball.p.flat();
    if (RING_RADIUS - flat).abs() >= BALL_RADIUS + hoop.tube {
        return;
    }
    let steel = vec3(ball.p.x / flat * RING_RADIUS, ball.p.y / flat * RING_RADIUS, 0.0);
    let away = ball.p - steel;
    let distance = away.length().max(1e-6);
    if distance >= BALL_RADIUS + hoop.tube {
        return;
    }
    let normal = away * (1.0 / distance);
    let speed = ball.v.dot(normal);
    ball.p = steel + normal * (BALL_RADIUS + hoop.tube);
    if speed < 0.0 {
        touch.ring = touch.ring.max(-speed);
        ball.v = ball.v - normal * ((1.0 + hoop.ring_bounce) * speed);
        if speed < -0.15 {
            let along = ball.v - normal * ball.v.dot(normal);
            ball.v = ball.v - along * 0.06;
        }
    }
}

/// Entering the net through the ring, being braked and centred by it, leaving it.
fn pass_net(ball: &mut Ball, hoop: &HoopBody, before: f32) {
    let flat = ball.p.flat();
    match ball.net {
        Net::Outside | Net::Passed if before >= 0.0 && ball.p.z < 0.0 && flat < RING_RADIUS => {
            ball.net = Net::Inside;
        }
        Net::Inside if ball.p.z > 0.02 => ball.net = Net::Outside,
        Net::Inside if ball.p.z < -hoop.net_length - 0.04 => ball.net = Net::Passed,
        Net::Outside | Net::Inside | Net::Passed => {}
    }
    if ball.net != Net::Inside {
        return;
    }
    let depth = (-ball.p.z / 0.15).clamp(0.0, 1.0);
    if ball.v.z < -hoop.net_slip {
        ball.v.z -= hoop.net_grip * depth * (ball.v.z + hoop.net_slip) * STEP;
    }
    let room = (RING_RADIUS - BALL_RADIUS) * (1.0 - (1.0 - hoop.net_taper) * depth);
    if flat > room.max(0.01) {
        let centring = 90.0 * depth * (flat - room) / flat.max(1e-6);
        ball.v.x -= (centring * ball.p.x + 6.0 * ball.v.x * depth) * STEP;
        ball.v.y -= (centring * ball.p.y + 6.0 * ball.v.y * depth) * STEP;
    }
}

/// A ball that leans on the net from outside or from below.
fn push_net(ball: &mut Ball, hoop: &HoopBody, touch: &mut Touch) {
    let z = ball.p.z;
    if ball.net == Net::Inside || z > -0.06 || z < -hoop.net_length - 0.06 {
        return;
    }
    let flat = ball.p.flat().max(1e-6);
    let share = 1.0 - (1.0 - hoop.net_taper) * (-z / hoop.net_length).clamp(0.0, 1.0);
    let pressed = RING_RADIUS * share + BALL_RADIUS - flat;
    if pressed <= 0.0 {
        return;
    }
    let (x, y) = (ball.p.x / flat, ball.p.y / flat);
    if ball.net == Net::Outside {
        ball.v.x += (x * pressed * NET_PUSH - ball.v.x) * STEP;
        ball.v.y += (y * pressed * NET_PUSH - ball.v.y) * STEP;
        ball.v.z -= ball.v.z.max(0.0) * 3.0 * STEP;
    }
    touch.net_push = (-x * pressed, -y * pressed);
}
