//! `[mqtt]`: which broker, how its connection is secured, and who the box says it is.

use std::fmt;
use std::path::PathBuf;

use super::Surroundings;
use super::document::{Entry, Key, Place, Section};

const MQTT: &[Key] = &[
    Key::new("url", "\"mqtt://127.0.0.1:1883\""),
    Key::new("ca", "\"/etc/courtside/ca.pem\""),
    Key::new("cert", "\"/etc/courtside/box.pem\""),
    Key::new("key", "\"/etc/courtside/box.key\""),
    Key::new("username", "\"court-1\""),
    Key::secret("password", "\"…\""),
];

/// The broker and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Plain TCP or TLS.
    pub transport: Transport,
    /// User name and password, if the broker asks for them.
    pub credentials: Option<Credentials>,
}

/// How bytes reach the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `mqtt://`
    Plain,
    /// `mqtts://`
    Tls {
        /// PEM file with the certificates that may sign the broker's.
        ca: PathBuf,
        /// The box's own certificate, if the broker asks for one.
        client: Option<ClientCertificate>,
    },
}

/// PEM files that prove who the box is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Certificate chain.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// User name and password for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// A text that must not reach a log: its `Debug` form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The text itself, for the one place that compares or sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Mqtt {
    /// Reads the section.
    pub(super) fn read(place: Place<'_>, surroundings: &Surroundings) -> Option<Self> {
        let section = place.with_keys(MQTT);
        let address = section.required("url").and_then(|entry| broker(&entry));
        let tls = address.as_ref().map(|address| address.tls);
        let transport = transport(&section, tls, surroundings);
        let credentials = credentials(&section);
        let Address { host, port, .. } = address?;
        Some(Self { host, port, transport: transport?, credentials: credentials? })
    }
}

fn transport(
    section: &Section<'_>,
    tls: Option<Tls>,
    surroundings: &Surroundings,
) -> Option<Transport> {
    let [ca, cert, key] = ["ca", "cert", "key"].map(|name| section.optional(name));
    if tls == Some(Tls::Off) {
        for entry in [ca, cert, key].into_iter().flatten() {
            entry.refuse(
                "`mqtt.url` says `mqtt://`, a connection without TLS",
                "write `mqtts://` in `url`, or remove this key",
            );
        }
        return Some(Transport::Plain);
    }
    if tls == Some(Tls::On) && ca.is_none() {
        section.required("ca");
    }
    let ca = ca.and_then(|entry| surroundings.file(&entry));
    let client = match (cert, key) {
        (None, None) => Some(None),
        (Some(cert), Some(key)) => {
            let cert = surroundings.file(&cert);
            let key = surroundings.file(&key);
            cert.zip(key).map(|(cert, key)| Some(ClientCertificate { cert, key }))
        }
        (Some(entry), None) | (None, Some(entry)) => {
            entry.refuse("`cert` and `key` belong together", "name both, or none of them");
            None
        }
    };
    Some(Transport::Tls { ca: ca?, client: client? })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    On,
    Off,
}

struct Address {
    tls: Tls,
    host: String,
    port: u16,
}

fn broker(entry: &Entry<'_>) -> Option<Address> {
    let url = entry.text()?;
    let (tls, rest, port) = if let Some(rest) = url.strip_prefix("mqtt://") {
        (Tls::Off, rest, 1883)
    } else if let Some(rest) = url.strip_prefix("mqtts://") {
        (Tls::On, rest, 8883)
    } else {
        entry.refuse_with_example("a broker's address starts with `mqtt://` or `mqtts://`");
        return None;
    };
    if rest.contains('@') {
        entry.clone().hidden().refuse(
            "user name and password do not belong in the address, where logs would show them",
            "write them as `username` and `password`",
        );
        return None;
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let split = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => port.parse().ok().map(|port| (host, port)),
        Some(_) | None => Some((rest, port)),
    };
    // An IPv6 address stands in brackets, because of its colons.
    let bare = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inner.map_or_else(|| (!host.contains(':')).then(|| host.to_owned()), |v6| Some(v6.into()))
    };
    let address = split.and_then(|(host, port): (&str, u16)| Some((bare(host)?, port)));
    let usable = address.filter(|(host, port)| {
        !host.is_empty() && *port != 0 && !host.contains(|c: char| c == '/' || c.is_whitespace())
    });
    if usable.is_none() {
        entry.refuse_with_example("after `://` belong a host and, if need be, `:` and a port");
    }
    usable.map(|(host, port)| Address { tls, host, port })
}

fn credentials(section: &Section<'_>) -> Option<Option<Credentials>> {
    match (section.optional("username"), section.optional("password")) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => {
            let username = username.filled();
            let password = Secret(password.filled()?.to_owned());
            Some(Some(Credentials { username: username?.to_owned(), password }))
        }
        (Some(entry), None) | (None, Some(entry)) => {
            entry.refuse("`username` and `password` belong together", "write both, or none");
            None
        }
    }
}
