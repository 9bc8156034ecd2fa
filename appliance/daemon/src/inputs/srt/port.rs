//! SRT ports: who is let in, and to which source a caller goes.
//!
//! Owns a thread a port. Reads no message.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Result;
use srt::{
    Admission, Admit, Connection, Listener, Mode, Options, Passphrase, Rejection, Request, StreamId,
};
use tokio::task::JoinHandle;
use tracing::{info, warn};
use wire::ids::Name;

use super::{LOOK_EVERY, Terms};
use crate::inputs::Stop;

/// A source's place at a port.
pub(in crate::inputs) struct Seat {
    /// Who was let in for it.
    pub(super) newcomers: Receiver<Connection>,
    /// A publisher that sends nothing for this long is dropped.
    pub(super) idle_max: Duration,
}

/// The threads of all ports.
pub(in crate::inputs) struct Ports(Vec<JoinHandle<()>>);

/// One stream of a port.
struct Stream {
    name: String,
    source: Name,
    passphrase: Option<Passphrase>,
    to_source: SyncSender<Connection>,
}

/// The streams of one port, known to libsrt's thread and to ours.
struct Streams(Vec<Stream>);

/// Opens a port for each address; returns the seats in the order of the sources.
///
/// # Errors
/// A port cannot be opened: names it and what to do.
pub(in crate::inputs) fn open(
    sources: Vec<(SocketAddr, Name, Terms)>,
    stop: &Stop,
) -> Result<(Ports, Vec<Seat>)> {
    let mut seats = Vec::new();
    let mut by_address: BTreeMap<SocketAddr, (Duration, Vec<Stream>)> = BTreeMap::new();
    for (address, source, terms) in sources {
        // One waits while the one before it is still being let go.
        let (to_source, newcomers) = sync_channel(1);
        seats.push(Seat { newcomers, idle_max: terms.idle_max });
        let Terms { stream, passphrase, latency, .. } = terms;
        let name = stream.unwrap_or_default();
        let (longest, streams) = by_address.entry(address).or_default();
        // A port has one latency, and the larger of both ends' wishes holds.
        *longest = latency.max(*longest);
        streams.push(Stream { name, source, passphrase, to_source });
    }
    let mut threads = Vec::new();
    for (address, (latency, all)) in by_address {
        let names: Vec<&str> = all.iter().map(|stream| stream.source.as_str()).collect();
        let sources = names.join(", ");
        let streams = Arc::new(Streams(all));
        let options = Options { latency, ..Options::default() };
        let listener = Listener::open(address, &options, admit(Arc::clone(&streams)))?;
        info!(%address, sources, "waiting for SRT publishers");
        let stop = stop.clone();
        threads.push(tokio::task::spawn_blocking(move || accept(&listener, &streams, &stop)));
    }
    Ok((Ports(threads), seats))
}

impl Ports {
    /// Waits until the ports are closed, because the box stops.
    pub(in crate::inputs) async fn close(self) {
        for thread in self.0 {
            // It does not panic; if it did, its port is closed all the same.
            let _ = thread.await;
        }
    }
}

fn admit(streams: Arc<Streams>) -> Admit {
    Box::new(move |request| {
        let admitted = streams.admit(request);
        if let Err(rejection) = &admitted {
            let why = match (rejection, StreamId::parse(request.stream_id)) {
                (Rejection::NotFound, _) => {
                    "no source has this stream; correct one of them".to_owned()
                }
                (_, Err(error)) => error.to_string(),
                (_, Ok(_)) => "it wants to receive, and this box only takes".to_owned(),
            };
            let (peer, code) = (request.peer, rejection.code());
            warn!(%peer, stream = request.stream_id, code, "SRT caller refused: {why}");
        }
        admitted
    })
}

fn accept(listener: &Listener, streams: &Streams, stop: &Stop) {
    while !stop.is_set() {
        match listener.accept(LOOK_EVERY) {
            Ok(None) => {}
            Ok(Some(connection)) => streams.hand_over(connection),
            Err(error) => {
                warn!("{error}");
                return;
            }
        }
    }
}

impl Streams {
    fn admit(&self, request: &Request<'_>) -> Result<Admission, Rejection> {
        let stream = self.find(request.stream_id)?;
        let encrypted = stream.passphrase.clone().map(Admission::Encrypted);
        Ok(encrypted.unwrap_or(Admission::Plain))
    }

    /// Which stream a caller brings. Where a port has one alone, the caller need not name it, as
    /// cameras have no field for it; and where that one has no name, a caller may have any.
    fn find(&self, stream_id: &str) -> Result<&Stream, Rejection> {
        if let [only] = self.0.as_slice()
            && (only.name.is_empty() || stream_id.is_empty())
        {
            return Ok(only);
        }
        let id = StreamId::parse(stream_id).map_err(|_| Rejection::BadRequest)?;
        match id.mode {
            Mode::Publish | Mode::Bidirectional => {}
            Mode::Request => return Err(Rejection::BadMode),
        }
        let found = self.0.iter().find(|stream| stream.name == id.resource);
        found.ok_or(Rejection::NotFound)
    }

    fn hand_over(&self, connection: Connection) {
        let peer = connection.peer();
        let Ok(stream) = self.find(connection.stream_id()) else { return };
        // Full: somebody was let in a moment ago, and is the one.
        match stream.to_source.try_send(connection) {
            Ok(()) => info!(%peer, source = stream.source.as_str(), "SRT publisher accepted"),
            Err(_) => warn!(%peer, source = stream.source.as_str(), "SRT publisher came too late"),
        }
    }
}
