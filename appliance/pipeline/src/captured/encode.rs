//! The encode stage of a source that is captured: pictures in, access units for the recorder out.
//!
//! ```text
//! Waiting ── picture ──► Recording ── nothing for SLATE_AFTER ──► Slate
//!                          ▲                                        │
//!                          └──────────────── picture ───────────────┘
//! ```
//!
//! On a thread of its own. While nothing comes it encodes a slate, so that the recording goes on
//! and says how long there was nothing. Before the first picture there is nothing to go on with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future;
use hal::capture::Rate;
use hal::encode::{BitsPerSecond, Config, EncodeError, EncodeVideo, FrameRate, Unit};
use hal::surface::{Scan, SurfacePool};
use hal::{Clock, Surface};
use ingest::access_unit::{AccessUnit, MediaItem, Track, VideoTrack};
use wire::codec::VideoCodec;
use wire::time::{MEDIA_HZ, MediaSpan, MediaTime, Monotonic};
use wire::units::PictureSize;

use super::slate::Slate;
use super::{Captured, PictureItem};
use crate::feeder::Feeder;
use crate::source::{FAILURES_MAX, SourceLinks};

/// When nothing has come for this long, the slate begins. Longer than a restart of a stream takes.
const SLATE_AFTER: Duration = Duration::from_millis(500);
/// Between two pictures of the slate: enough to see the seconds change.
const SLATE_EVERY: Duration = Duration::from_millis(200);
/// Pictures of the slate that exist at once.
const SLATES_MAX: usize = 2;
/// Pictures a second of a device that does not say.
const USUAL_RATE: Rate = Rate(30_000);
/// Bits for a pixel, where the operator does not say how many for a second: with the fastest
/// presets the ball is still a ball. In thousandths.
const MILLIBITS_A_PIXEL: u64 = 100;
/// Least and most that becomes of that.
const BITRATE_RANGE: (u64, u64) = (1_000_000, 40_000_000);

/// Opens encoders; implemented by the daemon, which picks the drivers.
pub trait Encoders: Send + Sync {
    /// Opens a video encoder.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] with the reason; the source is not recorded until its next format.
    fn open_video(&self, config: &Config) -> Result<Box<dyn EncodeVideo>, EncodeError>;
}

/// What the encode stage of one source works with.
pub struct EncodeStage<C> {
    /// The time.
    pub clock: Arc<C>,
    /// Opens encoders.
    pub encoders: Arc<dyn Encoders>,
    /// The source's links.
    pub links: Arc<SourceLinks>,
    /// Takes what is encoded.
    pub feeder: Feeder<C>,
    /// What the recording may have; without, as much as its size and rate ask for.
    pub bitrate: Option<BitsPerSecond>,
    /// Told about what was not encoded.
    pub complain: Box<dyn Fn(&EncodeError) + Send>,
}

/// Runs the encode stage of one source until [`PictureItem::Shutdown`]; hands the feeder back.
pub async fn encode<C: Clock>(stage: EncodeStage<C>) -> Feeder<C> {
    let links = Arc::clone(&stage.links);
    let clock = Arc::clone(&stage.clock);
    let mut state = Encoding {
        stage,
        open: None,
        newest: None,
        last: None,
        blank_since: None,
        slate: Slate,
        slates: SurfacePool::new(SLATES_MAX),
    };
    loop {
        let next = match state.slate_due() {
            None => links.pictures.receive().await,
            Some(due) => {
                let picture = async { Some(links.pictures.receive().await) };
                let silence = async {
                    clock.sleep_until(due).await;
                    None
                };
                match future::or(picture, silence).await {
                    Some(item) => item,
                    None => {
                        let _work = links.encode_beat.work();
                        state.slate().await;
                        continue;
                    }
                }
            }
        };
        let _work = links.encode_beat.work();
        match next {
            PictureItem::Picture(captured) => state.picture(captured).await,
            PictureItem::Shutdown => {
                state.close().await;
                return state.stage.feeder;
            }
        }
    }
}

struct Encoding<C> {
    stage: EncodeStage<C>,
    open: Option<Open>,
    /// Time and arrival of the newest captured picture.
    newest: Option<(MediaTime, Monotonic)>,
    /// When the last picture was encoded, slates included.
    last: Option<(MediaTime, Monotonic)>,
    /// When the newest captured picture came, if the slate is shown.
    blank_since: Option<Monotonic>,
    slate: Slate,
    slates: SurfacePool,
}

/// An encoder, or that there is none, and what it was opened for.
struct Open {
    shape: Shape,
    encoder: Option<Box<dyn EncodeVideo>>,
    /// Encoders of this shape that failed since the last access unit. At [`FAILURES_MAX`] there is
    /// none until the next shape.
    failures: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    size: PictureSize,
    scan: Scan,
    rate: Rate,
}

