//! Temperatures as bands: what a reading means, given the limits of the sensor's own board.
//!
//! A sensor that was there and no longer answers counts with the worst that it could read by
//! now, never as a gap.

use core::time::Duration;

use heapless::String;
use wire::time::Monotonic;
use wire::units::Millicelsius;

/// Most sensors that are followed; the shell is told how many are left out.
pub const SENSORS_MAX: usize = 64;
/// Longest name of a sensor in a reason, in bytes; longer ones are cut.
pub const NAME_BYTES_MAX: usize = 32;

/// Below the throttling limit by so much, the box is cool again.
pub const HYSTERESIS: Millicelsius = Millicelsius(5_000);
/// A sensor that is silent is assumed to warm up by so much a second: a box of this kind at full
/// load with its fan stopped. A board's own rate replaces it, where it has one.
pub const SLEW_PER_SECOND: Millicelsius = Millicelsius(500);
/// Readings that did not come for so long count as those of silent sensors.
pub const READINGS_SILENT: Duration = Duration::from_secs(5);
/// A sensor that has been silent for so long counts as its worst case: the smallest operating point
/// is in force until it answers. Until then nothing faster is chosen.
pub const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Limits of a sensor for which the kernel knows no trip point at all. 80 °C is below what
/// every processor of the supported boards throttles at by itself.
pub const FALLBACK: Limits = Limits {
    throttle: Millicelsius(80_000),
    critical: Millicelsius(90_000),
    shutdown: Millicelsius(100_000),
};

/// Least distance between two neighbouring limits.
const STEP: i32 = 3_000;
/// Where one limit lies below the next when the kernel names only the upper one.
const USUAL_STEP: i32 = 8_000;
/// Readings and trip points outside are no temperatures: unset registers and failing sensors.
const PLAUSIBLE: core::ops::RangeInclusive<i32> = -40_000..=150_000;

/// Trip points that the kernel knows for a sensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trips {
    /// The kernel starts to throttle here.
    pub passive: Option<Millicelsius>,
    /// The hardware is near its limit here.
    pub hot: Option<Millicelsius>,
    /// The kernel shuts down here.
    pub critical: Option<Millicelsius>,
}

/// One sensor's reading. Sensors keep their place in the list for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe<'a> {
    /// The sensor's own name.
    pub name: &'a str,
    /// The reading; `None` when it could not be read this time.
    pub value: Option<Millicelsius>,
    /// Its trip points.
    pub trips: Trips,
}

/// Where a sensor's bands begin; each at least 3 °C above the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From here the load is reduced step by step.
    pub throttle: Millicelsius,
    /// From here the smallest operating point is in force.
    pub critical: Millicelsius,
    /// From here the box asks to be shut down.
    pub shutdown: Millicelsius,
}

impl Limits {
    /// The board's own limits where it has them. A box must act before its kernel does, so
    /// throttling begins 3 °C below `passive` and the shutdown 3 °C below `critical`.
    pub fn of(trips: Trips) -> Self {
        let plausible = |trip: Option<Millicelsius>| {
            trip.map(|t| t.0).filter(|t| *t > 0 && PLAUSIBLE.contains(t))
        };
        let (passive, hot, critical) =
            (plausible(trips.passive), plausible(trips.hot), plausible(trips.critical));
        if passive.or(hot).or(critical).is_none() {
            return FALLBACK;
        }
        // From the top down: an upper limit that is known bounds the ones below.
        let shutdown = critical.map(|t| t - STEP);
        let below = |upper: Option<i32>, own: Option<i32>| match (upper, own) {
            (Some(upper), Some(own)) => Some(own.min(upper - STEP)),
            (Some(upper), None) => Some(upper - USUAL_STEP),
            (None, own) => own,
        };
        // Where the kernel begins to throttle is not critical yet.
        let near = match (hot, passive) {
            (None, Some(passive)) if shutdown.is_some_and(|t| passive > t - USUAL_STEP) => {
                below(shutdown, Some(passive))
            }
            _ => below(shutdown, hot),
        };
        let throttle = below(near, passive.map(|t| t - STEP));
        // From the bottom up: what is still unknown lies the usual step above.
        let throttle = throttle.unwrap_or(FALLBACK.throttle.0);
        let near = near.unwrap_or(throttle + USUAL_STEP);
        let shutdown = shutdown.unwrap_or(near + USUAL_STEP);
        Self {
            throttle: Millicelsius(throttle),
            critical: Millicelsius(near),
            shutdown: Millicelsius(shutdown),
        }
    }

