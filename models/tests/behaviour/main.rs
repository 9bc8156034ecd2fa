//! How packs, lanes and the follower behave, with real networks, run by tract: tiny ones that
//! [`fixture`] builds, and the packs that are shipped.
#![forbid(unsafe_code)]

mod ball;
mod board;
mod bundle;
mod cuts;
mod engines;
mod fixture;
mod follow;
mod foreign;
mod hoop;
mod incoming;
mod manifest;
mod pack;
mod players;
mod replays;
mod resample;
mod rim;
mod scene;
mod shipped;
mod sound;
mod trust;
