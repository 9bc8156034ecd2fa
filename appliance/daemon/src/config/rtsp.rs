//! What belongs to a source of kind `rtsp`: which camera, and how its stream is carried.

use std::time::Duration;

use url::Url;

use super::broker::Secret;
use super::input::{KIND, idle_timeout};
use super::source::{BOARD, HOOPS, NAME, SPORT};
use document::{Entry, Key, Section};

pub(super) const USERNAME: Key = Key::new("username", "\"courtside\"");
pub(super) const PASSWORD: Key = Key::secret("password", "\"…\"");
pub(super) const TRANSPORT: Key = Key::new("transport", "\"tcp\"");

pub(super) const RTSP: &[Key] = &[
    NAME,
    KIND,
    Key::secret("url", "\"rtsp://10.0.0.20:554/stream1\""),
    USERNAME,
    PASSWORD,
    TRANSPORT,
    Key::new("idle_timeout_s", "10"),
    SPORT,
    HOOPS,
    BOARD,
];

/// A camera whose stream is pulled over RTSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// Address of the stream; may hold a secret.
    pub url: Secret,
    /// Who the box says it is, if the camera asks.
    pub login: Option<Login>,
    /// How the stream is carried.
    pub transport: Transport,
    /// A camera that sends nothing for this long is called anew.
    pub idle_timeout: Duration,
}

/// Who the box says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// User name at the camera.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

/// How a stream is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In the connection that asked for it: nothing is lost while it holds.
    Tcp,
    /// In datagrams: what is lost stays lost, and nothing waits for it.
    Udp,
}

/// Reads a source of this kind.
pub(super) fn camera(section: &Section<'_>) -> Option<Camera> {
    let url = section.required("url").and_then(|entry| address(&entry));
    let login = match (section.optional("username"), section.optional("password")) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => {
            let username = username.filled().map(str::to_owned);
            let password = password.filled().map(|text| Secret(text.to_owned()));
            username.zip(password).map(|(username, password)| Some(Login { username, password }))
        }
        (Some(entry), None) | (None, Some(entry)) => {
            // Whoever writes one of them may have written both into it.
            let entry = entry.hidden();
            entry.refuse("`username` and `password` belong together", "write both, or none");
            None
        }
    };
    let transports = [("tcp", Transport::Tcp), ("udp", Transport::Udp)];
    let transport = section
        .optional("transport")
        .map_or(Some(Transport::Tcp), |entry| entry.one_of(&transports));
    let idle_timeout = idle_timeout(section);
    let (url, login, transport) = (url?, login?, transport?);
    Some(Camera { url, login, transport, idle_timeout: idle_timeout? })
}

fn address(entry: &Entry<'_>) -> Option<Secret> {
    let text = entry.filled()?;
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => entry.refuse(
            "user name and password do not belong in the address, where logs of cameras would \
             show them",
            "write them as `username` and `password`",
        ),
        Ok(url) if url.scheme() == "rtsps" => entry.refuse(
            "RTSP over TLS is not taken yet",
            "write `rtsp://`, and keep the camera in a network of its own",
        ),
        Ok(url)
            if url.scheme() == "rtsp" && url.host_str().is_some_and(|host| !host.is_empty()) =>
        {
            return Some(Secret(text.to_owned()));
        }
        Ok(_) | Err(_) => entry.refuse_with_example(
            "a camera's address is `rtsp://`, a host, if need be `:` and a port, and what its \
             manual says of the path",
        ),
    }
    None
}
