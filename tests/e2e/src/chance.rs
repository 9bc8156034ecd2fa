//! Chance that can be repeated: a small generator whose seed a failing test prints.

/// xorshift64*, by Marsaglia and Vigna: good enough to choose moments, victims and garbage.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The generator of a seed.
    pub const fn of_seed(seed: u64) -> Self {
        // The state must not be zero, and small seeds should differ at once.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// That many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number().to_be_bytes()[0]).collect()
    }

    /// The items in any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.below(end as u64 + 1);
            items.swap(end, usize::try_from(other).expect("below the length of a slice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_and_another_seed_others() {
        let first = |seed| Chance::of_seed(seed).bytes(8);
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn shuffled_items_are_all_there_and_moved() {
        let mut items: Vec<u32> = (0..60).collect();
        Chance::of_seed(1).shuffle(&mut items);
        assert_ne!(items, (0..60).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..60).collect::<Vec<_>>());
    }
}
