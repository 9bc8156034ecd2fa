//! `[mqtt]`: which broker, how its connection is secured, and who the box says it is.

use std::fmt;
use std::path::{Path, PathBuf};

use mqtt::{Credentials, Endpoint, Security, UrlError};

use super::Surroundings;
use document::{Entry, Key, Place, Section};

const MQTT: &[Key] = &[
    Key::new("url", "\"mqtt://127.0.0.1:1883\""),
    Key::new("ca", "\"/etc/courtside/ca.pem\""),
    Key::new("cert", "\"/etc/courtside/box.pem\""),
    Key::new("key", "\"/etc/courtside/box.key\""),
    Key::new("claim", "\"/etc/courtside/claim.pem\""),
    Key::new("username", "\"court-1\""),
    Key::secret("password", "\"…\""),
];

/// In the data folder: key and certificate of a box that asked for them.
const IDENTITY: &str = "identity.pem";

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
    /// With what the box asks for a certificate of its own, if it does.
    pub claim: Option<Claim>,
}

/// A box that makes its own key and asks for its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Certificate and key of the claim, one PEM file; needed until the box has its own.
    pub file: PathBuf,
    /// Who may have signed the broker's certificate.
    pub ca: PathBuf,
    /// Where the box keeps its own.
    pub identity: PathBuf,
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
        let claim = claim(&section, surroundings);
        let credentials = credentials(&section);
        let (host, port, _) = address?;
        let (security, claim) = (security?, claim?);
        let claim = match (&security, claim) {
            (Security::Tls { ca, .. }, Some(file)) => {
                Some(Claim { file, ca: ca.clone(), identity: PathBuf::new() })
            }
            (Security::Plain | Security::Tls { .. }, _) => None,
        };
        Some(Self { host, port, security, credentials: credentials?, claim })
    }

    /// The same for a box with this data folder, where one with a claim keeps its certificate.
    pub(super) fn at(mut self, data_dir: &Path) -> Self {
        if let (Some(claim), Security::Tls { client, .. }) = (&mut self.claim, &mut self.security) {
            claim.identity = data_dir.join(IDENTITY);
            *client = Some((claim.identity.clone(), claim.identity.clone()));
        }
        self
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
    let [ca, cert, key, claim] = ["ca", "cert", "key", "claim"].map(|name| section.optional(name));
    if scheme == Some("mqtt") {
        for entry in [ca, cert, key, claim].into_iter().flatten() {
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

fn claim(section: &Section<'_>, surroundings: &Surroundings) -> Option<Option<PathBuf>> {
    let Some(claim) = section.optional("claim") else { return Some(None) };
    if let Some(entry) = section.optional("cert").or_else(|| section.optional("key")) {
        entry.refuse(
            "a box with a `claim` makes its own key and gets its own certificate",
            "remove `cert` and `key`, or remove `claim`",
        );
        return None;
    }
    // Not looked for: once the box has its certificate, the claim may be taken away.
    surroundings.path(&claim).map(Some)
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
