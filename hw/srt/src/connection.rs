//! One connection that carries messages.
//!
//! Owns calling out and what a refusal means, and reading and writing under a timeout. Must not
//! look into the messages or call again by itself.

use std::net::SocketAddr;
use std::time::Duration;

use crate::ffi::{
    SRT_ECONNREJ, SRT_ENOSERVER, SRT_REJ_BADSECRET, SRT_REJ_TIMEOUT, SRT_REJ_UNSECURE,
    SRT_REJC_PREDEFINED, SocketOption,
};
use crate::library::Fault;
use crate::options::{MESSAGE_BYTES_MAX, Options, OptionsError, Passphrase, milliseconds};
use crate::rejection::Rejection;
use crate::socket::{Socket, Waiter};
use crate::statistics::Statistics;
use crate::stream_id::STREAM_ID_BYTES_MAX;

/// Whom to call and what to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The listener.
    pub address: SocketAddr,
    /// What is wanted or brought; may be empty.
    pub stream_id: String,
    /// The secret, if the listener asks for one.
    pub passphrase: Option<Passphrase>,
    /// How long to try.
    pub timeout: Duration,
}

/// Why a call was of no use.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The options do not hold.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The stream id is longer than SRT carries.
    #[error(
        "a stream id of {bytes} bytes is refused: SRT carries {STREAM_ID_BYTES_MAX}; shorten it"
    )]
    StreamId {
        /// How long it is.
        bytes: usize,
    },
    /// Nobody answered.
    #[error(
        "{address} has not answered over SRT within {timeout:?}; check that it listens, that \
         address and UDP port are right and that no firewall is in between"
    )]
    Timeout {
        /// Who was called.
        address: SocketAddr,
        /// How long.
        timeout: Duration,
    },
    /// Both have a passphrase, and not the same.
    #[error("{address} has another passphrase; give both ends the same")]
    PassphraseWrong {
        /// Who was called.
        address: SocketAddr,
    },
    /// Only the listener has a passphrase.
    #[error("{address} asks for a passphrase and none is set; set the one that it has")]
    PassphraseMissing {
        /// Who was called.
        address: SocketAddr,
    },
    /// Only the caller has a passphrase.
    #[error(
        "{address} does not encrypt and a passphrase is set; remove it, or give it to the other \
         end too"
    )]
    PassphraseUnwanted {
        /// Who was called.
        address: SocketAddr,
    },
    /// The application at the other end refused.
    #[error("{address} refused: {rejection}")]
    Refused {
        /// Who was called.
        address: SocketAddr,
        /// With which code.
        rejection: Rejection,
    },
    /// libsrt at either end found that the two do not fit.
    #[error(
        "{address} and this end cannot talk: {words:?} (reason {code} of libsrt); compare the \
         settings and versions of both"
    )]
    Unfit {
        /// Who was called.
        address: SocketAddr,
        /// `SRT_REJECT_REASON` of `srt/srt.h`.
        code: i32,
        /// What libsrt says about it.
        words: String,
    },
    /// libsrt failed.
    #[error("{address} could not be called over SRT: {fault}; check this machine's network")]
    Failed {
        /// Who was called.
        address: SocketAddr,
        /// What libsrt says.
        fault: Fault,
    },
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A message of this many bytes.
    Bytes(usize),
    /// No message in time; the connection stands.
    Nothing,
    /// The other end hung up or fell silent. There will be no more.
    Closed,
}

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// libsrt has the message and sends it.
    Taken,
    /// The buffer was full all the time; the message was not taken.
    Full,
    /// The other end hung up or fell silent.
    Closed,
}

/// Why a message could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The room is too small, and the rest of a longer message would be lost.
    #[error(
        "a buffer of {bytes} bytes is refused, as a message may have {MESSAGE_BYTES_MAX}; make it \
         that long"
    )]
    Buffer {
        /// How long it is.
        bytes: usize,
    },
    /// The message does not fit a packet.
    #[error(
        "a message of {bytes} bytes is refused: 1 to {MESSAGE_BYTES_MAX} fit a packet; send \
         MPEG-TS in 1316"
    )]
    Message {
        /// How long it is.
        bytes: usize,
    },
    /// libsrt failed.
    #[error("the SRT connection with {peer} failed: {fault}; close it and connect anew")]
    Failed {
        /// The other end.
        peer: SocketAddr,
        /// What libsrt says.
        fault: Fault,
    },
}

/// A connection. Dropping it hangs up, and messages that were not sent yet are lost.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    waiter: Waiter,
    peer: SocketAddr,
    stream_id: String,
    write_timeout_ms: Option<i32>,
}

impl Connection {
    /// Calls a listener.
    ///
    /// # Errors
    /// [`ConnectError`], which says who refused, why, and what to change.
    pub fn connect(call: &Call, options: &Options) -> Result<Self, ConnectError> {
        options.check()?;
        let Call { address, stream_id, passphrase, timeout } = call;
        let (address, timeout) = (*address, *timeout);
        if stream_id.len() > STREAM_ID_BYTES_MAX {
            return Err(ConnectError::StreamId { bytes: stream_id.len() });
        }
        let failed = |fault| ConnectError::Failed { address, fault };
        let socket = Socket::new(options).map_err(failed)?;
        socket.set(SocketOption::ConnectTimeout, milliseconds(timeout)).map_err(failed)?;
        socket.set_text(SocketOption::StreamId, stream_id.as_bytes()).map_err(failed)?;
        if let Some(passphrase) = passphrase {
            let secret = passphrase.as_bytes();
            socket.set_text(SocketOption::Passphrase, secret).map_err(failed)?;
        }
        match socket.connect(address) {
            Ok(()) => Self::new(socket, address, stream_id.clone()).map_err(failed),
            Err(fault) => Err(refusal(call, fault, socket.rejection())),
        }
    }

