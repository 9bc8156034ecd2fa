//! Who a box is: its key, its certificate, and the authority that signs it.
//!
//! Owns: keys (ECDSA P-256), certificate requests, what a certificate says of its holder, and the
//! judgement of an authority about a request. Must not: touch files, sockets or clocks; PEM texts
//! and the time come in, PEM texts go out. A key leaves the box in no form but to its own disk.
//! Why so: `docs/decisions/0032-a-box-makes-its-own-key.md`.
#![forbid(unsafe_code)]

mod authority;
mod certificate;
mod request;

pub use authority::{Authority, AuthorityError, Granted, Refusal};
pub use certificate::{Certificate, CertificateError, Holder};
pub use request::{Voucher, VoucherError, request, topic};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

/// A private key, ECDSA over P-256. Its `Debug` form hides it.
pub struct Key(KeyPair);

/// A text is no private key that can be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no private key of the kind ECDSA P-256 in PEM (PKCS #8)")]
pub struct KeyError;

impl Key {
    /// A new key, from the system's random numbers.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    pub fn generate() -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
        Self(pair.expect("the system has random numbers"))
    }

    /// Reads the first key of a PEM text; certificates in it are passed over.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
        const END: &str = "-----END PRIVATE KEY-----";
        let from = text.find(BEGIN).ok_or(KeyError)?;
        let length = text[from..].find(END).ok_or(KeyError)? + END.len();
        let pair = KeyPair::from_pkcs8_pem_and_sign_algo(
            &text[from..from + length],
            &PKCS_ECDSA_P256_SHA256,
        );
        pair.map(Self).map_err(|_| KeyError)
    }

    /// The key as PEM (PKCS #8).
    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// Its public half, as certificates hold it.
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key_raw()
    }

    /// Whether a certificate is for this key.
    pub fn fits(&self, certificate: &Certificate) -> bool {
        certificate.public_key() == self.public_key()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}
