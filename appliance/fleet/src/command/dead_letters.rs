//! `courtside-fleet dead-letters`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use fleet::broker::BrokerError;
use fleet::config::Config;
use fleet::dead_letters::{self, DeadLetter};

use super::is_reader_gone;

/// Which store, and how it is printed.
#[derive(Args)]
pub(crate) struct DeadLetters {
    /// The configuration of `receive`.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON, one object a letter with its bytes in base64, instead of text for people.
    #[arg(long)]
    json: bool,
}

impl DeadLetters {
    /// Prints every letter; what is not kept any more is said on standard error.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config).map_err(BrokerError::from)?;
        let found = dead_letters::list(&config).await?;
        let text = |letter: &DeadLetter| letter.to_string();
        let print = if self.json { DeadLetter::to_json } else { text };
        let mut out = io::stdout().lock();
        for letter in &found.letters {
            match writeln!(out, "{}", print(letter)) {
                Err(error) if is_reader_gone(&error) => return Ok(()),
                written => written.context("cannot print")?,
            }
        }
        if found.dropped > 0 {
            eprintln!("{} more had to go for newer ones", found.dropped);
        }
        Ok(())
    }
}
