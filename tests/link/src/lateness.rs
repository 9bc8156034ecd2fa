//! How late packets were written, in a fixed number of classes: the emulator's own error.

use core::time::Duration;

/// Classes of a quarter of a power of two, in microseconds: the last one begins at over 1 s.
const CLASSES: usize = 84;

/// A distribution of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lateness {
    counts: [u64; CLASSES],
    max: Duration,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { counts: [0; CLASSES], max: Duration::ZERO }
    }
}

impl Lateness {
    /// Counts one packet.
    pub fn add(&mut self, late: Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.counts[class(micros)] += 1;
        self.max = self.max.max(late);
    }

    /// The latest packet.
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// How late at most were that many of a thousand packets, rounded up to the end of a class (a
    /// quarter more at most).
    pub fn quantile(&self, permille: u64) -> Duration {
        let total: u64 = self.counts.iter().sum();
        let mut left = (total * permille).div_ceil(1_000);
        for (index, count) in self.counts.iter().enumerate() {
            if *count >= left {
                return Duration::from_micros(end(index)).min(self.max);
            }
            left -= count;
        }
        self.max
    }
}

/// Below 4 µs each has its own class; then four to each power of two.
fn class(micros: u64) -> usize {
    if micros < 4 {
        return micros as usize;
    }
    let power = micros.ilog2();
    let quarter = (micros >> (power - 2)) & 3;
    ((power as usize - 1) * 4 + quarter as usize).min(CLASSES - 1)
}

/// The first time that is in no class up to this one.
fn end(class: usize) -> u64 {
    if class < 4 {
        return class as u64 + 1;
    }
    (4 + (class as u64 & 3) + 1) << (class / 4 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_meet_without_a_gap() {
        for micros in [0, 1, 3, 4, 5, 7, 8, 9, 10, 15, 16, 100, 999, 12_345, 1_000_000] {
            let class = class(micros);
            assert!(micros < end(class), "{micros} is before the end of its class");
            assert!(class == 0 || end(class - 1) <= micros, "{micros} is after the class before");
        }
        assert_eq!(class(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn quantiles_are_at_most_a_quarter_too_large() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.quantile(500), Duration::ZERO);
        for micros in 1..=1_000 {
            lateness.add(Duration::from_micros(micros));
        }
        for (permille, exact) in [(500, 500), (990, 990), (1_000, 1_000)] {
            let told = lateness.quantile(permille).as_micros();
            assert!((exact..=exact * 5 / 4 + 1).contains(&told), "{permille}: {told}");
        }
        assert_eq!(lateness.max(), Duration::from_millis(1));
    }
}
