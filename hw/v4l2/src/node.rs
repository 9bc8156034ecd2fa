//! An open device: what it is, its inputs, and its formats, which are set here.

use std::io;
use std::os::fd::RawFd;
use std::path::Path;

use hal::capture::{Format, NoSignal, Rate, SentRows, Timings};
use hal::surface::{Half, Scan};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::v4l_sys as sys;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, FourCC, Fraction};
use wire::units::PictureSize;

use crate::fault::Fault;
use crate::ioctl::{self, Layout};
use crate::negotiate::{self, Pixels, Sizes};
use crate::queue::Shape;
use crate::timings::{self, Answer};

/// Most inputs and layouts that are looked at: no device has more, and a broken driver could go on
/// for ever.
const INPUTS_MAX: u32 = 32;
const LAYOUTS_MAX: u32 = 64;

/// An open capture device with one of its inputs in use.
pub(crate) struct Node {
    device: Device,
    name: String,
    driver: String,
    input: Option<Input>,
}

/// An input of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) has_timings: bool,
    pub(crate) status: u32,
}

/// What a device says of its signal.
#[derive(Clone, Copy)]
pub(crate) enum Signal {
    /// There is one; with its timings, where it has any.
    Present(Option<(sys::v4l2_dv_timings, Timings)>),
    /// There is none.
    Lost(NoSignal),
    /// It cannot tell now.
    Unknown,
}

