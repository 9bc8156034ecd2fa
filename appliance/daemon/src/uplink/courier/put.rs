//! One HTTP PUT of a part of a clip, to a link that the receiver gave.
//!
//! Owns: the request, and what is known of it on its way. Must not: choose bytes or their pace, or
//! try again; the courier gives it one segment after the other, as over the broker, and hears which
//! ones the server's TCP has acknowledged. A link is a secret: logs and errors name its host alone.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use mqtt::EndpointError;
use outbox::Sent;
use rustls::pki_types::ServerName;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::wire_bytes::{Connected, Counter};

/// Name lookup, TCP and TLS, each.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How often the kernel is asked what was acknowledged: a small part of any mobile line's way.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// What hyper holds back; the rest waits where the pacer sees it.
const BUFFER_BYTES: usize = 16 * 1024;
/// Of a refusal, for the log.
const SAYS_BYTES_MAX: usize = 300;

/// Which servers are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// PEM file with the authorities that may vouch for a server.
    pub ca: PathBuf,
    /// Links without TLS.
    pub plain: PlainLinks,
}

/// What becomes of a link without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainLinks {
    /// The broker is without TLS as well, and tells everybody everything anyway.
    Followed,
    /// It is not followed.
    Refused,
}

/// Why a part was not put.
#[derive(Debug, thiserror::Error)]
pub(super) enum PutError {
    #[error("the receiver's link is none that a box can follow")]
    Link,
    #[error(
        "the receiver's link to {0} is without TLS and the connection to the broker is not; give the receiver an `https` endpoint of its bucket"
    )]
    Plain(String),
    #[error(transparent)]
    Trust(#[from] EndpointError),
    #[error("{host} cannot be reached: {why}; the venue's network has to let the box out to it")]
    Unreachable { host: String, why: String },
    #[error("{host} refuses with status {status}: {says}")]
    Refused { host: String, status: StatusCode, says: String },
    #[error("the connection to {host} broke: {error}")]
    Broken { host: String, error: hyper::Error },
    #[error("the request ended early")]
    Ended,
}

/// What happened to a request.
#[derive(Debug)]
pub(super) enum PutEvent {
    /// The server's TCP has this segment.
    Taken(Sent),
    /// It is over.
    Ended(Result<(), PutError>),
}

/// A request under way. Dropping it ends it.
pub(super) struct Put {
    /// Link: courier → request. REFUSE: a queue of the pacer's whole window never fills.
    body: mpsc::Sender<Bytes>,
    /// Link: request → courier, LATEST: bytes of the body that the server's TCP acknowledged.
    acknowledged: watch::Receiver<u64>,
    request: JoinHandle<Result<(), PutError>>,
    /// Segments that are not acknowledged, and where in the body they end.
    flying: VecDeque<(Sent, u64)>,
    given: u64,
}

impl Put {
    /// Begins a request whose body will have `length` bytes, in at most `window` pieces at once.
    pub(super) fn open(link: &str, length: u64, (trust, window): (&Trust, u16)) -> Self {
        let (body, pieces) = mpsc::channel(usize::from(window).max(1));
        let (tell, acknowledged) = watch::channel(0);
        let body_of_request = Pieces { pieces, left: length };
        let (link, trust) = (link.to_owned(), trust.clone());
        let request = tokio::spawn(async move {
            let put = put(&link, &trust, (body_of_request, &tell)).await;
            if put.is_ok() {
                tell.send_replace(u64::MAX);
            }
            put
        });
        Self { body, acknowledged, request, flying: VecDeque::new(), given: 0 }
    }

    /// The next bytes of the body. A request that is over takes none, and says so by its end.
    pub(super) fn give(&mut self, sent: Sent, bytes: Bytes) {
        self.given += bytes.len() as u64;
        self.flying.push_back((sent, self.given));
        let _its_end_is_told = self.body.try_send(bytes);
    }

    /// The next event. Cancel-safe. Not to be called after [`PutEvent::Ended`].
    pub(super) async fn next(&mut self) -> PutEvent {
        loop {
            let acknowledged = *self.acknowledged.borrow_and_update();
            if self.flying.front().is_some_and(|(_, end)| *end <= acknowledged)
                && let Some((sent, _)) = self.flying.pop_front()
            {
                return PutEvent::Taken(sent);
            }
            tokio::select! {
                // What was acknowledged is told before the end.
                biased;
                Ok(()) = self.acknowledged.changed() => {}
                ended = &mut self.request => {
                    return PutEvent::Ended(ended.unwrap_or(Err(PutError::Ended)));
                }
            }
        }
    }
}

