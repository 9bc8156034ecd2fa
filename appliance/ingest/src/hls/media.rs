//! Media playlists: from lines to segments.
//!
//! Pure. Which segment comes next is the business of [`window`](super::window).
//! Source: RFC 8216 4.3.2 and 4.3.3; draft-pantos-hls-rfc8216bis 4.4.3.7 to 4.4.5.3 for the tags
//! of low latency.

use core::time::Duration;
use std::sync::Arc;

use super::attributes::{self, Attributes};
use super::playlist::{
    ByteRange, Kind, Line, Lines, MediaPlaylist, Part, PlaylistError, Reload, Resource, Segment,
    ServerControl,
};
use crate::limits::HlsLimits;
use wire::time::WallTime;

/// Largest number of a segment: what is beyond comes from no counter and no clock.
const SEQUENCE_MAX: u64 = 1 << 62;

/// Whether only media playlists have this tag.
pub(super) fn is_own_tag(name: &str) -> bool {
    matches!(
        name,
        "EXTINF" | "EXT-X-TARGETDURATION" | "EXT-X-MEDIA-SEQUENCE" | "EXT-X-ENDLIST" | "EXT-X-PART"
    )
}

/// Reads a media playlist.
pub(super) fn read(lines: Lines<'_>, limits: &HlsLimits) -> Result<MediaPlaylist, PlaylistError> {
    let mut reader = Reader::new(limits);
    for line in lines {
        let (line, content) = line?;
        reader.line = line;
        match content {
            Line::Tag { name, value } => {
                if !reader.segment_tag(name, value)? {
                    reader.playlist_tag(name, value)?;
                }
            }
            Line::Uri(uri) => reader.segment(uri)?,
        }
    }
    reader.finish()
}

struct Reader<'l> {
    limits: &'l HlsLimits,
    /// Number of the line being read, for errors.
    line: usize,
    playlist: MediaPlaylist,
    target: Option<Duration>,
    discontinuity_sequence: Option<u64>,
    /// Applies to every segment until the next one.
    map: Option<Arc<Resource>>,
    /// Wall time at the end of the last segment.
    wall: Option<WallTime>,
    parts: usize,
    upcoming: Upcoming,
}

/// What was said about the segment whose reference has not come yet.
#[derive(Default)]
struct Upcoming {
    duration: Option<Duration>,
    range: Option<(u64, Option<u64>)>,
    wall: Option<WallTime>,
    discontinuity: bool,
    gap: bool,
    parts: Vec<Part>,
}

impl<'l> Reader<'l> {
    fn new(limits: &'l HlsLimits) -> Self {
        Self {
            limits,
            line: 0,
            playlist: MediaPlaylist::default(),
            target: None,
            discontinuity_sequence: None,
            map: None,
            wall: None,
            parts: 0,
            upcoming: Upcoming::default(),
        }
    }

    fn malformed(&self, what: &'static str) -> PlaylistError {
        PlaylistError::Malformed { line: self.line, what }
    }

