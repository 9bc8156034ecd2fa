//! Chooses what goes into a clip: fragments, samples and the frames to show.

use clips::snap::{Cut, FrameMark, snap};
use wire::time::{MediaInterval, MediaSpan, MediaTime};

use super::{CutError, Job, Missing};
use crate::mp4::{Layout, Located, Mp4Error, Tracks};
use crate::record::{FragmentStore, Head};

/// Pictures further apart than this, and than three usual distances, count as an interruption.
const GAP_MIN: MediaSpan = MediaSpan::from_millis(250);

/// What a clip is made of.
pub(super) struct Selection {
    pub(super) tracks: Tracks,
    /// Pictures from the keyframe to the last one that is needed, in decoding order.
    pub(super) video: Vec<Located>,
    /// Sound of all chosen fragments.
    pub(super) audio: Vec<Located>,
    pub(super) cut: Cut,
    pub(super) missing: Missing,
}

pub(super) fn select(job: &Job, store: &dyn FragmentStore) -> Result<Selection, CutError> {
    let wanted = job.plan.interval;
    let nothing = || CutError::Nothing {
        clip: job.id,
        start_s: wanted.start.as_secs_f64(),
        end_s: wanted.end.as_secs_f64(),
    };
    let mut heads = store.covering(wanted);
    let moment = job.plan.events.first().map_or(wanted.start, |event| event.at);
    let reference = keep_one_configuration(&mut heads, moment).ok_or_else(nothing)?;
    let mut samples = Samples::default();
    for head in &heads {
        samples.add(&read_layout(head, store)?, reference.audio_config);
    }
    let tracks = samples.tracks.take().ok_or_else(nothing)?;
    let tracks = if samples.audio.is_empty() { tracks.without_audio() } else { tracks };
    let marks = marks(&samples.video);
    let cut = snap(wanted, &marks).ok_or_else(nothing)?;
    let missing = missing(wanted, cut.show, &marks);
    let video = needed(&samples.video, &cut);
    Ok(Selection { tracks, video, audio: samples.audio, cut, missing })
}

/// A file has one video configuration: keeps the fragments around the one that shows `moment`
/// (or the nearest) which share its configuration, and returns that one.
fn keep_one_configuration(heads: &mut Vec<Head>, moment: MediaTime) -> Option<Head> {
    let distance = |head: &Head| {
        let before = head.shown.start.since(moment).0;
        let after = moment.since(head.shown.end).0;
        before.max(after).max(0)
    };
    let at = (0..heads.len()).min_by_key(|i| heads.get(*i).map(distance))?;
    let reference = *heads.get(at)?;
    let other = |head: &Head| head.video_config != reference.video_config;
    let end = heads.iter().skip(at).position(other).map_or(heads.len(), |after| at + after);
    let start = heads.iter().take(at).rposition(other).map_or(0, |before| before + 1);
    heads.truncate(end);
    heads.drain(..start);
    Some(reference)
}

#[derive(Default)]
struct Samples {
    tracks: Option<Tracks>,
    video: Vec<Located>,
    audio: Vec<Located>,
}

impl Samples {
    /// Adds a fragment's samples; its sound only if it is coded like the clip's.
    fn add(&mut self, layout: &Layout, audio_config: u64) {
        let seq = layout.seq;
        let located = |sample: &crate::mp4::Sample| Located { seq, sample: *sample };
        self.video.extend(layout.video.iter().map(located));
        let fits = layout.audio_config == audio_config;
        if fits {
            self.audio.extend(layout.audio.iter().map(located));
        }
        if fits && self.tracks.is_none() {
            self.tracks = Some(layout.tracks.clone());
        }
    }
}

fn read_layout(head: &Head, store: &dyn FragmentStore) -> Result<Layout, CutError> {
    let size = usize::try_from(head.header_bytes)
        .map_err(|_| Mp4Error::Foreign("a header of implausible size"))?;
    let mut bytes = vec![0; size];
    store.read(head.seq, 0, &mut bytes)?;
    Ok(Layout::parse(&bytes)?)
}

/// The index of frames in presentation order.
fn marks(video: &[Located]) -> Vec<FrameMark> {
    let mut marks: Vec<FrameMark> = video
        .iter()
        .map(|Located { sample, .. }| FrameMark { pts: sample.pts, keyframe: sample.keyframe })
        .collect();
    marks.sort_by_key(|mark| mark.pts);
    marks.dedup_by_key(|mark| mark.pts);
    marks
}

/// From the keyframe to the last picture in decoding order that is shown: what comes later is
/// not needed, what lies between is, because shown pictures may refer to it.
fn needed(video: &[Located], cut: &Cut) -> Vec<Located> {
    let is_start = |l: &Located| l.sample.keyframe && l.sample.pts == cut.decode_from;
    let shown = |l: &Located| cut.show.start <= l.sample.pts && l.sample.pts < cut.show.end;
    let first = video.iter().position(is_start).unwrap_or(0);
    let after = video.iter().rposition(shown).map_or(first, |last| last + 1);
    video.get(first..after).unwrap_or(&[]).to_vec()
}

fn missing(wanted: MediaInterval, show: MediaInterval, marks: &[FrameMark]) -> Missing {
    let times: Vec<MediaTime> = marks.iter().map(|mark| mark.pts).collect();
    let usual = usual_distance(&times).0;
    let is_gap = |distance: &i64| *distance > (3 * usual).max(GAP_MIN.0);
    let first = times.partition_point(|at| *at < show.start);
    let after = times.partition_point(|at| *at < show.end);
    let shown = times.get(first..after).unwrap_or(&[]);
    let gaps = shown.windows(2).map(distance).filter(is_gap).map(|distance| distance - usual);
    // Snapping to frames moves an edge by less than one frame: that is nothing missing.
    let edge = |by: MediaSpan| MediaSpan(if 2 * by.0 > 3 * usual { by.0 } else { 0 });
    Missing {
        before: edge(show.start.since(wanted.start)),
        after: edge(wanted.end.since(show.end)),
        gaps: MediaSpan(gaps.sum()),
    }
}

/// The median distance between pictures.
fn usual_distance(times: &[MediaTime]) -> MediaSpan {
    let mut distances: Vec<i64> = times.windows(2).map(distance).collect();
    distances.sort_unstable();
    MediaSpan(distances.get(distances.len() / 2).copied().unwrap_or(0))
}

fn distance(pair: &[MediaTime]) -> i64 {
    match pair {
        [a, b] => b.since(*a).0,
        _ => 0,
    }
}
