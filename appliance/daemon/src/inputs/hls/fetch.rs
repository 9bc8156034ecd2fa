//! One GET request of an HLS source: its bytes, or why there are none.
//!
//! Blocks the thread that asks, for as long as the request may take. Knows no playlist.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ingest::hls::{ByteRange, Failure, Fetch};
use thiserror::Error;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, ResponseExt};

use crate::config::SYSTEM_AUTHORITIES;

/// Redirects that are followed: players follow about as many.
const REDIRECTS_MAX: u32 = 5;

/// Why no server's certificate can be checked.
#[derive(Debug, Error)]
#[error(
    "the authorities in {} cannot be read: {reason}; give a PEM file that the box's user may read, \
     or install ca-certificates",
    file.display()
)]
pub(super) struct TrustError {
    file: PathBuf,
    reason: String,
}

/// What a request brought.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: Bytes,
    /// Address after all redirects.
    pub(super) final_url: String,
}

/// Sends requests.
///
/// - ca: PEM file with the authorities that may vouch for a server; the system's without one.
///
/// # Errors
/// [`TrustError`]; without `https` in the source's address it would not matter, and is not asked.
pub(super) fn agent(url: &str, ca: Option<&Path>) -> Result<Agent, TrustError> {
    let roots = match (ca, url.starts_with("https:")) {
        (Some(file), _) => authorities(file)?,
        (None, true) => authorities(Path::new(SYSTEM_AUTHORITIES))?,
        (None, false) => Vec::new(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(provider)
        .build();
    Ok(Agent::config_builder()
        .tls_config(tls)
        .max_redirects(REDIRECTS_MAX)
        .http_status_as_error(false)
        .user_agent("courtside")
        .build()
        .new_agent())
}

/// Sends one request.
///
/// # Errors
/// What the puller has to know of it.
pub(super) fn get(agent: &Agent, fetch: &Fetch) -> Result<Fetched, Failure> {
    let mut request = agent.get(fetch.url.as_str());
    if let Some(ByteRange { offset, length }) = fetch.byte_range {
        let last = offset.saturating_add(length).saturating_sub(1);
        request = request.header("Range", format!("bytes={offset}-{last}"));
    }
    let request = request.config().timeout_global(Some(fetch.wait_max)).build();
    let mut response = request.call().map_err(failure)?;
    let status = response.status().as_u16();
    if let Some(failure) = Failure::from_status(status) {
        return Err(failure);
    }
    let final_url = response.get_uri().to_string();
    let whole = status == 200 && fetch.byte_range.is_some();
    // A server that ignores ranges sends the whole file, of which a part is wanted.
    let limit = if whole { WHOLE_BYTES_MAX } else { fetch.bytes_max };
    let body = response.body_mut().with_config().limit(limit as u64 + 1).read_to_vec();
    let mut body = Bytes::from(body.map_err(failure)?);
    if let (true, Some(ByteRange { offset, length })) = (whole, fetch.byte_range) {
        let end = offset.checked_add(length).filter(|end| *end <= body.len() as u64);
        // Both fit: they lie within a body that is in memory.
        body = body.slice(offset as usize..end.ok_or(Failure::Rejected)? as usize);
    }
    Ok(Fetched { body, final_url })
}

/// A file of which a server sends all although a range was asked for.
const WHOLE_BYTES_MAX: usize = 64 << 20;

#[allow(clippy::wildcard_enum_match_arm, reason = "only time and size are told apart")]
fn failure(error: Error) -> Failure {
    match error {
        Error::Timeout(_) => Failure::Timeout,
        Error::Io(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            Failure::Timeout
        }
        Error::BodyExceedsLimit(_) => Failure::TooLarge,
        Error::BadUri(_) | Error::TooManyRedirects | Error::RedirectFailed => Failure::Rejected,
        _ => Failure::Network,
    }
}

fn authorities(file: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>, TrustError> {
    let error = |reason: String| TrustError { file: file.to_owned(), reason };
    let pem = std::fs::read(file).map_err(|e| error(e.to_string()))?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        Ok(_) | Err(_) => None,
    };
    let found: Vec<_> = parse_pem(&pem).filter_map(certificate).collect();
    if found.is_empty() {
        return Err(error("it holds no certificate".to_owned()));
    }
    Ok(found)
}
