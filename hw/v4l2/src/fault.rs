//! Why a device does not do what it is asked for, as a sentence, and what that says of the device:
//! one that answers "no" is well, and is not reset for it.

use std::io;

use crate::ladder::Seen;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What was seen of the device by it.
    pub(crate) seen: Seen,
    /// A sentence for a technician.
    pub(crate) reason: String,
}

impl Fault {
    /// The device answers, and refuses.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self { seen: Seen::Refused, reason: reason.into() }
    }

    /// Something is wrong with the device.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self { seen: Seen::Failure, reason: reason.into() }
    }

    /// What a call's error says.
    pub(crate) fn of(error: &io::Error, reason: impl Into<String>) -> Self {
        let is_answer = match error.raw_os_error() {
            // Asked for what it has not, or may not give; used by somebody else; no memory, and no
            // room on its bus, for what is asked for.
            Some(
                libc::EINVAL
                | libc::ERANGE
                | libc::ENOTTY
                | libc::EOPNOTSUPP
                | libc::ENODATA
                | libc::EBUSY
                | libc::EPERM
                | libc::EACCES
                | libc::ENOMEM
                | libc::ENOSPC,
            ) => true,
            // Not on its bus, or no longer answering there.
            Some(_) => false,
            // Found by ourselves in what it answered.
            None => true,
        };
        if is_answer { Self::refused(reason) } else { Self::failed(reason) }
    }

    /// The same with what it is about before it.
    pub(crate) fn about(self, what: &str) -> Self {
        Self { reason: format!("{what}: {}", self.reason), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_answers_no_is_told_from_one_that_does_not_answer() {
        let seen = |code| Fault::of(&io::Error::from_raw_os_error(code), "").seen;
        for code in [libc::EINVAL, libc::EBUSY, libc::ENOTTY, libc::EACCES, libc::ENOSPC] {
            assert_eq!(seen(code), Seen::Refused, "{code}");
        }
        for code in [libc::EIO, libc::ENODEV, libc::ENOENT, libc::ETIMEDOUT, libc::EPROTO] {
            assert_eq!(seen(code), Seen::Failure, "{code}");
        }
        assert_eq!(Fault::of(&io::Error::other("small buffers"), "").seen, Seen::Refused);
    }
}
