//! The tidiness rules of the workspace, run over `cargo metadata` and the tracked files.
//!
//! Each rule is a pure function from what was read to [`Finding`]s; only this file runs programs
//! and reads files. Rules and reasons: `docs/architecture.md`, "Who may know whom".

mod addresses;
mod layers;
mod pages;
mod roots;
mod rust_files;
mod workspace;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::{asyncapi, links_doc};

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    severity: Severity,
    /// A file, with a line if there is one, or a crate.
    place: String,
    /// What is wrong and what to do.
    message: String,
}

/// Whether a finding fails the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Warning,
    Error,
}

impl Finding {
    fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.into(), message: message.into() }
    }

    fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}: {}", self.place, self.message)
    }
}

/// Runs every rule and prints the findings; fails if one of them is an error.
pub(crate) fn run() -> Result<ExitCode> {
    let workspace = workspace::read()?;
    let machine = addresses::Machine::here(&workspace.root);
    let mut findings = layers::check(&workspace.members);
    for member in &workspace.members {
        for root in &member.roots {
            findings.extend(roots::check(member, root, &read(&workspace.root, root)?));
        }
    }
    if !links_doc::is_current(&workspace.root)? {
        let message = "differs from the declarations; run `cargo xtask links-doc`";
        findings.push(Finding::error(links_doc::PAGE, message));
    }
    if let Some(message) = asyncapi::stale(&workspace.root)? {
        findings.push(Finding::error(asyncapi::PAGE, message));
    }
    let files = tracked_files(&workspace.root)?;
    let names: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    for file in &files {
        let Ok(text) = std::fs::read_to_string(workspace.root.join(file)) else {
            continue; // binary, or deleted but not yet committed
        };
        if file.ends_with(".rs") {
            findings.extend(rust_files::check(file, &text));
        }
        findings.extend(addresses::check(file, &text, &machine));
        findings.extend(pages::check(file, &text, &names));
    }
    findings.sort();
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    let crates = workspace.members.len();
    println!("tidy: {crates} crates, {} files, {errors} errors, {warnings} warnings", files.len());
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The workspace's folder.
pub(crate) fn root() -> Result<PathBuf> {
    Ok(workspace::read()?.root)
}

fn read(root: &Path, file: &str) -> Result<String> {
    let path = root.join(file);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("cannot run git; install it, the tidiness rules concern the tracked files")?;
    ensure!(
        listing.status.success(),
        "git ls-files failed in {}: {}",
        root.display(),
        String::from_utf8_lossy(&listing.stderr).trim()
    );
    let names = String::from_utf8(listing.stdout).context("a tracked file's name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}
