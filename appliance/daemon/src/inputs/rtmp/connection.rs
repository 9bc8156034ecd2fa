//! One connection: reads bytes into a session, writes what it answers, feeds its media.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use ingest::limits::Limits;
use ingest::registry::ConnectionId;
use ingest::rtmp::{EndReason, Event, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};
use wire::time::Monotonic;

use super::desk::{Desk, Seat, Word};
use super::{Presence, Stop};

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// A peer that does not take our few answers for this long is dropped.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// While nobody has a deadline, look again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What carries a connection: a TCP socket, or TLS over one.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carrier for T {}

pub(super) struct Connection {
    id: ConnectionId,
    peer: SocketAddr,
    desk: Arc<Desk>,
    session: Session,
    seat: Option<Seat>,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, peer: SocketAddr, desk: Arc<Desk>) -> Self {
        let now = desk.clock.now();
        let session = Session::new(Limits::default(), now);
        Self { id, peer, desk, session, seat: None }
    }

    /// Serves the connection until it ends, then lets go of its source.
    pub(super) async fn serve(mut self, socket: impl Carrier, stop: Stop) {
        let words = self.desk.enter(self.id);
        let reason = self.run(socket, words, stop).await;
        if let Some(mut seat) = self.seat.take() {
            seat.feeder.end().await;
            info!(peer = %self.peer, reason, "publisher gone");
            (seat.tell)(Presence::Down { reason: format!("publisher gone: {reason}") });
        } else {
            debug!(peer = %self.peer, reason, "connection closed");
        }
        self.desk.leave(self.id);
    }

    async fn run(
        &mut self,
        mut socket: impl Carrier,
        mut words: mpsc::Receiver<Word>,
        mut stop: Stop,
    ) -> String {
        let mut buffer = vec![0; READ_BYTES];
        let clock = Arc::clone(&self.desk.clock);
        let mut rings = clock.now().plus(LOOK_AGAIN);
        let mut alarm = pin!(clock.sleep_until(rings));
        let mut stopped = pin!(stop.wait());
        loop {
            let reason = self.handle_events().await;
            if let Err(error) = self.write(&mut socket).await {
                return error;
            }
            if let Some(reason) = reason {
                return reason;
            }
            let deadline = self.session.deadline().map(|(at, _)| at);
            let until = deadline.unwrap_or_else(|| clock.now().plus(LOOK_AGAIN));
            // Every byte moves the deadline away. The alarm is left as it is then: it rings early,
            // which is harmless, and a timer for each message would not be.
            if until < rings {
                rings = until;
                alarm.set(clock.sleep_until(rings));
            }
            let asking = deadline.is_none() && self.seat.is_none();
            tokio::select! {
                read = socket.read(&mut buffer), if !asking => match read {
                    Ok(0) => self.session.handle_end_of_file(),
                    Ok(count) => {
                        let now = clock.now();
                        if let Err(refusal) = self.session.handle_bytes(now, &buffer[..count]) {
                            warn!(peer = %self.peer, %refusal, "publisher refused");
                            self.handle_events().await;
                            // It may be gone already; the reason is what counts.
                            let _ = self.write(&mut socket).await;
                            return refusal.to_string();
                        }
                    }
                    // Over TLS: it hung up without saying so.
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                        self.session.handle_end_of_file();
                    }
                    Err(error) => return error.to_string(),
                },
                word = words.recv() => if let Some(word) = word {
                    self.handle_word(word);
                },
                () = self.desk.wait_turn(), if asking => {}
                () = &mut stopped => self.session.end(EndReason::ShuttingDown),
                () = &mut alarm => {
                    self.session.handle_deadline(clock.now());
                    // The next turn sets it.
                    rings = Monotonic(u64::MAX);
                }
            }
        }
    }

    /// Acts on everything that happened; the reason if the connection is over.
    async fn handle_events(&mut self) -> Option<String> {
        let mut heard = false;
        while let Some(event) = self.session.next_event() {
            match event {
                Event::PublishRequested { app, key } => {
                    self.desk.ask(self.id, &app, &key);
                }
                Event::Metadata(metadata) => {
                    debug!(peer = %self.peer, ?metadata, "publisher's own description");
                }
                Event::Media(item) => {
                    heard = true;
                    if let Some(seat) = &mut self.seat {
                        seat.feeder.feed(item).await;
                    }
                }
                Event::Discontinuity => {
                    if let Some(seat) = &mut self.seat {
                        seat.feeder.start_epoch();
                    }
                }
                Event::Ended(reason) => return Some(reason.to_string()),
            }
        }
        if let Some(seat) = &mut self.seat {
            seat.feeder.note(self.session.counters());
        }
        if heard {
            self.desk.heard(self.id);
        }
        None
    }

    fn handle_word(&mut self, word: Word) {
        match word {
            Word::Accept(mut seat) => {
                let now = self.desk.clock.now();
                self.session.set_idle_max(seat.idle_max);
                if let Err(refusal) = self.session.accept_publish(now) {
                    warn!(peer = %self.peer, %refusal, "publisher refused");
                    return;
                }
                info!(peer = %self.peer, "publisher accepted");
                seat.feeder.start_stream();
                (seat.tell)(Presence::Up { from: format!("publisher {}", self.peer) });
                self.seat = Some(seat);
            }
            Word::Refuse(reason) => {
                warn!(peer = %self.peer, %reason, "publisher turned away");
                self.session.refuse_publish();
            }
            Word::TakenOver => self.session.end(EndReason::TakenOver),
        }
    }

    async fn write(&mut self, socket: &mut impl Carrier) -> Result<(), String> {
        while let Some(bytes) = self.session.next_output() {
            let deadline = self.desk.clock.now().plus(WRITE_MAX);
            let writing = async {
                socket.write_all(&bytes).await?;
                // TLS may hold some of it.
                socket.flush().await
            };
            let written = tokio::select! {
                written = writing => written.map_err(|error| error.to_string()),
                () = self.desk.clock.sleep_until(deadline) => {
                    Err("the peer does not take our answers".to_owned())
                }
            };
            written?;
        }
        Ok(())
    }
}
