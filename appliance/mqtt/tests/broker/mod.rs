//! A mosquitto of our own, on a port of its own, that dies by its process id.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A broker without persistence: what it has not delivered when it dies is gone.
pub(crate) struct Broker {
    program: PathBuf,
    folder: TempDir,
    /// Its port on 127.0.0.1; the same after each start.
    pub(crate) port: u16,
    child: Option<Child>,
}

impl Broker {
    /// Starts one that lets everybody in; `None`, said aloud, where mosquitto is not installed.
    #[allow(dead_code, reason = "not every test lets everybody in")]
    pub(crate) fn start(more: &str) -> Option<Self> {
        Self::start_closed(&format!("allow_anonymous true\n{more}"))
    }

    /// The same, but who may come in is up to the configuration.
    pub(crate) fn start_closed(more: &str) -> Option<Self> {
        let Some(program) = find() else {
            eprintln!("SKIPPED: mosquitto is not installed (apt install mosquitto)");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = std::fs::File::create(folder.path().join("broker.conf")).expect("a file");
        // Started by root it would give up its rights, and with them our files.
        let always = "user root\nset_tcp_nodelay true";
        write!(config, "listener {port} 127.0.0.1\n{always}\n{more}\n").expect("a configuration");
        let mut broker = Self { program, folder, port, child: None };
        broker.restart();
        Some(broker)
    }

    /// Kills it with SIGKILL and waits for its end.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child ends");
        }
    }

    /// Starts it again and waits until it listens.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(self.folder.path().join("broker.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto starts");
        self.child = Some(child);
        let address = ([127, 0, 0, 1], self.port).into();
        for _ in 0..500 {
            if TcpStream::connect_timeout(&address, Duration::from_millis(20)).is_ok() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        panic!("mosquitto does not listen on port {}", self.port);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Signals for tests of connections that hang.
impl Broker {
    /// Stops its process: it answers nothing, and its sockets stay open.
    #[allow(dead_code, reason = "not every test freezes its broker")]
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    #[allow(dead_code, reason = "not every test freezes its broker")]
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Of its process.
    #[allow(dead_code, reason = "only a benchmark counts its seconds")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().expect("kill is there");
        assert!(status.success());
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin".into(), "/usr/local/sbin".into()];
    let mut folders = std::env::split_paths(&path).chain(system);
    folders.find_map(|folder| Some(folder.join("mosquitto")).filter(|file| file.is_file()))
}
