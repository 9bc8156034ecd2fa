//! Streams, and a decode stage that plays them.

use std::sync::{Arc, Mutex};

use courtside::clock::SystemClock;
use futures_lite::future::block_on;
use hal::PixelFormat;
use hal::encode::{BitsPerSecond, Config, EncodeVideo as _, FrameRate};
use hal::surface::{DownloadError, HostPicture, Plane, Scan, Surface, SurfaceMemory, SurfacePool};
use ingest::access_unit::{AccessUnit, MediaItem, Track, VideoTrack};
use libav::encode::Encoder;
use pipeline::links::{FrameItem, FrameWaits, Sounds, SourceItem};
use pipeline::source::{DecodeStage, Decoders, Pace, SourceLinks, decode};
use wire::codec::VideoCodec;
use wire::time::{MediaTime, Monotonic};
use wire::units::PictureSize;

/// Ticks of 1/90 000 s in a frame at 25 frames a second.
pub(crate) const FRAME: i64 = 3_600;
/// Pictures from one keyframe to the next: two seconds.
pub(crate) const GOP: usize = 50;

/// Grey, each picture another.
struct Grey {
    size: PictureSize,
    luma: Vec<u8>,
    chroma: Vec<u8>,
}

impl SurfaceMemory for Grey {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let stride = usize::from(self.size.width);
        let planes = [&self.luma[..], &self.chroma, &[]].map(|data| Plane { data, stride });
        Ok(HostPicture { size: self.size, format: PixelFormat::Nv12, planes })
    }
}

/// The grey of picture `n`: neighbours differ by far more than an encoder's error.
pub(crate) fn grey(n: i64) -> u8 {
    (40 + n % 20 * 8) as u8
}

/// A stream of `frames` pictures from the `first` one on: its track, and an access unit each.
pub(crate) fn film((width, height): (u16, u16), first: i64, frames: i64) -> Film {
    let size = PictureSize { width, height };
    let pixels = usize::from(width) * usize::from(height);
    let mut encoder = Encoder::open(&Config {
        codec: VideoCodec::H264,
        size,
        frame_rate: FrameRate::from_hz(25),
        scan: Scan::Progressive,
        bitrate: BitsPerSecond::from_kilobits(500),
    })
    .expect("FFmpeg has libx264");
    let mut units = Vec::new();
    for n in first..first + frames {
        let memory = Grey { size, luma: vec![grey(n); pixels], chroma: vec![128; pixels / 2] };
        let surface = SurfacePool::new(1)
            .wrap(Box::new(memory), size, MediaTime(n * FRAME))
            .expect("a pool of its own");
        encoder.encode(&surface, &mut |unit| units.push(unit)).expect("a sound picture");
    }
    let track = VideoTrack {
        codec: VideoCodec::H264,
        record: encoder.config().record.clone().into(),
        width,
        height,
    };
    let unit = |unit: hal::encode::Unit| AccessUnit {
        track: Track::Video,
        pts: unit.pts,
        dts: unit.dts,
        keyframe: unit.keyframe,
        data: unit.data.into(),
        arrived: Monotonic(0),
    };
    Film { track, units: units.into_iter().map(unit).collect() }
}

pub(crate) struct Film {
    pub(crate) track: VideoTrack,
    pub(crate) units: Vec<AccessUnit>,
}

impl Film {
    pub(crate) fn items(self) -> Vec<MediaItem> {
        let units = self.units.into_iter().map(MediaItem::Unit);
        std::iter::once(MediaItem::Video(self.track)).chain(units).collect()
    }
}

/// What a source's decode stage made of some media.
pub(crate) struct Played {
    pub(crate) frames: Vec<Seen>,
    pub(crate) complaints: Vec<String>,
    pub(crate) links: Arc<SourceLinks>,
}

/// A picture that reached the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its time, in frames.
    pub(crate) at: i64,
    pub(crate) width: u16,
    pub(crate) follows_gap: bool,
}

impl Played {
    pub(crate) fn times(&self) -> Vec<i64> {
        self.frames.iter().map(|seen| seen.at).collect()
    }

    /// Times of the pictures that follow a gap.
    pub(crate) fn gaps(&self) -> Vec<i64> {
        self.frames.iter().filter(|seen| seen.follows_gap).map(|seen| seen.at).collect()
    }
}

/// Plays media into a decode stage, takes every picture, and looks whether it is the right one.
pub(crate) fn play(decoders: Arc<dyn Decoders>, items: Vec<MediaItem>) -> Played {
    let links = Arc::new(SourceLinks::new(Pace::Lossless));
    let frame_waits = Arc::new(FrameWaits::new());
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let stage = DecodeStage {
        source: 0,
        clock: Arc::new(SystemClock::start()),
        decoders,
        links: Arc::clone(&links),
        frame_waits: Arc::clone(&frame_waits),
        sounds: Arc::new(Sounds::new()),
        complain: {
            let complaints = Arc::clone(&complaints);
            Box::new(move |error| complaints.lock().expect("no panic").push(error.to_string()))
        },
    };
    let decoding = std::thread::spawn(move || block_on(decode(stage)));
    let taking = {
        let links = Arc::clone(&links);
        std::thread::spawn(move || block_on(take(&links, &frame_waits)))
    };
    for item in items {
        block_on(links.units.send(SourceItem::Media(item)));
    }
    block_on(links.units.send(SourceItem::End));
    let frames = taking.join().expect("every picture was the right one");
    block_on(links.units.send(SourceItem::Shutdown));
    decoding.join().expect("the stage ends");
    let complaints = std::mem::take(&mut *complaints.lock().expect("no panic"));
    Played { frames, complaints, links }
}

async fn take(links: &SourceLinks, frame_waits: &FrameWaits) -> Vec<Seen> {
    let mut frames = Vec::new();
    loop {
        frame_waits.wait().await;
        while let Some(item) = links.frames.take() {
            match item {
                FrameItem::Ended { .. } => return frames,
                FrameItem::Frame(frame) => {
                    let at = frame.surface.pts().0 / FRAME;
                    assert_in_place(&frame.surface, at);
                    let width = frame.surface.size().width;
                    frames.push(Seen { at, width, follows_gap: frame.follows_gap });
                }
            }
        }
    }
}

fn assert_in_place(surface: &Surface, at: i64) {
    let picture = surface.download().expect("it comes to host memory");
    let middle = picture.planes[0].stride * usize::from(picture.size.height) / 2 + 20;
    let seen = picture.planes[0].data[middle];
    assert!(seen.abs_diff(grey(at)) < 4, "picture {at} has luma {seen}, not {}", grey(at));
}
