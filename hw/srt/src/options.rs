//! What both ends of a connection choose, within bounds that keep its memory and its delay known.

use std::fmt;
use std::time::Duration;

/// Bytes of the largest message: a packet of 1500 bytes without the headers of IPv4, UDP and SRT.
/// Encoders send MPEG-TS in 1316.
pub const MESSAGE_BYTES_MAX: usize = 1456;

/// Bytes of received messages that one connection holds at most; what comes when it is full is
/// lost. Holds the longest latency of a stream of 24 Mb/s, twice what cameras send in 1080p. libsrt
/// takes the memory as it fills, so that a stream of 6 Mb/s at 120 ms needs some 100 KiB.
pub const RECEIVE_BUFFER_BYTES_MAX: usize = 8192 * 1472;

/// The longest latency that the receive buffer is made for.
pub const LATENCY_MAX: Duration = Duration::from_secs(4);

/// The shortest silence after which libsrt gives a peer up, whatever it is told: it lets 16 of its
/// timers of 0.3 s run out first. Told 1 s, 1.5.1 took 4.6 s (the test of a peer that vanishes).
pub const PEER_IDLE_MIN: Duration = Duration::from_secs(5);

/// The longest silence that may be asked for.
pub const PEER_IDLE_MAX: Duration = Duration::from_secs(60);

const PASSPHRASE_BYTES_MIN: usize = 10;
const PASSPHRASE_BYTES_MAX: usize = 79;

/// What an end of a connection asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a message waits at the receiver for those before it that were lost and are sent
    /// again; then they are given up. The larger of both ends' wishes holds. Whole milliseconds,
    /// at most [`LATENCY_MAX`].
    pub latency: Duration,
    /// After how long a silence the peer is taken for gone; [`PEER_IDLE_MIN`] to
    /// [`PEER_IDLE_MAX`].
    pub peer_idle: Duration,
}

/// What libsrt takes when it is told nothing.
impl Default for Options {
    fn default() -> Self {
        Self { latency: Duration::from_millis(120), peer_idle: PEER_IDLE_MIN }
    }
}

/// Why options do not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Longer than the buffer is made for.
    #[error(
        "a latency of {given:?} is refused: the receive buffer is made for {LATENCY_MAX:?} at \
         most; choose three to four round trips of the network, such as 120ms"
    )]
    Latency {
        /// What was asked for.
        given: Duration,
    },
    /// A silence that libsrt does not keep, or that nobody wants to wait for.
    #[error(
        "giving a peer up after {given:?} of silence is refused: libsrt keeps {PEER_IDLE_MIN:?} \
         to {PEER_IDLE_MAX:?}; choose one in between"
    )]
    PeerIdle {
        /// What was asked for.
        given: Duration,
    },
}

impl Options {
    /// # Errors
    /// [`OptionsError`] for a value out of bounds.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        if self.latency > LATENCY_MAX {
            return Err(OptionsError::Latency { given: self.latency });
        }
        if !(PEER_IDLE_MIN..=PEER_IDLE_MAX).contains(&self.peer_idle) {
            return Err(OptionsError::PeerIdle { given: self.peer_idle });
        }
        Ok(())
    }
}

/// A secret that both ends know and that the messages are encrypted with (AES).
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

/// Why a text is no passphrase. Does not say the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Shorter or longer than SRT takes.
    #[error(
        "a passphrase of {bytes} bytes is refused: SRT takes {PASSPHRASE_BYTES_MIN} to \
         {PASSPHRASE_BYTES_MAX}; choose another, the same at both ends"
    )]
    Length {
        /// How long it is.
        bytes: usize,
    },
}

impl Passphrase {
    /// A passphrase of 10 to 79 bytes.
    ///
    /// # Errors
    /// [`PassphraseError::Length`] for any other.
    pub fn new(text: impl Into<String>) -> Result<Self, PassphraseError> {
        let text = text.into();
        match text.len() {
            PASSPHRASE_BYTES_MIN..=PASSPHRASE_BYTES_MAX => Ok(Self(text)),
            bytes => Err(PassphraseError::Length { bytes }),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Not the text: this ends up in logs.
impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Whole milliseconds for libsrt, rounded up so that a short wait does not become none.
pub(crate) fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_bounds_are_refused_with_what_to_choose() {
        assert_eq!(Options::default().check(), Ok(()));
        let slow = Options { latency: Duration::from_secs(5), ..Options::default() };
        let error = slow.check().expect_err("too long").to_string();
        assert!(error.contains("5s") && error.contains("4s"), "{error}");
        for given in [Duration::from_millis(4999), Duration::from_secs(61)] {
            let options = Options { peer_idle: given, ..Options::default() };
            assert_eq!(options.check(), Err(OptionsError::PeerIdle { given }));
        }
    }

    #[test]
    fn passphrase_is_bounded_and_never_printed() {
        for bytes in [0, 9, 80] {
            let error = Passphrase::new("x".repeat(bytes)).expect_err("the length");
            assert_eq!(error, PassphraseError::Length { bytes });
        }
        for bytes in [10, 79] {
            let passphrase = Passphrase::new("x".repeat(bytes)).expect("the length");
            assert!(!format!("{passphrase:?}").contains('x'));
        }
    }

    #[test]
    fn waits_are_rounded_up_and_never_overflow() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_micros(1)), 1);
        assert_eq!(milliseconds(Duration::from_millis(250)), 250);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX);
    }
}
