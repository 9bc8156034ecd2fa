//! Broker, receiver and small box as processes that start again by themselves, as systemd has it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use faults::{CLOCK_VARIABLE, ORDER_VARIABLE};
use tokio::process::Command;
use tokio::time::Instant;

use super::disk::Disk;
use super::plan::ClipWay;
use crate::program::{Program, built_folder};
use crate::venue::{ROLES, Role, free_port};

/// Between a program's end and its next start; the unit's 2 s would only make the proof longer.
const RESTART: Duration = Duration::from_millis(200);
/// The folder beside ours with the programs that have fail points.
const ARMED: &str = "faults/debug";

/// See the module.
#[derive(Debug)]
pub(super) struct Stage {
    /// In the order of [`ROLES`]. Before the disks: what is dropped first is killed first.
    slots: [Slot; 3],
    folder: PathBuf,
    armed: PathBuf,
    port: u16,
    seed: u64,
    /// Where clips go by links, if they do.
    bucket: Option<s3_server::Server>,
    box_disk: Disk,
    fleet_disk: Disk,
}

#[derive(Debug, Default)]
struct Slot {
    program: Option<Program>,
    restart_at: Option<Instant>,
}

/// What the small box does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Makes events and clips.
    Generate,
    /// Delivers what is left.
    Empty,
}

