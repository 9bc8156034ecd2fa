//! Several streams on one port: who calls is asked about before it is let in.
//!
//! Owns the callback of libsrt and what it may do. Must not decide who is let in: that is
//! [`Admit`]'s.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use libc::sockaddr;

use crate::address;
use crate::connection::Connection;
use crate::ffi::{self, Handle, SocketOption};
use crate::library::Fault;
use crate::options::{Options, OptionsError, Passphrase, milliseconds};
use crate::rejection::Rejection;
use crate::socket::{self, Socket, Waiter};

/// Who calls and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Where it calls from.
    pub peer: SocketAddr,
    /// What it says it brings, as it came; empty if it says nothing. Callers that send no UTF-8
    /// are refused before this.
    pub stream_id: &'a str,
    /// 5 for every SRT since 1.3; 4 for older ones, which cannot send a stream id.
    pub handshake_version: i32,
}

/// How a caller is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Without encryption; a caller that has a passphrase is turned away by libsrt.
    Plain,
    /// With this passphrase; a caller that has another one, or none, is turned away by libsrt.
    Encrypted(Passphrase),
}

/// Decides about a caller. Called by libsrt's receiving thread of the port, on which every stream
/// of that port waits meanwhile: look something up, and wait for nothing. An admitted caller may
/// still fail, on a wrong passphrase as an example, so take notes at [`Listener::accept`]. A panic
/// turns the caller away.
pub type Admit = Box<dyn Fn(&Request<'_>) -> Result<Admission, Rejection> + Send + Sync>;

/// A port that callers may call. Dropping it ends it, but none of its connections.
pub struct Listener {
    // Before `context` and so dropped before it: libsrt uses it until then.
    socket: Socket,
    waiter: Waiter,
    address: SocketAddr,
    _context: Arc<Context>,
}

struct Context {
    admit: Admit,
}

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The options do not hold.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The address cannot be had.
    #[error(
        "UDP {address} cannot be listened on for SRT: {fault}; choose a free port and an address \
         of this machine"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What libsrt says.
        fault: Fault,
    },
    /// libsrt failed otherwise.
    #[error("no SRT port could be opened: {0}; check memory and the number of threads allowed")]
    Failed(#[from] Fault),
}

/// Why a port accepts nobody any more.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// libsrt failed; the port is of no use any more.
    #[error("the SRT port {address} accepts nobody any more: {fault}; open it anew")]
    Failed {
        /// The port.
        address: SocketAddr,
        /// What libsrt says.
        fault: Fault,
    },
}

impl Listener {
    /// Opens a UDP port for callers; port 0 takes a free one. `[::]` takes IPv4 as well.
    ///
    /// # Errors
    /// [`OpenError`] if the options do not hold or the address cannot be had.
    pub fn open(address: SocketAddr, options: &Options, admit: Admit) -> Result<Self, OpenError> {
        options.check()?;
        let socket = Socket::new(options)?;
        // The waiter waits, and under a timeout.
        socket.set(SocketOption::ReceiveBlocks, 0)?;
        let taken = |fault| OpenError::Bind { address, fault };
        socket.bind(address).map_err(taken)?;
        let waiter = Waiter::new(&socket)?;
        let context = Arc::new(Context { admit });
        // SAFETY: `ask` may be called by any thread, as `Context` is `Sync`, and the context is
        // dropped after the socket.
        unsafe { socket.listen(ask, &context) }.map_err(taken)?;
        let address = socket.own_name()?.unwrap_or(address);
        Ok(Self { socket, waiter, address, _context: context })
    }

    /// The address with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next caller that was let in. `None` if there was none in time.
    ///
    /// # Errors
    /// [`AcceptError`] if the port is of no use any more.
    pub fn accept(&self, timeout: Duration) -> Result<Option<Connection>, AcceptError> {
        let failed = |fault| AcceptError::Failed { address: self.address, fault };
        match self.take() {
            Ok(None) => {}
            taken => return taken.map_err(failed),
        }
        match self.waiter.wait(milliseconds(timeout)) {
            Ok(()) => self.take().map_err(failed),
            Err(fault) if fault.is_timeout() => Ok(None),
            Err(fault) => Err(failed(fault)),
        }
    }

    /// A caller that is there already.
    fn take(&self) -> Result<Option<Connection>, Fault> {
        let socket = match self.socket.accept() {
            Ok(socket) => socket,
            Err(fault) if fault.is_timeout() => return Ok(None),
            Err(fault) => return Err(fault),
        };
        match Connection::accepted(socket) {
            // It hung up in between; that is no fault of the port's.
            Err(fault) if fault.is_end() => Ok(None),
            result => result,
        }
    }
}

impl Context {
    fn judge(&self, request: &Request<'_>, handle: Handle) -> Result<(), Rejection> {
        // What the closure leaves behind after a panic is its own to look after: it is `Sync`.
        let verdict = catch_unwind(AssertUnwindSafe(|| (self.admit)(request)));
        match verdict.unwrap_or(Err(Rejection::Internal))? {
            Admission::Plain => Ok(()),
            Admission::Encrypted(passphrase) => {
                socket::encrypt(handle, &passphrase).map_err(|_| Rejection::Internal)
            }
        }
    }
}

/// `srt_listen_callback_fn`: 0 lets the caller in, -1 turns it away.
///
/// # Safety
/// `opaque` is the address of a [`Context`] that is alive, `peer` that of an address and
/// `stream_id` that of a terminated text or null.
unsafe extern "C" fn ask(
    opaque: *mut c_void,
    handle: Handle,
    handshake_version: c_int,
    peer: *const sockaddr,
    stream_id: *const c_char,
) -> c_int {
    // SAFETY: this function's own condition.
    let context = unsafe { &*opaque.cast::<Context>() };
    // SAFETY: this function's own condition; libsrt knows no other families than the two.
    let peer = unsafe { address::read(peer) };
    let stream_id = if stream_id.is_null() {
        c""
    } else {
        // SAFETY: this function's own condition; the text stays during this call.
        unsafe { CStr::from_ptr(stream_id) }
    };
    let verdict = match (peer, stream_id.to_str()) {
        (Some(peer), Ok(stream_id)) => {
            context.judge(&Request { peer, stream_id, handshake_version }, handle)
        }
        (None, _) | (_, Err(_)) => Err(Rejection::BadRequest),
    };
    match verdict {
        Ok(()) => 0,
        Err(rejection) => {
            // SAFETY: takes numbers only. If it fails, libsrt sends 1000, its word for any reason.
            unsafe { ffi::srt_setrejectreason(handle, c_int::from(rejection.code())) };
            ffi::SRT_ERROR
        }
    }
}
