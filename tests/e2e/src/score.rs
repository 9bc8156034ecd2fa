//! Which shots of a game were found: events against the truth file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wire::event::EventKind;

/// An event belongs to a shot if their moments lie no further apart.
pub const TOLERANCE_S: f64 = 0.5;

/// The truth file beside a video, as far as shots are concerned.
#[derive(Clone, Debug, Deserialize)]
pub struct Truth {
    /// The hoops in the first frame.
    #[serde(default)]
    pub hoops: Vec<TrueHoop>,
    /// Everything that happens.
    pub events: Vec<TrueEvent>,
}

/// One hoop of the truth file.
#[derive(Clone, Debug, Deserialize)]
pub struct TrueHoop {
    /// Its name.
    pub id: String,
    /// Bounding box of rim and net: left, top, right, bottom, in pixels.
    #[serde(rename = "box")]
    pub area: [f64; 4],
}

/// One entry of the truth file.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct TrueEvent {
    /// What happens.
    pub kind: EventKind,
    /// Seconds from the first frame.
    pub t: f64,
    /// Whether it can be seen for sure; what cannot counts neither way.
    pub certain: bool,
}

/// A moment of some kind, true or found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// What happens.
    pub kind: EventKind,
    /// Seconds from the first frame.
    pub t: f64,
}

/// How many shots of one kind there were and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Shots in the truth.
    pub truth: u32,
    /// Of these, found.
    pub found: u32,
    /// Events without a shot.
    #[serde(rename = "false")]
    pub false_: u32,
}

impl Tally {
    /// Found of those in the truth; 1 if there were none.
    pub fn recall(self) -> f64 {
        share(self.found, self.truth)
    }

    /// Right of those that were found; 1 if nothing was found.
    pub fn precision(self) -> f64 {
        share(self.found, self.found + self.false_)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            truth: self.truth + other.truth,
            found: self.found + other.found,
            false_: self.false_ + other.false_,
        }
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

/// The tallies of made and missed shots, and what is behind their faults.
#[derive(Clone, Debug, Default)]
pub struct Score {
    tallies: BTreeMap<&'static str, Tally>,
    /// True shots that were not found.
    pub missed: Vec<Moment>,
    /// Events without a shot.
    pub false_: Vec<Moment>,
}

impl Score {
    /// The tally of one kind.
    pub fn of(&self, kind: EventKind) -> Tally {
        self.tallies.get(kind.as_str()).copied().unwrap_or_default()
    }

    /// All kinds together: a made shot told as missed counts as one missed and one false.
    pub fn total(&self) -> Tally {
        self.tallies.values().fold(Tally::default(), |sum, tally| sum.plus(*tally))
    }

    /// The tallies by the kinds' names.
    pub fn by_kind(&self) -> &BTreeMap<&'static str, Tally> {
        &self.tallies
    }
}

/// Whether events of this kind are shots.
pub fn is_shot(kind: EventKind) -> bool {
    match kind {
        EventKind::MadeShot | EventKind::MissedShot => true,
        EventKind::Whistle | EventKind::Buzzer | EventKind::ScoreChange => false,
    }
}

/// Gives each true shot at most one event of its kind, nearest pairs first, and counts the certain
/// ones up to `counted_s`. Events that belong to other shots, or lie later, count neither way.
pub fn score(truth: &[TrueEvent], found: &[Moment], counted_s: f64) -> Score {
    let mut score = Score::default();
    for kind in [EventKind::MadeShot, EventKind::MissedShot] {
        let truth: Vec<&TrueEvent> = truth.iter().filter(|shot| shot.kind == kind).collect();
        let times: Vec<f64> = truth.iter().map(|shot| shot.t).collect();
        let of_kind = found.iter().filter(|moment| moment.kind == kind);
        let found: Vec<f64> = of_kind.map(|moment| moment.t).collect();
        let (is_found, is_true) = pair(&times, &found);
        let at = |t: f64| (t <= counted_s).then_some(Moment { kind, t });
        let shots = |wanted: bool| -> Vec<Moment> {
            let shots = truth.iter().zip(&is_found);
            let asked = shots.filter(|(shot, is)| shot.certain && **is == wanted);
            asked.filter_map(|(shot, _)| at(shot.t)).collect()
        };
        let (hits, missed) = (shots(true), shots(false));
        let untrue = found.iter().zip(&is_true).filter(|(_, is)| !**is);
        let false_: Vec<Moment> = untrue.filter_map(|(t, _)| at(*t)).collect();
        let count = |of: &[Moment]| u32::try_from(of.len()).expect("fewer than 4 billion shots");
        let tally = Tally {
            truth: count(&hits) + count(&missed),
            found: count(&hits),
            false_: count(&false_),
        };
        score.tallies.insert(kind.as_str(), tally);
        score.missed.extend(missed);
        score.false_.extend(false_);
    }
    score
}

