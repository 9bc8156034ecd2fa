//! Addresses as the system's socket interface writes them, and back.

use std::ffi::c_int;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use libc::{AF_INET, AF_INET6, in_addr, in6_addr, sockaddr, sockaddr_in, sockaddr_in6};

/// An address for libsrt to read.
pub(crate) enum Name {
    V4(sockaddr_in),
    V6(sockaddr_in6),
}

impl From<SocketAddr> for Name {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => Self::V4(sockaddr_in {
                sin_family: AF_INET as _,
                sin_port: address.port().to_be(),
                sin_addr: in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(address) => Self::V6(sockaddr_in6 {
                sin6_family: AF_INET6 as _,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            }),
        }
    }
}

impl Name {
    /// Where it is and how long, for as long as `self` is.
    pub(crate) fn as_raw(&self) -> (*const sockaddr, c_int) {
        match self {
            Self::V4(name) => ((&raw const *name).cast(), size_of_val(name) as c_int),
            Self::V6(name) => ((&raw const *name).cast(), size_of_val(name) as c_int),
        }
    }
}

/// Room for an address that libsrt writes: the longer of the two kinds.
pub(crate) fn room() -> sockaddr_in6 {
    sockaddr_in6 {
        sin6_family: 0,
        sin6_port: 0,
        sin6_flowinfo: 0,
        sin6_addr: in6_addr { s6_addr: [0; 16] },
        sin6_scope_id: 0,
    }
}

/// The address at a pointer; `None` if it is of another kind than IPv4 and IPv6. An IPv4 peer
/// of a socket for both kinds comes out as IPv4.
///
/// # Safety
/// `name` points to an address that is as long as its family says.
pub(crate) unsafe fn read(name: *const sockaddr) -> Option<SocketAddr> {
    // SAFETY: every address begins with its family.
    let family = unsafe { (*name).sa_family };
    match i32::from(family) {
        AF_INET => {
            // SAFETY: an address of this family is a `sockaddr_in`; read as bytes, so that
            // nothing is asked of the pointer's alignment.
            let v4 = unsafe { name.cast::<sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some((ip, u16::from_be(v4.sin_port)).into())
        }
        AF_INET6 => {
            // SAFETY: as above, with `sockaddr_in6`.
            let v6 = unsafe { name.cast::<sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(match ip.to_ipv4_mapped() {
                Some(ip) => (ip, port).into(),
                None => SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_went_and_mapped_ones_as_ipv4() {
        for (given, wanted) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("255.1.2.3:65535", "255.1.2.3:65535"),
            ("[2001:db8::1]:9000", "[2001:db8::1]:9000"),
            ("[::ffff:10.1.2.3]:1", "10.1.2.3:1"),
        ] {
            let name = Name::from(given.parse::<SocketAddr>().expect("an address"));
            // SAFETY: the name is alive and as long as its family says.
            let read = unsafe { read(name.as_raw().0) };
            assert_eq!(read, Some(wanted.parse().expect("an address")));
        }
    }
}
