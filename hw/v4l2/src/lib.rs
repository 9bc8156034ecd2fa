//! SDI and HDMI capture through Video4Linux.
//!
//! Owns everything that touches `/dev/video*`: [`device`] implements [`hal::capture::Capture`],
//! [`list`] tells what is plugged in. Built on the `v4l` crate, and on ioctls of its own where that
//! has none. Knows no encoder, no policy and nothing of what becomes of a picture.
//! Design note: `docs/decisions/0021-capture.md`. Proved in a virtual machine: `scripts/test-vm`.

pub mod device;
mod fault;
mod ioctl;
pub mod ladder;
pub mod list;
mod memory;
pub mod negotiate;
mod node;
pub mod packed;
mod queue;
pub mod reset;
mod timings;

pub use device::{Device, Wanted};
pub use negotiate::Pixels;
