//! Where a temperature will settle: an exponential through samples of it, by least squares.
//!
//! Pure: gets samples, returns the curve. `T(t) = steady - rise · exp(-t / time constant)`; for a
//! time constant that is given, the rest is a line, and the best time constant is searched.

/// A temperature, so many seconds after the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// In s.
    pub(super) at_s: f64,
    /// In °C.
    pub(super) celsius: f64,
}

/// What the samples say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Course {
    /// It moves towards a temperature that the samples tell.
    Settles {
        /// That temperature, in °C.
        steady: f64,
        /// Until 63 % of the way there, in s.
        constant_s: f64,
        /// Root mean square of what the curve misses, in °C.
        error: f64,
    },
    /// It hardly moves: it is there already.
    Settled {
        /// The mean, in °C.
        steady: f64,
    },
    /// It moves, and the samples end too soon to tell where to.
    TooShort {
        /// The newest, in °C.
        last: f64,
        /// How fast it moves, in °C a minute.
        per_minute: f64,
    },
}

/// Fewer samples say nothing.
const SAMPLES_MIN: usize = 10;
/// A temperature that moves by less than this, in °C, from its first to its last third, has settled.
const MOVES_MIN: f64 = 0.5;
/// Time constants that are searched, in s: a bare chip to a heavy case.
const CONSTANTS_S: std::ops::Range<f64> = 3.0..7_200.0;
/// Steps of the search, each by the same factor.
const STEPS: usize = 200;
/// A curve whose time constant is longer than this share of the samples' time tells no end: the
/// part of it that was seen is nearly a line.
const SEEN_MIN: f64 = 0.8;

/// The course of a temperature; `None` of too few samples. Times must not go back.
pub(super) fn course(samples: &[Sample]) -> Option<Course> {
    let (first, last) = (samples.first()?, samples.last()?);
    let length_s = last.at_s - first.at_s;
    if samples.len() < SAMPLES_MIN || length_s <= 0.0 {
        return None;
    }
    let third = samples.len() / 3;
    let (begins, ends) = (mean(&samples[..third]), mean(&samples[samples.len() - third..]));
    if (ends - begins).abs() < MOVES_MIN {
        return Some(Course::Settled { steady: mean(samples) });
    }
    let coarse = search(samples, CONSTANTS_S)?.constant_s;
    let step = (CONSTANTS_S.end / CONSTANTS_S.start).powf(1.0 / STEPS as f64);
    let best = search(samples, coarse / step..coarse * step)?;
    // From a third to the next but one are two thirds of the time.
    let per_minute = (ends - begins) / (length_s * 2.0 / 3.0) * 60.0;
    if best.constant_s > SEEN_MIN * length_s {
        return Some(Course::TooShort { last: ends, per_minute });
    }
    let error = (best.squares / samples.len() as f64).sqrt();
    Some(Course::Settles { steady: best.steady, constant_s: best.constant_s, error })
}

struct Fit {
    steady: f64,
    constant_s: f64,
    squares: f64,
}

/// The best curve with a time constant in this range.
fn search(samples: &[Sample], constants_s: std::ops::Range<f64>) -> Option<Fit> {
    let from_s = samples.first()?.at_s;
    let factor = (constants_s.end / constants_s.start).powf(1.0 / STEPS as f64);
    let constants = (0..=STEPS).map(|step| constants_s.start * factor.powf(step as f64));
    let fits = constants.filter_map(|constant_s| fit(samples, (from_s, constant_s)));
    fits.min_by(|one, other| one.squares.total_cmp(&other.squares))
}

