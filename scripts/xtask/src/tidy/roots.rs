//! Attributes that a crate's root file must carry.

use super::workspace::Member;
use super::{Finding, layers};

const FORBID_UNSAFE: &str = "#![forbid(unsafe_code)]";
const NO_STD: &str = "#![no_std]";

/// Checks one root file of a crate.
pub(super) fn check(member: &Member, root: &str, text: &str) -> Vec<Finding> {
    let carries = |attribute| text.lines().any(|line| line.trim() == attribute);
    let mut findings = Vec::new();
    if !root.starts_with("hw/") && !carries(FORBID_UNSAFE) {
        let message = format!("add `{FORBID_UNSAFE}`: only the drivers below hw/ may be unsafe");
        findings.push(Finding::error(root, message));
    }
    if layers::is_pure(&member.name) {
        if !carries(NO_STD) {
            let message = format!("add `{NO_STD}`: this crate decides and must not act");
            findings.push(Finding::error(root, message));
        }
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let is_linked = |pair: &[&str]| {
            pair[1].contains("extern crate std") && !pair[0].starts_with("#[cfg(test)]")
        };
        if lines.windows(2).any(is_linked) {
            let message = "remove `extern crate std`: this crate decides and must not act";
            findings.push(Finding::error(root, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, root: &str, text: &str) -> usize {
        let member = Member { name: name.to_owned(), ..Member::default() };
        check(&member, root, text).len()
    }

    #[test]
    fn unsafe_is_forbidden_everywhere_but_in_drivers() {
        assert_eq!(found("courtside", "appliance/daemon/src/main.rs", "//! x\n"), 1);
        assert_eq!(
            found("courtside", "appliance/daemon/src/main.rs", "#![forbid(unsafe_code)]\n"),
            0
        );
        assert_eq!(found("courtside-libav", "hw/libav/src/lib.rs", "//! x\n"), 0);
    }

    #[test]
    fn attribute_in_a_comment_does_not_count() {
        let text = "//! says #![forbid(unsafe_code)]\n";
        assert_eq!(found("courtside", "appliance/daemon/src/main.rs", text), 1);
    }

    #[test]
    fn pure_crate_without_no_std_is_found() {
        let root = "appliance/clips/src/lib.rs";
        let both = "#![no_std]\n#![forbid(unsafe_code)]\n";
        assert_eq!(found("courtside-clips", root, both), 0);
        assert_eq!(found("courtside-clips", root, "#![forbid(unsafe_code)]\n"), 1);
        let linked = format!("{both}extern crate std;\n");
        assert_eq!(found("courtside-clips", root, &linked), 1);
        let in_tests = format!("{both}#[cfg(test)]\nextern crate std;\n");
        assert_eq!(found("courtside-clips", root, &in_tests), 0);
    }
}
