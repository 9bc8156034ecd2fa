//! `[remote.players]`: a model on another machine that serves a lane, what its calls may take and
//! what they may cost.

use std::path::PathBuf;
use std::time::Duration;

use kserve::{Address, AddressError, Scheme};
use pipeline::remote::{Price, Terms};

use super::Surroundings;
use super::broker::Secret;
use document::{Entry, Key, Place, Section, wish};

/// The lanes that may be served elsewhere: those that no frame waits for.
const REMOTE: &[Key] = &[Key::new("players", "{ … }")];
const MODEL: &[Key] = &[
    Key::new("url", "\"http://10.0.0.5:8000\""),
    Key::new("model", "\"yolox-x\""),
    Key::new("version", "\"1\""),
    Key::new("deadline_ms", "300"),
    Key::new("cost_per_call", "0.0004"),
    Key::new("budget_per_game", "5.0"),
    Key::new("ca", "\"/etc/courtside/gpu-ca.pem\""),
    Key::secret("token", "\"…\""),
];
/// What fits into a part of a URL and into a log line.
const NAME_BYTES_MAX: usize = 128;

/// Which lanes another machine serves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remote {
    /// The players lane.
    pub players: Option<RemoteModel>,
}

/// A model on another machine.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteModel {
    /// The server.
    pub url: Address,
    /// The model's name there.
    pub model: String,
    /// Which version of it; `None` leaves it to the server.
    pub version: Option<String>,
    /// What calls may take and cost.
    pub terms: Terms,
    /// PEM file with the authorities that may have signed the server's certificate.
    pub ca: Option<PathBuf>,
    /// Shown to the server with each call.
    pub token: Option<Secret>,
}

impl Remote {
    /// Reads the section.
    pub(super) fn read(place: Place<'_>, surroundings: &Surroundings) -> Option<Self> {
        let section = place.with_keys(REMOTE);
        if section.optional("players").is_none() {
            return Some(Self::default());
        }
        let players = RemoteModel::read(section.table("players")?, surroundings);
        Some(Self { players: Some(players?) })
    }
}

impl RemoteModel {
    fn read(place: Place<'_>, surroundings: &Surroundings) -> Option<Self> {
        let section = place.with_keys(MODEL);
        let url = section.required("url").and_then(|entry| address(&entry));
        let model = section.required("model").and_then(|entry| name(&entry));
        let version = wish(section.optional("version"), name);
        let terms = terms(&section);
        let ca = ca(&section, url.as_ref().map(Address::scheme), surroundings);
        let token = wish(section.optional("token"), token);
        let (url, model, version) = (url?, model?, version?);
        Some(Self { url, model, version, terms: terms?, ca: ca?, token: token? })
    }
}

fn address(entry: &Entry<'_>) -> Option<Address> {
    match Address::parse(entry.text()?) {
        Ok(address) => return Some(address),
        Err(error @ AddressError::Userinfo) => {
            entry.clone().hidden().refuse(error, "write what the server asks for as `token`");
        }
        Err(error @ (AddressError::Scheme | AddressError::Host)) => {
            entry.refuse_with_example(error);
        }
    }
    None
}

/// The name of a model or of a version.
fn name(entry: &Entry<'_>) -> Option<String> {
    let text = entry.filled()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.len() > NAME_BYTES_MAX || text.starts_with('.') || !text.chars().all(allowed) {
        entry.refuse_with_example(
            "a model's name and its version are at most 128 ASCII letters, digits, `-`, `_` and \
             `.`, and do not start with a dot",
        );
        return None;
    }
    Some(text.to_owned())
}

fn token(entry: &Entry<'_>) -> Option<Secret> {
    let text = entry.filled()?;
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        entry.refuse_with_example("a token is printable ASCII without spaces");
        return None;
    }
    Some(Secret(text.to_owned()))
}

fn terms(section: &Section<'_>) -> Option<Terms> {
    let deadline = section.optional("deadline_ms").map_or(Some(300.0), |entry| {
        entry.within(
            20.0,
            1000.0,
            "an answer is waited for 20 to 1000 ms; people are looked for twice a second",
        )
    });
    let cost = section.optional("cost_per_call").map_or(Some(Price(0)), |entry| {
        price(&entry, 1e3, "a call costs 0, or 0.000001 to 1000 of your currency")
    });
    let budget = match (section.optional("budget_per_game"), cost) {
        (Some(entry), _) => {
            price(&entry, 1e6, "a game's budget is 0.000001 to 1000000 of your currency")
        }
        (None, Some(Price(0)) | None) => Some(Price(0)),
        (None, Some(_)) => section.required("budget_per_game").and(None),
    };
    let (deadline, cost, budget) = (deadline?, cost?, budget?);
    if let Some(entry) = section.optional("budget_per_game") {
        if section.optional("cost_per_call").is_none() {
            section.required("cost_per_call");
        } else if budget < cost {
            entry.refuse(
                format_args!("a call costs {cost}, so none could be made"),
                "write more, or remove `[remote.players]`",
            );
        }
    }
    Some(Terms { deadline: Duration::from_secs_f64(deadline / 1_000.0), cost, budget })
}

/// An amount of money; what is not 0 is at least a millionth.
fn price(entry: &Entry<'_>, most: f64, why: &str) -> Option<Price> {
    let number = entry.within(0.0, most, why)?;
    let millionths = (number * 1e6).round() as u64;
    if millionths == 0 && number > 0.0 {
        entry.refuse_with_example(why);
        return None;
    }
    Some(Price(millionths))
}

fn ca(
    section: &Section<'_>,
    scheme: Option<Scheme>,
    surroundings: &Surroundings,
) -> Option<Option<PathBuf>> {
    match (scheme, section.optional("ca")) {
        (Some(Scheme::Http), Some(entry)) => {
            entry.refuse(
                "`remote.players.url` says `http://`, a connection without TLS",
                "write `https://` in `url`, or remove this key",
            );
            None
        }
        (Some(Scheme::Https), None) => section.required("ca").and(None),
        (Some(Scheme::Https) | None, Some(entry)) => surroundings.file(&entry).map(Some),
        (Some(Scheme::Http) | None, None) => Some(None),
    }
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
