//! What `courtside doctor` found: checks with verdicts, in sections, and what follows of them all.
//!
//! Owns the shape of the report and of its JSON (`docs/install.md`). Measures nothing and renders
//! nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use wire::time::WallTime;

/// Version of the report's JSON. Keys are only ever added.
const VERSION: u32 = 1;

/// What is to be thought of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It could not be looked at, or nobody asked for it.
    NotChecked,
    /// It works; a person should look at it.
    Warning,
    /// The installation cannot be accepted with it.
    Bad,
}

impl Verdict {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NotChecked => "not checked",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// What was found, with units.
    pub found: String,
    /// What to do; none where it is good.
    pub advice: Option<String>,
    /// The figures in it for programs, by names that end in their units.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<&'static str, f64>,
}

impl Check {
    /// As it should be.
    pub fn good(name: impl Into<String>, found: impl Into<String>) -> Self {
        let (name, found) = (name.into(), found.into());
        Self { name, verdict: Verdict::Good, found, advice: None, figures: BTreeMap::new() }
    }

    /// Not as it should be, or not looked at; with what to do.
    pub fn with_advice(self, verdict: Verdict, advice: impl Into<String>) -> Self {
        match verdict {
            Verdict::Good => self,
            Verdict::NotChecked | Verdict::Warning | Verdict::Bad => {
                Self { verdict, advice: Some(advice.into()), ..self }
            }
        }
    }

    /// The same, and something more that a person should look at; what is worse stays as it is.
    #[must_use]
    pub fn at_least_warning(self, advice: impl Into<String>) -> Self {
        match self.verdict {
            Verdict::Good | Verdict::NotChecked => self.with_advice(Verdict::Warning, advice),
            Verdict::Warning | Verdict::Bad => self,
        }
    }

    /// It works; a person should look at it.
    pub fn warning(
        name: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::good(name, found).with_advice(Verdict::Warning, advice)
    }

    /// The installation cannot be accepted with it.
    pub fn bad(
        name: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::good(name, found).with_advice(Verdict::Bad, advice)
    }

    /// It could not be looked at.
    pub fn not_checked(
        name: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::good(name, found).with_advice(Verdict::NotChecked, advice)
    }

    /// With a figure for programs. One that is no number is left out: JSON has none.
    #[must_use]
    pub fn figure(mut self, name: &'static str, value: f64) -> Self {
        if value.is_finite() {
            self.figures.insert(name, value);
        }
        self
    }
}

/// Checks that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// Of what.
    pub name: &'static str,
    /// In the order in which people read them.
    pub checks: Vec<Check>,
}

/// What follows of all checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is in the way.
    Accepted,
    /// A person should look at something, and may accept it.
    AcceptedWithWarnings,
    /// Something must be mended first.
    NotAccepted,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::AcceptedWithWarnings => "accepted with warnings",
            Self::NotAccepted => "not accepted",
        })
    }
}

/// The page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Version of its shape.
    pub v: u32,
    /// The box's tenant.
    pub tenant: String,
    /// The box.
    pub device: String,
    /// Version of the program.
    pub firmware: String,
    /// When the checks began, in µs since 1970.
    pub at_us: i64,
    /// The same for people.
    pub at: String,
    /// What follows of all checks.
    pub outcome: Outcome,
    /// What was looked at.
    pub sections: Vec<Section>,
}

impl Report {
    /// The report about a box.
    pub fn new((tenant, device): (&str, &str), at: WallTime, sections: Vec<Section>) -> Self {
        let checks = || sections.iter().flat_map(|section| &section.checks);
        let outcome = match checks().map(|check| check.verdict).max() {
            Some(Verdict::Bad) => Outcome::NotAccepted,
            Some(Verdict::Warning) => Outcome::AcceptedWithWarnings,
            Some(Verdict::Good | Verdict::NotChecked) | None => Outcome::Accepted,
        };
        Self {
            v: VERSION,
            tenant: tenant.to_owned(),
            device: device.to_owned(),
            firmware: env!("CARGO_PKG_VERSION").to_owned(),
            at_us: at.0,
            at: utc(at),
            outcome,
            sections,
        }
    }

    /// How many checks ended like this.
    pub fn count(&self, verdict: Verdict) -> usize {
        let checks = self.sections.iter().flat_map(|section| &section.checks);
        checks.filter(|check| check.verdict == verdict).count()
    }

    /// The line at the end: what follows, and of what.
    pub fn conclusion(&self) -> String {
        let told = [Verdict::Bad, Verdict::Warning, Verdict::NotChecked, Verdict::Good];
        let some = told.map(|verdict| (self.count(verdict), verdict.as_str()));
        let some = some.iter().filter(|(count, _)| *count > 0);
        let several = |count: usize, word: &str| count > 1 && word == Verdict::Warning.as_str();
        let told = |(count, word): &(usize, &str)| {
            let plural = if several(*count, word) { "s" } else { "" };
            format!("{count} {word}{plural}")
        };
        let some: Vec<String> = some.map(told).collect();
        format!("{}: {}", self.outcome, some.join(", "))
    }
}

/// To the second, as people write it.
fn utc(at: WallTime) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(
        |_| "at no time that can be written".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A report with one check of each verdict that is named.
    pub(in crate::doctor) fn report(verdicts: &[Verdict]) -> Report {
        let check = |verdict: &Verdict| {
            Check::good(format!("the {} one", verdict.as_str()), "12.5 °C <warm>")
                .with_advice(*verdict, "cool it & \"wait\"")
                .figure("celsius", 12.5)
        };
        let checks = verdicts.iter().map(check).collect();
        let at = WallTime(1_796_000_000_000_000);
        Report::new(("demo", "court-1"), at, vec![Section { name: "board", checks }])
    }

    #[test]
    fn worst_check_decides_and_what_was_not_checked_hinders_nobody() {
        use Verdict::{Bad, Good, NotChecked, Warning};
        for (verdicts, outcome) in [
            (&[][..], Outcome::Accepted),
            (&[Good, Good], Outcome::Accepted),
            (&[NotChecked, Good], Outcome::Accepted),
            (&[Good, Warning, NotChecked], Outcome::AcceptedWithWarnings),
            (&[Warning, Bad, Good], Outcome::NotAccepted),
        ] {
            assert_eq!(report(verdicts).outcome, outcome, "{verdicts:?}");
        }
        let all = report(&[Good, Good, Warning, NotChecked]);
        assert_eq!(all.conclusion(), "accepted with warnings: 1 warning, 1 not checked, 2 good");
    }

    #[test]
    fn json_has_the_names_that_programs_read() {
        let report = report(&[Verdict::NotChecked]);
        let json = serde_json::to_value(&report).expect("JSON");
        assert_eq!(json["outcome"], "accepted");
        assert_eq!(json["at"], "2026-11-30 00:53:20 UTC");
        let check = &json["sections"][0]["checks"][0];
        assert_eq!(check["verdict"], "not_checked");
        assert_eq!(check["figures"]["celsius"], 12.5);
        let plain = serde_json::to_value(Check::good("a", "b")).expect("JSON");
        assert!(plain["advice"].is_null() && plain.get("figures").is_none(), "{plain}");
    }

    #[test]
    fn figure_that_is_no_number_is_left_out() {
        assert!(Check::good("a", "b").figure("x", f64::NAN).figures.is_empty());
    }
}
