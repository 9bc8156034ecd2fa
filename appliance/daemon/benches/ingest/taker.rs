//! Whoever takes the publishers: the box's shells in a process of their own, or nginx.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::server::{self, Report};

/// The kernel counts CPU in hundredths of a second on every machine that this runs on.
const TICKS_A_SECOND: f64 = 100.0;
const NGINX: &str = "/usr/sbin/nginx";
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The box's RTMP shell alone.
    Alone,
    /// The same, with threads behind its links.
    HandingOver,
    /// The same, with the decode stage behind them.
    Decoding,
    /// nginx with its RTMP module.
    Nginx,
}

pub(crate) struct Taker {
    child: Child,
    port: u16,
    who: Who,
}

impl Taker {
    /// Starts one that takes `streams` publishers, and waits until it does.
    pub(crate) fn start(who: Who, folder: &Path, streams: usize) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = match who {
            Who::Alone => server::command(folder, (port, streams), server::Mode::Nobody),
            Who::HandingOver => server::command(folder, (port, streams), server::Mode::Threads),
            Who::Decoding => server::command(folder, (port, streams), server::Mode::Decode),
            Who::Nginx => nginx(folder, port),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            pause();
        }
        Self { child, port, who }
    }

    pub(crate) fn url(&self, stream: usize) -> String {
        format!("rtmp://127.0.0.1:{}/live/key-{stream}", self.port)
    }

    /// CPU so far, of all its threads.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name may hold spaces; what is behind it does not.
        let rest = stat.rsplit_once(')').unwrap().1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / TICKS_A_SECOND
    }

    /// Ends it; the box tells what it counted.
    pub(crate) fn end(mut self, told: impl FnOnce(Report)) {
        match self.who {
            Who::Nginx => self.child.kill().unwrap(),
            Who::Alone | Who::HandingOver | Who::Decoding => {
                drop(self.child.stdin.take());
                let mut lines = BufReader::new(self.child.stdout.take().unwrap());
                let mut report = String::new();
                lines.read_line(&mut report).unwrap();
                lines.read_to_end(&mut Vec::new()).unwrap();
                told(Report::parse(&report));
            }
        }
        self.child.wait().unwrap();
    }
}

pub(crate) fn nginx_version() -> String {
    let told = Command::new(NGINX).arg("-v").output();
    let told = told.map(|output| String::from_utf8_lossy(&output.stderr).trim().to_owned());
    told.unwrap_or_default()
}

/// nginx as its documentation configures it for live streams, in one process, without a log.
fn nginx(folder: &Path, port: u16) -> Command {
    let text = format!(
        "load_module {MODULE};\nuser root;\ndaemon off;\nmaster_process off;\n\
         error_log /dev/null;\npid {pid};\nevents {{ worker_connections 64; }}\n\
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096;\n\
         application live {{ live on; record off; }} }} }}\n",
        pid = folder.join("nginx.pid").display(),
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(NGINX);
    command.arg("-c").arg(file).arg("-p").arg(folder).stderr(Stdio::null());
    command
}

#[allow(clippy::disallowed_methods, reason = "a measurement waits for a process to listen")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
