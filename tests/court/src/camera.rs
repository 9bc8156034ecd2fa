//! Pinhole cameras: where they stand, what they see, how they shake and pan.
//!
//! A pan or a shake is a shift of the picture, as if the lens were shifted: the backdrop is then
//! rendered once and moved, and everything else moves with it exactly.

use crate::geometry::{HoopPlace, Vec3, vec3};
use crate::look::{Look, ViewLook};
use crate::physics::RING_RADIUS;
use crate::random::Random;

/// A camera that stands still.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    pub(crate) eye: Vec3,
    pub(crate) right: Vec3,
    pub(crate) down: Vec3,
    pub(crate) ahead: Vec3,
    /// Focal length in pixels.
    pub(crate) focal: f32,
    /// The picture's middle in pixels.
    pub(crate) middle: (f32, f32),
    /// Pixels of this picture per pixel of a 720-line picture.
    pub(crate) scale: f32,
}

/// A point in the picture: pixels, and metres in front of the camera.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) depth: f32,
}

/// Nothing nearer than this is drawn, metres.
const NEAREST: f32 = 0.25;

impl Camera {
    /// The camera of `look` for a picture of `size` pixels.
    pub(crate) fn of(look: &Look, size: (usize, usize)) -> Self {
        let view = &look.view;
        let (width, height) = (size.0 as f32, size.1 as f32);
        let scale = (width * height / (1280.0 * 720.0)).sqrt().min(width.min(height) / 480.0);
        let hoop = HoopPlace::of(0);
        let eye = eye_of(view, &hoop);
        let target = hoop.centre + vec3(0.0, 0.0, -0.2);
        let distance = (target - eye).length();
        let focal = view.ring_width * scale * distance / (2.0 * RING_RADIUS);
        let mut camera = Self {
            eye,
            right: vec3(1.0, 0.0, 0.0),
            down: vec3(0.0, 0.0, -1.0),
            ahead: vec3(0.0, 1.0, 0.0),
            focal,
            middle: (width / 2.0, height / 2.0),
            scale,
        };
        camera.aim(target, (view.at.0 * width, view.at.1 * height), view.roll.to_radians());
        camera
    }

    /// Turns the camera until `target` is at `at` in the picture.
    fn aim(&mut self, target: Vec3, at: (f32, f32), roll: f32) {
        let to = target - self.eye;
        let (mut yaw, mut pitch) = (to.y.atan2(to.x), (to.z / to.flat()).atan());
        for _ in 0..30 {
            self.turn(yaw, pitch, roll);
            let seen = self.see(target);
            yaw -= 0.8 * (seen.x - at.0) / self.focal;
            pitch -= 0.8 * (seen.y - at.1) / self.focal;
            pitch = pitch.clamp(-1.3, 1.3);
        }
    }

    fn turn(&mut self, yaw: f32, pitch: f32, roll: f32) {
        self.ahead = vec3(yaw.cos() * pitch.cos(), yaw.sin() * pitch.cos(), pitch.sin());
        let right = self.ahead.cross(vec3(0.0, 0.0, 1.0)).unit();
        let down = self.ahead.cross(right);
        self.right = right * roll.cos() + down * roll.sin();
        self.down = down * roll.cos() - right * roll.sin();
    }

    /// Where a point is in the unshifted picture.
    pub(crate) fn see(&self, p: Vec3) -> Seen {
        let d = p - self.eye;
        let depth = d.dot(self.ahead);
        let zoom = self.focal / depth.max(NEAREST);
        Seen {
            x: self.middle.0 + d.dot(self.right) * zoom,
            y: self.middle.1 + d.dot(self.down) * zoom,
            depth,
        }
    }

    /// Pixels that a metre covers at this depth.
    pub(crate) fn pixels_per_metre(&self, depth: f32) -> f32 {
        self.focal / depth.max(NEAREST)
    }

    /// The direction seen at a pixel of the unshifted picture; not of unit length.
    pub(crate) fn ray(&self, x: f32, y: f32) -> Vec3 {
        self.ahead * self.focal + self.right * (x - self.middle.0) + self.down * (y - self.middle.1)
    }
}

/// Whether a point this far away can be drawn at all.
pub(crate) fn in_front(depth: f32) -> bool {
    depth > NEAREST
}

fn eye_of(view: &ViewLook, hoop: &HoopPlace) -> Vec3 {
    let azimuth = view.azimuth.to_radians();
    let out = hoop.out * azimuth.cos() + hoop.side * azimuth.sin();
    (hoop.centre + out * view.distance).at_height(view.height)
}

/// How far the picture is shifted at each instant, in pixels.
#[derive(Clone, Debug)]
pub(crate) struct Shifts {
    samples: Vec<(f32, f32)>,
    /// Largest shift that occurs in x and y, whole pixels.
    pub(crate) reach: (i32, i32),
}

/// Shifts a second.
pub(crate) const SHIFT_RATE: f32 = 50.0;
const RATE: f32 = SHIFT_RATE;

