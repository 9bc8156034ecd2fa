//! Installing packs on a box: what becomes active, what is refused, and that whatever is refused
//! leaves the pack that was active.
#![forbid(unsafe_code)]

mod bench;
mod board;
mod calibrate;
mod fallback;
#[path = "../../../../models/tests/behaviour/fixture.rs"]
#[allow(dead_code, reason = "the tests of `models` need more of it")]
mod fixture;
mod hearing;
mod install;
mod players;
mod refusals;
mod remote;
mod shed;
#[path = "../../../../hw/kserve/tests/protocol/stand_in.rs"]
#[allow(dead_code, reason = "the tests of `kserve` need more of it")]
mod stand_in;
mod swap;
mod trial;
