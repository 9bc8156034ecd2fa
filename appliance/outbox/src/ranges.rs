//! Byte ranges of a file that are still to be sent.

use alloc::collections::VecDeque;

/// Half-open ranges, in ascending order, not touching. Bounded: at most [`Ranges::MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(VecDeque<(u64, u64)>);

impl Ranges {
    pub(crate) const MAX: usize = wire::transfer::MISSING_MAX;

    /// Whatever the other side claims to miss, clipped to a file of `size` bytes, sorted and
    /// merged.
    pub(crate) fn of(claimed: &[(u64, u64)], size: u64) -> Self {
        let mut sorted: alloc::vec::Vec<(u64, u64)> = claimed
            .iter()
            .take(Self::MAX)
            .map(|&(start, end)| (start, end.min(size)))
            .filter(|(start, end)| start < end)
            .collect();
        sorted.sort_unstable();
        let mut merged: VecDeque<(u64, u64)> = VecDeque::with_capacity(sorted.len());
        for (start, end) in sorted {
            match merged.back_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                Some(_) | None => merged.push_back((start, end)),
            }
        }
        Self(merged)
    }

    /// Takes at most `most` bytes from the front: `(offset, length)`.
    pub(crate) fn take(&mut self, most: u32) -> Option<(u64, u32)> {
        let first = self.0.front_mut()?;
        let (start, length) = (first.0, (first.1 - first.0).min(u64::from(most)) as u32);
        first.0 += u64::from(length);
        if first.0 == first.1 {
            self.0.pop_front();
        }
        Some((start, length))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_clipped_sorted_and_merged() {
        let ranges = Ranges::of(&[(50, 500), (10, 20), (20, 30), (60, 70), (9, 9), (8, 2)], 100);
        assert_eq!(ranges.0, [(10, 30), (50, 100)]);
        assert_eq!(ranges.bytes(), 70);
    }

    #[test]
    fn taking_never_crosses_a_range() {
        let mut ranges = Ranges::of(&[(0, 10), (20, 25)], 100);
        let taken: alloc::vec::Vec<_> = core::iter::from_fn(|| ranges.take(8)).collect();
        assert_eq!(taken, [(0, 8), (8, 2), (20, 5)]);
    }
}