    /// A socket that a listener accepted; `None` if it does not say from whom or for what.
    pub(crate) fn accepted(socket: Socket) -> Result<Option<Self>, Fault> {
        // It has this from the listener, which does not wait.
        socket.set(SocketOption::SendBlocks, 1)?;
        let peer = socket.peer_name()?;
        let stream_id = String::from_utf8(socket.stream_id()?).ok();
        // Both were seen by the listener's callback, so that `None` does not occur.
        let Some((peer, stream_id)) = peer.zip(stream_id) else { return Ok(None) };
        Self::new(socket, peer, stream_id).map(Some)
    }

    fn new(socket: Socket, peer: SocketAddr, stream_id: String) -> Result<Self, Fault> {
        // The waiter waits. A receive of libsrt 1.5.1 that waits itself hands out a message whose
        // latency is not over when its timeout is, and then what is lost before it is lost for good.
        socket.set(SocketOption::ReceiveBlocks, 0)?;
        let waiter = Waiter::new(&socket)?;
        Ok(Self { socket, waiter, peer, stream_id, write_timeout_ms: None })
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the caller said, as it came; see [`crate::StreamId`].
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// Waits for the next message and copies it to the beginning of `buffer`, which is at least
    /// [`MESSAGE_BYTES_MAX`] long. Messages come in order and [`Options::latency`] after they
    /// were sent; lost ones are left out. [`Read::Nothing`] may come a little before its time.
    ///
    /// # Errors
    /// [`TransferError`] for a buffer that is too small, and if libsrt fails.
    pub fn read(&mut self, buffer: &mut [u8], timeout: Duration) -> Result<Read, TransferError> {
        if buffer.len() < MESSAGE_BYTES_MAX {
            return Err(TransferError::Buffer { bytes: buffer.len() });
        }
        match self.take(buffer)? {
            Read::Nothing => {}
            read @ (Read::Bytes(_) | Read::Closed) => return Ok(read),
        }
        match self.waiter.wait(milliseconds(timeout)) {
            Ok(()) => self.take(buffer),
            Err(fault) if fault.is_timeout() => Ok(Read::Nothing),
            Err(fault) if fault.is_end() => Ok(Read::Closed),
            Err(fault) => Err(self.failed(fault)),
        }
    }

    /// A message that is there already.
    fn take(&self, buffer: &mut [u8]) -> Result<Read, TransferError> {
        match self.socket.receive(buffer) {
            Ok(0) => Ok(Read::Closed),
            Ok(bytes) => Ok(Read::Bytes(bytes)),
            Err(fault) if fault.is_timeout() => Ok(Read::Nothing),
            Err(fault) if fault.is_end() => Ok(Read::Closed),
            Err(fault) => Err(self.failed(fault)),
        }
    }

    /// Gives a message to libsrt, waiting while its buffer is full.
    ///
    /// A receiver learns from a later message that one is missing, so the last one before a pause
    /// is not sent again if it is lost. For an accepted connection the same holds of the first
    /// ones: the caller drops what reaches it before its own connect is done.
    ///
    /// # Errors
    /// [`TransferError`] for a message that does not fit a packet, and if libsrt fails.
    pub fn write(&mut self, message: &[u8], timeout: Duration) -> Result<Write, TransferError> {
        if message.is_empty() || message.len() > MESSAGE_BYTES_MAX {
            return Err(TransferError::Message { bytes: message.len() });
        }
        let timeout_ms = milliseconds(timeout);
        if self.write_timeout_ms != Some(timeout_ms) {
            match self.socket.set(SocketOption::SendTimeout, timeout_ms) {
                Ok(()) => self.write_timeout_ms = Some(timeout_ms),
                Err(fault) if fault.is_end() => return Ok(Write::Closed),
                Err(fault) => return Err(self.failed(fault)),
            }
        }
        match self.socket.send(message) {
            Ok(()) => Ok(Write::Taken),
            Err(fault) if fault.is_timeout() => Ok(Write::Full),
            Err(fault) if fault.is_end() => Ok(Write::Closed),
            Err(fault) => Err(self.failed(fault)),
        }
    }

    /// The counters; `None` when the connection is no more.
    pub fn statistics(&self) -> Option<Statistics> {
        self.socket.statistics().ok()
    }

    fn failed(&self, fault: Fault) -> TransferError {
        TransferError::Failed { peer: self.peer, fault }
    }
}

/// Why libsrt says that a call failed, in terms of what there is to change.
fn refusal(call: &Call, fault: Fault, (code, words): (i32, String)) -> ConnectError {
    let (address, timeout) = (call.address, call.timeout);
    match (fault.code, code) {
        (SRT_ENOSERVER, _) | (SRT_ECONNREJ, SRT_REJ_TIMEOUT) => {
            ConnectError::Timeout { address, timeout }
        }
        (SRT_ECONNREJ, SRT_REJ_BADSECRET) => ConnectError::PassphraseWrong { address },
        (SRT_ECONNREJ, SRT_REJ_UNSECURE) if call.passphrase.is_some() => {
            ConnectError::PassphraseUnwanted { address }
        }
        (SRT_ECONNREJ, SRT_REJ_UNSECURE) => ConnectError::PassphraseMissing { address },
        (SRT_ECONNREJ, code) => match u16::try_from(code) {
            Ok(number) if code >= SRT_REJC_PREDEFINED => {
                ConnectError::Refused { address, rejection: Rejection::from_code(number) }
            }
            Ok(_) | Err(_) => ConnectError::Unfit { address, code, words },
        },
        _ => ConnectError::Failed { address, fault },
    }
}
