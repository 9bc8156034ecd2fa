//! Lays out a clip: a progressive file made of samples that lie in fragments.
//!
//! Nothing is re-encoded. The file contains every picture from a keyframe on that a decoder
//! needs; an edit list makes it start exactly at the first picture to be shown and end exactly
//! after the last. The sound's edit list starts at the same instant, inside of a frame if need
//! be, and the frames before it let the decoder settle.

use bytes::Bytes;
use ingest::access_unit::Track;
use mp4_atom::{
    Ctts, CttsEntry, ElstEntry, Encode, FourCC, Ftyp, Moov, Mvhd, Stbl, Stco, Stsc, StscEntry,
    Stss, Stsz, StszSamples, Stts, SttsEntry, Trak,
};
use wire::time::{MediaInterval, MediaTime};

use super::fragment::{MDAT_HEADER_BYTES, from_samples, mdat_header, to_samples};
use super::steady::steady;
use super::tracks::{Sound, TrackBoxes, Tracks, audio_trak, video_trak};
use super::{AUDIO_TRACK, Mp4Error, Sample, VIDEO_HZ};

/// Sound frames before the first audible one: AAC overlaps neighbours, and with bandwidth
/// replication one more is needed.
const AUDIO_LEAD_IN: usize = 2;

/// A sample in a fragment of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Which fragment.
    pub seq: u32,
    /// Where in it.
    pub sample: Sample,
}

/// What a clip is made of.
#[derive(Clone, Copy, Debug)]
pub struct Movie<'a> {
    /// The tracks, the same for all samples.
    pub tracks: &'a Tracks,
    /// The pictures that go in, in decoding order, from a keyframe on.
    pub video: &'a [Located],
    /// Sound around the shown stretch, in order; what lies outside is left out.
    pub audio: &'a [Located],
    /// What a player shows.
    pub show: MediaInterval,
}

/// A run of bytes to copy from a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Which fragment.
    pub seq: u32,
    /// First byte in it.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
}

/// A laid-out clip: [`head`](Self::head), then the chunks in order, are the file.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Everything before the media.
    pub head: Bytes,
    /// The media.
    pub chunks: Vec<Chunk>,
    /// Size of the file.
    pub bytes: u64,
}

impl Clip {
    /// Lays out a clip.
    ///
    /// # Errors
    /// [`Mp4Error::Boxes`] if the clip exceeds 4 GiB or a field of the format.
    pub fn new(movie: &Movie<'_>) -> Result<Self, Mp4Error> {
        let sound = movie.tracks.audio.as_ref().map(|sound| select(movie, sound));
        let audio: &[Located] = sound.as_ref().map_or(&[], |s| &s.samples);
        let plan = interleave(movie.video, audio);
        let media: u64 = plan.iter().map(|run| run.chunk.bytes).sum();
        let ftyp = Ftyp {
            major_brand: (*b"isom").into(),
            minor_version: 0x200,
            compatible_brands: [*b"isom", *b"iso2", *b"mp41"].map(Into::into).to_vec(),
        };
        let mut head = Vec::new();
        ftyp.encode(&mut head)?;
        let ftyp_bytes = head.len();
        // Twice: the offsets depend on the box's length, which does not depend on them.
        moov(movie, sound.as_ref(), Chunks { runs: &plan, media_at: 0 })?.encode(&mut head)?;
        let media_at = (head.len() + MDAT_HEADER_BYTES) as u64;
        head.truncate(ftyp_bytes);
        moov(movie, sound.as_ref(), Chunks { runs: &plan, media_at })?.encode(&mut head)?;
        let media_bytes =
            usize::try_from(media).map_err(|_| mp4_atom::Error::TooLarge(FourCC::new(b"mdat")))?;
        head.extend_from_slice(&mdat_header(media_bytes)?);
        Ok(Self {
            bytes: head.len() as u64 + media,
            head: head.into(),
            chunks: plan.iter().map(|run| run.chunk).collect(),
        })
    }
}

/// The sound of a clip.
struct Selected {
    samples: Vec<Located>,
    /// Position of each sample relative to the first, in samples of the sound.
    positions: Vec<i64>,
    edits: Vec<ElstEntry>,
    shown: u64,
    sound: Sound,
}

