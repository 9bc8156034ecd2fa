//! What was heard: whistles and buzzers as events, and whether the crowd swells.
//!
//! Owns the decision when a sound that the lane hears block by block is one event, and when that
//! is over. Knows no networks; a chance is a number.

use wire::event::{EventKind, Stage};
use wire::time::{MediaInterval, MediaSpan, MediaTime};
use wire::units::Permille;

use crate::Verdict;

/// What sounded in one block of 100 ms: a probability for each, 0.0 ..= 1.0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Heard {
    /// The block that was judged.
    pub at: MediaTime,
    /// A referee's whistle.
    pub whistle: f32,
    /// The horn of the table.
    pub buzzer: f32,
    /// A crowd that cheers or claps.
    pub crowd: f32,
}

/// The next 100 ms of sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoundView {
    /// Their first sample.
    pub at: MediaTime,
    /// Root mean square in 1/100 dB relative to full scale.
    pub centi_db: i16,
    /// What the sound lane says, of this block or of one a little before it.
    pub heard: Option<Heard>,
}

/// Length of a block.
const BLOCK: MediaSpan = MediaSpan::from_millis(100);
/// When a kind of sound is one. Tuned on eight generated games of five minutes (seeds 3400001 to
/// 3400008) and two minutes of recordings without whistle or buzzer.
struct Patience {
    /// A block in which it is likelier than this may begin one.
    begins: f32,
    /// It is told when the chances since it began add up to this…
    told: f32,
    /// …and one of them was at least this.
    sure: f32,
}

/// Half a second: a shoe squeaks for a fifth, and is heard in three blocks.
const WHISTLE: Patience = Patience { begins: 0.1, told: 4.2, sure: 0.8 };
/// A horn speaks slowly; notes of music and syllables over the loudspeakers are never as sure.
const BUZZER: Patience = Patience { begins: 0.1, told: 3.2, sure: 0.95 };

/// Until it is told, a sound goes on while its chance is at least this share of what began it.
const FAINT_SHARE: f32 = 0.7;
/// Once it is told, a block in which it is less likely than this is silence.
const SILENT: f32 = 0.3;
/// A crowd swells in a block in which it is likelier than this that people cheer or clap.
const SWELLS: f32 = 0.5;
/// An event is over after so many silent blocks in a row: a double whistle is one.
const SILENT_BLOCKS: u8 = 4;
/// What sounds longer than this is settled while it goes on: no horn is held so long, and a
/// subscriber waits for the end.
const LONGEST: MediaSpan = MediaSpan::from_millis(5_000);

/// One kind of sound on one source.
pub(crate) struct Sound {
    kind: EventKind,
    patience: Patience,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Quiet,
    /// It may be one; nothing was told yet.
    Rising(Run),
    /// It was told, and sounds.
    Sounding {
        number: u32,
        run: Run,
    },
    /// It was settled, and goes on.
    Lasting {
        silent: u8,
    },
}

/// Blocks that belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    began: MediaTime,
    /// Last block in which it sounded.
    last: MediaTime,
    sum: f32,
    most: f32,
    blocks: u16,
    silent: u8,
}

/// A decision about a sound; the number is missing in the first one about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Draft {
    pub(crate) number: Option<u32>,
    pub(crate) stage: Stage,
    pub(crate) kind: EventKind,
    pub(crate) interval: MediaInterval,
    pub(crate) chance: f32,
}

impl Draft {
    pub(crate) fn into_verdict(self, number: u32, decided_at: MediaTime) -> Verdict {
        Verdict {
            number,
            revision: u8::from(self.stage != Stage::Provisional),
            stage: self.stage,
            kind: self.kind,
            hoop: None,
            at: self.interval.start,
            interval: self.interval,
            decided_at,
            confidence: Permille::from_share(self.chance),
            cues: heapless::Vec::new(),
        }
    }
}

impl Run {
    fn begin(at: MediaTime, chance: f32) -> Self {
        Self { began: at, last: at, sum: chance, most: chance, blocks: 1, silent: 0 }
    }

    fn add(&mut self, (at, chance): (MediaTime, f32), silent: f32) {
        if chance < silent {
            self.silent += 1;
            return;
        }
        (self.last, self.silent) = (at, 0);
        self.sum += chance;
        self.most = self.most.max(chance);
        self.blocks += 1;
    }

    fn draft(&self, number: Option<u32>, stage: Stage, kind: EventKind) -> Draft {
        let interval = MediaInterval { start: self.began, end: self.last.plus(BLOCK) };
        Draft { number, stage, kind, interval, chance: self.sum / f32::from(self.blocks) }
    }
}

