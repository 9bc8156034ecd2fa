//! `courtside-fleet ask`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use fleet::ask::{Request, ask, payload};
use fleet::clock::SystemClock;
use hal::Clock;
use wire::command::{Command, CommandOutcome, DuringPlay, LIFETIME_S_MAX, Verb};
use wire::envelope::VERSION;
use wire::ids::Name;
use wire::time::WallTime;
use wire::topic::Device;

use super::{Broker, client_id, device};

#[derive(Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    broker: Broker,
    /// Which box.
    #[arg(value_name = "TENANT/DEVICE", value_parser = device)]
    device: Device,
    /// For what: birth, sprint, watch, hold_clips, send_clips or restart.
    #[arg(value_parser = verb)]
    verb: Verb,
    /// For how long, in seconds: of watch, hold_clips and send_clips.
    #[arg(long = "for", value_name = "SECONDS")]
    for_s: Option<u32>,
    /// Of restart: also while a game may be on.
    #[arg(long)]
    during_play: bool,
    /// Who asks, for the box's audit; this user if nobody is named.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// A secret key of `minisign -G`, which signs the command. Its password, if it has one, is
    /// taken from COURTSIDE_KEY_PASSWORD.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How long to ask, in seconds; afterwards the box does not begin it any more.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(i64).range(1..=LIFETIME_S_MAX))]
    within: i64,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

fn verb(text: &str) -> Result<Verb, String> {
    let known = || format!("write one of {}", Verb::ALL.map(Verb::as_str).join(", "));
    Verb::of(text).ok_or_else(known)
}

impl Ask {
    /// Asks, and prints what became of it.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let endpoint = self.broker.endpoint()?;
        let clock = SystemClock::start();
        let user = || std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
        let by = self.by.unwrap_or_else(user);
        let id: Name = uuid::Uuid::new_v4().simple().to_string().parse().context("an id")?;
        let command = Command {
            v: VERSION,
            id,
            by: by[..by.floor_char_boundary(64)].try_into().unwrap_or_default(),
            expires_us: WallTime(clock.wall_time().0 + self.within * 1_000_000),
            for_s: self.for_s,
            during_play: self.during_play.then_some(DuringPlay::Allow),
        };
        let request = Request { device: self.device, verb: self.verb, command };
        let password = std::env::var("COURTSIDE_KEY_PASSWORD").ok();
        let payload = payload(&request, self.key.as_deref().map(|key| (key, password)))?;
        let told = ask((&endpoint, client_id("ask")), &request, payload, &clock).await?;
        let line =
            if self.json { serde_json::to_string(&told)? } else { told.text.as_str().to_owned() };
        match told.outcome {
            CommandOutcome::Done => {
                writeln!(io::stdout().lock(), "{line}")?;
                Ok(())
            }
            CommandOutcome::Refused => bail!("refused: {line}"),
            CommandOutcome::Interrupted => bail!("interrupted: {line}"),
        }
    }
}
