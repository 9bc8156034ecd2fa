//! A set of numbers as half-open ranges: received bytes of a file, received messages of a boot.

use std::collections::BTreeMap;

/// Disjoint, not touching, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ranges = Self::default();
        for (start, end) in pairs {
            ranges.insert(start, end);
        }
        ranges
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }

    /// Adds `[start, end)`; an empty one adds nothing.
    pub(crate) fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (mut start, mut end) = (start, end);
        // Everything that touches the new range lies before its end; walk back from there.
        while let Some((&first, &last)) = self.0.range(..=end).next_back()
            && last >= start
        {
            start = start.min(first);
            end = end.max(last);
            self.0.remove(&first);
        }
        self.0.insert(start, end);
    }

    /// What is missing of `[from, to)`, at most `most` ranges.
    pub(crate) fn missing(&self, from: u64, to: u64, most: usize) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut at = from;
        for (start, end) in self.pairs().filter(|(_, end)| *end > from) {
            if start >= to || missing.len() == most {
                break;
            }
            if start > at {
                missing.push((at, start));
            }
            at = at.max(end);
        }
        if at < to && missing.len() < most {
            missing.push((at, to));
        }
        missing
    }

    /// The end of the range that holds `number`.
    pub(crate) fn end_after(&self, number: u64) -> Option<u64> {
        let (_, &end) = self.0.range(..=number).next_back()?;
        (end > number).then_some(end)
    }

    /// Forgets everything below `limit`.
    pub(crate) fn forget_below(&mut self, limit: u64) {
        let kept = self.0.split_off(&limit);
        let cut = self.0.last_key_value().map(|(_, end)| *end).filter(|end| *end > limit);
        self.0 = kept;
        if let Some(end) = cut {
            self.insert(limit, end);
        }
    }

    /// The largest number plus one; 0 for the empty set.
    pub(crate) fn end(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(_, end)| *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_when_they_touch_or_overlap() {
        let mut ranges = Ranges::from_pairs([(10, 20), (30, 40), (50, 60)]);
        ranges.insert(20, 30);
        assert_eq!(ranges.pairs().collect::<Vec<_>>(), [(10, 40), (50, 60)]);
        ranges.insert(0, 100);
        assert_eq!(ranges.pairs().collect::<Vec<_>>(), [(0, 100)]);
        ranges.insert(7, 7);
        assert_eq!(ranges.pairs().count(), 1);
    }

    #[test]
    fn missing_is_what_is_not_there() {
        let ranges = Ranges::from_pairs([(10, 20), (30, 40)]);
        assert_eq!(ranges.missing(0, 50, 9), [(0, 10), (20, 30), (40, 50)]);
        assert_eq!(ranges.missing(0, 50, 2), [(0, 10), (20, 30)]);
        assert_eq!(ranges.missing(12, 35, 9), [(20, 30)]);
        assert_eq!(ranges.missing(10, 20, 9), []);
        assert_eq!(Ranges::default().missing(0, 5, 9), [(0, 5)]);
    }

    /// Every operation against a plain set of numbers, for many seeds.
    #[test]
    fn ranges_agree_with_a_plain_set() {
        for seed in 1..200_u64 {
            let mut random = seed;
            let mut draw = || {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) % 64
            };
            let (mut ranges, mut plain) = (Ranges::default(), std::collections::BTreeSet::new());
            for _ in 0..12 {
                let (start, length) = (draw(), draw() % 9);
                ranges.insert(start, start + length);
                plain.extend(start..start + length);
            }
            let limit = draw();
            ranges.forget_below(limit);
            plain.retain(|number| *number >= limit);
            let unrolled: Vec<u64> = ranges.pairs().flat_map(|(a, b)| a..b).collect();
            assert_eq!(unrolled, plain.iter().copied().collect::<Vec<_>>(), "seed {seed}");
            let missing: Vec<u64> =
                ranges.missing(3, 70, 99).into_iter().flat_map(|(a, b)| a..b).collect();
            let expected: Vec<u64> = (3..70).filter(|n| !plain.contains(n)).collect();
            assert_eq!(missing, expected, "seed {seed}");
        }
    }
}
