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
    /// Starts one; `None`, said aloud, where mosquitto is not installed.
    pub(crate) fn start(more: &str) -> Option<Self> {
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
        write!(
            config,
            "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n{more}\n"
        )
        .expect("a configuration");
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

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin".into(), "/usr/local/sbin".into()];
    let mut folders = std::env::split_paths(&path).chain(system);
    folders.find_map(|folder| Some(folder.join("mosquitto")).filter(|file| file.is_file()))
}
