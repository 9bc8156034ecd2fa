//! One venue on this machine: broker, receiver and box, each a process that can be killed and
//! started again on the same port and folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use wire::ids::ClipId;

use crate::clock::until;
use crate::program::{Program, built};
use crate::score::TrueHoop;

/// Programs must be ready within this; the box loads its models meanwhile.
const START_LIMIT: Duration = Duration::from_secs(30);
/// A program that was told to end must have done so within this.
pub const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Tenant of the venue's box.
pub const TENANT: &str = "demo";
/// Name of the venue's box and of its source.
pub const DEVICE: &str = "court-1";
/// The post-roll of the venue's clips, in seconds.
pub const POST_ROLL_S: f64 = 4.0;
const KEYS: &str = "keys";
const KEYS_VARIABLE: &str = "COURTSIDE_KEYS";
const SENSORS_VARIABLE: &str = "COURTSIDE_SENSORS";
const APP: &str = "live";
const KEY: &str = "demo-key";

/// One of the venue's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The MQTT broker.
    Broker,
    /// The cloud side.
    Receiver,
    /// The box.
    Appliance,
}

/// All roles, in the order in which they start.
pub const ROLES: [Role; 3] = [Role::Broker, Role::Receiver, Role::Appliance];

/// The three programs and the folder with everything they write.
#[derive(Debug)]
pub struct Venue {
    folder: PathBuf,
    broker_port: u16,
    rtmp_port: u16,
    /// Where the box's sensors are, if not where those of this machine are.
    sensors: Option<PathBuf>,
    /// In the order of [`ROLES`]; `None` while one is down on purpose.
    programs: [Option<Program>; 3],
}

impl Venue {
    /// Starts everything in `folder` and waits until the box takes a publisher. Without marked
    /// `hoops` the box searches them.
    ///
    /// # Errors
    /// When a program is missing, ends, or is not ready in time.
    pub async fn open(folder: &Path, hoops: &[TrueHoop]) -> Result<Self> {
        Self::open_with(folder, hoops, "").await
    }