/// Pairs shots and events one to one, nearest first: which shots are found, which events true.
fn pair(truth: &[f64], found: &[f64]) -> (Vec<bool>, Vec<bool>) {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (shot, shot_t) in truth.iter().enumerate() {
        for (event, event_t) in found.iter().enumerate() {
            let apart = (shot_t - event_t).abs();
            if apart <= TOLERANCE_S {
                pairs.push((apart, shot, event));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut is_found = vec![false; truth.len()];
    let mut is_true = vec![false; found.len()];
    for (_, shot, event) in pairs {
        if !is_found[shot] && !is_true[event] {
            is_found[shot] = true;
            is_true[event] = true;
        }
    }
    (is_found, is_true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(t: f64) -> Moment {
        Moment { kind: EventKind::MadeShot, t }
    }

    fn missed(t: f64) -> Moment {
        Moment { kind: EventKind::MissedShot, t }
    }

    fn shot(moment: Moment) -> TrueEvent {
        TrueEvent { kind: moment.kind, t: moment.t, certain: true }
    }

    #[test]
    fn half_a_second_is_near_enough_and_more_is_not() {
        let tally =
            score(&[shot(made(10.0)), shot(made(20.0))], &[made(10.5), made(20.51)], 60.0).total();
        assert_eq!(tally, Tally { truth: 2, found: 1, false_: 1 });
        assert!((tally.recall() - 0.5).abs() < 1e-9 && (tally.precision() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn made_shot_told_as_missed_is_one_missed_and_one_false() {
        let score = score(&[shot(made(10.0))], &[missed(10.0)], 60.0);
        assert_eq!(score.of(EventKind::MadeShot), Tally { truth: 1, found: 0, false_: 0 });
        assert_eq!(score.of(EventKind::MissedShot), Tally { truth: 0, found: 0, false_: 1 });
        assert_eq!((score.missed, score.false_), (vec![made(10.0)], vec![missed(10.0)]));
    }

    #[test]
    fn two_events_for_one_shot_are_one_found_and_one_false() {
        let tally = score(&[shot(made(10.0))], &[made(9.9), made(10.3)], 60.0).total();
        assert_eq!(tally, Tally { truth: 1, found: 1, false_: 1 });
    }

    #[test]
    fn nearest_pairs_come_first() {
        // The event at 10.4 belongs to the shot at 10.6, so that both shots are found.
        let tally =
            score(&[shot(made(10.0)), shot(made(10.6))], &[made(10.4), made(9.8)], 60.0).total();
        assert_eq!(tally, Tally { truth: 2, found: 2, false_: 0 });
    }

    #[test]
    fn what_lies_behind_the_counted_part_counts_neither_way() {
        let tally =
            score(&[shot(made(59.8)), shot(made(61.0))], &[made(60.1), made(61.0)], 60.0).total();
        assert_eq!(tally, Tally { truth: 1, found: 1, false_: 0 });
        // An event just before the end that belongs to a shot just after it is not false.
        let tally = score(&[shot(made(60.2))], &[made(59.9)], 60.0).total();
        assert_eq!(tally, Tally { truth: 0, found: 0, false_: 0 });
    }

    #[test]
    fn game_without_shots_and_events_is_perfect() {
        let tally = score(&[], &[], 60.0).total();
        assert!(tally.recall() >= 1.0 && tally.precision() >= 1.0);
    }

    #[test]
    fn what_cannot_be_seen_for_sure_is_neither_asked_for_nor_false() {
        let unsure = TrueEvent { certain: false, ..shot(made(10.0)) };
        for found in [vec![made(10.1)], Vec::new()] {
            assert_eq!(score(&[unsure], &found, 60.0).total(), Tally::default());
        }
    }
}
