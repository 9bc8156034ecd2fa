//! The thermal soak: watches the sensors once a second, and tells where the one that comes closest
//! to its limit would settle.
//!
//! Owns the watching; the curve is in [`super::steady`]. The room is not measured: a box that is
//! good on a winter's evening may throttle in July, so the margin is told.

use std::sync::Arc;
use std::time::Duration;

use governor::thermal::{HYSTERESIS, Limits};
use hal::Clock;
use wire::time::Monotonic;
use wire::units::Millicelsius;

use super::board::Look;
use super::report::{Check, Verdict};
use super::steady::{Course, Sample, course};
use crate::clock::SystemClock;
use crate::hardware::probes;

const EVERY: Duration = Duration::from_secs(1);
const NAME: &str = "steady temperature";

/// One sensor and what it read.
struct Watched {
    name: String,
    limits: Limits,
    samples: Vec<Sample>,
}

/// Watches for so many seconds.
pub(super) async fn check(clock: &Arc<SystemClock>, look: &mut Look, seconds: u32) -> Check {
    let mut watched: Vec<Watched> = Vec::new();
    let began = clock.now();
    let end = began.plus(Duration::from_secs(seconds.into()));
    let mut next = began;
    while next < end {
        clock.sleep_until(next).await;
        take(look, (clock.now(), began), &mut watched);
        next = next.plus(EVERY);
    }
    judge(&watched, seconds)
}

fn take(look: &mut Look, (now, began): (Monotonic, Monotonic), watched: &mut Vec<Watched>) {
    let readings = look.hardware.read();
    let at_s = now.since(began).as_secs_f64();
    for (place, probe) in probes(look.hardware.fit(), &readings).into_iter().enumerate() {
        if watched.len() == place {
            let (name, limits) = (probe.name.to_owned(), Limits::of(probe.trips));
            watched.push(Watched { name, limits, samples: Vec::new() });
        }
        if let (Some(value), Some(sensor)) = (probe.value, watched.get_mut(place)) {
            sensor.samples.push(Sample { at_s, celsius: degrees(value) });
        }
    }
}

fn degrees(Millicelsius(milli): Millicelsius) -> f64 {
    f64::from(milli) / 1_000.0
}

/// The sensor that came closest to its limit, and where it goes.
fn judge(watched: &[Watched], seconds: u32) -> Check {
    let margin = |sensor: &&Watched| {
        let hottest = sensor.samples.iter().map(|sample| sample.celsius).fold(-273.0, f64::max);
        degrees(sensor.limits.throttle) - hottest
    };
    let answered = watched.iter().filter(|sensor| !sensor.samples.is_empty());
    let Some(sensor) = answered.min_by(|a, b| margin(a).total_cmp(&margin(b))) else {
        return Check::not_checked(NAME, "no sensor answers", "see the board's section");
    };
    let limit = degrees(sensor.limits.throttle);
    let name = &sensor.name;
    let beside = format!("throttles at {limit:.1} °C; {seconds} s watched");
    let (steady, found) = match course(&sensor.samples) {
        None => {
            let found = format!("{name} gave too few readings in {seconds} s");
            return Check::not_checked(NAME, found, "watch for longer");
        }
        Some(Course::TooShort { last, per_minute }) => {
            let found = format!(
                "{name} is at {last:.1} °C and moves by {per_minute:+.1} °C a minute; {beside}"
            );
            let advice = "it has not settled: watch for longer (`--soak`), twice the time or more";
            return Check::warning(NAME, found, advice).figure("last_celsius", last);
        }
        Some(Course::Settled { steady }) => {
            (steady, format!("{name} stays at {steady:.1} °C; {beside}"))
        }
        Some(Course::Settles { steady, constant_s, error }) => {
            let found = format!(
                "{name} goes to {steady:.1} ± {:.1} °C, 63 % of the way in {constant_s:.0} s; \
                 {beside}",
                2.0 * error
            );
            (steady + 2.0 * error, found)
        }
    };
    let check = Check::good(NAME, found)
        .figure("steady_celsius", steady)
        .figure("throttles_at_celsius", limit);
    if steady >= limit {
        let advice = "it will throttle: give the box air, shade or a fan, and watch again";
        check.with_advice(Verdict::Bad, advice)
    } else if steady >= limit - degrees(HYSTERESIS) {
        let advice = "it comes close to throttling, and a warmer room will do the rest: give the \
                      box air";
        check.with_advice(Verdict::Warning, advice)
    } else {
        check
    }
}

#[cfg(test)]
mod tests {
    use governor::thermal::FALLBACK;

    use super::*;

    fn sensor(name: &str, of: impl Fn(f64) -> f64) -> Watched {
        let sample = |at: u16| Sample { at_s: at.into(), celsius: of(at.into()) };
        Watched { name: name.to_owned(), limits: FALLBACK, samples: (0..300).map(sample).collect() }
    }

    fn warming(steady: f64) -> impl Fn(f64) -> f64 {
        move |at_s| steady - 20.0 * (-at_s / 60.0).exp()
    }

    #[test]
    fn sensor_closest_to_its_limit_decides_by_where_it_settles() {
        for (steady, verdict) in
            [(65.0, Verdict::Good), (77.0, Verdict::Warning), (84.0, Verdict::Bad)]
        {
            let check = judge(&[sensor("cool", |_| 40.0), sensor("cpu", warming(steady))], 300);
            assert_eq!(check.verdict, verdict, "{check:?}");
            let beginning = format!("cpu goes to {steady:.1} ± 0.0 °C");
            assert!(check.found.starts_with(&beginning), "{check:?}");
        }
    }

    #[test]
    fn what_did_not_settle_or_did_not_answer_is_no_good_sign() {
        let long = sensor("cpu", |at_s| 50.0 + at_s / 60.0);
        assert_eq!(judge(&[long], 300).verdict, Verdict::Warning);
        assert_eq!(judge(&[], 300).verdict, Verdict::NotChecked);
        let silent = Watched { name: "cpu".to_owned(), limits: FALLBACK, samples: Vec::new() };
        assert_eq!(judge(&[silent], 300).verdict, Verdict::NotChecked);
    }
}