    /// The same with more sources than the one of every venue.
    ///
    /// - sources: `[[source]]` tables; their paths are counted from `folder`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(folder: &Path, hoops: &[TrueHoop], sources: &str) -> Result<Self> {
        Self::prepare(folder, hoops, sources).await?.started().await
    }

    /// The same as [`open`](Self::open), on a box whose sensors are files below `root`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_on(folder: &Path, hoops: &[TrueHoop], root: &Path) -> Result<Self> {
        let mut venue = Self::prepare(folder, hoops, "").await?;
        venue.sensors = Some(root.to_owned());
        venue.started().await
    }

    async fn prepare(folder: &Path, hoops: &[TrueHoop], sources: &str) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let (broker_port, rtmp_port) = (free_port().await?, free_port().await?);
        write_broker_configuration(folder, broker_port)?;
        write_receiver_configuration(folder, broker_port)?;
        copy_keys(folder)?;
        let sockets = (broker_port, rtmp_port);
        write_box_configuration(folder, sockets, (hoops, sources))?;
        let (folder, programs) = (folder.to_owned(), [None, None, None]);
        Ok(Self { folder, broker_port, rtmp_port, sensors: None, programs })
    }

    async fn started(mut self) -> Result<Self> {
        for role in ROLES {
            self.start(role).await?;
        }
        Ok(self)
    }

    /// Starts a program that is down and waits until it listens.
    ///
    /// # Errors
    /// When it is missing, ends, or is not ready in time.
    pub async fn start(&mut self, role: Role) -> Result<()> {
        let (mut program, port) = match role {
            Role::Broker => (start_broker(&self.folder)?, Some(self.broker_port)),
            Role::Receiver => (start_receiver(&self.folder)?, None),
            Role::Appliance => (self.start_appliance()?, Some(self.rtmp_port)),
        };
        if let Some(port) = port {
            wait_for_port(port, &mut program).await?;
        }
        *self.slot(role) = Some(program);
        Ok(())
    }

    /// `kill -9`. The program stays down until it is started.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&mut self, role: Role) -> Result<()> {
        match self.slot(role).take() {
            Some(mut program) => program.kill().await,
            None => Ok(()),
        }
    }

    /// Whether a program was started and not killed.
    pub fn is_up(&mut self, role: Role) -> bool {
        self.slot(role).is_some()
    }

    /// Process id of the box, while it runs.
    pub fn appliance_id(&mut self) -> Option<u32> {
        self.slot(Role::Appliance).as_ref().and_then(Program::id)
    }

    /// Ends everything, the box first so that it can send what it has.
    ///
    /// # Errors
    /// When a program does not end in time.
    pub async fn close(&mut self) -> Result<()> {
        for role in ROLES.into_iter().rev() {
            if let Some(mut program) = self.slot(role).take() {
                program.terminate(STOP_LIMIT).await?;
            }
        }
        Ok(())
    }

    /// Fails if a program has ended by itself.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn check_alive(&mut self) -> Result<()> {
        self.programs.iter_mut().flatten().try_for_each(Program::check_alive)
    }

    fn slot(&mut self, role: Role) -> &mut Option<Program> {
        let [broker, receiver, appliance] = &mut self.programs;
        match role {
            Role::Broker => broker,
            Role::Receiver => receiver,
            Role::Appliance => appliance,
        }
    }

    /// Port of the broker on 127.0.0.1.
    pub const fn broker_port(&self) -> u16 {
        self.broker_port
    }

    /// Port on 127.0.0.1 where the box takes a publisher.
    pub const fn rtmp_port(&self) -> u16 {
        self.rtmp_port
    }

    /// Where a publisher sends the game.
    pub fn rtmp_url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/{APP}/{KEY}", self.rtmp_port)
    }

    /// The box's folder.
    pub fn data_folder(&self) -> PathBuf {
        self.folder.join("box")
    }

    /// The folder with the public keys that the box trusts.
    pub fn keys_folder(&self) -> PathBuf {
        self.folder.join(KEYS)
    }

    fn start_appliance(&self) -> Result<Program> {
        let mut command = self.command()?;
        if let Some(root) = &self.sensors {
            command.env(SENSORS_VARIABLE, root);
        }
        command.args(["run", "--config", "courtside.toml"]);
        Program::start("courtside", command, &self.folder.join("courtside.log"))
    }

    /// `courtside` for the venue's box; arguments and files are counted from its folder.
    ///
    /// # Errors
    /// When the program has not been built.
    pub fn command(&self) -> Result<Command> {
        appliance(&self.folder)
    }

    /// `courtside models` for the venue's box; arguments and files are counted from its folder.
    ///
    /// # Errors
    /// When the program has not been built.
    pub fn models_command(&self) -> Result<Command> {
        let mut command = appliance(&self.folder)?;
        command.args(["models", "--config", "courtside.toml"]);
        Ok(command)
    }

    /// What the box has logged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn appliance_log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join("courtside.log"))?)
    }

    /// The receiver's database.
    pub fn fleet_database(&self) -> PathBuf {
        self.folder.join("fleet.sqlite")
    }

    /// Where the receiver puts a finished clip.
    pub fn clip_file(&self, id: ClipId) -> PathBuf {
        self.folder.join("clips").join(TENANT).join(DEVICE).join(format!("{id}.mp4"))
    }
}

/// A port of 127.0.0.1 that is free now, chosen by the kernel.
///
/// # Errors
/// When there is none.
pub async fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot bind a port")?;
    Ok(listener.local_addr()?.port())
}

async fn wait_for_port(port: u16, program: &mut Program) -> Result<()> {
    until(START_LIMIT, &format!("a listener on port {port}"), async || {
        program.check_alive()?;
        Ok(TcpStream::connect(("127.0.0.1", port)).await.ok())
    })
    .await
    .map(drop)
}

fn write_broker_configuration(folder: &Path, port: u16) -> Result<()> {
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
         set_tcp_nodelay true\n"
    );
    write(&folder.join("mosquitto.conf"), &text)
}

