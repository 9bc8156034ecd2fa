//! How one temperature answers to power: learned while the box runs, to look a minute ahead.
//!
//! The model, at steps of [`STEP`], is a slow part (heat sink and air), of which the last
//! temperature tells nearly all, and what the power of the last two steps still has to show: a
//! chip follows within seconds, a sensor may be late by some more.
//!
//! ```text
//! T' − T = (a − 1)·T + b₀·m₀ + b₁·m₁ + b₂·m₂ + b₃·m₃ + c
//! ```
//!
//! `m₀` and `m₁` are the mean power of the later and the earlier half of the step, `m₂` and `m₃` of
//! the step before. The six factors are
//! followed by recursive least squares in the form of a Kalman filter whose covariance never
//! grows beyond what was known at first, so that hours of steady play teach nothing wrong; `c`
//! may wander, since air and fans change. Factors that no box has are brought back into bounds,
//! and a model that is wrong three times in a row begins anew. Knows neither limits nor choices.

use core::time::Duration;

/// Length of a step of the model.
pub const STEP: Duration = Duration::from_secs(10);
/// Half of it: power is averaged over so long.
pub const HALF: Duration = Duration::from_secs(5);
/// Steps that a prediction looks ahead: a minute.
pub const AHEAD: usize = 6;
/// Steps until what was learned is believed.
pub const LEARNED_AFTER: u16 = 9;

/// Factors of the model: of temperature, power of four half steps, and one.
const FACTORS: usize = 6;
/// A small box: 250 s and 1.8 °C a watt for the slow part, 0.4 °C a watt within seconds. In units
/// of 10 °C and 10 W around the two reference values.
const FIRST: [f32; FACTORS] = [-0.4, 3.7, 1.1, -3.2, -0.7, 0.0];
/// How far off that may be, as variances.
const FIRST_VARIANCE: [f32; FACTORS] = [0.04, 4.0, 4.0, 4.0, 2.0, 1.0];
/// How much each may wander in a step, as variances.
const WANDER: [f32; FACTORS] = [1e-6, 3e-5, 3e-5, 3e-5, 3e-5, 3e-3];
/// Variance of a step's difference, in °C²: sensors that count in half degrees, and what no model
/// knows.
const NOISE: f32 = 0.12;
/// Around which temperature and power the factors count.
const REFERENCE: (f32, f32) = (60.0, 15.0);
const SCALE: f32 = 0.1;
/// A step that is off by more is an outlier, in °C.
const OUTLIER: f32 = 6.0;
/// So many in a row, and the model is wrong.
const OUTLIERS: u8 = 3;
/// Bounds of the share of an error that is forgotten in a step: slow parts of 100 s to an hour.
const DECAY: (f32, f32) = (-1.0, -0.028);
/// A temperature that follows power by less does not, in °C a watt. No model has less than 0.1.
const GAIN_MIN: f32 = 0.15;
/// Mean error until one is measured, in °C.
const FIRST_ERROR: f32 = 1.5;
/// Share of the mean error that a new one takes.
const ERROR_SHARE: f32 = 0.05;
/// The 95th percentile of an error that is spread normally, in mean absolute errors.
pub(crate) const P95: f32 = 2.46;

/// Mean power of the last half steps in watts, the newest first.
pub type Drive = [f32; 4];

/// A temperature in °C, and the mean power of the last two half steps in watts, the newest first.
pub type State = (f32, [f32; 2]);

/// One temperature's model.
#[derive(Clone, Debug)]
pub struct Response {
    factors: [f32; FACTORS],
    covariance: [[f32; FACTORS]; FACTORS],
    steps: u16,
    outliers: u8,
    /// The last steps, the newest at the end: what was read, the power before, and the factors
    /// that were believed then.
    past: heapless::Deque<Past, { AHEAD + 1 }>,
    /// Mean absolute error of predictions a minute ahead, in °C.
    error: f32,
    resets: u16,
}

#[derive(Clone, Copy, Debug)]
struct Past {
    celsius: f32,
    drive: Drive,
    factors: [f32; FACTORS],
}

