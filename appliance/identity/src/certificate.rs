//! What a certificate says: whose it is and how long it counts.

use std::fmt;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use wire::ids::Name;
use wire::time::WallTime;
use wire::topic::Device;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Before a tenant's name, in the common name of a claim. No name has a colon.
const CLAIM: &str = "claim:";

/// The first certificate of a PEM text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    holder: Option<Holder>,
    public_key: Vec<u8>,
    is_authority: bool,
    begins: WallTime,
    ends: WallTime,
    pub(crate) der: CertificateDer<'static>,
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A box. Common name `TENANT/DEVICE`.
    Box(Device),
    /// Whoever sets up boxes of this tenant. Common name `claim:TENANT`.
    Claim(Name),
}

/// A text holds no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate in PEM: {0}")]
pub struct CertificateError(String);

impl Holder {
    /// As it stands in the certificate.
    pub fn common_name(&self) -> String {
        match self {
            Self::Box(Device { tenant, device }) => format!("{tenant}/{device}"),
            Self::Claim(tenant) => format!("{CLAIM}{tenant}"),
        }
    }

    fn of(common_name: &str) -> Option<Self> {
        if let Some(tenant) = common_name.strip_prefix(CLAIM) {
            return tenant.parse().ok().map(Self::Claim);
        }
        let (tenant, device) = common_name.split_once('/')?;
        Some(Self::Box(Device { tenant: tenant.parse().ok()?, device: device.parse().ok()? }))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Box(Device { tenant, device }) => write!(f, "box {tenant}/{device}"),
            Self::Claim(tenant) => write!(f, "claim of tenant {tenant}"),
        }
    }
}

impl Certificate {
    /// Reads the first certificate of a PEM text; who signed it does not matter here.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let fail = |why: String| CertificateError(why);
        let der = CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|error| fail(error.to_string()))?;
        let (_rest, read) =
            X509Certificate::from_der(&der).map_err(|error| fail(error.to_string()))?;
        let name = read.subject().iter_common_name().next();
        let holder = name.and_then(|name| name.as_str().ok()).and_then(Holder::of);
        let wall = |seconds: i64| WallTime(seconds.saturating_mul(1_000_000));
        let public_key = read.public_key().subject_public_key.data.to_vec();
        let validity = read.validity();
        let (begins, ends) =
            (wall(validity.not_before.timestamp()), wall(validity.not_after.timestamp()));
        let is_authority = read.is_ca();
        Ok(Self { holder, public_key, is_authority, begins, ends, der })
    }

    /// Whom it names; `None` if that is neither a box nor a claim.
    pub const fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// The last moment at which it counts.
    pub const fn ends(&self) -> WallTime {
        self.ends
    }

    /// Whether it counts at `now`.
    pub fn counts_at(&self, now: WallTime) -> bool {
        self.begins <= now && now <= self.ends
    }

    /// Whether less than a third of its time is left: then the next one is asked for, so that
    /// weeks of bad luck do not end in a box that nobody hears.
    pub fn is_to_be_renewed_at(&self, now: WallTime) -> bool {
        let whole = self.ends.0.saturating_sub(self.begins.0);
        // A clock before the certificate's beginning is not set.
        self.begins <= now && self.ends.0.saturating_sub(now.0) < whole / 3
    }

    pub(crate) const fn is_authority(&self) -> bool {
        self.is_authority
    }

    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}
