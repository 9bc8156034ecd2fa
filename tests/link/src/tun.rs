//! TUN devices: a network interface whose packets a program reads and writes.
//!
//! Owns the opening alone; where a device goes and what it carries is for others. Through `tun-rs`:
//! its device lends out its descriptor safely (`AsFd`), which that of `tun` does not, so waiting for
//! several at once needs no unsafe code.

use std::io;

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// The largest packet: Ethernet's, as on most lines.
pub const MTU: u16 = 1_500;

/// Where the kernel gives out TUN devices.
pub const DEVICE_NODE: &str = "/dev/net/tun";

/// A TUN device. It disappears when this is dropped, wherever it was moved to.
pub type Device = SyncDevice;

/// Makes a device of this name, of whole IP packets without a header, that is still down. Reads and
/// writes do not wait.
///
/// The kernel puts no segments together for it (no offload): what is read is what the line carries.
///
/// # Errors
/// When the kernel refuses: no permission, no such driver, or a name that is taken.
pub fn open(name: &str) -> io::Result<Device> {
    let builder = DeviceBuilder::new().name(name).layer(Layer::L3).mtu(MTU);
    let device = builder.offload(false).packet_information(false).enable(false).build_sync()?;
    device.set_nonblocking(true)?;
    Ok(device)
}
