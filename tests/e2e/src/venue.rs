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

/// Programs must be ready within this; the box loads its models meanwhile.
const START_LIMIT: Duration = Duration::from_secs(30);
/// A program that was told to end must have done so within this.
pub const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Tenant of the venue's box.
pub const TENANT: &str = "demo";
/// Name of the venue's box and of its source.
pub const DEVICE: &str = "court-1";
const APP: &str = "live";
const KEY: &str = "demo-key";

/// The three programs and the folder with everything they write.
#[derive(Debug)]
pub struct Venue {
    folder: PathBuf,
    broker_port: u16,
    rtmp_port: u16,
    /// The MQTT broker.
    pub broker: Program,
    /// The cloud side.
    pub receiver: Program,
    /// The box.
    pub appliance: Program,
}

impl Venue {
    /// Starts everything in `folder` and waits until the box takes a publisher.
    ///
    /// # Errors
    /// When a program is missing, ends, or is not ready in time.
    pub async fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let (broker_port, rtmp_port) = (free_port().await?, free_port().await?);
        write_configurations(folder, broker_port, rtmp_port)?;
        let mut broker = start_broker(folder)?;
        wait_for_port(broker_port, &mut broker).await?;
        let receiver = start_receiver(folder)?;
        let mut appliance = start_appliance(folder)?;
        wait_for_port(rtmp_port, &mut appliance).await?;
        let folder = folder.to_owned();
        Ok(Self { folder, broker_port, rtmp_port, broker, receiver, appliance })
    }

    /// Kills the broker and starts it again.
    ///
    /// # Errors
    /// When it is not ready again in time.
    pub async fn kill_broker(&mut self) -> Result<()> {
        self.broker.kill().await?;
        self.broker = start_broker(&self.folder)?;
        wait_for_port(self.broker_port, &mut self.broker).await
    }

    /// Kills the receiver and starts it again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn kill_receiver(&mut self) -> Result<()> {
        self.receiver.kill().await?;
        self.receiver = start_receiver(&self.folder)?;
        Ok(())
    }

    /// Kills the box; `while_dead` may look at what it left. Then starts it again and waits until
    /// it takes a publisher.
    ///
    /// # Errors
    /// When `while_dead` fails or the box is not ready again in time.
    pub async fn kill_appliance(
        &mut self,
        while_dead: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        self.appliance.kill().await?;
        while_dead(&self.data_folder())?;
        self.appliance = start_appliance(&self.folder)?;
        wait_for_port(self.rtmp_port, &mut self.appliance).await
    }

    /// Ends everything, the box first so that it can send what it has.
    ///
    /// # Errors
    /// When a program does not end in time.
    pub async fn close(&mut self) -> Result<()> {
        self.appliance.terminate(STOP_LIMIT).await?;
        self.receiver.terminate(STOP_LIMIT).await?;
        self.broker.terminate(STOP_LIMIT).await?;
        Ok(())
    }

    /// Fails if one of the programs has ended by itself.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn check_alive(&mut self) -> Result<()> {
        self.broker.check_alive()?;
        self.receiver.check_alive()?;
        self.appliance.check_alive()
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
async fn free_port() -> Result<u16> {
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

fn write_configurations(folder: &Path, broker_port: u16, rtmp_port: u16) -> Result<()> {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write(
        "mosquitto.conf",
        format!(
            "listener {broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             set_tcp_nodelay true\n"
        ),
    )?;
    write(
        "fleet.toml",
        format!(
            "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:{broker_port}\"\n[store]\n\
             db = \"fleet.sqlite\"\nclips = \"clips/\"\n"
        ),
    )?;
    write(
        "courtside.toml",
        format!(
            "schema = 1\n[box]\ntenant = \"{TENANT}\"\ndevice = \"{DEVICE}\"\ndata_dir = \"box\"\n\
             [mqtt]\nurl = \"mqtt://127.0.0.1:{broker_port}\"\n[[source]]\nname = \"{DEVICE}\"\n\
             kind = \"rtmp\"\nlisten = \"127.0.0.1:{rtmp_port}\"\napp = \"{APP}\"\n\
             key = \"{KEY}\"\nsport = \"basketball\"\n[clips]\npre_roll_s = 6.0\n\
             post_roll_s = 4.0\n"
        ),
    )
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

fn start_appliance(folder: &Path) -> Result<Program> {
    const PACKS: &str = "COURTSIDE_PACKS";
    let mut command = built("courtside")?;
    // The packs of the repository that this program was built from, unless others are to be shown.
    if std::env::var_os(PACKS).is_none() {
        command.env(PACKS, Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/packs"));
    }
    command.args(["run", "--config", "courtside.toml"]).current_dir(folder);
    Program::start("courtside", command, &folder.join("courtside.log"))
}