impl Drop for Put {
    fn drop(&mut self) {
        self.request.abort();
    }
}

async fn put(
    link: &str,
    trust: &Trust,
    (body, tell): (Pieces, &watch::Sender<u64>),
) -> Result<(), PutError> {
    let uri: Uri = link.parse().map_err(|_| PutError::Link)?;
    let (Some(authority), Some(path)) = (uri.authority(), uri.path_and_query()) else {
        return Err(PutError::Link);
    };
    let host = authority.host().to_owned();
    let (stream, counter) = connect(&uri, &host, trust).await?;
    let broken = |error| PutError::Broken { host: host.clone(), error };
    let (mut sender, mut connection) = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let length = body.left;
    let request = Request::put(path.as_str())
        .header(HOST, authority.as_str())
        .body(body)
        .map_err(|_| PutError::Link)?;
    let before = counter.written() + head_bytes(path.as_str(), authority.as_str(), length);
    let look = async {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let acknowledged = counter.acknowledged().saturating_sub(before);
            tell.send_if_modified(|known| std::mem::replace(known, acknowledged) != acknowledged);
        }
    };
    let answer = async {
        tokio::select! {
            answer = sender.send_request(request) => answer,
            never = look => never,
        }
    };
    let answer = drive(&mut connection, answer).await.map_err(broken)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let says = drive(&mut connection, beginning(answer)).await;
    Err(PutError::Refused { host, status, says })
}

/// The length of a request's head. One that is longer than this has bytes of the body count as
/// acknowledged too early; of a shorter one the last bytes would not count before the answer.
fn head_bytes(path: &str, authority: &str, length: u64) -> u64 {
    format!("PUT {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {length}\r\n\r\n").len()
        as u64
}

async fn connect(
    uri: &Uri,
    host: &str,
    trust: &Trust,
) -> Result<(Box<dyn Connected>, Counter), PutError> {
    let (port, tls) = match (uri.scheme_str(), trust.plain) {
        (Some("https"), _) => (443, Some(mqtt::trust(&trust.ca)?)),
        (Some("http"), PlainLinks::Followed) => (80, None),
        (Some("http"), PlainLinks::Refused) => return Err(PutError::Plain(host.to_owned())),
        (Some(_) | None, _) => return Err(PutError::Link),
    };
    let unreachable = |why: String| PutError::Unreachable { host: host.to_owned(), why };
    let in_time = |_elapsed| unreachable(format!("no answer within {} s", CONNECT_MAX.as_secs()));
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = (bare, uri.port_u16().unwrap_or(port));
    let stream = tokio::time::timeout(CONNECT_MAX, tokio::net::TcpStream::connect(address));
    let stream = stream.await.map_err(in_time)?.map_err(|error| unreachable(error.to_string()))?;
    let (stream, counter) = Counter::on(stream).map_err(|error| unreachable(error.to_string()))?;
    let Some(tls) = tls else { return Ok((Box::new(stream), counter)) };
    let name = ServerName::try_from(bare.to_owned()).map_err(|_| PutError::Link)?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    let secured = tokio::time::timeout(CONNECT_MAX, connector.connect(name, stream));
    let secured =
        secured.await.map_err(in_time)?.map_err(|error| unreachable(error.to_string()))?;
    Ok((Box::new(secured), counter))
}

/// Does the connection's work until `work` is done. A connection that ends makes that fail.
async fn drive<T>(
    connection: &mut (impl Future<Output = hyper::Result<()>> + Unpin),
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let mut over = false;
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ended = &mut *connection, if !over => over = true,
        }
    }
}

/// The beginning of an answer, in characters that a log shows.
async fn beginning(answer: Response<Incoming>) -> String {
    let mut body = pin!(answer.into_body());
    let mut says = String::new();
    while says.len() < SAYS_BYTES_MAX
        && let Some(Ok(frame)) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await
    {
        let bytes = frame.into_data().unwrap_or_default();
        let shown = bytes.iter().map(|byte| char::from(*byte)).filter(|c| (' '..='~').contains(c));
        says.extend(shown.take(SAYS_BYTES_MAX - says.len()));
    }
    says
}

/// The body: what the courier gives, as it comes.
struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    /// Bytes that are still to come.
    left: u64,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let Some(bytes) = ready!(self.pieces.poll_recv(cx)) else {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        };
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
#[path = "put_tests.rs"]
mod tests;
