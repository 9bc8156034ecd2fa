//! The RTMP ports: sockets around `ingest`'s sans-IO sessions.
//!
//! Owns listeners, one task a connection, and the desk that connects a publisher with its
//! source. Decides nothing about the protocol (`ingest::rtmp`) or who may publish
//! (`ingest::registry`). Nothing a peer does reaches further than its own connection.

mod connection;
mod desk;
pub mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hal::Clock;
use ingest::registry::{ConnectionId, Registry, Route};
use ingest::rtmp::StreamKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

use self::connection::Connection;
use self::desk::Desk;
use super::{Outlet, Presence, Stop, Tell};
use crate::clock::SystemClock;
use crate::config::Certificate;

/// Most connections of one port at once, publishers and strangers together. A stranger costs at
/// most `Limits::partial_bytes_stranger_max` and a socket; beyond this, new ones are closed.
const CONNECTIONS_MAX: usize = 256;

/// Where a source listens.
#[derive(Clone, Debug)]
pub struct Address {
    /// IP address and port.
    pub listen: SocketAddr,
    /// With what it speaks TLS, if it does. The same for all sources of an address.
    pub tls: Option<Certificate>,
}

/// One source that listens.
pub struct Stream {
    /// Application that a publisher must name.
    pub app: String,
    /// Key that a publisher must know.
    pub key: String,
    /// A publisher that sends nothing for this long is dropped.
    pub idle_max: Duration,
    /// Where its media goes.
    pub outlet: Outlet,
}

/// Ports that are open.
pub struct Ports {
    desks: Vec<Arc<Desk>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Opens a port for each address that the streams name.
///
/// # Errors
/// A port cannot be opened: names it and what to do.
pub(super) async fn open(
    clock: &Arc<SystemClock>,
    streams: Vec<(Address, Stream)>,
    stop: Stop,
) -> Result<Ports> {
    let mut ports = Ports { desks: Vec::new(), tasks: Vec::new() };
    let mut by_address: BTreeMap<SocketAddr, (Option<Certificate>, Vec<Stream>)> = BTreeMap::new();
    for (Address { listen, tls }, stream) in streams {
        by_address.entry(listen).or_insert_with(|| (tls, Vec::new())).1.push(stream);
    }
    for (address, (certificate, streams)) in by_address {
        let acceptor = match &certificate {
            Some(certificate) => Some(TlsAcceptor::from(tls::server(certificate)?)),
            None => None,
        };
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!(
                "RTMP port {address} not opened; another program may use it (`ss -ltnp`), or the \
                 address is not this box's: change `listen` of the source"
            )
        })?;
        let names: Vec<&str> = streams.iter().map(|stream| stream.outlet.source.as_str()).collect();
        let tls = acceptor.is_some();
        info!(%address, tls, sources = names.join(", "), "waiting for RTMP publishers");
        let route = |stream: &Stream| Route {
            app: stream.app.clone(),
            key: StreamKey::new(stream.key.clone()),
            source: stream.outlet.source.clone(),
        };
        let registry = Registry::new(streams.iter().map(route).collect());
        let desk = Arc::new(Desk::new(Arc::clone(clock), registry, streams));
        ports.desks.push(Arc::clone(&desk));
        let door = Door { desk, acceptor };
        ports.tasks.push(tokio::spawn(accept(listener, door, stop.clone())));
    }
    Ok(ports)
}

/// What somebody who connects comes through.
#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    acceptor: Option<TlsAcceptor>,
}

impl Door {
    async fn serve(self, socket: TcpStream, (id, peer): (ConnectionId, SocketAddr), stop: Stop) {
        // Answers are small and wanted at once.
        if let Err(error) = socket.set_nodelay(true) {
            debug!(%peer, %error, "no TCP_NODELAY");
        }
        let Some(acceptor) = &self.acceptor else {
            return Connection::new(id, peer, self.desk).serve(socket, stop).await;
        };
        match tls::accept(acceptor, socket, &self.desk.clock).await {
            // RTMP's own deadlines begin here.
            Ok(socket) => Connection::new(id, peer, self.desk).serve(socket, stop).await,
            Err(reason) => warn!(%peer, "no TLS with whoever connected: {reason}"),
        }
    }
}

async fn accept(listener: TcpListener, door: Door, mut stop: Stop) {
    let clock = Arc::clone(&door.desk.clock);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut next_id = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.wait() => return,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: the next round would fail at once again.
                warn!(%error, "RTMP connection not accepted; raise the limit of open files");
                clock.sleep_until(clock.now().plus(Duration::from_millis(100))).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            warn!(%peer, "RTMP connection closed: {CONNECTIONS_MAX} are open already");
            continue;
        };
        next_id += 1;
        let serving = door.clone().serve(socket, (ConnectionId(next_id), peer), stop.clone());
        tokio::spawn(async move {
            serving.await;
            drop(place);
        });
    }
}

impl Ports {
    /// Waits until the ports are closed and every publisher is ended, because the box stops, and
    /// shuts the sources down.
    pub(super) async fn close(self) {
        for task in self.tasks {
            // The accept loop does not panic; if it did, its port is closed all the same.
            let _ = task.await;
        }
        for desk in self.desks {
            desk.shut_down().await;
        }
    }
}
