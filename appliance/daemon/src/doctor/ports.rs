//! Network ports as the kernel shows them: up or not, how fast, and what they lost.
//!
//! [`read`] takes what is below a root folder, so that tests use a tree of their own; the rest is
//! pure.

use std::fs;
use std::path::Path;

use super::report::{Check, Verdict};

/// Slower ports hold a camera and its clips up, in Mbit/s.
const SPEED_MIN: u32 = 100;
/// More than this share of damaged packets is no accident.
const ERRORS_MAX: f64 = 1e-4;

/// One port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    name: String,
    kind: Kind,
    /// `operstate`: `up`, `down`, or `unknown` of ports that do not know.
    state: String,
    /// In Mbit/s; `None` where the driver does not say, and without a link.
    speed: Option<u32>,
    duplex: Option<String>,
    received: u64,
    sent: u64,
    /// Packets that came or went damaged.
    errors: u64,
}

/// Whether a port has a plug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Device,
    /// Made by software: a bridge, a tunnel, the inside of a container.
    Virtual,
}

/// The ports below `root` (`/` on a box) but for the loopback, by name.
pub(super) fn read(root: &Path) -> Vec<Port> {
    let folder = root.join("sys/class/net");
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut ports: Vec<Port> = entries
        // A file there is no port: `bonding_masters` is one.
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name != "lo")
        .map(|name| port(&folder, name))
        .collect();
    ports.sort_by(|one, other| one.name.cmp(&other.name));
    ports
}

fn port(folder: &Path, name: String) -> Port {
    let folder = folder.join(&name);
    let text = |file: &str| {
        let read = fs::read_to_string(folder.join(file)).ok()?;
        Some(read.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let count = |file: &str| {
        text(&format!("statistics/{file}")).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
    };
    Port {
        kind: if folder.join("device").exists() { Kind::Device } else { Kind::Virtual },
        state: text("operstate").unwrap_or_else(|| "unknown".to_owned()),
        // -1 where there is none.
        speed: text("speed").and_then(|text| text.parse().ok()).filter(|speed| *speed > 0),
        duplex: text("duplex").filter(|duplex| duplex != "unknown"),
        received: count("rx_packets"),
        sent: count("tx_packets"),
        errors: count("rx_errors") + count("tx_errors"),
        name,
    }
}

/// What is thought of them: one check for each, and one more where none is up.
pub(super) fn checks(ports: &[Port]) -> Vec<Check> {
    let mut checks: Vec<Check> = ports.iter().map(check).collect();
    if ports.iter().all(|port| port.state == "down") {
        let advice = "plug a network cable in; its light at the port must be on";
        checks.push(Check::bad("ports", "no network port is up", advice));
    }
    checks
}

fn check(port: &Port) -> Check {
    let Port { name, kind, state, speed, duplex, received, sent, errors } = port;
    let title = format!("port {name}");
    if state == "down" {
        return Check::not_checked(title, "no link", "nothing to do if nothing is plugged in");
    }
    let speed_told = match (speed, kind) {
        (Some(speed), _) => format!("{speed} Mbit/s"),
        (None, Kind::Device) => "no speed told".to_owned(),
        (None, Kind::Virtual) => "made by software".to_owned(),
    };
    let duplex_told = duplex.as_ref().map(|duplex| format!(", {duplex} duplex"));
    let found = format!(
        "{state}, {speed_told}{}, {errors} damaged of {} packets",
        duplex_told.unwrap_or_default(),
        received + sent
    );
    let found = Check::good(title, found)
        .figure("speed_mbit_s", speed.map_or(f64::NAN, f64::from))
        .figure("packets", (received + sent) as f64)
        .figure("packets_damaged", *errors as f64);
    let share = *errors as f64 / (received + sent).max(1) as f64;
    // What software makes has no cable.
    let is_slow = *kind == Kind::Device && speed.is_some_and(|speed| speed < SPEED_MIN);
    if is_slow || duplex.as_deref() == Some("half") {
        let advice = "change the cable, or set the switch to negotiate: the port agreed on less \
                      than 100 Mbit/s in both directions";
        found.with_advice(Verdict::Warning, advice)
    } else if share > ERRORS_MAX {
        found.with_advice(Verdict::Warning, "packets are damaged: change the cable or its plugs")
    } else {
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, port: &str, files: &[(&str, &str)]) {
        for (file, text) in files {
            let path = root.join("sys/class/net").join(port).join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, format!("{text}\n")).expect("writable");
        }
    }

    #[test]
    fn ports_are_read_as_the_kernel_shows_them() {
        let root = tempfile::tempdir().expect("a folder");
        write(
            root.path(),
            "enp1s0",
            &[
                ("device/vendor", "0x8086"),
                ("operstate", "up"),
                ("speed", "1000"),
                ("duplex", "full"),
                ("statistics/rx_packets", "1000000"),
                ("statistics/tx_packets", "500000"),
                ("statistics/rx_errors", "3"),
                ("statistics/tx_errors", "0"),
            ],
        );
        write(
            root.path(),
            "enp2s0",
            &[("device/vendor", "0x8086"), ("operstate", "down"), ("speed", "-1")],
        );
        write(root.path(), "lo", &[("operstate", "unknown")]);
        write(root.path(), "wg0", &[("operstate", "unknown")]);
        fs::write(root.path().join("sys/class/net/bonding_masters"), "").expect("writable");
        let checks = checks(&read(root.path()));
        let told: Vec<_> =
            checks.iter().map(|c| (c.name.as_str(), c.verdict, c.found.as_str())).collect();
        assert_eq!(
            told,
            [
                (
                    "port enp1s0",
                    Verdict::Good,
                    "up, 1000 Mbit/s, full duplex, 3 damaged of 1500000 packets"
                ),
                ("port enp2s0", Verdict::NotChecked, "no link"),
                ("port wg0", Verdict::Good, "unknown, made by software, 0 damaged of 0 packets"),
            ]
        );
    }

    fn port(edit: impl Fn(&mut Port)) -> Port {
        let mut port = Port {
            name: "eth0".to_owned(),
            kind: Kind::Device,
            state: "up".to_owned(),
            speed: Some(1_000),
            duplex: Some("full".to_owned()),
            received: 90_000,
            sent: 10_000,
            errors: 0,
        };
        edit(&mut port);
        port
    }

    #[test]
    fn slow_half_and_damaging_ports_are_warnings() {
        let verdict = |edit: fn(&mut Port)| check(&port(edit)).verdict;
        assert_eq!(verdict(|_| ()), Verdict::Good);
        assert_eq!(verdict(|port| port.speed = Some(100)), Verdict::Good);
        assert_eq!(verdict(|port| port.speed = Some(10)), Verdict::Warning);
        assert_eq!(verdict(|port| port.duplex = Some("half".to_owned())), Verdict::Warning);
        assert_eq!(verdict(|port| port.errors = 5), Verdict::Good);
        assert_eq!(verdict(|port| port.errors = 50), Verdict::Warning);
    }

    #[test]
    fn box_without_a_link_or_without_a_port_is_told_to_plug_in() {
        let down = port(|port| port.state = "down".to_owned());
        for ports in [vec![], vec![down]] {
            let checks = checks(&ports);
            assert_eq!(checks.last().map(|check| check.verdict), Some(Verdict::Bad));
        }
    }
}