impl Sound {
    /// Listens for whistles.
    pub(crate) fn whistle() -> Self {
        Self { kind: EventKind::Whistle, patience: WHISTLE, state: State::Quiet }
    }

    /// Listens for buzzers.
    pub(crate) fn buzzer() -> Self {
        Self { kind: EventKind::Buzzer, patience: BUZZER, state: State::Quiet }
    }

    /// Takes the next block.
    pub(crate) fn hear(&mut self, at: MediaTime, chance: f32) -> Option<Draft> {
        match &mut self.state {
            State::Quiet => {
                if chance >= self.patience.begins {
                    self.state = State::Rising(Run::begin(at, chance));
                }
                None
            }
            // Nothing came of it, or blocks are missing: what it was made of proves nothing later.
            State::Rising(run)
                if at.since(run.began).0 >= LONGEST.0 || at.since(run.last).0 > 2 * BLOCK.0 =>
            {
                self.state = State::Quiet;
                self.hear(at, chance)
            }
            State::Rising(run) => {
                run.add((at, chance), FAINT_SHARE * self.patience.begins);
                if run.silent > 0 {
                    self.state = State::Quiet;
                    return None;
                }
                let Patience { told, sure, .. } = self.patience;
                let told = run.sum >= told && run.most >= sure;
                told.then(|| run.draft(None, Stage::Provisional, self.kind))
            }
            State::Sounding { number, run } => {
                run.add((at, chance), SILENT);
                let lasts = at.since(run.began).0 >= LONGEST.0;
                if run.silent < SILENT_BLOCKS && !lasts {
                    return None;
                }
                let settled = run.draft(Some(*number), Stage::Confirmed, self.kind);
                self.state = if lasts { State::Lasting { silent: 0 } } else { State::Quiet };
                Some(settled)
            }
            State::Lasting { silent } => {
                *silent = if chance < SILENT { *silent + 1 } else { 0 };
                if *silent >= SILENT_BLOCKS {
                    self.state = State::Quiet;
                }
                None
            }
        }
    }

    /// The provisional draft that was just made has this number.
    pub(crate) fn adopt(&mut self, number: u32) {
        if let State::Rising(run) = self.state {
            self.state = State::Sounding { number, run };
        }
    }

    /// Nothing more will be heard: settles what was told.
    pub(crate) fn settle(&mut self) -> Option<Draft> {
        match core::mem::replace(&mut self.state, State::Quiet) {
            State::Sounding { number, run } => {
                Some(run.draft(Some(number), Stage::Confirmed, self.kind))
            }
            State::Quiet | State::Rising(_) | State::Lasting { .. } => None,
        }
    }
}

/// Follows the crowd: a swell is cheering that the lane hears, or, without one, a level well above
/// its own recent average.
#[derive(Default)]
pub(crate) struct Crowd {
    average_centi_db: Option<f32>,
    swell_at: Option<MediaTime>,
    /// When that swell began.
    swell_began: Option<MediaTime>,
}

impl Crowd {
    /// A swell is this much above the average; in generated games a made shot raises the crowd by
    /// 6 to 12 dB, and bounces and whistles are shorter than the averaging of the blocks.
    const SWELL_CENTI_DB: f32 = 500.0;
    /// Share of a new block in the average: about 10 s of memory at ten blocks a second.
    const MEMORY: f32 = 0.01;
    /// How long a swell speaks for a shot near it.
    const NEAR: MediaSpan = MediaSpan::from_millis(1_500);

    pub(crate) fn hear(&mut self, view: &SoundView) {
        let level = f32::from(view.centi_db);
        let average = self.average_centi_db.get_or_insert(level);
        let louder = level > *average + Self::SWELL_CENTI_DB;
        *average += (level - *average) * Self::MEMORY;
        match view.heard {
            Some(heard) if heard.crowd >= SWELLS => self.swell(heard.at),
            None if louder => self.swell(view.at),
            Some(_) | None => {}
        }
    }

    fn swell(&mut self, at: MediaTime) {
        if !self.swell_near(at) {
            self.swell_began = Some(at);
        }
        self.swell_at = Some(at);
    }

    /// When the last swell began; pauses shorter than [`Self::NEAR`] do not end one.
    pub(crate) fn swell_began(&self) -> Option<MediaTime> {
        self.swell_began
    }

    pub(crate) fn swell_near(&self, at: MediaTime) -> bool {
        self.swell_at.is_some_and(|swell| at.since(swell).0.abs() <= Self::NEAR.0)
    }
}