/// The best curve with this time constant: a line over `exp(-t / constant)`.
fn fit(samples: &[Sample], (from_s, constant_s): (f64, f64)) -> Option<Fit> {
    let left = |sample: &Sample| (-(sample.at_s - from_s) / constant_s).exp();
    let count = samples.len() as f64;
    let mean_left = samples.iter().map(left).sum::<f64>() / count;
    let mean_celsius = mean(samples);
    let (mut both, mut alone) = (0.0, 0.0);
    for sample in samples {
        let off = left(sample) - mean_left;
        both += off * (sample.celsius - mean_celsius);
        alone += off * off;
    }
    if alone <= f64::EPSILON {
        return None;
    }
    let slope = both / alone;
    let steady = mean_celsius - slope * mean_left;
    let miss = |sample: &Sample| sample.celsius - steady - slope * left(sample);
    let squares = samples.iter().map(|sample| miss(sample).powi(2)).sum();
    Some(Fit { steady, constant_s, squares })
}

fn mean(samples: &[Sample]) -> f64 {
    samples.iter().map(|sample| sample.celsius).sum::<f64>() / samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample a second, read to 0.1 °C, off by half a degree to and fro.
    fn samples(seconds: u32, of: impl Fn(f64) -> f64) -> Vec<Sample> {
        let noise = |second: u32| f64::from(second.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
        let sample = |second: u32| {
            let at_s = f64::from(second);
            let celsius = ((of(at_s) + noise(second) - 0.5) * 10.0).round() / 10.0;
            Sample { at_s, celsius }
        };
        (0..seconds).map(sample).collect()
    }

    fn warming(steady: f64, rise: f64, constant_s: f64) -> impl Fn(f64) -> f64 {
        move |at_s| steady - rise * (-at_s / constant_s).exp()
    }

    #[test]
    fn steady_temperature_is_told_before_it_is_reached() {
        let found = course(&samples(600, warming(82.0, 40.0, 300.0)));
        let Some(Course::Settles { steady, constant_s, error }) = found else {
            panic!("{found:?}");
        };
        assert!((steady - 82.0).abs() < 1.5, "{steady}");
        assert!((constant_s - 300.0).abs() < 40.0, "{constant_s}");
        assert!(error < 0.5, "{error}");
    }

    #[test]
    fn box_that_cools_down_settles_as_well() {
        let found = course(&samples(300, warming(45.0, -30.0, 60.0)));
        let Some(Course::Settles { steady, .. }) = found else { panic!("{found:?}") };
        assert!((steady - 45.0).abs() < 0.5, "{steady}");
    }

    #[test]
    fn what_hardly_moves_has_settled() {
        let found = course(&samples(60, |_| 51.3));
        let Some(Course::Settled { steady }) = found else { panic!("{found:?}") };
        assert!((steady - 51.3).abs() < 0.2, "{steady}");
    }

    #[test]
    fn beginning_of_a_long_way_tells_no_end() {
        let found = course(&samples(60, warming(90.0, 50.0, 900.0)));
        let Some(Course::TooShort { last, per_minute }) = found else { panic!("{found:?}") };
        assert!((42.0..44.0).contains(&last), "{last}");
        assert!((2.0..4.5).contains(&per_minute), "{per_minute}");
    }

    #[test]
    fn few_samples_and_times_that_stand_still_say_nothing() {
        assert_eq!(course(&[]), None);
        assert_eq!(course(&samples(9, |_| 50.0)), None);
        assert_eq!(course(&[Sample { at_s: 1.0, celsius: 50.0 }; 30]), None);
    }

    #[test]
    fn figures_are_numbers_whatever_is_read() {
        for seed in 0..200_u32 {
            let wild =
                |second: u32| f64::from((second + 7 * seed).wrapping_mul(2_654_435_761) >> 8);
            let of = |at: u32| Sample { at_s: f64::from(at), celsius: wild(at) % 190.0 - 40.0 };
            let samples: Vec<Sample> = (0..10 + seed).map(of).collect();
            let figures = match course(&samples) {
                Some(Course::Settles { steady, constant_s, error }) => {
                    vec![steady, constant_s, error]
                }
                Some(Course::Settled { steady }) => vec![steady],
                Some(Course::TooShort { last, per_minute }) => vec![last, per_minute],
                None => Vec::new(),
            };
            assert!(figures.iter().all(|figure| figure.is_finite()), "{seed}: {figures:?}");
        }
    }
}
