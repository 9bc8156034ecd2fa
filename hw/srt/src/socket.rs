//! One socket of libsrt, closed when dropped.
//!
//! Owns the handle and every call that takes one. Each method is one call of libsrt with its
//! lengths and pointers in order; what the results mean is said elsewhere.

use std::ffi::{c_char, c_int, c_void};
use std::net::SocketAddr;
use std::ptr::null_mut;
use std::sync::Arc;

use crate::address::{self, Name};
use crate::ffi::{self, Handle, ListenCallback, SocketOption};
use crate::library::{self, Fault};
use crate::options::{
    MESSAGE_BYTES_MAX, Options, Passphrase, RECEIVE_BUFFER_BYTES_MAX, milliseconds,
};
use crate::statistics::Statistics;
use crate::stream_id::STREAM_ID_BYTES_MAX;

/// How many callers may wait to be accepted; further ones are turned away by libsrt.
const BACKLOG: c_int = 16;

/// A socket. libsrt guards each with locks of its own, so that threads may share it.
#[derive(Debug)]
pub(crate) struct Socket(Handle);

impl Socket {
    /// A new socket for live messages.
    pub(crate) fn new(options: &Options) -> Result<Self, Fault> {
        library::start()?;
        // SAFETY: takes nothing, and the library is started.
        let handle = unsafe { ffi::srt_create_socket() };
        if handle == ffi::SRT_INVALID_SOCK {
            return Err(Fault::last("srt_create_socket"));
        }
        let socket = Self(handle);
        // First, as it sets others.
        socket.set(SocketOption::TransmissionType, ffi::SRTT_LIVE)?;
        socket.set(SocketOption::TimestampDelivery, 1)?;
        socket.set(SocketOption::DropTooLate, 1)?;
        socket.set(SocketOption::EnforcedEncryption, 1)?;
        socket.set(SocketOption::PayloadSize, MESSAGE_BYTES_MAX as i32)?;
        socket.set(SocketOption::ReceiveBuffer, RECEIVE_BUFFER_BYTES_MAX as i32)?;
        // A sender keeps what the receiver may ask for again, which is as much.
        socket.set(SocketOption::SendBuffer, RECEIVE_BUFFER_BYTES_MAX as i32)?;
        socket.set(SocketOption::Latency, milliseconds(options.latency))?;
        socket.set(SocketOption::PeerIdleTimeout, milliseconds(options.peer_idle))?;
        Ok(socket)
    }

    pub(crate) fn set(&self, option: SocketOption, value: i32) -> Result<(), Fault> {
        set(self.0, option, &value.to_ne_bytes())
    }

    pub(crate) fn set_text(&self, option: SocketOption, text: &[u8]) -> Result<(), Fault> {
        set(self.0, option, text)
    }

    /// What the caller said it brings; up to the first zero byte, as the listener was asked.
    pub(crate) fn stream_id(&self) -> Result<Vec<u8>, Fault> {
        let mut text = [0_u8; STREAM_ID_BYTES_MAX + 1];
        let mut length = text.len() as c_int;
        let option = SocketOption::StreamId as c_int;
        let room = text.as_mut_ptr().cast::<c_void>();
        // SAFETY: writes at most `length` bytes at `room`, which is that long.
        let result = unsafe { ffi::srt_getsockflag(self.0, option, room, &raw mut length) };
        done(result, "srt_getsockflag")?;
        let length = usize::try_from(length).unwrap_or(0).min(text.len());
        Ok(text[..length].iter().copied().take_while(|byte| *byte != 0).collect())
    }

    pub(crate) fn bind(&self, address: SocketAddr) -> Result<(), Fault> {
        if address.is_ipv6() {
            // `[::]` takes IPv4 callers too, as people expect; libsrt wants to be told.
            self.set(SocketOption::Ipv6Only, 0)?;
        }
        let name = Name::from(address);
        let (name, length) = name.as_raw();
        // SAFETY: `name` points to `length` bytes of an address, which libsrt copies.
        done(unsafe { ffi::srt_bind(self.0, name, length) }, "srt_bind")
    }

    /// Starts to listen; `callback` is asked about each caller, with the address of `context`.
    ///
    /// # Safety
    /// `callback` may be called by any thread with any caller until this socket was dropped, and
    /// `context` must stay alive for as long.
    pub(crate) unsafe fn listen<T: Sync>(
        &self,
        callback: ListenCallback,
        context: &Arc<T>,
    ) -> Result<(), Fault> {
        let opaque = Arc::as_ptr(context).cast_mut().cast::<c_void>();
        // SAFETY: this function's own condition; libsrt passes `opaque` on and does no more.
        let result = unsafe { ffi::srt_listen_callback(self.0, Some(callback), opaque) };
        done(result, "srt_listen_callback")?;
        // SAFETY: takes numbers only.
        done(unsafe { ffi::srt_listen(self.0, BACKLOG) }, "srt_listen")
    }

    /// The caller that has waited longest of those that the callback let in. Does not wait if the
    /// socket is set not to.
    pub(crate) fn accept(&self) -> Result<Self, Fault> {
        // SAFETY: null pointers mean that the address is not wanted.
        let handle = unsafe { ffi::srt_accept(self.0, null_mut(), null_mut()) };
        if handle == ffi::SRT_INVALID_SOCK {
            return Err(Fault::last("srt_accept"));
        }
        Ok(Self(handle))
    }

    pub(crate) fn connect(&self, address: SocketAddr) -> Result<(), Fault> {
        let name = Name::from(address);
        let (name, length) = name.as_raw();
        // SAFETY: `name` points to `length` bytes of an address, which libsrt copies.
        done(unsafe { ffi::srt_connect(self.0, name, length) }, "srt_connect")
    }

