//! libsrt itself: started once, silent on stderr, its failures as values.
//!
//! Owns the start and the log handler. There is no stop: libsrt closes its sockets and joins its
//! threads in its destructor when the process ends.
//!
//! There may be only one libsrt in a process. Debian builds it twice, once with GnuTLS and once
//! with OpenSSL, and its FFmpeg is linked with the former. A program that is linked with FFmpeg
//! and with the latter has both in memory under the same names; each runs the other's
//! constructors and destructors, and the program crashes when it ends. So this crate is built
//! with the one that FFmpeg uses: `libsrt-gnutls-dev`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ffi;

/// A call of libsrt that failed, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// The function.
    pub call: &'static str,
    /// `SRT_ERRNO` of `srt/srt.h`.
    pub code: i32,
    /// What libsrt says about it.
    pub words: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, code, words } = self;
        write!(f, "{call} says {words:?} (error {code} of libsrt)")
    }
}

impl Fault {
    /// What the calling thread's last call failed with.
    pub(crate) fn last(call: &'static str) -> Self {
        // SAFETY: a null pointer means that the system's own error number is not wanted.
        let code = unsafe { ffi::srt_getlasterror(null_mut()) };
        // SAFETY: takes nothing; returns the thread's own text.
        let words = unsafe { ffi::srt_getlasterror_str() };
        // SAFETY: that text is terminated and stays until this thread's next call of libsrt.
        let words = unsafe { text(words) };
        Self { call, code, words }
    }

    /// Whether it says that the connection is no more. A socket whose connection broke is
    /// removed by libsrt after a while, and from then on is unknown to it.
    pub(crate) fn is_end(&self) -> bool {
        use ffi::{SRT_ECONNLOST, SRT_EINVSOCK, SRT_ENOCONN, SRT_ESCLOSED};
        matches!(self.code, SRT_ECONNLOST | SRT_ENOCONN | SRT_ESCLOSED | SRT_EINVSOCK)
    }

    /// Whether it says that nothing happened in time.
    pub(crate) fn is_timeout(&self) -> bool {
        use ffi::{SRT_EASYNCRCV, SRT_EASYNCSND, SRT_ETIMEOUT};
        matches!(self.code, SRT_EASYNCSND | SRT_EASYNCRCV | SRT_ETIMEOUT)
    }
}

/// Copies a text of libsrt's; empty for a null pointer.
///
/// # Safety
/// `words` is null, or points to a terminated text that stays as it is during the call.
pub(crate) unsafe fn text(words: *const c_char) -> String {
    if words.is_null() {
        return String::new();
    }
    // SAFETY: this function's own condition.
    unsafe { CStr::from_ptr(words) }.to_string_lossy().into_owned()
}

static COMPLAINTS: AtomicU64 = AtomicU64::new(0);

/// How many errors libsrt reported in its log since it was started. What concerns a caller it is
/// told in results as well; the rest are refused strangers and broken packets.
pub fn complaints() -> u64 {
    COMPLAINTS.load(Ordering::Relaxed)
}

/// `SRT_LOG_HANDLER_FN` in place of libsrt's writing to stderr.
unsafe extern "C" fn count(
    _opaque: *mut c_void,
    _level: c_int,
    _file: *const c_char,
    _line: c_int,
    _area: *const c_char,
    _message: *const c_char,
) {
    COMPLAINTS.fetch_add(1, Ordering::Relaxed);
}

/// Starts libsrt, if that was not done yet.
pub(crate) fn start() -> Result<(), Fault> {
    static STARTED: OnceLock<Result<(), Fault>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        // SAFETY: takes a number only.
        unsafe { ffi::srt_setloglevel(ffi::LOG_ERR) };
        // SAFETY: the handler may be called by any thread at any time, also while the process
        // ends: it is a function and touches an atomic alone.
        unsafe { ffi::srt_setloghandler(null_mut(), Some(count)) };
        // SAFETY: may be called at any time; libsrt counts.
        let result = unsafe { ffi::srt_startup() };
        // 1 says that somebody else in the process, as FFmpeg, has started it before.
        if result == ffi::SRT_ERROR { Err(Fault::last("srt_startup")) } else { Ok(()) }
    });
    started.clone()
}
