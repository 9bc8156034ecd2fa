//! One program as a child process: started with a log file, found dead or alive, ended by its id.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::{Child, Command};

/// Lines of a dead program's log that its error message shows.
const LOG_LINES_SHOWN: usize = 12;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command` with its output appended to `log`.
    ///
    /// # Errors
    /// When the program does not exist or cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        command.stderr(file.try_clone()?).kill_on_drop(true);
        // A program whose output is somebody's input has had its stdout set already.
        if name != "court" {
            command.stdout(file);
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name} ({:?})", command.as_std()))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its standard output as somebody's standard input, if it was piped.
    ///
    /// # Errors
    /// When its output was not piped or is taken already.
    pub fn take_output(&mut self) -> Result<Stdio> {
        let output = self.child.stdout.take();
        let output = output.with_context(|| format!("{} has no piped output", self.name))?;
        Ok(output.try_into()?)
    }

    /// Its exit status if it has ended.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within `limit`.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        let ended = ended.with_context(|| format!("{} did not end within {limit:?}", self.name))?;
        Ok(ended?)
    }

    /// Fails, with the end of its log, if it is not running.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        let ended = self.ended()?;
        ensure!(
            ended.is_none(),
            "{} ended ({}); the end of {}:\n{}",
            self.name,
            ended.map(|status| status.to_string()).unwrap_or_default(),
            self.log.display(),
            self.log_end()
        );
        Ok(())
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("cannot kill {}", self.name))
    }

    /// `kill -TERM`, and waits for its end.
    ///
    /// # Errors
    /// When it does not end within `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal("TERM").await?;
        self.wait(limit).await
    }

    /// Sends it a signal, if it runs: `STOP` freezes it, `CONT` lets it go on.
    ///
    /// # Errors
    /// When there is no shell.
    pub async fn signal(&self, name: &str) -> Result<()> {
        if let Some(id) = self.id() {
            // The standard library sends no other signal than SIGKILL, and this crate forbids
            // unsafe code; every shell has a built-in `kill`.
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("kill -{name} {id}")).stderr(Stdio::null());
            shell.status().await.context("cannot run sh")?;
        }
        Ok(())
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

/// Whether this succeeds: a program of the system that a test needs is there. If not, the test says
/// visibly that it is skipped.
pub fn is_there(program: &str, arguments: &[&str]) -> bool {
    let mut command = std::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let there = command.status().is_ok_and(|status| status.success());
    if !there {
        println!("SKIPPED: `{program} {}` fails; run scripts/setup test", arguments.join(" "));
    }
    there
}

/// The folder with the workspace's programs: the one this program was built into.
///
/// # Errors
/// When this program's own path is unknown.
pub fn built_folder() -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program does not know its own path")?;
    let folder = own.parent().context("this program's path has no folder")?;
    // Tests lie one folder deeper than programs.
    let is_deps = folder.file_name().is_some_and(|name| name == "deps");
    Ok(if is_deps { folder.join("..") } else { folder.to_owned() })
}

/// A program of the workspace.
///
/// # Errors
/// When it has not been built.
pub fn built(name: &str) -> Result<Command> {
    let path = built_folder()?.join(name);
    ensure!(
        path.is_file(),
        "there is no {}; build the programs first: cargo build --workspace --bins",
        path.display()
    );
    Ok(Command::new(path))
}
