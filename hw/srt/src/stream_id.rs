//! What a caller says it brings or wants: SRT's stream id.
//!
//! Pure. Reads the two forms in use, a plain name and the list of SRT's Access Control guidelines,
//! and never panics, whatever comes. Must not decide who may have what.
//!
//! ```text
//! live/court-1                            plain
//! #!::r=live/court-1,m=publish,u=coach    Access Control
//! ```

use std::fmt;

/// Bytes of the longest stream id that SRT carries.
pub const STREAM_ID_BYTES_MAX: usize = 512;

/// What begins the form of the Access Control guidelines.
const LIST: &str = "#!::";
/// What begins any form that is no plain name.
const HEADER: &str = "#!";

/// A stream id, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamId {
    /// Which stream: key `r`, or the plain name. Never empty.
    pub resource: String,
    /// What is to be done with it.
    pub mode: Mode,
    /// Who calls: key `u`.
    pub user: Option<String>,
}

/// Which way the messages go: key `m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The caller sends. What a plain name means: encoders that know no more than a name send.
    Publish,
    /// The caller wants to receive. What the guidelines say of a list without `m`.
    Request,
    /// Both ways.
    Bidirectional,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "publish",
            Self::Request => "request",
            Self::Bidirectional => "bidirectional",
        })
    }
}

/// Why a stream id cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamIdError {
    /// The caller said nothing.
    #[error("there is no stream id, so nobody knows which stream it is; set it at the caller")]
    Empty,
    /// Longer than SRT carries.
    #[error(
        "the stream id has {bytes} bytes and SRT carries {STREAM_ID_BYTES_MAX}; shorten it at the \
         caller"
    )]
    Long {
        /// How long it is.
        bytes: usize,
    },
    /// Line ends and the like.
    #[error(
        "the stream id has a control character at byte {at}, as a line end is; remove it at the \
         caller"
    )]
    Control {
        /// Where.
        at: usize,
    },
    /// The nested form, or braces in a list.
    #[error(
        "the stream id has {{...}} of SRT's nested form, which is not supported; write it flat, \
         as #!::r=NAME,m=publish"
    )]
    Nested,
    /// `#!` and something unknown.
    #[error(
        "the stream id begins with #! and is of no known form; write #!::r=NAME,m=publish or the \
         plain name"
    )]
    Form,
    /// Something in the list has no `=`, or nothing before it.
    #[error(
        "{item:?} in the stream id is no key=value; write it as one, and no comma inside a value"
    )]
    Item {
        /// What stands there.
        item: String,
    },
    /// A key occurs twice, and nobody knows which one holds.
    #[error("the stream id has the key {key} twice; remove one at the caller")]
    Twice {
        /// The key.
        key: char,
    },
    /// No such mode.
    #[error(
        "the stream id asks for m={mode:?}, which is no mode; write publish, request or \
         bidirectional"
    )]
    Mode {
        /// What was asked for.
        mode: String,
    },
    /// Files and the like.
    #[error("the stream id asks for t={kind:?} and only streams are supported; leave t out")]
    Kind {
        /// What was asked for.
        kind: String,
    },
    /// A list without a name.
    #[error("the stream id names no stream; add r=NAME at the caller")]
    Resource,
}

impl StreamId {
    /// Reads either form. Of a list, the keys `r`, `m`, `u` and `t` are read; others, as `h` and
    /// `s` of the guidelines and those of vendors, are left aside.
    ///
    /// # Errors
    /// [`StreamIdError`], which says what to change at the caller.
    pub fn parse(text: &str) -> Result<Self, StreamIdError> {
        if text.is_empty() {
            return Err(StreamIdError::Empty);
        }
        if text.len() > STREAM_ID_BYTES_MAX {
            return Err(StreamIdError::Long { bytes: text.len() });
        }
        if let Some((at, _)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(StreamIdError::Control { at });
        }
        match (text.strip_prefix(LIST), text.strip_prefix(HEADER)) {
            (Some(list), _) => Self::parse_list(list),
            (None, Some(rest)) if rest.starts_with(":{") => Err(StreamIdError::Nested),
            (None, Some(_)) => Err(StreamIdError::Form),
            (None, None) => Ok(Self { resource: text.to_owned(), mode: Mode::Publish, user: None }),
        }
    }

    fn parse_list(list: &str) -> Result<Self, StreamIdError> {
        if list.contains(['{', '}']) {
            return Err(StreamIdError::Nested);
        }
        let (mut resource, mut mode, mut user, mut kind) = (None, None, None, None);
        for item in list.split(',').filter(|item| !item.is_empty()) {
            let Some((key, value)) = item.split_once('=').filter(|(key, _)| !key.is_empty()) else {
                return Err(StreamIdError::Item { item: item.to_owned() });
            };
            let (slot, key) = match key {
                "r" => (&mut resource, 'r'),
                "m" => (&mut mode, 'm'),
                "u" => (&mut user, 'u'),
                "t" => (&mut kind, 't'),
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(StreamIdError::Twice { key });
            }
        }
        if let Some(kind) = kind.filter(|kind| *kind != "stream") {
            return Err(StreamIdError::Kind { kind: kind.to_owned() });
        }
        let mode = match mode {
            Some("publish") => Mode::Publish,
            Some("request") | None => Mode::Request,
            Some("bidirectional") => Mode::Bidirectional,
            Some(mode) => return Err(StreamIdError::Mode { mode: mode.to_owned() }),
        };
        let resource = resource.filter(|name| !name.is_empty()).ok_or(StreamIdError::Resource)?;
        let user = user.filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Self { resource: resource.to_owned(), mode, user })
    }
}
