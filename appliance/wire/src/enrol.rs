//! How a box gets its certificate: `…/enrol` from the box, `…/enrol-response` to it. JSON alone.
//!
//! Why so: `docs/decisions/0032-a-box-makes-its-own-key.md`.

use heapless::String;
use serde::{Deserialize, Serialize};

use crate::ids::Name;

/// Most bytes of a certificate request, as PEM.
pub const REQUEST_BYTES_MAX: usize = 2_048;
/// Most bytes of a certificate chain, as PEM.
pub const CHAIN_BYTES_MAX: usize = 6_144;

/// Body of `…/enrol`: a box asks for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrolRequest {
    /// [`crate::envelope::VERSION`].
    pub v: u8,
    /// Chosen by the box; the same for the same request.
    pub id: Name,
    /// A PKCS #10 request for the box's new key, as PEM; its name does not count, the topic's does.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = REQUEST_BYTES_MAX)))]
    pub request: String<REQUEST_BYTES_MAX>,
    /// Who vouches: the claim's certificate or the box's present one, as PEM.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = CHAIN_BYTES_MAX)))]
    pub voucher: String<CHAIN_BYTES_MAX>,
    /// The voucher's ECDSA signature (P-256, SHA-256, ASN.1) over the topic, a line feed and
    /// `request`, in base64.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 120)))]
    pub signature: String<120>,
}

/// Body of `…/enrol-response`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrolResponse {
    /// [`crate::envelope::VERSION`].
    pub v: u8,
    /// Which request.
    pub id: Name,
    /// The box's new certificate and those between it and the authority, as PEM; `None` if it is
    /// refused.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<alloc::string::String>", length(max = CHAIN_BYTES_MAX))
    )]
    pub certificate: Option<String<CHAIN_BYTES_MAX>>,
    /// For people: until when it is valid, or why it is refused and what to do.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 240)))]
    pub text: String<240>,
}
