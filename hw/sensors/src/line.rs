//! How much of what was written to a TCP connection the other side has not acknowledged.
//!
//! Of uploads over HTTP nothing else tells before the server's answer, which comes once, at the end.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Bytes that wait in the kernel: not sent yet, or sent and not acknowledged.
///
/// # Errors
/// The kernel's reason; a descriptor that is no socket is one.
///
/// Source: `SIOCOUTQ` in tcp(7).
pub fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is borrowed for the call, and the kernel writes one int.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    u32::try_from(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn what_nobody_reads_waits_and_what_is_read_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut box_side = TcpStream::connect(address).expect("somebody listens");
        let (mut server, _) = listener.accept().expect("the box");
        assert_eq!(unacknowledged(box_side.as_fd()).expect("a socket"), 0);
        box_side.set_nonblocking(true).expect("a socket");
        let mut written = 0;
        // Until the server's buffer and our own are full.
        while let Ok(more) = box_side.write(&[7; 65_536]) {
            written += more;
        }
        let waiting = unacknowledged(box_side.as_fd()).expect("a socket") as usize;
        assert!(0 < waiting && waiting < written, "{waiting} of {written}");
        let mut read = vec![0; written];
        server.read_exact(&mut read).expect("all of it");
        // The last acknowledgement is on its way.
        while unacknowledged(box_side.as_fd()).expect("a socket") > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn file_has_no_line() {
        let file = tempfile::tempfile().expect("a file");
        assert!(unacknowledged(file.as_fd()).is_err());
    }
}
