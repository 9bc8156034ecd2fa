//! Where the box's temperatures go: a [`Response`] for each sensor, fed once a second, asked about
//! every operating point.
//!
//! Owns the models and the power that drives them. Knows limits as the thermometer states them,
//! and no operating points: it is asked about watts.

use core::time::Duration;

use wire::time::Monotonic;
use wire::units::Millicelsius;

use crate::response::{AHEAD, HALF, Response, STEP, State};
use crate::thermal::{SENSORS_MAX, SensorName, Thermometer};

/// Readings that are further apart are no steps of one model.
const PAUSE_MAX: Duration = Duration::from_secs(4);
/// Readings in half a step.
const SECONDS: usize = HALF.as_secs() as usize;
/// For a sprint of seconds, a prediction for a minute is too careful: its error grows with time.
const SHORT_ERROR: f32 = 0.5;
/// Least distance to a limit, in °C: sensors count in half degrees.
const MARGIN_MIN: f32 = 0.7;

/// A temperature that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Its sensor.
    pub sensor: SensorName,
    /// What it is expected to read.
    pub value: Millicelsius,
    /// What the expectation may be off by.
    pub margin: Millicelsius,
    /// Where throttling begins.
    pub limit: Millicelsius,
}

impl Outlook {
    /// Whether it may get too hot.
    pub fn is_too_hot(&self) -> bool {
        self.value.0 + self.margin.0 > self.limit.0
    }

    fn room(&self) -> i32 {
        self.limit.0 - self.margin.0 - self.value.0
    }
}

/// How far ahead is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizon {
    /// The time that a sprint may take, at most a minute.
    Sprint(Duration),
    /// A minute.
    Minute,
    /// Until nothing changes any more.
    Settled,
}

/// The models of a box.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    responses: heapless::Vec<Response, SENSORS_MAX>,
    /// Temperatures now, smoothed over two readings; `None` for a sensor that does not answer.
    now: heapless::Vec<Option<f32>, SENSORS_MAX>,
    updated: Option<Monotonic>,
    /// What was drawn, in watts, the newest at the end; a value a second.
    drawn: heapless::Deque<f32, { 4 * SECONDS }>,
    /// Values since the last step.
    since_step: usize,
}

impl Forecast {
    /// Takes in the temperatures and what the box draws, in watts. Call it about once a second.
    pub fn observe(&mut self, now: Monotonic, thermometer: &Thermometer, watts: f32) {
        self.read(now, thermometer);
        let before = self.updated.replace(now);
        let passed = before.map_or(Duration::MAX, |before| now.since(before));
        if passed > PAUSE_MAX {
            self.drawn.clear();
            self.since_step = 0;
            self.responses.iter_mut().for_each(Response::interrupt);
        }
        if self.drawn.is_full() {
            self.drawn.pop_front();
        }
        // There is room: the oldest was taken.
        let _ = self.drawn.push_back(watts);
        self.since_step += 1;
        if self.since_step < 2 * SECONDS || !self.drawn.is_full() {
            return;
        }
        self.since_step = 0;
        let drive = [0, 1, 2, 3].map(|back| self.mean(back));
        for (response, celsius) in self.responses.iter_mut().zip(&self.now) {
            match celsius {
                Some(celsius) => response.observe(*celsius, drive),
                None => response.interrupt(),
            }
        }
    }

    /// Whether a sensor that answers was followed for long enough.
    pub fn is_learned(&self) -> bool {
        let answering = self.now.iter().zip(&self.responses).filter(|(now, _)| now.is_some());
        answering.map(|(_, response)| response).any(Response::is_learned)
    }

    /// Whether a sensor that was not followed for long enough is within `room` of its limit.
    pub fn is_unknown(&self, thermometer: &Thermometer, room: Millicelsius) -> bool {
        let sensors = thermometer.limits().zip(&self.responses).zip(&self.now);
        let mut unknown = sensors.filter(|((_, response), _)| !response.is_learned());
        unknown.any(|(((_, limits), _), now)| {
            now.is_some_and(|celsius| milli(celsius).0 + room.0 >= limits.throttle.0)
        })
    }

    /// The sensor that comes closest to its limit with `watts` all the time, of those that were
    /// followed for long enough; `None` if there is none.
    pub fn outlook(
        &self,
        thermometer: &Thermometer,
        watts: f32,
        horizon: Horizon,
    ) -> Option<Outlook> {
        let sensors = thermometer.limits().zip(&self.responses).zip(&self.now);
        let outlook = |(((name, limits), response), now): ((_, &Response), &Option<f32>)| {
            let state: State = ((*now)?, [self.mean(0), self.mean(1)]);
            if !response.is_learned() {
                return None;
            }
            let (value, share) = match horizon {
                Horizon::Sprint(time) => (response.peak(state, watts, steps(time)), SHORT_ERROR),
                Horizon::Minute => (response.in_a_minute(state, watts), 1.0),
                Horizon::Settled => (response.settled(watts), 1.0),
            };
            let margin = (response.error_p95() * share).max(MARGIN_MIN);
            let limits: crate::thermal::Limits = limits;
            let sensor: &SensorName = name;
            Some((sensor, milli(value), milli(margin), limits.throttle))
        };
        let outlook = sensors.filter_map(outlook).map(|(sensor, value, margin, limit)| Outlook {
            sensor: sensor.clone(),
            value,
            margin,
            limit,
        });
        outlook.min_by_key(Outlook::room)
    }

    /// The most power, in watts, with which every sensor stays below its limit for ever.
    pub fn sustainable(&self, thermometer: &Thermometer) -> Option<f32> {
        let sensors = thermometer.limits().zip(&self.responses).zip(&self.now);
        let watts = |(((_, limits), response), now): ((_, &Response), &Option<f32>)| {
            now.filter(|_| response.is_learned())?;
            let limits: crate::thermal::Limits = limits;
            let margin = response.error_p95().max(MARGIN_MIN);
            response.sustainable(limits.throttle.0 as f32 / 1_000.0 - margin)
        };
        sensors.filter_map(watts).min_by(f32::total_cmp)
    }

    /// Mean power of half a step, in watts, so many of them back.
    fn mean(&self, back: usize) -> f32 {
        let values = || self.drawn.iter().rev().skip(back * SECONDS).take(SECONDS);
        let count = values().count();
        if count == 0 {
            return self.drawn.front().copied().unwrap_or(0.0);
        }
        values().sum::<f32>() / count as f32
    }

    fn read(&mut self, now: Monotonic, thermometer: &Thermometer) {
        for (place, reading) in thermometer.readings(now).enumerate() {
            if place == self.now.len() {
                // There is room: both lists are as long as the thermometer's.
                let _ = self.now.push(None);
                let _ = self.responses.push(Response::default());
            }
            let celsius = reading.map(|value| value.0 as f32 / 1_000.0);
            self.now[place] = match (self.now[place], celsius) {
                (Some(before), Some(celsius)) if (before - celsius).abs() < 5.0 => {
                    Some(before + 0.6 * (celsius - before))
                }
                (_, celsius) => celsius,
            };
        }
    }
}

fn steps(time: Duration) -> usize {
    let steps = time.as_secs().div_ceil(STEP.as_secs()) as usize;
    steps.clamp(1, AHEAD)
}

fn milli(celsius: f32) -> Millicelsius {
    Millicelsius((celsius.clamp(-200.0, 1_000.0) * 1_000.0) as i32)
}
