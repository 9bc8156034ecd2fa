//! `GET /metrics` over HTTP/1.1, for one scraper at a time or a few: no keep-alive, no TLS, no
//! other page. Bind it to an address that only the monitoring reaches.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Metrics;

/// Scrapers that are served at once; the next one waits.
const SCRAPERS_MAX: usize = 8;
/// The longest request, in bytes.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// A scraper that is slower than this is let go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers until it is dropped.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let mut scrapers = JoinSet::new();
    loop {
        if scrapers.len() >= SCRAPERS_MAX {
            let _done = scrapers.join_next().await;
        }
        // No scraper is worth a receiver: one that cannot be taken is let go.
        if let Ok((stream, _address)) = listener.accept().await {
            let metrics = Arc::clone(&metrics);
            scrapers.spawn(async move {
                let _slow = tokio::time::timeout(PATIENCE, answer(stream, &metrics)).await;
            });
        } else {
            tokio::task::yield_now().await;
        }
        while scrapers.try_join_next().is_some() {}
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = respond(&request, metrics);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

fn respond(request: &[u8], metrics: &Metrics) -> (&'static str, String) {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    match (method, path) {
        (Some("GET"), "/metrics") => ("200 OK", metrics.text()),
        (Some("GET"), _other) => ("404 Not Found", "there is only /metrics\n".to_owned()),
        (_other, _) => ("405 Method Not Allowed", "there is only GET /metrics\n".to_owned()),
    }
}
