//! A small disk of its own for a program: a tmpfs that can be made full and read-only. Where
//! nothing may be mounted, a folder; then the disk's errors come from fail points alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Room for half an hour of clips.
const SIZE: &str = "2g";

/// A program writes a few times a second.
const FILL_TRIES: usize = 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Mounts a disk at `folder`, or makes a folder.
    ///
    /// # Errors
    /// When not even the folder can be made.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let options = format!("size={SIZE},mode=0755");
        let mounted = mount(&["-t", "tmpfs", "-o", &options, "none"], folder).is_ok();
        Ok(Self { folder: folder.to_owned(), mounted })
    }

    /// Whether it can be full and read-only.
    pub(super) const fn is_mounted(&self) -> bool {
        self.mounted
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// No byte more.
    ///
    /// # Errors
    /// When its size cannot be read or set.
    pub(super) fn fill(&self) -> Result<()> {
        // Whoever writes meanwhile makes the size that was read too small, which is refused.
        let mut last = self.shrink();
        for _ in 1..FILL_TRIES {
            if last.is_ok() {
                break;
            }
            last = self.shrink();
        }
        last
    }

    fn shrink(&self) -> Result<()> {
        let output = Command::new("df").args(["--output=used", "-k"]).arg(&self.folder).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let used_kib: u64 =
            text.lines().last().and_then(|line| line.trim().parse().ok()).context("df")?;
        mount(&["-o", &format!("remount,size={}k", used_kib.max(4))], &self.folder)
    }

    /// Nothing is written any more. Nobody may have a file open for writing.
    ///
    /// # Errors
    /// When somebody has.
    pub(super) fn freeze(&self) -> Result<()> {
        mount(&["-o", "remount,ro"], &self.folder)
    }

    /// As it was.
    ///
    /// # Errors
    /// When it cannot be mounted again.
    pub(super) fn mend(&self) -> Result<()> {
        if !self.mounted {
            return Ok(());
        }
        mount(&["-o", &format!("remount,rw,size={SIZE}")], &self.folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let unmounted = Command::new("umount").arg("--lazy").arg(&self.folder).status();
            if !unmounted.is_ok_and(|status| status.success()) {
                eprintln!("{} stays mounted; unmount it", self.folder.display());
            }
        }
    }
}

fn mount(arguments: &[&str], folder: &Path) -> Result<()> {
    let output = Command::new("mount").args(arguments).arg(folder).output();
    let output = output.context("there is no `mount`")?;
    if output.status.success() {
        return Ok(());
    }
    bail!("mount {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim())
}
