//! How many bytes of clips went today: counted here, kept by the store over a restart.

use hal::Clock;
use outbox::{Closed, Spent};

use super::Courier;
use crate::uplink::hour::local_day;

/// So many bytes may be forgotten when the box is killed.
const NOTED_EVERY_BYTES: u64 = 256 * 1024;

impl<C: Clock> Courier<C> {
    pub(super) fn judge_spending(&mut self) -> Result<(), Closed> {
        let day = local_day(self.clock.wall_time());
        self.allowance.judge(day)
    }

    /// So many bytes were handed to the connection.
    pub(super) fn spend(&mut self, bytes: u64) {
        let day = local_day(self.clock.wall_time());
        self.allowance.handle_sent(day, bytes);
        let spent = self.allowance.spent();
        let is_other_day = spent.day != self.noted.day;
        if is_other_day || spent.bytes.saturating_sub(self.noted.bytes) >= NOTED_EVERY_BYTES {
            self.note(spent);
        }
    }

    pub(super) fn note(&mut self, spent: Spent) {
        if spent != self.noted && self.store.note_spent(spent).is_ok() {
            self.noted = spent;
        }
    }
}
