//! Where a PostgreSQL database is, and how one gets there.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// TCP, TLS and login must be done within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What was sent must be received within this.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Where the database is.
#[derive(Clone)]
pub struct Address {
    config: Box<Config>,
    /// How the server proves who it is; `None`: no TLS.
    tls: Option<MakeRustlsConnect>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Without secrets.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let (hosts, ports) = (self.config.get_hosts(), self.config.get_ports());
        for (at, host) in hosts.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(folder) => write!(f, "{comma}{}", folder.display())?,
            }
            if let Some(port) = ports.get(at).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

/// Why an address cannot be used.
#[derive(Debug)]
pub(crate) enum AddressError {
    /// The address itself, without its text: it may hold a password.
    Url(String),
    /// The file of those who may sign the server's certificate.
    Ca(String),
}

impl Address {
    /// Reads `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`.
    ///
    /// - ca: PEM file with the certificates that may sign the server's. With it there is no
    ///   connection without TLS, and none to a server with a certificate for another name.
    ///
    /// # Errors
    /// [`AddressError`]: what is wrong with which of both.
    pub(crate) fn read(url: &str, ca: Option<&Path>) -> Result<Self, AddressError> {
        let error = |why: &str| AddressError::Url(why.to_owned());
        let mut config: Config = url.parse().map_err(|why| error(&format!("{why}")))?;
        if config.get_hosts().is_empty() {
            return Err(error("it names no host"));
        }
        if config.get_dbname().is_none() {
            return Err(error("it names no database"));
        }
        let tls = match ca {
            None if config.get_ssl_mode() == SslMode::Require => {
                return Err(error(
                    "`sslmode=require` needs to know whom to trust: name the authority's \
                     certificate in `store.db_ca`",
                ));
            }
            None => None,
            Some(ca) => {
                config.ssl_mode(SslMode::Require);
                let trust = mqtt::trust(ca).map_err(|why| AddressError::Ca(why.to_string()))?;
                Some(MakeRustlsConnect::new(trust))
            }
        };
        config.connect_timeout(CONNECT_TIMEOUT);
        config.tcp_user_timeout(SILENCE_MAX);
        config.keepalives_idle(SILENCE_MAX);
        if config.get_application_name().is_none() {
            config.application_name("courtside-fleet");
        }
        Ok(Self { config: Box::new(config), tls })
    }

    /// Connects. The connection ends when the client is dropped; when it breaks, whoever asks next
    /// is told.
    pub(crate) async fn dial(&self, runtime: &Handle) -> Result<Client, tokio_postgres::Error> {
        if let Some(tls) = self.tls.clone() {
            let (client, connection) = self.config.connect(tls).await?;
            runtime.spawn(connection);
            Ok(client)
        } else {
            let (client, connection) = self.config.connect(NoTls).await?;
            runtime.spawn(connection);
            Ok(client)
        }
    }
}
