//! Log-mel spectra of sound: what every network of the sound lane hears.
//!
//! 16 kHz mono; windows of 25 ms every 10 ms; 64 bands from 125 to 7500 Hz, HTK's mel;
//! ln(magnitude + 0.001). These are YAMNet's spectra, and those of
//! `models/train/courtside_train/mel.py`. Knows no lane and no meaning of the numbers.

use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

/// Samples a second.
pub const SOUND_HZ: usize = 16_000;
/// Samples between two frames, 10 ms.
pub const HOP: usize = 160;
/// Bands of a frame.
pub const BANDS: usize = 64;
/// Samples that a frame sees, 25 ms.
const WINDOW: usize = 400;
const FFT: usize = 512;
const BINS: usize = FFT / 2 + 1;
const LOWEST_HZ: f64 = 125.0;
const HIGHEST_HZ: f64 = 7_500.0;
/// What silence is taken for.
const FLOOR: f32 = 0.001;
/// The spectrum of silence, ln(0.001).
pub const SILENCE: f32 = -6.907_755;

/// One frame of a spectrum, lowest band first.
pub type Frame = [f32; BANDS];

/// Turns a stream of samples into frames.
pub struct Spectrum {
    fft: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
    hann: [f32; WINDOW],
    bands: Vec<Band>,
    /// The last samples that were heard, which the next window begins with.
    heard: Vec<f32>,
}

/// A triangle over neighbouring bins.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl Default for Spectrum {
    fn default() -> Self {
        let fft = FftPlanner::new().plan_fft_forward(FFT);
        let scratch = vec![Complex32::default(); fft.get_inplace_scratch_len()];
        let turn = |i: usize| std::f64::consts::TAU * i as f64 / WINDOW as f64;
        let hann = std::array::from_fn(|i| (0.5 - 0.5 * turn(i).cos()) as f32);
        Self { fft, scratch, hann, bands: bands(), heard: vec![0.0; WINDOW - HOP] }
    }
}

impl Spectrum {
    /// Takes samples in -1 ..= 1, a multiple of [`HOP`] of them, and returns a frame for each
    /// [`HOP`]; the last one ends with the last sample.
    pub fn hear(&mut self, samples: &[f32]) -> Vec<Frame> {
        self.heard.extend_from_slice(samples);
        let frames = self.heard.len().saturating_sub(WINDOW - HOP) / HOP;
        let heard = std::mem::take(&mut self.heard);
        let frame = |index: usize| self.frame(&heard[index * HOP..][..WINDOW]);
        let spectra = (0..frames).map(frame).collect();
        self.heard.extend_from_slice(&heard[frames * HOP..]);
        spectra
    }

    /// Forgets what was heard: the next samples do not continue it.
    pub fn reset(&mut self) {
        self.heard.clear();
        self.heard.resize(WINDOW - HOP, 0.0);
    }

    fn frame(&mut self, samples: &[f32]) -> Frame {
        let mut bins = [Complex32::default(); FFT];
        for ((bin, sample), weight) in bins.iter_mut().zip(samples).zip(&self.hann) {
            bin.re = sample * weight;
        }
        self.fft.process_with_scratch(&mut bins, &mut self.scratch);
        let mut magnitudes = [0.0; BINS];
        for (magnitude, bin) in magnitudes.iter_mut().zip(&bins) {
            *magnitude = bin.norm();
        }
        std::array::from_fn(|band| {
            let Band { first, weights } = &self.bands[band];
            let of_band = magnitudes[*first..].iter().zip(weights);
            (of_band.map(|(magnitude, weight)| magnitude * weight).sum::<f32>() + FLOOR).ln()
        })
    }
}

fn mel(hertz: f64) -> f64 {
    1_127.0 * (hertz / 700.0).ln_1p()
}

fn bands() -> Vec<Band> {
    let (lowest, highest) = (mel(LOWEST_HZ), mel(HIGHEST_HZ));
    let step = (highest - lowest) / (BANDS + 1) as f64;
    let weight = |bin: usize, middle: f64| {
        let at = mel(bin as f64 * SOUND_HZ as f64 / FFT as f64);
        (1.0 - (at - middle).abs() / step).max(0.0) as f32
    };
    let band = |index: usize| {
        let middle = lowest + step * (index + 1) as f64;
        let inside = |bin: &usize| weight(*bin, middle) > 0.0;
        // Bin 0 is the offset of the microphone, not a sound.
        let first = (1..BINS).find(inside).unwrap_or(1);
        let weights = (first..BINS).map(|bin| weight(bin, middle)).take_while(|w| *w > 0.0);
        Band { first, weights: weights.collect() }
    };
    (0..BANDS).map(band).collect()
}
