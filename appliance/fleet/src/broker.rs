//! Which broker a command talks to: the receiver's configuration, or an address alone.
//!
//! Owns: that choice. Must not: read TLS files or passwords by itself; [`Config`] does.

use std::path::Path;

use mqtt::{Endpoint, EndpointError, Security, UrlError};

use crate::config::{Config, ConfigError};

/// Why there is no broker to talk to.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be used.
    #[error("`{url}` cannot be used: {error}")]
    Url {
        /// What was written, without secrets.
        url: String,
        /// What is wrong with it.
        error: UrlError,
    },
    /// TLS needs more than an address.
    #[error(
        "`{0}` asks for TLS, which needs to know whom to trust; write the address, `ca` and what the \
         broker asks for into a configuration as for `receive`, and name it with --config"
    )]
    Tls(String),
    /// The endpoint cannot be made.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// The broker of the receiver's configuration `file`.
///
/// # Errors
/// [`BrokerError::Config`].
pub fn of_config(file: &Path) -> Result<Endpoint, BrokerError> {
    Ok(Config::load(file)?.endpoint)
}

/// The broker at `mqtt://HOST[:PORT]`, without TLS and password.
///
/// # Errors
/// [`BrokerError`], with what to write instead.
pub fn at(url: &str) -> Result<Endpoint, BrokerError> {
    let (host, port, scheme) = Endpoint::split_url(url).map_err(|error| {
        let url = if error == UrlError::Userinfo { "…".to_owned() } else { url.to_owned() };
        BrokerError::Url { url, error }
    })?;
    if scheme != "mqtt" {
        return Err(BrokerError::Tls(url.to_owned()));
    }
    Ok(Endpoint::new(&host, port, &Security::Plain)?)
}
