//! Every link between the stages: capacity, policy and what it loses.
//!
//! | link | from → to | capacity | policy | loss counter |
//! |---|---|---|---|---|
//! | [`Units`] | ingest → decode | 64 | WAIT 100 ms, then GAP to the next keyframe | `units_dropped` |
//! | [`Frames`] | decode or capture → inference | 1 | LATEST | `frames_superseded` |
//! | [`Pictures`] | capture → encode | 8 | REFUSE: the recording lacks a picture | `pictures_dropped` |
//! | [`Packets`] | ingest or encode → recorder | 256 | WAIT 100 ms, then GAP to the next keyframe | `packets_dropped` |
//! | [`Detections`] | inference → director, watchers | 32 | DROP_OLDEST: `Lagged` is a gap to fusion | `detections_lagged` |
//! | [`Sounds`] | decode → hearing | 64 | REFUSE | `sounds_dropped` |
//! | [`Signals`] | hearing → director | 64 | REFUSE | `signals_dropped` |
//! | [`PlayersSlot`] | inference → telemetry | 1 | LATEST | `players_superseded` |
//! | [`RemoteJobs`] | inference → a line's thread | 1 | REFUSE: the box answers the look itself | `busy` |
//! | [`RemoteAnswers`] | a line's thread → inference | 1 | WAIT; a late answer is worthless | `overruns` |
//! | [`Cuts`] | director → cutter | 16 | REFUSE: the plan stays with the planner | none: nothing is lost |
//! | [`OperatingPoints`] | governor → inference | 1 | LATEST | none: only the newest counts |
//! | [`Hints`] | director → governor | 8 | REFUSE: the governor has cues enough | `hints_refused` |
//! | [`Departures`] | governor → audit | 4 | REFUSE: the log has it | none: it is logged |
//! | [`Renewals`] | packs → inference, hearing | 4 | WAIT | none: nothing is lost |
//! | [`Retirements`] | inference, hearing → packs | 4 | REFUSE: the lane stays off | none: it is logged |
//!
//! Owns the types and nothing else; who sends and receives is wired in [`crate::feeder`],
//! [`crate::source`], [`crate::captured`], [`crate::inference`], [`crate::remote`],
//! [`crate::hearing`], [`crate::director`], [`crate::recording`] and [`crate::cutting`]. A `Channel`
//! wakes one receiver, so each has one consumer.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use embassy_sync::channel::Channel;
use embassy_sync::pubsub::PubSubChannel;
use embassy_sync::signal;
use fusion::SoundView;
use governor::{Cue, OperatingPoint};
use hal::{Clock, LinkMutex};
use ingest::access_unit::MediaItem;
use wire::time::{MediaTime, Monotonic, WallTime};

use crate::captured::PictureItem;
use crate::cutting::CutOrder;
use crate::health::Counter;
use crate::inference::Report;
use crate::players::PlayersReport;
use crate::remote::{Answer, Job};
use crate::renewal::{Renewal, Retirement};
use crate::sound::Block;
use crate::source::Frame;

/// How long a sender of compressed media waits for room before it gives up to the next keyframe.
/// Long enough for an fsync to pass (17 ms p99), short against the 400 ms of capture to inference.
pub const MEDIA_WAIT: Duration = Duration::from_millis(100);

/// Compressed media of one source, in order.
#[derive(Clone, Debug)]
pub enum SourceItem {
    /// A track or an access unit, its times rebased to the source's timeline.
    Media(MediaItem),
    /// What follows does not continue what came before: decoders start anew.
    Gap {
        /// Media time after the gap.
        at: MediaTime,
    },
    /// The publisher is gone; the stages empty themselves and wait for the next one.
    End,
    /// The box stops; the stages empty themselves and return.
    Shutdown,
}

/// Ingest → decode. 64 access units are more than a second of video and sound.
pub type Units = Channel<LinkMutex, SourceItem, 64>;
/// Capture → encode. Eight pictures are 160 ms at 50 a second, as long as an encoder may be kept
/// waiting; each holds one of the device's buffers.
pub type Pictures = Channel<LinkMutex, PictureItem, 8>;
/// Ingest or encode → recorder. 256 access units are about three seconds.
pub type Packets = Channel<LinkMutex, SourceItem, 256>;
/// Inference → director and watchers. 32 reports are more than a second.
pub type Detections = PubSubChannel<LinkMutex, Report, 32, 4, 1>;
/// Decode → hearing. 64 blocks are six seconds of one source, 400 kB.
pub type Sounds = Channel<LinkMutex, SoundItem, 64>;
/// What was heard → director.
pub type Signals = Channel<LinkMutex, Signal, 64>;
/// Inference → telemetry, of one source: who was in the newest picture that was looked at.
pub type PlayersSlot = signal::Signal<LinkMutex, PlayersReport>;
/// Inference → the thread that carries a source's questions to another machine. One is under way at
/// most, and the thread ends when this does: not a `Channel`, which has no end.
pub type RemoteJobs = SyncSender<Job>;
/// And back.
pub type RemoteAnswers = Receiver<Answer>;
/// Director → cutter. Sixteen clips are minutes of play.
pub type Cuts = Channel<LinkMutex, CutItem, 16>;
/// Director → governor. Eight are every kind of cue of two sources at once.
pub type Hints = Channel<LinkMutex, Hint, 8>;
/// Governor → the audit of a deterministic box: that it departs from its operating point, or is back.
pub type Departures = Channel<LinkMutex, Departure, 4>;
/// Governor → inference.
pub type OperatingPoints = signal::Signal<LinkMutex, OperatingPoint>;
/// Packs → inference, and packs → hearing. A pack for each lane, and one to spare.
pub type Renewals = Channel<LinkMutex, Renewal, 4>;
/// Inference and hearing → packs. As many.
pub type Retirements = Channel<LinkMutex, Retirement, 4>;
/// "A frame waits" → inference; carries nothing, so that setting it twice is once.
pub type FrameWaits = signal::Signal<LinkMutex, ()>;

