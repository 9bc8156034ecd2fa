//! `[mqtt]`: which broker, how its connection is secured, and who the box says it is.

use std::fmt;

use mqtt::{Credentials, Endpoint, Security, UrlError};

use super::Surroundings;
use document::{Entry, Key, Place, Section};

const MQTT: &[Key] = &[
    Key::new("url", "\"mqtt://127.0.0.1:1883\""),
    Key::new("ca", "\"/etc/courtside/ca.pem\""),
    Key::new("cert", "\"/etc/courtside/box.pem\""),
    Key::new("key", "\"/etc/courtside/box.key\""),
    Key::new("username", "\"court-1\""),
    Key::secret("password", "\"…\""),
];

/// The broker and how to speak to it: what `mqtt::Endpoint::new` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Plain TCP or TLS.
    pub security: Security,
    /// User name and password, if the broker asks for them.
    pub credentials: Option<Credentials>,
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
        let scheme = address.as_ref().map(|(_, _, scheme)| *scheme);
        let security = security(&section, scheme, surroundings);
        let credentials = credentials(&section);
        let (host, port, _) = address?;
        Some(Self { host, port, security: security?, credentials: credentials? })
    }
}

fn broker(entry: &Entry<'_>) -> Option<(String, u16, &'static str)> {
    match Endpoint::split_url(entry.text()?) {
        Ok(address) => return Some(address),
        Err(UrlError::Scheme) => {
            entry.refuse_with_example("a broker's address starts with `mqtt://` or `mqtts://`");
        }
        Err(UrlError::Userinfo) => entry.clone().hidden().refuse(
            "user name and password do not belong in the address, where logs would show them",
            "write them as `username` and `password`",
        ),
        Err(UrlError::Host) => {
            entry.refuse_with_example("after `://` belong a host and, if need be, `:` and a port");
        }
    }
    None
}

fn security(
    section: &Section<'_>,
    scheme: Option<&str>,
    surroundings: &Surroundings,
) -> Option<Security> {
    let [ca, cert, key] = ["ca", "cert", "key"].map(|name| section.optional(name));
    if scheme == Some("mqtt") {
        for entry in [ca, cert, key].into_iter().flatten() {
            entry.refuse(
                "`mqtt.url` says `mqtt://`, a connection without TLS",
                "write `mqtts://` in `url`, or remove this key",
            );
        }
        return Some(Security::Plain);
    }
    if scheme == Some("mqtts") && ca.is_none() {
        section.required("ca");
    }
    let ca = ca.and_then(|entry| surroundings.file(&entry));
    let client = match (cert, key) {
        (None, None) => Some(None),
        (Some(cert), Some(key)) => {
            let cert = surroundings.file(&cert);
            let key = surroundings.file(&key);
            cert.zip(key).map(Some)
        }
        (Some(entry), None) | (None, Some(entry)) => {
            entry.refuse("`cert` and `key` belong together", "name both, or none of them");
            None
        }
    };
    Some(Security::Tls { ca: ca?, client: client? })
}

fn credentials(section: &Section<'_>) -> Option<Option<Credentials>> {
    match (section.optional("username"), section.optional("password")) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => {
            let username = username.filled().map(str::to_owned);
            let password = password.filled().map(str::to_owned);
            Some(Some(Credentials { username: username?, password: password? }))
        }
        (Some(entry), None) | (None, Some(entry)) => {
            entry.refuse("`username` and `password` belong together", "write both, or none");
            None
        }
    }
}
