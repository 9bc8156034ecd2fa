//! What the box knows of H.264, H.265 and AAC: decoder configuration records, parameter sets, and
//! what the NAL units of an access unit are to a decoder.
//!
//! Reads headers alone; owns no stream, and knows no container and no time.

pub(crate) mod aac;
pub(crate) mod adts;
pub(crate) mod annexb;
pub(crate) mod avc;
mod bits;
mod config;
mod content;
mod fourcc;
pub(crate) mod hevc;
pub(crate) mod nal;

pub(crate) use config::Configuration;
pub use config::RecordError;
pub(crate) use content::{Content, ParameterKind, Role, content};
pub(crate) use fourcc::fourcc_name;
