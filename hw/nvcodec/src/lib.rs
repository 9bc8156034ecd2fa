//! NVIDIA's video codecs, NVDEC and NVENC, found while the box runs.
//!
//! Owns everything that touches NVIDIA's libraries: [`Gpu::find`] opens them and says what is not
//! there, [`decoder`] implements the decoder trait of `hal` with pictures that stay in the GPU's
//! memory until somebody downloads them, [`encoder`] its encoder trait. Nothing is linked: the same
//! program runs where no NVIDIA library exists. Knows no policy; whether hardware or software
//! decodes is the daemon's choice.
//! Why it is as it is: `docs/decisions/0022-hardware-codecs.md`.

mod callbacks;
pub mod decoder;
pub mod encoder;
mod gpu;
mod hardware;
mod library;
mod nvenc;
mod nvenc_functions;
mod nvenc_records;
mod picture;
mod session;

pub use gpu::Gpu;
pub use library::{Absent, Names};

/// How we are called in reports.
const DRIVER: &str = "nvcodec";
