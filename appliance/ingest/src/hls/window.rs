//! Where a puller stands in a playlist: where to begin, what comes next, what a reload changed.
//!
//! Pure functions of playlists and a [`Position`]; nothing is remembered here.
//! Source: RFC 8216 6.3.3 to 6.3.5.

use core::time::Duration;

use super::effect::Parts;
use super::playlist::{MediaPlaylist, Segment};
use crate::limits::HlsLimits;

/// The next thing to fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Segment.
    pub(super) sequence: u64,
    /// Parts of it that were fetched already.
    pub(super) part: usize,
}

impl Position {
    /// The beginning of a segment.
    pub(super) const fn at(sequence: u64) -> Self {
        Self { sequence, part: 0 }
    }
}

/// The first thing that a playlist does not list yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// Segment.
    pub(super) sequence: u64,
    /// Parts of it that are listed; `None` if parts are of no interest.
    pub(super) parts: Option<usize>,
}

/// The end of a playlist, counted in parts or in whole segments.
pub(super) fn edge(playlist: &MediaPlaylist, parts: Parts) -> Edge {
    let end = playlist.media_sequence + playlist.segments.len() as u64;
    let (sequence, listed) = match playlist.segments.last() {
        Some(Segment { whole: None, parts, .. }) => (end - 1, parts.len()),
        Some(Segment { whole: Some(_), .. }) | None => (end, 0),
    };
    let parts = match parts {
        Parts::Fetch => Some(listed),
        Parts::Ignore => None,
    };
    Edge { sequence, parts }
}

/// Where to begin: at the front of a recording, near the end of a live stream.
///
/// That is the last segment that begins at least three target durations before the end, or what
/// the server wants instead (RFC 8216 6.3.3; HOLD-BACK and PART-HOLD-BACK of bis 4.4.3.8).
pub(super) fn start(playlist: &MediaPlaylist, parts: Parts) -> Position {
    if playlist.ended {
        return Position::at(playlist.media_sequence);
    }
    let whole = playlist.control.hold_back.unwrap_or(playlist.target_duration * 3);
    let hold_back = match (parts, playlist.part_target) {
        (Parts::Fetch, Some(part)) => playlist.control.part_hold_back.unwrap_or(part * 3),
        (Parts::Fetch, None) | (Parts::Ignore, _) => whole,
    };
    let mut from_end = Duration::ZERO;
    for segment in playlist.segments.iter().rev() {
        if segment.whole.is_none() && parts == Parts::Ignore {
            continue;
        }
        from_end += segment.duration;
        if from_end >= hold_back {
            return Position::at(segment.sequence);
        }
    }
    Position::at(playlist.media_sequence)
}

/// What is next at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Not listed yet.
    Wait,
    /// Nothing will be listed any more.
    End,
    /// Fetch the whole segment.
    Whole,
    /// Fetch the part at the position.
    Part,
    /// All parts of the segment were fetched: go on to the next one.
    Done,
    /// The playlist begins so many segments later.
    Expired(u64),
    /// The server does not have the segment.
    Gap,
    /// Parts of the segment were fetched, and the next one is not to be had.
    Torn,
}

/// What is next at `position`.
pub(super) fn step(playlist: &MediaPlaylist, position: Position, parts: Parts) -> Step {
    let beyond = if playlist.ended { Step::End } else { Step::Wait };
    let Some(first) = playlist.segments.first() else { return beyond };
    if position.sequence < first.sequence {
        return Step::Expired(first.sequence - position.sequence);
    }
    let Some(segment) = playlist.segment(position.sequence) else { return beyond };
    let listed = segment.parts.get(position.part);
    let fetchable = listed.is_some_and(|part| !part.gap);
    match (&segment.whole, position.part) {
        _ if segment.gap => Step::Gap,
        (Some(_), 0) => Step::Whole,
        (Some(_), fetched) if fetched == segment.parts.len() => Step::Done,
        (None, 0) if parts == Parts::Ignore => beyond,
        (Some(_) | None, _) if fetchable => Step::Part,
        // A part that is missing: the whole segment may come, unless some of it is out already.
        (None, 0) => beyond,
        (None, _) if listed.is_none() => beyond,
        (Some(_) | None, _) => Step::Torn,
    }
}

/// What a reload brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Update {
    /// The same, or nothing at all.
    Same,
    /// Something was added or removed.
    Changed,
    /// An older state, as caches show it.
    Stale,
    /// Another stream: the server counts anew.
    Restarted,
}

/// Compares a playlist with the one that was loaded before.
pub(super) fn compare(old: &MediaPlaylist, new: &MediaPlaylist, limits: &HlsLimits) -> Update {
    if new.segments.is_empty() && !new.ended {
        return Update::Same;
    }
    let (before, after) = (edge(old, Parts::Fetch), edge(new, Parts::Fetch));
    let back = new.media_sequence < old.media_sequence || after < before;
    if back && !new.segments.is_empty() {
        return match (same_references(old, new) && !clocks_differ(old, new), after < before) {
            (false, _) => Update::Restarted,
            (true, true) => Update::Stale,
            (true, false) => Update::Changed,
        };
    }
    let jump = new.media_sequence.saturating_sub(before.sequence);
    if jump > limits.jump_segments_max || clocks_differ(old, new) {
        return Update::Restarted;
    }
    let same = before == after
        && new.media_sequence == old.media_sequence
        && new.ended == old.ended
        && new.segments.len() == old.segments.len();
    if same { Update::Same } else { Update::Changed }
}

/// Segments that both playlists list.
fn overlap<'a>(
    old: &'a MediaPlaylist,
    new: &'a MediaPlaylist,
) -> impl Iterator<Item = (&'a Segment, &'a Segment)> {
    new.segments.iter().filter_map(|segment| Some((old.segment(segment.sequence)?, segment)))
}

/// Whether the playlists overlap and name the same resources there. Queries are left out, because
/// some servers sign every load anew.
fn same_references(old: &MediaPlaylist, new: &MediaPlaylist) -> bool {
    let mut overlaps = false;
    overlap(old, new).all(|(old, new)| {
        overlaps = true;
        match (&old.whole, &new.whole) {
            (Some(one), Some(other)) => {
                path(&one.uri) == path(&other.uri)
                    && one.range == other.range
                    && old.duration == new.duration
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => true,
        }
    }) && overlaps
}

/// A reference without its query.
fn path(uri: &str) -> &str {
    uri.split_once('?').map_or(uri, |(path, _)| path)
}

/// Whether a number stands for another moment than before, by more than rounding explains. Names
/// are no sign: servers that begin anew use them again.
fn clocks_differ(old: &MediaPlaylist, new: &MediaPlaylist) -> bool {
    let tolerance_us = old.target_duration.as_micros();
    overlap(old, new).any(|(old, new)| match (old.wall, new.wall) {
        (Some(old), Some(new)) => u128::from(old.0.abs_diff(new.0)) > tolerance_us,
        (Some(_), None) | (None, Some(_)) | (None, None) => false,
    })
}
