//! The stages from access unit to event and clip, and the links between them.
#![forbid(unsafe_code)]

pub mod cut;
pub mod mp4;
pub mod record;