impl Default for Response {
    fn default() -> Self {
        Self {
            factors: FIRST,
            covariance: first_covariance(),
            steps: 0,
            outliers: 0,
            past: heapless::Deque::new(),
            error: FIRST_ERROR,
            resets: 0,
        }
    }
}

impl Response {
    /// Takes in the temperature at the end of a step and the power that led there.
    pub fn observe(&mut self, celsius: f32, drive: Drive) {
        if !celsius.is_finite() || drive.iter().any(|watts| !watts.is_finite()) {
            return;
        }
        if let Some(before) = self.past.back().copied() {
            self.learn(before.celsius, celsius, drive);
        }
        if self.past.is_full() {
            self.judge(celsius, drive);
            self.past.pop_front();
        }
        // There is room: the oldest was taken.
        let _ = self.past.push_back(Past { celsius, drive, factors: self.factors });
    }

    /// The step that follows cannot be compared with the one before: readings were missing.
    pub fn interrupt(&mut self) {
        self.past.clear();
    }

    /// Whether predictions are worth something.
    pub fn is_learned(&self) -> bool {
        self.steps >= LEARNED_AFTER
    }

    /// How often the model began anew because it was wrong.
    pub fn resets(&self) -> u16 {
        self.resets
    }

    /// What a prediction a minute ahead is off by at most, 19 times of 20, in °C.
    pub fn error_p95(&self) -> f32 {
        (self.error * P95).clamp(0.3, 8.0)
    }

    /// The highest temperature within so many steps with `watts` all the time.
    pub fn peak(&self, state: State, watts: f32, steps: usize) -> f32 {
        let path = self.path(state, watts).take(steps);
        path.fold(state.0, |peak, celsius| if celsius > peak { celsius } else { peak })
    }

    /// The temperature a minute on with `watts` all the time.
    pub fn in_a_minute(&self, state: State, watts: f32) -> f32 {
        self.path(state, watts).nth(AHEAD - 1).unwrap_or(state.0)
    }

    /// Where the temperature ends with `watts` for ever.
    pub fn settled(&self, watts: f32) -> f32 {
        let [decay, power @ .., constant] = self.factors;
        let gain: f32 = power.iter().sum();
        let power = (watts - REFERENCE.1) * SCALE;
        REFERENCE.0 + (gain * power + constant) / -decay / SCALE
    }

    /// The power with which the temperature ends at `celsius`; none for a temperature that power
    /// hardly moves.
    pub fn sustainable(&self, celsius: f32) -> Option<f32> {
        let (low, high) = (self.settled(0.0), self.settled(100.0));
        let slope = (high - low) / 100.0;
        (slope > GAIN_MIN).then(|| (celsius - low) / slope)
    }

    /// The temperatures after each step with `watts` all the time.
    fn path(&self, state: State, watts: f32) -> impl Iterator<Item = f32> {
        let (mut now, mut before) = state;
        core::iter::repeat_with(move || {
            now += difference(&self.factors, now, [watts, watts, before[0], before[1]]);
            before = [watts; 2];
            now
        })
    }

    fn learn(&mut self, before: f32, celsius: f32, drive: Drive) {
        let inputs = inputs(before, drive);
        let off = celsius - before - dot(&self.factors, &inputs);
        if off.abs() > OUTLIER {
            self.outliers += 1;
            if self.outliers >= OUTLIERS {
                *self = Self { resets: self.resets.saturating_add(1), ..Self::default() };
            }
            return;
        }
        self.outliers = 0;
        self.steps = self.steps.saturating_add(1);
        let gain = self.gain(&inputs);
        for (factor, gain) in self.factors.iter_mut().zip(gain) {
            *factor += gain * off;
        }
        self.bound();
    }

