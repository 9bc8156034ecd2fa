//! What a box says of itself on connection A: its session with the will, its state, and which
//! messages it can still supply.

use hal::Clock;
use mqtt::{Quality, Session, Will};
use wire::birth::{BoxState, HELD_MAX, Held, Info, Presence};
use wire::envelope::VERSION;
use wire::ids::Seq;
use wire::time::Monotonic;

use super::{GOODBYE, KEEP_ALIVE, KEEP_ALIVE_IDLE, Messenger, PACKET_BYTES_MAX, WINDOW};
use crate::store::StoreError;
use crate::uplink::{Tempo, letters};

impl<C: Clock> Messenger<C> {
    pub(super) fn publish_birth(&mut self, held: Result<Vec<Held>, StoreError>) {
        self.birth = None;
        let held = match held {
            Ok(held) => held,
            Err(error) => return tracing::error!(%error, "the birth message cannot be made"),
        };
        let Some(connection) = self.line.up() else { return };
        let from_seq = Seq(self.outbox.released().0 + 1);
        let live = Held {
            boot: self.boot,
            from_seq,
            upto_seq: self.outbox.last_put(),
            gaps: heapless::Vec::new(),
        };
        // This boot's newest messages are in memory, perhaps not in the store yet.
        let earlier = held.into_iter().filter(|held| held.boot != self.boot);
        let info = Info {
            v: VERSION,
            dev: self.config.device.device.clone(),
            boot: self.boot,
            firmware: self.config.firmware.chars().take(32).collect(),
            ts_us: self.clock.wall().0,
            held: earlier.chain([live]).take(HELD_MAX).collect(),
            schema: Some(wire::schema::HASH.chars().collect()),
        };
        let message = letters::info(&self.config.device, &info);
        if let Err(error) = connection.tell(message, Quality::AtLeastOnce) {
            tracing::warn!(%error, "the birth message was not published");
        }
        faults::mark("uplink.birth.after");
    }

    pub(super) fn tell_presence(&mut self, state: Presence) {
        let state = BoxState { state, boot: self.boot };
        let message = letters::state(&self.config.device, &state);
        let told = self.line.up().map(|line| line.tell(message, Quality::AtLeastOnce));
        if let Some(Err(error)) = told {
            tracing::warn!(%error, "the state was not published");
        }
    }

    pub(super) fn session(&self) -> Session {
        let device = &self.config.device;
        let lost = BoxState { state: Presence::Lost, boot: self.boot };
        Session {
            client_id: format!("courtside-{}-{}-a", device.tenant, device.device),
            keep_alive: match self.tempo {
                Tempo::Live => KEEP_ALIVE,
                Tempo::Idle => KEEP_ALIVE_IDLE,
            },
            will: Some(Will {
                topic: device.state().as_str().to_owned(),
                payload: letters::json(&lost).to_vec(),
            }),
            window: WINDOW,
            packet_bytes_max: PACKET_BYTES_MAX,
            subscriptions: self.subscriptions(),
        }
    }

    /// Connects anew when the keep-alive of the connection does not fit any more. The goodbye comes
    /// first: a broker to which the same client comes twice would publish the will.
    pub(super) async fn keep_tempo(&mut self, now: Monotonic) {
        let wanted = *self.links.tempo.borrow();
        if wanted == self.tempo || !self.line.is_up() || self.drain.is_some() {
            return;
        }
        tracing::info!(tempo = ?wanted, "connects anew, for another keep-alive");
        self.line.hang_up(now, GOODBYE).await;
        self.half.clear();
        self.outbox.handle_disconnected();
        self.tempo = wanted;
        self.line.open(self.session());
    }
}