/// Chooses the sound frames and where playing starts in them.
fn select(movie: &Movie<'_>, sound: &Sound) -> Selected {
    let hz = sound.sample_hz;
    let frame = i64::from(sound.frame);
    let (start, end) = (to_samples(movie.show.start, hz), to_samples(movie.show.end, hz));
    let labels: Vec<i64> =
        movie.audio.iter().map(|located| to_samples(located.sample.pts, hz)).collect();
    let grid = steady(&labels, sound.frame, hz);
    let first = grid.partition_point(|at| at + frame <= start);
    let after = grid.partition_point(|at| *at < end).max(first);
    let lead = first.saturating_sub(AUDIO_LEAD_IN);
    let mut selected = Selected {
        samples: Vec::new(),
        positions: Vec::new(),
        edits: Vec::new(),
        shown: 0,
        sound: sound.clone(),
    };
    if first == after {
        return selected;
    }
    let origin = grid.get(lead).copied().unwrap_or(0);
    let audible = grid.get(first).copied().unwrap_or(start).max(start);
    let audible_end = grid.get(after - 1).map_or(end, |last| (last + frame).min(end));
    let silence = ticks(audible - start, hz);
    if silence > 0 {
        selected.edits.push(edit(silence, None));
    }
    let sounding = ticks(audible_end - audible, hz);
    selected.edits.push(edit(sounding, u64::try_from(audible - origin).ok()));
    selected.shown = silence + sounding;
    selected.samples = movie.audio.get(lead..after).unwrap_or(&[]).to_vec();
    selected.positions =
        grid.get(lead..after).unwrap_or(&[]).iter().map(|at| at - origin).collect();
    selected
}

fn ticks(samples: i64, hz: u32) -> u64 {
    u64::try_from(from_samples(samples, hz).0).unwrap_or(0)
}

fn edit(segment_duration: u64, media_time: Option<u64>) -> ElstEntry {
    ElstEntry { segment_duration, media_time, media_rate: 1.into() }
}

/// A chunk of one track: consecutive samples that lie next to each other in a fragment.
struct Run {
    track: Track,
    samples: u32,
    chunk: Chunk,
}

/// Orders the samples for the file: fragment by fragment, pictures before the sound of the same
/// second, so that a player never has to read far ahead.
fn interleave(video: &[Located], audio: &[Located]) -> Vec<Run> {
    let mut runs = runs_of(video, Track::Video);
    runs.extend(runs_of(audio, Track::Audio));
    // A fragment has its pictures before its sound.
    runs.sort_by_key(|run| (run.chunk.seq, run.chunk.offset));
    runs
}

fn runs_of(samples: &[Located], track: Track) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for Located { seq, sample } in samples {
        let bytes = u64::from(sample.bytes);
        match runs.last_mut() {
            Some(run)
                if run.chunk.seq == *seq && run.chunk.offset + run.chunk.bytes == sample.offset =>
            {
                run.samples += 1;
                run.chunk.bytes += bytes;
            }
            _ => runs.push(Run {
                track,
                samples: 1,
                chunk: Chunk { seq: *seq, offset: sample.offset, bytes },
            }),
        }
    }
    runs
}

/// The runs of a file and where the first one starts.
#[derive(Clone, Copy)]
struct Chunks<'a> {
    runs: &'a [Run],
    media_at: u64,
}

fn moov(movie: &Movie<'_>, sound: Option<&Selected>, chunks: Chunks<'_>) -> Result<Moov, Mp4Error> {
    let shown = movie.show.end.since(movie.show.start).0;
    let shown = u64::try_from(shown).unwrap_or(0);
    let mut trak = vec![picture_trak(movie, shown, chunks)?];
    if let Some(selected) = sound.filter(|selected| !selected.samples.is_empty()) {
        trak.push(sound_trak(selected, chunks)?);
    }
    Ok(Moov {
        mvhd: Mvhd {
            timescale: VIDEO_HZ,
            duration: shown,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: AUDIO_TRACK + 1,
            ..Mvhd::default()
        },
        trak,
        ..Moov::default()
    })
}

