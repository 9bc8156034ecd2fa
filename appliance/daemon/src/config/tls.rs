//! `tls` of an address on which the box listens: the certificate that it shows, and its key.

use std::path::PathBuf;

use super::Surroundings;
use crate::inputs::rtmp::tls::server;
use document::{Entry, Key};

pub(super) const TLS: Key =
    Key::new("tls", "{ cert = \"/etc/courtside/rtmps.pem\", key = \"/etc/courtside/rtmps.key\" }");
const KEYS: &[Key] = &[
    Key::new("cert", "\"/etc/courtside/rtmps.pem\""),
    Key::new("key", "\"/etc/courtside/rtmps.key\""),
];

/// A certificate that fits its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// PEM file with the certificate, and those between it and its authority.
    pub cert: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
}

impl Certificate {
    /// Reads the table, and tries the files that it names.
    pub(super) fn read(entry: &Entry<'_>, surroundings: &Surroundings) -> Option<Self> {
        let section = entry.in_braces()?.with_keys(KEYS);
        let [cert, key] = ["cert", "key"]
            .map(|name| section.required(name).and_then(|entry| surroundings.file(&entry)));
        let certificate = Self { cert: cert?, key: key? };
        if let Err(error) = server(&certificate) {
            section.refuse(format_args!("`tls`: {error}"));
            return None;
        }
        Some(certificate)
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
