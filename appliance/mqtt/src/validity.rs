//! Whether a broker's certificate is valid, by a clock that may be wrong.
//!
//! A box without a battery wakes up in 1970 and gets its time from the network, perhaps by the very
//! connection that needs the time. The time is never before the one at which this program was
//! built; a clock that says so is known to be wrong. Then a certificate that begins later than the
//! build counts as well: it cannot have been made before its time. One that ended before the build
//! never counts, nor does one of another authority.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// rustls's own judgement, at a time that is not before `floor`.
#[derive(Debug)]
pub(crate) struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    floor: UnixTime,
}

impl Verifier {
    /// With the time of this program's file as the floor; none, where that is not known.
    pub(crate) fn new(inner: Arc<WebPkiServerVerifier>) -> Self {
        let built = std::env::current_exe().and_then(|exe| exe.metadata()?.modified()).ok();
        let age = built.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        Self { inner, floor: UnixTime::since_unix_epoch(age.unwrap_or_default()) }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let at = |time| self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, time);
        if now >= self.floor {
            return at(now);
        }
        match at(self.floor) {
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            })) => at(not_before),
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
