//! `courtside-fleet replay`.

use std::path::PathBuf;

use clap::Args;
use fleet::clock::SystemClock;
use fleet::recording::Recording;
use fleet::replay::{Options, Rounds, Speed, Wall};
use wire::topic::Device;

use super::{Broker, client_id, name};

#[derive(Args)]
pub(crate) struct Replay {
    /// A recording of `courtside-fleet tail --record FILE`.
    file: PathBuf,
    #[command(flatten)]
    broker: Broker,
    /// How much faster than it was recorded, such as 4 or 0.5.
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    speed: Speed,
    /// As this box, in topics and in messages; the recording must be of one box.
    #[arg(long = "as", value_name = "TENANT/DEVICE", value_parser = device)]
    device: Option<Device>,
    /// Move all wall times to now.
    #[arg(long)]
    now: bool,
    /// Again and again, each time as another start of the box.
    #[arg(long = "loop")]
    again: bool,
}

fn device(text: &str) -> Result<Device, String> {
    let (tenant, device) =
        text.split_once('/').ok_or("two names with a slash between them, such as demo/court-9")?;
    Ok(Device { tenant: name(tenant)?, device: name(device)? })
}

impl Replay {
    /// Tells the recording and says how much that was.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let endpoint = self.broker.endpoint()?;
        let recording = Recording::read(&self.file)?;
        let options = Options {
            speed: self.speed,
            device: self.device,
            wall: if self.now { Wall::Now } else { Wall::Recorded },
            rounds: if self.again { Rounds::ForEver } else { Rounds::One },
            client_id: client_id("replay"),
        };
        let clock = SystemClock::start();
        let told = fleet::replay::replay(&endpoint, &recording, &options, &clock).await?;
        println!("{told} messages told to {endpoint}");
        Ok(())
    }
}
