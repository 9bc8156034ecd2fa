//! What a scoreboard says over time: a reading counts when it was seen again and again.
//!
//! Owns which value of each field is believed, and when a change of score or period is one. Knows
//! no networks and no pixels.

use wire::event::{EventKind, Stage};
use wire::time::{MediaInterval, MediaSpan, MediaTime};
use wire::units::Permille;

use crate::Verdict;

/// A field of a scoreboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Points of the home team.
    Home,
    /// Points of the guests.
    Away,
    /// Number of the period.
    Period,
    /// Time left in the period.
    Clock,
    /// Time left for a shot.
    ShotClock,
}

/// One reading of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldView<'a> {
    /// Which.
    pub field: Field,
    /// Digits, `:` and `.`.
    pub text: &'a str,
    /// How certain it is, 0.0 ..= 1.0.
    pub confidence: f32,
}

/// What the whole board is believed to say; `None`: nothing that is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Points of the home team.
    pub home: Option<u16>,
    /// Points of the guests.
    pub away: Option<u16>,
    /// Number of the period.
    pub period: Option<u16>,
    /// Time left in the period, in tenths of a second.
    pub clock_ds: Option<u16>,
    /// Time left for a shot, in tenths of a second.
    pub shot_clock_ds: Option<u16>,
}

/// The board says something new.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoardChange {
    /// Frame in which the new value was seen first.
    pub at: MediaTime,
    /// Last frame in which the value before was seen; equal to [`at`](Self::at) if there was none.
    pub before: MediaTime,
    /// Whether points were given or taken back, and not only read for the first time.
    pub scored: bool,
    /// What it says now.
    pub standing: Standing,
    /// How certain the least certain of the readings was that told the change.
    pub confidence: f32,
}

/// A reading less certain than this says nothing.
const SURE: f32 = 0.9;
/// A value that a game leads to is believed after so many readings in a row.
const USUAL: u8 = 3;
/// Any other value, such as a correction or a new game, after so many.
const UNUSUAL: u8 = 12;
/// Readings in a row lie no further apart than this.
const APART: MediaSpan = MediaSpan::from_millis(3_000);
/// Most points that one shot gives, with a free throw before anybody has counted.
const POINTS_MAX: u16 = 4;
/// A clock that was not read for so long is unknown.
const CLOCK_STALE: MediaSpan = MediaSpan::from_millis(5_000);

/// A scoreboard over time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    home: Number,
    away: Number,
    period: Number,
    clock: Time,
    shot_clock: Time,
}

/// A number that seldom changes.
#[derive(Clone, Copy, Debug, Default)]
struct Number {
    believed: Option<u16>,
    /// When the believed value was read last.
    seen: Option<MediaTime>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    value: u16,
    first: MediaTime,
    last: MediaTime,
    readings: u8,
    least: f32,
}

/// A time that runs.
#[derive(Clone, Copy, Debug, Default)]
struct Time {
    read: Option<(u16, MediaTime)>,
}

/// A number that is believed from now on.
struct Turn {
    first: MediaTime,
    before: Option<MediaTime>,
    confidence: f32,
    had: bool,
}

impl BoardChange {
    /// The event that points are.
    pub(crate) fn verdict(&self, number: u32, decided_at: MediaTime) -> Verdict {
        Verdict {
            number,
            revision: 0,
            stage: Stage::Confirmed,
            kind: EventKind::ScoreChange,
            hoop: None,
            at: self.at,
            interval: MediaInterval { start: self.before, end: self.at },
            decided_at,
            confidence: Permille::from_share(self.confidence),
            cues: heapless::Vec::new(),
        }
    }
}

