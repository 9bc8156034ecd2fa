//! What Courtside asks of hardware: capture, decoding, encoding, inference, sensors and time, as
//! traits, and the handle by which a picture travels.
//!
//! Knows no vendor and no policy. Drivers (`hw/libav`, `hw/sensors`, `models` for inference)
//! implement these traits, `daemon` picks them, `pipeline` uses them.

pub mod capture;
pub mod clock;
pub mod decode;
pub mod encode;
pub mod infer;
pub mod link_mutex;
pub mod nal;
pub mod nv12;
pub mod sensors;
pub mod surface;

pub use clock::Clock;
pub use link_mutex::LinkMutex;
pub use surface::{PixelFormat, Scan, Surface};
