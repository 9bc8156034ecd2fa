//! One connection, from CONNECT to its end.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, Filter, Packet, PubAckReason, Publish, SubscribeReasonCode,
};
use rumqttc::v5::{self, AsyncClient, EventLoop, MqttOptions};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::Endpoint;
use crate::session::{
    CONNECT_TIMEOUT, Limits, Message, Quality, Retain, Session, options, properties,
};
use crate::trouble;

/// Requests that wait for the event loop. Users stay below it by their own windows.
const REQUESTS_MAX: usize = 256;
/// Events that wait for the user; then the event loop waits, and TCP holds the broker back.
const EVENTS_MAX: usize = 64;
/// Topic filters of one SUBSCRIBE.
const FILTERS_MAX: usize = 64;
/// Room for the fixed header and our properties in the broker's largest packet.
const PACKET_OVERHEAD: usize = 128;

/// What happened on the connection. `T` is the user's name for a message.
#[derive(Debug)]
pub enum Event<T> {
    /// Connected, and every subscription is granted.
    Up(Limits),
    /// The broker has answered this message.
    Answered(T, Verdict),
    /// A message arrived.
    Message(Incoming),
    /// The connection is over, for this reason. Nothing follows.
    Down(String),
}

/// What the broker's PUBACK said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes the message on.
    Accepted,
    /// Nobody is subscribed.
    NoReceiver,
    /// It does not take the message, for this reason.
    Refused(String),
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Incoming(Publish);

impl Incoming {
    /// A message as if it had arrived, for tests of what handles messages.
    pub fn new(topic: &str, payload: Bytes) -> Self {
        Self(Publish::new(topic, QoS::AtLeastOnce, payload, None))
    }

    /// The topic; empty when it is no UTF-8 text.
    pub fn topic(&self) -> &str {
        std::str::from_utf8(&self.0.topic).unwrap_or_default()
    }

    /// The payload.
    pub fn payload(&self) -> &Bytes {
        &self.0.payload
    }

    /// With what promise it came: the lower one of its publisher's and our subscription's.
    pub fn quality(&self) -> Quality {
        match self.0.qos {
            QoS::AtMostOnce => Quality::Once,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Quality::AtLeastOnce,
        }
    }

    /// Whether its publisher asked the broker to keep it.
    pub fn retain(&self) -> Retain {
        if self.0.retain { Retain::Yes } else { Retain::No }
    }
}

/// Why a message was not taken for publication.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It would break the connection.
    #[error(
        "a message of {bytes} bytes is larger than the broker's limit of {max} bytes; raise the broker's maximum packet size"
    )]
    TooLarge {
        /// Size with topic and properties.
        bytes: usize,
        /// The broker's limit.
        max: u32,
    },
    /// The request queue is full, or the connection is over; then its last event says why.
    #[error("the connection takes no more messages now")]
    Busy,
}

/// One connection. Dropping it closes the socket, after which the broker publishes the will.
#[derive(Debug)]
pub struct Connection<T> {
    client: AsyncClient,
    events: mpsc::Receiver<Result<v5::Event, String>>,
    task: JoinHandle<()>,
    limits: Option<Limits>,
    session: Session,
    /// Published, but not yet numbered by the event loop; in order. `None`: nobody asks.
    unnumbered: VecDeque<Option<T>>,
    /// Numbered, and waiting for the PUBACK.
    numbered: HashMap<u16, Option<T>>,
    subscribing: Subscribing,
    /// Further filters, until nothing of ours is under way.
    filters: Vec<String>,
}

/// How far the subscriptions of the session are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subscribing {
    /// Not granted yet; [`Event::Up`] waits for it.
    First,
    /// Granted; further ones are told of only when they are refused.
    Further,
}

