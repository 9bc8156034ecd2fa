//! A capture device that goes on by itself: opened, set up for its signal, read, repaired.
//!
//! ```text
//! Closed ── open ──► Open ── signal ──► Streaming
//!    ▲                ▲ │                  │  │
//!    │                └─┼── signal lost, or another one
//!    └── failed, ───────┴──── stalled ─────┘
//! ```
//!
//! Owns when the device is asked for its signal. What is done about one that stalls is
//! [`crate::ladder`]'s to decide. Runs on its caller's thread.

use std::collections::VecDeque;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hal::Clock;
use hal::capture::{Capture, Event, Format, NoSignal, Picture, Rate, Repair};
use hal::surface::SurfacePool;
use wire::time::{MediaTime, Monotonic};
use wire::units::PictureSize;

use crate::fault::Fault;
use crate::ioctl::{self, Filled, For};
use crate::ladder::{self, Act, Seen, State};
use crate::memory::Spares;
use crate::negotiate::Pixels;
use crate::node::{Node, Signal};
use crate::queue::{BUFFERS, Queue, Taken};
use crate::reset::Place;

/// A device without a signal is asked for it so often: not all tell by themselves.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// A device that delivers nothing is asked whether it has a signal after this, and this often.
const DOUBT_AFTER: Duration = Duration::from_millis(150);
/// A driver's time stamp further from now than this is wrong.
const STAMP_AGE_MAX: Duration = Duration::from_secs(1);

/// A device that was given up is opened again so often: it may be plugged in at any time.
const GIVEN_UP_PAUSE: Duration = Duration::from_millis(500);

/// What a device is to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its file, such as `/dev/video0`.
    pub file: PathBuf,
    /// Name, beginning of the name, or number of its input; without, the one in use.
    pub input: Option<String>,
    /// Layout; without, the best that it has.
    pub pixels: Option<Pixels>,
    /// Size, where no signal dictates it.
    pub size: Option<PictureSize>,
    /// Pictures a second, where no signal dictates them.
    pub rate: Option<Rate>,
}

/// A capture device of one source.
pub struct Device<C> {
    wanted: Wanted,
    clock: Arc<C>,
    began: Monotonic,
    sysfs: PathBuf,
    pool: SurfacePool,
    spares: Arc<Spares>,
    name: String,
    stage: Stage,
    state: State,
    place: Option<Place>,
    /// Told once, until there is a signal.
    lost: Option<NoSignal>,
    format: Option<Format>,
    sequence: Option<u32>,
    /// When the signal was last asked for.
    asked: Monotonic,
    /// When something last came, or could begin to.
    heard: Monotonic,
    /// A device that could not be opened is not opened before.
    again: Monotonic,
    /// Time of the newest picture.
    newest: Option<MediaTime>,
    /// Pictures that came and found no room since the last one that did.
    refused: u32,
    trouble: String,
    ready: VecDeque<Event>,
}

enum Stage {
    Closed,
    /// Without a stream.
    Open(Node),
    Streaming(Stream),
}

/// A stream and the file that it belongs to.
struct Stream {
    // First: it is dropped before the file. The number of a closed file may be another card's.
    queue: Queue,
    node: Node,
}

impl Stream {
    /// Ends the stream. Pictures that are held keep their memory.
    fn stop(self) -> Node {
        drop(self.queue);
        self.node
    }
}

impl<C: Clock> Device<C> {
    /// A device that is opened when it is first asked. The times of its pictures count from now.
    pub fn new(wanted: Wanted, clock: Arc<C>) -> Self {
        let began = clock.now();
        Self {
            name: wanted.file.display().to_string(),
            wanted,
            clock,
            began,
            sysfs: PathBuf::from(crate::reset::SYSFS),
            pool: SurfacePool::new(BUFFERS as usize),
            spares: Arc::default(),
            stage: Stage::Closed,
            state: State::Well { seen: began },
            place: None,
            lost: None,
            format: None,
            sequence: None,
            asked: began,
            heard: began,
            again: began,
            newest: None,
            refused: 0,
            trouble: String::new(),
            ready: VecDeque::new(),
        }
    }