impl Node {
    /// Opens a device.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let device =
            Device::with_path(path).map_err(|error| Fault::of(&error, not_opened(path, &error)))?;
        let file = path.display();
        let refused = |why: &str| Fault::refused(format!("{file} {why}"));
        let told = ioctl::capability(device.handle().fd())
            .map_err(|error| Fault::of(&error, format!("{file} is no video device ({error})")))?;
        let caps = if told.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0 {
            told.device_caps
        } else {
            told.capabilities
        };
        if caps & sys::V4L2_CAP_VIDEO_CAPTURE == 0 {
            return Err(refused(if caps & sys::V4L2_CAP_VIDEO_CAPTURE_MPLANE != 0 {
                "delivers pictures in several planes, which is not supported"
            } else {
                "does not capture video; `courtside devices` tells which do"
            }));
        }
        if caps & sys::V4L2_CAP_STREAMING == 0 {
            return Err(refused("has no buffers that can be mapped, which is not supported"));
        }
        let name = format!("{} at {}", text(&told.card), text(&told.bus_info));
        let driver = text(&told.driver);
        Ok(Self { device, name, driver, input: None })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.device.handle().fd()
    }

    /// What it is and where: `vivid at platform:vivid-000`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its driver.
    pub(crate) fn driver(&self) -> &str {
        &self.driver
    }

    pub(crate) fn inputs(&self) -> Vec<Input> {
        let input = |raw: sys::v4l2_input| Input {
            index: raw.index,
            name: text(&raw.name),
            has_timings: raw.capabilities & sys::V4L2_IN_CAP_DV_TIMINGS != 0,
            status: raw.status,
        };
        (0..INPUTS_MAX).map_while(|index| ioctl::input(self.fd(), index)).map(input).collect()
    }

    /// Uses the input of that name or number; without either, the one that is in use.
    pub(crate) fn select(&mut self, wanted: Option<&str>) -> Result<(), Fault> {
        let inputs = self.inputs();
        let found = match wanted {
            None => {
                let current = ioctl::current_input(self.fd()).ok();
                inputs.iter().find(|input| i32::try_from(input.index).ok() == current)
            }
            Some(wanted) => {
                let found = find_input(&inputs, wanted);
                if found.is_none() {
                    let all: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
                    return Err(Fault::refused(format!(
                        "{} has no input {wanted:?} but {}; correct `input`, or leave it out",
                        self.name,
                        all.join(", ")
                    )));
                }
                found
            }
        };
        if let (Some(input), Some(_)) = (found, wanted) {
            let index = i32::try_from(input.index).unwrap_or(0);
            ioctl::select_input(self.fd(), index).map_err(|error| {
                Fault::of(&error, format!("input {} not taken: {error}", input.name))
            })?;
        }
        self.input = found.cloned();
        // Without events the signal is asked for now and then.
        let _ = ioctl::subscribe_source_changes(self.fd(), found.map_or(0, |input| input.index));
        Ok(())
    }

    /// Name of the input in use, where the device has any.
    pub(crate) fn input(&self) -> Option<&str> {
        self.input.as_ref().map(|input| input.name.as_str())
    }

    /// What is plugged in now.
    pub(crate) fn signal(&self) -> Signal {
        let Some(input) = &self.input else { return Signal::Present(None) };
        if input.has_timings {
            return match timings::understand(ioctl::query_timings(self.fd())) {
                Answer::Signal(raw, told) => Signal::Present(Some((raw, told))),
                Answer::None(why) => Signal::Lost(why),
                Answer::Never => Signal::Present(None),
                Answer::NotNow => Signal::Unknown,
            };
        }
        match ioctl::input(self.fd(), input.index) {
            Some(now) => timings::of_status(now.status).map_or(Signal::Present(None), Signal::Lost),
            None => Signal::Unknown,
        }
    }

    /// Layouts that the device has for its input.
    pub(crate) fn codes(&self) -> io::Result<Vec<[u8; 4]>> {
        let code = |index| ioctl::code_of_layout(self.fd(), index).transpose();
        (0..LAYOUTS_MAX).map_while(code).collect()
    }

    /// Sizes that the device has in one layout.
    pub(crate) fn sizes(&self, pixels: Pixels) -> Sizes {
        let sizes = self.device.enum_framesizes(FourCC::new(&pixels.code())).unwrap_or_default();
        let picture = |width: u32, height: u32| PictureSize {
            width: u16::try_from(width).unwrap_or(u16::MAX),
            height: u16::try_from(height).unwrap_or(u16::MAX),
        };
        let mut these = Vec::new();
        for size in sizes {
            match size.size {
                FrameSizeEnum::Discrete(size) => these.push(picture(size.width, size.height)),
                FrameSizeEnum::Stepwise(range) => {
                    return Sizes::Between(
                        picture(range.min_width, range.min_height),
                        picture(range.max_width, range.max_height),
                    );
                }
            }
        }
        Sizes::These(these)
    }

    /// Pictures a second that the device has of that layout and size, the most first.
    pub(crate) fn rates(&self, pixels: Pixels, size: PictureSize) -> Vec<Rate> {
        let (width, height) = (u32::from(size.width), u32::from(size.height));
        let code = FourCC::new(&pixels.code());
        let all = self.device.enum_frameintervals(code, width, height).unwrap_or_default();
        let mut rates: Vec<Rate> = all
            .into_iter()
            .filter_map(|interval| match interval.interval {
                FrameIntervalEnum::Discrete(fraction) => rate(fraction),
                FrameIntervalEnum::Stepwise(range) => rate(range.min),
            })
            .collect();
        rates.sort_unstable_by(|a, b| b.cmp(a));
        rates.dedup();
        rates
    }

    /// Sets the device up for `signal` and what is wanted. The stream must not run.
    pub(crate) fn configure(
        &self,
        signal: Option<(sys::v4l2_dv_timings, Timings)>,
        wanted: (Option<Pixels>, Option<PictureSize>, Option<Rate>),
    ) -> Result<(Shape, Format), Fault> {
        let (pixels, size, rate) = wanted;
        if let Some((raw, told)) = signal {
            ioctl::set_timings(self.fd(), raw).map_err(|error| {
                Fault::of(&error, format!("its timings could not be set to {told}: {error}"))
            })?;
        }
        let codes = self
            .codes()
            .map_err(|error| Fault::of(&error, format!("its layouts cannot be asked: {error}")))?;
        let pixels = negotiate::choose(&codes, pixels).map_err(Fault::refused)?;
        let told = signal.map(|(_, told)| told);
        let size = match (told, size) {
            // What is sent is taken; shrinking it is for whoever looks.
            (Some(told), _) => told.size,
            (None, Some(size)) => negotiate::fit(&self.sizes(pixels), size),
            (None, None) => self.usual_size(pixels),
        };
        let shape = self.layout(pixels, size, told)?;
        let rate = match told {
            Some(told) => Some(told.rate),
            None => self.pace(rate),
        };
        let format = Format { size: shape.size, pixels: pixels.to_string(), rate, timings: told };
        Ok((shape, format))
    }

    /// Without any wish: at most 1920 × 1080, which every lane is made for.
    fn usual_size(&self, pixels: Pixels) -> PictureSize {
        negotiate::fit(&self.sizes(pixels), PictureSize { width: 1920, height: 1080 })
    }

    fn layout(
        &self,
        pixels: Pixels,
        size: PictureSize,
        timings: Option<Timings>,
    ) -> Result<Shape, Fault> {
        let field = match timings.map(|timings| timings.rows) {
            Some(SentRows::Progressive) => sys::v4l2_field_V4L2_FIELD_NONE,
            Some(SentRows::Interlaced) => sys::v4l2_field_V4L2_FIELD_INTERLACED,
            None => sys::v4l2_field_V4L2_FIELD_ANY,
        };
        let (width, height) = (u32::from(size.width), u32::from(size.height));
        let wanted = Layout { width, height, code: pixels.code(), stride: 0, field };
        let got = ioctl::set_layout(self.fd(), &wanted).map_err(|error| {
            Fault::of(&error, format!("{pixels} of {width}x{height} not taken: {error}"))
        })?;
        let scan = match got.field {
            sys::v4l2_field_V4L2_FIELD_NONE | sys::v4l2_field_V4L2_FIELD_ANY => Scan::Progressive,
            sys::v4l2_field_V4L2_FIELD_INTERLACED_BT => Scan::Interlaced(Half::Lower),
            // The lower half comes first in 525 lines alone.
            sys::v4l2_field_V4L2_FIELD_INTERLACED if height <= 480 => Scan::Interlaced(Half::Lower),
            sys::v4l2_field_V4L2_FIELD_INTERLACED | sys::v4l2_field_V4L2_FIELD_INTERLACED_TB => {
                Scan::Interlaced(Half::Upper)
            }
            _ => {
                return Err(Fault::refused(
                    "it delivers the halves of an interlaced picture apart, which is not \
                     supported; set the camera to progressive",
                ));
            }
        };
        let sides = [got.width, got.height].map(u16::try_from);
        let stride = usize::try_from(got.stride).unwrap_or(0);
        let size = match sides {
            [Ok(width), Ok(height)] if width >= 16 && height >= 16 => PictureSize { width, height },
            _ => {
                let reason = format!("it has pictures of {} x {}", got.width, got.height);
                return Err(Fault::refused(reason));
            }
        };
        if got.code != pixels.code() || stride < pixels.row_bytes(size) || size.width % 2 == 1 {
            let code = String::from_utf8_lossy(&got.code).into_owned();
            return Err(Fault::refused(format!(
                "asked for {pixels}, it gives {code} of {width}x{height} with rows {stride} bytes \
                 apart, which is not supported"
            )));
        }
        Ok(Shape { size, stride, pixels, scan })
    }

    /// Asks for so many pictures a second; how many come.
    fn pace(&self, wanted: Option<Rate>) -> Option<Rate> {
        let now = || self.device.params().ok().map(|params| params.interval);
        let interval = match wanted {
            Some(Rate(millihertz)) => {
                let params = Parameters::new(Fraction::new(1_000, millihertz.max(1)));
                self.device.set_params(&params).ok().map(|params| params.interval).or_else(now)
            }
            None => now(),
        };
        interval.and_then(rate)
    }
}

