//! Which reported events are true: one to one, of the same kind, within half a second.

use std::collections::BTreeMap;
use std::fmt;

use wire::board::BoardReading;
use wire::event::{EventKind, GameEvent};

use super::truth::{Truth, TruthEvent};

/// Largest distance in seconds between an event and its truth.
pub(super) const TOLERANCE_S: f64 = 0.5;
/// Kinds that the pipeline can report today.
pub(super) const KINDS: [EventKind; 5] = [
    EventKind::MadeShot,
    EventKind::MissedShot,
    EventKind::Whistle,
    EventKind::Buzzer,
    EventKind::ScoreChange,
];
/// Ends of a shot: one can be told as the other.
const SHOTS: [EventKind; 2] = [EventKind::MadeShot, EventKind::MissedShot];

/// What of a video can be told: what it shows always, sounds if it has any, scores if its board's
/// fields are known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tellable {
    /// It has a sound track.
    pub(super) sound: bool,
    /// The truth says where the board's fields are.
    pub(super) board: bool,
}

impl Tellable {
    fn includes(self, kind: EventKind) -> bool {
        match kind {
            EventKind::MadeShot | EventKind::MissedShot => true,
            EventKind::Whistle | EventKind::Buzzer => self.sound,
            EventKind::ScoreChange => self.board,
        }
    }
}

/// How often a board was read, and how often what it said then was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Readings that were told.
    pub told: u32,
    /// Those of them with the true score.
    pub right: u32,
}

impl Readings {
    /// Compares one video's readings with its truth.
    pub fn of(truth: &Truth, readings: &[BoardReading]) -> Self {
        let mut all = Self::default();
        for reading in readings {
            // A board is read a few times a second: what is new may be that old.
            let t = reading.at.as_secs_f64();
            let [home, away] = truth.score_at(t + 0.05);
            let right = |told: Option<u16>, truth| told.is_none_or(|told| told == truth);
            all.told += 1;
            all.right += u32::from(right(reading.home, home) && right(reading.away, away));
        }
        all
    }

    /// Adds another video's.
    pub fn add(&mut self, other: Self) {
        self.told += other.told;
        self.right += other.right;
    }
}

/// Counts of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// Certain true events.
    pub truth: u32,
    /// Reported events.
    pub found: u32,
    /// Certain true events that were reported.
    pub hit: u32,
    /// Reported events that belong to an uncertain truth: neither right nor wrong.
    pub excused: u32,
    /// Reported time minus true time of each hit, in seconds.
    pub errors_s: Vec<f64>,
    /// Confidence of each report that is right or wrong, and which.
    pub told: Vec<(f32, bool)>,
}

impl Count {
    /// Share of the true events that were reported; 1 when there were none.
    pub fn recall(&self) -> f64 {
        share(self.hit, self.truth)
    }

    /// Share of the reported events that are true; 1 when there were none.
    pub fn precision(&self) -> f64 {
        share(self.hit, self.found - self.excused)
    }

    /// Median and 95th percentile of how far reported times are off, in seconds.
    pub fn time_error_s(&self) -> (Option<f64>, Option<f64>) {
        let mut errors: Vec<f64> = self.errors_s.iter().map(|error| error.abs()).collect();
        errors.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let last = errors.len().checked_sub(1)?;
            Some(errors[(last * percent).div_ceil(100)])
        };
        (at(50), at(95))
    }

    /// Adds another video's counts.
    pub fn add(&mut self, other: &Self) {
        self.truth += other.truth;
        self.found += other.found;
        self.hit += other.hit;
        self.excused += other.excused;
        self.errors_s.extend(&other.errors_s);
        self.told.extend(&other.told);
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

/// Counts of one video.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// By kind.
    pub kinds: BTreeMap<&'static str, Count>,
    /// What was wrong, in the order of time.
    pub mistakes: Vec<Mistake>,
}

/// Something that was told wrong, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// When, in seconds; `None` for a truth without a time.
    pub t: Option<f64>,
    /// At which hoop, if that is known.
    pub hoop: Option<String>,
    /// What was wrong.
    pub wrong: Wrong,
}

