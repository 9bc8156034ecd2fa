//! `courtside models …`: what the subcommands do and what they print.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::install::{self, Installer, Proved};
use super::probe::Prober;
use super::shelf::{Origin, Shelf, Standing};
use super::{NAMES, keys};
use crate::config::{self, Config, Engine};

/// A subcommand that looks at or changes the packs of a box.
pub enum Job {
    /// Tells which packs there are.
    List,
    /// Checks all packs.
    Verify,
    /// Makes a pack the active one.
    Install(PathBuf),
    /// Goes back to the pack before.
    RollBack(String),
}

/// Does it for the box with this configuration; returns what to print.
///
/// # Errors
/// What was refused and why.
pub fn run(job: &Job, config: &Config) -> Result<String> {
    let shelf = Shelf::new(&config.box_.data_dir, &config.models.packs);
    let keys = config.models.keys.clone();
    let prober = Prober::of_this_program(&keys, &config.models.engine)?;
    let installer = Installer { shelf, keys, prober };
    match job {
        Job::List => Ok(list(&installer)),
        Job::Verify => verify_all(&installer),
        Job::Install(file) => {
            let proved = installer
                .install(file)
                .with_context(|| format!("{} not installed", file.display()))?;
            Ok(format!("installed and active: {}", describe(&proved)))
        }
        Job::RollBack(name) => {
            let (left, now) = installer.roll_back(name)?;
            Ok(format!(
                "{name} version {} is active; version {} is withdrawn",
                now.version, left.version
            ))
        }
    }
}

/// Checks one pack without a box's configuration.
///
/// # Errors
/// What is wrong with it.
pub fn verify_alone(path: &Path) -> Result<String> {
    let keys = config::default_keys();
    let nowhere = Path::new("");
    let shelf = Shelf::new(nowhere, nowhere);
    let engine = Engine { library: config::default_library(), ..Engine::default() };
    let prober = Prober::of_this_program(&keys, &engine)?;
    verify(path, &Installer { shelf, keys, prober })
}

/// `courtside models pack FOLDER FILE`.
///
/// # Errors
/// The pack is not right, or the file cannot be written.
pub fn bundle(folder: &Path, file: &Path) -> Result<String> {
    let manifest = install::bundle(folder, file, &config::default_keys())
        .with_context(|| format!("{} not made", file.display()))?;
    Ok(format!("{}: {} version {}", file.display(), manifest.name, manifest.version))
}

fn verify(path: &Path, installer: &Installer) -> Result<String> {
    let proved = installer.verify(path).with_context(|| format!("{} refused", path.display()))?;
    Ok(format!("good: {}", describe(&proved)))
}

fn verify_all(installer: &Installer) -> Result<String> {
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let trust = keys::load(&installer.keys);
    for name in NAMES {
        let standing = installer.shelf.standing(name, &trust);
        bad.extend(standing.alerts);
        for candidate in standing.candidates {
            match verify(&candidate.folder, installer) {
                Ok(line) => lines.push(line),
                Err(error) => bad.push(format!("{error:#}")),
            }
        }
    }
    if bad.is_empty() {
        return Ok(lines.join("\n"));
    }
    bail!("{}", bad.join("\n"))
}

fn list(installer: &Installer) -> String {
    let trust = keys::load(&installer.keys);
    let lines =
        NAMES.iter().flat_map(|name| lines_of(name, installer.shelf.standing(name, &trust)));
    lines.collect::<Vec<_>>().join("\n")
}

fn lines_of(name: &str, standing: Standing) -> Vec<String> {
    let usable = standing.candidates.iter().enumerate().map(|(place, candidate)| {
        let state = if place == 0 { "active" } else { "kept" };
        let origin = match candidate.origin {
            Origin::Image => "of the image",
            Origin::Installed => "installed",
        };
        format!(
            "{name} {:>4}  {state:<9}  {origin}, {}",
            candidate.version,
            candidate.folder.display()
        )
    });
    let withdrawn = standing
        .withdrawn
        .iter()
        .map(|w| format!("{name} {:>4}  withdrawn  {}", w.version, w.reason));
    let alerts = standing.alerts.iter().map(|alert| format!("{name}    -  damaged    {alert}"));
    usable.chain(withdrawn).chain(alerts).collect()
}

fn describe(proved: &Proved) -> String {
    let manifest = &proved.manifest;
    let tiers = proved.speeds.iter().map(|s| format!("{} {:.1} ms", s.tier, s.cost_ms));
    let tiers = tiers.collect::<Vec<_>>().join(", ");
    format!("{} version {} ({tiers})", manifest.name, manifest.version)
}
