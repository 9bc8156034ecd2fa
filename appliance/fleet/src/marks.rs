//! Up to where a boot's messages are complete.

use crate::ranges::Ranges;

/// Progress of one boot of one device. Numbers start at 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    upto: u64,
    /// Received or closed, above `upto`.
    above: Ranges,
}

impl Mark {
    /// A mark as it was stored, with the numbers received above it.
    pub(crate) fn restore(upto: u64, received: impl IntoIterator<Item = u64>) -> Self {
        Self::restore_ranges(upto, received.into_iter().map(|seq| (seq, seq + 1)))
    }

    /// A mark as it was stored, with what was received or closed above it: half-open ranges.
    pub(crate) fn restore_ranges(upto: u64, above: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut mark = Self { upto, above: Ranges::from_pairs(above) };
        mark.advance();
        mark
    }

    /// What was received or closed above the mark: half-open ranges.
    pub(crate) fn above(&self) -> impl Iterator<Item = (u64, u64)> {
        self.above.pairs()
    }

    /// Everything up to and including this number is stored or cannot come any more.
    pub(crate) fn upto(&self) -> u64 {
        self.upto
    }

    /// A message is stored.
    pub(crate) fn receive(&mut self, seq: u64) {
        self.above.insert(seq, seq.saturating_add(1));
        self.advance();
    }

    /// The box cannot supply `[from, to)` any more. Returns what of it was missing.
    pub(crate) fn close(&mut self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let holes = self.above.missing(from.max(self.upto + 1), to, usize::MAX);
        self.above.insert(from, to);
        self.advance();
        holes
    }

    /// The largest number received or closed.
    pub(crate) fn highest(&self) -> u64 {
        self.upto.max(self.above.end().saturating_sub(1))
    }

    fn advance(&mut self) {
        if let Some(end) = self.above.end_after(self.upto + 1) {
            self.upto = end - 1;
        }
        self.above.forget_below(self.upto + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_moves_only_over_what_is_complete() {
        let mut mark = Mark::default();
        for (seq, upto) in [(2, 0), (3, 0), (1, 3), (5, 3), (4, 5), (4, 5), (1, 5)] {
            mark.receive(seq);
            assert_eq!(mark.upto(), upto, "after {seq}");
        }
    }

    #[test]
    fn closing_reports_only_what_was_missing() {
        let mut mark = Mark::default();
        mark.receive(3);
        assert_eq!(mark.close(0, 6), [(1, 3), (4, 6)]);
        assert_eq!(mark.upto(), 5);
        assert_eq!(mark.close(0, 6), []);
    }

    #[test]
    fn restored_mark_goes_on_where_it_was() {
        let mark = Mark::restore(4, [5, 6, 9]);
        assert_eq!((mark.upto(), mark.highest()), (6, 9));
    }
}
