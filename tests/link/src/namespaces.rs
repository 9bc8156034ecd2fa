//! Two network namespaces, one at each end of the link, and what runs inside them.
//!
//! Owns the namespaces, their addresses and their end; must not know what the link does between the
//! two devices. All through the program `ip`: entering a namespace would concern the calling thread
//! and needs unsafe code, so what is to be inside is a child process ([`Namespaces::command`]).

use std::ffi::OsStr;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::tun::{self, Device};

/// The name of the link's interface in both namespaces.
pub const INTERFACE: &str = "link0";

/// Both ends.
const NETWORK: &str = "10.77.0.0/24";

/// One end of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the box is.
    Box,
    /// Where the broker and the receiver are.
    Cloud,
}

/// The ends of the link that the kernel does not see: what one side sends can be read here.
pub struct Devices {
    /// Carries what the box sends and receives.
    pub of_box: Device,
    /// Carries what the cloud sends and receives.
    pub of_cloud: Device,
}

/// Both namespaces. Dropping this kills what still runs inside, and removes them.
#[derive(Debug)]
pub struct Namespaces {
    stem: String,
}

/// Why this process cannot make namespaces.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// No permission.
    #[error(
        "this process may not make network namespaces (it lacks CAP_NET_ADMIN or CAP_SYS_ADMIN): \
         run it as root"
    )]
    Permission,
    /// No driver.
    #[error(
        "there is no {}: load the kernel's driver (modprobe tun), or give the container the device",
        tun::DEVICE_NODE
    )]
    Tun,
    /// No program `ip`.
    #[error("the program `ip` cannot be run ({0}): install iproute2 and have its folder in PATH")]
    Ip(io::Error),
}

/// Why the namespaces could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// They cannot be made by this process, whatever it does.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The kernel gives no device.
    #[error("no TUN device: {0}; is another program using the name?")]
    Device(io::Error),
    /// A program did not do what it was asked.
    #[error("`{command}` failed: {why}")]
    Failed {
        /// As it was called.
        command: String,
        /// What it said, or why it could not be run.
        why: String,
    },
    /// The kernel has no such congestion control.
    #[error("there is no congestion control `{name}`; this kernel has: {available}")]
    CongestionControl {
        /// As it was asked for.
        name: String,
        /// Those that can be asked for.
        available: String,
    },
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Box, Self::Cloud];

    /// Its address, in both namespaces.
    pub const fn address(self) -> Ipv4Addr {
        match self {
            Self::Box => Ipv4Addr::new(10, 77, 0, 1),
            Self::Cloud => Ipv4Addr::new(10, 77, 0, 2),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Cloud => "cloud",
        }
    }
}

/// Whether this process can make namespaces and devices; if not, why.
///
/// # Errors
/// When it cannot.
pub fn available() -> Result<(), Unavailable> {
    const CAP_NET_ADMIN: u64 = 1 << 12;
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities =
        capabilities.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    let needed = CAP_NET_ADMIN | CAP_SYS_ADMIN;
    if capabilities & needed != needed {
        return Err(Unavailable::Permission);
    }
    if !Path::new(tun::DEVICE_NODE).exists() {
        return Err(Unavailable::Tun);
    }
    let ip = Command::new("ip").arg("-V").stdin(Stdio::null()).output();
    ip.map(|_| ()).map_err(Unavailable::Ip)
}

