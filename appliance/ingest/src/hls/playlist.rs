//! HLS playlists as data: what [`parse`] makes of the text, and why it refuses some.
//!
//! Total and bounded: no bytes make it panic, and what it returns is bounded by [`HlsLimits`].
//! Unknown tags are skipped, as RFC 8216 6.3.1 asks. References stay as they were written: the
//! puller resolves them against the address that the playlist came from.
//! Source: RFC 8216 4, and draft-pantos-hls-rfc8216bis for parts and server control.

use core::time::Duration;
use std::sync::Arc;

use wire::time::WallTime;

use super::{media, multivariant};
use crate::limits::HlsLimits;

/// Reads a playlist of either kind.
///
/// # Errors
/// [`PlaylistError`] if the text is no playlist, breaks a bound or a rule without which it cannot
/// be played, or describes something that is not supported.
pub fn parse(bytes: &[u8], limits: &HlsLimits) -> Result<Playlist, PlaylistError> {
    let lines = Lines::new(bytes, limits)?;
    let (mut multivariant, mut media) = (false, false);
    for line in lines.clone() {
        let Line::Tag { name, .. } = line?.1 else { continue };
        multivariant |= multivariant::is_own_tag(name);
        media |= media::is_own_tag(name);
    }
    match (multivariant, media) {
        (true, false) => multivariant::read(lines, limits).map(Playlist::Multivariant),
        (false, true) => media::read(lines, limits).map(Playlist::Media),
        (true, true) => Err(PlaylistError::Mixed),
        (false, false) => Err(PlaylistError::Empty),
    }
}

/// A playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playlist {
    /// Lists the same content in several qualities.
    Multivariant(Multivariant),
    /// Lists segments.
    Media(MediaPlaylist),
}

/// A playlist of variants (RFC 8216 4.3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multivariant {
    /// In the order of the playlist.
    pub variants: Vec<Variant>,
    /// Renditions with `TYPE=AUDIO`, in the order of the playlist; others are not kept.
    pub audio: Vec<Rendition>,
}

/// One quality of the content (EXT-X-STREAM-INF).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Reference of its media playlist.
    pub uri: String,
    /// Peak bit rate, in bit/s. Zero if the playlist omits it.
    pub bandwidth_bps: u64,
    /// Average bit rate, in bit/s.
    pub average_bandwidth_bps: Option<u64>,
    /// Size of the picture.
    pub resolution: Option<Resolution>,
    /// Formats as in RFC 6381, separated by commas.
    pub codecs: Option<String>,
    /// Highest frame rate, in 1/1000 Hz.
    pub frame_rate_millihertz: Option<u32>,
    /// Group of the renditions that carry its audio.
    pub audio: Option<String>,
}

/// Width and height in pixels. Ordered by height, then by width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolution {
    /// In pixels.
    pub height: u32,
    /// In pixels.
    pub width: u32,
}

/// Audio that variants share (EXT-X-MEDIA).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// What [`Variant::audio`] refers to.
    pub group: String,
    /// For people.
    pub name: String,
    /// Reference of its media playlist; without one the audio is within the variant.
    pub uri: Option<String>,
    /// To be taken unless somebody chooses otherwise.
    pub default: bool,
    /// May be taken without anybody choosing.
    pub autoselect: bool,
}

/// A playlist of segments (RFC 8216 4.3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// No segment is longer, rounded to seconds. The longest segment's, if the tag is missing.
    pub target_duration: Duration,
    /// No part is longer (EXT-X-PART-INF). `None` if the playlist has no parts.
    pub part_target: Option<Duration>,
    /// Number of the first segment.
    pub media_sequence: u64,
    /// Whether segments may leave the playlist again.
    pub kind: Kind,
    /// EXT-X-ENDLIST: no segment will be added.
    pub ended: bool,
    /// What the server offers (EXT-X-SERVER-CONTROL).
    pub control: ServerControl,
    /// Numbered without gaps from `media_sequence`. Only the last one may be incomplete.
    pub segments: Vec<Segment>,
    /// The resource that the server will have next (EXT-X-PRELOAD-HINT, `TYPE=PART`).
    pub preload_hint: Option<String>,
}

/// EXT-X-PLAYLIST-TYPE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// No such tag: segments leave at the front.
    #[default]
    Window,
    /// Segments are only added.
    Event,
    /// Nothing changes.
    Vod,
}

/// EXT-X-SERVER-CONTROL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerControl {
    /// Whether a request for a playlist may be held until the playlist has grown.
    pub reload: Reload,
    /// Distance that a player keeps from the end.
    pub hold_back: Option<Duration>,
    /// The same for a player of parts.
    pub part_hold_back: Option<Duration>,
}

/// How a server answers requests for a playlist that has not grown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reload {
    /// At once, with what it has.
    #[default]
    Plain,
    /// `CAN-BLOCK-RELOAD=YES`: when the segment or part that was asked for exists.
    Blocking,
}

/// A segment, or the beginning of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Its media sequence number.
    pub sequence: u64,
    /// Of an incomplete one, the sum of its parts.
    pub duration: Duration,
    /// `None` while there are only parts of it.
    pub whole: Option<Resource>,
    /// What has to be read before it (EXT-X-MAP).
    pub map: Option<Arc<Resource>>,
    /// Timestamps, formats or tracks differ from those of the segment before.
    pub discontinuity: bool,
    /// Discontinuities before it, in playlists that declare EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: Option<u64>,
    /// When its first frame was taken, declared or continued from a segment before.
    pub wall: Option<WallTime>,
    /// The server does not have it (EXT-X-GAP).
    pub gap: bool,
    /// EXT-X-PART; servers list them near the end of the playlist only.
    pub parts: Vec<Part>,
}

