//! Telemetry: sent if there is a connection, never kept, and counted for lines that cost.

use hal::Clock;
use mqtt::{Encoding, Message, Quality, Retain};
use wire::ids::Name;

use super::Messenger;

impl<C: Clock> Messenger<C> {
    pub(super) fn telemetry(&mut self, group: &Name, json: String) {
        let topic = self.config.device.telemetry(group).as_str().to_owned();
        let bytes = (topic.len() + json.len()) as u64;
        let message =
            Message { topic, payload: json.into(), encoding: Encoding::Json, retain: Retain::No };
        let line = self.line.up();
        let sent = line.is_some_and(|line| line.tell(message, Quality::Once).is_ok());
        if !sent {
            self.links.stats.update(|stats| stats.telemetry_dropped += 1);
            return;
        }
        let wall = self.clock.wall_time();
        self.budget.spend(wall, bytes);
        let is_spent = self.budget.judge(wall).is_err();
        let today = self.budget.spent().bytes;
        self.links.stats.update(|stats| {
            stats.telemetry_bytes_today = today;
            stats.telemetry_is_spent = is_spent;
        });
    }
}
