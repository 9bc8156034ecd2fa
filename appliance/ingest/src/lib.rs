//! Bytes in, access units out: RTMP, FLV, AVC, HEVC and AAC headers.
#![forbid(unsafe_code)]
pub mod access_unit;
