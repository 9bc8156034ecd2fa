//! What a connection says about itself, and messages on their way out.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, LastWill, PublishProperties};
use rumqttc::{NetworkOptions, Transport};

use crate::{Endpoint, EndpointError};

/// TCP, TLS and CONNECT must be done within this.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection says about itself.
#[derive(Clone, Debug)]
pub struct Session {
    /// Client id: a second connection with it takes the first one over.
    pub client_id: String,
    /// Longest silence; at least 5 s.
    pub keep_alive: Duration,
    /// Published by the broker when the connection breaks.
    pub will: Option<Will>,
    /// Most messages that we publish without a PUBACK.
    pub window: u16,
    /// Largest packet that we take, in bytes.
    pub packet_bytes_max: u32,
    /// Topic filters, subscribed with QoS 1 as soon as the connection is up.
    pub subscriptions: Vec<String>,
}

/// A last will: retained, QoS 1, JSON.
#[derive(Clone, Debug)]
pub struct Will {
    /// Where.
    pub topic: String,
    /// JSON text.
    pub payload: Vec<u8>,
}

/// What the broker said in its CONNACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most messages without PUBACK: the broker's word, or our window if that is smaller.
    pub window: u16,
    /// Largest packet that the broker takes, in bytes.
    pub packet_bytes_max: Option<u32>,
}

/// One message to be published.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// How it is encoded, for the properties.
    pub encoding: Encoding,
    /// Whether the broker keeps it.
    pub retain: Retain,
}

/// How a payload is encoded; content type and payload-format indicator follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON text.
    Json,
    /// postcard bytes.
    Postcard,
    /// A part of a file.
    Octets,
}

/// Whether the broker keeps a message for later subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    /// For whoever is subscribed now.
    No,
    /// For later subscribers too.
    Yes,
}

/// With what promise a message is published without a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// QoS 0.
    Once,
    /// QoS 1; nobody asks for its PUBACK.
    AtLeastOnce,
}

pub(crate) fn options(
    endpoint: &Endpoint,
    session: &Session,
) -> Result<MqttOptions, EndpointError> {
    let transport = endpoint.transport()?;
    // rumqttc takes TLS's server name from the same text that it dials, so brackets are for
    // plain connections only.
    let host = match transport {
        Transport::Tls(_) => endpoint.host.clone(),
        Transport::Tcp | Transport::Unix => endpoint.dial(),
    };
    let mut options = MqttOptions::new(session.client_id.clone(), host, endpoint.port);
    options.set_transport(transport);
    options.set_keep_alive(session.keep_alive);
    options.set_clean_start(true);
    options.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
    options.set_outgoing_inflight_upper_limit(session.window);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let mut connect = ConnectProperties::new();
    connect.max_packet_size = Some(session.packet_bytes_max);
    // Asks the broker for reason strings.
    connect.request_problem_info = Some(1);
    options.set_connect_properties(connect);
    if let Some(credentials) = &endpoint.credentials {
        options.set_credentials(credentials.username.clone(), credentials.password.clone());
    }
    if let Some(will) = &session.will {
        let will =
            LastWill::new(will.topic.clone(), will.payload.clone(), QoS::AtLeastOnce, true, None);
        options.set_last_will(will);
    }
    Ok(options)
}

pub(crate) fn properties(encoding: Encoding) -> PublishProperties {
    let (text, content_type) = match encoding {
        Encoding::Json => (1, "application/json"),
        Encoding::Postcard => (0, "application/x-postcard"),
        Encoding::Octets => (0, "application/octet-stream"),
    };
    PublishProperties {
        payload_format_indicator: Some(text),
        content_type: Some(content_type.to_owned()),
        ..PublishProperties::default()
    }
}
