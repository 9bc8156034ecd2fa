//! A player in the picture: limbs from joints, number on the shirt, shadow on the floor.

use super::canvas::{Ink, ink};
use super::painter::Painter;
use super::scoreboard::segments_of;
use super::shapes::Shadow;
use crate::color::{Rgb, Yuv, rgb};
use crate::geometry::{Vec3, vec3};
use crate::play::timeline::{Player, Timeline};

/// What a player does at one instant.
pub(super) struct Pose {
    place: Vec3,
    lift: f32,
    ahead: Vec3,
    aside: Vec3,
    speed: f32,
    stride: f32,
    hands: [Vec3; 2],
}

struct Piece {
    depth: f32,
    a: (Vec3, f32),
    b: (Vec3, f32),
    color: Yuv,
}

impl Pose {
    /// The pose of player `index` at `t`.
    pub(super) fn at(timeline: &Timeline, index: usize, t: f32) -> Self {
        let player = &timeline.players[index];
        let place = player.place(t);
        let velocity = player.velocity(t);
        let ball = timeline.ball_at(t).p;
        let to_ball = (ball - place).at_height(0.0);
        let look = to_ball.unit() * (to_ball.length() / 0.6).min(1.0) + velocity * 0.5;
        let ahead = if look.length() > 1e-3 { look.unit() } else { vec3(1.0, 0.0, 0.0) };
        let aside = vec3(ahead.y, -ahead.x, 0.0);
        let lift = player.lift(t);
        let speed = velocity.length().min(7.0);
        // The stride follows the way, so that feet do not slide much.
        let stride = (place.x + place.y * 0.7) * 2.6 + index as f32;
        let tall = player.tall;
        let swing = (stride.sin() * speed * 0.09).clamp(-0.5, 0.5);
        let mut hands = [1.0f32, -1.0].map(|side| {
            let low = place + aside * (0.27 * side) + ahead * (0.14 - swing * side);
            low.at_height(lift + tall * (0.52 + 0.02 * speed))
        });
        if player.hands_up(t) {
            hands = [1.0f32, -1.0].map(|side| {
                let wave = 0.06 * (t * 7.0 + side + index as f32).sin();
                let up = place + aside * ((0.24 + wave) * side) + ahead * 0.18;
                up.at_height(lift + tall * 1.22)
            });
        }
        let shoulder = place.at_height(lift + tall * 0.81);
        let far = (ball - shoulder).length();
        let holds = timeline.holder_at(t) == Some(index);
        if holds && far < 1.25 || far < 0.6 {
            let grip = aside * 0.1;
            let both = ball.z > tall * 0.5;
            let right = (ball - shoulder).dot(aside) > 0.0;
            if both || right {
                hands[0] = ball + grip;
            }
            if both || !right {
                hands[1] = ball - grip;
            }
        }
        Self { place, lift, ahead, aside, speed, stride, hands }
    }
}

/// Draws a player.
pub(super) fn draw(painter: &mut Painter<'_, '_>, player: &Player, pose: &Pose) {
    let feet = painter.see(pose.place);
    let high = painter.camera.pixels_per_metre(feet.depth) * 3.0;
    let rect = painter.canvas.rect;
    let aside = feet.x < rect.x as f32 - high || feet.x > rect.x as f32 + rect.width as f32 + high;
    if feet.depth < 0.8 || aside {
        return;
    }
    let mut pieces = Vec::with_capacity(20);
    legs(painter, (player, pose), &mut pieces);
    trunk(painter, (player, pose), &mut pieces);
    pieces.sort_by(|a: &Piece, b| b.depth.total_cmp(&a.depth));
    for piece in &pieces {
        painter.limb(piece.a, piece.b, piece.color);
    }
    if player.team < 2 {
        number(painter, player, pose);
    }
}

/// The shadow under a player or a ball at height `up`.
pub(super) fn shadow(painter: &mut Painter<'_, '_>, place: Vec3, (size, up): (f32, f32)) {
    let seen = painter.see(place.at_height(0.0));
    if seen.depth < 0.8 {
        return;
    }
    let wide = size * painter.camera.pixels_per_metre(seen.depth);
    let flat = (painter.camera.eye.z / seen.depth).clamp(0.06, 0.9);
    let shape = Shadow { at: (seen.x, seen.y), radius: (wide, wide * flat) };
    let color = painter.yuv(rgb(0.03, 0.03, 0.03));
    painter.canvas.fill(&shape, Ink { color, opacity: 0.5 / (1.0 + up) });
}

fn kit(painter: &Painter<'_, '_>, player: &Player) -> (Rgb, Rgb, Rgb) {
    if player.team == 2 {
        return (rgb(0.55, 0.56, 0.58), rgb(0.05, 0.05, 0.06), rgb(0.05, 0.05, 0.05));
    }
    let kit = &painter.look.kits[player.team];
    (kit.shirt, kit.shorts, kit.shoes)
}