    /// `SRT_REJECT_REASON` of a failed connect, or the code of the other side's application.
    pub(crate) fn rejection(&self) -> (i32, String) {
        // SAFETY: takes a number only.
        let code = unsafe { ffi::srt_getrejectreason(self.0) };
        // SAFETY: takes a number only; returns a constant for every one.
        let words = unsafe { ffi::srt_rejectreason_str(code) };
        // SAFETY: libsrt's constants are terminated.
        (code, unsafe { library::text(words) })
    }

    /// The address that the socket is bound to.
    pub(crate) fn own_name(&self) -> Result<Option<SocketAddr>, Fault> {
        let mut room = address::room();
        let mut length = size_of_val(&room) as c_int;
        let name = (&raw mut room).cast();
        // SAFETY: writes at most `length` bytes at `name`, which is that long.
        let result = unsafe { ffi::srt_getsockname(self.0, name, &raw mut length) };
        done(result, "srt_getsockname")?;
        // SAFETY: libsrt wrote a whole address of either kind; `room` is as long as the longer.
        Ok(unsafe { address::read(name) })
    }

    /// The address at the other end.
    pub(crate) fn peer_name(&self) -> Result<Option<SocketAddr>, Fault> {
        let mut room = address::room();
        let mut length = size_of_val(&room) as c_int;
        let name = (&raw mut room).cast();
        // SAFETY: writes at most `length` bytes at `name`, which is that long.
        let result = unsafe { ffi::srt_getpeername(self.0, name, &raw mut length) };
        done(result, "srt_getpeername")?;
        // SAFETY: libsrt wrote a whole address of either kind; `room` is as long as the longer.
        Ok(unsafe { address::read(name) })
    }

    /// The next message; its length.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let length = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
        let room = buffer.as_mut_ptr().cast::<c_char>();
        // SAFETY: writes at most `length` bytes at `room`, which is at least that long.
        let received = unsafe { ffi::srt_recvmsg(self.0, room, length) };
        usize::try_from(received).map_err(|_| Fault::last("srt_recvmsg"))
    }

    /// Takes over one message to be sent.
    pub(crate) fn send(&self, message: &[u8]) -> Result<(), Fault> {
        let length = c_int::try_from(message.len()).unwrap_or(c_int::MAX);
        let bytes = message.as_ptr().cast::<c_char>();
        // SAFETY: copies `length` bytes from `bytes`, which is at least that long.
        done(unsafe { ffi::srt_send(self.0, bytes, length) }, "srt_send")
    }

    /// The counters since the connection began.
    pub(crate) fn statistics(&self) -> Result<Statistics, Fault> {
        let mut trace = ffi::Trace::default();
        // SAFETY: writes one `SRT_TRACEBSTATS`, for which there is room and some to spare.
        done(unsafe { ffi::srt_bstats(self.0, &raw mut trace, 0) }, "srt_bstats")?;
        Ok(Statistics::from(&trace))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: takes a number only. After it no callback runs: libsrt calls it under the lock
        // under which it takes a listener off its port here. Fails if the socket is gone already.
        unsafe { ffi::srt_close(self.0) };
    }
}

/// What waits for something to happen at one socket; released when dropped.
///
/// It must be told of a listener before that listens: libsrt 1.5.1 tells of callers when they come,
/// and of none that came before. That is why `srt_accept_bond` is of no use, which makes one of
/// these for each call.
#[derive(Debug)]
pub(crate) struct Waiter(c_int);

impl Waiter {
    pub(crate) fn new(socket: &Socket) -> Result<Self, Fault> {
        // SAFETY: takes nothing, and the library was started for `socket`.
        let set = unsafe { ffi::srt_epoll_create() };
        done(set, "srt_epoll_create")?;
        let waiter = Self(set);
        let events = ffi::SRT_EPOLL_IN | ffi::SRT_EPOLL_ERR;
        // SAFETY: reads one number at `events`.
        let result = unsafe { ffi::srt_epoll_add_usock(set, socket.0, &raw const events) };
        done(result, "srt_epoll_add_usock")?;
        Ok(waiter)
    }

    /// Waits until there is something to receive, to accept or to fail.
    pub(crate) fn wait(&self, timeout_ms: i32) -> Result<(), Fault> {
        let mut ready = ffi::Ready { socket: 0, events: 0 };
        // SAFETY: writes at most one event at `ready`.
        let result =
            unsafe { ffi::srt_epoll_uwait(self.0, &raw mut ready, 1, i64::from(timeout_ms)) };
        done(result, "srt_epoll_uwait")
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // SAFETY: takes a number only; it forgets its sockets.
        unsafe { ffi::srt_epoll_release(self.0) };
    }
}

/// Gives a socket that is about to be accepted its secret. Only for use inside the callback: it
/// is no [`Socket`] yet.
pub(crate) fn encrypt(handle: Handle, passphrase: &Passphrase) -> Result<(), Fault> {
    set(handle, SocketOption::Passphrase, passphrase.as_bytes())
}

fn set(handle: Handle, option: SocketOption, value: &[u8]) -> Result<(), Fault> {
    let length = c_int::try_from(value.len()).unwrap_or(c_int::MAX);
    let bytes = value.as_ptr().cast::<c_void>();
    // SAFETY: copies `length` bytes from `bytes`, which is at least that long; libsrt refuses a
    // length that does not fit the option.
    let result = unsafe { ffi::srt_setsockflag(handle, option as c_int, bytes, length) };
    done(result, "srt_setsockflag")
        .map_err(|fault| Fault { words: format!("{} of {option:?}", fault.words), ..fault })
}

/// Most functions return -1 for a failure.
fn done(result: c_int, call: &'static str) -> Result<(), Fault> {
    if result == ffi::SRT_ERROR { Err(Fault::last(call)) } else { Ok(()) }
}
