//! What feeds the sources: a shell for each, with a fate of its own.
//!
//! Owns which shell a source gets, and the order in which they begin and end. A shell takes media
//! from one place, pushes it into its source's [`Feeder`], tells who comes and goes, and goes on
//! by itself after whatever happens to that place. Nothing that happens to one shell reaches
//! another one. Decides nothing about protocols: those are `ingest`'s and the drivers'.

pub mod file;
mod hls;
pub mod rtmp;
mod rtsp;
mod srt;
mod v4l2;
mod watch;

use std::sync::Arc;

use anyhow::Result;
use pipeline::feeder::Feeder;
use pipeline::health::NetworkCounters;
use tokio::sync::watch as latch;
use tokio::task::JoinHandle;
use tracing::error;
use wire::ids::Name;

use self::rtmp::{Address, Ports, Stream};
use crate::clock::SystemClock;
use crate::config::Input;
use crate::stages::Tap;

/// Where a shell puts what it takes.
pub struct Outlet {
    /// Name of the source.
    pub source: Name,
    /// Takes its media.
    pub feeder: Feeder<SystemClock>,
    /// Hears who comes and goes.
    pub tell: Tell,
    /// Counts what the network does.
    pub network: Arc<NetworkCounters>,
    /// Takes its pictures, if they are captured.
    pub tap: Tap,
}

/// Hears who comes and goes.
pub type Tell = Arc<dyn Fn(Presence) + Send + Sync>;

/// What happens at the place from which a source takes its media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Media comes.
    Up {
        /// From where, for people: `publisher 10.0.0.7:51022`.
        from: String,
    },
    /// No more media comes.
    Down {
        /// Why.
        reason: String,
    },
}

/// Becomes true when the box stops.
#[derive(Clone)]
pub(crate) struct Stop(latch::Receiver<bool>);

impl Stop {
    /// Whether the box stops.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when the box stops.
    pub(crate) async fn wait(&mut self) {
        // An error says that the inputs are gone altogether.
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

/// The shells of all sources.
pub struct Inputs {
    ports: Ports,
    srt_ports: srt::Ports,
    shells: Vec<JoinHandle<Feeder<SystemClock>>>,
    stop: latch::Sender<bool>,
}

impl Inputs {
    /// Starts a shell for each source.
    ///
    /// # Errors
    /// A port cannot be opened: names it and what to do.
    pub async fn open(clock: &Arc<SystemClock>, sources: Vec<(Input, Outlet)>) -> Result<Self> {
        let (stop, stopped) = latch::channel(false);
        let stopped = Stop(stopped);
        let (mut streams, mut shells): (Vec<(Address, Stream)>, _) = (Vec::new(), Vec::new());
        let mut callers = Vec::new();
        for (input, outlet) in sources {
            match input {
                Input::SrtListen { listen, terms } => {
                    callers.push(((listen, outlet.source.clone(), terms.into()), outlet));
                }
                Input::SrtCall { address, terms } => {
                    let (clock, terms) = (Arc::clone(clock), terms.into());
                    shells.push(blocking(outlet, stopped.clone(), move |outlet, stop| {
                        srt::call(outlet, stop, (&address, &terms, &clock));
                    }));
                }
                Input::Rtmp { listen, app, key, tls, idle_timeout } => {
                    let key = key.expose().to_owned();
                    let stream = Stream { app, key, idle_max: idle_timeout, outlet };
                    streams.push((Address { listen, tls }, stream));
                }
                Input::File { path, pace } => {
                    let job = file::Job { path, pace, clock: Arc::clone(clock) };
                    shells.push(blocking(outlet, stopped.clone(), move |outlet, stop| {
                        file::play(outlet, &job, stop);
                    }));
                }
                Input::Hls { url, height_max, ca } => {
                    let stream = hls::Stream { url, height_max, ca };
                    let (clock, mut stop) = (Arc::clone(clock), stopped.clone());
                    let mut outlet = outlet;
                    shells.push(tokio::spawn(async move {
                        hls::serve(&mut outlet, &stream, &clock, &mut stop).await;
                        outlet.feeder
                    }));
                }
                Input::Rtsp(camera) => {
                    let (clock, mut stop) = (Arc::clone(clock), stopped.clone());
                    let mut outlet = outlet;
                    shells.push(tokio::spawn(async move {
                        rtsp::serve(&mut outlet, &camera, &clock, &mut stop).await;
                        outlet.feeder
                    }));
                }
                Input::V4l2(card) => shells.push(v4l2::start(outlet, &stopped, (card, clock))),
                Input::Watch { folder, pace } => {
                    let clock = Arc::clone(clock);
                    shells.push(blocking(outlet, stopped.clone(), move |outlet, stop| {
                        watch::Folder::new(folder, pace, clock).serve(outlet, stop);
                    }));
                }
            }
        }
        let (streams_over_srt, outlets): (Vec<_>, Vec<_>) = callers.into_iter().unzip();
        let (srt_ports, seats) = srt::open(streams_over_srt, &stopped)?;
        for (seat, outlet) in seats.into_iter().zip(outlets) {
            let clock = Arc::clone(clock);
            shells.push(blocking(outlet, stopped.clone(), move |outlet, stop| {
                srt::wait(outlet, stop, (&seat, &clock));
            }));
        }
        let ports = rtmp::open(clock, streams, stopped).await?;
        Ok(Self { ports, srt_ports, shells, stop })
    }

    /// Ends every shell and shuts the sources down.
    pub async fn close(self) {
        // Nobody listening is fine: then there is nothing to end.
        let _ = self.stop.send(true);
        self.ports.close().await;
        self.srt_ports.close().await;
        for shell in self.shells {
            match shell.await {
                Ok(mut feeder) => feeder.shut_down().await,
                Err(error) => error!(%error, "a source's shell did not end well"),
            }
        }
    }
}

/// Starts a shell whose work blocks, on disks or in drivers: not on the threads that serve sockets.
fn blocking(
    mut outlet: Outlet,
    mut stop: Stop,
    work: impl FnOnce(&mut Outlet, &mut Stop) + Send + 'static,
) -> JoinHandle<Feeder<SystemClock>> {
    tokio::task::spawn_blocking(move || {
        work(&mut outlet, &mut stop);
        outlet.feeder
    })
}
