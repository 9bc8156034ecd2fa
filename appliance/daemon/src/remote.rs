//! The players lane, where another machine serves it: one account, and for each source a line with
//! a thread that carries its questions over HTTP.
//!
//! Owns those threads and what the log says when the server is used, given up, or too dear. When
//! it is asked is `pipeline::remote`'s, how is `kserve`'s.

use anyhow::{Context, Result};
use kserve::{Endpoint, Server};
use pipeline::remote::{Account, Line, News, Shared, carry};
use tracing::{info, warn};
use wire::ids::BootId;

use crate::config::RemoteModel;
use crate::stages::spawn;

/// A model elsewhere, and what it has cost.
pub struct Elsewhere {
    endpoint: Endpoint,
    account: Shared,
}

impl Elsewhere {
    /// Connects to nothing. The boot tells this box's second tries from those of others.
    pub fn new(model: &RemoteModel, boot: BootId) -> Self {
        let endpoint = Endpoint {
            address: model.url.clone(),
            model: model.model.clone(),
            version: model.version.clone(),
            deadline: model.terms.deadline,
            ca: model.ca.clone(),
            token: model.token.as_ref().map(|token| token.expose().to_owned()),
        };
        let account = Shared::new(Account::new(model.terms, u64::from(boot.0)));
        Self { endpoint, account }
    }

    /// A source's line. Its thread is never joined: it ends when the line is dropped, or a deadline
    /// later.
    ///
    /// # Errors
    /// The authorities' file cannot be used, or the system gives no more threads.
    pub fn line(&self, source: &str) -> Result<Line> {
        let server = Server::new(self.endpoint.clone())
            .context("`remote.players.ca`: the connection to the server cannot be made secure")?;
        let told = format!("{} at {}", self.endpoint.model, self.endpoint.address.as_str());
        let tell = move |news: &News| match news {
            News::Served => info!("players, model {told}: {news}"),
            News::GivenUp { .. } | News::Spent { .. } => warn!("players, model {told}: {news}"),
        };
        let (line, carrier) = Line::new(&self.account, Box::new(tell));
        spawn(&format!("remote-{source}"), move || carry(carrier, server))?;
        Ok(line)
    }

    /// What became of the looks, and what they cost.
    pub fn account(self) -> Shared {
        self.account
    }
}
