//! The page for a terminal: aligned, one line for each check and one for what to do.

use std::fmt::Write as _;

use super::report::{Check, Report, Verdict};
use super::sign::Seal;

/// Longest name of a check that the others are aligned with, in characters.
const NAME_MAX: usize = 28;
/// As wide as the longest verdict.
const VERDICT: usize = 11;

/// Whether the terminal shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Letters alone, also for files and pipes.
    Plain,
    /// With ANSI's colours.
    Colours,
}

/// The page as text.
pub fn page(report: &Report, seal: &Seal, paint: Paint) -> String {
    let mut text = String::new();
    // Writing into a text cannot fail.
    let _ = write_page(&mut text, (report, seal), paint);
    text
}

fn write_page(
    text: &mut String,
    (report, seal): (&Report, &Seal),
    paint: Paint,
) -> std::fmt::Result {
    let Report { tenant, device, firmware, at, .. } = report;
    writeln!(text, "box {tenant}/{device}, {at}, firmware {firmware}")?;
    let checks = report.sections.iter().flat_map(|section| &section.checks);
    let width = checks.map(|check| check.name.chars().count()).max().unwrap_or(0).min(NAME_MAX);
    for section in &report.sections {
        writeln!(text, "\n{}", section.name)?;
        for check in &section.checks {
            write_check(text, check, (width, paint))?;
        }
    }
    writeln!(text, "\n{}", seal.sentence())?;
    write!(text, "{}", report.conclusion())
}

fn write_check(
    text: &mut String,
    check: &Check,
    (width, paint): (usize, Paint),
) -> std::fmt::Result {
    let Check { name, verdict, found, advice, .. } = check;
    let word = painted(*verdict, paint);
    writeln!(text, "  {word} {name:<width$}  {found}")?;
    if let Some(advice) = advice {
        let margin = 2 + VERDICT + 1 + width;
        writeln!(text, "{:margin$}→ {advice}", "")?;
    }
    Ok(())
}

/// The verdict in a column of its own.
fn painted(verdict: Verdict, paint: Paint) -> String {
    let word = format!("{:<VERDICT$}", verdict.as_str());
    let colour = match verdict {
        Verdict::Good => 32,
        Verdict::NotChecked => 36,
        Verdict::Warning => 33,
        Verdict::Bad => 31,
    };
    match paint {
        Paint::Plain => word,
        Paint::Colours => format!("\x1b[{colour}m{word}\x1b[0m"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn page_is_aligned_and_ends_with_what_follows() {
        let report = report(&[Verdict::Good, Verdict::NotChecked]);
        let seal = Seal::Unsigned { reason: "it has no key".to_owned() };
        let page = page(&report, &seal, Paint::Plain);
        let lines: Vec<&str> = page.lines().collect();
        let version = env!("CARGO_PKG_VERSION");
        let head = format!("box demo/court-1, 2026-11-30 00:53:20 UTC, firmware {version}");
        assert_eq!(
            lines,
            [
                head.as_str(),
                "",
                "board",
                "  good        the good one         12.5 °C <warm>",
                "  not checked the not checked one  12.5 °C <warm>",
                "                                 → cool it & \"wait\"",
                "",
                "unsigned: it has no key",
                "accepted: 1 not checked, 1 good",
            ]
        );
    }

    #[test]
    fn only_a_terminal_gets_colours() {
        let seal = Seal::Unsigned { reason: "it has no key".to_owned() };
        let report = report(&[Verdict::Bad]);
        assert!(page(&report, &seal, Paint::Colours).contains("\x1b[31mbad        \x1b[0m"));
        assert!(!page(&report, &seal, Paint::Plain).contains('\x1b'));
    }
}
