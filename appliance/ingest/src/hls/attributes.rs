//! Values of tags: attribute lists, decimal seconds, byte ranges and dates.
//!
//! Total: whatever cannot be read is `None`, and the caller knows whether that matters.
//! Knows nothing of what the attributes mean. Source: RFC 8216 4.2 and 4.3.2.

use core::time::Duration;

use wire::time::WallTime;

/// Longest duration that is believed, in seconds: a day. Longer ones would only serve to overflow
/// something.
const SECONDS_MAX: f64 = 86_400.0;

/// An attribute list: `NAME=VALUE,NAME="a, quoted value"` (RFC 8216 4.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a>(pub(super) &'a str);

impl<'a> Attributes<'a> {
    /// Value of the first attribute called `name`, without its quotes.
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        Pairs(self.0).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether an enumerated attribute is `YES`.
    pub(super) fn is_yes(self, name: &str) -> bool {
        self.get(name) == Some("YES")
    }

    /// A decimal integer.
    pub(super) fn integer(self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// A decimal number of seconds.
    pub(super) fn seconds(self, name: &str) -> Option<Duration> {
        seconds(self.get(name)?)
    }
}

struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = quoted.split_once('"')?;
                (value, rest.split_once(',').map_or("", |(_, rest)| rest))
            }
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        self.0 = rest;
        Some((name.trim(), value.trim()))
    }
}

/// A decimal number of seconds, integer or not. `None` if it is negative, no number or over a day.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    // `contains` is false for NaN.
    (0.0..=SECONDS_MAX).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// Length and, where written, offset of `<n>[@<o>]` (RFC 8216 4.3.2.2), in bytes.
pub(super) fn length_and_offset(text: &str) -> Option<(u64, Option<u64>)> {
    let (length, offset) = match text.split_once('@') {
        Some((length, offset)) => (length, Some(offset.trim().parse().ok()?)),
        None => (text, None),
    };
    Some((length.trim().parse().ok()?, offset))
}

/// A date of EXT-X-PROGRAM-DATE-TIME, `2010-02-19T14:54:23.031+08:00` (RFC 8216 4.3.2.6), read to
/// the millisecond. Without a zone it counts as UTC.
pub(super) fn date(text: &str) -> Option<WallTime> {
    let (day, rest) = text.trim().split_once(['T', 't', ' '])?;
    let (time, zone_minutes) = split_zone(rest)?;
    let mut fields = day.splitn(3, '-').map(digits);
    let (year, month, day) = (fields.next()??, fields.next()??, fields.next()??);
    let mut fields = time.splitn(3, ':');
    let (hour, minute) = (digits(fields.next()?)?, digits(fields.next()?)?);
    let (second, fraction) = match fields.next() {
        Some(text) => text.split_once(['.', ',']).unwrap_or((text, "")),
        None => ("0", ""),
    };
    let second = digits(second)?;
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - zone_minutes;
    Some(WallTime(((minutes * 60 + second) * 1000 + millis(fraction)?) * 1000))
}

/// The time of day, and how many minutes its zone is ahead of UTC.
fn split_zone(text: &str) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (time, zone) = text.split_at(at);
    let (sign, zone) = (if zone.starts_with('-') { -1 } else { 1 }, &zone[1..]);
    let (hours, minutes) = match zone.split_once(':') {
        Some(pair) => pair,
        None if zone.len() > 2 => (zone.get(..2)?, zone.get(2..)?),
        None => (zone, "0"),
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some((time, sign * (hours * 60 + minutes)))
}

/// At most four decimal digits.
fn digits(text: &str) -> Option<i64> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Milliseconds of the digits after the decimal point.
fn millis(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digit = |index: usize| fraction.as_bytes().get(index).map_or(0, |byte| byte - b'0');
    Some(i64::from(digit(0)) * 100 + i64::from(digit(1)) * 10 + i64::from(digit(2)))
}

/// Days from 1970-01-01 in the Gregorian calendar, for years from 1970 on. March begins the year,
/// so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_protect_commas_and_equal_signs() {
        let list = Attributes(r#"BANDWIDTH=1280000, CODECS="avc1.4d401f,mp4a.40.2",URI="a?b=c""#);
        assert_eq!(list.integer("BANDWIDTH"), Some(1_280_000));
        assert_eq!(list.get("CODECS"), Some("avc1.4d401f,mp4a.40.2"));
        assert_eq!(list.get("URI"), Some("a?b=c"));
        assert_eq!(list.get("RESOLUTION"), None);
        assert_eq!(Attributes(r#"A="open"#).get("A"), None);
    }

    #[test]
    fn only_sensible_durations_are_believed() {
        assert_eq!(seconds(" 2.002"), Some(Duration::from_micros(2_002_000)));
        assert_eq!(seconds("6"), Some(Duration::from_secs(6)));
        for text in ["", "-1", "NaN", "inf", "1e300", "six"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_with_their_zone() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2010-02-19T14:54:23.031+08:00", Some(1_266_562_463_031)),
            ("2024-02-29T23:59:59.5Z", Some(1_709_251_199_500)),
            ("2024-03-01T00:00:00.000+0000", Some(1_709_251_200_000)),
            ("2024-02-29T14:00:00-10", Some(1_709_251_200_000)),
            ("2024-13-01T00:00:00Z", None),
            ("2024-01-01", None),
            ("1.1.2024T12:00", None),
        ];
        for (text, ms) in cases {
            assert_eq!(date(text), ms.map(|ms: i64| WallTime(ms * 1000)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(text in "\\PC{0,40}") {
            let list = Attributes(&text);
            let _ = (list.get("A"), seconds(&text), length_and_offset(&text), date(&text));
        }

        #[test]
        fn no_date_panics(text in "[0-9]{0,5}[-T: +Z.]{0,2}[0-9]{0,3}[-T:+Z.][0-9T:+Z.é-]{0,20}") {
            let _ = date(&text);
        }
    }
}