    /// Pictures that are held, refused and read.
    pub fn pool(&self) -> &SurfacePool {
        &self.pool
    }

    /// Packed pictures that were unpacked because somebody read them.
    pub fn unpacked(&self) -> u64 {
        self.spares.unpacked.load(Ordering::Relaxed)
    }

    /// Moves on by one wait at most; what happened is in `ready`.
    fn advance(&mut self, most: Duration) {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Closed => self.open(most),
            Stage::Open(node) => self.look_for_signal(node, most),
            Stage::Streaming(stream) => self.stream(stream, most),
        }
    }

    fn open(&mut self, most: Duration) {
        let rest = self.again.since(self.clock.now());
        if !rest.is_zero() {
            // Nothing rings: a plain wait in the kernel.
            let _ = ioctl::wait((-1, For::Events), -1, most.min(rest));
            return;
        }
        let file = self.file();
        let opened = Node::open(&file).and_then(|mut node| {
            node.select(self.wanted.input.as_deref())?;
            Ok(node)
        });
        match opened {
            Ok(node) => {
                self.place = Place::of(&self.sysfs, &file).or(self.place.take());
                self.name = match node.input() {
                    Some(input) => format!("{}, {input}", node.name()),
                    None => node.name().to_owned(),
                };
                self.sequence = None;
                self.start(node);
            }
            Err(fault) => self.fail(Stage::Closed, fault),
        }
    }

    /// The device's file. One that was known is looked for where it was: its number may be another
    /// device's by now.
    fn file(&self) -> PathBuf {
        let now = self.place.as_ref().and_then(Place::file_name);
        now.map_or_else(|| self.wanted.file.clone(), |name| Path::new("/dev").join(name))
    }

    /// A device without a stream: starts it if there is a signal.
    fn look_for_signal(&mut self, node: Node, most: Duration) {
        let now = self.clock.now();
        let rest = ASK_EVERY.saturating_sub(now.since(self.asked));
        if !rest.is_zero() {
            match ioctl::wait((node.fd(), For::Events), -1, most.min(rest)) {
                Ok(ready) if ready.is_gone => {
                    let fault = Fault::failed(format!("{}: it was pulled out", self.name));
                    return self.fail(Stage::Open(node), fault);
                }
                Ok(ready) if ready.event || self.clock.now().since(self.asked) >= ASK_EVERY => {}
                Ok(ready) => {
                    if ready.error {
                        // A driver without events: a plain wait.
                        let _ = ioctl::wait((-1, For::Events), -1, most.min(rest));
                    }
                    self.stage = Stage::Open(node);
                    return;
                }
                Err(error) => {
                    let fault = Fault::failed(format!("{}: {error}", self.name));
                    return self.fail(Stage::Open(node), fault);
                }
            }
        }
        self.start(node);
    }

    /// Sets the device up for what is plugged in, and starts the stream.
    fn start(&mut self, node: Node) {
        self.asked = self.clock.now();
        // What was told before is settled by asking now.
        ioctl::take_source_change(node.fd());
        let timings = match node.signal() {
            Signal::Present(timings) => timings,
            Signal::Lost(why) => return self.without_signal(node, why),
            Signal::Unknown => {
                self.trouble = format!("{} does not say whether it has a signal", self.name);
                self.stage = Stage::Open(node);
                return self.see(Seen::Silence { since: self.heard });
            }
        };
        let wanted = (self.wanted.pixels, self.wanted.size, self.wanted.rate);
        let started = node.configure(timings, wanted).and_then(|(shape, format)| {
            let queue =
                Queue::start(node.fd(), shape, Arc::clone(&self.spares)).map_err(|error| {
                    Fault::of(&error, format!("its stream does not start: {error}"))
                })?;
            Ok((queue, format))
        });
        match started {
            Ok((queue, format)) => {
                if self.lost.take().is_some() || self.format.as_ref() != Some(&format) {
                    self.ready.push_back(Event::Format(format.clone()));
                }
                self.format = Some(format);
                self.heard = self.clock.now();
                self.stage = Stage::Streaming(Stream { queue, node });
            }
            Err(fault) => {
                let fault = fault.about(&self.name);
                self.fail(Stage::Open(node), fault);
            }
        }
    }

    fn without_signal(&mut self, node: Node, why: NoSignal) {
        self.see(Seen::NoSignal);
        self.sequence = None;
        self.format = None;
        if self.lost.replace(why) != Some(why) {
            self.ready.push_back(Event::Lost(why));
        }
        self.stage = Stage::Open(node);
    }

    /// Waits for a picture, an event, or a picture that comes back.
    fn stream(&mut self, mut stream: Stream, most: Duration) {
        let queue = &mut stream.queue;
        if let Err(error) = queue.give_back() {
            return self.broke(stream, format_args!("a buffer is not taken back: {error}"));
        }
        // The poll of a stream that has no buffers is an error in place of a wait.
        let device = if queue.feeds() { stream.node.fd() } else { -1 };
        let ready = match ioctl::wait((device, For::Pictures), queue.bell(), most.min(DOUBT_AFTER))
        {
            Ok(ready) => ready,
            Err(error) => return self.broke(stream, error),
        };
        if ready.event && ioctl::take_source_change(stream.node.fd()) {
            // Another signal, or none: all is set up anew.
            return self.start(stream.stop());
        }
        if ready.picture || ready.error {
            return match queue.take() {
                Ok(Taken::Nothing) if ready.error => self.broke(stream, "its stream broke"),
                Ok(taken) => {
                    let lends = queue.lends();
                    self.stage = Stage::Streaming(stream);
                    self.took(taken, lends);
                }
                Err(error) => self.broke(stream, format_args!("no picture: {error}")),
            };
        }
        let now = self.clock.now();
        if now.since(self.heard) >= DOUBT_AFTER && now.since(self.asked) >= DOUBT_AFTER {
            self.doubt(stream);
        } else {
            self.stage = Stage::Streaming(stream);
        }
    }

    fn broke(&mut self, stream: Stream, why: impl Display) {
        let fault = Fault::failed(format!("{}: {why}", self.name));
        self.fail(Stage::Streaming(stream), fault);
    }

    /// Nothing comes: is there a signal at all?
    fn doubt(&mut self, stream: Stream) {
        self.asked = self.clock.now();
        match stream.node.signal() {
            Signal::Lost(why) => self.without_signal(stream.stop(), why),
            Signal::Present(_) | Signal::Unknown => {
                self.trouble =
                    format!("{}: no pictures come although there is a signal", self.name);
                // Pictures that nobody gives back are not the device's fault.
                let is_silent = stream.queue.feeds();
                self.stage = Stage::Streaming(stream);
                if is_silent {
                    self.see(Seen::Silence { since: self.heard });
                }
            }
        }
    }

    fn took(&mut self, taken: Taken, lends: usize) {
        let (filled, memory) = match taken {
            Taken::Picture(filled, memory) => (filled, memory),
            // Its number is missing before the next picture, which counts it.
            Taken::Damaged | Taken::Nothing => return,
        };
        let Some(size) = self.format.as_ref().map(|format| format.size) else { return };
        let lost = self.lost_before(filled.sequence);
        let arrived = self.arrival(&filled);
        // A driver that repeats a time stamp must not make two pictures of one time.
        let pts = MediaTime(arrived.since(self.began).as_micros() as i64 * 9 / 100);
        let pts = self.newest.map_or(pts, |newest| pts.max(MediaTime(newest.0 + 1)));
        self.newest = Some(pts);
        self.heard = self.clock.now();
        self.see(Seen::Picture);
        // Whoever holds pictures for too long loses some: the device must not.
        let has_room = self.pool.in_use() < lends;
        let surface = has_room.then(|| self.pool.wrap(memory, size, pts)).flatten();
        let lost = lost.saturating_add(std::mem::take(&mut self.refused));
        match surface {
            Some(surface) => {
                self.ready.push_back(Event::Picture(Picture { surface, arrived, lost }));
            }
            None => self.refused = lost.saturating_add(1),
        }
    }

    /// How many pictures are missing before the one of this number.
    fn lost_before(&mut self, sequence: u32) -> u32 {
        let before = self.sequence.replace(sequence);
        let steps = before.map_or(1, |before| sequence.wrapping_sub(before));
        // A number that jumped back is a driver's mistake, not four billion lost pictures.
        if steps == 0 || steps > u32::MAX / 2 { 0 } else { steps - 1 }
    }

    /// When a picture was captured, on the box's clock.
    fn arrival(&self, filled: &Filled) -> Monotonic {
        let now = self.clock.now();
        let age = filled.stamp.and_then(|stamp| ioctl::monotonic().checked_sub(stamp));
        let age = age.filter(|age| *age <= STAMP_AGE_MAX).unwrap_or_default();
        Monotonic(now.0.saturating_sub(age.as_micros() as u64).max(self.began.0))
    }

    /// Something is wrong with the device, or with what it is asked for. What is `left` of it is
    /// closed before anything else: a driver does not let go of a device that is open.
    fn fail(&mut self, left: Stage, fault: Fault) {
        drop(left);
        self.trouble = fault.reason;
        self.see(fault.seen);
        let pause = match self.state {
            State::Well { .. } | State::Tried { .. } => ladder::FAILED_PAUSE,
            State::GivenUp { .. } => GIVEN_UP_PAUSE,
        };
        self.again = self.clock.now().plus(pause);
    }

    fn see(&mut self, seen: Seen) {
        let (state, act) = ladder::step(self.state, self.clock.now(), seen);
        self.state = state;
        match act {
            Act::Wait => {}
            Act::Do(repair) => {
                let is_news = matches!(state, State::Tried { .. });
                if let Err(reason) = self.repair(repair) {
                    self.trouble = format!("{}; {reason}", self.trouble);
                }
                if is_news {
                    let reason = self.trouble.clone();
                    self.ready.push_back(Event::Stalled { repair, reason });
                }
            }
            Act::GiveUp => {
                let reason =
                    format!("{}; all that may mend it was tried, and is tried again", self.trouble);
                self.format = None;
                self.stage = Stage::Closed;
                self.ready.push_back(Event::GivenUp { reason });
            }
        }
    }

    /// Leaves the device so that the next step opens or starts it.
    fn repair(&mut self, repair: Repair) -> Result<(), String> {
        let stage = std::mem::replace(&mut self.stage, Stage::Closed);
        self.sequence = None;
        match (repair, stage) {
            (Repair::Restart, Stage::Streaming(stream)) => {
                self.stage = Stage::Open(stream.stop());
                self.asked = Monotonic(0);
                Ok(())
            }
            (Repair::Restart | Repair::Reopen, _) => Ok(()),
            (Repair::Reset, stage) => {
                drop(stage);
                self.place.as_ref().map_or(Ok(()), Place::reset)
            }
        }
    }
}

impl<C: Clock> Capture for Device<C> {
    fn next(&mut self, wait: Duration) -> Event {
        let deadline = self.clock.now().plus(wait);
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            let left = deadline.since(self.clock.now());
            if left.is_zero() {
                return Event::Nothing;
            }
            self.advance(left);
        }
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// A file that stays the same device's, whatever is plugged in before it; `file` if there is none.
pub fn steady_name(file: &Path) -> PathBuf {
    let by = Path::new("/dev/v4l/by-path");
    let Ok(entries) = std::fs::read_dir(by) else { return file.to_owned() };
    let device = std::fs::canonicalize(file).ok();
    let same = |path: &PathBuf| std::fs::canonicalize(path).ok() == device;
    entries.flatten().map(|entry| entry.path()).find(same).unwrap_or_else(|| file.to_owned())
}