impl Stage {
    /// Prepares everything in `folder`.
    ///
    /// # Errors
    /// When a folder or file cannot be made, or the programs with fail points are not built.
    pub(super) async fn open(folder: &Path, (seed, clips): (u64, ClipWay)) -> Result<Self> {
        let armed = built_folder()?.join("..").join(ARMED);
        for name in ["smallbox", "courtside-fleet"] {
            let path = armed.join(name);
            ensure!(path.is_file(), "there is no {}; run scripts/kills --build", path.display());
        }
        let box_disk = Disk::open(&folder.join("box"))?;
        let fleet_disk = Disk::open(&folder.join("fleet"))?;
        let port = free_port().await?;
        let broker = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             set_tcp_nodelay true\n"
        );
        std::fs::write(folder.join("mosquitto.conf"), broker)?;
        let receiver = format!(
            "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n\
             [store]\ndb = \"fleet/fleet.sqlite\"\n{}\n",
            match clips {
                ClipWay::Messages => "clips = \"fleet/clips/\"".to_owned(),
                ClipWay::Links => {
                    format!("clips = \"s3://{}\"\nspool = \"fleet/clips/\"", s3_server::BUCKET)
                }
            }
        );
        let bucket = (clips == ClipWay::Links).then(s3_server::Server::start);
        std::fs::write(folder.join("fleet.toml"), receiver)?;
        let folder = folder.to_owned();
        let slots = Default::default();
        Ok(Self { folder, armed, port, seed, bucket, box_disk, fleet_disk, slots })
    }

    /// Where the receiver's database is.
    pub(super) fn database(&self) -> PathBuf {
        self.fleet_disk.folder().join("fleet.sqlite")
    }

    /// Where the receiver's clips of the box are.
    pub(super) fn received_clips(&self) -> PathBuf {
        match &self.bucket {
            Some(bucket) => bucket.object("demo/court-1"),
            None => self.spooled_clips(),
        }
    }

    /// Where the receiver keeps clips that are not whole.
    pub(super) fn spooled_clips(&self) -> PathBuf {
        self.fleet_disk.folder().join("clips/demo/court-1")
    }

    /// The bucket's server, if there is one.
    pub(super) const fn bucket(&mut self) -> Option<&mut s3_server::Server> {
        self.bucket.as_mut()
    }

    /// Where the box keeps its store and clips.
    pub(super) fn box_folder(&self) -> &Path {
        self.box_disk.folder()
    }

    /// Where the box writes down what is durable.
    pub(super) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger.jsonl")
    }

    /// The disk of the box or the receiver.
    pub(super) fn disk(&self, role: Role) -> &Disk {
        if role == Role::Appliance { &self.box_disk } else { &self.fleet_disk }
    }

    /// Starts a program now.
    ///
    /// # Errors
    /// When it is missing.
    pub(super) fn start(&mut self, role: Role, task: Task) -> Result<()> {
        let mut command = match role {
            Role::Broker => {
                let mut command = Command::new("mosquitto");
                command.args(["-c", "mosquitto.conf"]);
                command
            }
            Role::Receiver => {
                let mut command = Command::new(self.armed.join("courtside-fleet"));
                command.args(["receive", "--config", "fleet.toml", "--json"]);
                if let Some(bucket) = &self.bucket {
                    command.envs(bucket.environment());
                }
                command
            }
            Role::Appliance => {
                let mut command = Command::new(self.armed.join("smallbox"));
                command.args(["--data", "box", "--ledger", "ledger.jsonl"]);
                command.arg("--port").arg(self.port.to_string());
                command.arg("--seed").arg(self.seed.to_string());
                command.arg("--task").arg(match task {
                    Task::Generate => "generate",
                    Task::Empty => "empty",
                });
                if self.bucket.is_some() {
                    command.args(["--clips", "links"]);
                }
                command
            }
        };
        command
            .current_dir(&self.folder)
            .env("RUST_LOG", "warn")
            .env(ORDER_VARIABLE, self.file(role, "order"))
            .env(CLOCK_VARIABLE, self.file(role, "clock"));
        let name = super::plan::role_label(role);
        let log = self.log(role);
        let program = Program::start(name, command, &log).context("a program of the stage")?;
        *self.slot(role) = Slot { program: Some(program), restart_at: None };
        Ok(())
    }

    /// What a program has said.
    pub(super) fn log(&self, role: Role) -> PathBuf {
        self.folder.join(format!("{}.log", super::plan::role_label(role)))
    }

    /// Notes programs that ended, and starts those whose time has come. Returns who ended.
    ///
    /// # Errors
    /// When a program cannot be started.
    pub(super) fn tend(&mut self) -> Result<Vec<Role>> {
        let mut ended = Vec::new();
        for role in ROLES {
            let slot = self.slot(role);
            if let Some(program) = &mut slot.program
                && program.ended()?.is_some()
            {
                *slot = Slot { program: None, restart_at: Some(Instant::now() + RESTART) };
                ended.push(role);
            }
            let slot = self.slot(role);
            if slot.restart_at.is_some_and(|at| at <= Instant::now()) {
                self.start(role, Task::Generate)?;
            }
        }
        Ok(ended)
    }

    /// `kill -9`; it starts again by itself.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub(super) async fn kill(&mut self, role: Role) -> Result<()> {
        let slot = self.slot(role);
        if let Some(mut program) = slot.program.take() {
            program.kill().await?;
            slot.restart_at = Some(Instant::now() + RESTART);
        }
        Ok(())
    }

    /// `kill -9`; it stays down until it is started.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub(super) async fn take_down(&mut self, role: Role) -> Result<()> {
        match std::mem::take(self.slot(role)).program {
            Some(mut program) => program.kill().await,
            None => Ok(()),
        }
    }

    /// Whether all programs run.
    pub(super) fn is_whole(&self) -> bool {
        self.slots.iter().all(|slot| slot.program.is_some())
    }

    /// Sends a signal to a program that runs.
    ///
    /// # Errors
    /// When there is no shell.
    pub(super) async fn signal(&mut self, role: Role, name: &str) -> Result<()> {
        match &self.slot(role).program {
            Some(program) => program.signal(name).await,
            None => Ok(()),
        }
    }

    /// Ends a program, which stays down.
    ///
    /// # Errors
    /// When it does not end in time.
    pub(super) async fn end(&mut self, role: Role, limit: Duration) -> Result<()> {
        if let Some(mut program) = std::mem::take(self.slot(role)).program {
            program.terminate(limit).await?;
        }
        Ok(())
    }

    /// Gives a program an order; `None` takes it back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn order(&self, role: Role, order: Option<&faults::Order>) -> Result<()> {
        let text = order.map(ToString::to_string).unwrap_or_default();
        self.replace(role, ("order", &text))
    }

    /// Sets a program's clock wrong by so many microseconds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn set_clock(&self, role: Role, error_us: i64) -> Result<()> {
        self.replace(role, ("clock", &error_us.to_string()))
    }

    /// By renaming, so that nobody reads half of it.
    fn replace(&self, role: Role, (kind, text): (&str, &str)) -> Result<()> {
        let path = self.file(role, kind);
        let draft = path.with_extension("draft");
        std::fs::write(&draft, text)?;
        Ok(std::fs::rename(&draft, &path)?)
    }

    fn file(&self, role: Role, kind: &str) -> PathBuf {
        self.folder.join(format!("{}-{kind}.txt", super::plan::role_label(role)))
    }

    fn slot(&mut self, role: Role) -> &mut Slot {
        let [broker, receiver, appliance] = &mut self.slots;
        match role {
            Role::Broker => broker,
            Role::Receiver => receiver,
            Role::Appliance => appliance,
        }
    }
}