fn legs(painter: &Painter<'_, '_>, (player, pose): (&Player, &Pose), pieces: &mut Vec<Piece>) {
    let (_, shorts, shoes) = kit(painter, player);
    let tall = player.tall;
    let hips = pose.place.at_height(pose.lift + tall * 0.5);
    let reach = (pose.speed * 0.13).min(0.55);
    for side in [1.0f32, -1.0] {
        let phase = (pose.stride + if side > 0.0 { 0.0 } else { std::f32::consts::PI }).sin();
        let hip = hips + pose.aside * (0.1 * side);
        let spread = 0.14 + if pose.speed < 1.0 { 0.08 } else { 0.0 };
        let raise = (phase * pose.speed * 0.05).max(0.0);
        let foot = pose.place + pose.aside * (spread * side) + pose.ahead * (reach * phase);
        let foot = foot.at_height(pose.lift + raise + 0.06);
        let bend = 0.08 + raise * 0.8 + if pose.lift > 0.05 { 0.12 } else { 0.0 };
        let knee = hip.towards(foot, 0.52) + pose.ahead * bend;
        add(painter, pieces, ((hip, 0.105), (hip.towards(knee, 0.85), 0.1), shorts));
        add(painter, pieces, ((hip.towards(knee, 0.8), 0.075), (knee, 0.06), player.skin));
        add(painter, pieces, ((knee, 0.06), (foot + vec3(0.0, 0.0, 0.08), 0.042), player.skin));
        add(painter, pieces, ((foot, 0.05), (foot + pose.ahead * 0.17, 0.04), shoes));
    }
}

fn trunk(painter: &Painter<'_, '_>, (player, pose): (&Player, &Pose), pieces: &mut Vec<Piece>) {
    let (shirt, shorts, _) = kit(painter, player);
    let tall = player.tall;
    let lean = pose.ahead * (pose.speed * 0.025).min(0.16);
    let at = |share: f32, push: f32| (pose.place + lean * push).at_height(pose.lift + tall * share);
    add(painter, pieces, ((at(0.5, 0.2), 0.145), (at(0.56, 0.3), 0.15), shorts));
    for side in [1.0f32, -1.0] {
        let off = pose.aside * (0.055 * side);
        add(painter, pieces, ((at(0.58, 0.4) + off, 0.125), (at(0.77, 0.9) + off, 0.145), shirt));
    }
    add(painter, pieces, ((at(0.8, 1.0), 0.07), (at(0.87, 1.1), 0.055), player.skin));
    let head = at(0.93, 1.2) + pose.ahead * 0.02;
    add(painter, pieces, ((head, 0.1), (head + vec3(0.0, 0.0, 0.06), 0.098), player.skin));
    let crown = head - pose.ahead * 0.03 + vec3(0.0, 0.0, 0.055);
    add(painter, pieces, ((crown, 0.1), (crown + vec3(0.0, 0.0, 0.02), 0.095), player.hair));
    for (side, hand) in [1.0f32, -1.0].into_iter().zip(pose.hands) {
        let shoulder = at(0.8, 1.0) + pose.aside * (0.2 * side);
        let (elbow, hand) = arm(shoulder, hand, (tall, pose.aside * side));
        add(painter, pieces, ((shoulder, 0.06), (shoulder.towards(elbow, 0.35), 0.058), shirt));
        add(painter, pieces, ((shoulder.towards(elbow, 0.3), 0.05), (elbow, 0.043), player.skin));
        add(painter, pieces, ((elbow, 0.043), (hand, 0.036), player.skin));
        add(
            painter,
            pieces,
            ((hand, 0.045), (hand + (hand - elbow).unit() * 0.06, 0.04), player.skin),
        );
    }
}

/// Elbow and hand of an arm that reaches for `goal`, no longer than it is.
fn arm(shoulder: Vec3, goal: Vec3, (tall, outward): (f32, Vec3)) -> (Vec3, Vec3) {
    let long = tall * 0.36;
    let way = goal - shoulder;
    let far = way.length().min(long);
    let hand = shoulder + way.unit() * far;
    let bend = (long * long - far * far).max(0.0).sqrt() * 0.5;
    let elbow = shoulder.towards(hand, 0.5) + (outward * 0.6 + vec3(0.0, 0.0, -0.8)) * bend;
    (elbow, hand)
}

fn add(painter: &Painter<'_, '_>, pieces: &mut Vec<Piece>, part: ((Vec3, f32), (Vec3, f32), Rgb)) {
    let (a, b, color) = part;
    let depth = painter.camera.see(a.0.towards(b.0, 0.5)).depth;
    pieces.push(Piece { depth, a, b, color: painter.yuv(color) });
}

/// The number on chest or back, whichever is seen.
fn number(painter: &mut Painter<'_, '_>, player: &Player, pose: &Pose) {
    let chest = pose.place.at_height(pose.lift + player.tall * 0.7);
    let to_eye = (painter.camera.eye - chest).at_height(0.0).unit();
    let facing = to_eye.dot(pose.ahead);
    if facing.abs() < 0.45 {
        return;
    }
    let out = pose.ahead * facing.signum();
    let right = vec3(-out.y, out.x, 0.0);
    let front = chest + out * 0.16;
    let seen = painter.see(front);
    if painter.camera.pixels_per_metre(seen.depth) < 28.0 {
        return;
    }
    let color = painter.yuv(painter.look.kits[player.team].number);
    let digits = [player.number / 10, player.number % 10];
    let shown = if digits[0] == 0 { &digits[1..] } else { &digits[..] };
    for (place, digit) in shown.iter().enumerate() {
        let offset = (place as f32 - (shown.len() - 1) as f32 / 2.0) * 0.13;
        for (a, b) in segments_of(*digit) {
            let at = |p: (f32, f32)| {
                front + right * (offset + (p.0 - 0.5) * 0.09) + vec3(0.0, 0.0, (0.5 - p.1) * 0.2)
            };
            painter.line((at(a), at(b)), 0.028, ink(color));
        }
    }
}