impl<C: Clock> Encoding<C> {
    async fn picture(&mut self, captured: Captured) {
        let Captured { surface, arrived, rate } = captured;
        let (size, scan) = (surface.size(), surface.scan());
        self.ensure_open(Shape { size, scan, rate: rate.unwrap_or(USUAL_RATE) }).await;
        if self.blank_since.take().is_some() {
            self.request_keyframe();
        }
        self.newest = Some((surface.pts(), arrived));
        if self.last.is_some_and(|(last, _)| surface.pts() <= last) {
            // It came while a slate stood in for it.
            self.stage.links.counters.pictures_dropped.count();
            return;
        }
        self.encode(&surface, arrived).await;
    }

    /// When the slate is to be shown, or shown again.
    fn slate_due(&self) -> Option<Monotonic> {
        self.open.as_ref()?.encoder.as_ref()?;
        let (_, last) = self.last?;
        let wait = if self.blank_since.is_some() { SLATE_EVERY } else { SLATE_AFTER };
        Some(last.plus(wait))
    }

    async fn slate(&mut self) {
        let size = self.open.as_ref().map(|open| open.shape.size);
        let (Some(size), Some((at, arrived))) = (size, self.newest) else { return };
        let now = self.stage.clock.now();
        if self.blank_since.replace(arrived).is_none() {
            self.request_keyframe();
        }
        let passed = now.since(arrived);
        let memory = Box::new(self.slate.draw(size, passed));
        let ticks = MediaSpan(passed.as_micros() as i64 * MEDIA_HZ / 1_000_000);
        let Some(surface) = self.slates.wrap(memory, size, at.plus(ticks)) else { return };
        self.stage.links.counters.slates.count();
        self.encode(&surface, now).await;
    }

    fn request_keyframe(&mut self) {
        if let Some(encoder) = self.open.as_mut().and_then(|open| open.encoder.as_mut()) {
            encoder.request_keyframe();
        }
    }

    async fn ensure_open(&mut self, shape: Shape) {
        let failures = match &self.open {
            Some(open) if open.shape == shape => {
                if open.encoder.is_some() || open.failures >= FAILURES_MAX {
                    return;
                }
                open.failures
            }
            Some(_) | None => 0,
        };
        self.close().await;
        let config = Config {
            codec: VideoCodec::H264,
            size: shape.size,
            frame_rate: FrameRate(shape.rate.0),
            scan: shape.scan,
            bitrate: self.stage.bitrate.unwrap_or_else(|| usual_bitrate(shape)),
        };
        let opened = self.stage.encoders.open_video(&config);
        let encoder = opened.inspect_err(|error| (self.stage.complain)(error)).ok();
        if let Some(encoder) = &encoder {
            let track = VideoTrack {
                codec: encoder.config().codec,
                record: Bytes::from(encoder.config().record.clone()),
                width: shape.size.width,
                height: shape.size.height,
            };
            self.stage.feeder.record(MediaItem::Video(track)).await;
        }
        // One that is refused would be refused again.
        let failures = if encoder.is_some() { failures } else { FAILURES_MAX };
        self.open = Some(Open { shape, encoder, failures });
    }

    async fn encode(&mut self, surface: &Surface, arrived: Monotonic) {
        self.last = Some((surface.pts(), arrived));
        let mut units = Vec::new();
        let open = self.open.as_mut();
        let Some((open, mut encoder)) = open.and_then(|o| o.encoder.take().map(|e| (o, e))) else {
            self.stage.links.counters.pictures_dropped.count();
            return;
        };
        let encoded = encoder.encode(surface, &mut |unit| units.push(unit));
        if !units.is_empty() {
            open.failures = 0;
        }
        let mut is_over = false;
        if let Err(error) = encoded {
            self.stage.links.counters.pictures_dropped.count();
            (self.stage.complain)(&error);
            is_over = matches!(error, EncodeError::Failed { .. });
        }
        if is_over {
            // The next picture opens another one, unless that was tried often enough.
            open.failures += 1;
        } else {
            open.encoder = Some(encoder);
        }
        self.hand_on(units, arrived).await;
    }

    async fn close(&mut self) {
        let Some(Open { encoder: Some(mut encoder), .. }) = self.open.take() else { return };
        let mut units = Vec::new();
        if let Err(error) = encoder.drain(&mut |unit| units.push(unit)) {
            (self.stage.complain)(&error);
        }
        let now = self.stage.clock.now();
        self.hand_on(units, self.last.map_or(now, |(_, arrived)| arrived)).await;
    }

    async fn hand_on(&mut self, units: Vec<Unit>, arrived: Monotonic) {
        for Unit { pts, dts, keyframe, data } in units {
            let data = Bytes::from(data);
            let unit = AccessUnit { track: Track::Video, pts, dts, keyframe, data, arrived };
            self.stage.feeder.record(MediaItem::Unit(unit)).await;
        }
    }
}

fn usual_bitrate(shape: Shape) -> BitsPerSecond {
    let pixels = u64::from(shape.size.width) * u64::from(shape.size.height);
    let bits = pixels * u64::from(shape.rate.0) / 1_000 * MILLIBITS_A_PIXEL / 1_000;
    let (least, most) = BITRATE_RANGE;
    BitsPerSecond(bits.clamp(least, most) as u32)
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
