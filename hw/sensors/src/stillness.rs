//! Whether a sensor has frozen: it says the same for long, while others move.
//!
//! A value that stands still by itself proves nothing: a box may be in balance, and some firmware
//! answers with a constant. So it takes a sensor that has moved before, ten minutes to the last
//! digit, and others that went up or down by 5 °C twice in that time. It is told, and changes no
//! value.

use std::time::Duration;

use wire::time::Monotonic;
use wire::units::Millicelsius;

/// A sensor may say the same for so long before anybody wonders.
const STILL: Duration = Duration::from_secs(600);
/// How far a sensor goes for a move.
const MOVE: i32 = 5_000;
/// Moves of others, of which the first may have begun before the stillness.
const MOVES: u64 = 2;

/// What every sensor said, since when.
#[derive(Default)]
pub(crate) struct Stillness {
    moves: u64,
    sensors: Vec<Seen>,
}

#[derive(Default)]
struct Seen {
    /// It has said two different things: it is no constant, and what stands still now moved once.
    has_moved: bool,
    /// Since it last began to answer; `None` while it does not.
    track: Option<Track>,
}

struct Track {
    value: Millicelsius,
    since: Monotonic,
    /// Moves of all sensors when this one began to say the same.
    moves_before: u64,
    /// From where the next move is counted.
    anchor: Millicelsius,
}

impl Stillness {
    /// Which sensors have frozen, by their place in the list, whose order never changes.
    pub(crate) fn frozen(&mut self, now: Monotonic, values: &[Option<Millicelsius>]) -> Vec<bool> {
        self.sensors.resize_with(values.len(), Seen::default);
        for (seen, value) in self.sensors.iter_mut().zip(values) {
            match (seen.track.as_mut(), value) {
                (_, None) => seen.track = None,
                (None, Some(value)) => {
                    let (value, moves_before) = (*value, self.moves);
                    seen.track = Some(Track { value, since: now, moves_before, anchor: value });
                }
                (Some(track), Some(value)) => {
                    if value.0.abs_diff(track.anchor.0) >= MOVE.unsigned_abs() {
                        self.moves += 1;
                        track.anchor = *value;
                    }
                    if *value != track.value {
                        (track.value, track.since) = (*value, now);
                        track.moves_before = self.moves;
                        seen.has_moved = true;
                    }
                }
            }
        }
        let frozen = |seen: &Seen| {
            seen.track.as_ref().is_some_and(|track| {
                let others_moved = self.moves - track.moves_before >= MOVES;
                seen.has_moved && now.since(track.since) >= STILL && others_moved
            })
        };
        self.sensors.iter().map(frozen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn celsius(value: i32) -> Option<Millicelsius> {
        Some(Millicelsius(value * 1_000))
    }

    fn minute(minutes: u64) -> Monotonic {
        Monotonic::from_millis(minutes * 60_000)
    }

    #[test]
    fn box_in_balance_has_no_frozen_sensor() {
        let mut stillness = Stillness::default();
        for minutes in 0..100 {
            assert_eq!(stillness.frozen(minute(minutes), &[celsius(40), celsius(50)]), [false; 2]);
        }
    }

    /// What two sensors are taken for, of which the first says `first`.
    fn at(stillness: &mut Stillness, minutes: u64, first: i32, other: i32) -> [bool; 2] {
        let frozen = stillness.frozen(minute(minutes), &[celsius(first), celsius(other)]);
        [frozen[0], frozen[1]]
    }

    #[test]
    fn sensor_that_stands_still_while_others_move_is_frozen_until_it_moves() {
        let mut stillness = Stillness::default();
        assert_eq!(at(&mut stillness, 0, 39, 50), [false, false]);
        assert_eq!(at(&mut stillness, 1, 40, 50), [false, false]);
        assert_eq!(at(&mut stillness, 2, 40, 55), [false, false]);
        assert_eq!(at(&mut stillness, 10, 40, 60), [false, false], "not long enough");
        assert_eq!(at(&mut stillness, 11, 40, 60), [true, false]);
        assert_eq!(at(&mut stillness, 12, 41, 60), [false, false]);
        assert_eq!(at(&mut stillness, 22, 41, 64), [false, false], "too small a move");
    }

    #[test]
    fn sensor_that_never_said_anything_else_is_a_constant_and_not_frozen() {
        let mut stillness = Stillness::default();
        for minutes in 0..1_000 {
            let other = if minutes % 20 < 10 { 40 } else { 70 };
            assert!(!at(&mut stillness, minutes, 28, other)[0], "{minutes}");
        }
    }

    #[test]
    fn sensor_that_fell_silent_in_between_begins_anew_and_is_still_one_that_moves() {
        let mut stillness = Stillness::default();
        for (minutes, value) in [(0, 39), (1, 40)] {
            assert!(!at(&mut stillness, minutes, value, 40)[0]);
        }
        for (minutes, value) in [(5, None), (6, celsius(40)), (12, celsius(40))] {
            let other = celsius(40 + minutes as i32);
            assert!(!stillness.frozen(minute(minutes), &[value, other])[0], "{minutes}");
        }
        assert_eq!(at(&mut stillness, 16, 40, 70), [true, false]);
    }
}
