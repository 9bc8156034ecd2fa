//! What becomes of pictures whose encoder does not work.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use hal::decode::VideoConfig;
use hal::surface::{DownloadError, HostPicture, SurfaceMemory};
use wire::time::{ClockQuality, WallTime};

use super::*;
use crate::source::Pace;

/// It is always the beginning.
struct Beginning;

impl Clock for Beginning {
    fn now(&self) -> Monotonic {
        Monotonic(0)
    }

    fn wall(&self) -> (WallTime, ClockQuality) {
        (WallTime(0), ClockQuality::Unknown)
    }

    async fn sleep_until(&self, at: Monotonic) {
        if at > self.now() {
            std::future::pending().await
        }
    }
}

/// Encoders that fail from their first picture on, but for those of this number (from 0).
#[derive(Default)]
struct Failing {
    works: Option<usize>,
    opened: Arc<Mutex<usize>>,
}

impl Encoders for Failing {
    fn open_video(&self, config: &Config) -> Result<Box<dyn EncodeVideo>, EncodeError> {
        let mut opened = self.opened.lock().unwrap();
        let works = self.works == Some(*opened);
        *opened += 1;
        let config = VideoConfig { codec: config.codec, record: Vec::new() };
        Ok(Box::new(Encoder { config, works }))
    }
}

struct Encoder {
    config: VideoConfig,
    works: bool,
}

impl EncodeVideo for Encoder {
    fn encode(
        &mut self,
        surface: &Surface,
        deliver: &mut dyn FnMut(Unit),
    ) -> Result<(), EncodeError> {
        if !self.works {
            return Err(EncodeError::Failed { encoder: "stand-in", reason: "as told".to_owned() });
        }
        let (pts, data) = (surface.pts(), vec![0; 8]);
        deliver(Unit { pts, dts: pts, keyframe: true, data });
        Ok(())
    }

    fn request_keyframe(&mut self) {}

    fn drain(&mut self, _: &mut dyn FnMut(Unit)) -> Result<(), EncodeError> {
        Ok(())
    }

    fn config(&self) -> &VideoConfig {
        &self.config
    }

    fn name(&self) -> &str {
        "stand-in"
    }
}

struct Nothing;

impl SurfaceMemory for Nothing {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        Err(DownloadError { driver: "stand-in", reason: "there are no pixels".to_owned() })
    }
}

fn picture(number: i64, width: u16) -> PictureItem {
    let size = PictureSize { width, height: 90 };
    let pts = MediaTime::from_millis(40 * number);
    let surface = SurfacePool::new(1).wrap(Box::new(Nothing), size, pts).expect("one is free");
    PictureItem::Picture(Captured { surface, arrived: Monotonic(0), rate: None })
}

/// Runs pictures of these widths through the stage; encoders that were opened, and pictures that
/// are not in the recording.
fn run(encoders: Failing, widths: &[u16]) -> (usize, u64) {
    let links = Arc::new(SourceLinks::new(Pace::Live));
    let clock = Arc::new(Beginning);
    let opened = Arc::clone(&encoders.opened);
    let stage = EncodeStage {
        clock: Arc::clone(&clock),
        encoders: Arc::new(encoders),
        links: Arc::clone(&links),
        feeder: Feeder::new(clock, Arc::clone(&links)),
        bitrate: None,
        complain: Box::new(|_| {}),
    };
    let mut stage = pin!(encode(stage));
    let mut context = Context::from_waker(Waker::noop());
    let items = (0..).zip(widths).map(|(number, width)| picture(number, *width));
    for item in items.chain([PictureItem::Shutdown]) {
        links.pictures.try_send(item).expect("the stage takes one after the other");
        if stage.as_mut().poll(&mut context).is_ready() {
            return (*opened.lock().unwrap(), links.counters.pictures_dropped.get());
        }
    }
    panic!("the stage did not end");
}

#[test]
fn an_encoder_that_always_fails_is_opened_three_times_and_its_pictures_are_counted() {
    assert_eq!(run(Failing::default(), &[160; 20]), (3, 20));
}

#[test]
fn another_size_has_all_its_tries_whatever_the_one_before_had() {
    assert_eq!(run(Failing::default(), &[160, 160, 320, 320, 320, 320]), (5, 6));
}

#[test]
fn another_size_is_another_try_and_one_that_works_takes_the_rest() {
    let mut widths = vec![160; 10];
    widths.extend([320; 10]);
    assert_eq!(run(Failing { works: Some(4), ..Failing::default() }, &widths), (5, 11));
}
