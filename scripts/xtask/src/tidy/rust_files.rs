//! How a Rust file is named, how long it is, how it begins.

use super::Finding;

/// Longer files are worth a second look.
const LINES_WANTED: usize = 400;
/// Longer files fail the check.
const LINES_MAX: usize = 500;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"];

/// Checks one Rust file; `path` is relative to the workspace.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        let message = format!("{lines} lines, more than {LINES_MAX}: split it by what it owns");
        findings.push(Finding::error(path, message));
    } else if lines > LINES_WANTED {
        let message = format!("{lines} lines, more than {LINES_WANTED}: is it still one thing?");
        findings.push(Finding::warning(path, message));
    }
    if !text.starts_with("//!") {
        let message = "begin with `//!`: what the file owns and what it must not do";
        findings.push(Finding::error(path, message));
    }
    for name in path.trim_end_matches(".rs").split('/').filter(|name| EMPTY_NAMES.contains(name)) {
        let message = format!("`{name}` says nothing: name the file after what it owns");
        findings.push(Finding::error(path, message));
    }
    if !path.starts_with("hw/") {
        findings.extend(unsafe_code(path, text));
    }
    findings
}

/// `unsafe` in files whose crate root this check does not see, such as tests and benches.
fn unsafe_code(path: &str, text: &str) -> Vec<Finding> {
    let starts = ["{", "fn ", "impl ", "extern ", "trait "].map(|next| format!("unsafe {next}"));
    let numbered = text.lines().enumerate();
    let is_unsafe = |line: &str| {
        let code = line.split("//").next().unwrap_or_default().trim();
        starts.iter().any(|start| code.starts_with(start.as_str()) || is_after_code(code, start))
    };
    numbered
        .filter(|(_, line)| is_unsafe(line))
        .map(|(index, _)| {
            let message = "unsafe code outside hw/: move it into a driver";
            Finding::error(format!("{path}:{}", index + 1), message)
        })
        .collect()
}

/// Whether the keyword stands behind code rather than inside a text.
fn is_after_code(code: &str, start: &str) -> bool {
    let Some(at) = code.find(start) else { return false };
    !code[..at].contains(['"', '`']) && code[..at].ends_with([' ', '(', '='])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        check(path, text).iter().map(ToString::to_string).collect()
    }

    fn long(lines: usize) -> String {
        "//! x\n".repeat(lines)
    }

    #[test]
    fn long_file_is_warned_about_and_a_very_long_one_refused() {
        assert!(told("a.rs", &long(400)).is_empty());
        assert!(told("a.rs", &long(401))[0].starts_with("warning: a.rs: 401 lines"));
        assert!(told("a.rs", &long(500))[0].starts_with("warning: "));
        assert!(told("a.rs", &long(501))[0].starts_with("error: a.rs: 501 lines"));
    }

    #[test]
    fn file_without_a_header_is_refused() {
        assert_eq!(told("a.rs", "use std::fmt;\n").len(), 1);
        assert_eq!(told("a.rs", "").len(), 1);
        assert!(told("a.rs", "//! Owns a.\n").is_empty());
    }

    #[test]
    fn names_that_say_nothing_are_refused_as_file_and_as_folder() {
        assert_eq!(told("appliance/x/src/utils.rs", "//! x\n").len(), 1);
        assert_eq!(told("appliance/x/src/common/mod.rs", "//! x\n").len(), 1);
        assert!(told("appliance/x/src/utilisation.rs", "//! x\n").is_empty());
    }

    #[test]
    fn unsafe_code_is_found_with_its_line_but_not_in_comments_or_texts() {
        let word = "unsafe";
        for code in [
            format!("//! x\n{word} {{ f() }}\n"),
            format!("//! x\nlet a = {word} {{ f() }};\n"),
            format!("//! x\npub {word} fn f() {{}}\n"),
        ] {
            assert_eq!(told("a.rs", &code)[0].split(": ").nth(1), Some("a.rs:2"), "{code}");
            assert!(told("hw/libav/src/a.rs", &code).is_empty());
        }
        for fine in [
            format!("//! x\n// {word} {{ f() }}\n"),
            format!("//! x\nlet a = \"an {word} fn \";\n"),
        ] {
            assert!(told("a.rs", &fine).is_empty(), "{fine}");
        }
    }
}
