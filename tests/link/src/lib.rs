//! A link emulator in user space: what lies between a box and the cloud, with a rate, a delay, a
//! queue, losses and outages, between two network namespaces of this machine.
//!
//! The bottleneck is outside both kernels, as it is in the field: a shaper on the sender's own
//! interface would push back on its sockets, and hide what a queue far away does to latency.
//! [`testbed::Testbed`] is where to begin; how exact it is: `docs/link-emulator.md`.
#![forbid(unsafe_code)]

pub mod emulator;
pub mod lateness;
pub mod model;
pub mod namespaces;
pub mod testbed;
pub mod tun;
pub mod units;
