//! Programs that a test starts: their lines as they come, and their end by process id.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// A line is waited for as long as this.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program whose output is read. It and what it started end with it.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let spawned = command.stdout(Stdio::piped()).process_group(0).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let out = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let (sender, lines) = sync_channel(1024);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("another line within 20 s")
    }

    /// Lines up to the first one that satisfies `is_last`, with it.
    #[track_caller]
    pub(crate) fn lines_until(&self, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(error) => panic!("{error} after {lines:#?}"),
            }
            if lines.last().is_some_and(|line| is_last(line)) {
                return lines;
            }
        }
    }

    /// Asks it to end and waits for that.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().expect("a child ends").code()
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let told = Command::new("kill").args([signal, "--", &group]).status();
        assert!(told.is_ok(), "kill is there");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal("-KILL");
            let _gone = self.child.wait();
        }
    }
}

/// Whether a program is there; what is skipped without it is said aloud.
pub(crate) fn is_there(program: &str, arguments: &[&str], why: &str) -> bool {
    let asked =
        Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = asked.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("SKIPPED: {why}");
    }
    is_there
}