fn picture_trak(movie: &Movie<'_>, shown: u64, chunks: Chunks<'_>) -> Result<Trak, Mp4Error> {
    let samples: Vec<Sample> = movie.video.iter().map(|located| located.sample).collect();
    let origin = samples.first().map_or(MediaTime(0), |first| first.dts);
    let starts: Vec<i64> = samples.iter().map(|s| s.dts.since(origin).0).collect();
    let end = samples.last().map_or(0, |last| last.end.since(origin).0);
    let offsets: Vec<i64> = samples.iter().map(|s| s.pts.since(s.dts).0).collect();
    let mut table = table(&samples, deltas(&starts, end), (chunks, Track::Video))?;
    if offsets.iter().any(|offset| *offset != 0) {
        let entries = repeats(offsets.into_iter())
            .map(|(sample_count, sample_offset)| CttsEntry { sample_count, sample_offset })
            .collect();
        table.ctts = Some(Ctts { entries });
    }
    if samples.iter().any(|s| !s.keyframe) {
        let numbered = samples.iter().zip(1_u32..);
        let entries = numbered.filter(|(s, _)| s.keyframe).map(|(_, n)| n).collect();
        table.stss = Some(Stss { entries });
    }
    let start = u64::try_from(movie.show.start.since(origin).0).unwrap_or(0);
    let boxes = TrackBoxes {
        shown,
        media: u64::try_from(end).unwrap_or(0),
        edits: vec![edit(shown, Some(start))],
        table,
    };
    Ok(video_trak(movie.tracks, boxes))
}

fn sound_trak(selected: &Selected, chunks: Chunks<'_>) -> Result<Trak, Mp4Error> {
    let samples: Vec<Sample> = selected.samples.iter().map(|located| located.sample).collect();
    let frame = i64::from(selected.sound.frame);
    let end = selected.positions.last().map_or(0, |last| last + frame);
    let boxes = TrackBoxes {
        shown: selected.shown,
        media: u64::try_from(end).unwrap_or(0),
        edits: selected.edits.clone(),
        table: table(&samples, deltas(&selected.positions, end), (chunks, Track::Audio))?,
    };
    Ok(audio_trak(&selected.sound, boxes))
}

/// From each start to the next, the last one to `end`.
fn deltas(starts: &[i64], end: i64) -> impl Iterator<Item = i64> {
    let following = starts.iter().skip(1).copied().chain([end]);
    starts.iter().zip(following).map(|(at, next)| next - at)
}

fn table(
    samples: &[Sample],
    durations: impl Iterator<Item = i64>,
    (chunks, track): (Chunks<'_>, Track),
) -> Result<Stbl, Mp4Error> {
    let too_large = |kind| mp4_atom::Error::TooLarge(FourCC::new(kind));
    let durations = durations
        .map(|delta| u32::try_from(delta).map_err(|_| too_large(b"stts")))
        .collect::<Result<Vec<u32>, _>>()?;
    let stts = repeats(durations.into_iter())
        .map(|(sample_count, sample_delta)| SttsEntry { sample_count, sample_delta })
        .collect();
    let mut stsc: Vec<StscEntry> = Vec::new();
    let mut stco = Vec::new();
    let mut at = chunks.media_at;
    for run in chunks.runs {
        if run.track == track {
            stco.push(u32::try_from(at).map_err(|_| too_large(b"stco"))?);
            if stsc.last().is_none_or(|last| last.samples_per_chunk != run.samples) {
                stsc.push(StscEntry {
                    first_chunk: u32::try_from(stco.len()).map_err(|_| too_large(b"stsc"))?,
                    samples_per_chunk: run.samples,
                    sample_description_index: 1,
                });
            }
        }
        at += run.chunk.bytes;
    }
    let sizes = samples.iter().map(|s| s.bytes).collect();
    Ok(Stbl {
        stts: Stts { entries: stts },
        stsc: Stsc { entries: stsc },
        stsz: Stsz { samples: StszSamples::Different { sizes } },
        stco: Some(Stco { entries: stco }),
        ..Stbl::default()
    })
}

/// Run-length encoding.
fn repeats<T: PartialEq>(values: impl Iterator<Item = T>) -> impl Iterator<Item = (u32, T)> {
    let mut values = values.peekable();
    std::iter::from_fn(move || {
        let value = values.next()?;
        let mut count = 1;
        while values.next_if_eq(&value).is_some() {
            count += 1;
        }
        Some((count, value))
    })
}