/// What was wrong about an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrong {
    /// It happened, and was not reported.
    Missed(EventKind),
    /// It was reported with this confidence, and did not happen.
    False(EventKind, f32),
    /// It happened, and was reported as the other kind with this confidence.
    Turned {
        /// What happened.
        truth: EventKind,
        /// What was reported.
        told: EventKind,
        /// How surely.
        confidence: f32,
    },
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.wrong {
            Wrong::Missed(kind) => format!("missed {}", kind.as_str()),
            Wrong::False(kind, _) => format!("false {}", kind.as_str()),
            Wrong::Turned { truth, told, .. } => {
                format!("{} told as {}", truth.as_str(), told.as_str())
            }
        };
        f.write_str(&kind)?;
        if let Some(t) = self.t {
            write!(f, " at {t:.2} s")?;
        }
        match self.wrong {
            Wrong::Missed(_) => Ok(()),
            Wrong::False(_, confidence) | Wrong::Turned { confidence, .. } => {
                write!(f, ", confidence {confidence:.2}")
            }
        }
    }
}

impl Score {
    /// Compares one video's events, of the kinds that can be told of it, with its truth.
    pub(super) fn of(truth: &Truth, events: &[GameEvent], tellable: Tellable) -> Self {
        let mut score = Self::default();
        for kind in KINDS.into_iter().filter(|kind| tellable.includes(*kind)) {
            let truths: Vec<&TruthEvent> = truth.events.iter().filter(|t| t.kind == kind).collect();
            let found: Vec<&GameEvent> = events.iter().filter(|e| e.kind == kind).collect();
            let count = score.compare(kind, &truths, &found);
            score.kinds.insert(kind.as_str(), count);
        }
        score.pair_up();
        score
    }

    /// Makes one mistake of a miss and a false report that are the same shot.
    fn pair_up(&mut self) {
        self.mistakes.sort_by(|a, b| a.t.unwrap_or(0.0).total_cmp(&b.t.unwrap_or(0.0)));
        let mut paired: Vec<Mistake> = Vec::new();
        for mistake in self.mistakes.drain(..) {
            let near = |other: &&mut Mistake| {
                other.t.zip(mistake.t).is_some_and(|(a, b)| (a - b).abs() <= TOLERANCE_S)
            };
            let turned = paired
                .last_mut()
                .filter(near)
                .and_then(|other| Some((turned(other.wrong, mistake.wrong)?, other)));
            match turned {
                Some((wrong, other)) => {
                    if matches!(other.wrong, Wrong::False(..)) {
                        (other.t, other.hoop) = (mistake.t, mistake.hoop.or(other.hoop.take()));
                    }
                    other.wrong = wrong;
                }
                None => paired.push(mistake),
            }
        }
        self.mistakes = paired;
    }

    fn compare(&mut self, kind: EventKind, truths: &[&TruthEvent], found: &[&GameEvent]) -> Count {
        let sure = truths.iter().filter(|truth| truth.certain).count();
        let mut count = Count { truth: sure as u32, found: found.len() as u32, ..Count::default() };
        let mut free: Vec<usize> = (0..found.len()).collect();
        let mut open: Vec<usize> = (0..truths.len()).collect();
        // Nearest pairs first, so that two close shots do not steal each other's report.
        for (truth, report) in candidates(truths, found) {
            if !open.contains(&truth) || !free.contains(&report) {
                continue;
            }
            open.retain(|t| *t != truth);
            free.retain(|r| *r != report);
            if truths[truth].certain {
                count.hit += 1;
                count.told.push((found[report].confidence.as_share(), true));
                if let Some(t) = truths[truth].t {
                    count.errors_s.push(found[report].at.as_secs_f64() - t);
                }
            } else {
                count.excused += 1;
            }
        }
        count.told.extend(free.iter().map(|r| (found[*r].confidence.as_share(), false)));
        let missed = open.iter().map(|t| truths[*t]).filter(|truth| truth.certain);
        self.mistakes.extend(missed.map(|truth| Mistake {
            t: truth.t,
            hoop: truth.hoop.clone(),
            wrong: Wrong::Missed(kind),
        }));
        self.mistakes.extend(free.iter().map(|r| Mistake {
            t: Some(found[*r].at.as_secs_f64()),
            hoop: found[*r].hoop.as_ref().map(ToString::to_string),
            wrong: Wrong::False(kind, found[*r].confidence.as_share()),
        }));
        count
    }
}

