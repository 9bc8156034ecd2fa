//! SRT, as the one who is called and as the one who calls: threads around `hw/srt` and `ingest`'s
//! transport stream demuxer.
//!
//! Owns the ports with the streams that they wait for, and when an address is called again. Who is
//! let in is decided here, before libsrt accepts: a stream that is known, and its passphrase. Whoever
//! is let in while there is a publisher waits until that one has been silent for a second, and is
//! turned away if it is heard, as over RTMP. Decides nothing about what the messages hold.

mod port;

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_lite::future;
use hal::Clock;
use ingest::elementary::Output;
use ingest::limits::Limits;
use ingest::registry::{RefuseReason, TAKEOVER_SILENCE};
use ingest::ts;
use srt::{Call, Connection, MESSAGE_BYTES_MAX, Options, Passphrase, Read, Statistics};
use tracing::{debug, info, warn};
use wire::time::Monotonic;

pub(super) use self::port::{Ports, Seat, open};
use super::{Outlet, Presence, Stop};
use crate::clock::SystemClock;
use crate::config::SrtTerms;

/// A thread that waits looks this often whether the box stops.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a call may take to be answered.
const CALL_MAX: Duration = Duration::from_secs(3);
/// Between two calls that nobody answered: first, and at most.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);
/// Between two looks at the connection's figures.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// What both ways of connecting have in common.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Name of the stream; `None` for a call that names none.
    pub(super) stream: Option<String>,
    /// Secret of the stream.
    pub(super) passphrase: Option<Passphrase>,
    /// How long a message may be waited for.
    pub(super) latency: Duration,
    /// A publisher that sends nothing for this long is dropped.
    pub(super) idle_max: Duration,
}

impl From<SrtTerms> for Terms {
    fn from(terms: SrtTerms) -> Self {
        let SrtTerms { stream, passphrase, latency, idle_timeout } = terms;
        // The configuration was checked when it was read.
        let passphrase = passphrase.and_then(|text| Passphrase::new(text.expose()).ok());
        Self { stream, passphrase, latency, idle_max: idle_timeout }
    }
}

/// Serves whoever is let in on a port for this source, one after the other, until the box stops.
pub(super) fn wait(
    outlet: &mut Outlet,
    stop: &mut Stop,
    (seat, clock): (&Seat, &Arc<SystemClock>),
) {
    let mut next = None;
    while !stop.is_set() {
        let newcomer = next.take().or_else(|| seat.newcomers.recv_timeout(LOOK_EVERY).ok());
        let Some(connection) = newcomer else { continue };
        let mut service = Service::new(connection, clock, Some(seat));
        let (reason, successor) = service.run(outlet, stop, seat.idle_max);
        debug!(source = outlet.source.as_str(), reason, "SRT publisher gone");
        next = successor;
    }
}

/// Calls an address whenever there is no connection with it, until the box stops.
pub(super) fn call(
    outlet: &mut Outlet,
    stop: &mut Stop,
    (address, terms, clock): (&str, &Terms, &Arc<SystemClock>),
) {
    let (mut pause, mut told) = (AGAIN_AFTER, String::new());
    while !stop.is_set() {
        match connect(address, terms) {
            Ok(connection) => {
                info!(source = outlet.source.as_str(), peer = %connection.peer(), "SRT call answered");
                told = String::new();
                let mut service = Service::new(connection, clock, None);
                service.run(outlet, stop, terms.idle_max);
                // Whoever answers and sends nothing of use is called less and less often.
                if service.came {
                    pause = AGAIN_AFTER;
                }
            }
            // The same once is enough: the other end may be away for hours.
            Err(reason) => {
                if reason != told {
                    warn!(source = outlet.source.as_str(), "{reason}");
                    told = reason;
                }
            }
        }
        let again = clock.sleep_until(clock.now().plus(pause));
        future::block_on(future::or(again, stop.wait()));
        pause = (2 * pause).min(AGAIN_AFTER_MAX);
    }
}

fn connect(address: &str, terms: &Terms) -> Result<Connection, String> {
    let unknown = |why: String| {
        format!("{address} is not known ({why}); correct `connect`, or look at the box's DNS")
    };
    let mut found = address.to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    let address = found.next().ok_or_else(|| unknown("it has no address".to_owned()))?;
    let call = Call {
        address,
        stream_id: terms.stream.clone().unwrap_or_default(),
        passphrase: terms.passphrase.clone(),
        timeout: CALL_MAX,
    };
    let options = Options { latency: terms.latency, ..Options::default() };
    Connection::connect(&call, &options).map_err(|error| error.to_string())
}

/// One connection that brings media.
struct Service<'a> {
    connection: Connection,
    clock: &'a Arc<SystemClock>,
    seat: Option<&'a Seat>,
    demuxer: ts::Demuxer,
    /// Figures that are counted already, and when.
    measured: (Statistics, Monotonic),
    came: bool,
}

/// Somebody who was let in while there is a publisher.
struct Contender {
    connection: Connection,
    since: Monotonic,
    /// What the publisher had sent by then. Not what was read of it: libsrt hands out what it holds
    /// for the latency after a publisher has died.
    packets: u64,
}

/// What becomes of a contender.
enum Verdict {
    /// The publisher may be dead.
    Waits(Contender),
    /// The publisher is alive.
    Refused,
    /// The publisher is dead.
    TakesOver(Connection),
}

