//! Pulling HLS: minutes of live play against a simulated server, and playlists as they are met.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]
#![allow(clippy::single_range_in_vec_init, reason = "one run or outage is a list of them too")]

mod driver;
mod live;
mod playlists;
mod puller;
mod server;
