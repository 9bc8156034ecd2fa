//! Loudness of the sound, in blocks of 100 ms.
//!
//! Owns the measurement; what a swell means is fusion's business.

use std::collections::VecDeque;

use hal::decode::{AUDIO_HZ, AudioBlock};
use wire::time::{MEDIA_HZ, MediaSpan, MediaTime};

/// Samples in one block of 100 ms.
const BLOCK: usize = AUDIO_HZ as usize / 10;
/// The level of digital silence, -100 dB.
const SILENCE_CENTI_DB: i16 = -10_000;

/// Level of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// First sample.
    pub at: MediaTime,
    /// Root mean square in 1/100 dB relative to full scale.
    pub centi_db: i16,
}

/// Collects decoded sound into levels.
#[derive(Debug, Default)]
pub struct Loudness {
    begins: Option<MediaTime>,
    samples: Vec<f32>,
    levels: VecDeque<Level>,
}

impl Loudness {
    /// Takes decoded sound; a jump of its time discards the unfinished block.
    pub fn hear(&mut self, block: &AudioBlock) {
        let expected = self.begins.map(|begins| begins.plus(span(self.samples.len())));
        let jumped =
            expected.is_none_or(|at| block.pts.since(at).0.abs() > MediaSpan::from_millis(50).0);
        if jumped {
            self.samples.clear();
            self.begins = Some(block.pts);
        }
        self.samples.extend_from_slice(&block.samples);
        while self.samples.len() >= BLOCK {
            let at = self.begins.unwrap_or(block.pts);
            self.levels.push_back(Level { at, centi_db: level(&self.samples[..BLOCK]) });
            self.samples.drain(..BLOCK);
            self.begins = Some(at.plus(span(BLOCK)));
        }
    }

    /// The next finished level.
    #[allow(clippy::should_implement_trait)] // The shape of every machine here.
    pub fn next(&mut self) -> Option<Level> {
        self.levels.pop_front()
    }
}

fn span(samples: usize) -> MediaSpan {
    MediaSpan(samples as i64 * MEDIA_HZ / i64::from(AUDIO_HZ))
}

fn level(samples: &[f32]) -> i16 {
    let power = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
    let mean = power / samples.len() as f64;
    let centi_db = 1_000.0 * mean.max(1e-10).log10();
    (centi_db.round() as i16).max(SILENCE_CENTI_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_square_is_zero_and_a_tenth_is_minus_twenty_db() {
        let mut loudness = Loudness::default();
        let mut samples = vec![1.0; BLOCK];
        samples.extend(vec![0.1; BLOCK]);
        loudness.hear(&AudioBlock { pts: MediaTime(0), samples });
        assert_eq!(loudness.next(), Some(Level { at: MediaTime(0), centi_db: 0 }));
        let second = loudness.next().map(|level| (level.at, level.centi_db));
        assert_eq!(second, Some((MediaTime::from_millis(100), -2_000)));
        assert_eq!(loudness.next(), None);
    }

    #[test]
    fn a_jump_starts_a_new_block() {
        let mut loudness = Loudness::default();
        loudness.hear(&AudioBlock { pts: MediaTime(0), samples: vec![0.5; BLOCK / 2] });
        let at = MediaTime::from_millis(5_000);
        loudness.hear(&AudioBlock { pts: at, samples: vec![0.5; BLOCK] });
        assert_eq!(loudness.next().map(|level| level.at), Some(at));
    }
}
