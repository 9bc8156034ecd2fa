//! The subcommands' arguments, and what they print. The library does the work.

pub(crate) mod ask;
pub(crate) mod authority;
pub(crate) mod dead_letters;
pub(crate) mod replay;
pub(crate) mod tail;

use std::path::PathBuf;

use clap::Args;
use fleet::broker::{self, BrokerError};
use mqtt::Endpoint;
use wire::ids::Name;
use wire::topic::Device;

/// A name, for clap.
fn name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|error: wire::ids::NameError| error.to_string())
}

/// A box, for clap.
fn device(text: &str) -> Result<Device, String> {
    let (tenant, device) =
        text.split_once('/').ok_or("write TENANT/DEVICE, such as demo/court-1")?;
    Ok(Device { tenant: name(tenant)?, device: name(device)? })
}

/// A client id that no other process of this machine has: a second one would take the first one's
/// place at the broker.
fn client_id(command: &str) -> String {
    format!("courtside-{command}-{}-{:08x}", std::process::id(), uuid::Uuid::new_v4().as_fields().0)
}

/// A recording, or a list of it, ends where the reader of our output went away.
fn is_reader_gone(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

/// Which broker.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Broker {
    /// The broker, TLS and password from a configuration as for `receive`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The broker, `mqtt://HOST[:PORT]`, without TLS and password.
    #[arg(long, visible_alias = "to", value_name = "URL")]
    url: Option<String>,
}

impl Broker {
    fn endpoint(&self) -> Result<Endpoint, BrokerError> {
        match (&self.config, &self.url) {
            (Some(file), _) => broker::of_config(file),
            (None, url) => broker::at(url.as_deref().unwrap_or_default()),
        }
    }
}
