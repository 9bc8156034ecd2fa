//! The way of a source whose pictures are captured, not decoded: into the mailbox at once, and by
//! an encoder into the recording.
//!
//! Stands in the place of [`crate::source::decode`]. [`capture`] is a thread that waits for the
//! device and for nobody else; [`encode`] is another one, in [`mod@encode`]. Knows no driver, and
//! not what is wrong with a device: that it passes on.

pub mod encode;
mod slate;

use std::sync::Arc;
use std::time::Duration;

use hal::capture::{Capture, Event, Format, Picture, Rate, Repair};
use hal::{Clock, Surface};
use wire::time::{MediaSpan, MediaTime, Monotonic};

use crate::links::{Arrival, FrameWaits};
use crate::source::{Frame, SourceLinks};

/// How long the device is waited for before the stage looks whether it should stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Pictures this far apart are no continuation of each other: a ball is elsewhere by then.
const HOLE_MIN: MediaSpan = MediaSpan::from_millis(200);

/// What reaches the encode stage.
#[derive(Debug)]
pub enum PictureItem {
    /// A captured picture.
    Picture(Captured),
    /// The box stops.
    Shutdown,
}

/// A captured picture on its way into the recording.
#[derive(Debug)]
pub struct Captured {
    /// The picture.
    pub surface: Surface,
    /// When it was captured.
    pub arrived: Monotonic,
    /// About how many come a second.
    pub rate: Option<Rate>,
}

/// What a device does, for whoever tells people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Pictures come, of this format.
    Comes(Format),
    /// No more come: there is no signal.
    Lost(String),
    /// No more come, and this is done about it.
    Repaired(Repair, String),
    /// All was tried, and will be tried again.
    GivenUp(String),
}

/// What the capture stage of one source works with.
pub struct CaptureStage<C> {
    /// The time.
    pub clock: Arc<C>,
    /// The device.
    pub device: Box<dyn Capture>,
    /// The source's links.
    pub links: Arc<SourceLinks>,
    /// Wakes inference.
    pub frame_waits: Arc<FrameWaits>,
    /// Told what the device does.
    pub tell: Box<dyn FnMut(Happening) + Send>,
}

/// Runs the capture stage of one source on the calling thread until `stop` says so.
pub fn capture<C: Clock>(stage: CaptureStage<C>, stop: impl Fn() -> bool) {
    let mut state = Capturing { stage, rate: None, comes: None, last: None, ends: false };
    while !stop() {
        match state.stage.device.next(LOOK_EVERY) {
            Event::Nothing => {}
            Event::Picture(picture) => state.picture(picture),
            Event::Format(format) => {
                state.end();
                state.rate = format.rate;
                state.comes = Some(format);
            }
            Event::Lost(why) => {
                state.end();
                (state.stage.tell)(Happening::Lost(why.to_string()));
            }
            Event::Stalled { repair, reason } => {
                (state.stage.tell)(Happening::Repaired(repair, reason));
            }
            Event::GivenUp { reason } => {
                state.end();
                (state.stage.tell)(Happening::GivenUp(reason));
            }
        }
    }
    state.end();
}

struct Capturing<C> {
    stage: CaptureStage<C>,
    rate: Option<Rate>,
    /// A format that is told with its first picture: then it is certain.
    comes: Option<Format>,
    last: Option<MediaTime>,
    /// Pictures were put into the mailbox whose end has not been told.
    ends: bool,
}

impl<C: Clock> Capturing<C> {
    fn picture(&mut self, picture: Picture) {
        let Picture { surface, arrived, lost } = picture;
        if let Some(format) = self.comes.take() {
            (self.stage.tell)(Happening::Comes(format));
        }
        let links = &self.stage.links;
        links.counters.frames_captured.count();
        links.counters.frames_lost.add(u64::from(lost));
        let at = surface.pts();
        let follows_gap = self.last.is_none_or(|last| at.since(last) >= HOLE_MIN);
        self.last = Some(at);
        self.ends = true;
        // Inference first: the game is live, the recording has time.
        let frame = Frame {
            surface: surface.clone(),
            // Nothing holds a captured picture up.
            arrived: Arrival::of(&*self.stage.clock, arrived, arrived),
            follows_gap,
        };
        links.frames.put(frame);
        self.stage.frame_waits.signal(());
        let item = PictureItem::Picture(Captured { surface, arrived, rate: self.rate });
        if links.pictures.try_send(item).is_err() {
            links.counters.pictures_dropped.count();
        }
    }

    /// No picture follows that continues the last one.
    fn end(&mut self) {
        if let Some(at) = self.last.filter(|_| std::mem::take(&mut self.ends)) {
            self.stage.links.frames.end(at);
            self.stage.frame_waits.signal(());
        }
        self.last = None;
    }
}
