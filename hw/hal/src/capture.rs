//! Capture: raw pictures out of a device, such as an SDI or HDMI card.
//!
//! A device is asked for what comes next, and that is never an error: a signal that is lost, and a
//! device that is repaired or gone, are things that happen, one after the other. The driver goes
//! on by itself. Knows no compressed media, and not what becomes of a picture.

use std::fmt;
use std::time::Duration;

use wire::time::Monotonic;
use wire::units::PictureSize;

use crate::surface::Surface;

/// A capture device of one source.
pub trait Capture: Send {
    /// Waits for what comes next, at most `wait`; then [`Event::Nothing`]. A driver that repairs
    /// its device may take as long as the system takes for that.
    fn next(&mut self, wait: Duration) -> Event;

    /// Which device and driver, for reports: `vivid at platform:vivid-000, HDMI 0`.
    fn name(&self) -> &str;
}

/// What comes from a device.
#[derive(Debug)]
pub enum Event {
    /// Nothing came in time.
    Nothing,
    /// A picture of the newest [`Format`].
    Picture(Picture),
    /// There is a signal, and what follows has this format. Told before the first picture, and at
    /// each change.
    Format(Format),
    /// There is no signal. Pictures come again after a [`Event::Format`].
    Lost(NoSignal),
    /// There may be a signal, but no pictures come; this is done about it.
    Stalled {
        /// What is done.
        repair: Repair,
        /// What is wrong.
        reason: String,
    },
    /// All repairs were tried in vain. Told once; they are tried again and again.
    GivenUp {
        /// What is wrong, and what a technician can do.
        reason: String,
    },
}

/// A captured picture.
#[derive(Debug)]
pub struct Picture {
    /// The picture, in the driver's memory. Its time is its capture time on the box's clock.
    pub surface: Surface,
    /// When it was captured: its last row, where the driver knows.
    pub arrived: Monotonic,
    /// Pictures that were captured or should have been since the one before, and are lost.
    pub lost: u32,
}

/// The shape of captured pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Columns and rows.
    pub size: PictureSize,
    /// Layout of the pixels in the device's memory, as its vendor names it: `UYVY`.
    pub pixels: String,
    /// Pictures a second; `None` where the device does not say.
    pub rate: Option<Rate>,
    /// The signal's timings, where it has any: SDI and HDMI.
    pub timings: Option<Timings>,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.timings, self.rate) {
            (Some(timings), _) => write!(f, "{timings}")?,
            (None, Some(rate)) => write!(f, "{}x{} at {rate}", self.size.width, self.size.height)?,
            (None, None) => write!(f, "{}x{}", self.size.width, self.size.height)?,
        }
        write!(f, " as {}", self.pixels)
    }
}

/// Pictures a second, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u32);

impl Rate {
    /// From one picture to the next.
    pub fn interval(self) -> Duration {
        Duration::from_nanos(1_000_000_000_000 / u64::from(self.0.max(1)))
    }
}

/// `50`, or `59.94`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1_000, self.0 % 1_000 / 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, hundredths) => write!(f, "{whole}.{hundredths:02}"),
        }
    }
}

/// What an SDI or HDMI signal says of its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Visible columns and rows.
    pub size: PictureSize,
    /// How the rows are sent.
    pub rows: SentRows,
    /// Whole pictures a second.
    pub rate: Rate,
}

/// How a signal sends the rows of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentRows {
    /// All, one after the other.
    Progressive,
    /// Every second one, and then the others.
    Interlaced,
}

/// As broadcasters write it: `1080p50`; `1080i50` has fifty halves a second.
impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PictureSize { width, height } = self.size;
        // Everybody knows how wide these are.
        if !matches!((width, height), (1280, 720) | (1920, 1080) | (3840, 2160)) {
            write!(f, "{width}x")?;
        }
        match self.rows {
            SentRows::Progressive => write!(f, "{height}p{}", self.rate),
            SentRows::Interlaced => write!(f, "{height}i{}", Rate(2 * self.rate.0)),
        }
    }
}

/// Why there is no signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSignal {
    /// Nothing is plugged in, or it is off.
    Nothing,
    /// Something is there that the device cannot hold on to.
    Unstable,
    /// The device cannot take what is sent.
    OutOfRange,
}

impl fmt::Display for NoSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no signal: is the cable in, and the camera on?",
            Self::Unstable => "the signal is not steady: is the cable too long, or damaged?",
            Self::OutOfRange => "the device cannot take the signal's format: set the camera lower",
        })
    }
}

/// What is done about a device that delivers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Its stream is stopped and started.
    Restart,
    /// It is closed and opened.
    Reopen,
    /// Its driver is made to take it up anew.
    Reset,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "its stream is restarted",
            Self::Reopen => "it is opened anew",
            Self::Reset => "it is reset",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_are_told_as_broadcasters_write_them() {
        let timings = |width, height, rows, rate| {
            let size = PictureSize { width, height };
            Timings { size, rows, rate: Rate(rate) }.to_string()
        };
        assert_eq!(timings(1920, 1080, SentRows::Progressive, 50_000), "1080p50");
        assert_eq!(timings(1920, 1080, SentRows::Interlaced, 25_000), "1080i50");
        assert_eq!(timings(1280, 720, SentRows::Progressive, 59_940), "720p59.94");
        assert_eq!(timings(1024, 768, SentRows::Progressive, 60_004), "1024x768p60");
    }
}
