//! A receiver that is told where to listen, and its counters.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A counter is waited for as long as this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `courtside-fleet receive`.
pub(crate) struct Receiver {
    child: Child,
    metrics: SocketAddr,
}

impl Receiver {
    /// Starts one in `folder` with `name` as client id and file name; `more` is its configuration
    /// from `[store]` on. What it tells goes to `NAME.jsonl`, its log to `NAME.log`. Returns once both
    /// of its connections are up.
    pub(crate) fn start(folder: &Path, at: (u16, &str), more: &str) -> Self {
        Self::start_in(&[], folder, at, more)
    }

    /// The same, with more environment.
    pub(crate) fn start_in(
        environment: &[(&str, String)],
        folder: &Path,
        (port, name): (u16, &str),
        more: &str,
    ) -> Self {
        let metrics = free();
        let text = format!(
            "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nclient_id = \"{name}\"\n\
             [metrics]\nlisten = \"{metrics}\"\n{more}"
        );
        let file = format!("{name}.toml");
        std::fs::write(folder.join(&file), text).expect("writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_courtside-fleet"));
        command.args(["receive", "--json", "--config", &file]).current_dir(folder);
        let append = |ending: &str| {
            let file = folder.join(format!("{name}.{ending}"));
            File::options().append(true).create(true).open(file).expect("writable")
        };
        command.envs(environment.iter().cloned());
        command.stdout(append("jsonl")).stderr(append("log"));
        let receiver = Self { child: command.spawn().expect("it starts"), metrics };
        for desk in ["messages", "files"] {
            receiver.wait_past(&format!("connected{{desk=\"{desk}\"}}"), 1.0);
        }
        receiver
    }

    /// Of its process.
    #[allow(dead_code, reason = "only the benchmark counts its seconds")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL and waits for its end.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child ends");
    }

    /// Asks it to end and waits for that.
    pub(crate) fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.is_ok_and(|status| status.success()));
        self.child.wait().expect("a child ends").code()
    }

    /// The page of metrics; `None` while nobody answers.
    pub(crate) fn scrape(&self) -> Option<String> {
        get(self.metrics, "/metrics").map(|answer| {
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            answer
        })
    }

    /// A sample by its name without prefix, with its labels.
    pub(crate) fn sample(&self, name: &str) -> Option<f64> {
        let text = self.scrape()?;
        let prefix = format!("courtside_receiver_{name} ");
        text.lines().find_map(|line| line.strip_prefix(&prefix)?.parse().ok())
    }

    /// Waits until a counter has come this far.
    #[track_caller]
    pub(crate) fn wait_past(&self, name: &str, least: f64) {
        let seen = until(|| self.sample(name).filter(|value| *value >= least));
        assert!(seen.is_some(), "{name} is below {least} in {:?}", self.scrape());
    }

    /// Waits until a sample has this value.
    #[track_caller]
    pub(crate) fn wait_for(&self, name: &str, expected: f64) {
        let seen = until(|| self.sample(name).filter(|value| *value == expected));
        assert!(seen.is_some(), "{name} is not {expected} in {:?}", self.scrape());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ended_already = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

/// The first `Some` within a minute.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let step = Duration::from_millis(20);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::park_timeout(step);
    }
    None
}

/// An HTTP answer, whole.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer).filter(|answer| !answer.is_empty())
}

/// An address of this machine that nobody uses.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port")
}

/// Another command of the same program.
pub(crate) fn fleet(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courtside-fleet"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().expect("the command runs")
}