impl<T> Connection<T> {
    /// Starts to connect. The outcome is the first event: [`Event::Up`] or [`Event::Down`].
    /// Must be called within a tokio runtime.
    pub fn open(endpoint: &Endpoint, session: Session) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (options, refused) = match options(endpoint, &session) {
            Ok(options) => (options, None),
            // Never connected with: without its files there is nobody to be.
            Err(error) => (MqttOptions::new("none", "localhost", 0), Some(error.to_string())),
        };
        let (client, event_loop) = AsyncClient::new(options, REQUESTS_MAX);
        let (keep_alive, endpoint) = (session.keep_alive, endpoint.clone());
        let task = tokio::spawn(async move {
            match refused {
                Some(reason) => {
                    let _user_is_gone = sender.send(Err(reason)).await;
                }
                None => poll(event_loop, sender, keep_alive, endpoint).await,
            }
        });
        Self {
            client,
            events,
            task,
            limits: None,
            session,
            unnumbered: VecDeque::new(),
            numbered: HashMap::new(),
            subscribing: Subscribing::First,
            filters: Vec::new(),
        }
    }

    /// The next event. Cancel-safe. After [`Event::Down`] it never completes.
    pub async fn next(&mut self) -> Event<T> {
        loop {
            if let Some(reason) = self.ask_further() {
                return Event::Down(reason);
            }
            let event = match self.events.recv().await {
                Some(Ok(event)) => self.translate(event),
                Some(Err(reason)) => Some(Event::Down(reason)),
                None => std::future::pending().await,
            };
            if let Some(event) = event {
                return event;
            }
        }
    }

    /// The next event, if there is one now.
    pub fn ready(&mut self) -> Option<Event<T>> {
        loop {
            let event = match self.events.try_recv().ok()? {
                Ok(event) => self.translate(event),
                Err(reason) => Some(Event::Down(reason)),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Publishes with QoS 1; [`Event::Answered`] comes with `tag`. Never waits.
    ///
    /// # Errors
    /// [`PublishError`]; the connection stays as it is.
    pub fn publish(&mut self, tag: T, message: Message) -> Result<(), PublishError> {
        self.send(message, QoS::AtLeastOnce)?;
        self.unnumbered.push_back(Some(tag));
        Ok(())
    }

    /// Publishes without asking for an answer. Never waits.
    ///
    /// # Errors
    /// [`PublishError`]; the connection stays as it is.
    pub fn tell(&mut self, message: Message, quality: Quality) -> Result<(), PublishError> {
        match quality {
            Quality::Once => self.send(message, QoS::AtMostOnce),
            Quality::AtLeastOnce => {
                self.send(message, QoS::AtLeastOnce)?;
                self.unnumbered.push_back(None);
                Ok(())
            }
        }
    }

    /// Subscribes to further topics with QoS 1, once nothing that was published here waits for its
    /// PUBACK: rumqttc numbers both from one small circle. A refusal ends the connection with
    /// [`Event::Down`].
    pub fn subscribe(&mut self, filters: Vec<String>) {
        self.filters.extend(filters);
    }

    /// What the broker said when the connection came up.
    pub const fn limits(&self) -> Option<Limits> {
        self.limits
    }

    /// Messages that the broker has not answered.
    pub fn unanswered(&self) -> usize {
        self.unnumbered.len() + self.numbered.len()
    }

    /// Says goodbye, so that the broker does not publish the will, and waits until the broker has
    /// closed the connection or `within` has passed.
    pub async fn close(mut self, within: Duration) {
        if self.client.try_disconnect().is_err() {
            return;
        }
        let end = async {
            loop {
                match self.next().await {
                    Event::Down(_) => break,
                    Event::Up(_) | Event::Answered(..) | Event::Message(_) => {}
                }
            }
        };
        let _timed_out = tokio::time::timeout(within, end).await;
    }

    fn send(&mut self, message: Message, qos: QoS) -> Result<(), PublishError> {
        let bytes = message.topic.len() + message.payload.len() + PACKET_OVERHEAD;
        if let Some(max) = self.limits.and_then(|limits| limits.packet_bytes_max)
            && bytes > max as usize
        {
            return Err(PublishError::TooLarge { bytes, max });
        }
        let properties = properties(message.encoding);
        let retain = message.retain == Retain::Yes;
        self.client
            .try_publish_with_properties(message.topic, qos, retain, message.payload, properties)
            .map_err(|_| PublishError::Busy)
    }

    fn translate(&mut self, event: v5::Event) -> Option<Event<T>> {
        match event {
            // QoS 0 has no number.
            v5::Event::Outgoing(Outgoing::Publish(0)) => None,
            v5::Event::Outgoing(Outgoing::Publish(number)) => {
                let tag = self.unnumbered.pop_front()?;
                self.numbered.insert(number, tag);
                None
            }
            v5::Event::Outgoing(_) => None,
            v5::Event::Incoming(packet) => self.translate_packet(packet),
        }
    }

    // Everything that rumqttc passes on and that is not listed means nothing to our users.
    #[allow(clippy::wildcard_enum_match_arm)]
    fn translate_packet(&mut self, packet: Packet) -> Option<Event<T>> {
        match packet {
            Packet::ConnAck(connack) => self.come_up(&connack),
            Packet::PubAck(puback) => {
                let tag = self.numbered.remove(&puback.pkid)??;
                Some(Event::Answered(tag, verdict(puback.reason)))
            }
            Packet::SubAck(suback) => {
                let granted =
                    |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
                if suback.return_codes.iter().all(granted) {
                    let before = std::mem::replace(&mut self.subscribing, Subscribing::Further);
                    return match before {
                        Subscribing::First => self.limits.map(Event::Up),
                        Subscribing::Further => None,
                    };
                }
                let filters = self.session.subscriptions.join(", ");
                let codes = suback.return_codes;
                Some(Event::Down(format!(
                    "the broker refused a subscription ({filters}: {codes:?}); allow it in the broker's access list"
                )))
            }
            Packet::Publish(publish) => Some(Event::Message(Incoming(publish))),
            _ => None,
        }
    }

    /// Subscribes first of all and reports nothing until that is granted: rumqttc numbers
    /// subscriptions and publications from one small circle without looking for collisions.
    fn come_up(&mut self, connack: &ConnAck) -> Option<Event<T>> {
        let told = connack.properties.as_ref();
        let shares = told.and_then(|told| told.shared_subscription_available) != Some(0);
        let shared = self.session.subscriptions.iter().find(|filter| filter.starts_with("$share/"));
        // Such a broker may grant it all the same, and send nothing.
        if let (false, Some(filter)) = (shares, shared) {
            return Some(Event::Down(format!(
                "the broker has no shared subscriptions ({filter}); switch them on in its configuration, or take another broker"
            )));
        }
        let receive_max = told.and_then(|told| told.receive_max).unwrap_or(u16::MAX);
        let limits = Limits {
            window: self.session.window.min(receive_max),
            packet_bytes_max: told.and_then(|told| told.max_packet_size),
        };
        self.limits = Some(limits);
        if self.session.subscriptions.is_empty() {
            self.subscribing = Subscribing::Further;
            return Some(Event::Up(limits));
        }
        match self.ask_for(&self.session.subscriptions.clone()) {
            Ok(()) => None,
            Err(reason) => Some(Event::Down(reason)),
        }
    }

    fn ask_for(&self, filters: &[String]) -> Result<(), String> {
        // A message comes with the flag that its publisher gave it, also when it is not stored yet.
        let filter = |filter: &String| Filter {
            preserve_retain: true,
            ..Filter::new(filter.clone(), QoS::AtLeastOnce)
        };
        let filters: Vec<Filter> = filters.iter().map(filter).collect();
        self.client
            .try_subscribe_many(filters)
            .map_err(|error| format!("cannot subscribe: {error}"))
    }

    /// Sends what is left of [`subscribe`](Self::subscribe), while nothing of ours is under way.
    fn ask_further(&mut self) -> Option<String> {
        while self.limits.is_some() && self.unanswered() == 0 && !self.filters.is_empty() {
            let some = self.filters.len().min(FILTERS_MAX);
            let filters: Vec<String> = self.filters.drain(..some).collect();
            if let Err(reason) = self.ask_for(&filters) {
                return Some(reason);
            }
        }
        None
    }
}

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn verdict(reason: PubAckReason) -> Verdict {
    match reason {
        PubAckReason::Success => Verdict::Accepted,
        PubAckReason::NoMatchingSubscribers => Verdict::NoReceiver,
        PubAckReason::UnspecifiedError
        | PubAckReason::ImplementationSpecificError
        | PubAckReason::NotAuthorized
        | PubAckReason::TopicNameInvalid
        | PubAckReason::PacketIdentifierInUse
        | PubAckReason::QuotaExceeded
        | PubAckReason::PayloadFormatInvalid => Verdict::Refused(format!("{reason:?}")),
    }
}

/// Polls until the first error. Cancelling a poll may lose a packet half-way, so this task is the
/// only one that polls, and a poll that exceeds its deadline ends the connection.
async fn poll(
    mut event_loop: EventLoop,
    events: mpsc::Sender<Result<v5::Event, String>>,
    keep_alive: Duration,
    endpoint: Endpoint,
) {
    let mut deadline = CONNECT_TIMEOUT * 2;
    loop {
        let polled = tokio::time::timeout(deadline, event_loop.poll()).await;
        let event = match polled {
            Ok(Ok(event)) => event,
            Ok(Err(error)) => {
                let _user_is_gone = events.send(Err(trouble::explain(&error, &endpoint))).await;
                return;
            }
            Err(_elapsed) => {
                let reason = format!("the broker was silent for {} s", deadline.as_secs());
                let _user_is_gone = events.send(Err(reason)).await;
                return;
            }
        };
        if let v5::Event::Incoming(Packet::ConnAck(connack)) = &event {
            // The broker may prescribe another keep-alive. At least one ping a keep-alive.
            let told = connack.properties.as_ref().and_then(|told| told.server_keep_alive);
            let agreed = told.map_or(keep_alive, |seconds| Duration::from_secs(seconds.into()));
            deadline = agreed * 2 + Duration::from_secs(2);
        }
        if events.send(Ok(event)).await.is_err() {
            return;
        }
    }
}