/// What two mistakes about one shot are together.
fn turned(a: Wrong, b: Wrong) -> Option<Wrong> {
    match (a, b) {
        (Wrong::Missed(truth), Wrong::False(told, confidence))
        | (Wrong::False(told, confidence), Wrong::Missed(truth))
            if truth != told && SHOTS.contains(&truth) && SHOTS.contains(&told) =>
        {
            Some(Wrong::Turned { truth, told, confidence })
        }
        _ => None,
    }
}

/// Pairs of truth and report that may belong together, nearest first; a truth without a time
/// may be anywhere and takes what is left.
fn candidates(truths: &[&TruthEvent], found: &[&GameEvent]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (t, truth) in truths.iter().enumerate() {
        for (r, report) in found.iter().enumerate() {
            let distance = truth.t.map_or(f64::MAX, |time| (report.at.as_secs_f64() - time).abs());
            if truth.t.is_none() || distance <= TOLERANCE_S {
                pairs.push((distance, t, r));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    pairs.into_iter().map(|(_, t, r)| (t, r)).collect()
}

#[cfg(test)]
mod tests {
    use wire::event::Stage;
    use wire::ids::{BootId, EventId};
    use wire::time::{MediaInterval, MediaTime, WallTime};
    use wire::units::Permille;

    use super::*;

    fn made(t: Option<f64>) -> TruthEvent {
        TruthEvent { kind: EventKind::MadeShot, t, hoop: None, certain: true, score: None }
    }

    fn report(ms: i64) -> GameEvent {
        let at = MediaTime::from_millis(ms);
        GameEvent {
            id: EventId { boot: BootId(1), number: 1 },
            revision: 0,
            stage: Stage::Confirmed,
            kind: EventKind::MadeShot,
            source: "file".parse().expect("a name"),
            hoop: None,
            at,
            interval: MediaInterval { start: at, end: at },
            decided_at: at,
            at_arrived: WallTime(0),
            decided_arrived: WallTime(0),
            confidence: Permille(900),
            cues: Default::default(),
        }
    }

    fn score(truths: &[TruthEvent], reports: &[GameEvent]) -> Count {
        let truths: Vec<_> = truths.iter().collect();
        let reports: Vec<_> = reports.iter().collect();
        Score::default().compare(EventKind::MadeShot, &truths, &reports)
    }

    #[test]
    fn a_report_half_a_second_off_counts_and_one_beyond_does_not() {
        let truths = [made(Some(10.0)), made(Some(20.0))];
        let count = score(&truths, &[report(10_500), report(20_501)]);
        assert_eq!((count.truth, count.found, count.hit), (2, 2, 1));
    }

    #[test]
    fn one_report_satisfies_one_truth() {
        let truths = [made(Some(10.0)), made(Some(10.4))];
        assert_eq!(score(&truths, &[report(10_300)]).hit, 1);
        let doubled = score(&[made(Some(10.0))], &[report(10_000), report(10_200)]);
        assert_eq!((doubled.hit, doubled.found), (1, 2));
    }

    #[test]
    fn a_truth_without_a_time_takes_what_others_leave() {
        let truths = [made(None), made(Some(5.0))];
        let count = score(&truths, &[report(5_100), report(40_000)]);
        assert_eq!(count.hit, 2);
    }

    #[test]
    fn an_uncertain_truth_is_neither_asked_for_nor_held_against() {
        let count = score(&[TruthEvent { certain: false, ..made(Some(5.0)) }], &[report(5_000)]);
        assert_eq!((count.truth, count.hit), (0, 0));
        assert!((count.precision() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_shot_told_as_the_other_kind_is_one_mistake() {
        let other = GameEvent { kind: EventKind::MissedShot, ..report(5_100) };
        let mut truth = Truth::default();
        truth.events = vec![made(Some(5.0)), made(Some(9.0))];
        let score = Score::of(&truth, &[other], Tellable::default());
        let told: Vec<String> = score.mistakes.iter().map(ToString::to_string).collect();
        let expected = [
            "made_shot told as missed_shot at 5.00 s, confidence 0.90",
            "missed made_shot at 9.00 s",
        ];
        assert_eq!(told, expected);
        assert_eq!(score.kinds["missed_shot"].told, [(0.9, false)]);
    }
}
