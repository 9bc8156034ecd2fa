//! What of libsrt's C header this crate calls, written by hand after `srt/srt.h` of 1.5.1.
//!
//! Owns declarations and numbers alone. Names are the header's, so that its documentation can be
//! searched for them.

use std::ffi::{c_char, c_double, c_int, c_void};

use libc::sockaddr;

/// A socket of libsrt; no file descriptor.
pub(crate) type Handle = i32;

pub(crate) const SRT_ERROR: c_int = -1;
pub(crate) const SRT_INVALID_SOCK: Handle = -1;

/// `SRT_SOCKOPT`: those that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum SocketOption {
    SendBlocks = 1,
    ReceiveBlocks = 2,
    SendBuffer = 5,
    ReceiveBuffer = 6,
    SendTimeout = 13,
    TimestampDelivery = 22,
    Latency = 23,
    Passphrase = 26,
    DropTooLate = 31,
    ConnectTimeout = 36,
    StreamId = 46,
    PayloadSize = 49,
    TransmissionType = 50,
    EnforcedEncryption = 53,
    Ipv6Only = 54,
    PeerIdleTimeout = 55,
}

/// `SRT_TRANSTYPE`: messages that are worthless when late.
pub(crate) const SRTT_LIVE: i32 = 0;

// `SRT_ERRNO`: those that are told apart.
pub(crate) const SRT_ENOSERVER: c_int = 1001;
pub(crate) const SRT_ECONNREJ: c_int = 1002;
pub(crate) const SRT_ESCLOSED: c_int = 1005;
pub(crate) const SRT_ECONNLOST: c_int = 2001;
pub(crate) const SRT_ENOCONN: c_int = 2002;
pub(crate) const SRT_EINVSOCK: c_int = 5004;
pub(crate) const SRT_EASYNCSND: c_int = 6001;
pub(crate) const SRT_EASYNCRCV: c_int = 6002;
pub(crate) const SRT_ETIMEOUT: c_int = 6003;

// `SRT_REJECT_REASON`: those that are told apart.
pub(crate) const SRT_REJ_BADSECRET: c_int = 10;
pub(crate) const SRT_REJ_UNSECURE: c_int = 11;
pub(crate) const SRT_REJ_TIMEOUT: c_int = 16;
/// From here on the other side's application chose the code.
pub(crate) const SRT_REJC_PREDEFINED: c_int = 1000;

// `SRT_EPOLL_OPT`.
pub(crate) const SRT_EPOLL_IN: c_int = 1;
pub(crate) const SRT_EPOLL_ERR: c_int = 8;

/// `SRT_EPOLL_EVENT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Ready {
    pub(crate) socket: Handle,
    pub(crate) events: c_int,
}

/// `LOG_ERR` of syslog, the level up to which libsrt reports.
pub(crate) const LOG_ERR: c_int = 3;

/// `SRT_LOG_HANDLER_FN`.
pub(crate) type LogHandler = unsafe extern "C" fn(
    opaque: *mut c_void,
    level: c_int,
    file: *const c_char,
    line: c_int,
    area: *const c_char,
    message: *const c_char,
);

/// `srt_listen_callback_fn`.
pub(crate) type ListenCallback = unsafe extern "C" fn(
    opaque: *mut c_void,
    socket: Handle,
    handshake_version: c_int,
    peer: *const sockaddr,
    stream_id: *const c_char,
) -> c_int;

