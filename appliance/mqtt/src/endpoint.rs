//! Where the broker is and how the connection to it is secured.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rumqttc::{TlsConfiguration, Transport};
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::validity::Verifier;

/// A broker, ready to be connected to. Its PEM files are read anew with each connection, so that a
/// certificate that is renewed needs no restart.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    security: Security,
    pub(crate) credentials: Option<Credentials>,
}

/// How bytes reach the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Plain TCP.
    Plain,
    /// TLS 1.2 or 1.3.
    Tls {
        /// PEM file with the certificates that may sign the broker's.
        ca: PathBuf,
        /// PEM files with our own certificate chain and private key, if the broker asks for them.
        client: Option<(PathBuf, PathBuf)>,
    },
}

/// User name and password. The `Debug` form hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.username)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A PEM file cannot be read or does not hold what it should.
    #[error("`{}` cannot be used as {role}: {why}; give a PEM file that holds {role}", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        role: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key do not fit together, or TLS refuses them.
    #[error("TLS refuses the certificate or key: {0}; check that `cert` and `key` belong together")]
    Tls(#[from] rustls::Error),
}

/// Why a text is no broker's address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UrlError {
    /// Neither `mqtt://` nor `mqtts://`.
    #[error(
        "a broker's address starts with `mqtt://` or `mqtts://`, such as mqtt://127.0.0.1:1883"
    )]
    Scheme,
    /// User name or password inside.
    #[error(
        "user name and password do not belong in the address; write them as `username` and `password`"
    )]
    Userinfo,
    /// No usable host and port.
    #[error(
        "after `://` belong a host and, if need be, `:` and a port, such as mqtt://127.0.0.1:1883"
    )]
    Host,
}

impl Endpoint {
    /// Reads the PEM files, to see whether they can be used; does not connect.
    ///
    /// # Errors
    /// [`EndpointError`] when a file is missing or holds something else.
    pub fn new(host: &str, port: u16, security: &Security) -> Result<Self, EndpointError> {
        let endpoint = Self::unproved(host, port, security);
        endpoint.transport()?;
        Ok(endpoint)
    }

    /// The same without a look at the files: a box's certificate may still be on its way. A
    /// connection that needs one that is not there is over at once, and says so.
    pub fn unproved(host: &str, port: u16, security: &Security) -> Self {
        Self { host: host.to_owned(), port, security: security.clone(), credentials: None }
    }

    pub(crate) fn transport(&self) -> Result<Transport, EndpointError> {
        Ok(match &self.security {
            Security::Plain => Transport::tcp(),
            Security::Tls { ca, client } => {
                let config = tls(ca, client.as_ref().map(|(c, k)| (c.as_path(), k.as_path())))?;
                Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(config)))
            }
        })
    }

    /// The same broker with user name and password.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.credentials = credentials;
        self
    }

    /// Splits `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]` into host, port and whether TLS is
    /// wanted (`mqtts`).
    ///
    /// # Errors
    /// [`UrlError`] for everything else.
    pub fn split_url(url: &str) -> Result<(String, u16, &'static str), UrlError> {
        let (rest, port, scheme) = if let Some(rest) = url.strip_prefix("mqtt://") {
            (rest, 1883, "mqtt")
        } else if let Some(rest) = url.strip_prefix("mqtts://") {
            (rest, 8883, "mqtts")
        } else {
            return Err(UrlError::Scheme);
        };
        if rest.contains('@') {
            return Err(UrlError::Userinfo);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !rest.ends_with(']') => {
                (host, port.parse().map_err(|_| UrlError::Host)?)
            }
            Some(_) | None => (rest, port),
        };
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let bare = inner.unwrap_or(host);
        let odd = |c: char| c == '/' || c.is_whitespace();
        if bare.is_empty()
            || port == 0
            || bare.contains(odd)
            || (inner.is_none() && host.contains(':'))
        {
            return Err(UrlError::Host);
        }
        Ok((bare.to_owned(), port, scheme))
    }

    /// What rumqttc wants as address: it joins host and port with a colon.
    pub(crate) fn dial(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

/// TLS for connections other than those to a broker, by the same rules: which certificate counts,
/// and at what time for a box whose clock is wrong.
///
/// - ca: PEM file with the certificates that may sign a server's.
///
/// # Errors
/// [`EndpointError`] when the file is missing or holds something else.
pub fn trust(ca: &Path) -> Result<ClientConfig, EndpointError> {
    tls(ca, None)
}

fn tls(ca: &Path, client: Option<(&Path, &Path)>) -> Result<ClientConfig, EndpointError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca, "trusted certificates")? {
        roots.add(certificate)?;
    }
    // The provider is named here, so that no process-wide default has to be installed.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let judge = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .build()
        .map_err(|error| EndpointError::Pem {
            file: ca.to_owned(),
            role: "trusted certificates",
            why: error.to_string(),
        })?;
    // It judges by rustls's own verifier; only the time that it gives it is its own.
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(judge)));
    let Some((cert, key)) = client else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(cert, "a certificate chain")?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| EndpointError::Pem {
        file: key.to_owned(),
        role: "a private key",
        why: error.to_string(),
    })?;
    Ok(builder.with_client_auth_cert(chain, key)?)
}

fn certificates(
    file: &Path,
    role: &'static str,
) -> Result<Vec<CertificateDer<'static>>, EndpointError> {
    let pem = |why: String| EndpointError::Pem { file: file.to_owned(), role, why };
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem(error.to_string()))?;
    if found.is_empty() {
        return Err(pem("it holds no certificate".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_into_host_port_and_scheme() {
        let good = [
            ("mqtt://127.0.0.1:1883", ("127.0.0.1", 1883, "mqtt")),
            ("mqtt://broker/", ("broker", 1883, "mqtt")),
            ("mqtts://broker.example", ("broker.example", 8883, "mqtts")),
            ("mqtt://[::1]:1900", ("::1", 1900, "mqtt")),
            ("mqtt://[::1]", ("::1", 1883, "mqtt")),
        ];
        for (url, (host, port, scheme)) in good {
            assert_eq!(Endpoint::split_url(url), Ok((host.to_owned(), port, scheme)), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        let bad = [
            ("127.0.0.1:1883", UrlError::Scheme),
            ("tcp://127.0.0.1", UrlError::Scheme),
            ("mqtt://user:pw@host", UrlError::Userinfo),
            ("mqtt://", UrlError::Host),
            ("mqtt://host:0", UrlError::Host),
            ("mqtt://host:99999", UrlError::Host),
            ("mqtt://host/path", UrlError::Host),
            ("mqtt://::1", UrlError::Host),
        ];
        for (url, why) in bad {
            assert_eq!(Endpoint::split_url(url), Err(why), "{url}");
        }
    }

    #[test]
    fn missing_certificate_names_the_file() {
        let tls = Security::Tls { ca: "/nonexistent/ca.pem".into(), client: None };
        let error = Endpoint::new("host", 8883, &tls).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
    }
}
