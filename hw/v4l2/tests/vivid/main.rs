//! The driver on a real video device of the kernel: `vivid`, an HDMI card that loses its signal,
//! changes its format, stalls and is pulled out on demand. `scripts/test-vm` brings a machine that
//! has one; elsewhere these tests are skipped.

mod repair;
mod rig;
mod signal;
mod stream;
