//! `courtside-fleet authority`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use fleet::authority::{self, Ledger};
use fleet::clock::SystemClock;
use hal::Clock;
use tokio::sync::mpsc;
use wire::ids::Name;
use wire::topic::Device;

use super::{Broker, client_id, device, name};

/// Lines that wait to be printed.
const TOLD_MAX: usize = 64;

#[derive(Args)]
pub(crate) struct Authority {
    /// Folder of the authority: its key, its certificate, the list of what it issued.
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Makes a new authority. Whoever has `ca.key` can be every box: keep it as you keep money.
    Init {
        /// Its name, for people.
        #[arg(long, default_value = "Courtside boxes")]
        name: String,
    },
    /// Makes a claim: the file with which boxes of a tenant are set up.
    Claim {
        /// Whose boxes.
        #[arg(long, value_parser = name)]
        tenant: Name,
        /// For so many days.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// The file to write: certificate and key, PEM.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Makes certificate and key of a broker that boxes of this authority trust.
    Broker {
        /// Its name or address; may be given several times.
        #[arg(long, required = true)]
        host: Vec<String>,
        /// For so many days.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// The file to write: certificate and key, PEM.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Makes certificate and key of a program that is no box: the receiver, this authority when it
    /// answers, an operator's tool.
    Client {
        /// Its name: the broker's user.
        #[arg(long, value_parser = name)]
        name: Name,
        /// For so many days.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// The file to write: certificate and key, PEM.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Answers boxes until it is stopped.
    Run {
        #[command(flatten)]
        broker: Broker,
        /// Certificates count for so many days; a box asks for the next one when a third is left.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
    /// Tells what was issued, a JSON object a line.
    List,
    /// Lets a claim enrol a box once more that was reset or replaced.
    Allow {
        /// Which box.
        #[arg(value_name = "TENANT/DEVICE", value_parser = device)]
        device: Device,
    },
}

impl Authority {
    /// Does the job.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let clock = SystemClock::start();
        let (dir, now) = (&self.dir, clock.wall_time());
        let write = |out: &PathBuf, text: &str| {
            authority::write_secret(out, text)
                .with_context(|| format!("{} not written; name a new file", out.display()))
        };
        match self.job {
            Job::Init { name } => {
                authority::init(dir, &name, now)?;
                let ca = dir.join("ca.pem");
                writeln!(io::stdout().lock(), "made; boxes and brokers trust {}", ca.display())?;
            }
            Job::Claim { tenant, days, out } => {
                write(&out, &authority::open(dir)?.claim(&tenant, days, now))?;
            }
            Job::Broker { host, days, out } => {
                write(&out, &authority::open(dir)?.broker(&host, days, now)?)?;
            }
            Job::Client { name, days, out } => {
                write(&out, &authority::open(dir)?.client(&name, days, now))?;
            }
            Job::Run { broker, days } => {
                let endpoint = broker.endpoint()?;
                let (authority, ledger) = (authority::open(dir)?, Ledger::open(dir)?);
                let (sender, mut told) = mpsc::channel(TOLD_MAX);
                let clock = Arc::new(clock);
                let who = (&endpoint, client_id("authority"));
                let serving = authority::serve(who, (authority, ledger, days), &*clock, sender);
                let printing = async {
                    while let Some(line) = told.recv().await {
                        writeln!(io::stdout().lock(), "{line}")?;
                    }
                    anyhow::Ok(())
                };
                tokio::select! {
                    served = serving => served?,
                    printed = printing => printed?,
                }
            }
            Job::List => {
                for issued in Ledger::open(dir)?.all()? {
                    let line = serde_json::json!({
                        "tenant": issued.device.tenant.as_str(),
                        "device": issued.device.device.as_str(),
                        "voucher": issued.voucher,
                        "issued_us": issued.at.0,
                        "ends_us": issued.ends.0,
                    });
                    writeln!(io::stdout().lock(), "{line}")?;
                }
            }
            Job::Allow { device } => Ledger::open(dir)?.allow(&device)?,
        }
        Ok(())
    }
}
