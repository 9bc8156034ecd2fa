//! The two stages of a captured source, and what leaves them: frames as inference takes them,
//! access units as the recorder gets them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use courtside::clock::SystemClock;
use courtside::drivers::Software;
use courtside::stages::spawn;
use embassy_sync::channel::TryReceiveError;
use futures_lite::future::block_on;
use hal::Clock;
use hal::capture::Capture;
use hal::decode::{Packet, VideoConfig};
use hal::surface::SurfacePool;
use ingest::access_unit::{AccessUnit, MediaItem};
use pipeline::captured::encode::{EncodeStage, encode};
use pipeline::captured::{CaptureStage, Happening, PictureItem, capture};
use pipeline::feeder::Feeder;
use pipeline::links::{FrameItem, FrameWaits, SourceItem};
use pipeline::record::{MemoryStore, Recorder};
use pipeline::source::{Decoders, Pace, SourceLinks};
use wire::time::MediaTime;

/// What inference was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Seen {
    Frame { at: MediaTime, follows_gap: bool, age: Duration },
    Ended { at: MediaTime },
}

/// The stages at work.
pub(crate) struct Bench {
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) links: Arc<SourceLinks>,
    pub(crate) happened: Arc<Mutex<Vec<Happening>>>,
    frame_waits: Arc<FrameWaits>,
    stop: Arc<AtomicBool>,
    capturing: JoinHandle<()>,
    encoding: JoinHandle<Feeder<SystemClock>>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) items: Vec<MediaItem>,
}

impl Bench {
    pub(crate) fn start(
        clock: &Arc<SystemClock>,
        device: impl FnOnce() -> Box<dyn Capture>,
    ) -> Self {
        let links = Arc::new(SourceLinks::new(Pace::Live));
        let frame_waits = Arc::new(FrameWaits::new());
        let (stop, happened) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<_>>>::default());
        let told = Arc::clone(&happened);
        let stage = CaptureStage {
            clock: Arc::clone(clock),
            device: device(),
            links: Arc::clone(&links),
            frame_waits: Arc::clone(&frame_waits),
            tell: Box::new(move |happening| told.lock().expect("whole").push(happening)),
        };
        let encoding = EncodeStage {
            clock: Arc::clone(clock),
            encoders: Arc::new(Software),
            links: Arc::clone(&links),
            feeder: Feeder::new(Arc::clone(clock), Arc::clone(&links)),
            bitrate: None,
            complain: Box::new(|error| panic!("everything can be encoded: {error}")),
        };
        let stopping = Arc::clone(&stop);
        let capturing = spawn("capture", move || {
            let links = Arc::clone(&stage.links);
            capture(stage, || stopping.load(Ordering::Relaxed));
            block_on(links.pictures.send(PictureItem::Shutdown));
        });
        let encoding = spawn("encode", move || block_on(encode(encoding)));
        Self {
            clock: Arc::clone(clock),
            links,
            happened,
            frame_waits,
            stop,
            capturing: capturing.expect("a thread"),
            encoding: encoding.expect("a thread"),
            seen: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Takes what comes, as inference and the recorder would, until `done`; at most `most`.
    pub(crate) fn run(&mut self, most: Duration, done: impl Fn(&Self) -> bool) {
        let until = self.clock.now().plus(most);
        while !done(self) {
            assert!(self.clock.now() < until, "not done after {most:?}: {:?}", self.happened);
            let wait = self.clock.now().plus(Duration::from_millis(10));
            let waits = async { self.frame_waits.wait().await };
            block_on(futures_lite::future::or(waits, self.clock.sleep_until(wait)));
            self.take();
        }
    }

    fn take(&mut self) {
        while let Some(item) = self.links.frames.take() {
            self.seen.push(match item {
                FrameItem::Frame(frame) => Seen::Frame {
                    at: frame.surface.pts(),
                    follows_gap: frame.follows_gap,
                    age: self.clock.now().since(frame.arrived.monotonic),
                },
                FrameItem::Ended { at } => Seen::Ended { at },
            });
        }
        loop {
            match self.links.packets.try_receive() {
                Ok(SourceItem::Media(item)) => self.items.push(item),
                Ok(other) => panic!("a captured source has no gaps and no end: {other:?}"),
                Err(TryReceiveError::Empty) => return,
            }
        }
    }

    /// Stops the stages, which empty themselves.
    pub(crate) fn finish(mut self) -> Taken {
        self.stop.store(true, Ordering::Relaxed);
        while !self.encoding.is_finished() {
            self.take();
            let wait = self.clock.now().plus(Duration::from_millis(5));
            block_on(self.clock.sleep_until(wait));
        }
        self.take();
        self.capturing.join().expect("it did not panic");
        self.encoding.join().expect("it did not panic");
        let happened = self.happened.lock().expect("whole").clone();
        Taken { seen: self.seen, items: self.items, happened, links: self.links }
    }
}

/// What left the stages.
pub(crate) struct Taken {
    pub(crate) seen: Vec<Seen>,
    pub(crate) items: Vec<MediaItem>,
    pub(crate) happened: Vec<Happening>,
    pub(crate) links: Arc<SourceLinks>,
}

impl Taken {
    pub(crate) fn units(&self) -> Vec<&AccessUnit> {
        self.items
            .iter()
            .filter_map(|item| match item {
                MediaItem::Unit(unit) => Some(unit),
                MediaItem::Video(_) | MediaItem::Audio(_) => None,
            })
            .collect()
    }

    /// Every recorded picture with the mean of its luma, as a decoder shows it.
    pub(crate) fn shown(&self) -> Vec<(MediaTime, u8)> {
        let mut shown = Vec::new();
        let mut decoder = None;
        for item in &self.items {
            match item {
                MediaItem::Video(track) => {
                    let config = VideoConfig { codec: track.codec, record: track.record.to_vec() };
                    let opened = Decoders::open_video(&Software, &config, SurfacePool::new(24));
                    decoder = Some(opened.expect("the encoder's record opens a decoder"));
                }
                MediaItem::Unit(unit) => {
                    let packet = Packet { data: &unit.data, pts: unit.pts, dts: unit.dts };
                    let decoder = decoder.as_mut().expect("the track was announced");
                    let decoded = decoder.decode(packet, &mut |surface| {
                        let picture = surface.download().expect("it is in host memory");
                        let (width, luma) = (usize::from(picture.size.width), picture.planes[0]);
                        // What lies between the rows is no picture.
                        let rows = luma.data.chunks(luma.stride).map(|row| &row[..width]);
                        let pixels = rows.flatten().map(|pixel| u64::from(*pixel));
                        let count = width as u64 * u64::from(picture.size.height);
                        shown.push((surface.pts(), (pixels.sum::<u64>() / count) as u8));
                    });
                    decoded.expect("what was encoded can be decoded");
                }
                MediaItem::Audio(_) => panic!("nobody sent sound"),
            }
        }
        shown
    }

    /// Puts everything through a recorder; panics if that loses any of it.
    pub(crate) fn record(&self) -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new(u64::MAX));
        let mut recorder = Recorder::new(store.clone());
        for item in &self.items {
            recorder.handle(item.clone()).expect("recorded");
        }
        recorder.finish().expect("recorded");
        assert_eq!(recorder.losses(), Default::default());
        store
    }
}
