//! A box's request for a certificate, and whoever vouches for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, SigningKey};
use wire::enrol::EnrolRequest;
use wire::envelope::VERSION;
use wire::ids::Name;
use wire::topic::Device;

use crate::{Certificate, CertificateError, Holder, Key, KeyError};

/// Whoever vouches for a request: a claim, or the box with its present certificate.
#[derive(Debug)]
pub struct Voucher {
    key: Key,
    certificate: Certificate,
    pem: String,
}

/// Why a text is no voucher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoucherError {
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// One of them belongs to something else.
    #[error("its certificate and its key do not belong together")]
    Strangers,
}

impl Voucher {
    /// Reads key and certificate from one PEM text.
    ///
    /// # Errors
    /// [`VoucherError`].
    pub fn from_pem(text: &str) -> Result<Self, VoucherError> {
        let (key, certificate) = (Key::from_pem(text)?, Certificate::from_pem(text)?);
        if !key.fits(&certificate) {
            return Err(VoucherError::Strangers);
        }
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        // Certificates alone: the key is nobody's business.
        let parts = text.split(BEGIN).skip(1);
        const END: &str = "-----END CERTIFICATE-----";
        let part = |rest: &str| rest.split(END).next().map(|body| format!("{BEGIN}{body}{END}\n"));
        let pem = parts.filter_map(part).collect();
        Ok(Self { key, certificate, pem })
    }

    /// Its certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// What a voucher signs, but for the request: where it is sent.
pub fn topic(device: &Device) -> String {
    device.enrol().as_str().to_owned()
}

/// The request of `device` for a certificate of `key`.
///
/// # Panics
/// When a voucher of more than 6 KiB is given.
pub fn request(id: Name, device: &Device, key: &Key, voucher: &Voucher) -> EnrolRequest {
    let mut params = CertificateParams::default();
    let name = Holder::Box(device.clone()).common_name();
    params.distinguished_name.push(DnType::CommonName, name);
    let request = params.serialize_request(&key.0).and_then(|request| request.pem());
    let request = request.expect("a request with a name and a key is one");
    let message = format!("{}\n{request}", topic(device));
    let signature = voucher.key.0.sign(message.as_bytes()).expect("a key signs");
    EnrolRequest {
        v: VERSION,
        id,
        request: request.as_str().try_into().expect("a request of P-256 has half a kilobyte"),
        voucher: voucher.pem.as_str().try_into().expect("a voucher fits"),
        signature: STANDARD.encode(signature).as_str().try_into().expect("72 bytes at most"),
    }
}