/// An input by its name, the beginning of it, or its number.
fn find_input<'a>(inputs: &'a [Input], wanted: &str) -> Option<&'a Input> {
    let lower = wanted.to_lowercase();
    let is_named = |input: &&Input| input.name.to_lowercase() == lower;
    let begins = |input: &&Input| input.name.to_lowercase().starts_with(&lower);
    let number = wanted.parse::<u32>().ok();
    let is_numbered = |input: &&Input| Some(input.index) == number;
    let by = |test: &dyn Fn(&&Input) -> bool| inputs.iter().find(|input| test(input));
    by(&is_named).or_else(|| by(&is_numbered)).or_else(|| by(&begins))
}

fn rate(interval: Fraction) -> Option<Rate> {
    let millihertz = u64::from(interval.denominator) * 1_000 / u64::from(interval.numerator).max(1);
    u32::try_from(millihertz).ok().filter(|rate| *rate > 0).map(Rate)
}

/// The text of a field of bytes that ends with a zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
}

fn not_opened(path: &Path, error: &io::Error) -> String {
    let device = path.display();
    match error.raw_os_error() {
        Some(libc::ENOENT) => {
            format!("{device} is not there; is the device plugged in? See `courtside devices`")
        }
        Some(libc::EACCES | libc::EPERM) => {
            format!("{device} may not be opened; add the user of the box to the group `video`")
        }
        Some(libc::EBUSY) => {
            format!("{device} is used by somebody else; end whatever uses it")
        }
        Some(_) | None => format!("{device} cannot be opened: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Seen;

    #[test]
    fn an_input_is_found_by_name_number_or_beginning() {
        let input = |index, name: &str| Input {
            index,
            name: name.to_owned(),
            has_timings: true,
            status: 0,
        };
        let inputs = [input(0, "HDMI 0"), input(1, "SDI 2"), input(2, "SDI")];
        let found = |wanted| find_input(&inputs, wanted).map(|input| input.index);
        assert_eq!(found("sdi"), Some(2), "a whole name is better than the beginning of one");
        assert_eq!(found("hdmi"), Some(0));
        assert_eq!(found("1"), Some(1));
        assert_eq!(found("9"), None);
        assert_eq!(found("composite"), None);
    }

    #[test]
    fn a_device_that_is_not_there_is_told_with_what_to_do() {
        let told = Node::open(Path::new("/no/such/video")).err().expect("it is not there");
        assert!(told.reason.contains("/no/such/video is not there"), "{told:?}");
        assert_eq!(told.seen, Seen::Failure, "it may be plugged in");
        let told = Node::open(Path::new("/dev/null")).err().expect("it is no video device");
        assert!(told.reason.contains("no video device"), "{told:?}");
        assert_eq!(told.seen, Seen::Refused, "it will never be one");
    }
}