    /// The band that a reading falls into.
    pub fn band(self, value: Millicelsius) -> Band {
        if value >= self.shutdown {
            Band::Emergency
        } else if value >= self.critical {
            Band::Critical
        } else if value >= self.throttle {
            Band::Hot
        } else if value.0 >= self.throttle.0 - HYSTERESIS.0 {
            Band::Warm
        } else {
            Band::Cool
        }
    }

    /// The limit that a band begins at; for the bands below throttling, the throttling limit.
    fn crossed(self, band: Band) -> Millicelsius {
        match band {
            Band::Cool | Band::Warm | Band::Hot => self.throttle,
            Band::Critical => self.critical,
            Band::Emergency => self.shutdown,
        }
    }
}

/// How hot a sensor is, relative to its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// More may be asked of the box.
    Cool,
    /// Close to throttling: nothing more, nothing less.
    Warm,
    /// Less must be asked of it.
    Hot,
    /// The least must be asked of it.
    Critical,
    /// It must be shut down.
    Emergency,
}

/// Name of a sensor, cut to [`NAME_BYTES_MAX`].
pub type SensorName = String<NAME_BYTES_MAX>;

/// The sensor that matters most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Its band.
    pub band: Band,
    /// Its name.
    pub sensor: SensorName,
    /// What it reads, or is assumed to read.
    pub value: Millicelsius,
    /// The limit that it crossed, or the next one.
    pub limit: Millicelsius,
    /// It no longer answers.
    pub assumed: bool,
}

/// Every sensor's last reading.
#[derive(Clone, Debug)]
pub struct Thermometer {
    slew_per_second: Millicelsius,
    seen: heapless::Vec<Sensor, SENSORS_MAX>,
    updated: Option<Monotonic>,
    left_out: usize,
}

#[derive(Clone, Debug)]
struct Sensor {
    name: SensorName,
    limits: Limits,
    /// The last reading and when; `None` for a sensor that never answered.
    last: Option<(Monotonic, Millicelsius)>,
    loss_told: bool,
}

impl Default for Thermometer {
    fn default() -> Self {
        let seen = heapless::Vec::new();
        Self { slew_per_second: SLEW_PER_SECOND, seen, updated: None, left_out: 0 }
    }
}

impl Thermometer {
    /// Takes in how fast a silent sensor may warm up at worst; a rate of zero or below is none.
    pub fn set_slew(&mut self, per_second: Millicelsius) {
        if per_second.0 > 0 {
            self.slew_per_second = per_second;
        }
    }

