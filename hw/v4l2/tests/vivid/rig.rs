//! The device on trial: what it is told to show, and what comes out of the driver.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hal::Clock;
use hal::capture::{Capture, Event, Format, NoSignal, Picture, Repair};
use v4l::control::{Control, Value};
use v4l2::{Device, Pixels, Wanted};
use wire::time::{ClockQuality, Monotonic, WallTime};

const OSD_TEXT: u32 = 0x00f0_f001;
const FILLED_SHARE: u32 = 0x00f0_f029;
const SIGNAL_MODE: u32 = 0x00f0_f03e;
const SELECTED: u32 = 0x00f0_f03f;
const DROPPED_SHARE: u32 = 0x00f0_f040;
const DISCONNECT: u32 = 0x00f0_f041;
const BREAK_STREAM: u32 = 0x00f0_f046;
/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What is plugged into the device.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plugged {
    /// Nothing.
    Nothing,
    /// Something without a steady clock.
    Unstable,
    /// 1280 x 720, 50 pictures a second.
    P720,
    /// 1920 x 1080, 50 pictures a second.
    P1080,
    /// 1920 x 1080, 50 halves of pictures a second.
    I1080,
}

/// Real time.
pub(crate) struct RealClock(Instant);

impl Clock for RealClock {
    #[allow(clippy::disallowed_methods, reason = "a real device has real time")]
    fn now(&self) -> Monotonic {
        Monotonic(Instant::now().duration_since(self.0).as_micros() as u64)
    }

    fn wall(&self) -> (WallTime, ClockQuality) {
        (WallTime(0), ClockQuality::Unknown)
    }

    async fn sleep_until(&self, _: Monotonic) {
        unreachable!("the driver waits in the kernel")
    }
}

/// A clock that starts now.
#[allow(clippy::disallowed_methods, reason = "a real device has real time")]
pub(crate) fn real_clock() -> RealClock {
    RealClock(Instant::now())
}

/// The file of the test device; `None`, and told, where there is none and need be none.
pub(crate) fn device_file() -> Option<PathBuf> {
    let found = v4l2::list::all("/sys".as_ref(), "/dev".as_ref());
    let vivid =
        found.into_iter().find(|found| found.card.as_ref().is_ok_and(|c| c.driver == "vivid"));
    if vivid.is_none() {
        let is_needed = std::env::var_os("COURTSIDE_NEEDS_VIVID").is_some();
        assert!(!is_needed, "this machine was made for its vivid device, and has none");
        println!("SKIPPED: no vivid device here; scripts/test-vm brings a machine that has one");
    }
    vivid.map(|found| found.file)
}

/// Tells the device what it is to be.
pub(crate) struct Vivid(PathBuf);

impl Vivid {
    fn set(&self, id: u32, value: i64) {
        let device = v4l::Device::with_path(&self.0).expect("it is there");
        device.set_control(Control { id, value: Value::Integer(value) }).expect("vivid has it");
    }

    pub(crate) fn plug(&self, what: Plugged) {
        match what {
            Plugged::Nothing => self.set(SIGNAL_MODE, 1),
            Plugged::Unstable => self.set(SIGNAL_MODE, 2),
            Plugged::P720 => self.select(8),
            Plugged::P1080 => self.select(14),
            Plugged::I1080 => self.select(13),
        }
    }

    fn select(&self, timings: i64) {
        self.set(SIGNAL_MODE, 4);
        self.set(SELECTED, timings);
    }

    /// A tenth of each picture is drawn, without text: an emulated processor draws no more.
    pub(crate) fn draw_little(&self) {
        self.set(FILLED_SHARE, 10);
        self.set(OSD_TEXT, 2);
    }

    pub(crate) fn drop_percent(&self, percent: i64) {
        self.set(DROPPED_SHARE, percent);
    }

    pub(crate) fn break_stream(&self) {
        self.set(BREAK_STREAM, 1);
    }

    pub(crate) fn disconnect(&self) {
        self.set(DISCONNECT, 1);
    }
}

/// A driver and its device.
pub(crate) struct Rig {
    pub(crate) vivid: Vivid,
    pub(crate) clock: Arc<RealClock>,
    pub(crate) device: Device<RealClock>,
}

impl Rig {
    /// `None` where there is no test device.
    pub(crate) fn new(what: Plugged, pixels: Option<Pixels>) -> Option<Self> {
        let file = device_file()?;
        let vivid = Vivid(file.clone());
        vivid.drop_percent(0);
        vivid.draw_little();
        vivid.plug(what);
        let clock = Arc::new(real_clock());
        let device = Device::new(wanted(file, pixels), Arc::clone(&clock));
        Some(Self { vivid, clock, device })
    }

    /// What `pick` makes of the next event that it takes. Panics if none comes.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(Event) -> Result<T, Event>,
    ) -> T {
        let deadline = self.clock.now().plus(PATIENCE);
        let mut others = Vec::new();
        while self.clock.now() < deadline {
            match pick(self.device.next(Duration::from_millis(50))) {
                Ok(picked) => return picked,
                Err(Event::Nothing) => {}
                Err(Event::Picture(picture)) => others.push(format!("{:?}", picture.surface)),
                Err(other) => others.push(format!("{other:?}")),
            }
        }
        let tail = &others[others.len().saturating_sub(20)..];
        panic!("{what} did not come within {PATIENCE:?}, but {tail:?}")
    }

    pub(crate) fn picture(&mut self) -> Picture {
        self.until("a picture", |event| {
            if let Event::Picture(picture) = event { Ok(picture) } else { Err(event) }
        })
    }

    pub(crate) fn format(&mut self) -> Format {
        self.until("a format", |event| {
            if let Event::Format(format) = event { Ok(format) } else { Err(event) }
        })
    }

    pub(crate) fn lost(&mut self) -> NoSignal {
        self.until("the loss of the signal", |event| {
            if let Event::Lost(why) = event { Ok(why) } else { Err(event) }
        })
    }

    pub(crate) fn given_up(&mut self) -> String {
        self.until("giving up", |event| {
            if let Event::GivenUp { reason } = event { Ok(reason) } else { Err(event) }
        })
    }

    /// The next repairs, in this order.
    pub(crate) fn climbs(&mut self, repairs: &[Repair]) {
        for repair in repairs {
            let (done, reason) = self.stalled();
            assert_eq!(done, *repair, "{reason}");
        }
    }

    pub(crate) fn stalled(&mut self) -> (Repair, String) {
        self.until("a repair", |event| {
            if let Event::Stalled { repair, reason } = event {
                Ok((repair, reason))
            } else {
                Err(event)
            }
        })
    }
}

pub(crate) fn wanted(file: PathBuf, pixels: Option<Pixels>) -> Wanted {
    Wanted { file, input: None, pixels, size: None, rate: None }
}