impl Board {
    /// Takes the fields of one frame; at most one change comes of it.
    pub(crate) fn see(&mut self, at: MediaTime, fields: &[FieldView<'_>]) -> Option<BoardChange> {
        let mut change: Option<BoardChange> = None;
        for view in fields.iter().filter(|view| view.confidence >= SURE) {
            let (number, is_score) = match view.field {
                Field::Home => (&mut self.home, true),
                Field::Away => (&mut self.away, true),
                Field::Period => (&mut self.period, false),
                Field::Clock => {
                    self.clock.read(at, view.text);
                    continue;
                }
                Field::ShotClock => {
                    self.shot_clock.read(at, view.text);
                    continue;
                }
            };
            let Ok(value) = view.text.parse::<u16>() else { continue };
            let usual = if is_score { POINTS_MAX } else { 1 };
            let Some(turn) = number.read(at, (value, view.confidence), usual) else { continue };
            let scored = is_score && turn.had;
            let change = change.get_or_insert(BoardChange {
                at: turn.first,
                before: turn.before.unwrap_or(turn.first),
                scored,
                standing: Standing::default(),
                confidence: turn.confidence,
            });
            change.scored |= scored;
            change.confidence = change.confidence.min(turn.confidence);
        }
        change.map(|change| BoardChange { standing: self.standing(at), ..change })
    }

    fn standing(&self, at: MediaTime) -> Standing {
        Standing {
            home: self.home.believed,
            away: self.away.believed,
            period: self.period.believed,
            clock_ds: self.clock.at(at),
            shot_clock_ds: self.shot_clock.at(at),
        }
    }
}

impl Number {
    /// Takes a reading; `step` is how much the number usually grows at most.
    fn read(&mut self, at: MediaTime, (value, sure): (u16, f32), step: u16) -> Option<Turn> {
        if self.believed == Some(value) {
            (self.seen, self.candidate) = (Some(at), None);
            return None;
        }
        let fresh = Candidate { value, first: at, last: at, readings: 0, least: 1.0 };
        let goes_on = |c: &Candidate| c.value == value && at.since(c.last).0 <= APART.0;
        let mut candidate = self.candidate.filter(goes_on).unwrap_or(fresh);
        candidate.last = at;
        candidate.readings = candidate.readings.saturating_add(1);
        candidate.least = candidate.least.min(sure);
        self.candidate = Some(candidate);
        let usual =
            self.believed.is_none_or(|believed| value > believed && value - believed <= step);
        if candidate.readings < if usual { USUAL } else { UNUSUAL } {
            return None;
        }
        let turn = Turn {
            first: candidate.first,
            before: self.seen,
            confidence: candidate.least,
            had: self.believed.is_some(),
        };
        *self = Self { believed: Some(value), seen: Some(at), candidate: None };
        Some(turn)
    }
}

impl Time {
    fn read(&mut self, at: MediaTime, text: &str) {
        if let Some(tenths) = tenths(text) {
            self.read = Some((tenths, at));
        }
    }

    fn at(self, now: MediaTime) -> Option<u16> {
        self.read.filter(|(_, at)| now.since(*at).0 <= CLOCK_STALE.0).map(|(tenths, _)| tenths)
    }
}

/// `12:34`, `34.5` or `34` as tenths of a second.
fn tenths(text: &str) -> Option<u16> {
    let number = |text: &str| text.parse::<u16>().ok();
    if let Some((minutes, seconds)) = text.split_once(':') {
        let seconds = number(seconds).filter(|seconds| *seconds < 60)?;
        return number(minutes)?.checked_mul(600)?.checked_add(10 * seconds);
    }
    match text.split_once('.') {
        Some((seconds, tenths)) if tenths.len() == 1 => {
            number(seconds)?.checked_mul(10)?.checked_add(number(tenths)?)
        }
        Some(_) => None,
        None => number(text)?.checked_mul(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_read_as_boards_write_them() {
        assert_eq!(tenths("12:34"), Some(7_540));
        assert_eq!(tenths("0:05"), Some(50));
        assert_eq!(tenths("45.3"), Some(453));
        assert_eq!(tenths("24"), Some(240));
        for wrong in ["", ":", "1:75", "12.345", "1:2:3", "9999:00"] {
            assert_eq!(tenths(wrong), None, "{wrong}");
        }
    }
}
