//! The minute of the box's own day, which people mean when they write hours.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wire::time::WallTime;

/// No box knows the time that says an earlier one: 1 January 2026, in µs.
const KNOWN_FROM: i64 = 1_767_225_600_000_000;

/// The minute of the day in the box's time zone, from 0; `None` while its clock is wrong.
pub(super) fn local_minute(wall: WallTime) -> Option<u16> {
    minute_in(wall, &TimeZone::try_system().unwrap_or(TimeZone::UTC))
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
}
