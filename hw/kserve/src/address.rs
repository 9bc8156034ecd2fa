//! Where a server is: `http://HOST:PORT/PATH`, or `https` with the authorities that may vouch for
//! it. Owns what an address may look like and how TLS is set up; connects to nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// The part of a server's URL before `/v2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    base: String,
    scheme: Scheme,
}

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No or another scheme.
    #[error("a server's address starts with `http://` or `https://`")]
    Scheme,
    /// A user or a password in it.
    #[error("user name and password do not belong in the address, where logs would show them")]
    Userinfo,
    /// No host, or something that no URL has.
    #[error("after `://` belong a host and, if need be, `:` and a port, and a path before `/v2`")]
    Host,
}

/// Why a server's certificate cannot be checked.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("`{}` cannot be read: {source}; name a PEM file that the service may read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no certificate in it.
    #[error("`{}` holds no certificate; give a PEM file with those that sign the server's", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`]: what an address looks like.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(AddressError::Scheme),
        };
        if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
            return Err(AddressError::Userinfo);
        }
        let base = text.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|_| AddressError::Host)?;
        let authority = uri.authority().ok_or(AddressError::Host)?;
        let port_is_good = match authority.as_str().rsplit_once(':') {
            // Of an IPv6 address without a port.
            Some((_, end)) if end.ends_with(']') => true,
            Some(_) => authority.port_u16().is_some_and(|port| port != 0),
            None => true,
        };
        if authority.host().is_empty() || !port_is_good || uri.query().is_some() {
            return Err(AddressError::Host);
        }
        if rest.contains('#') {
            return Err(AddressError::Host);
        }
        Ok(Self { base, scheme })
    }

    /// Plain or TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As it is written, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.base
    }
}

/// TLS with the authorities of a PEM file and no others; without a file, no server is believed.
pub(crate) fn tls(ca: Option<&Path>) -> Result<TlsConfig, TrustError> {
    let certificates = ca.map(certificates).transpose()?.unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

fn certificates(file: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>, TrustError> {
    let read = |source| TrustError::Read { file: file.to_owned(), source };
    let pem = std::fs::read(file).map_err(read)?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let Ok(PemItem::Certificate(certificate)) = item {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(TrustError::Empty { file: file.to_owned() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_host_and_nothing_secret() {
        let base = |text| Address::parse(text).map(|address| address.base);
        assert_eq!(base("http://10.0.0.5:8000"), Ok("http://10.0.0.5:8000".to_owned()));
        assert_eq!(base("https://gpu.example/team/"), Ok("https://gpu.example/team".to_owned()));
        assert_eq!(base("http://[::1]:80"), Ok("http://[::1]:80".to_owned()));
        assert_eq!(base("http://[::1]"), Ok("http://[::1]".to_owned()));
        assert_eq!(base("10.0.0.5:8000"), Err(AddressError::Scheme));
        assert_eq!(base("grpc://10.0.0.5:8001"), Err(AddressError::Scheme));
        assert_eq!(base("http://me:hush@host:8000"), Err(AddressError::Userinfo));
        for bad in ["http://", "http://:8000", "http://host:0", "http://host:99999", "http://h x"] {
            assert_eq!(base(bad), Err(AddressError::Host), "{bad}");
        }
        for bad in ["http://host:8000/?a=b", "http://host/#a", "http://host:"] {
            assert_eq!(base(bad), Err(AddressError::Host), "{bad}");
        }
    }

    #[test]
    fn authorities_come_from_a_file_that_holds_some() {
        let error = tls(Some(Path::new("/nonexistent/ca.pem"))).expect_err("it is not there");
        assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
        let error = tls(Some(Path::new("Cargo.toml"))).expect_err("it holds none");
        assert!(error.to_string().contains("holds no certificate"), "{error}");
    }
}
