//! What a trace is worth, and what in it must not have been.

use sim::{Counts, Sensor};

use crate::game::Game;
use crate::play::{AHEAD_S, Prediction, Trace};
use crate::time::{At, STEPS_PER_SECOND};
use crate::worth;

/// Half a moment's length, in steps: what decides about a shot is seen within a second around it.
pub const AROUND: usize = 2;

/// The account of one trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// 0.0 to 1.0: see [`worth::value`].
    pub value: f64,
    /// Mean recall over the moments.
    pub moments: f64,
    /// Mean share of the camera's frames.
    pub covered: f64,
    /// What must not happen.
    pub counts: Counts,
    /// Changes of the point an hour that answer a cue, or end such an answer.
    pub answers_per_hour: f64,
    /// Other changes an hour.
    pub changes_per_hour: f64,
    /// The most other changes in any hour after the first.
    pub changes_in_an_hour_max: usize,
    /// Errors in K of the predictions after which nothing was changed for 60 s, sorted: a prediction
    /// says what comes if nothing is changed.
    pub errors: Vec<f32>,
    /// Errors of all predictions, sorted.
    pub all_errors: Vec<f32>,
    /// The highest temperature, in °C.
    pub hottest: f64,
}

impl Score {
    /// The account of a trace.
    pub fn of(game: &Game, trace: &Trace) -> Self {
        let steps = trace.recall.len().max(1);
        let seen: f64 = game.moments.iter().map(|at| recall_at(trace, *at)).sum();
        let moments = seen / game.moments.len().max(1) as f64;
        let covered = trace.covered.iter().map(|c| f64::from(*c)).sum::<f64>() / steps as f64;
        let hours = game.end.0 / 3_600.0;
        let answers = trace.changes.iter().filter(|change| change.answers).count();
        let others: Vec<At> = trace.changes.iter().filter(|c| !c.answers).map(|c| c.at).collect();
        let within = |from: &At| {
            others.iter().filter(|at| (from.0..from.0 + 3_600.0).contains(&at.0)).count()
        };
        let late = others.iter().filter(|at| at.0 >= 3_600.0);
        Self {
            value: worth::value(moments, covered),
            moments,
            covered,
            counts: trace.counts,
            answers_per_hour: answers as f64 / hours,
            changes_per_hour: others.len() as f64 / hours,
            changes_in_an_hour_max: late.map(within).max().unwrap_or(0),
            errors: errors(trace, Which::Unchanged),
            all_errors: errors(trace, Which::All),
            hottest: trace.hottest.iter().fold(0.0, |max: f64, t| max.max(f64::from(*t))),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those after which nothing was changed.
    Unchanged,
    All,
}

fn errors(trace: &Trace, which: Which) -> Vec<f32> {
    let ahead = AHEAD_S * STEPS_PER_SECOND;
    let is_unchanged = |said: &&Prediction| {
        let points = trace.point.get(said.step..=said.step + ahead);
        points.is_some_and(|points| points.iter().all(|point| *point == points[0]))
    };
    let error = |said: &Prediction| {
        let place = match said.sensor {
            Sensor::Cpu => &trace.cpu,
            Sensor::Gpu | Sensor::Junction => &trace.hottest,
            Sensor::Disk => &trace.disk,
        };
        Some((said.celsius - place.get(said.step + ahead)?).abs())
    };
    let said = trace.predicted.iter().filter(|said| which == Which::All || is_unchanged(said));
    let mut errors: Vec<f32> = said.filter_map(error).collect();
    errors.sort_by(f32::total_cmp);
    errors
}

/// Recall of one moment: the mean within half a second around it.
pub fn recall_at(trace: &Trace, at: At) -> f64 {
    let step = at.step();
    let last = trace.recall.len().saturating_sub(1);
    let around = step.saturating_sub(AROUND)..=(step + AROUND).min(last);
    let seen = trace.recall.get(around).unwrap_or_default();
    seen.iter().map(|recall| f64::from(*recall)).sum::<f64>() / seen.len().max(1) as f64
}

/// The value below which a share of sorted errors lies; `None` without any.
pub fn percentile(sorted: &[f32], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).map(|error| f64::from(*error))
}

/// Moments seen until each minute, for plots.
pub fn seen_by_minute(game: &Game, trace: &Trace) -> Vec<f64> {
    let minutes = trace.recall.len() / (60 * STEPS_PER_SECOND);
    let mut seen = vec![0.0; minutes + 1];
    for at in &game.moments {
        let minute = (at.0 / 60.0) as usize;
        if let Some(sum) = seen.get_mut(minute + 1) {
            *sum += recall_at(trace, *at);
        }
    }
    for minute in 1..seen.len() {
        seen[minute] += seen[minute - 1];
    }
    seen
}
