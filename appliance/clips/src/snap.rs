//! Fits a wanted stretch to frames that exist.

use wire::time::{MediaInterval, MediaTime};

/// One frame of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMark {
    /// Presentation time.
    pub pts: MediaTime,
    /// Decoding can start here.
    pub keyframe: bool,
}

/// What to copy and what to show of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Presentation time of the keyframe from which decoding starts, at or before `show.start`.
    pub decode_from: MediaTime,
    /// What a player shows: it starts exactly at a frame and ends exactly where the first frame
    /// that is not shown starts, or where the last frame of the index ends.
    pub show: MediaInterval,
    /// Frames shown.
    pub frames: u32,
}

/// Fits `wanted` to `frames`, which are in presentation order, each time once.
///
/// The first frame shown is the first one at or after `wanted.start`; the last one is the last
/// before `wanted.end`. Frames before the first keyframe cannot be decoded, so a stretch that
/// starts among them starts at that keyframe instead: compare `show` with `wanted` to see what is
/// missing. The last frame of the index is taken to last as long as the frame before it.
///
/// `None` if no frame of `wanted` can be shown.
pub fn snap(wanted: MediaInterval, frames: &[FrameMark]) -> Option<Cut> {
    let first_key = frames.iter().position(|f| f.keyframe)?;
    let first = frames.partition_point(|f| f.pts < wanted.start).max(first_key);
    let after = frames.partition_point(|f| f.pts < wanted.end);
    if first >= after {
        return None;
    }
    let key = frames.get(..=first)?.iter().rposition(|f| f.keyframe)?;
    let end = match frames.get(after) {
        Some(next) => next.pts,
        None => end_of_last(frames)?,
    };
    Some(Cut {
        decode_from: frames.get(key)?.pts,
        show: MediaInterval { start: frames.get(first)?.pts, end },
        frames: u32::try_from(after - first).unwrap_or(u32::MAX),
    })
}

/// Where the last frame ends: it lasts as long as its predecessor, or one tick if it is alone.
fn end_of_last(frames: &[FrameMark]) -> Option<MediaTime> {
    match frames {
        [] => None,
        [only] => Some(MediaTime(only.pts.0 + 1)),
        [.., before, last] => Some(last.pts.plus(last.pts.since(before.pts))),
    }
}
