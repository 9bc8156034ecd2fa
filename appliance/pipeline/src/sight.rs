//! What a technician asks of a source while he sets up its camera: when the newest picture came and
//! how large it is, which hoops are followed in it, how sharp it is, and how loud the hall is.
//!
//! Owns these figures and when sharpness is measured; inference and hearing write, the daemon's
//! status file reads. Judges nothing: a good figure depends on the camera. Why and how they are
//! read: `docs/install.md`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hal::Clock;
use models::incoming::{Adaptation, Rows};
use models::picture::Luma;
use wire::ids::Name;
use wire::time::Monotonic;
use wire::units::{PictureSize, PixelBox};

use crate::inference::{FrameReport, InferenceStage};
use crate::source::Frame;

/// Between two measurements of sharpness: soon enough for a hand at the lens.
const FOCUS_EVERY: Duration = Duration::from_secs(4);
/// Every so many rows are measured: a fifth of the work, and a lens blurs all rows alike. Odd, so
/// that both halves of a woven picture are among them. A picture of 1080 rows takes 0.9 ms on one
/// core of the development machine (the loop alone, opt-level 2, 2026-11-30).
const ROWS_EVERY: usize = 5;

/// The figures of one source, written by one stage each and read by another thread.
#[derive(Debug, Default)]
pub struct Sight(Mutex<State>);

/// What was seen and heard of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The newest picture that was analysed.
    pub picture: Option<Picture>,
    /// How sharp a picture was, a few seconds ago at most.
    pub focus: Option<Focus>,
    /// Mean level since it was asked for the last time, in 1/100 dB below full scale; `None` if
    /// nothing was heard.
    pub level_centi_db: Option<i16>,
}

/// A picture that was analysed.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// When its last byte had arrived.
    pub arrived: Monotonic,
    /// Its size.
    pub size: PictureSize,
    /// How the lanes saw it.
    pub adaptation: Adaptation,
    /// The hoops that were followed in it, in its pixels.
    pub hoops: Vec<(Name, PixelBox)>,
}

/// How sharp a picture was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focus {
    /// Variance of the Laplacian of its luma, in squared grey levels (of 255): grows with every
    /// detail that the lens resolves, and with noise.
    pub variance: f32,
    /// Size at which it was measured: the same lens gives less at a larger one.
    pub size: PictureSize,
}

#[derive(Debug, Default)]
struct State {
    picture: Option<Picture>,
    focus: Option<Focus>,
    measured: Option<Monotonic>,
    /// Sum of the blocks' powers, and how many.
    power: f64,
    blocks: u32,
}

impl Sight {
    /// A frame was analysed.
    pub(crate) fn see(&self, report: &FrameReport) {
        let hoops = report.hoops.iter().map(|hoop| (hoop.name.clone(), hoop.area)).collect();
        let picture = Picture {
            arrived: report.arrived.monotonic,
            size: report.size,
            adaptation: report.adaptation,
            hoops,
        };
        self.lock().picture = Some(picture);
    }

    /// 100 ms were heard.
    pub(crate) fn hear(&self, centi_db: i16) {
        let mut state = self.lock();
        state.power += 10_f64.powf(f64::from(centi_db) / 1_000.0);
        state.blocks = state.blocks.saturating_add(1);
    }

    /// Whether sharpness is to be measured now; then it is not again for some seconds.
    fn wants_focus(&self, now: Monotonic) -> bool {
        let mut state = self.lock();
        let is_due = state.measured.is_none_or(|last| now.since(last) >= FOCUS_EVERY);
        if is_due {
            state.measured = Some(now);
        }
        is_due
    }

