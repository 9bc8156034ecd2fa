//! Names and numbers that identify things across the fleet.

use core::fmt;
use core::str::FromStr;

use heapless::String;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest name of a tenant, device, source or hoop, in bytes. Four of them and the fixed parts
/// stay below the strictest broker's limit of 256 bytes a topic.
pub const NAME_BYTES_MAX: usize = 32;

/// A name that may stand as one level of an MQTT topic and as one path component of a file:
/// 1 to [`NAME_BYTES_MAX`] ASCII letters, digits, `-`, `_` or `.`, not starting with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String<NAME_BYTES_MAX>);

/// Why a text is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The text has more than [`NAME_BYTES_MAX`] bytes.
    TooLong,
    /// This character is not allowed, or not allowed at the start.
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a name must not be empty"),
            Self::TooLong => write!(f, "a name has at most {NAME_BYTES_MAX} characters"),
            Self::Character(c) => write!(
                f,
                "a name has only ASCII letters, digits, `-`, `_` and `.` and does not start with \
                 a dot, so {c:?} cannot stand there"
            ),
        }
    }
}

impl core::error::Error for NameError {}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if first == '.' {
            return Err(NameError::Character('.'));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
            return Err(NameError::Character(bad));
        }
        String::try_from(text).map(Self).map_err(|_| NameError::TooLong)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::<NAME_BYTES_MAX>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Number of this start of the daemon on this data directory; grows by one at every start.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BootId(pub u32);

/// Number of a message within one boot, from 1, without gaps.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Seq(pub u64);

/// Identity of a game event on one device; it stays the same from provisional to confirmed or
/// retracted. In JSON and for people: `BOOT-NUMBER`, such as `7-42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The boot that saw the event.
    pub boot: BootId,
    /// Number of the event within the boot, from 1.
    pub number: u32,
}

/// Why a text is no [`EventId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventIdError;

impl fmt::Display for EventIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event id is BOOT-NUMBER, such as 7-42")
    }
}

impl core::error::Error for EventIdError {}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.boot.0, self.number)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let (boot, number) = text.split_once('-').ok_or(EventIdError)?;
        Ok(Self {
            boot: BootId(boot.parse().map_err(|_| EventIdError)?),
            number: number.parse().map_err(|_| EventIdError)?,
        })
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.boot, self.number).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::<24>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            let (boot, number) = Deserialize::deserialize(deserializer)?;
            Ok(Self { boot, number })
        }
    }
}

/// Identity of a clip and of its file at the receiver: a random UUID, never reused. In JSON and
/// in topics: 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClipId(pub u128);

/// Why a text is no [`ClipId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipIdError;

impl fmt::Display for ClipIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a clip id is 32 lower-case hexadecimal digits")
    }
}

impl core::error::Error for ClipIdError {}

impl fmt::Display for ClipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ClipId {
    type Err = ClipIdError;

    fn from_str(text: &str) -> Result<Self, ClipIdError> {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 32 || !text.bytes().all(lower) {
            return Err(ClipIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ClipIdError)
    }
}

impl Serialize for ClipId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.to_be_bytes().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ClipId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::<32>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            Ok(Self(u128::from_be_bytes(<[u8; 16]>::deserialize(deserializer)?)))
        }
    }
}