impl Shifts {
    /// Shake, pans and new aims of a camera; `play` is where the ball is in the unshifted picture
    /// at each of [`SHIFT_RATE`] samples a second.
    pub(crate) fn of(view: &ViewLook, camera: &Camera, (play, seed): (&[(f32, f32)], u64)) -> Self {
        let mut random = Random::new(seed, "shifts");
        let tall = camera.middle.1 * 2.0;
        let mut samples = vec![(0.0, 0.0); play.len().max(2)];
        add_shake(&mut samples, view.shake * camera.scale, &mut random);
        if view.pan > 0.0 {
            add_pan(&mut samples, view.pan * tall, &mut random);
        }
        add_aims(&mut samples, view.reaim, (tall, &mut random));
        add_follow(&mut samples, view.follow, play);
        let first = samples[0];
        let limit = view.reach * tall;
        let bound = |v: f32| limit * (v / limit).tanh();
        let mut reach = (0.0f32, 0.0f32);
        for s in &mut samples {
            *s = (bound(s.0 - first.0), bound(s.1 - first.1));
            reach = (reach.0.max(s.0.abs()), reach.1.max(s.1.abs()));
        }
        Self { samples, reach: (reach.0.ceil() as i32 + 1, reach.1.ceil() as i32 + 1) }
    }

    /// The shift at `t` seconds.
    pub(crate) fn at(&self, t: f32) -> (f32, f32) {
        let place = (t * RATE).clamp(0.0, (self.samples.len() - 2) as f32);
        let index = place as usize;
        let u = place - index as f32;
        let (a, b) = (self.samples[index], self.samples[index + 1]);
        (a.0 + (b.0 - a.0) * u, a.1 + (b.1 - a.1) * u)
    }
}

/// A hand: a slow wander and a quick tremor.
fn add_shake(samples: &mut [(f32, f32)], strength: f32, random: &mut Random) {
    if strength <= 0.0 {
        return;
    }
    let waves: Vec<(f32, f32, f32, f32)> = (0..6)
        .map(|i| {
            let f = random.log_range(0.12, 0.5) * 1.9f32.powi(i);
            (
                f,
                strength * random.range(0.4, 1.3) / (1.0 + f),
                random.range(0.0, 6.3),
                random.range(0.0, 6.3),
            )
        })
        .collect();
    for (index, s) in samples.iter_mut().enumerate() {
        let t = index as f32 / RATE * std::f32::consts::TAU;
        for (f, a, px, py) in &waves {
            s.0 += a * (f * t + px).sin();
            s.1 += 0.8 * a * (f * t * 1.07 + py).sin();
        }
    }
}

fn add_pan(samples: &mut [(f32, f32)], width: f32, random: &mut Random) {
    let slow = random.log_range(0.03, 0.15);
    let (px, py) = (random.range(0.0, 6.3), random.range(0.0, 6.3));
    for (index, s) in samples.iter_mut().enumerate() {
        let t = index as f32 / RATE * std::f32::consts::TAU;
        s.0 += width * ((slow * t + px).sin() + 0.35 * (2.3 * slow * t + py).sin());
        s.1 += 0.25 * width * (1.4 * slow * t + py).sin();
    }
}

/// The camera is turned to a new place within a second, now and then.
fn add_aims(samples: &mut [(f32, f32)], reaim: f32, (tall, random): (f32, &mut Random)) {
    if reaim <= 0.0 {
        return;
    }
    let mut at = random.range(0.3, 90.0 / reaim);
    let mut aim = (0.0f32, 0.0f32);
    while at * RATE < samples.len() as f32 {
        let next = (random.range(-0.14, 0.14) * tall, random.range(-0.05, 0.05) * tall);
        let takes = random.range(0.25, 1.4);
        for (index, s) in samples.iter_mut().enumerate().skip((at * RATE) as usize) {
            let u = ((index as f32 / RATE - at) / takes).clamp(0.0, 1.0);
            let u = u * u * (3.0 - 2.0 * u);
            s.0 += (next.0 - aim.0) * u;
            s.1 += (next.1 - aim.1) * u;
        }
        aim = next;
        at += takes + random.range(0.4, 2.0) * 60.0 / reaim;
    }
}

/// An operator follows a share of the ball's way, late and smoothly.
fn add_follow(samples: &mut [(f32, f32)], share: f32, play: &[(f32, f32)]) {
    if share <= 0.0 {
        return;
    }
    let lag = 1.0 / (0.45 * RATE);
    let start = play.first().copied().unwrap_or_default();
    let (mut first, mut second) = ((0.0f32, 0.0f32), (0.0f32, 0.0f32));
    for (s, ball) in samples.iter_mut().zip(play) {
        let want = (share * (start.0 - ball.0), 0.3 * share * (start.1 - ball.1));
        first.0 += (want.0 - first.0) * lag;
        first.1 += (want.1 - first.1) * lag;
        second.0 += (first.0 - second.0) * lag;
        second.1 += (first.1 - second.1) * lag;
        s.0 += second.0;
        s.1 += second.1;
    }
}
