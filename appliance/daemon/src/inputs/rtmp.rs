//! The RTMP ports: sockets around `ingest`'s sans-IO sessions.
//!
//! Owns listeners, one task a connection, and the desk that connects a publisher with its
//! source. Decides nothing about the protocol (`ingest::rtmp`) or who may publish
//! (`ingest::registry`). Nothing a peer does reaches further than its own connection.

mod connection;
mod desk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hal::Clock;
use ingest::registry::{ConnectionId, Registry, Route};
use ingest::rtmp::StreamKey;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use self::connection::Connection;
use self::desk::Desk;
use super::{Outlet, Presence, Stop, Tell};
use crate::clock::SystemClock;

/// Most connections of one port at once, publishers and strangers together. A stranger costs at
/// most `Limits::partial_bytes_stranger_max` and a socket; beyond this, new ones are closed.
const CONNECTIONS_MAX: usize = 256;

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
    streams: Vec<(SocketAddr, Stream)>,
    stop: Stop,
) -> Result<Ports> {
    let mut ports = Ports { desks: Vec::new(), tasks: Vec::new() };
    let mut by_address: BTreeMap<SocketAddr, Vec<Stream>> = BTreeMap::new();
    for (address, stream) in streams {
        by_address.entry(address).or_default().push(stream);
    }
    for (address, streams) in by_address {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!(
                "RTMP port {address} not opened; another program may use it (`ss -ltnp`), or the \
                 address is not this box's: change `listen` of the source"
            )
        })?;
        let names: Vec<&str> = streams.iter().map(|stream| stream.outlet.source.as_str()).collect();
        info!(%address, sources = names.join(", "), "waiting for RTMP publishers");
        let route = |stream: &Stream| Route {
            app: stream.app.clone(),
            key: StreamKey::new(stream.key.clone()),
            source: stream.outlet.source.clone(),
        };
        let registry = Registry::new(streams.iter().map(route).collect());
        let desk = Arc::new(Desk::new(Arc::clone(clock), registry, streams));
        ports.desks.push(Arc::clone(&desk));
        ports.tasks.push(tokio::spawn(accept(listener, desk, stop.clone())));
    }
    Ok(ports)
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, mut stop: Stop) {
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
                desk.clock.sleep_until(desk.clock.now().plus(Duration::from_millis(100))).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            warn!(%peer, "RTMP connection closed: {CONNECTIONS_MAX} are open already");
            continue;
        };
        next_id += 1;
        let connection = Connection::new(ConnectionId(next_id), peer, Arc::clone(&desk));
        let stop = stop.clone();
        tokio::spawn(async move {
            connection.serve(socket, stop).await;
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
