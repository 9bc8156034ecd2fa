//! Packs of a running box: opened when it starts, exchanged when somebody installs another one,
//! taken out of service when their lane fails.
//!
//! ```text
//!   shelf changed, or a lane retired ─► highest version that verifies and opens
//!       ─► lanes for every source ─► inference or hearing, which take them over between two frames
//!          or two blocks of sound
//! ```
//! Looks once a second, in a thread of its own: neither capture nor inference waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use models::{Engines, Pack, Trust};
use pipeline::renewal::{PackLinks, Retirement};
use tracing::{error, info, warn};

use super::shelf::{Shelf, Standing, Withdrawn};
use super::{NAMES, OPTIONAL, keys, name_of};
use crate::engine::{self, Packs};

/// Between two looks at the shelf.
const EVERY: Duration = Duration::from_secs(1);

/// The packs of a box, of which one of each kind is in use.
pub struct Stock {
    /// What there is.
    pub shelf: Shelf,
    /// Folders of the trusted keys.
    pub keys: Vec<std::path::PathBuf>,
    /// What runs the networks.
    pub engines: Engines,
}

impl Stock {
    /// Opens the best pack of each kind, and reports those that are damaged.
    ///
    /// # Errors
    /// There is no usable pack of a kind that the box cannot do without.
    pub fn open(&self) -> Result<Packs> {
        let packs = Packs::of(|name| {
            let (trust, mut standing) = self.standing(name);
            // A box with a withdrawn pack records, and may see something; one without a pack
            // would not start.
            standing.candidates.append(&mut standing.set_aside);
            best(name, standing, (&trust, &self.engines))
        })?;
        let (trust, standing) = self.standing("players");
        if standing.is_empty() {
            return Ok(packs);
        }
        let players = best("players", standing, (&trust, &self.engines));
        let players = players.inspect_err(|error| error!("{error:#}; its lane is off"));
        Ok(packs.with_players(players.ok()))
    }

    fn standing(&self, name: &str) -> (Trust, Standing) {
        let trust = keys::load(&self.keys);
        let standing = self.shelf.standing(name, &trust);
        (trust, standing)
    }
}

/// The first candidate that can be opened; reports the others.
fn best(name: &str, standing: Standing, (trust, engines): (&Trust, &Engines)) -> Result<Pack> {
    let mut refusals = standing.alerts;
    for candidate in &standing.candidates {
        match Pack::open(&candidate.folder, trust, engines) {
            Ok(pack) => {
                for refusal in refusals {
                    let version = candidate.version;
                    warn!("model pack `{name}` falls back to version {version}: {refusal}");
                }
                engine::tell_unfit(&pack);
                return Ok(pack);
            }
            Err(error) => refusals.push(error.to_string()),
        }
    }
    let reasons = if refusals.is_empty() { vec!["there is none".to_owned()] } else { refusals };
    bail!("model pack `{name}` not usable: {}", reasons.join("; "))
}

/// Exchanges packs while the box runs.
pub struct Exchange {
    stock: Stock,
    links: Arc<PackLinks>,
    stop: Arc<AtomicBool>,
    sources: usize,
    /// Name and version of what is in use.
    in_use: Vec<(String, u32)>,
    /// What failed in this run of the box, should the shelf be unable to remember it.
    failed: Vec<(String, u32)>,
}

impl Exchange {
    /// Looks after `packs`, which run on so many sources.
    pub fn new((stock, packs): (Stock, &Packs), links: &Arc<PackLinks>, sources: usize) -> Self {
        let version = |pack: &Pack| (pack.manifest().name.clone(), pack.manifest().version);
        Self {
            stock,
            links: Arc::clone(links),
            stop: Arc::default(),
            sources,
            in_use: packs.all().map(version).collect(),
            failed: Vec::new(),
        }
    }

    /// Set to end [`run`](Self::run).
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Looks after the packs until it is stopped; sleeps in between.
    pub async fn run(mut self) {
        let mut seen = self.stock.shelf.pulse();
        while !self.stop.load(Ordering::Relaxed) {
            // Not the clock's sleep: nobody joins this thread, and a timer of the runtime panics
            // when the runtime shuts down under it.
            std::thread::park_timeout(EVERY);
            while let Ok(retirement) = self.links.retirements.try_receive() {
                let name = name_of(retirement.lane);
                self.withdraw(name, &retirement);
                self.renew(name).await;
            }
            let pulse = self.stock.shelf.pulse();
            if pulse == seen {
                continue;
            }
            seen = pulse;
            for name in NAMES {
                self.renew(name).await;
            }
        }
    }

    fn withdraw(&mut self, name: &str, retirement: &Retirement) {
        let Some(at) = self.in_use.iter().position(|(used, _)| used == name) else { return };
        let (name, version) = self.in_use.remove(at);
        let reason = format!("it failed in service: {}", retirement.reason);
        error!("model pack {name} version {version} withdrawn: {reason}");
        let withdrawn = Withdrawn { version, reason };
        let remembered = self
            .stock
            .shelf
            .lock()
            .and_then(|lock| self.stock.shelf.withdraw(&lock, &name, withdrawn));
        if let Err(error) = remembered {
            warn!("the withdrawal holds until the next start only: {error:#}");
        }
        self.failed.push((name, version));
    }

    /// Puts the best version of a pack to use, if another one is.
    async fn renew(&mut self, name: &str) {
        let failed = |version: u32| self.failed.iter().any(|(n, v)| n == name && *v == version);
        let (trust, mut standing) = self.stock.standing(name);
        if OPTIONAL.contains(&name) && standing.is_empty() {
            return;
        }
        standing.candidates.retain(|candidate| !failed(candidate.version));
        let pack = match best(name, standing, (&trust, &self.stock.engines)) {
            Ok(pack) => pack,
            Err(error) => return error!("{error:#}; its lane goes on as it is"),
        };
        let version = pack.manifest().version;
        if self.in_use.iter().any(|(n, v)| n == name && *v == version) {
            return;
        }
        match engine::renewal(&pack, self.sources) {
            Ok(renewal) => self.links.renew(renewal).await,
            Err(error) => return error!("model pack {name} version {version} not used: {error:#}"),
        }
        self.in_use.retain(|(used, _)| used != name);
        self.in_use.push((name.to_owned(), version));
        info!("model pack in service: {}", engine::describe(&pack));
    }
}
