//! What is asked of the box on connection A, on its way to whoever does it, and the answers.

use hal::Clock;
use mqtt::{Encoding, Incoming, Message, Quality, Retain};
use wire::birth::Presence;
use wire::command::CommandResponse;
use wire::ids::Name;
use wire::topic::{COMMAND, ROOT};

use super::Messenger;
use crate::uplink::{Asked, letters};

impl<C: Clock> Messenger<C> {
    /// Commands are subscribed to by boxes that take some: a broker that does not allow it refuses
    /// the whole connection.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let device = &self.config.device;
        let commands = format!("{ROOT}/{}/{}/{COMMAND}/+", device.tenant, device.device);
        let always = [device.ack(), device.file_response()].map(|topic| topic.as_str().to_owned());
        always.into_iter().chain(self.config.commands.is_some().then_some(commands)).collect()
    }

    pub(super) fn ask(&self, verb: Name, message: &Incoming) {
        let Some(commands) = &self.config.commands else { return };
        let asked = Asked { verb, payload: message.payload().clone() };
        if commands.try_send(asked).is_err() {
            self.links.stats.update(|stats| stats.commands_dropped += 1);
        }
    }

    pub(super) fn answer(&mut self, response: &CommandResponse) {
        let message = Message {
            topic: self.config.device.command_response().as_str().to_owned(),
            payload: letters::json(response),
            encoding: Encoding::Json,
            retain: Retain::No,
        };
        let told = self.line.up().map(|line| line.tell(message, Quality::AtLeastOnce));
        if !matches!(told, Some(Ok(()))) {
            tracing::warn!(verb = %response.verb, "a command is not answered: there is no connection");
        }
    }

    pub(super) fn announce(&mut self) {
        self.tell_presence(Presence::Ready);
        self.birth = self.store.held().ok();
    }
}
