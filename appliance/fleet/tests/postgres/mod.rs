//! A PostgreSQL of our own: a cluster in a temporary folder, on a port of its own on 127.0.0.1, that
//! dies by its process id. It refuses to run as root, so a test that root runs lends it to the user
//! that the package made for it.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A server with one superuser, `fleet`, whom it believes everything.
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    /// Beside those that every server has.
    settings: Vec<String>,
    child: Option<Child>,
}

/// The user and group of the server, when root runs the test.
type Owner = Option<(u32, u32)>;

impl Server {
    /// Makes a cluster and starts it; `None`, said aloud, where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = find() else {
            eprintln!("SKIPPED: PostgreSQL is not installed (apt install postgresql-15)");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let folder = tempfile::tempdir().expect("a folder");
        let owner = owner(folder.path());
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).expect("root may give it away");
        }
        let mut server = Self { programs, folder, port, settings: Vec::new(), child: None };
        let data = server.data();
        let made = server
            .program("initdb")
            .args(["-U", "fleet", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(data)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.restart();
        Some(server)
    }

    /// A new, empty database; returns its address.
    pub(crate) fn database(&self, name: &str) -> String {
        let made = self
            .program("createdb")
            .args(["-h", "127.0.0.1", "-U", "fleet", "-p", &self.port.to_string(), name])
            .output()
            .expect("createdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        format!("postgres://fleet@127.0.0.1:{}/{name}", self.port)
    }

    /// Starts it again with this certificate and its key, in PEM. From then on it takes no
    /// connection without TLS.
    #[allow(dead_code, reason = "not every test that has a server has one with TLS")]
    pub(crate) fn encrypt(&mut self, certificate: &Path, key: &Path) {
        use std::os::unix::fs::PermissionsExt;
        for (setting, file) in [("ssl_cert_file", certificate), ("ssl_key_file", key)] {
            let own = self.data().join(setting);
            std::fs::copy(file, &own).expect("it can be copied");
            std::fs::set_permissions(&own, PermissionsExt::from_mode(0o600)).expect("ours");
            if let Some((user, group)) = owner(self.folder.path()) {
                chown(&own, Some(user), Some(group)).expect("root may give it away");
            }
            self.settings.push(format!("{setting}={}", own.display()));
        }
        self.settings.push("ssl=on".to_owned());
        let rule = "hostssl all all 127.0.0.1/32 trust\n";
        std::fs::write(self.data().join("pg_hba.conf"), rule).expect("writable");
        self.restart();
    }

    /// Of the process that all others of it descend from.
    #[allow(dead_code, reason = "only the benchmark counts its seconds")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Kills it with SIGKILL and waits for its end. What it started for connections notices that
    /// by itself and ends.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child ends");
        }
    }

    /// Starts it again and waits until it takes connections.
    pub(crate) fn restart(&mut self) {
        self.kill();
        for _ in 0..1_000 {
            if self.child.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|e| e.is_some())) {
                // Refused while a process of its predecessor still ends: then it is tried again.
                self.child = Some(self.spawn());
            }
            let port = self.port.to_string();
            let mut asked = self.program("pg_isready");
            asked.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            if asked.status().is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL does not come up:\n{log}");
    }

    fn spawn(&self) -> Child {
        let log = self.folder.path().join("log");
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=40"]
        {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command.stdout(Stdio::null()).stderr(log).spawn().expect("it starts")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((user, group)) = owner(self.folder.path()) {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SIGQUIT: it ends at once, and what it started with it.
            let pid = child.id().to_string();
            let _told = Command::new("kill").args(["-QUIT", &pid]).status();
            let _status = child.wait();
        }
    }
}

/// The user that the server runs as, if this process is root.
fn owner(folder: &Path) -> Owner {
    let ours = std::fs::metadata("/proc/self").expect("this process").uid();
    if ours != 0 {
        return None;
    }
    let lent = std::fs::metadata(folder).expect("the folder");
    if lent.uid() != 0 {
        return Some((lent.uid(), lent.gid()));
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("users");
    ["postgres", "nobody"].iter().find_map(|wanted| {
        let line = users.lines().find(|line| line.split(':').next() == Some(wanted))?;
        let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
        Some((ids.next()?, ids.next()?))
    })
}

fn find() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> =
        versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect();
    folders.sort();
    folders.into_iter().rfind(|folder| folder.join("initdb").is_file())
}
