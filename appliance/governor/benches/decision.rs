//! What a second of governing costs: `cargo bench -p courtside-governor`. Promised: 50 µs.

use std::time::Duration;

use divan::Bencher;
use governor::operating_point::LADDER;
use governor::power::Sample;
use governor::{Cue, Governor, Pressure, Probe, Trips, Work};
use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts, Permille};

fn main() {
    divan::main();
}

/// A governor that has seen an hour of play on a box with so many sensors.
fn learned(sensors: usize) -> (Governor, Monotonic) {
    let mut governor = Governor::new(Monotonic(0), LADDER);
    let mut now = Monotonic(0);
    for second in 0..3_600 {
        now = now.plus(Duration::from_secs(1));
        if second % 30 == 0 {
            governor.handle_cue(now, Cue::BallNearRim);
        }
        a_second(&mut governor, now, sensors);
    }
    (governor, now)
}

fn a_second(governor: &mut Governor, now: Monotonic, sensors: usize) {
    let wave = (now.0 / 1_000_000 % 60) as i32;
    let trips = Trips { passive: Some(Millicelsius(99_000)), hot: None, critical: None };
    let value = Some(Millicelsius(70_000 + 100 * wave));
    let probes = vec![Probe { name: "zone", value, trips }; sensors];
    governor.handle_readings(now, &probes);
    let input = Some(Milliwatts(15_000 + 50 * wave.unsigned_abs()));
    governor.handle_power(now, Sample { input, over_current: 0 });
    let cpu = Some(Permille(100));
    governor.handle_pressure(now, Pressure { cpu, ..Pressure::default() });
    governor.handle_work(
        now,
        Work {
            frames: 25,
            offered: 25,
            busy: Duration::from_millis(150),
            aside: Duration::from_millis(10),
            slowest: Duration::from_millis(20),
        },
    );
    while governor.next(now).is_some() {}
}

/// All of a second: readings, power, pressure, work, and what comes of them.
#[divan::bench(args = [1, 8, 64])]
fn second(bencher: Bencher<'_, '_>, sensors: usize) {
    let (mut governor, mut now) = learned(sensors);
    bencher.bench_local(|| {
        now = now.plus(Duration::from_secs(1));
        a_second(&mut governor, now, sensors);
    });
}

/// From a cue to the operating point.
#[divan::bench(args = [1, 8, 64])]
fn cue(bencher: Bencher<'_, '_>, sensors: usize) {
    let (governor, now) = learned(sensors);
    bencher.with_inputs(|| governor.clone()).bench_local_values(|mut governor| {
        governor.handle_cue(now, Cue::Button);
        governor.operating_point()
    });
}
