//! One MQTT 5 connection at a time, for the box and for the receiver.
//!
//! Owns: addresses and TLS ([`Endpoint`]), and a connection that lives once ([`Connection`]): it
//! comes up, says which PUBACK belongs to which message, and ends with a reason. Must not:
//! reconnect, keep messages, or know topics; its users do, because only they know what was
//! delivered. rumqttc is a dumb pipe in here: a fresh client and event loop for each connection,
//! and every poll under a deadline of our own, since with a full socket buffer its keep-alive is
//! never looked at (measured: a frozen broker went unnoticed for 90 s).
#![forbid(unsafe_code)]

mod connection;
mod endpoint;
mod session;
mod trouble;
mod validity;

pub use connection::{Connection, Event, Incoming, PublishError, Verdict};
pub use endpoint::{Credentials, Endpoint, EndpointError, Security, UrlError, trust};
pub use session::{Encoding, Limits, Message, Quality, Retain, Session, Will};
