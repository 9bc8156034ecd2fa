//! Reads a fragment's header back: where its samples lie and when they are shown.

use mp4_atom::{Atom, Buf, DecodeMaybe, FourCC, Header, Mdat, Moof, Moov, Traf};
use wire::time::{MediaInterval, MediaTime};

use super::fragment::from_samples;
use super::{AUDIO_TRACK, Mp4Error, ORIGIN, Tracks, VIDEO_TRACK};

/// Where one sample lies in the fragment's file, and its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u32,
    /// Decode time.
    pub dts: MediaTime,
    /// Presentation time.
    pub pts: MediaTime,
    /// Where the next sample of the track decodes.
    pub end: MediaTime,
    /// Decoding can start here.
    pub keyframe: bool,
}

/// What a fragment contains, known from its first [`header_bytes`](Self::header_bytes).
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Number of the fragment within its recording.
    pub seq: u32,
    /// What its tracks are coded in.
    pub tracks: Tracks,
    /// Equal for fragments whose video can be in one clip.
    pub video_config: u64,
    /// Equal for fragments whose audio can be in one clip; zero without audio.
    pub audio_config: u64,
    /// Pictures in decoding order; at least one.
    pub video: Vec<Sample>,
    /// Sound, in order.
    pub audio: Vec<Sample>,
    /// Bytes before the media.
    pub header_bytes: u64,
    /// Bytes of the whole file.
    pub bytes: u64,
}

impl Layout {
    /// Reads the start of a fragment's file; `head` may end anywhere after the header.
    ///
    /// # Errors
    /// [`Mp4Error::Short`] if `head` ends before the media starts (`needs` is a lower bound: read
    /// more and try again), and the others if this is no fragment.
    pub fn parse(head: &[u8]) -> Result<Self, Mp4Error> {
        let mut rest = head;
        let mut moov = None;
        let mut moof = None;
        loop {
            let position = head.len() - rest.len();
            let short =
                |needs: usize| Mp4Error::Short { has: head.len() as u64, needs: needs as u64 };
            let mut peek = rest;
            let Some(header) = Header::decode_maybe(&mut peek)? else {
                return Err(short(position + 8));
            };
            let size = header.size.ok_or(Mp4Error::Foreign("a box without a size"))?;
            let body_at = head.len() - peek.len();
            if header.kind == Mdat::KIND {
                let parts = (moov.ok_or(NO_MOOV)?, moof.ok_or(NO_MOOF)?);
                return Self::new(parts, (position, body_at, size));
            }
            // A header is kilobytes; more than this is not ours, and must not be waited for.
            if size > HEADER_BYTES_MAX {
                return Err(Mp4Error::Foreign("a header box of implausible size"));
            }
            if size > peek.len() {
                return Err(short(body_at + size));
            }
            if header.kind == Moov::KIND {
                moov = Moov::decode_maybe(&mut rest)?;
            } else if header.kind == Moof::KIND {
                moof = Moof::decode_maybe(&mut rest)?.map(|moof| (position, moof));
            } else if header.kind == FourCC::new(b"ftyp") {
                rest = peek;
                rest.advance(size);
            } else {
                return Err(Mp4Error::Foreign("an unexpected box"));
            }
        }
    }

    fn new(
        (moov, (moof_at, moof)): (Moov, (usize, Moof)),
        (_, media_at, media_bytes): (usize, usize, usize),
    ) -> Result<Self, Mp4Error> {
        let tracks = Tracks::from_moov(&moov)?;
        let samples = |id, hz: u32| {
            moof.traf
                .iter()
                .find(|traf| traf.tfhd.track_id == id)
                .map_or(Ok(Vec::new()), |traf| samples(traf, moof_at as u64, hz))
        };
        let video = samples(VIDEO_TRACK, super::VIDEO_HZ)?;
        let audio = match &tracks.audio {
            Some(sound) => samples(AUDIO_TRACK, sound.sample_hz)?,
            None => Vec::new(),
        };
        if video.is_empty() {
            return Err(Mp4Error::Foreign("no pictures"));
        }
        let bytes = media_at as u64 + media_bytes as u64;
        let inside =
            |s: &Sample| s.offset >= media_at as u64 && s.offset + u64::from(s.bytes) <= bytes;
        if !video.iter().chain(&audio).all(inside) {
            return Err(Mp4Error::Foreign("a sample outside of the file"));
        }
        Ok(Self {
            seq: moof.mfhd.sequence_number,
            video_config: tracks.video_fingerprint()?,
            audio_config: tracks.audio_fingerprint()?,
            tracks,
            video,
            audio,
            header_bytes: media_at as u64,
            bytes,
        })
    }

    /// From the first frame's presentation to the end of the last one's.
    pub fn shown(&self) -> MediaInterval {
        let start = self.video.iter().map(|s| s.pts).min().unwrap_or_default();
        let end = self.video.iter().map(|s| s.pts.plus(s.end.since(s.dts))).max();
        MediaInterval { start, end: end.unwrap_or(start) }
    }

    /// From the first sound to the end of the last.
    pub fn heard(&self) -> Option<MediaInterval> {
        let (first, last) = (self.audio.first()?, self.audio.last()?);
        Some(MediaInterval { start: first.pts, end: last.end })
    }
}

const NO_MOOV: Mp4Error = Mp4Error::Foreign("media before the tracks are described");
const NO_MOOF: Mp4Error = Mp4Error::Foreign("media before the samples are listed");

/// Largest header box that is believed: a fragment of a few seconds has some kilobytes.
const HEADER_BYTES_MAX: usize = 4 << 20;

fn samples(traf: &Traf, moof_at: u64, hz: u32) -> Result<Vec<Sample>, Mp4Error> {
    let trun = traf.trun.first().ok_or(Mp4Error::Foreign("a track without samples"))?;
    let base = traf.tfdt.as_ref().ok_or(Mp4Error::Foreign("a track without a decode time"))?;
    let relative = trun.data_offset.and_then(|offset| u64::try_from(offset).ok());
    let mut offset = moof_at + relative.ok_or(Mp4Error::Foreign("samples without an offset"))?;
    let mut at = i64::try_from(base.base_media_decode_time)
        .ok()
        .filter(|at| *at < DECODE_TIME_MAX)
        .ok_or(Mp4Error::Foreign("a decode time beyond all times"))?;
    let media = |ticks: i64| from_samples(ticks, hz).minus(ORIGIN);
    let mut samples = Vec::with_capacity(trun.samples.len().min(4096));
    for entry in &trun.samples {
        let missing = Mp4Error::Foreign("a sample without size or duration");
        let (Some(bytes), Some(duration)) = (entry.size, entry.duration) else {
            return Err(missing);
        };
        let next = at.saturating_add(i64::from(duration));
        samples.push(Sample {
            offset,
            bytes,
            dts: media(at),
            pts: media(at.saturating_add(entry.cts.unwrap_or(0))),
            end: media(next),
            keyframe: entry.flags.is_some_and(|flags| flags & NON_SYNC == 0),
        });
        offset += u64::from(bytes);
        at = next;
    }
    Ok(samples)
}

/// Decode times above this (centuries) are damage, and would overflow what is computed from them.
const DECODE_TIME_MAX: i64 = 1 << 50;

/// The bit of sample flags that says "no decoder can start here".
const NON_SYNC: u32 = 0x0001_0000;
