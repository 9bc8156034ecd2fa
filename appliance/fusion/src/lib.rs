//! Detections and cues in, game events out.
//!
//! Owns: the evidence of each hoop over time, the ball's way around it, and the decision when an
//! event is published, confirmed or retracted. Must not know networks, pixels' origin, clocks or
//! message ids: the director (`pipeline::director`) feeds it and gives its verdicts their ids.
//! All times are media times, so the same footage gives the same events at any speed.
//! Design note: `docs/architecture.md`, section "From detections to events".
#![no_std]
#![forbid(unsafe_code)]

pub mod board;
pub mod hoop;
mod odds;
pub mod profile;
pub mod shot;
pub mod slots;
pub mod sound;

use heapless::{Deque, Vec};
use wire::event::{Cue, EventKind, Stage};
use wire::time::{MediaInterval, MediaTime};
use wire::units::{Permille, PixelBox};

use board::{Board, BoardChange, FieldView};
use sound::{Crowd, Sound};

pub use profile::Profile;
pub use sound::{Heard, SoundView};

/// Most hoops that one source can show.
pub const HOOPS_MAX: usize = 4;
/// Most balls that one frame can report; the rest, the least certain ones, are dropped.
pub const BALLS_MAX: usize = 8;
/// Most verdicts that wait for [`Fusion::next`]; it is called after every frame, and a frame
/// makes at most three verdicts a hoop: retracted, and the other outcome proposed and confirmed.
/// A block of sound makes at most one of each kind of sound.
const VERDICTS_MAX: usize = 3 * HOOPS_MAX;

/// A ball seen in one frame, in the pixels of the source's picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// Centre.
    pub x: f32,
    /// Centre.
    pub y: f32,
    /// Probability that it is a ball, 0.0 ..= 1.0.
    pub confidence: f32,
}

/// What the rim lane says about one moment at one hoop; the three probabilities add up to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RimSlot {
    /// The moment.
    pub at: MediaTime,
    /// Probability that a shot missed at this moment.
    pub missed: f32,
    /// Probability that a shot went in at this moment.
    pub made: f32,
}

/// One run of the rim lane over a window of moments, oldest first. The last one is the present:
/// the closer a slot is to it, the less the lane can know about it.
#[derive(Clone, Copy, Debug)]
pub struct RimWindow<'a> {
    /// Moments of the window.
    pub slots: &'a [RimSlot],
}

/// What was seen of one hoop in one frame.
#[derive(Clone, Copy, Debug)]
pub struct HoopView<'a> {
    /// Number of the hoop on this source, below [`HOOPS_MAX`].
    pub hoop: u8,
    /// Where ring and net are in this frame.
    pub area: PixelBox,
    /// The rim lane's answer, if it ran on this frame.
    pub window: Option<RimWindow<'a>>,
}

/// Everything seen in one analysed frame.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    /// The frame's media time; never falls between two calls.
    pub at: MediaTime,
    /// Balls, if the ball lane ran; empty when it saw none.
    pub balls: &'a [Ball],
    /// Hoops that are known.
    pub hoops: &'a [HoopView<'a>],
}

/// A decision about one event. The first verdict about an event is provisional; a later one with
/// the same `number` confirms or retracts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Number of the event on this source, from 1.
    pub number: u32,
    /// 0 for the first verdict about this event, then one more each.
    pub revision: u8,
    /// How settled it is.
    pub stage: Stage,
    /// What happened.
    pub kind: EventKind,
    /// Which hoop; none for what is heard.
    pub hoop: Option<u8>,
    /// The moment; of a sound, when it began.
    pub at: MediaTime,
    /// From the release, as far as it was seen, to the moment.
    pub interval: MediaInterval,
    /// The frame that decided.
    pub decided_at: MediaTime,
    /// Probability.
    pub confidence: Permille,
    /// Evidence, strongest first.
    pub cues: Vec<Cue, { wire::event::CUES_MAX }>,
}

/// Turns the views of one source's frames into verdicts.
pub struct Fusion {
    profile: Profile,
    hoops: [hoop::Hoop; HOOPS_MAX],
    next_number: u32,
    crowd: Crowd,
    board: Board,
    sounds: [Sound; 2],
    verdicts: Deque<Verdict, VERDICTS_MAX>,
}

