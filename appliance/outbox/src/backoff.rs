//! Waiting longer after each failure, with jitter, so that a fleet does not return at once.

use core::time::Duration;

/// First and longest delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// Delay after the first failure, before jitter.
    pub first: Duration,
    /// Longest delay, before jitter.
    pub longest: Duration,
}

impl Delays {
    /// The delay after `failures` failures: doubled each time, then between half and all of it,
    /// chosen by `random`.
    pub fn after(self, failures: u32, random: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let whole = doubled.min(self.longest).as_micros() as u64;
        let half = whole / 2;
        Duration::from_micros(half + ((u64::from(random) * (whole - half)) >> 32))
    }
}

/// Counts failures in a row and draws the jitter from its own seed.
#[derive(Clone, Debug)]
pub struct Backoff {
    delays: Delays,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// No failures yet.
    pub const fn new(delays: Delays, seed: u64) -> Self {
        Self { delays, failures: 0, random: seed }
    }

    /// One more failure: how long to wait now.
    pub fn fail(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.delays.after(self.failures, self.draw())
    }

    /// It worked: the next failure is the first one again.
    pub const fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// splitmix64: any seed will do, zero included.
    pub(crate) fn draw(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAYS: Delays =
        Delays { first: Duration::from_millis(500), longest: Duration::from_secs(60) };

    #[test]
    fn delay_doubles_up_to_the_longest_and_stays_within_its_jitter() {
        let mut backoff = Backoff::new(DELAYS, 7);
        for failure in 0..40_u32 {
            let whole = (500_u64 << failure.min(20)).min(60_000);
            let got = backoff.fail().as_millis() as u64;
            assert!((whole / 2..=whole).contains(&got), "failure {failure}: {got} ms");
        }
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::new(DELAYS, 7);
        for _ in 0..9 {
            backoff.fail();
        }
        backoff.succeed();
        assert!(backoff.fail() <= DELAYS.first);
    }

    #[test]
    fn two_seeds_do_not_return_together() {
        let (mut a, mut b) = (Backoff::new(DELAYS, 1), Backoff::new(DELAYS, 2));
        assert!((0..8).any(|_| a.fail() != b.fail()));
    }
}
