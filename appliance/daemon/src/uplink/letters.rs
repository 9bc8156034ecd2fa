//! Messages as they are stored and sent: their bytes in both encodings.

use bytes::Bytes;
use mqtt::{Message, Retain};
use outbox::{Class, Key};
use wire::birth::{BoxState, Info};
use wire::envelope::{BYTES_MAX, Envelope};
use wire::topic::{Device, Encoding, Route};

use crate::store::StoredMessage;

/// A message that waits for the receiver's acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) key: Key,
    pub(super) class: Class,
    route: Route,
    postcard: Bytes,
    /// `None` when this firmware cannot read the message any more: an earlier one stored it.
    json: Option<Bytes>,
}

impl Letter {
    pub(super) fn of(key: Key, envelope: &Envelope) -> Self {
        let mut buffer = [0; BYTES_MAX];
        let postcard = postcard::to_slice(envelope, &mut buffer)
            .expect("BYTES_MAX is the longest envelope, as wire's golden test shows");
        Self {
            key,
            class: Class::of(&envelope.body),
            route: Route::of(&envelope.body),
            postcard: Bytes::copy_from_slice(postcard),
            json: Some(json(envelope)),
        }
    }

    pub(super) fn stored(&self) -> StoredMessage {
        StoredMessage {
            key: self.key,
            class: self.class,
            route: self.route.clone(),
            envelope: self.postcard.to_vec(),
        }
    }

    pub(super) fn restored(stored: StoredMessage) -> Self {
        let read: Option<Envelope> = postcard::from_bytes(&stored.envelope).ok();
        Self {
            key: stored.key,
            class: stored.class,
            route: stored.route,
            json: read.as_ref().map(json),
            postcard: Bytes::from(stored.envelope),
        }
    }

    /// The message in each encoding; one sequence number, so readers drop duplicates.
    pub(super) fn messages(&self, device: &Device) -> impl Iterator<Item = Message> {
        let message = |encoding, payload: &Bytes| Message {
            topic: device.event(encoding, &self.route).as_str().to_owned(),
            payload: payload.clone(),
            encoding: match encoding {
                Encoding::Json => mqtt::Encoding::Json,
                Encoding::Postcard => mqtt::Encoding::Postcard,
            },
            retain: Retain::No,
        };
        let json = self.json.as_ref().map(|json| message(Encoding::Json, json));
        json.into_iter().chain([message(Encoding::Postcard, &self.postcard)])
    }
}

/// The retained `state`.
pub(super) fn state(device: &Device, state: &BoxState) -> Message {
    retained(device.state().as_str(), json(state))
}

/// The retained `info`.
pub(super) fn info(device: &Device, info: &Info) -> Message {
    retained(device.info().as_str(), json(info))
}

fn retained(topic: &str, payload: Bytes) -> Message {
    Message {
        topic: topic.to_owned(),
        payload,
        encoding: mqtt::Encoding::Json,
        retain: Retain::Yes,
    }
}

/// Any wire message as JSON.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Bytes {
    Bytes::from(
        serde_json::to_vec(value).expect("wire types have text keys, so JSON can hold them"),
    )
}