/// What the director knows of the game that the governor acts upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A moment may be coming.
    Cue(Cue),
    /// One was seen.
    Moment,
}

/// A change of a deterministic box, on its way to the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Departure {
    /// When.
    pub wall: WallTime,
    /// What is in force now.
    pub point: OperatingPoint,
    /// Why, as a sentence.
    pub why: String,
}

/// What reaches the cutter.
pub enum CutItem {
    /// A clip to be cut.
    Order(Box<CutOrder>),
    /// The box stops; the clips ordered before this are cut first.
    Shutdown,
}

/// What reaches the hearing stage.
pub enum SoundItem {
    /// 100 ms of sound.
    Block {
        /// Number of the source.
        source: usize,
        /// The sound.
        block: Block,
    },
    /// The box stops; the blocks before this are heard first.
    Shutdown,
}

/// What was heard in 100 ms of a source, on its way to the director.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Number of the source.
    pub source: usize,
    /// What was heard.
    pub view: SoundView,
}

/// Decode → inference: a mailbox with one place for a frame. A newer frame replaces an older
/// one, because a stale frame is worthless. The replaced frame is dropped outside the lock, since
/// dropping frees pixels. Not a `Signal`: admission must see the waiting frame's time without
/// taking it, and the end of a stream must not overtake its last frame.
#[derive(Default)]
pub struct Frames {
    /// At most one frame and one end, in order.
    places: Mutex<VecDeque<FrameItem>>,
    superseded: Counter,
    taken: TakenSignal,
}

struct TakenSignal(signal::Signal<LinkMutex, ()>);

impl Default for TakenSignal {
    fn default() -> Self {
        Self(signal::Signal::new())
    }
}

/// What the mailbox holds.
#[derive(Debug)]
pub enum FrameItem {
    /// A picture.
    Frame(Frame),
    /// No picture follows until the next publisher.
    Ended {
        /// Media time of the last picture.
        at: MediaTime,
    },
}

impl Frames {
    /// Puts the newest frame; the one that was waiting, if any, is lost and counted. A gap in
    /// front of the lost frame is now in front of this one.
    pub fn put(&self, mut frame: Frame) {
        let mut places = self.locked();
        let position = places.iter().position(|item| matches!(item, FrameItem::Frame(_)));
        let stale = position.and_then(|position| places.remove(position));
        if let Some(FrameItem::Frame(lost)) = &stale {
            frame.follows_gap |= lost.follows_gap;
            self.superseded.count();
        }
        places.push_back(FrameItem::Frame(frame));
        drop(places);
        drop(stale);
    }

    /// Puts a frame once the mailbox is empty, so that none is lost: for files that are analysed
    /// as fast as the box can.
    pub async fn put_when_empty(&self, frame: Frame) {
        while self.waits() {
            self.taken.0.wait().await;
        }
        self.put(frame);
    }

    /// Puts the end of the stream behind the frame that waits.
    pub fn end(&self, at: MediaTime) {
        let mut places = self.locked();
        places.retain(|item| matches!(item, FrameItem::Frame(_)));
        places.push_back(FrameItem::Ended { at });
    }

    /// Something waits.
    pub fn waits(&self) -> bool {
        !self.locked().is_empty()
    }

    /// What is next, without taking it.
    pub fn peek(&self) -> Option<Next> {
        self.locked().front().map(|item| match item {
            FrameItem::Frame(frame) => {
                Next::Frame { at: frame.surface.pts(), arrived: frame.arrived.monotonic }
            }
            FrameItem::Ended { .. } => Next::Ended,
        })
    }

    /// Takes what is next.
    pub fn take(&self) -> Option<FrameItem> {
        let item = self.locked().pop_front();
        self.taken.0.signal(());
        item
    }

    /// Frames that were replaced before anybody took them.
    pub fn superseded(&self) -> u64 {
        self.superseded.get()
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<FrameItem>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A picture.
    Frame {
        /// Its media time.
        at: MediaTime,
        /// When its last byte had arrived.
        arrived: Monotonic,
    },
    /// The end of the stream.
    Ended,
}

/// When a frame's last byte had arrived, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// For durations.
    pub monotonic: Monotonic,
    /// For messages.
    pub wall: WallTime,
    /// When it would have arrived if nothing had held it up on its way: on the one timeline of all
    /// sources. The same as `wall` until that is known.
    pub steady: WallTime,
}

impl Arrival {
    /// An arrival of that time, on both clocks; `steady` is when it would have been if nothing had
    /// held it up on its way.
    pub fn of(clock: &impl Clock, monotonic: Monotonic, steady: Monotonic) -> Self {
        let (now, wall) = (clock.now(), clock.wall_time());
        let before = |earlier: Monotonic| {
            WallTime(wall.0.saturating_sub(now.since(earlier).as_micros() as i64))
        };
        Self { monotonic, wall: before(monotonic), steady: before(steady) }
    }
}
