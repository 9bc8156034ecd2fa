//! How the messenger ends: everything durable, everybody told.

use hal::Clock;
use wire::birth::Presence;
use wire::time::Monotonic;

use super::{GOODBYE, Messenger, STORE_RETRY};
use crate::uplink::Inbound;

/// How often the store is asked again before the process ends: 5 s.
const STORE_ATTEMPTS: u32 = 100;

impl<C: Clock> Messenger<C> {
    pub(super) fn is_drained(&self, now: Monotonic) -> bool {
        // One that is being opened is waited for: the broker still believes that the box is there.
        let no_hope = self.line.retry_at().is_some();
        let nothing_left = self.outbox.owed() == 0 && self.line.is_up();
        self.drain.as_ref().is_some_and(|drain| nothing_left || no_hope || drain.until <= now)
    }

    pub(super) async fn finish(mut self) {
        self.budget.note();
        let left = self.outbox.owed() + self.store_the_rest().await;
        if let Ok(mut ticket) = self.store.flush()
            && let Err(error) = ticket.outcome().await
        {
            tracing::error!(%error, left, "the last messages could not be stored");
        }
        self.tell_presence(Presence::Disconnected);
        self.line.close(GOODBYE).await;
        if let Some(drain) = self.drain.take() {
            let _caller_is_gone = drain.reply.send(left);
        }
    }

    /// Stores what was numbered but not sent. Returns how many messages arrived after the drain
    /// had begun.
    async fn store_the_rest(&mut self) -> u64 {
        self.links.inbox.close();
        let mut late = 0;
        while let Some(inbound) = self.links.inbox.recv().await {
            if let Inbound::Letter(letter) = inbound {
                late += 1;
                self.unstored.push_back(letter.key);
                self.letters.insert(letter.key, letter);
            }
        }
        for _ in 0..STORE_ATTEMPTS {
            self.store_letters();
            if self.unstored.is_empty() {
                return late;
            }
            self.clock.sleep_until(self.clock.now().plus(STORE_RETRY)).await;
        }
        tracing::error!(
            lost = self.unstored.len(),
            "the store takes no messages; the last ones are lost with this process"
        );
        late
    }
}
