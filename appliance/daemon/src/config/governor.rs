//! `[governor]`: whether the box adapts itself to heat, supply and play, and what its supply stands.

use document::{Entry, Key, Place};
use wire::units::Milliwatts;

use super::TierChoice;

const GOVERNOR: &[Key] = &[Key::new("mode", "\"adaptive\""), Key::new("power_max_w", "25")];

/// How the box is governed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Governor {
    /// Who chooses the operating point.
    pub mode: GovernorMode,
    /// What the supply, the switch or the battery may be asked for all the time; `None`: no limit
    /// is known.
    pub power_max: Option<Milliwatts>,
}

/// Who chooses the operating point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GovernorMode {
    /// The governor.
    #[default]
    Adaptive,
    /// The configuration, by its tier, as long as the box can stand it; misses are written down.
    Deterministic,
}

impl GovernorMode {
    const NAMES: [(&'static str, Self); 2] =
        [("adaptive", Self::Adaptive), ("deterministic", Self::Deterministic)];

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Deterministic => "deterministic",
        }
    }
}

impl Governor {
    /// Reads the section; `tier` is what `[models]` says.
    pub(super) fn read(place: Place<'_>, tier: Option<TierChoice>) -> Option<Self> {
        let section = place.with_keys(GOVERNOR);
        let mode = section.optional("mode");
        let mode = mode.map_or(Some(GovernorMode::Adaptive), |entry| mode_of(&entry, tier));
        let power_max = section.optional("power_max_w").map_or(Some(None), |entry| {
            let why = "a supply gives 1 to 1000 W";
            let watts = entry.within(1.0, 1_000.0, why)?;
            Some(Some(Milliwatts((1_000.0 * watts).round() as u32)))
        });
        Some(Self { mode: mode?, power_max: power_max? })
    }
}

fn mode_of(entry: &Entry<'_>, tier: Option<TierChoice>) -> Option<GovernorMode> {
    let mode = entry.one_of(&GovernorMode::NAMES)?;
    match (mode, tier) {
        (GovernorMode::Deterministic, Some(TierChoice::Auto)) => {
            entry.refuse(
                "a deterministic box runs one tier all the time, and `models.tier` leaves it to \
                 the governor",
                "write `tier = \"nano\"`, `\"small\"` or `\"full\"` into `[models]`, or \
                 `mode = \"adaptive\"` here",
            );
            None
        }
        (GovernorMode::Deterministic, _) | (GovernorMode::Adaptive, _) => Some(mode),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{GOOD, complaints, understood};

    use super::*;

    #[test]
    fn box_adapts_itself_and_knows_no_limit_unless_the_configuration_says_so() {
        assert_eq!(understood(GOOD).governor, Governor::default());
        let text = format!(
            "{GOOD}[models]\ntier = \"full\"\n[governor]\nmode = \"deterministic\"\n\
             power_max_w = 25.5\n"
        );
        let config = understood(&text);
        let expected =
            Governor { mode: GovernorMode::Deterministic, power_max: Some(Milliwatts(25_500)) };
        assert_eq!(config.governor, expected);
        let shown = config.to_string();
        assert!(shown.contains("governor deterministic, at most 25.5 W"), "{shown}");
        let shown = understood(GOOD).to_string();
        assert!(shown.contains("governor adaptive, no limit of power"), "{shown}");
    }

    #[test]
    fn what_cannot_be_used_is_told_with_the_reason_and_what_to_do() {
        for (section, says) in [
            ("mode = \"deterministic\"", "write `tier = \"nano\"`, `\"small\"` or `\"full\"`"),
            ("mode = \"fast\"", "write one of `adaptive` and `deterministic`"),
            ("power_max_w = 0", "a supply gives 1 to 1000 W"),
            ("power_max_w = \"25\"", "a number belongs here"),
            ("power = 25", "known here are `mode` and `power_max_w`"),
        ] {
            let told = complaints(&format!("{GOOD}[governor]\n{section}\n"));
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains(says), "{told:?}");
        }
    }
}
