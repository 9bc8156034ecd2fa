//! What the rules need to know of the workspace, from `cargo metadata`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The workspace as the rules see it.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Its folder.
    pub(super) root: PathBuf,
    /// Its crates.
    pub(super) members: Vec<Member>,
}

/// One crate of the workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    /// Name in its `Cargo.toml`.
    pub(super) name: String,
    /// What it is built with: crates of the workspace and others, without dev-dependencies.
    pub(super) dependencies: Vec<Dependency>,
    /// Root files of its library and programs, relative to the workspace.
    pub(super) roots: Vec<String>,
}

/// A crate that another one is built with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dependency {
    /// A crate of the workspace.
    Ours(String),
    /// Any other crate.
    Foreign(String),
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<RawDependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct RawDependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

/// Asks cargo about the workspace of the current folder.
pub(super) fn read() -> Result<Workspace> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cannot run cargo metadata")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata failed: {}", told.trim());
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
    let root = metadata.workspace_root;
    let members = metadata.packages.into_iter().map(|package| member(package, &root)).collect();
    Ok(Workspace { root, members })
}

fn member(package: Package, root: &Path) -> Member {
    let is_built = |dependency: &RawDependency| dependency.kind.as_deref() != Some("dev");
    let dependency = |raw: RawDependency| match raw.path {
        Some(_) => Dependency::Ours(raw.name),
        None => Dependency::Foreign(raw.name),
    };
    let is_root = |target: &Target| {
        target.kind.iter().any(|kind| matches!(kind.as_str(), "lib" | "bin" | "proc-macro"))
    };
    let relative = |target: Target| {
        let path = target.src_path.strip_prefix(root).unwrap_or(&target.src_path);
        path.display().to_string()
    };
    Member {
        name: package.name,
        dependencies: package.dependencies.into_iter().filter(is_built).map(dependency).collect(),
        roots: package.targets.into_iter().filter(is_root).map(relative).collect(),
    }
}