    /// Lets the covariance wander and takes in a measurement; returns what each factor learns.
    fn gain(&mut self, inputs: &[f32; FACTORS]) -> [f32; FACTORS] {
        for (place, row) in self.covariance.iter_mut().enumerate() {
            row[place] = (row[place] + WANDER[place]).min(FIRST_VARIANCE[place]);
        }
        let spread: [f32; FACTORS] = core::array::from_fn(|row| dot(&self.covariance[row], inputs));
        let scale = 1.0 / (NOISE + dot(&spread, inputs));
        let gain = spread.map(|value| value * scale);
        for (row, gain) in self.covariance.iter_mut().zip(gain) {
            for (value, spread) in row.iter_mut().zip(spread) {
                *value -= gain * spread;
            }
        }
        let is_sound = (0..FACTORS).all(|at| self.covariance[at][at] > 0.0);
        if !is_sound {
            self.covariance = first_covariance();
        }
        gain
    }

    /// Brings factors back that no box has.
    fn bound(&mut self) {
        if self.factors.iter().any(|factor| !factor.is_finite()) {
            *self = Self { resets: self.resets.saturating_add(1), ..Self::default() };
            return;
        }
        let [decay, power @ .., constant] = &mut self.factors;
        *decay = decay.clamp(DECAY.0, DECAY.1);
        // Up to any half step nothing gets cooler by more power, nor warmer by more than 4 °C a
        // watt; and 0.1 to 12 °C a watt in the end.
        let mut sum = 0.0;
        for factor in power.iter_mut() {
            *factor = factor.clamp(-sum, 40.0 - sum);
            sum += *factor;
        }
        let in_the_end = sum.clamp(-0.1 * *decay, -12.0 * *decay);
        power[3] += in_the_end - sum;
        *constant = constant.clamp(-40.0, 40.0);
    }

    /// Compares the oldest step's prediction with what came; its power is what then was.
    fn judge(&mut self, celsius: f32, drive: Drive) {
        let Some(oldest) = self.past.front().copied() else { return };
        let mut now = oldest.celsius;
        let drives = self.past.iter().skip(1).map(|past| past.drive);
        for drive in drives.chain([drive]) {
            now += difference(&oldest.factors, now, drive);
        }
        if self.is_learned() {
            self.error += ERROR_SHARE * ((celsius - now).abs() - self.error);
        }
    }
}

fn first_covariance() -> [[f32; FACTORS]; FACTORS] {
    core::array::from_fn(|row| {
        core::array::from_fn(|column| if row == column { FIRST_VARIANCE[row] } else { 0.0 })
    })
}

fn inputs(celsius: f32, drive: Drive) -> [f32; FACTORS] {
    let [a, b, c, d] = drive.map(|watts| (watts - REFERENCE.1) * SCALE);
    [(celsius - REFERENCE.0) * SCALE, a, b, c, d, 1.0]
}

fn difference(factors: &[f32; FACTORS], celsius: f32, drive: Drive) -> f32 {
    dot(factors, &inputs(celsius, drive))
}

