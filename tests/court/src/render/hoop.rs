//! Support, board, ring and net of one hoop, and which of it is behind a ball.

use super::canvas::{Ink, ink};
use super::painter::Painter;
use crate::geometry::{HoopPlace, RING_HEIGHT, Vec3, vec3};
use crate::look::NetStyle;
use crate::physics::{BALL_RADIUS, RING_RADIUS};
use crate::play::net::NetAt;

/// Which part of ring and net to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// What is farther from the camera than this depth.
    Behind(f32),
    /// What is nearer.
    Before(f32),
}

impl Part {
    fn includes(self, depth: f32) -> bool {
        match self {
            Self::Behind(limit) => depth >= limit,
            Self::Before(limit) => depth < limit,
        }
    }
}

/// A hoop in one frame.
pub(super) struct Hoop<'a> {
    pub(super) place: HoopPlace,
    /// The net now, and a little earlier within the exposure if it moves.
    pub(super) nets: &'a [NetAt],
}

/// Segments around the ring.
const RING_PARTS: usize = 32;

impl Hoop<'_> {
    /// Whether the camera looks at the board's front.
    pub(super) fn faces(&self, eye: Vec3, board_distance: f32) -> bool {
        self.place.local(eye).y > -board_distance
    }

    /// What holds the board up.
    pub(super) fn support(&self, painter: &mut Painter<'_, '_>) {
        let look = &painter.look.hoop;
        let color = painter.yuv(look.support);
        let back = -look.board_distance - 0.05;
        let middle = (look.board_span.0 + look.board_span.1) / 2.0;
        let floor = -RING_HEIGHT;
        let mut ways: Vec<(Vec3, Vec3, f32)> = Vec::new();
        match look.support_kind {
            0 => {
                let knee = vec3(0.0, back - 1.5, middle - 0.9);
                ways.push((vec3(0.0, back, middle), knee, 0.07));
                ways.push((vec3(0.0, back, middle - 0.35), knee + vec3(0.0, 0.1, -0.3), 0.05));
                ways.push((knee, vec3(0.0, back - 2.0, floor + 0.3), 0.14));
                ways.push((
                    vec3(-0.4, back - 2.1, floor + 0.3),
                    vec3(0.4, back - 2.1, floor + 0.3),
                    0.3,
                ));
            }
            1 => {
                let top = vec3(0.0, back - 0.75, middle - 0.55);
                ways.push((vec3(0.0, back, middle), top, 0.05));
                ways.push((vec3(0.0, back, middle - 0.4), top + vec3(0.0, 0.0, -0.3), 0.05));
                ways.push((top + vec3(0.0, 0.0, 0.1), vec3(0.0, back - 0.8, floor), 0.075));
            }
            2 => {
                for x in [-0.45, 0.45] {
                    ways.push((vec3(x, back, middle), vec3(x, back - 0.3, 5.0), 0.045));
                    ways.push((vec3(x, back, middle + 0.3), vec3(x, back - 3.5, 4.6), 0.035));
                }
            }
            _ => {
                for (x, z) in [(-0.5, 0.25), (0.5, 0.25), (-0.5, -0.25), (0.5, -0.25)] {
                    ways.push((
                        vec3(x, back, middle + z),
                        vec3(x, back - 2.6, middle + z * 1.5),
                        0.035,
                    ));
                }
            }
        }
        for (a, b, radius) in ways {
            painter.limb((self.place.world(a), radius), (self.place.world(b), radius), color);
        }
    }

    /// The board with its frame and square.
    pub(super) fn board(&self, painter: &mut Painter<'_, '_>) {
        let look = &painter.look.hoop;
        let y = -look.board_distance;
        let (low, high) = look.board_span;
        let half = look.board_half;
        let at = |x: f32, z: f32| self.place.world(vec3(x, y, z));
        let outline: Vec<Vec3> = if look.board_fan {
            let bend = low + (high - low) * 0.45;
            let mut points = vec![at(-half * 0.8, low), at(half * 0.8, low)];
            points.extend((0..=8).map(|i| {
                let (s, c) = (std::f32::consts::PI * i as f32 / 8.0).sin_cos();
                at(half * c, bend + (high - bend) * s)
            }));
            points
        } else {
            vec![at(-half, low), at(half, low), at(half, high), at(-half, high)]
        };
        let fill = Ink { color: painter.yuv(look.board), opacity: look.board_opacity };
        let frame = ink(painter.yuv(look.frame));
        let square = ink(painter.yuv(look.square));
        let shows_square =
            look.board_opacity < 1.0 || self.faces(painter.camera.eye, look.board_distance);
        painter.polygon(&outline, fill);
        for (index, corner) in outline.iter().enumerate() {
            let next = outline[(index + 1) % outline.len()];
            painter.line((*corner, next), 0.045, frame);
        }
        if shows_square {
            let inner = [at(-0.295, 0.02), at(0.295, 0.02), at(0.295, 0.47), at(-0.295, 0.47)];
            for (index, corner) in inner.iter().enumerate() {
                painter.line((*corner, inner[(index + 1) % 4]), 0.05, square);
            }
        }
    }

    /// Ring, bracket and net, as far as `part` includes them.
    pub(super) fn ring_and_net(&self, painter: &mut Painter<'_, '_>, part: Part) {
        self.bracket(painter, part);
        let look = &painter.look.hoop;
        if look.net_style != NetStyle::Bare {
            let share = 1.0 / self.nets.len() as f32;
            // Layered so that all exposures together are as opaque as one.
            let opacity = 1.0 - (1.0f32 - 0.9).powf(share);
            let fill = Ink { color: painter.yuv(look.net), opacity };
            for net in self.nets {
                self.net(painter, (net, part), fill);
            }
        }
        let dip = self.nets.last().map_or(0.0, |n| n.dip);
        let steel = ink(painter.yuv(painter.look.hoop.ring));
        let at = |i: usize| {
            let (s, c) = (std::f32::consts::TAU * i as f32 / RING_PARTS as f32).sin_cos();
            let lean = dip * (0.5 + 0.5 * s);
            self.place.world(vec3(RING_RADIUS * c, RING_RADIUS * s, lean))
        };
        for i in 0..RING_PARTS {
            let (a, b) = (at(i), at(i + 1));
            if part.includes(painter.see(a.towards(b, 0.5)).depth) {
                painter.line((a, b), painter.look.hoop.tube * 2.0, steel);
            }
        }
    }

    fn bracket(&self, painter: &mut Painter<'_, '_>, part: Part) {
        let look = &painter.look.hoop;
        let y = -look.board_distance;
        let middle = self.place.world(vec3(0.0, (y - RING_RADIUS) / 2.0, -0.03));
        if !part.includes(painter.see(middle).depth) {
            return;
        }
        let color = ink(painter.yuv(look.ring.scaled(0.85)));
        let at = |x: f32, y: f32, z: f32| self.place.world(vec3(x, y, z));
        let near = -RING_RADIUS * 0.97;
        painter.polygon(
            &[at(-0.07, near, 0.0), at(0.07, near, 0.0), at(0.1, y, 0.0), at(-0.1, y, 0.0)],
            color,
        );
        painter.polygon(
            &[
                at(-0.1, y + 0.01, 0.0),
                at(0.1, y + 0.01, 0.0),
                at(0.1, y + 0.01, -0.14),
                at(-0.1, y + 0.01, -0.14),
            ],
            color,
        );
        painter.polygon(&[at(0.0, near, 0.0), at(0.0, y, 0.0), at(0.0, y, -0.12)], color);
    }

    fn net(&self, painter: &mut Painter<'_, '_>, (net, part): (&NetAt, Part), fill: Ink) {
        let look = &painter.look.hoop;
        let (loops, rows) = look.net_loops;
        let cord = look.net_cord * if look.net_style == NetStyle::Chain { 1.5 } else { 1.0 };
        let style = look.net_style;
        let knots = self.knots(painter, net);
        let at = |row: usize, k: usize| knots[row * loops + k % loops];
        let mut draw = |a: Vec3, b: Vec3| {
            if part.includes(painter.see(a.towards(b, 0.5)).depth) {
                painter.line((a, b), cord, fill);
            }
        };
        for row in 0..rows {
            for k in 0..loops {
                draw(at(row, k), at(row + 1, k));
                if style != NetStyle::Chain {
                    // Odd rows are turned by half a loop: each knot has two cords to the next row.
                    let other = if row.is_multiple_of(2) { k + loops - 1 } else { k + 1 };
                    draw(at(row, k), at(row + 1, other));
                }
                let ringed = match style {
                    NetStyle::Chain => row + 1 == rows || row == rows / 2,
                    NetStyle::Dense => true,
                    NetStyle::String | NetStyle::Bare => false,
                };
                if ringed {
                    draw(at(row + 1, k), at(row + 1, k + 1));
                }
            }
        }
    }

    fn knots(&self, painter: &Painter<'_, '_>, net: &NetAt) -> Vec<Vec3> {
        let look = &painter.look.hoop;
        let (loops, rows) = look.net_loops;
        let mut knots = Vec::with_capacity((rows + 1) * loops);
        for row in 0..=rows {
            let q = row as f32 / rows as f32;
            let z = -look.net_length * q + net.lift * q.powf(1.7);
            let mut radius = RING_RADIUS * (1.0 - (1.0 - look.net_taper) * q.powf(0.8));
            let mut middle = (net.sway.0 * q.powf(1.4), net.sway.1 * q.powf(1.4));
            if let Some((ball_z, x, y)) = net.bulge {
                let room = ((BALL_RADIUS + 0.012).powi(2) - (z - ball_z).powi(2)).max(0.0).sqrt();
                let pull = (-((z - ball_z) / 0.16).powi(2)).exp() * q.powf(0.4);
                radius = radius.max(room * (q * 4.0).min(1.0));
                middle.0 += (x - middle.0) * pull * 0.8;
                middle.1 += (y - middle.1) * pull * 0.8;
            } else if net.lift > 0.02 {
                radius *= 1.0 + 0.5 * (net.lift / look.net_length).min(0.8) * q;
            }
            let turn =
                if look.net_style == NetStyle::Chain || row.is_multiple_of(2) { 0.0 } else { 0.5 };
            for k in 0..loops {
                let angle = std::f32::consts::TAU * (k as f32 + turn) / loops as f32;
                let p = vec3(
                    middle.0 + radius * angle.cos(),
                    middle.1 + radius * angle.sin(),
                    z + net.dip * 0.5,
                );
                knots.push(self.place.world(p));
            }
        }
        knots
    }
}
