//! Units of a link, and how people write them: `2mbit`, `128KB`, `1%`, `50ms`.
//!
//! Owns the words; must not know what a link does with them.

use core::fmt;
use core::num::NonZeroU64;
use core::str::FromStr;
use core::time::Duration;

/// Bits in a second on the line. Never zero: a line without a rate is one that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitsPerSecond(NonZeroU64);

/// A number of bytes, of whole IP packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A share in 1/1 000 000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMillion(pub u32);

/// A quantity that was written in a way that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}; write it like {examples}")]
pub struct ParseError {
    text: String,
    what: &'static str,
    examples: &'static str,
}

impl BitsPerSecond {
    /// That many bits in a second; `None` for zero.
    pub const fn new(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// That many thousands of bits in a second.
    ///
    /// # Panics
    /// When it is zero: a line without a rate is one that is down.
    pub const fn from_kbit(kbit: u64) -> Self {
        Self::new(kbit * 1_000).expect("a line has a rate; `Change::Down` takes it away")
    }

    /// That many millions of bits in a second.
    ///
    /// # Panics
    /// When it is zero: a line without a rate is one that is down.
    pub const fn from_mbit(mbit: u64) -> Self {
        Self::from_kbit(mbit * 1_000)
    }

    /// Bits in a second.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// How long a packet of `bytes` occupies the line, rounded up: the line is never too fast.
    pub fn time_of(self, bytes: usize) -> Duration {
        let bits = bytes as u128 * 8;
        let nanos = (bits * 1_000_000_000).div_ceil(u128::from(self.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl FromStr for BitsPerSecond {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let units = [("gbit", 1e9), ("mbit", 1e6), ("kbit", 1e3), ("bit", 1.0)];
        number_with_unit(text, &units)
            .and_then(|bits| Self::new(bits.round() as u64))
            .ok_or_else(|| ParseError::new(text, "a rate above zero", "`2mbit` or `512kbit`"))
    }
}

impl fmt::Display for BitsPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, kbit, mbit) = (self.get(), 1_000, 1_000_000);
        if bits >= mbit {
            write!(f, "{} Mbit/s", bits as f64 / mbit as f64)
        } else {
            write!(f, "{} kbit/s", bits as f64 / kbit as f64)
        }
    }
}

impl Bytes {
    /// That many times 1024 bytes.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib * 1_024)
    }
}

impl FromStr for Bytes {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let units = [("kib", 1024.0), ("mib", 1_048_576.0), ("kb", 1e3), ("mb", 1e6), ("b", 1.0)];
        number_with_unit(text, &units)
            .map(|bytes| Self(bytes.round() as u64))
            .ok_or_else(|| ParseError::new(text, "a size", "`128KB` (1000) or `128KiB` (1024)"))
    }
}

impl PerMillion {
    /// All of it.
    pub const ALL: Self = Self(1_000_000);

    /// That many hundredths.
    pub const fn from_percent(percent: u32) -> Self {
        Self(percent * 10_000)
    }
}

impl FromStr for PerMillion {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let units = [("%", 1e4), ("", 1e6)];
        number_with_unit(text, &units)
            .filter(|millionths| *millionths <= 1e6)
            .map(|millionths| Self(millionths.round() as u32))
            .ok_or_else(|| ParseError::new(text, "a share from 0 to 1", "`0.01` or `1%`"))
    }
}

/// A time as people write it.
///
/// # Errors
/// When it has no unit, or is negative or not a number.
pub fn duration(text: &str) -> Result<Duration, ParseError> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("min", 60.0), ("s", 1.0)];
    number_with_unit(text, &units)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| ParseError::new(text, "a time", "`50ms`, `20s` or `2min`"))
}

impl ParseError {
    fn new(text: &str, what: &'static str, examples: &'static str) -> Self {
        Self { text: text.to_owned(), what, examples }
    }
}

/// The number before the first of these units that fits, times its factor. A unit that ends like
/// another one stands before it. Capitals do not matter.
fn number_with_unit(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let lower = text.trim().to_ascii_lowercase();
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, factor)))?;
    let number: f64 = number.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!("2mbit".parse(), Ok(BitsPerSecond::from_mbit(2)));
        assert_eq!("1.5Mbit".parse(), Ok(BitsPerSecond::from_kbit(1_500)));
        assert_eq!("64bit".parse(), Ok(BitsPerSecond::new(64).unwrap()));
        assert_eq!("128KB".parse(), Ok(Bytes(128_000)));
        assert_eq!("128KiB".parse(), Ok(Bytes::from_kib(128)));
        assert_eq!("300b".parse(), Ok(Bytes(300)));
        assert_eq!("0.01".parse(), Ok(PerMillion::from_percent(1)));
        assert_eq!("1 %".parse(), Ok(PerMillion::from_percent(1)));
        assert_eq!("1".parse(), Ok(PerMillion::ALL));
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("2min"), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_an_example() {
        for bad in ["", "mbit", "0mbit", "-1mbit", "2", "2 parsecs", "nanmbit", "infmbit"] {
            let error = bad.parse::<BitsPerSecond>().unwrap_err();
            assert!(error.to_string().contains("`2mbit`"), "{error}");
        }
        for bad in ["", "128", "-1KB", "KB"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
        for bad in ["", "1.1", "101%", "-0.1", "nan"] {
            assert!(bad.parse::<PerMillion>().is_err(), "{bad}");
        }
        for bad in ["", "50", "-1s", "s", "1e300s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_on_the_line_is_rounded_up() {
        assert_eq!(BitsPerSecond::from_mbit(2).time_of(1_500), Duration::from_millis(6));
        let third = BitsPerSecond::new(3).unwrap();
        assert_eq!(third.time_of(1), Duration::from_nanos(2_666_666_667));
    }

    #[test]
    fn rate_is_shown_in_a_unit_that_suits_it() {
        assert_eq!(BitsPerSecond::from_mbit(2).to_string(), "2 Mbit/s");
        assert_eq!(BitsPerSecond::from_kbit(256).to_string(), "256 kbit/s");
    }
}