/// Why a connection is over, and who comes instead.
type End = (String, Option<Connection>);

impl<'a> Service<'a> {
    fn new(connection: Connection, clock: &'a Arc<SystemClock>, seat: Option<&'a Seat>) -> Self {
        let demuxer = ts::Demuxer::new(Limits::default());
        let measured = (Statistics::default(), clock.now());
        Self { connection, clock, seat, demuxer, measured, came: false }
    }

    fn run(&mut self, outlet: &mut Outlet, stop: &mut Stop, idle_max: Duration) -> End {
        outlet.feeder.start_stream();
        let end = self.take(outlet, stop, idle_max);
        // A stream that is refused has its reason told already.
        let _ = self.demuxer.finish();
        self.hand_out(outlet);
        self.measure(outlet);
        if self.came {
            future::block_on(outlet.feeder.end());
            (outlet.tell)(Presence::Down { reason: format!("publisher gone: {}", end.0) });
        } else {
            warn!(source = outlet.source.as_str(), "nothing came over SRT: {}", end.0);
        }
        end
    }

    fn take(&mut self, outlet: &mut Outlet, stop: &mut Stop, idle_max: Duration) -> End {
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let (mut heard, mut contender): (_, Option<Contender>) = (self.clock.now(), None);
        loop {
            if stop.is_set() {
                return ("the box stops".to_owned(), None);
            }
            let now = self.clock.now();
            contender = self.newcomer(now).or(contender);
            contender = match contender.map(|waiting| self.judge(now, waiting)) {
                None | Some(Verdict::Refused) => None,
                Some(Verdict::Waits(waiting)) => Some(waiting),
                Some(Verdict::TakesOver(successor)) => {
                    return ("another publisher took the stream over".to_owned(), Some(successor));
                }
            };
            match self.connection.read(&mut buffer, LOOK_EVERY) {
                Ok(Read::Bytes(count)) => {
                    heard = self.clock.now();
                    if let Err(error) = self.feed(outlet, heard, &buffer[..count]) {
                        return (error.to_string(), contender.map(|waiting| waiting.connection));
                    }
                }
                Ok(Read::Nothing) if now.since(heard) > idle_max => {
                    return (format!("it sent nothing for {} s", idle_max.as_secs()), None);
                }
                Ok(Read::Nothing) => {}
                Ok(Read::Closed) => {
                    let reason = "it hung up, or the network is gone".to_owned();
                    return (reason, contender.map(|waiting| waiting.connection));
                }
                Err(error) => {
                    return (error.to_string(), contender.map(|waiting| waiting.connection));
                }
            }
            if now.since(self.measured.1) > MEASURE_EVERY {
                self.measure(outlet);
            }
        }
    }

    /// Of two that were let in, the later one is certainly alive.
    fn newcomer(&self, now: Monotonic) -> Option<Contender> {
        let connection = self.seat?.newcomers.try_recv().ok()?;
        Some(Contender { connection, since: now, packets: self.packets() })
    }

    fn judge(&self, now: Monotonic, contender: Contender) -> Verdict {
        if self.packets() > contender.packets {
            warn!(peer = %contender.connection.peer(), "{}", RefuseReason::Busy);
            return Verdict::Refused;
        }
        if now.since(contender.since) < TAKEOVER_SILENCE {
            return Verdict::Waits(contender);
        }
        Verdict::TakesOver(contender.connection)
    }

    fn packets(&self) -> u64 {
        self.connection.statistics().map_or(0, |statistics| statistics.received_packets)
    }

    fn feed(
        &mut self,
        outlet: &mut Outlet,
        now: Monotonic,
        message: &[u8],
    ) -> Result<(), ts::TsError> {
        let fed = self.demuxer.handle_bytes(now, message);
        if let Some(complaint) = self.demuxer.complaint() {
            warn!(source = outlet.source.as_str(), "{complaint}");
        }
        self.hand_out(outlet);
        fed
    }

    fn hand_out(&mut self, outlet: &mut Outlet) {
        while let Some(output) = self.demuxer.next_output() {
            if !std::mem::replace(&mut self.came, true) {
                let from = format!("publisher {}", self.connection.peer());
                (outlet.tell)(Presence::Up { from });
            }
            match output {
                Output::Item(item) => future::block_on(outlet.feeder.feed(item)),
                Output::Discontinuity => outlet.feeder.start_epoch(),
            }
        }
        outlet.feeder.note(self.demuxer.counters());
    }

    /// Counts what libsrt has counted since the last time.
    fn measure(&mut self, outlet: &Outlet) {
        let Some(now) = self.connection.statistics() else { return };
        let (before, _) = &self.measured;
        let more = |of: fn(&Statistics) -> u64| of(&now).saturating_sub(of(before));
        let network = &outlet.network;
        network.packets.add(more(|s| s.received_packets));
        network.lost.add(more(|s| s.lost_packets));
        network.sent_again.add(more(|s| s.retransmitted_packets));
        network.given_up.add(more(|s| s.dropped_packets + s.undecrypted_packets));
        network.round_trip_us.store(now.round_trip.as_micros() as u64, Ordering::Relaxed);
        self.measured = (now, self.clock.now());
    }
}
