//! Codes with which an application refuses a caller, as `srt/access_control.h` numbers them.

use std::fmt;

/// Why a caller is refused. The code travels to it in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The stream id cannot be understood.
    BadRequest,
    /// Who calls has not proved it.
    Unauthorized,
    /// There is no room for another stream now.
    Overload,
    /// Who calls may not have this resource.
    Forbidden,
    /// There is no such resource.
    NotFound,
    /// The resource is there, but not for publishing, or not for reading.
    BadMode,
    /// The resource cannot be had in the form that is asked for.
    Unacceptable,
    /// Somebody else has the resource.
    Conflict,
    /// The listener failed.
    Internal,
    /// Any other code; an application may choose from 2000 on. Codes below 1000 are libsrt's
    /// own: it sends 1000 instead.
    Other(u16),
}

impl Rejection {
    /// The number that travels.
    pub fn code(self) -> u16 {
        match self {
            Self::BadRequest => 1400,
            Self::Unauthorized => 1401,
            Self::Overload => 1402,
            Self::Forbidden => 1403,
            Self::NotFound => 1404,
            Self::BadMode => 1405,
            Self::Unacceptable => 1406,
            Self::Conflict => 1409,
            Self::Internal => 1500,
            Self::Other(code) => code,
        }
    }

    /// What a number means.
    pub fn from_code(code: u16) -> Self {
        match code {
            1400 => Self::BadRequest,
            1401 => Self::Unauthorized,
            1402 => Self::Overload,
            1403 => Self::Forbidden,
            1404 => Self::NotFound,
            1405 => Self::BadMode,
            1406 => Self::Unacceptable,
            1409 => Self::Conflict,
            1500 => Self::Internal,
            code => Self::Other(code),
        }
    }
}

/// For the caller: what it was told and what to do.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code();
        let words = match self {
            Self::BadRequest => "it does not understand the stream id; correct it",
            Self::Unauthorized => "it does not accept the credentials; correct them",
            Self::Overload => "it has no room for another stream; try again later",
            Self::Forbidden => "this caller may not have the stream; ask who runs it",
            Self::NotFound => "it has no such stream; correct the stream id",
            Self::BadMode => "the stream is not for this direction; correct the mode",
            Self::Unacceptable => "it cannot serve the stream as asked; ask for another form",
            Self::Conflict => "somebody else has the stream; end that one or choose another",
            Self::Internal => "it failed itself; look at its log",
            Self::Other(_) => "its reason is its own; look at its documentation",
        };
        write!(f, "{words} (code {code})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_means_what_has_that_code() {
        for code in 0..=u16::MAX {
            assert_eq!(Rejection::from_code(code).code(), code);
        }
    }
}
