//! A link emulator in user space: what lies between a box and the cloud, with a rate, a delay, a
//! queue, losses and outages, between two network namespaces of this machine.
//!
//! The bottleneck is outside both kernels, as it is in the field: a shaper on the sender's own
//! interface would push back on its sockets, and hide what a queue far away does to latency.
//! [`testbed::Testbed`] is where to begin; how exact it is: `docs/link-emulator.md`.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use link::emulator::Way;
//! use link::model::{Change, Settings};
//! use link::namespaces::Side;
//! use link::testbed::{Direction, Plan, Testbed};
//! use link::units::{BitsPerSecond, Bytes, PerMillion};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let up = Settings {
//!     rate: BitsPerSecond::from_mbit(10),
//!     delay: Duration::from_millis(25),
//!     queue: Bytes::from_kib(128),
//!     loss: PerMillion(0),
//! };
//! let down = Settings { rate: BitsPerSecond::from_mbit(20), ..up };
//! // Known beforehand: slower after 20 s, and away from 40 to 50 s.
//! let up = Direction::steady(up)
//!     .then(Duration::from_secs(20), Change::Rate(BitsPerSecond::from_mbit(1)))
//!     .outage(Duration::from_secs(40), Duration::from_secs(10));
//! let testbed = Testbed::open(Plan { up, down: Direction::steady(down), seed: 1 })?;
//! testbed.namespaces().set_congestion_control(Side::Box, "bbr")?;
//! let mut broker = testbed.command(Side::Cloud, "mosquitto").args(["-c", "broker.conf"]).spawn()?;
//! // While it runs.
//! testbed.change(Way::Up, Change::Loss(PerMillion::from_percent(1)));
//! let before = testbed.report().up.delivered;
//! // …
//! let goodput = testbed.report().up.delivered - before;
//! broker.kill()?;
//! let report = testbed.close()?;
//! # let _ = (goodput, report);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod emulator;
pub mod lateness;
pub mod model;
pub mod namespaces;
pub mod testbed;
pub mod tun;
pub mod units;
