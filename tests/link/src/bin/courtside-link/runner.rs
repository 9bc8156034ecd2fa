//! Starts the two commands, waits for the box's one, and ends the other one by its process id.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use link::namespaces::Side;
use link::testbed::Testbed;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::arguments::Run;
use crate::table;

/// How long a command may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command at one end. Dropping it ends it.
struct Running {
    child: Child,
    /// Readable when it has ended.
    pidfd: OwnedFd,
}

/// Why the waiting was over.
enum Woken {
    Ended(ExitStatus),
    Interrupted,
}

/// Runs it all, and returns the box's exit code.
pub(super) fn run(run: &Run) -> Result<ExitCode> {
    // Before anything is made that would be left behind.
    let signals = signals().context("cannot listen to signals")?;
    let testbed = Testbed::open(run.plan.clone())?;
    for side in Side::ALL {
        if let Some(congestion) = &run.congestion {
            testbed.namespaces().set_congestion_control(side, congestion)?;
        }
    }
    let at_cloud = &run.at_cloud;
    let mut at_cloud = at_cloud
        .as_ref()
        .map(|command| Running::start(&testbed, Side::Cloud, command))
        .transpose()?;
    let mut at_box = Running::start(&testbed, Side::Box, &run.at_box)?;
    let woken = at_box.wait(&signals)?;
    let ended = at_cloud.as_mut().map(Running::ended).transpose()?.flatten();
    if let Some(status) = ended.filter(|status| !status.success()) {
        eprintln!("courtside-link: the cloud's command had failed before ({status})");
    }
    drop((at_box, at_cloud));
    let overruns = Side::ALL.map(|side| testbed.namespaces().overruns(side));
    let [of_box, of_cloud] = overruns;
    let overruns = of_box? + of_cloud?;
    print!("{}", table::of(&testbed.close()?, overruns));
    Ok(match woken {
        Woken::Ended(status) => exit_code(status),
        Woken::Interrupted => ExitCode::from(130),
    })
}

impl Running {
    fn start(testbed: &Testbed, side: Side, command: &str) -> Result<Self> {
        let spawned = testbed.command(side, "sh").args(["-c", command]).spawn();
        let child = spawned.with_context(|| format!("cannot start `{command}`"))?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        let pidfd = pidfd.context("the kernel gives no descriptor of a process (5.3 has it)")?;
        Ok(Self { child, pidfd })
    }

    /// Waits for its end, or for a signal to this program.
    fn wait(&mut self, signals: &UnixStream) -> Result<Woken> {
        let mut watched =
            [PollFd::new(&self.pidfd, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        while let Err(error) = poll(&mut watched, None) {
            if error != Errno::INTR {
                return Err(error).context("cannot wait for the box's command");
            }
        }
        if watched[0].revents().is_empty() {
            return Ok(Woken::Interrupted);
        }
        Ok(Woken::Ended(self.child.wait()?))
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to end; kills it if it does not.
    fn end(&mut self) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        pidfd_send_signal(&self.pidfd, Signal::TERM)?;
        let patience = Timespec::try_from(PATIENCE)?;
        let mut watched = [PollFd::new(&self.pidfd, PollFlags::IN)];
        if poll(&mut watched, Some(&patience)) != Ok(1) {
            self.child.kill()?;
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("courtside-link: process {} does not end: {error:#}", self.child.id());
        }
    }
}

/// Readable when this program is told to end, so that it can remove what it has made.
fn signals() -> Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// As a shell tells it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