    /// Tags about one segment and those after it. Returns whether it was one.
    fn segment_tag(&mut self, name: &str, value: &str) -> Result<bool, PlaylistError> {
        match name {
            "EXTINF" => {
                let text = value.split(',').next().unwrap_or_default();
                let duration = attributes::seconds(text).ok_or_else(|| self.malformed("EXTINF"))?;
                self.upcoming.duration = Some(duration);
            }
            "EXT-X-BYTERANGE" => {
                let range = attributes::length_and_offset(value);
                self.upcoming.range = Some(range.ok_or_else(|| self.malformed("EXT-X-BYTERANGE"))?);
            }
            "EXT-X-DISCONTINUITY" => {
                self.upcoming.discontinuity = true;
                // The clock of what follows is another one.
                self.wall = None;
            }
            "EXT-X-GAP" => self.upcoming.gap = true,
            // A date that cannot be read is no reason to lose the stream.
            "EXT-X-PROGRAM-DATE-TIME" => self.upcoming.wall = attributes::date(value),
            "EXT-X-MAP" => self.map = Some(Arc::new(self.map(Attributes(value))?)),
            "EXT-X-PART" => self.part(Attributes(value))?,
            "EXT-X-KEY" if Attributes(value).get("METHOD") != Some("NONE") => {
                return Err(PlaylistError::Encrypted { line: self.line });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Tags about the whole playlist.
    fn playlist_tag(&mut self, name: &str, value: &str) -> Result<(), PlaylistError> {
        let list = Attributes(value);
        let number = || value.parse().ok().filter(|number| *number <= SEQUENCE_MAX);
        match name {
            "EXT-X-TARGETDURATION" => {
                let target =
                    attributes::seconds(value).ok_or_else(|| self.malformed("duration"))?;
                self.target = Some(target);
            }
            "EXT-X-MEDIA-SEQUENCE" => {
                let sequence = number().ok_or_else(|| self.malformed("EXT-X-MEDIA-SEQUENCE"))?;
                self.playlist.media_sequence = sequence;
            }
            // Only decides whether something may have been cut: not worth losing the stream for.
            "EXT-X-DISCONTINUITY-SEQUENCE" => self.discontinuity_sequence = number(),
            "EXT-X-ENDLIST" => self.playlist.ended = true,
            "EXT-X-PLAYLIST-TYPE" if value == "VOD" => self.playlist.kind = Kind::Vod,
            "EXT-X-PLAYLIST-TYPE" if value == "EVENT" => self.playlist.kind = Kind::Event,
            "EXT-X-PART-INF" => self.playlist.part_target = list.seconds("PART-TARGET"),
            "EXT-X-SERVER-CONTROL" => {
                let blocking = list.is_yes("CAN-BLOCK-RELOAD");
                self.playlist.control = ServerControl {
                    reload: if blocking { Reload::Blocking } else { Reload::Plain },
                    hold_back: list.seconds("HOLD-BACK"),
                    part_hold_back: list.seconds("PART-HOLD-BACK"),
                };
            }
            "EXT-X-PRELOAD-HINT" if list.get("TYPE") == Some("PART") => {
                self.playlist.preload_hint = list.get("URI").map(str::to_owned);
            }
            // Never asked for; what it leaves out cannot be had from elsewhere.
            "EXT-X-SKIP" => {
                return Err(PlaylistError::Unsupported { line: self.line, what: "EXT-X-SKIP" });
            }
            "EXT-X-DEFINE" => {
                return Err(PlaylistError::Unsupported { line: self.line, what: "EXT-X-DEFINE" });
            }
            _ => {}
        }
        Ok(())
    }

    fn map(&self, list: Attributes<'_>) -> Result<Resource, PlaylistError> {
        let uri = list.get("URI").ok_or_else(|| self.malformed("EXT-X-MAP"))?;
        let range = self.range(list.get("BYTERANGE"), uri, None)?;
        // Without an offset it begins the resource (RFC 8216 4.3.2.5).
        Ok(Resource { uri: uri.to_owned(), range })
    }

    fn part(&mut self, list: Attributes<'_>) -> Result<(), PlaylistError> {
        if self.parts == self.limits.parts_max {
            return Err(PlaylistError::TooMany { what: "parts", max: self.limits.parts_max });
        }
        self.parts += 1;
        let uri = list.get("URI").ok_or_else(|| self.malformed("URI of EXT-X-PART"))?;
        let duration = list.seconds("DURATION");
        let duration = duration.ok_or_else(|| self.malformed("DURATION of EXT-X-PART"))?;
        let before = self.playlist.segments.last().map(|segment| segment.parts.as_slice());
        let previous = self.upcoming.parts.last().or(before.and_then(<[Part]>::last));
        let previous = previous.map(|part| &part.resource);
        let range = self.range(list.get("BYTERANGE"), uri, previous)?;
        self.upcoming.parts.push(Part {
            duration,
            resource: Resource { uri: uri.to_owned(), range },
            independent: list.is_yes("INDEPENDENT"),
            gap: list.is_yes("GAP"),
        });
        Ok(())
    }

    /// A range as an attribute.
    fn range(
        &self,
        text: Option<&str>,
        uri: &str,
        previous: Option<&Resource>,
    ) -> Result<Option<ByteRange>, PlaylistError> {
        let Some(text) = text else { return Ok(None) };
        let range = attributes::length_and_offset(text);
        let (length, offset) = range.ok_or_else(|| self.malformed("BYTERANGE"))?;
        self.place(length, offset.unwrap_or_else(|| implied_offset(uri, previous).unwrap_or(0)))
    }

    fn place(&self, length: u64, offset: u64) -> Result<Option<ByteRange>, PlaylistError> {
        if length == 0 || offset.checked_add(length).is_none() {
            return Err(self.malformed("byte range"));
        }
        Ok(Some(ByteRange { offset, length }))
    }

    /// The reference of a segment: it is complete now.
    fn segment(&mut self, uri: &str) -> Result<(), PlaylistError> {
        let Some(duration) = self.upcoming.duration else {
            return Err(self.malformed("reference without EXTINF"));
        };
        let range = match self.upcoming.range {
            None => None,
            Some((length, Some(offset))) => self.place(length, offset)?,
            Some((length, None)) => {
                let previous = self.playlist.segments.last();
                let previous = previous.and_then(|segment| segment.whole.as_ref());
                // There is no telling where it begins (RFC 8216 4.3.2.2).
                let offset = implied_offset(uri, previous);
                let offset = offset.ok_or_else(|| self.malformed("byte range without offset"))?;
                self.place(length, offset)?
            }
        };
        self.push(duration, Some(Resource { uri: uri.to_owned(), range }))
    }

    fn push(&mut self, duration: Duration, whole: Option<Resource>) -> Result<(), PlaylistError> {
        if self.playlist.segments.len() == self.limits.segments_max {
            return Err(PlaylistError::TooMany { what: "segments", max: self.limits.segments_max });
        }
        let upcoming = core::mem::take(&mut self.upcoming);
        let wall = upcoming.wall.or(self.wall);
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        self.wall = wall.map(|wall| WallTime(wall.0.saturating_add(micros)));
        self.playlist.segments.push(Segment {
            sequence: 0,
            duration,
            whole,
            map: self.map.clone(),
            discontinuity: upcoming.discontinuity,
            discontinuity_sequence: None,
            wall,
            gap: upcoming.gap,
            parts: upcoming.parts,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<MediaPlaylist, PlaylistError> {
        if !self.upcoming.parts.is_empty() {
            let duration = self.upcoming.parts.iter().map(|part| part.duration).sum();
            self.push(duration, None)?;
        }
        // Numbered last, because tags of the whole playlist may follow the first segment.
        let mut discontinuities = self.discontinuity_sequence;
        for (sequence, segment) in (self.playlist.media_sequence..).zip(&mut self.playlist.segments)
        {
            segment.sequence = sequence;
            discontinuities = discontinuities.map(|sum| sum + u64::from(segment.discontinuity));
            segment.discontinuity_sequence = discontinuities;
        }
        let longest = self.playlist.segments.iter().map(|segment| segment.duration).max();
        let target = self.target.or(longest).ok_or(PlaylistError::NoTargetDuration)?;
        // Zero would mean to ask without pause.
        self.playlist.target_duration = target.max(Duration::from_secs(1));
        Ok(self.playlist)
    }
}

/// Where a range without offset begins: after the one before it in the same resource.
fn implied_offset(uri: &str, previous: Option<&Resource>) -> Option<u64> {
    let previous = previous.filter(|previous| previous.uri == uri)?;
    previous.range.map(ByteRange::end)
}
