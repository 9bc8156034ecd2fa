//! The TLS of an RTMP port: what it shows, and the handshake with whoever connects.
//!
//! Owns nothing behind the handshake. A certificate that was renewed is shown after the box's next
//! start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clock::SystemClock;
use crate::config::Certificate;

/// From the connection to the end of its handshake: what RTMP's own handshake has as well.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Why an address cannot speak TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file that is not there, may not be read, or is no PEM.
    #[error("{} cannot be read: {reason}; {REMEDY_FILE}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A PEM file with something else.
    #[error("there is no certificate in {}; {REMEDY_FILE}", .0.display())]
    NoCertificate(PathBuf),
    /// A PEM file with something else.
    #[error("there is no private key in {}; {REMEDY_FILE}", .0.display())]
    NoKey(PathBuf),
    /// Both are good, but not for each other.
    #[error(
        "the key in {} is not that of the certificate in {}; name the two that were made together",
        key.display(), cert.display()
    )]
    Mismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        cert: PathBuf,
    },
    /// Something that TLS does not take.
    #[error("TLS does not take {} with its key: {reason}; make them anew", cert.display())]
    Refused {
        /// The certificate's file.
        cert: PathBuf,
        /// Why.
        reason: rustls::Error,
    },
}

const REMEDY_FILE: &str = "name a PEM file that the box's user may read";

/// How a port speaks TLS.
///
/// # Errors
/// [`TlsError`], with what to do.
pub fn server(certificate: &Certificate) -> Result<Arc<ServerConfig>, TlsError> {
    let Certificate { cert, key } = certificate;
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(|items| items.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(cert, &error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(cert.clone()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        if matches!(error, pem::Error::NoItemsFound) {
            return TlsError::NoKey(key.clone());
        }
        unreadable(key, &error)
    })?;
    // The provider is named here, so that no process-wide default has to be installed.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let refused = |reason| {
        let mismatch = rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
        if reason == mismatch {
            return TlsError::Mismatch { key: key.clone(), cert: cert.clone() };
        }
        TlsError::Refused { cert: cert.clone(), reason }
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(refused)?;
    Ok(Arc::new(config))
}

fn unreadable(file: &Path, error: &pem::Error) -> TlsError {
    TlsError::Unreadable { file: file.to_owned(), reason: error.to_string() }
}

/// Shakes hands with somebody who connected.
///
/// # Errors
/// Why there is no connection, for people.
pub(super) async fn accept(
    acceptor: &TlsAcceptor,
    socket: TcpStream,
    clock: &SystemClock,
) -> Result<TlsStream<TcpStream>, String> {
    let deadline = clock.now().plus(HANDSHAKE_MAX);
    tokio::select! {
        accepted = acceptor.accept(socket) => accepted.map_err(|error| error.to_string()),
        () = clock.sleep_until(deadline) => {
            Err(format!("its TLS handshake took more than {} s", HANDSHAKE_MAX.as_secs()))
        }
    }
}