/// `SRT_TRACEBSTATS`. Fields are only ever appended; `reserve` is room for a library of the same
/// major version that has more of them.
#[derive(Clone, Copy, Default)]
#[repr(C)]
#[allow(non_snake_case, reason = "the header's names")]
pub(crate) struct Trace {
    pub(crate) msTimeStamp: i64,
    pub(crate) pktSentTotal: i64,
    pub(crate) pktRecvTotal: i64,
    pub(crate) pktSndLossTotal: c_int,
    pub(crate) pktRcvLossTotal: c_int,
    pub(crate) pktRetransTotal: c_int,
    pub(crate) pktSentACKTotal: c_int,
    pub(crate) pktRecvACKTotal: c_int,
    pub(crate) pktSentNAKTotal: c_int,
    pub(crate) pktRecvNAKTotal: c_int,
    pub(crate) usSndDurationTotal: i64,
    pub(crate) pktSndDropTotal: c_int,
    pub(crate) pktRcvDropTotal: c_int,
    pub(crate) pktRcvUndecryptTotal: c_int,
    pub(crate) byteSentTotal: u64,
    pub(crate) byteRecvTotal: u64,
    pub(crate) byteRcvLossTotal: u64,
    pub(crate) byteRetransTotal: u64,
    pub(crate) byteSndDropTotal: u64,
    pub(crate) byteRcvDropTotal: u64,
    pub(crate) byteRcvUndecryptTotal: u64,
    // Since the counters were last cleared.
    pub(crate) pktSent: i64,
    pub(crate) pktRecv: i64,
    pub(crate) pktSndLoss: c_int,
    pub(crate) pktRcvLoss: c_int,
    pub(crate) pktRetrans: c_int,
    pub(crate) pktRcvRetrans: c_int,
    pub(crate) pktSentACK: c_int,
    pub(crate) pktRecvACK: c_int,
    pub(crate) pktSentNAK: c_int,
    pub(crate) pktRecvNAK: c_int,
    pub(crate) mbpsSendRate: c_double,
    pub(crate) mbpsRecvRate: c_double,
    pub(crate) usSndDuration: i64,
    pub(crate) pktReorderDistance: c_int,
    pub(crate) pktRcvAvgBelatedTime: c_double,
    pub(crate) pktRcvBelated: i64,
    pub(crate) pktSndDrop: c_int,
    pub(crate) pktRcvDrop: c_int,
    pub(crate) pktRcvUndecrypt: c_int,
    pub(crate) byteSent: u64,
    pub(crate) byteRecv: u64,
    pub(crate) byteRcvLoss: u64,
    pub(crate) byteRetrans: u64,
    pub(crate) byteSndDrop: u64,
    pub(crate) byteRcvDrop: u64,
    pub(crate) byteRcvUndecrypt: u64,
    // Now.
    pub(crate) usPktSndPeriod: c_double,
    pub(crate) pktFlowWindow: c_int,
    pub(crate) pktCongestionWindow: c_int,
    pub(crate) pktFlightSize: c_int,
    pub(crate) msRTT: c_double,
    pub(crate) mbpsBandwidth: c_double,
    pub(crate) byteAvailSndBuf: c_int,
    pub(crate) byteAvailRcvBuf: c_int,
    pub(crate) mbpsMaxBW: c_double,
    pub(crate) byteMSS: c_int,
    pub(crate) pktSndBuf: c_int,
    pub(crate) byteSndBuf: c_int,
    pub(crate) msSndBuf: c_int,
    pub(crate) msSndTsbPdDelay: c_int,
    pub(crate) pktRcvBuf: c_int,
    pub(crate) byteRcvBuf: c_int,
    pub(crate) msRcvBuf: c_int,
    pub(crate) msRcvTsbPdDelay: c_int,
    pub(crate) pktSndFilterExtraTotal: c_int,
    pub(crate) pktRcvFilterExtraTotal: c_int,
    pub(crate) pktRcvFilterSupplyTotal: c_int,
    pub(crate) pktRcvFilterLossTotal: c_int,
    pub(crate) pktSndFilterExtra: c_int,
    pub(crate) pktRcvFilterExtra: c_int,
    pub(crate) pktRcvFilterSupply: c_int,
    pub(crate) pktRcvFilterLoss: c_int,
    pub(crate) pktReorderTolerance: c_int,
    // Since 1.5.0.
    pub(crate) pktSentUniqueTotal: i64,
    pub(crate) pktRecvUniqueTotal: i64,
    pub(crate) byteSentUniqueTotal: u64,
    pub(crate) byteRecvUniqueTotal: u64,
    pub(crate) pktSentUnique: i64,
    pub(crate) pktRecvUnique: i64,
    pub(crate) byteSentUnique: u64,
    pub(crate) byteRecvUnique: u64,
    pub(crate) reserve: [u64; 32],
}

// What a C compiler says of the header of 1.5.1, on every 64-bit Linux.
const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(Trace, pktRecv) == 144);
    assert!(offset_of!(Trace, msRTT) == 328);
    assert!(offset_of!(Trace, mbpsMaxBW) == 352);
    assert!(offset_of!(Trace, msRcvTsbPdDelay) == 392);
    assert!(offset_of!(Trace, byteRecvUnique) == 488);
    assert!(offset_of!(Trace, reserve) == 496);
};

unsafe extern "C" {
    pub(crate) fn srt_startup() -> c_int;
    pub(crate) fn srt_setloglevel(level: c_int);
    pub(crate) fn srt_setloghandler(opaque: *mut c_void, handler: Option<LogHandler>);
    pub(crate) fn srt_getlasterror(system_error: *mut c_int) -> c_int;
    pub(crate) fn srt_getlasterror_str() -> *const c_char;

    pub(crate) fn srt_create_socket() -> Handle;
    pub(crate) fn srt_close(socket: Handle) -> c_int;
    pub(crate) fn srt_setsockflag(
        socket: Handle,
        option: c_int,
        value: *const c_void,
        length: c_int,
    ) -> c_int;
    pub(crate) fn srt_getsockflag(
        socket: Handle,
        option: c_int,
        value: *mut c_void,
        length: *mut c_int,
    ) -> c_int;
    pub(crate) fn srt_getsockname(socket: Handle, name: *mut sockaddr, length: *mut c_int)
    -> c_int;
    pub(crate) fn srt_getpeername(socket: Handle, name: *mut sockaddr, length: *mut c_int)
    -> c_int;

    pub(crate) fn srt_bind(socket: Handle, name: *const sockaddr, length: c_int) -> c_int;
    pub(crate) fn srt_listen(socket: Handle, backlog: c_int) -> c_int;
    pub(crate) fn srt_listen_callback(
        socket: Handle,
        callback: Option<ListenCallback>,
        opaque: *mut c_void,
    ) -> c_int;
    pub(crate) fn srt_accept(socket: Handle, name: *mut sockaddr, length: *mut c_int) -> Handle;
    pub(crate) fn srt_epoll_create() -> c_int;
    pub(crate) fn srt_epoll_add_usock(set: c_int, socket: Handle, events: *const c_int) -> c_int;
    pub(crate) fn srt_epoll_uwait(
        set: c_int,
        ready: *mut Ready,
        room: c_int,
        timeout_ms: i64,
    ) -> c_int;
    pub(crate) fn srt_epoll_release(set: c_int) -> c_int;
    pub(crate) fn srt_connect(socket: Handle, name: *const sockaddr, length: c_int) -> c_int;
    pub(crate) fn srt_getrejectreason(socket: Handle) -> c_int;
    pub(crate) fn srt_setrejectreason(socket: Handle, code: c_int) -> c_int;
    pub(crate) fn srt_rejectreason_str(code: c_int) -> *const c_char;

    pub(crate) fn srt_recvmsg(socket: Handle, buffer: *mut c_char, length: c_int) -> c_int;
    pub(crate) fn srt_send(socket: Handle, message: *const c_char, length: c_int) -> c_int;
    pub(crate) fn srt_bstats(socket: Handle, trace: *mut Trace, clear: c_int) -> c_int;
}
