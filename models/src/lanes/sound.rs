//! The sound lane: what sounds in the hall, judged in blocks of 100 ms?

use wire::time::{MediaSpan, MediaTime};

use super::{LaneError, Tiers};
use crate::limits::{JUMP_MS, SOUND_BLOCK_MS, SOUND_LOOKAHEAD_BLOCKS};
use crate::manifest::{Labels, Lane, Post};
use crate::pack::{Pack, PackError};
use crate::spectrum::{BANDS, SILENCE, Spectrum};

/// Frames of a spectrum in one block.
const FRAMES: usize = SOUND_BLOCK_MS as usize / 10;

/// What sounds in one block: a probability, 0 to 1, for each kind; several may sound at once, and
/// a kind that the pack's networks do not know is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoundReading {
    /// First sample of the block.
    pub at: MediaTime,
    /// A referee's whistle.
    pub whistle: f32,
    /// The horn of the table.
    pub buzzer: f32,
    /// A crowd that cheers.
    pub cheer: f32,
    /// Clapping hands.
    pub applause: f32,
    /// A ball on the floor.
    pub bounce: f32,
}

/// What a network's answer is about.
#[derive(Clone, Copy)]
enum Tells {
    /// Each block of the window: logits.
    Blocks,
    /// The window as a whole: probabilities.
    Window,
}

/// Listens to one source.
pub struct SoundLane {
    tiers: Tiers,
    spectrum: Spectrum,
    labels: Labels,
    tells: Tells,
    /// Blocks from one run of the network to the next, and how many have come since the last one.
    every: usize,
    since: usize,
    /// Frames of the window that were heard since the last jump.
    heard: usize,
    latest: Option<MediaTime>,
    /// What was read last; it stands until the next run.
    last: Option<SoundReading>,
}

impl SoundLane {
    /// A lane over a sound pack, with all its tiers resident, starting with `tier`.
    ///
    /// # Errors
    /// [`PackError::Lane`] for another kind of pack, [`PackError::NoTier`].
    pub fn load(pack: &Pack, tier: &str) -> Result<Self, PackError> {
        let tiers = Tiers::load(pack.for_lane(Lane::Sound)?, tier)?;
        let manifest = pack.manifest();
        let post = manifest.output.post;
        Ok(Self {
            tiers,
            spectrum: Spectrum::default(),
            labels: manifest.output.labels.clone(),
            tells: if post == Post::SoundBlocks { Tells::Blocks } else { Tells::Window },
            every: (manifest.input.spacing_ms / SOUND_BLOCK_MS as u32).max(1) as usize,
            since: 0,
            heard: 0,
            latest: None,
            last: None,
        })
    }

    /// The tier that listens.
    pub fn tier(&self) -> &str {
        self.tiers.active_name()
    }

    /// Hears the next 100 ms, 1600 samples in -1 ..= 1, whose first one is at `at`.
    ///
    /// - returns: what sounds in the newest block that can be judged, some blocks before this one;
    ///   `None` until the window is full.
    ///
    /// # Errors
    /// [`LaneError::Infer`]; the lane goes on with the next block.
    pub fn hear(
        &mut self,
        samples: &[f32],
        at: MediaTime,
    ) -> Result<Option<SoundReading>, LaneError> {
        let block = MediaSpan::from_millis(SOUND_BLOCK_MS);
        let late = self.latest.map(|latest| at.since(latest.plus(block)).0);
        if late.is_none_or(|late| late.abs() > MediaSpan::from_millis(JUMP_MS).0) {
            self.reset();
        }
        self.latest = Some(at);
        self.push(samples);
        self.since += 1;
        if self.heard < self.frames() {
            return Ok(None);
        }
        if self.since >= self.every || self.last.is_none() {
            self.since = 0;
            self.last = Some(self.read()?);
        }
        let behind = match self.tells {
            Tells::Blocks => SOUND_LOOKAHEAD_BLOCKS,
            // What is told of a whole window is told of its middle.
            Tells::Window => self.frames() / FRAMES / 2,
        };
        let judged = at.plus(MediaSpan(-(behind as i64) * block.0));
        Ok(self.last.map(|reading| SoundReading { at: judged, ..reading }))
    }

    /// Lets this lane's networks go on with what another one's have heard.
    pub fn go_on_from(&mut self, other: &mut Self) {
        self.tiers.go_on_as(&other.tiers);
        if self.frames() != other.frames() {
            return;
        }
        std::mem::swap(&mut self.spectrum, &mut other.spectrum);
        self.tiers.active().input.data.copy_from_slice(&other.tiers.active().input.data);
        (self.heard, self.latest) = (other.heard, other.latest);
    }

    /// Frames of the window.
    fn frames(&self) -> usize {
        self.tiers.all[self.tiers.active].input.shape[1]
    }

    fn reset(&mut self) {
        self.spectrum.reset();
        (self.heard, self.last) = (0, None);
        self.tiers.active().input.data.fill(SILENCE);
    }

    fn push(&mut self, samples: &[f32]) {
        let frames = self.spectrum.hear(samples);
        let window = &mut self.tiers.active().input.data;
        for frame in &frames {
            window.copy_within(BANDS.., 0);
            let place = window.len() - BANDS;
            window[place..].copy_from_slice(frame);
        }
        self.heard = (self.heard + frames.len()).min(self.frames());
    }

    fn read(&mut self) -> Result<SoundReading, LaneError> {
        let output = self.tiers.active().run()?;
        let kinds = output.shape[output.shape.len() - 1];
        let (row, squash): (usize, fn(f32) -> f32) = match self.tells {
            Tells::Blocks => {
                (output.shape[1] - 1 - SOUND_LOOKAHEAD_BLOCKS, |logit| 1.0 / (1.0 + (-logit).exp()))
            }
            Tells::Window => (0, |chance| chance.clamp(0.0, 1.0)),
        };
        let told = &output.data[row * kinds..][..kinds];
        let chance = |label: &str| self.labels.get(label).map_or(0.0, |&at| squash(told[at]));
        Ok(SoundReading {
            at: MediaTime::default(),
            whistle: chance("whistle"),
            buzzer: chance("buzzer"),
            cheer: chance("cheer"),
            applause: chance("applause"),
            bounce: chance("bounce"),
        })
    }
}
