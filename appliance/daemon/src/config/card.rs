//! A source of kind `v4l2`: which capture device, and how it is to deliver.

use std::path::PathBuf;

use hal::capture::Rate;
use hal::encode::BitsPerSecond;
use v4l2::Pixels;
use wire::units::PictureSize;

use document::{Entry, Key, Section, wish};

pub(super) const DEVICE: Key = Key::new("device", "\"/dev/video0\"");
pub(super) const INPUT: Key = Key::new("input", "\"HDMI 0\"");
pub(super) const FORMAT: Key = Key::new("format", "\"UYVY\"");
pub(super) const SIZE: Key = Key::new("size", "[1920, 1080]");
pub(super) const RATE: Key = Key::new("rate", "50");
pub(super) const BITRATE: Key = Key::new("bitrate_kbps", "8000");

/// A capture device and how it is to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its file.
    pub device: PathBuf,
    /// Name, beginning of the name, or number of its input; without, the one in use.
    pub input: Option<String>,
    /// Layout of its pixels; without, the best that it has.
    pub pixels: Option<Pixels>,
    /// Size, where no signal dictates it.
    pub size: Option<PictureSize>,
    /// Pictures a second, where no signal dictates them.
    pub rate: Option<Rate>,
    /// What the recording may have; without, what suits its size and rate.
    pub bitrate: Option<BitsPerSecond>,
}

impl Card {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let device = section.required("device").and_then(|entry| device(&entry));
        let input = wish(section.optional("input"), |entry| entry.filled().map(str::to_owned));
        let pixels = wish(section.optional("format"), |entry| {
            let names = [("NV12", Pixels::Nv12), ("UYVY", Pixels::Uyvy), ("YUYV", Pixels::Yuyv)];
            entry.one_of(&names)
        });
        let size = wish(section.optional("size"), size);
        let rate = wish(section.optional("rate"), |entry| {
            let rate = entry.within(1.0, 240.0, "a camera takes 1 to 240 pictures a second")?;
            Some(Rate((rate * 1_000.0).round() as u32))
        });
        let bitrate = wish(section.optional("bitrate_kbps"), |entry| {
            let most = "a recording of 500 to 100000 kbit/s makes sense";
            let rate = entry.within(500.0, 100_000.0, most)?;
            Some(BitsPerSecond::from_kilobits(rate as u32))
        });
        Some(Self {
            device: device?,
            input: input?,
            pixels: pixels?,
            size: size?,
            rate: rate?,
            bitrate: bitrate?,
        })
    }
}

/// The file of a device. That it is there is not asked: it may be plugged in later.
fn device(entry: &Entry<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(entry.filled()?);
    if path.is_absolute() && path.starts_with("/dev") {
        return Some(path);
    }
    entry.refuse_with_example(
        "a device is a file below /dev; `courtside devices` tells which there are, and their names \
         that stay whatever else is plugged in",
    );
    None
}

fn size(entry: &Entry<'_>) -> Option<PictureSize> {
    let numbers = entry.numbers()?;
    let side = |number: f64| {
        let fits = (64.0..=8192.0).contains(&number) && number % 2.0 == 0.0;
        fits.then_some(number as u16)
    };
    if let [width, height] = numbers.as_slice()
        && let (Some(width), Some(height)) = (side(*width), side(*height))
    {
        return Some(PictureSize { width, height });
    }
    entry.refuse_with_example("a size is [columns, rows], even numbers from 64 to 8192");
    None
}
