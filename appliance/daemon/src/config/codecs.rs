//! `[codecs]`: who decodes the sources' video.

use crate::drivers::Choice;
use document::{Key, Place};

const CODECS: &[Key] = &[Key::new("decoder", "\"auto\"")];

/// Who decodes and encodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codecs {
    /// Who decodes the sources' video.
    pub decoder: Choice,
}

impl Codecs {
    pub(super) fn read(place: Place<'_>) -> Option<Self> {
        let section = place.with_keys(CODECS);
        let decoder = section
            .optional("decoder")
            .map_or(Some(Choice::Auto), |entry| entry.one_of(&Choice::NAMES));
        Some(Self { decoder: decoder? })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{GOOD, complaints, understood};
    use crate::drivers::Driver;

    use super::*;

    #[test]
    fn decoder_is_found_by_the_box_unless_the_configuration_names_one() {
        assert_eq!(understood(GOOD).codecs.decoder, Choice::Auto);
        for (name, choice) in [
            ("auto", Choice::Auto),
            ("nvcodec", Choice::Only(Driver::Nvcodec)),
            ("libav", Choice::Only(Driver::Libav)),
        ] {
            let config = understood(&format!("{GOOD}[codecs]\ndecoder = \"{name}\"\n"));
            assert_eq!(config.codecs.decoder, choice);
            assert!(config.to_string().contains(&format!("codecs   decoder {name}")), "{config}");
        }
        let told = complaints(&format!("{GOOD}[codecs]\ndecoder = \"quicksync\"\n"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("write one of `auto`, `nvcodec` and `libav`"), "{told:?}");
    }
}