impl Fusion {
    /// A fusion that has seen nothing yet.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            hoops: core::array::from_fn(|_| hoop::Hoop::default()),
            next_number: 1,
            crowd: Crowd::default(),
            board: Board::default(),
            sounds: [Sound::whistle(), Sound::buzzer()],
            verdicts: Deque::new(),
        }
    }

    /// Takes one analysed frame; then call [`next`](Self::next) until it is empty. A hoop that the
    /// frame does not name is followed no more: its open event is settled as it stands, and the
    /// next hoop of that number begins with nothing.
    pub fn handle_frame(&mut self, frame: &FrameView<'_>) {
        for view in frame.hoops {
            let Some(hoop) = self.hoops.get_mut(usize::from(view.hoop)) else { continue };
            hoop.see(frame.at, view, frame.balls);
            let cues = hoop::OtherCues { crowd_swell: self.crowd.swell_near(frame.at) };
            while let Some(draft) = hoop.decide(frame.at, &self.profile, cues) {
                let number = draft.number.unwrap_or(self.next_number);
                if draft.number.is_none() {
                    self.next_number += 1;
                    hoop.adopt(number);
                }
                // Cannot be full: `VERDICTS_MAX` covers every hoop, and `next` empties it.
                let told = (number, view.hoop);
                let verdict = draft.into_verdict(&self.profile, told, frame.at);
                let _ = self.verdicts.push_back(verdict);
            }
        }
        let gone = |index| frame.hoops.iter().all(|view| view.hoop != index);
        self.settle(frame.at, gone);
    }

    /// Takes 100 ms of sound; then call [`next`](Self::next) until it is empty.
    pub fn handle_sound(&mut self, view: &SoundView) {
        self.crowd.hear(view);
        let Some(heard) = view.heard else { return };
        for (sound, chance) in self.sounds.iter_mut().zip([heard.whistle, heard.buzzer]) {
            let Some(draft) = sound.hear(heard.at, chance) else { continue };
            let number = draft.number.unwrap_or(self.next_number);
            if draft.number.is_none() {
                self.next_number += 1;
                sound.adopt(number);
            }
            let _ = self.verdicts.push_back(draft.into_verdict(number, view.at));
        }
    }

    /// Takes the fields of the scoreboard that were read in the frame at `at`; returns what the
    /// board says if that is new. Points are an event as well: then call [`next`](Self::next).
    pub fn handle_board(&mut self, at: MediaTime, fields: &[FieldView<'_>]) -> Option<BoardChange> {
        let change = self.board.see(at, fields)?;
        if change.scored {
            let number = self.next_number;
            self.next_number += 1;
            let _ = self.verdicts.push_back(change.verdict(number, at));
        }
        Some(change)
    }

    /// Since when the ball is on its way near a hoop, if it is: of several ways the newest.
    pub fn ball_near_rim(&self) -> Option<MediaTime> {
        self.hoops.iter().filter_map(hoop::Hoop::ball_since).max()
    }

    /// When the crowd began to swell the last time.
    pub fn crowd_swell(&self) -> Option<MediaTime> {
        self.crowd.swell_began()
    }

    /// Tells that the stream ended at `at`: every open event is settled as it stands.
    pub fn handle_end(&mut self, at: MediaTime) {
        self.settle(at, |_| true);
        for sound in &mut self.sounds {
            if let Some(draft) = sound.settle() {
                let number = draft.number.unwrap_or_default();
                let _ = self.verdicts.push_back(draft.into_verdict(number, at));
            }
        }
    }

    /// Tells that frames before `at` were lost or that the picture jumped: what was collected
    /// about an undecided moment does not belong together any more. Shots that were published
    /// are settled as they stand. What is heard has nothing to do with it.
    pub fn handle_gap(&mut self, at: MediaTime) {
        self.settle(at, |_| true);
    }

    /// Tells that the frame at `at` belongs to a replay that began at `began`; frames of a replay
    /// are not to be handed in. Shots that were published since then are taken back, others are
    /// settled as they stand.
    pub fn handle_replay(&mut self, at: MediaTime, began: MediaTime) {
        for (index, hoop) in (0_u8..).zip(self.hoops.iter_mut()) {
            if let Some((number, draft)) = hoop.settle_in_replay(at, began) {
                let verdict = draft.into_verdict(&self.profile, (number, index), at);
                let _ = self.verdicts.push_back(verdict);
            }
        }
    }

    fn settle(&mut self, at: MediaTime, which: impl Fn(u8) -> bool) {
        let hoops = (0_u8..).zip(self.hoops.iter_mut());
        for (index, hoop) in hoops.filter(|(index, _)| which(*index)) {
            if let Some((number, draft)) = hoop.settle(at) {
                let verdict = draft.into_verdict(&self.profile, (number, index), at);
                let _ = self.verdicts.push_back(verdict);
            }
        }
    }

    /// The next verdict, oldest first.
    #[allow(clippy::should_implement_trait)] // The shape of every pure machine here.
    pub fn next(&mut self) -> Option<Verdict> {
        self.verdicts.pop_front()
    }
}
