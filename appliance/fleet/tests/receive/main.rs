//! `courtside-fleet receive` as a program: behind a real broker, with simulated boxes that send
//! everything until it is acknowledged.

mod boxes;
#[path = "../../../mqtt/tests/broker/mod.rs"]
mod broker;
mod bucket;
mod cluster;
mod counters;
mod kills;
#[path = "../postgres/mod.rs"]
mod postgres;
mod receiver;
mod replicas;

use broker::Broker;