impl Namespaces {
    /// Makes both, each with a device of its own that is up and has its address. Their names hold
    /// the process id, so that runs do not meet.
    ///
    /// # Errors
    /// When this process cannot, or a step of it fails; what was made by then is removed.
    pub fn make() -> Result<(Self, Devices), Error> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        available()?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let namespaces = Self { stem: format!("link-{}-{number}", process::id()) };
        // Interface names have 15 characters at most.
        let device = |side: Side| format!("l{}-{number}{}", process::id(), &side.word()[..1]);
        let of_box = namespaces.make_side(Side::Box, &device(Side::Box))?;
        let of_cloud = namespaces.make_side(Side::Cloud, &device(Side::Cloud))?;
        Ok((namespaces, Devices { of_box, of_cloud }))
    }

    /// The name of a side's namespace, as `ip netns` shows it.
    pub fn name(&self, side: Side) -> String {
        format!("{}-{}", self.stem, side.word())
    }

    /// A program to be started inside, under its own process id: `ip` becomes the program. `BOX` and
    /// `CLOUD` in its environment are the addresses.
    pub fn command(&self, side: Side, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(side)]).arg(program);
        command.env("BOX", Side::Box.address().to_string());
        command.env("CLOUD", Side::Cloud.address().to_string());
        command
    }

    /// The congestion controls that the kernel offers a side.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn congestion_controls(&self, side: Side) -> Result<Vec<String>, Error> {
        let mut cat = self.command(side, "cat");
        cat.arg("/proc/sys/net/ipv4/tcp_available_congestion_control");
        Ok(run(&mut cat)?.split_whitespace().map(str::to_owned).collect())
    }

    /// Has the TCP connections that a side begins or takes from now on use this congestion control,
    /// unless a program asks for another one.
    ///
    /// By the route, because the kernel takes `net.ipv4.tcp_congestion_control` in a namespace for
    /// those only that the whole machine allows (`tcp_allowed_congestion_control`).
    ///
    /// # Errors
    /// When the kernel has no such one; the message names those that it has.
    pub fn set_congestion_control(&self, side: Side, name: &str) -> Result<(), Error> {
        let available = self.congestion_controls(side)?;
        if !available.iter().any(|one| one == name) {
            let available = available.join(", ");
            return Err(Error::CongestionControl { name: name.to_owned(), available });
        }
        let (namespace, source) = (self.name(side), side.address().to_string());
        let route = ["route", "replace", NETWORK, "dev", INTERFACE, "src", &source];
        let change = [&["-n", &namespace][..], &route, &["congctl", name]].concat();
        ip(&change).map(|_| ())
    }

    /// Packets that a side's kernel dropped before the link saw them, because the link's thread was
    /// too slow to take them: not a property of the link, so a run in which it is not zero is spoilt.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn overruns(&self, side: Side) -> Result<u64, Error> {
        let mut cat = self.command(side, "cat");
        cat.arg(format!("/sys/class/net/{INTERFACE}/statistics/tx_dropped"));
        let text = run(&mut cat)?;
        let why = |_| failed(&cat, format!("`{}` is no number", text.trim()));
        text.trim().parse().map_err(why)
    }

    fn make_side(&self, side: Side, interface: &str) -> Result<Device, Error> {
        let name = self.name(side);
        let namespace = name.as_str();
        ip(&["netns", "add", namespace])?;
        // Otherwise the kernel sends packets of its own, which would be in the counters.
        self.set(side, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")?;
        self.set(side, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
        let device = tun::open(interface).map_err(Error::Device)?;
        ip(&["link", "set", interface, "netns", namespace, "name", INTERFACE])?;
        let address = format!("{}/24", side.address());
        ip(&["-n", namespace, "address", "add", &address, "dev", INTERFACE])?;
        ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        ip(&["-n", namespace, "link", "set", INTERFACE, "up"])?;
        Ok(device)
    }

    /// Writes a kernel setting of one side, if the kernel has it.
    fn set(&self, side: Side, file: &str, value: &str) -> Result<(), Error> {
        let mut shell = self.command(side, "sh");
        shell.args(["-c", r#"[ ! -e "$1" ] || printf %s "$2" > "$1""#, "sh", file, value]);
        run(&mut shell).map(|_| ())
    }

    /// Kills what still runs inside, each by its id.
    fn kill_all(&self, side: Side) -> Result<(), Error> {
        for id in ip(&["netns", "pids", &self.name(side)])?.split_whitespace() {
            if let Some(pid) = id.parse().ok().and_then(Pid::from_raw) {
                // It may have ended by itself in between.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        Ok(())
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for side in Side::ALL {
            let name = self.name(side);
            if !Path::new("/run/netns").join(&name).exists() {
                continue; // it was never made
            }
            let removed = self.kill_all(side).and_then(|()| ip(&["netns", "delete", &name]));
            if let Err(error) = removed {
                eprintln!("{error}; remove it by hand: ip netns delete {name}");
            }
        }
    }
}

fn ip(arguments: &[&str]) -> Result<String, Error> {
    run(Command::new("ip").args(arguments))
}

/// What the program wrote.
fn run(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(command, error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(command, format!("{}: {}", output.status, said.trim())))
}

fn failed(command: &Command, why: String) -> Error {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    Error::Failed { command: words.join(" "), why }
}