    /// Takes in a reading of every sensor.
    pub fn update(&mut self, now: Monotonic, probes: &[Probe<'_>]) {
        self.updated = Some(now);
        self.left_out = probes.len().saturating_sub(SENSORS_MAX);
        for (place, probe) in probes.iter().take(SENSORS_MAX).enumerate() {
            if place == self.seen.len() {
                let limits = Limits::of(probe.trips);
                let sensor = Sensor { name: cut(probe.name), limits, last: None, loss_told: false };
                // There is room: `place` is below the capacity.
                let _ = self.seen.push(sensor);
            }
            let sensor = &mut self.seen[place];
            sensor.limits = Limits::of(probe.trips);
            if let Some(value) = probe.value.filter(|value| PLAUSIBLE.contains(&value.0)) {
                sensor.last = Some((now, value));
                sensor.loss_told = false;
            }
        }
    }

    /// The sensor in the highest band, the closest to its limit among equals; `None` if no
    /// sensor ever answered.
    pub fn worst(&self, now: Monotonic) -> Option<Worst> {
        let judge = |sensor: &Sensor| {
            let (at, value) = sensor.last?;
            let assumed = self.is_lost(now, at);
            let (band, value) = if assumed {
                let value = self.grown(value, now.since(at));
                // An assumption never shuts a box down.
                (sensor.limits.band(value).min(Band::Critical), value)
            } else {
                (sensor.limits.band(value), value)
            };
            let limit = sensor.limits.crossed(band);
            Some(Worst { band, sensor: sensor.name.clone(), value, limit, assumed })
        };
        let excess = |worst: &Worst| worst.value.0.saturating_sub(worst.limit.0);
        self.seen.iter().filter_map(judge).max_by_key(|worst| (worst.band, excess(worst)))
    }

    /// Every sensor that ever answered with its limits, and every other one, in their order.
    pub fn limits(&self) -> impl Iterator<Item = (&SensorName, Limits)> {
        self.seen.iter().map(|sensor| (&sensor.name, sensor.limits))
    }

    /// What every sensor read last, in the same order; `None` for one that has not answered for
    /// [`SILENCE_MAX`].
    pub fn readings(&self, now: Monotonic) -> impl Iterator<Item = Option<Millicelsius>> {
        let recent = move |(at, _): &(Monotonic, _)| now.since(*at) < SILENCE_MAX;
        let last = move |sensor: &Sensor| sensor.last.filter(recent).map(|(_, value)| value);
        self.seen.iter().map(last)
    }

    /// A sensor that answered once and has not for [`SILENCE_MAX`]: what it would read is not
    /// known any more.
    pub fn missing(&self, now: Monotonic) -> Option<&SensorName> {
        let is_missing =
            |sensor: &&Sensor| sensor.last.is_some_and(|(at, _)| now.since(at) >= SILENCE_MAX);
        self.seen.iter().find(is_missing).map(|sensor| &sensor.name)
    }

    /// Whether a sensor that answered once does not now, however briefly.
    pub fn is_blind(&self, now: Monotonic) -> bool {
        let is_lost = |sensor: &Sensor| sensor.last.is_some_and(|(at, _)| self.is_lost(now, at));
        self.seen.iter().any(is_lost)
    }

    /// When the readings count as silent if none come; `None` before the first ones.
    pub fn silent_at(&self) -> Option<Monotonic> {
        self.updated.map(|at| at.plus(READINGS_SILENT))
    }

    /// A sensor that no longer answers and was not returned by this function since it did.
    pub fn next_loss(&mut self, now: Monotonic) -> Option<SensorName> {
        let updated = self.updated;
        let lost = |sensor: &&mut Sensor| {
            let at = sensor.last.map(|(at, _)| at);
            !sensor.loss_told && at.is_some_and(|at| is_lost(updated, now, at))
        };
        let sensor = self.seen.iter_mut().find(lost)?;
        sensor.loss_told = true;
        Some(sensor.name.clone())
    }

    /// Sensors beyond [`SENSORS_MAX`].
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    fn is_lost(&self, now: Monotonic, at: Monotonic) -> bool {
        is_lost(self.updated, now, at)
    }

    fn grown(&self, value: Millicelsius, silent: Duration) -> Millicelsius {
        let silent_ms = i64::try_from(silent.as_millis()).unwrap_or(i64::MAX);
        let grown = i64::from(self.slew_per_second.0).saturating_mul(silent_ms) / 1_000;
        // Nothing on a board gets hotter than this.
        let hottest = i64::from(*PLAUSIBLE.end());
        Millicelsius(i64::from(value.0).saturating_add(grown).min(hottest) as i32)
    }
}

/// Whether a sensor that answered at `at` was left out of the last readings, or there were none
/// for too long.
fn is_lost(updated: Option<Monotonic>, now: Monotonic, at: Monotonic) -> bool {
    updated.is_none_or(|updated| at < updated) || now.since(at) >= READINGS_SILENT
}

fn cut(name: &str) -> SensorName {
    let mut out = SensorName::new();
    for c in name.chars() {
        if out.push(c).is_err() {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use proptest::prelude::*;

    use super::*;

    fn celsius(value: i32) -> Option<Millicelsius> {
        Some(Millicelsius(value * 1_000))
    }

    fn trips(passive: Option<i32>, hot: Option<i32>, critical: Option<i32>) -> Trips {
        let unit = |t: Option<i32>| t.map(|t| Millicelsius(t * 1_000));
        Trips { passive: unit(passive), hot: unit(hot), critical: unit(critical) }
    }

    #[test]
    fn limits_come_from_the_board() {
        for (trips, expected) in [
            (trips(Some(85), Some(95), Some(105)), (82, 95, 102)),
            (trips(Some(99), None, Some(104)), (95, 98, 101)),
            (trips(None, None, Some(105)), (86, 94, 102)),
            (trips(Some(70), None, None), (67, 75, 83)),
            (trips(None, Some(90), None), (82, 90, 98)),
            // What drivers leave unset is no trip point.
            (trips(Some(-274), None, Some(0)), (80, 90, 100)),
            (trips(None, None, None), (80, 90, 100)),
        ] {
            let limits = Limits::of(trips);
            let degrees = |t: Millicelsius| t.0 / 1_000;
            let found =
                (degrees(limits.throttle), degrees(limits.critical), degrees(limits.shutdown));
            assert_eq!(found, expected, "{trips:?}");
        }
    }

    #[test]
    fn bands_begin_at_their_limits() {
        for (value, band) in [
            (74, Band::Cool),
            (75, Band::Warm),
            (79, Band::Warm),
            (80, Band::Hot),
            (90, Band::Critical),
            (100, Band::Emergency),
        ] {
            assert_eq!(FALLBACK.band(Millicelsius(value * 1_000)), band, "{value} °C");
        }
    }

    #[test]
    fn lost_sensor_counts_with_the_worst_that_it_could_read() {
        let mut thermometer = Thermometer::default();
        let probe = |value| Probe { name: "cpu", value, trips: Trips::default() };
        thermometer.update(Monotonic::from_millis(0), &[probe(celsius(70))]);
        for (second, band) in [(1, Band::Cool), (10, Band::Warm), (20, Band::Hot)] {
            let now = Monotonic::from_millis(second * 1_000);
            thermometer.update(now, &[probe(None)]);
            let worst = thermometer.worst(now).expect("it was there once");
            assert!(worst.assumed);
            assert_eq!(worst.value, Millicelsius(70_000 + 500 * second as i32));
            assert_eq!(worst.band, band, "after {second} s");
        }
        let hours_later = Monotonic::from_millis(36_000_000);
        assert_eq!(thermometer.worst(hours_later).map(|w| w.band), Some(Band::Critical));
        assert_eq!(thermometer.next_loss(hours_later).map(|n| n.to_string()), Some("cpu".into()));
        assert_eq!(thermometer.next_loss(hours_later), None);
        thermometer.update(hours_later, &[probe(celsius(50))]);
        assert_eq!(thermometer.worst(hours_later).map(|w| w.band), Some(Band::Cool));
    }

    #[test]
    fn lost_sensor_warms_up_as_fast_as_its_board_says() {
        let mut thermometer = Thermometer::default();
        let probe = |value| Probe { name: "cpu", value, trips: Trips::default() };
        for (slew, expected) in [(2_000, 60_000), (0, 60_000), (-1, 60_000), (i32::MAX, 150_000)] {
            thermometer.set_slew(Millicelsius(slew));
            thermometer.update(Monotonic::from_millis(0), &[probe(celsius(40))]);
            let now = Monotonic::from_millis(10_000);
            thermometer.update(now, &[probe(None)]);
            assert_eq!(thermometer.worst(now).map(|w| w.value), Some(Millicelsius(expected)));
        }
    }

    #[test]
    fn readings_that_stop_coming_count_as_lost_sensors() {
        let mut thermometer = Thermometer::default();
        let probes = [Probe { name: "cpu", value: celsius(60), trips: Trips::default() }];
        thermometer.update(Monotonic(0), &probes);
        let shortly = Monotonic::from_millis(4_999);
        assert_eq!(thermometer.worst(shortly).map(|w| w.assumed), Some(false));
        let later = thermometer.silent_at().expect("there were readings");
        assert_eq!(thermometer.worst(later).map(|w| w.assumed), Some(true));
    }

    #[test]
    fn sensor_that_never_answered_is_no_sensor() {
        let mut thermometer = Thermometer::default();
        for value in [None, celsius(-300), celsius(900)] {
            let probes = [Probe { name: "ghost", value, trips: Trips::default() }];
            thermometer.update(Monotonic(0), &probes);
            assert_eq!(thermometer.worst(Monotonic(0)), None);
            assert_eq!(thermometer.next_loss(Monotonic(0)), None);
        }
    }

    #[test]
    fn closest_to_its_own_limit_is_the_worst() {
        let mut thermometer = Thermometer::default();
        let tight = trips(Some(60), None, None);
        thermometer.update(
            Monotonic(0),
            &[
                Probe { name: "cpu", value: celsius(70), trips: Trips::default() },
                Probe { name: "nvme", value: celsius(58), trips: tight },
            ],
        );
        let worst = thermometer.worst(Monotonic(0)).expect("two sensors");
        assert_eq!((worst.sensor.as_str(), worst.band), ("nvme", Band::Hot));
    }

    proptest! {
        /// Whatever a board claims, its limits rise by at least 3 °C each.
        #[test]
        fn limits_always_rise(
            passive in proptest::option::of(-300_000i32..300_000),
            hot in proptest::option::of(-300_000i32..300_000),
            critical in proptest::option::of(-300_000i32..300_000),
        ) {
            let unit = |t: Option<i32>| t.map(Millicelsius);
            let trips = Trips { passive: unit(passive), hot: unit(hot), critical: unit(critical) };
            let limits = Limits::of(trips);
            prop_assert!(limits.throttle.0 + STEP <= limits.critical.0);
            prop_assert!(limits.critical.0 + STEP <= limits.shutdown.0);
        }
    }
}
