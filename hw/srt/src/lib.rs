//! Live streams over SRT, through libsrt.
//!
//! Owns libsrt's start, its sockets, its callback and its words; the only place where its
//! functions are called, and safe to use. [`Listener`] takes several streams on one port and asks
//! about each before it exists, [`Connection`] carries messages, [`StreamId`] reads what a caller
//! says it brings. Every call blocks its thread until it is done or its time is over, so a source
//! has a thread of its own. Must not know what the messages hold, who may send them or when to
//! call again: that is the caller's.
#![deny(unsafe_op_in_unsafe_fn)]

mod address;
mod connection;
mod ffi;
mod library;
mod listener;
mod options;
mod rejection;
mod socket;
mod statistics;
mod stream_id;

pub use connection::{Call, ConnectError, Connection, Read, TransferError, Write};
pub use library::{Fault, complaints};
pub use listener::{AcceptError, Admission, Admit, Listener, OpenError, Request};
pub use options::{
    LATENCY_MAX, MESSAGE_BYTES_MAX, Options, OptionsError, PEER_IDLE_MAX, PEER_IDLE_MIN,
    Passphrase, PassphraseError, RECEIVE_BUFFER_BYTES_MAX,
};
pub use rejection::Rejection;
pub use statistics::Statistics;
pub use stream_id::{Mode, STREAM_ID_BYTES_MAX, StreamId, StreamIdError};