fn write_receiver_configuration(folder: &Path, broker_port: u16) -> Result<()> {
    let text = format!(
        r#"schema = 1
[mqtt]
url = "mqtt://127.0.0.1:{broker_port}"
[store]
db = "fleet.sqlite"
clips = "clips/"
"#
    );
    write(&folder.join("fleet.toml"), &text)
}

fn write_box_configuration(
    folder: &Path,
    (broker_port, rtmp_port): (u16, u16),
    (hoops, more_sources): (&[TrueHoop], &str),
) -> Result<()> {
    let marked = |hoop: &TrueHoop| format!("{{ id = \"{}\", box = {:?} }}", hoop.id, hoop.area);
    let marked: Vec<String> = hoops.iter().map(marked).collect();
    let text = format!(
        r#"schema = 1
[box]
tenant = "{TENANT}"
device = "{DEVICE}"
data_dir = "box"
[mqtt]
url = "mqtt://127.0.0.1:{broker_port}"
[[source]]
name = "{DEVICE}"
kind = "rtmp"
listen = "127.0.0.1:{rtmp_port}"
app = "{APP}"
key = "{KEY}"
sport = "basketball"
hoops = [{}]
{more_sources}
[clips]
pre_roll_s = 6.0
post_roll_s = {POST_ROLL_S:.1}
"#,
        marked.join(", ")
    );
    write(&folder.join("courtside.toml"), &text)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn start_broker(folder: &Path) -> Result<Program> {
    let mut command = Command::new("mosquitto");
    command.arg("-c").arg(folder.join("mosquitto.conf"));
    Program::start("mosquitto", command, &folder.join("mosquitto.log"))
        .context("the broker is missing; install mosquitto, or run scripts/setup demo")
}

fn start_receiver(folder: &Path) -> Result<Program> {
    let mut command = built("courtside-fleet")?;
    command.args(["receive", "--config", "fleet.toml"]).current_dir(folder);
    Program::start("courtside-fleet", command, &folder.join("courtside-fleet.log"))
}

/// The public keys that the venue's box trusts: those of the repository, unless others are named.
/// A folder of its own, so that a test may add one.
fn copy_keys(folder: &Path) -> Result<()> {
    let keys = folder.join(KEYS);
    std::fs::create_dir_all(&keys).with_context(|| format!("cannot create {}", keys.display()))?;
    let named = std::env::var_os(KEYS_VARIABLE).map(PathBuf::from);
    let from = named.unwrap_or_else(|| repository_models().join(KEYS));
    let entries = std::fs::read_dir(&from);
    for entry in entries.with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        std::fs::copy(entry.path(), keys.join(entry.file_name())).context("cannot copy a key")?;
    }
    Ok(())
}

/// Where this runs, not where it was built: clones share a build folder, and a clone goes away.
/// Cargo names the package's folder to tests; the demo is started in the repository's root.
fn repository_models() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let models = package.map_or_else(|| "models".into(), |p| Path::new(&p).join("../../models"));
    std::path::absolute(&models).unwrap_or(models)
}

/// The program of the venue's box, in its folder, with its packs and keys.
///
/// # Errors
/// When it has not been built.
fn appliance(folder: &Path) -> Result<Command> {
    let mut command = courtside()?;
    command.env(KEYS_VARIABLE, KEYS).current_dir(folder);
    Ok(command)
}

/// The program of a box with the packs and keys of the repository.
///
/// # Errors
/// When it has not been built.
pub fn courtside() -> Result<Command> {
    const PACKS: &str = "COURTSIDE_PACKS";
    let mut command = built("courtside")?;
    // The packs of the repository, unless others are to be shown.
    if std::env::var_os(PACKS).is_none() {
        command.env(PACKS, repository_models().join("packs"));
    }
    if std::env::var_os(KEYS_VARIABLE).is_none() {
        command.env(KEYS_VARIABLE, repository_models().join(KEYS));
    }
    Ok(command)
}
