//! `courtside-fleet tail`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use fleet::clock::SystemClock;
use fleet::recording::Writer;
use fleet::tail::{Colours, Heard, Listener, Selection};
use hal::Clock;
use tokio::sync::mpsc;
use wire::ids::Name;

use super::{Broker, client_id, is_reader_gone, name};

/// Messages that wait to be printed; then the broker waits.
const HEARD_MAX: usize = 256;

#[derive(Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    broker: Broker,
    /// Boxes of this customer alone.
    #[arg(long, value_parser = name)]
    tenant: Option<Name>,
    /// Boxes of this name alone.
    #[arg(long, value_parser = name)]
    device: Option<Name>,
    /// Messages of this kind alone, such as made_shot, clip, notice, state, info, or a group of
    /// telemetry; may be given several times, or as a list with commas.
    #[arg(long, value_name = "KIND", value_parser = name, value_delimiter = ',')]
    kind: Vec<Name>,
    /// Telemetry as well.
    #[arg(long)]
    telemetry: bool,
    /// Print JSON, one object a line, instead of text for people.
    #[arg(long)]
    json: bool,
    /// Write what is heard, in both encodings, to a new file, for `replay`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Tail {
    /// Prints and records until the process is told to end.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let endpoint = self.broker.endpoint()?;
        let clock = Arc::new(SystemClock::start());
        let recording = self.record.as_ref().map(|file| {
            let opened =
                File::create_new(file).and_then(|out| Writer::begin(out, clock.wall_time()));
            opened.with_context(|| {
                format!(
                    "{}: cannot be recorded to; name a file that does not exist yet",
                    file.display()
                )
            })
        });
        let mut recording = recording.transpose()?;
        let began = clock.now();
        let selection = Selection {
            tenant: self.tenant,
            device: self.device,
            kinds: self.kind,
            telemetry: self.telemetry,
            postcard: recording.is_some(),
        };
        let (sender, mut heard) = mpsc::channel::<Heard>(HEARD_MAX);
        let is_terminal = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut listener = Listener::new(if is_terminal { Colours::Yes } else { Colours::No });
        let printing = async {
            while let Some(heard) = heard.recv().await {
                if let Some(recording) = &mut recording {
                    let written = recording.write(heard.at.since(began), &heard.message);
                    written.context("the recording cannot be written; make room")?;
                }
                let line = if self.json { listener.json(&heard) } else { listener.line(&heard) };
                let Some(line) = line else { continue };
                let mut out = io::stdout().lock();
                match writeln!(out, "{line}").and_then(|()| out.flush()) {
                    Err(error) if is_reader_gone(&error) => break,
                    written => written.context("the output cannot be written")?,
                }
            }
            Ok(())
        };
        let listening =
            fleet::tail::tail(&endpoint, client_id("tail"), &selection, (clock, sender));
        tokio::select! {
            printed = printing => printed,
            () = listening => Ok(()),
        }
    }
}
