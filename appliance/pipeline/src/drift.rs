//! How fast the clock of a track runs beside the box's, out of when its access units arrived.
//!
//! Pure: it is given media times with their arrivals, and reads no clock. What an access unit needed
//! on its way is at least the way without any queue, and mostly more. So of every [`WINDOW`] only the
//! fastest unit counts (`arrival - media time`, its delay), and of the windows only those near the line
//! that lies below all of them: jitter, bursts and outages lie above it. Its slope is the drift.
//! Measured accuracy and the reasons: `docs/decisions/0025-one-timeline.md`.
//!
//! ```text
//!  delay │  ·  ·      ·:·        · a window's fastest unit
//!        │ ·___·__·_·__·____     ‾ line through those near the lower hull
//!        └──────────────────► media time
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use wire::time::{MediaTime, Monotonic};

/// Length of a window. Long enough that some unit of it met no queue, short enough that half a minute
/// has several.
pub const WINDOW: Duration = Duration::from_secs(5);
/// Windows that are kept: ten minutes. More would average over a clock that warms up.
const KEPT: usize = 120;
/// Windows before anything is said: half a minute.
const NEEDED: usize = 6;
/// Delays this much above the lower hull are no jitter, whatever their neighbours are: µs.
const NEAR_US: f64 = 300.0;
/// A step of the delay beyond this that lasts for [`STEP_WINDOWS`] is a new way through the network,
/// or a new delay of the encoder, and no drift: µs.
const STEP_US: f64 = 5_000.0;
/// See [`STEP_US`].
const STEP_WINDOWS: usize = 6;
/// Standard errors that an estimate is given with. Windows are few and those near the line are chosen,
/// so that two would promise too much: with three, 95 in 100 estimates lie within.
const SIGMAS: f64 = 3.0;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Drift {
    window: Option<Window>,
    points: VecDeque<Point>,
    line: Option<Line>,
    steps: u32,
}

/// The window that is filled.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Monotonic,
    fastest: Point,
}

/// The fastest unit of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    /// Its media time, µs.
    media: f64,
    /// Its arrival minus its media time, µs.
    delay: f64,
}

/// The delay of the fastest units as it changes with media time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Media time of the newest window, in µs.
    at_us: f64,
    /// Delay there, in µs.
    delay_us: f64,
    /// Change of the delay, in µs a second of media.
    slope: f64,
    /// How far the slope may be off.
    error: f64,
}

impl Drift {
    /// Takes one access unit. Returns whether a window was closed, so that [`line`](Self::line) is
    /// another one.
    pub fn handle(&mut self, media: MediaTime, arrived: Monotonic) -> bool {
        let media = micros(media);
        let unit = Point { media, delay: arrived.0 as f64 - media };
        let Some(window) = &mut self.window else {
            self.window = Some(Window { began: arrived, fastest: unit });
            return false;
        };
        if arrived.since(window.began) < WINDOW {
            if unit.delay < window.fastest.delay {
                window.fastest = unit;
            }
            return false;
        }
        let closed = std::mem::replace(window, Window { began: arrived, fastest: unit });
        if self.points.len() == KEPT {
            self.points.pop_front();
        }
        self.points.push_back(closed.fastest);
        self.forget_before_step();
        self.line = fit(self.points.iter().copied());
        true
    }

    /// The line of the windows so far, once there are enough.
    pub fn line(&self) -> Option<Line> {
        self.line
    }

    /// The smallest delay of the window that is filled and of the last one, in µs: what there is
    /// before there is a line.
    pub fn delay_us(&self, at: MediaTime) -> Option<f64> {
        let newest = self.window.map(|window| window.fastest.delay);
        let before = self.points.back().map(|point| point.delay);
        let line = self.line.map(|line| line.delay_us(at));
        line.or_else(|| newest.into_iter().chain(before).reduce(f64::min))
    }

