//! Captured pictures on their way to inference and into the recording, with the real encoder and
//! decoder. The device is a script here, and a real one of the kernel in the machine of
//! `scripts/test-vm`.

mod bench;
mod scripted;
mod vivid;
