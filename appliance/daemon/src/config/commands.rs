//! `[commands]`: whether the box does what it is asked over MQTT, and whose word counts.

use std::path::PathBuf;

use document::{Key, Place};

use super::Surroundings;

const COMMANDS: &[Key] =
    &[Key::new("accept", "\"signed\""), Key::new("keys", "\"/etc/courtside/command-keys\"")];

/// Where the public keys lie if nobody says so.
const DEFAULT_KEYS: &str = "/etc/courtside/command-keys";

/// Whether the box does what it is asked over MQTT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Whose word counts.
    pub accept: Accept,
    /// Folder with the public keys (`*.pub`, as `minisign -G` writes them).
    pub keys: PathBuf,
}

/// Whose commands the box obeys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// Nobody's; it does not even listen.
    #[default]
    None,
    /// Those that a known key signed.
    Signed,
    /// Those of everybody whom the broker lets publish on `…/cmd/#`.
    All,
}

impl Commands {
    /// Reads the section.
    pub(super) fn read(place: Place<'_>, surroundings: &Surroundings) -> Option<Self> {
        let section = place.with_keys(COMMANDS);
        let choices = [("none", Accept::None), ("signed", Accept::Signed), ("all", Accept::All)];
        let accept = section.optional("accept");
        let accept = accept.map_or(Some(Accept::None), |entry| entry.one_of(&choices));
        let keys = section
            .optional("keys")
            .map_or_else(|| Some(PathBuf::from(DEFAULT_KEYS)), |entry| surroundings.folder(&entry));
        Some(Self { accept: accept?, keys: keys? })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{GOOD, complaints, understood};

    use super::*;

    #[test]
    fn box_obeys_nobody_unless_somebody_says_whom() {
        assert_eq!(understood(GOOD).commands.accept, Accept::None);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = folder.path().display();
        let signed = format!("{GOOD}\n[commands]\naccept = \"signed\"\nkeys = \"{keys}\"\n");
        let commands = understood(&signed).commands;
        assert_eq!(commands, Commands { accept: Accept::Signed, keys: folder.path().to_owned() });
        let shown = understood(&signed).to_string();
        assert!(shown.contains(&format!("commands that a key in {keys} signed")), "{shown}");
    }

    #[test]
    fn other_words_and_folders_that_are_not_there_are_refused() {
        for (wrong, says) in [
            ("accept = \"yes\"", "`none`, `signed` and `all`"),
            ("keys = \"/nowhere/at/all\"", "there is no folder /nowhere/at/all"),
            ("shell = true", "shell"),
        ] {
            let told = complaints(&format!("{GOOD}\n[commands]\n{wrong}\n"));
            assert!(told.len() == 1 && told[0].contains(says), "{wrong}: {told:?}");
        }
    }
}
