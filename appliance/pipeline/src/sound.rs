//! Decoded sound in blocks of 100 ms, and how loud each is.
//!
//! Owns the blocks; what is heard in them is the sound lane's business, what a swell means
//! fusion's.

use std::collections::VecDeque;

use hal::decode::{AUDIO_HZ, AudioBlock};
use wire::time::{MEDIA_HZ, MediaSpan, MediaTime};

/// Samples in one block of 100 ms.
const BLOCK: usize = AUDIO_HZ as usize / 10;
/// The level of digital silence, -100 dB.
const SILENCE_CENTI_DB: i16 = -10_000;

/// 100 ms of sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// First sample.
    pub at: MediaTime,
    /// 1600 samples at 16 kHz, -1 ..= 1.
    pub samples: Box<[f32]>,
}

impl Block {
    /// Root mean square in 1/100 dB relative to full scale.
    pub fn centi_db(&self) -> i16 {
        let power = self.samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
        let mean = power / self.samples.len() as f64;
        let centi_db = 1_000.0 * mean.max(1e-10).log10();
        (centi_db.round() as i16).max(SILENCE_CENTI_DB)
    }
}

/// Collects decoded sound into blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    begins: Option<MediaTime>,
    samples: Vec<f32>,
    ready: VecDeque<Block>,
}

impl Blocks {
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
            let samples = self.samples.drain(..BLOCK).collect();
            self.ready.push_back(Block { at, samples });
            self.begins = Some(at.plus(span(BLOCK)));
        }
    }

    /// The next finished block.
    #[allow(clippy::should_implement_trait)] // The shape of every machine here.
    pub fn next(&mut self) -> Option<Block> {
        self.ready.pop_front()
    }
}

fn span(samples: usize) -> MediaSpan {
    MediaSpan(samples as i64 * MEDIA_HZ / i64::from(AUDIO_HZ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_square_is_zero_and_a_tenth_is_minus_twenty_db() {
        let mut blocks = Blocks::default();
        let mut samples = vec![1.0; BLOCK];
        samples.extend(vec![0.1; BLOCK]);
        blocks.hear(&AudioBlock { pts: MediaTime(0), samples });
        let mut next = || blocks.next().map(|block| (block.at, block.centi_db()));
        assert_eq!(next(), Some((MediaTime(0), 0)));
        assert_eq!(next(), Some((MediaTime::from_millis(100), -2_000)));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_jump_starts_a_new_block() {
        let mut blocks = Blocks::default();
        blocks.hear(&AudioBlock { pts: MediaTime(0), samples: vec![0.5; BLOCK / 2] });
        let at = MediaTime::from_millis(5_000);
        blocks.hear(&AudioBlock { pts: at, samples: vec![0.5; BLOCK] });
        assert_eq!(blocks.next().map(|block| block.at), Some(at));
    }
}
