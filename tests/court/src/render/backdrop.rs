//! Everything that stands still, rendered once for a camera: floor, walls, stands, ceiling.
//!
//! It is kept with a margin as wide as the camera's shifts reach; each frame is a piece of it,
//! moved by a fraction of a pixel.

use super::canvas::{Canvas, Planes};
use super::floor;
use super::walls::{self, Spot};
use crate::camera::Camera;
use crate::color::Rgb;
use crate::geometry::{COURT_HALF_LENGTH, COURT_HALF_WIDTH, Rect, Vec3};
use crate::look::{Look, Place};

/// How carefully a backdrop is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// One ray a pixel.
    Plain,
    /// Four rays a pixel.
    Fine,
}

/// A still picture larger than the frames cut from it.
pub(crate) struct Backdrop {
    rect: Rect,
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

/// Pixels beyond the shifts that are rendered for blur and interpolation.
const RIM: i32 = 8;

impl Backdrop {
    /// Renders what is visible in `view`, shifted by up to `reach` pixels.
    pub(crate) fn render(
        scene: (&Look, &Camera),
        view: Rect,
        how: (Planes, Quality, (i32, i32)),
    ) -> Self {
        let (planes, quality, reach) = how;
        let even = |v: i32| v + (v & 1);
        let (mx, my) = (even(reach.0 + RIM), even(reach.1 + RIM));
        let rect = Rect {
            x: view.x - mx,
            y: view.y - my,
            width: (view.width + 2 * mx as usize).next_multiple_of(2),
            height: (view.height + 2 * my as usize).next_multiple_of(2),
        };
        let table = scene.0.lens.grade.table();
        let mut colors = vec![[0.0f32; 3]; rect.width * rect.height];
        let (look, camera) = scene;
        let samples: &[(f32, f32)] = match quality {
            Quality::Plain => &[(0.5, 0.5)],
            Quality::Fine => &[(0.375, 0.125), (0.875, 0.375), (0.625, 0.875), (0.125, 0.625)],
        };
        for (index, color) in colors.iter_mut().enumerate() {
            let x = (rect.x + (index % rect.width) as i32) as f32;
            let y = (rect.y + (index / rect.width) as i32) as f32;
            let mut sum = Rgb::default();
            for (dx, dy) in samples {
                let c = see(look, camera, camera.ray(x + dx, y + dy));
                sum.r += c.r;
                sum.g += c.g;
                sum.b += c.b;
            }
            *color = table.yuv(sum.scaled(1.0 / samples.len() as f32));
        }
        blur(&mut colors, rect, look.lens.softness * camera.scale);
        Self::pack(&colors, rect, planes)
    }

    fn pack(colors: &[[f32; 3]], rect: Rect, planes: Planes) -> Self {
        let luma = colors.iter().map(|c| c[0].round().clamp(0.0, 255.0) as u8).collect();
        let mut chroma = [Vec::new(), Vec::new()];
        if planes == Planes::I420 {
            for (plane, part) in chroma.iter_mut().zip([1, 2]) {
                for y in (0..rect.height).step_by(2) {
                    for x in (0..rect.width).step_by(2) {
                        let at = y * rect.width + x;
                        let sum = colors[at][part]
                            + colors[at + 1][part]
                            + colors[at + rect.width][part]
                            + colors[at + rect.width + 1][part];
                        plane.push((sum * 0.25).round().clamp(0.0, 255.0) as u8);
                    }
                }
            }
        }
        Self { rect, luma, chroma }
    }

    /// Copies the part under `canvas`, the picture shifted by `shift` pixels.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, shift: (f32, f32)) {
        let from = (
            (canvas.rect.x - self.rect.x) as f32 - shift.0,
            (canvas.rect.y - self.rect.y) as f32 - shift.1,
        );
        let (to, rect) = (canvas.rect, self.rect);
        resample((&self.luma, rect.width), (canvas.luma, to.width), from);
        if !canvas.chroma[0].is_empty() {
            let half = (from.0 / 2.0, from.1 / 2.0);
            for (source, target) in self.chroma.iter().zip(canvas.chroma.iter_mut()) {
                resample((source, rect.width / 2), (target, to.chroma_width()), half);
            }
        }
    }
}

