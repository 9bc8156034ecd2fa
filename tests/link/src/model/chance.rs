//! Chance that can be repeated: which packets are lost.

use crate::units::PerMillion;

/// splitmix64, by Steele, Lea and Flood: one addition and a mix for each number, every seed is good.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Whether something of this probability happens. Uses up one number whatever the share is, so
    /// that the luck of later packets does not hang on it.
    pub(super) fn happens(&mut self, share: PerMillion) -> bool {
        let below = self.number() % u64::from(PerMillion::ALL.0);
        below < u64::from(share.0)
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        // The first numbers of seed 1234567, from Vigna's reference code.
        let mut chance = Chance::of_seed(1_234_567);
        assert_eq!(chance.number(), 6_457_827_717_110_365_317);
        assert_eq!(chance.number(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn nothing_and_all_are_certain_and_a_share_is_about_right() {
        let mut chance = Chance::of_seed(1);
        let mut count = |share| (0..100_000).filter(|_| chance.happens(share)).count();
        assert_eq!(count(PerMillion(0)), 0);
        assert_eq!(count(PerMillion::ALL), 100_000);
        // Four standard deviations: √(100 000 × 0.01 × 0.99) = 31.
        let lost = count(PerMillion::from_percent(1));
        assert!((876..=1_124).contains(&lost), "{lost}");
    }
}
