//! Game events and a frame index in, clip plans out.
//!
//! [`planner`] turns events into stretches of a source's timeline that are worth a clip, merges
//! overlapping ones and says when each is due. [`snap`](mod@snap) fits such a stretch to frames
//! that exist: which keyframe decoding starts from and which frames are shown.
//!
//! Pure: no clock, no file, no allocation. Time is the source's [`wire::time::MediaTime`];
//! `pipeline::director` feeds the planner, `pipeline::cut` carries its plans out.
#![no_std]
#![forbid(unsafe_code)]

pub mod planner;
pub mod snap;