/// Copies a plane from a fractional place with bilinear interpolation.
fn resample(
    (source, pitch): (&[u8], usize),
    (target, width): (&mut [u8], usize),
    from: (f32, f32),
) {
    let (x0, y0) = (from.0.floor(), from.1.floor());
    let fx = ((from.0 - x0) * 16.0).round() as u16;
    let fy = ((from.1 - y0) * 16.0).round() as u16;
    let (x0, y0) = (x0 as usize, y0 as usize);
    let weights = [(16 - fx) * (16 - fy), fx * (16 - fy), (16 - fx) * fy, fx * fy];
    for (row, out) in target.chunks_exact_mut(width).enumerate() {
        let at = (y0 + row) * pitch + x0;
        if fx == 0 && fy == 0 {
            out.copy_from_slice(&source[at..at + width]);
            continue;
        }
        let above = &source[at..=at + width];
        let below = &source[at + pitch..=at + pitch + width];
        let pairs = above.windows(2).zip(below.windows(2));
        for (cell, (a, b)) in out.iter_mut().zip(pairs) {
            let sum = u16::from(a[0]) * weights[0]
                + u16::from(a[1]) * weights[1]
                + u16::from(b[0]) * weights[2]
                + u16::from(b[1]) * weights[3];
            *cell = ((sum + 128) >> 8) as u8;
        }
    }
}

/// Blurs by the lens: a box twice over, `width` pixels wide where that is more than one.
fn blur(colors: &mut [[f32; 3]], rect: Rect, width: f32) {
    let outer = ((width - 1.0) / 2.0).clamp(0.0, 1.0);
    if outer <= 0.05 {
        return;
    }
    let total = 1.0 + 2.0 * outer;
    for pitch in [1, rect.width] {
        let before = colors.to_vec();
        for index in pitch..colors.len() - pitch {
            for part in 0..3 {
                let around = before[index - pitch][part] + before[index + pitch][part];
                colors[index][part] = (before[index][part] + outer * around) / total;
            }
        }
    }
}

/// What a ray meets first.
enum Met {
    Sky,
    Floor,
    Ceiling,
    Side(Spot),
}

/// The colour seen along a ray.
fn see(look: &Look, camera: &Camera, ray: Vec3) -> Rgb {
    let eye = camera.eye;
    let (mut nearest, mut met) = (f32::INFINITY, Met::Sky);
    if ray.z < 0.0 {
        (nearest, met) = (-eye.z / ray.z, Met::Floor);
    } else if look.hall.place != Place::Outdoor && ray.z > 0.0 {
        (nearest, met) = ((look.hall.height - eye.z) / ray.z, Met::Ceiling);
    }
    for side in 0..4 {
        if let Some((t, spot)) = hit(look, side, (eye, ray))
            && t < nearest
        {
            (nearest, met) = (t, Met::Side(spot));
        }
    }
    let p = eye + ray * nearest;
    match met {
        Met::Sky => walls::sky(&look.hall, ray),
        Met::Floor => {
            let gloss = look.court.gloss * sheen(look, p, ray);
            let base = floor::color(&look.court, (p.x, p.y), nearest * slant(ray));
            let mirrored = look.hall.above.mix(look.hall.walls[0], 0.5);
            base.scaled(look.hall.light).mix(mirrored, gloss)
        }
        Met::Ceiling => walls::ceiling(&look.hall, p.x, p.y).scaled(look.hall.light),
        Met::Side(spot) => walls::color(&look.hall, spot)
            .map_or_else(|| walls::sky(&look.hall, ray), |c| c.scaled(look.hall.light)),
    }
}

/// How much a pixel is stretched on the floor seen along `ray`, per unit of the ray's length.
fn slant(ray: Vec3) -> f32 {
    let steep = (-ray.z / ray.length()).max(0.05);
    1.0 / steep.sqrt()
}

/// Reflections on the floor: stronger at a low angle, in broad stripes.
fn sheen(look: &Look, p: Vec3, ray: Vec3) -> f32 {
    let low = 1.0 - (-ray.z / ray.length());
    let stripe = crate::random::smooth(look.court.texture ^ 21, p.x * 0.5, p.y * 0.5);
    low.powi(3) * (0.25 + 0.6 * stripe)
}

/// Where a ray meets a side of the hall from inside: distance along it and the place.
fn hit(look: &Look, side: usize, (eye, ray): (Vec3, Vec3)) -> Option<(f32, Spot)> {
    let slope = look.hall.slopes[side];
    let sign = if side.is_multiple_of(2) { 1.0 } else { -1.0 };
    let (from, way, away, across) = if side < 2 {
        (eye.x * sign, ray.x * sign, COURT_HALF_LENGTH + look.hall.margin[0], (eye.y, ray.y))
    } else {
        (eye.y * sign, ray.y * sign, COURT_HALF_WIDTH + look.hall.margin[1], (eye.x, ray.x))
    };
    let closing = way - slope * ray.z;
    let t = (away + slope * eye.z - from) / closing;
    if closing <= 1e-6 || t <= 0.0 {
        return None;
    }
    let up = eye.z + ray.z * t;
    let top = if look.hall.place == Place::Outdoor { 60.0 } else { look.hall.height };
    let spot = Spot { side, along: across.0 + across.1 * t, up, blur: t };
    (up >= 0.0 && up <= top).then_some((t, spot))
}
