//! What a line that costs by the byte may carry of clips in a day.

use crate::Closed;

/// What a day allows, and what was used of it. Days are numbered; which number a day has is the
/// caller's business, so that the box's own midnight counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    bytes_max: Option<u64>,
    spent: Spent,
}

/// What was used, and on which day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The day's number.
    pub day: i64,
    /// Bytes on it.
    pub bytes: u64,
}

impl Allowance {
    /// At most `bytes_max` a day, of which `spent` is used.
    pub const fn new(bytes_max: Option<u64>, spent: Spent) -> Self {
        Self { bytes_max, spent }
    }

    /// So many bytes went on a day; `None` while the box does not know the day: then the last one
    /// that it knew goes on, because a clock that is lost must not make a line free.
    pub fn handle_sent(&mut self, day: Option<i64>, bytes: u64) {
        self.turn(day);
        self.spent.bytes = self.spent.bytes.saturating_add(bytes);
    }

    /// Whether more may go.
    ///
    /// # Errors
    /// [`Closed::Budget`] when the day's bytes are used up.
    pub fn judge(&mut self, day: Option<i64>) -> Result<(), Closed> {
        self.turn(day);
        match self.bytes_max {
            Some(max) if self.spent.bytes >= max => Err(Closed::Budget),
            Some(_) | None => Ok(()),
        }
    }

    /// What was used, and on which day.
    pub const fn spent(&self) -> Spent {
        self.spent
    }

    /// Another day begins; an earlier one as well, because then the clock was wrong before.
    fn turn(&mut self, day: Option<i64>) {
        if let Some(day) = day.filter(|day| *day != self.spent.day) {
            self.spent = Spent { day, bytes: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_ends_where_its_bytes_do_and_the_next_one_begins_anew() {
        let mut allowance = Allowance::new(Some(1_000), Spent { day: 7, bytes: 900 });
        assert_eq!(allowance.judge(Some(7)), Ok(()));
        allowance.handle_sent(Some(7), 100);
        assert_eq!(allowance.judge(Some(7)), Err(Closed::Budget));
        assert_eq!(allowance.judge(Some(8)), Ok(()));
        assert_eq!(allowance.spent(), Spent { day: 8, bytes: 0 });
    }

    #[test]
    fn box_that_loses_its_clock_does_not_get_another_day() {
        let mut allowance = Allowance::new(Some(1_000), Spent { day: 7, bytes: 1_000 });
        assert_eq!(allowance.judge(None), Err(Closed::Budget));
        allowance.handle_sent(None, 5);
        assert_eq!(allowance.spent(), Spent { day: 7, bytes: 1_005 });
    }

    #[test]
    fn line_without_a_limit_is_counted_all_the_same() {
        let mut allowance = Allowance::new(None, Spent::default());
        allowance.handle_sent(Some(1), u64::MAX);
        allowance.handle_sent(Some(1), 1);
        assert_eq!(allowance.judge(Some(1)), Ok(()));
        assert_eq!(allowance.spent().bytes, u64::MAX);
    }
}
