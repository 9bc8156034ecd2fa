//! How many bytes of one kind went today: counted here, kept by the store over a restart.

use outbox::{Allowance, Closed, Spent};
use wire::time::WallTime;

use super::hour::local_day;
use crate::store::{Opened, Spending, Store};

/// So many bytes may be forgotten when the box is killed.
const NOTED_EVERY_BYTES: u64 = 256 * 1024;

pub(super) struct Budget {
    of: Spending,
    allowance: Allowance,
    store: Store,
    /// What the store knows of it.
    noted: Spent,
}

impl Budget {
    /// At most `bytes_max` a day, earlier starts of the box included.
    pub(super) fn new(opened: &Opened, of: Spending, bytes_max: Option<u64>) -> Self {
        let noted = opened.spent.of(of);
        let allowance = Allowance::new(bytes_max, noted);
        Self { of, allowance, store: opened.store.clone(), noted }
    }

    /// Whether more may go.
    ///
    /// # Errors
    /// [`Closed::Budget`] when the day's bytes are used up.
    pub(super) fn judge(&mut self, wall: WallTime) -> Result<(), Closed> {
        self.allowance.judge(local_day(wall))
    }

    /// So many bytes were handed to the connection.
    pub(super) fn spend(&mut self, wall: WallTime, bytes: u64) {
        self.allowance.handle_sent(local_day(wall), bytes);
        let spent = self.spent();
        let is_other_day = spent.day != self.noted.day;
        if is_other_day || spent.bytes.saturating_sub(self.noted.bytes) >= NOTED_EVERY_BYTES {
            self.note();
        }
    }

    /// Has the store note what it does not know yet.
    pub(super) fn note(&mut self) {
        let spent = self.spent();
        if spent != self.noted && self.store.note_spent(self.of, spent).is_ok() {
            self.noted = spent;
        }
    }

    pub(super) const fn spent(&self) -> Spent {
        self.allowance.spent()
    }
}