/// A part of a segment (EXT-X-PART).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Not longer than the part target.
    pub duration: Duration,
    /// Where it is.
    pub resource: Resource,
    /// It begins with a frame that can be decoded by itself.
    pub independent: bool,
    /// The server does not have it.
    pub gap: bool,
}

/// Something to fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Reference, to be resolved against the address of the playlist.
    pub uri: String,
    /// The whole resource if there is none.
    pub range: Option<ByteRange>,
}

/// A stretch of a resource, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// From the beginning of the resource.
    pub offset: u64,
    /// Never zero. `offset + length` does not overflow.
    pub length: u64,
}

impl ByteRange {
    /// The first byte after it.
    pub const fn end(self) -> u64 {
        self.offset + self.length
    }
}

impl MediaPlaylist {
    /// The segment of this number, if it is listed.
    pub fn segment(&self, sequence: u64) -> Option<&Segment> {
        let index = sequence.checked_sub(self.media_sequence)?;
        self.segments.get(usize::try_from(index).ok()?)
    }
}

/// Why a playlist cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// A web page.
    #[error(
        "the address answers with a web page and not with a playlist; copy the address of the \
         stream itself, it usually ends in .m3u8, and check that it needs no login"
    )]
    WebPage,
    /// No EXTM3U.
    #[error("this is no HLS playlist: it does not begin with #EXTM3U; check the source's address")]
    NoHeader,
    /// Not UTF-8.
    #[error("the playlist is not UTF-8 text; check the source's address and the packager")]
    NotText,
    /// Neither variants nor segments.
    #[error("the playlist names neither variants nor segments; wait until the encoder has started")]
    Empty,
    /// Variants and segments.
    #[error("the playlist names both variants and segments; the packager is at fault, report it")]
    Mixed,
    /// A variant that leads to variants.
    #[error("a variant leads to another list of variants; name one of those as the address")]
    Nested,
    /// A list of variants without any.
    #[error("the playlist has renditions but no variant; the packager is at fault, report it")]
    NoVariant,
    /// No duration.
    #[error("the playlist has no EXT-X-TARGETDURATION; the packager is at fault, report it")]
    NoTargetDuration,
    /// A bound was exceeded.
    #[error(
        "the playlist has more than {max} {what}; shorten the window of the packager, or choose \
         another address"
    )]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// A line that must be understood cannot be.
    #[error("line {line} of the playlist: bad {what}; the packager is at fault, report it")]
    Malformed {
        /// Counted from one.
        line: usize,
        /// The culprit.
        what: &'static str,
    },
    /// Encrypted segments.
    #[error(
        "line {line} of the playlist: encrypted streams are not supported; switch the encryption \
         off at the packager, or ask for an address without it"
    )]
    Encrypted {
        /// Counted from one.
        line: usize,
    },
    /// Something that is not implemented.
    #[error("line {line} of the playlist: {what} is not supported; choose another address")]
    Unsupported {
        /// Counted from one.
        line: usize,
        /// The tag.
        what: &'static str,
    },
    /// A reference to a playlist that leads nowhere.
    #[error(
        "the reference of {what} is no http or https address; the packager is at fault, report it"
    )]
    BadReference {
        /// What it refers to.
        what: &'static str,
    },
}

/// A line that matters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line<'a> {
    /// `#EXTname:value`, the name without `#`; the value may be empty.
    Tag { name: &'a str, value: &'a str },
    /// Not empty.
    Uri(&'a str),
}

/// Lines of a playlist, with their numbers, without comments and blank ones. Checks the bounds.
#[derive(Clone, Debug)]
pub(super) struct Lines<'a> {
    rest: core::iter::Enumerate<core::str::Split<'a, char>>,
    line_bytes_max: usize,
    lines_max: usize,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8], limits: &HlsLimits) -> Result<Self, PlaylistError> {
        let too_many = |what, max| Err(PlaylistError::TooMany { what, max });
        if bytes.len() > limits.playlist_bytes_max {
            return too_many("bytes", limits.playlist_bytes_max);
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
        if !bytes.starts_with(b"#EXTM3U") {
            let page = bytes.starts_with(b"<");
            return Err(if page { PlaylistError::WebPage } else { PlaylistError::NoHeader });
        }
        let text = core::str::from_utf8(bytes).map_err(|_| PlaylistError::NotText)?;
        let (line_bytes_max, lines_max) = (limits.line_bytes_max, limits.lines_max);
        Ok(Self { rest: text.split('\n').enumerate(), line_bytes_max, lines_max })
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<(usize, Line<'a>), PlaylistError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (index, line) = self.rest.next()?;
            if index >= self.lines_max {
                let (what, max) = ("lines", self.lines_max);
                return Some(Err(PlaylistError::TooMany { what, max }));
            }
            if line.len() > self.line_bytes_max {
                let (what, max) = ("bytes in a line", self.line_bytes_max);
                return Some(Err(PlaylistError::TooMany { what, max }));
            }
            let line = line.trim();
            if let Some(tag) = line.strip_prefix('#').filter(|tag| tag.starts_with("EXT")) {
                let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
                return Some(Ok((index + 1, Line::Tag { name, value })));
            }
            if !line.is_empty() && !line.starts_with('#') {
                return Some(Ok((index + 1, Line::Uri(line))));
            }
        }
    }
}
