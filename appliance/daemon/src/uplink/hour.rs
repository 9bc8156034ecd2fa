//! The box's own day and its minutes, which people mean when they write hours.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wire::time::WallTime;

/// No box knows the time that says an earlier one: 1 January 2026, in µs.
const KNOWN_FROM: i64 = 1_767_225_600_000_000;

/// The minute of the day in the box's time zone, from 0; `None` while its clock is wrong.
pub(super) fn local_minute(wall: WallTime) -> Option<u16> {
    minute_in(wall, &TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

/// Number of the day in the box's time zone, from 1 January 1970; `None` while its clock is wrong.
pub(super) fn local_day(wall: WallTime) -> Option<i64> {
    day_in(wall, &TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

fn day_in(wall: WallTime, zone: &TimeZone) -> Option<i64> {
    if wall.0 < KNOWN_FROM {
        return None;
    }
    let local = Timestamp::from_microsecond(wall.0).ok()?.to_zoned(zone.clone());
    let seconds = local.timestamp().as_second() + i64::from(local.offset().seconds());
    Some(seconds.div_euclid(86_400))
}

fn minute_in(wall: WallTime, zone: &TimeZone) -> Option<u16> {
    if wall.0 < KNOWN_FROM {
        return None;
    }
    let local = Timestamp::from_microsecond(wall.0).ok()?.to_zoned(zone.clone());
    u16::try_from(60 * i16::from(local.hour()) + i16::from(local.minute())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_is_that_of_the_zone_and_unknown_in_1970() {
        let noon = WallTime(KNOWN_FROM + 12 * 3_600_000_000);
        assert_eq!(minute_in(noon, &TimeZone::UTC), Some(720));
        let east = TimeZone::fixed(jiff::tz::offset(13));
        assert_eq!(minute_in(noon, &east), Some(60));
        assert_eq!(minute_in(WallTime(0), &TimeZone::UTC), None);
    }

    #[test]
    fn day_begins_at_the_midnight_of_the_zone() {
        let midnight = KNOWN_FROM / 86_400_000_000;
        let noon = WallTime(KNOWN_FROM + 12 * 3_600_000_000);
        assert_eq!(day_in(noon, &TimeZone::UTC), Some(midnight));
        let east = TimeZone::fixed(jiff::tz::offset(13));
        assert_eq!(day_in(noon, &east), Some(midnight + 1));
        assert_eq!(day_in(WallTime(0), &TimeZone::UTC), None);
    }
}