    /// Times that the delay made a step, and what came before was forgotten.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    fn forget_before_step(&mut self) {
        let Some(before) = self.points.len().checked_sub(STEP_WINDOWS) else { return };
        let Some(line) = fit(self.points.iter().copied().take(before)) else { return };
        let off = |point: &Point| point.delay - line.at(point.media);
        let recent = || self.points.iter().skip(before).map(off);
        // The line is extended beyond its windows: its own error grows on the way.
        let reach = self.points.back().map_or(0.0, |last| (last.media - line.at_us) / 1e6);
        let allowed = STEP_US + line.error * reach;
        if recent().all(|off| off > allowed) || recent().all(|off| off < -allowed) {
            self.points.drain(..before);
            self.steps += 1;
        }
    }
}

impl Line {
    /// How much faster than the box's the track's clock runs, in parts per million; with how far that
    /// may be off.
    pub fn drift_ppm(&self) -> (f64, f64) {
        // Where the delay grows, media time falls behind.
        (-self.slope, self.error)
    }

    /// The delay at a media time, in µs.
    pub fn delay_us(&self, at: MediaTime) -> f64 {
        self.at(micros(at))
    }

    /// The same line, turned around its newest window so that its slope is at most so steep.
    #[must_use]
    pub fn limited(self, ppm: f64) -> Self {
        Self { slope: self.slope.clamp(-ppm, ppm), ..self }
    }

    fn at(&self, media_us: f64) -> f64 {
        self.delay_us + self.slope * (media_us - self.at_us) / 1e6
    }
}

fn micros(media: MediaTime) -> f64 {
    media.0 as f64 * 100.0 / 9.0
}

/// Fits a line to the windows near the lower hull.
fn fit(points: impl Iterator<Item = Point> + Clone) -> Option<Line> {
    let all: Vec<Point> = points.collect();
    if all.len() < NEEDED {
        return None;
    }
    let (below, slope) = lowest_line(&all)?;
    let above = |point: &Point| point.delay - below.delay - slope * (point.media - below.media);
    let mut heights: Vec<f64> = all.iter().map(above).collect();
    heights.sort_by(f64::total_cmp);
    let near = NEAR_US.max(3.0 * heights[heights.len() / 2]);
    let near: Vec<Point> = all.iter().copied().filter(|point| above(point) <= near).collect();
    let newest = all.last()?.media;
    regression(&near, newest)
}

/// The line that lies below all points and nearest to them: the edge of their lower hull above their
/// mean media time. Moon, Skelly and Towsley, "Estimation and removal of clock skew from network delay
/// measurements", 1999.
fn lowest_line(points: &[Point]) -> Option<(Point, f64)> {
    let mut hull: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        while let [.., a, b] = hull[..]
            && (b.media - a.media) * (point.delay - a.delay)
                <= (point.media - a.media) * (b.delay - a.delay)
        {
            hull.pop();
        }
        // Time that stands still makes no edge.
        if hull.last().is_none_or(|last| last.media < point.media) {
            hull.push(*point);
        }
    }
    let mean = points.iter().map(|point| point.media).sum::<f64>() / points.len() as f64;
    let edge = hull.array_windows().find(|[_, b]| b.media >= mean);
    let [a, b] = edge.or(hull.array_windows().next_back())?;
    Some((*a, (b.delay - a.delay) / (b.media - a.media)))
}

fn regression(points: &[Point], newest: f64) -> Option<Line> {
    let count = points.len() as f64;
    if points.len() < 3 {
        return None;
    }
    let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (media, delay) = (mean(|point| point.media), mean(|point| point.delay));
    // Seconds, so that a slope in µs a second is one in parts per million.
    let seconds = |point: &Point| (point.media - media) / 1e6;
    let spread: f64 = points.iter().map(|point| seconds(point).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let slope =
        points.iter().map(|point| seconds(point) * (point.delay - delay)).sum::<f64>() / spread;
    let off = |point: &Point| (point.delay - delay - slope * seconds(point)).powi(2);
    let variance = points.iter().map(off).sum::<f64>() / (count - 2.0);
    let error = SIGMAS * (variance / spread).sqrt();
    let delay_us = delay + slope * (newest - media) / 1e6;
    Some(Line { at_us: newest, delay_us, slope, error })
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