fn dot(a: &[f32; FACTORS], b: &[f32; FACTORS]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    /// A chip on a heat sink in air, every second.
    struct Plant {
        sink: f32,
        chip: f32,
        air: f32,
    }

    impl Plant {
        fn new(air: f32) -> Self {
            Self { sink: air, chip: 0.0, air }
        }

        /// 120 J/°C, 2.2 °C a watt; the chip is 0.4 °C a watt above its sink after 3 s.
        fn second(&mut self, watts: f32) -> f32 {
            self.sink += (watts - (self.sink - self.air) / 2.2) / 120.0;
            self.chip += (0.4 * watts - self.chip) / 3.0;
            ((self.sink + self.chip) * 2.0).round() / 2.0
        }
    }

    /// Lets the model see a box whose power is as the function says of every second; returns the
    /// errors of its predictions for a minute that the power then stayed the same.
    fn run(
        (plant, model): (&mut Plant, &mut Response),
        seconds: u32,
        watts: impl Fn(u32) -> f32,
    ) -> Vec<f32> {
        let mut promised: Vec<(u32, f32)> = Vec::new();
        let mut errors = Vec::new();
        for second in 0..seconds {
            let celsius = plant.second(watts(second));
            promised.retain(|(at, value)| {
                if *at == second {
                    errors.push((celsius - value).abs());
                }
                *at > second
            });
            if second % 10 == 9 {
                let half = |back: u32| {
                    let end = (second + 1).saturating_sub(5 * back).max(5);
                    (end - 5..end).map(&watts).sum::<f32>() / 5.0
                };
                let drive = [0, 1, 2, 3].map(half);
                model.observe(celsius, drive);
                let now = watts(second);
                let constant = (1..=60).all(|ahead| watts(second + ahead) == now);
                if model.is_learned() && constant && second > 300 {
                    let state = (celsius, [drive[0], drive[1]]);
                    promised.push((second + 60, model.in_a_minute(state, now)));
                }
            }
        }
        errors
    }

    fn p95(mut errors: Vec<f32>) -> f32 {
        errors.sort_by(f32::total_cmp);
        errors[errors.len() * 95 / 100]
    }

    #[test]
    fn a_minute_ahead_is_known_within_a_degree_after_five_minutes_of_play() {
        let (mut plant, mut model) = (Plant::new(25.0), Response::default());
        let errors =
            run((&mut plant, &mut model), 7_200, |s| if s % 300 < 100 { 24.0 } else { 13.0 });
        assert!(errors.len() > 100, "{} predictions", errors.len());
        let p95 = p95(errors);
        assert!(p95 < 1.5, "p95 {p95} °C");
        assert!(model.error_p95() < 2.5, "{} °C", model.error_p95());
    }

    #[test]
    fn the_end_is_known_before_it_is_reached() {
        let (mut plant, mut model) = (Plant::new(30.0), Response::default());
        run((&mut plant, &mut model), 3_600, |s| if s % 400 < 130 { 22.0 } else { 12.0 });
        // 30 + 20 · 2.6
        let settled = model.settled(20.0);
        assert!((settled - 82.0).abs() < 4.0, "{settled} °C");
        let watts = model.sustainable(82.0).expect("power warms");
        assert!((watts - 20.0).abs() < 2.0, "{watts} W");
    }

    #[test]
    fn steady_hours_unlearn_nothing_and_a_change_of_the_air_is_followed() {
        let (mut plant, mut model) = (Plant::new(25.0), Response::default());
        run((&mut plant, &mut model), 3_600, |s| if s % 300 < 100 { 24.0 } else { 13.0 });
        run((&mut plant, &mut model), 4 * 3_600, |_| 14.0);
        plant.air = 35.0;
        run((&mut plant, &mut model), 1_200, |_| 14.0);
        let settled = model.settled(24.0);
        assert!((settled - 97.4).abs() < 6.0, "{settled} °C");
        assert_eq!(model.resets(), 0);
    }

    #[test]
    fn nonsense_ends_in_a_new_beginning() {
        let (mut plant, mut model) = (Plant::new(25.0), Response::default());
        run((&mut plant, &mut model), 1_200, |_| 14.0);
        for reading in [20.0, 90.0, 20.0, 90.0] {
            model.observe(reading, [14.0; 4]);
        }
        assert_eq!(model.resets(), 1);
        assert!(!model.is_learned());
        model.observe(f32::NAN, [14.0; 4]);
        assert!(model.settled(20.0).is_finite());
    }

    proptest! {
        /// Whatever is read, predictions are numbers, more power is never cooler, and the model
        /// ends somewhere.
        #[test]
        fn predictions_are_sane_whatever_is_read(
            steps in proptest::collection::vec((-40f32..150.0, 0f32..120.0), 1..200),
        ) {
            let mut model = Response::default();
            for (celsius, watts) in steps {
                model.observe(celsius, [watts; 4]);
                let state = (celsius, [watts; 2]);
                prop_assert!(model.peak(state, watts, AHEAD).is_finite());
                prop_assert!(model.settled(10.0) <= model.settled(20.0));
                let (less, more) = (model.peak(state, 10.0, 2), model.peak(state, 20.0, 2));
                prop_assert!(less <= more + 0.01, "{less} {more}");
            }
        }
    }
}
