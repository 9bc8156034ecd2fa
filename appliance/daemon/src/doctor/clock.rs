//! The box's clock, as the daemon judges it.

use wire::time::{ClockQuality, WallTime};

use super::report::Check;

/// 2026-01-01: a clock before it was never set.
const PLAUSIBLE: WallTime = WallTime(1_767_225_600_000_000);

/// What is thought of a clock that says `now`.
pub(super) fn check(now: WallTime, quality: ClockQuality) -> Check {
    const NAME: &str = "clock";
    const OFFSET: &str = "its offset is not known: nothing on the box measures it";
    let advice = "let the box out to a time server (UDP port 123), or name one of the venue in \
                  `[time] servers` of venue.toml";
    if now < PLAUSIBLE {
        let found = "before 2026: it was never set";
        return Check::bad(NAME, found, advice);
    }
    match quality {
        ClockQuality::Synchronized => {
            Check::good(NAME, format!("set by a time server since the box started; {OFFSET}"))
        }
        ClockQuality::Unknown => {
            let found = format!("systemd-timesyncd has not set it since the box started; {OFFSET}");
            Check::warning(NAME, found, advice)
        }
        ClockQuality::Unsynchronized => Check::warning(NAME, "it runs free", advice),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn clock_counts_as_good_only_when_a_time_server_has_set_it() {
        let now = WallTime(1_796_000_000_000_000);
        for (at, quality, verdict) in [
            (now, ClockQuality::Synchronized, Verdict::Good),
            (now, ClockQuality::Unknown, Verdict::Warning),
            (now, ClockQuality::Unsynchronized, Verdict::Warning),
            (WallTime(0), ClockQuality::Synchronized, Verdict::Bad),
        ] {
            assert_eq!(check(at, quality).verdict, verdict, "{at:?} {quality:?}");
        }
    }
}