    /// What is known; the level begins anew.
    pub fn take(&self) -> Told {
        let mut state = self.lock();
        let (power, blocks) = (std::mem::take(&mut state.power), std::mem::take(&mut state.blocks));
        let level = || (1_000.0 * (power / f64::from(blocks)).max(1e-10).log10()).round() as i16;
        Told {
            picture: state.picture.clone(),
            focus: state.focus,
            level_centi_db: (blocks > 0).then(level),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock> InferenceStage<C> {
    /// Measures how sharp a frame is, if that is due: after its report, so that no event waits.
    pub(crate) fn measure_focus(&self, (number, frame): (usize, &Frame)) {
        let sight = &self.sources[number].0.sight;
        if !sight.wants_focus(self.clock.now()) {
            return;
        }
        // What cannot be read was told when the lanes looked.
        let Ok(picture) = frame.surface.download() else { return };
        let Ok(luma) = Luma::of(&picture) else { return };
        let adaptation = sight.lock().picture.as_ref().map(|seen| seen.adaptation);
        let variance = sharpness(luma, adaptation.unwrap_or_default());
        let size = frame.surface.size();
        sight.lock().focus = variance.map(|variance| Focus { variance, size });
    }
}

/// Variance of the Laplacian; `None` of a picture too small to have one. Of an interlaced picture
/// the rows of one moment are compared, so that motion is no sharpness.
fn sharpness(luma: Luma<'_>, adaptation: Adaptation) -> Option<f32> {
    let apart = match adaptation.rows {
        Rows::All => 1,
        Rows::Half(_) => 2,
    };
    let (width, height) = (luma.width(), luma.height());
    if width < 3 || height < 2 * apart + 1 {
        return None;
    }
    let (mut sum, mut squares, mut count) = (0_i64, 0_i64, 0_i64);
    for y in (apart..height - apart).step_by(ROWS_EVERY) {
        let (above, row, below) = (luma.row(y - apart), luma.row(y), luma.row(y + apart));
        let (mut of_row, mut squares_of_row) = (0_i32, 0_i64);
        for ((three, above), below) in row.windows(3).zip(&above[1..]).zip(&below[1..]) {
            let around =
                i32::from(three[0]) + i32::from(three[2]) + i32::from(*above) + i32::from(*below);
            let value = around - 4 * i32::from(three[1]);
            of_row += value;
            squares_of_row += i64::from(value * value);
        }
        sum += i64::from(of_row);
        squares += squares_of_row;
        count += row.len() as i64 - 2;
    }
    let (mean, square) = (sum as f64 / count as f64, squares as f64 / count as f64);
    Some((square - mean * mean).max(0.0) as f32)
}

#[cfg(test)]
mod tests {
    use hal::surface::Half;

    use super::*;

    const SIZE: (usize, usize) = (64, 48);

    /// A chessboard whose edges are as wide as the lens is bad.
    fn board(blur: f32) -> Vec<u8> {
        let wave = |at: usize| (at as f32 * std::f32::consts::PI / 8.0).sin() * 4.0 / blur;
        let pixel = |(x, y): (usize, usize)| {
            let value = wave(x).clamp(-1.0, 1.0) * wave(y).clamp(-1.0, 1.0);
            (128.0 + 100.0 * value) as u8
        };
        (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| pixel((x, y)))).collect()
    }

    fn of(data: &[u8], rows: Rows) -> f32 {
        let luma = Luma::new(data, SIZE.0, SIZE).expect("a plane");
        sharpness(luma, Adaptation { rows }).expect("large enough")
    }

    #[test]
    fn sharper_picture_has_the_greater_figure_and_a_plain_one_none() {
        let blurs = [1.0, 2.0, 4.0, 8.0].map(|blur| of(&board(blur), Rows::All));
        assert!(blurs.windows(2).all(|pair| pair[0] > pair[1]), "{blurs:?}");
        assert_eq!(of(&[90; SIZE.0 * SIZE.1], Rows::All), 0.0);
    }

    #[test]
    fn motion_of_an_interlaced_picture_is_no_sharpness() {
        let rows = |y: usize| if y.is_multiple_of(2) { [60; SIZE.0] } else { [180; SIZE.0] };
        let combed: Vec<u8> = (0..SIZE.1).flat_map(rows).collect();
        assert!(of(&combed, Rows::All) > 10_000.0);
        assert_eq!(of(&combed, Rows::Half(Half::Upper)), 0.0);
    }

    #[test]
    fn tiny_picture_has_no_figure() {
        let luma = Luma::new(&[1, 2], 2, (2, 1)).expect("a plane");
        assert_eq!(sharpness(luma, Adaptation::default()), None);
    }

    #[test]
    fn level_is_the_mean_power_since_the_last_call() {
        let sight = Sight::default();
        assert_eq!(sight.take().level_centi_db, None);
        for centi_db in [-2_000, -10_000] {
            sight.hear(centi_db);
        }
        assert_eq!(sight.take().level_centi_db, Some(-2_301), "half the power is 3 dB less");
        assert_eq!(sight.take().level_centi_db, None);
    }

    #[test]
    fn sharpness_is_measured_every_four_seconds() {
        let sight = Sight::default();
        let due = |ms: u64| sight.wants_focus(Monotonic::from_millis(ms));
        assert_eq!([0, 3_999, 4_000, 4_001, 9_000].map(due), [true, false, true, false, true]);
    }
}
