//! The initialization section: which tracks there are, and how their samples are written.
//! ISO/IEC 14496-12, 8.2 to 8.8; 14496-14 and 14496-15 for what stands in a sample entry.

use bytes::Bytes;
use wire::codec::VideoCodec;

use super::Fmp4Error;
use super::boxes::{Fields, Kind, child, children};
use crate::codec::fourcc_name;
use crate::elementary::StreamError;

/// Tracks that are looked at: a packager writes one or two.
const TRACKS_MAX: usize = 16;

/// What is taken of an initialization section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) video: Option<Track>,
    pub(super) sound: Option<Track>,
    /// Numbers of all tracks, those that are not taken as well.
    pub(super) ids: Vec<u32>,
    /// Why it is not heard.
    pub(super) unheard: Option<String>,
}

/// One track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) codec: Codec,
    /// Units of its times in a second; never zero.
    pub(super) timescale: u32,
    /// From its own times to those of the presentation, in its units.
    pub(super) shift: i64,
    /// What its samples have unless a fragment says otherwise.
    pub(super) defaults: Defaults,
}

/// Codec and decoder configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Video(VideoCodec, Bytes),
    Aac(Bytes),
}

/// Duration and size of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
}

/// What a track's sample entry is.
enum Entry {
    Taken(Codec),
    OtherVideo(String),
    OtherSound(String),
    /// Subtitles, metadata.
    Other,
}

/// Reads the body of a `moov` box: the first video in H.264 or H.265, and the first sound in AAC.
///
/// # Errors
/// [`Fmp4Error::Encrypted`], or [`Fmp4Error::Header`] if the boxes do not hold together. That it has
/// no picture, or no sound, is the caller's to judge.
pub(super) fn read(moov: &[u8]) -> Result<Header, Fmp4Error> {
    let movie_scale = child(moov, b"mvhd").and_then(timescale).ok_or(Fmp4Error::Header)?;
    let extends = child(moov, b"mvex").unwrap_or_default();
    let mut header = Header::default();
    let mut refused = None;
    let tracks = children(moov).filter(|(kind, _)| kind == b"trak").take(TRACKS_MAX);
    for (_, trak) in tracks {
        let (id, entry, mut track_scale) = parts(trak).ok_or(Fmp4Error::Header)?;
        track_scale = track_scale.max(1);
        header.ids.push(id);
        let track = |codec| Track {
            id,
            codec,
            timescale: track_scale,
            shift: shift(trak, (movie_scale, track_scale)).unwrap_or_default(),
            defaults: defaults(extends, id),
        };
        match sample_entry(entry)? {
            Entry::Taken(codec @ Codec::Video(..)) if header.video.is_none() => {
                header.video = Some(track(codec));
            }
            Entry::Taken(codec @ Codec::Aac(_)) if header.sound.is_none() => {
                header.sound = Some(track(codec));
            }
            Entry::OtherVideo(name) => refused = refused.or(Some(name)),
            Entry::OtherSound(name) => header.unheard = Some(name),
            Entry::Taken(_) | Entry::Other => {}
        }
    }
    if header.sound.is_some() {
        header.unheard = None;
    }
    match (&header.video, refused) {
        (None, Some(name)) => Err(StreamError::UnsupportedVideo(name).into()),
        (Some(_), _) | (None, None) => Ok(header),
    }
}

/// Id, sample descriptions and time scale of a track.
fn parts(trak: &[u8]) -> Option<(u32, &[u8], u32)> {
    let mut tkhd = Fields(child(trak, b"tkhd")?);
    let (version, _) = tkhd.full()?;
    tkhd.sized(version)?;
    tkhd.sized(version)?;
    let id = tkhd.u32()?;
    let mdia = child(trak, b"mdia")?;
    let scale = timescale(child(mdia, b"mdhd")?)?;
    let stbl = child(child(mdia, b"minf")?, b"stbl")?;
    Some((id, child(stbl, b"stsd")?, scale))
}

/// Time scale of an `mvhd` or `mdhd` box.
fn timescale(body: &[u8]) -> Option<u32> {
    let mut fields = Fields(body);
    let (version, _) = fields.full()?;
    fields.sized(version)?;
    fields.sized(version)?;
    fields.u32().filter(|scale| *scale > 0)
}

/// What an edit list moves: a wait before the first sample, and what of it is not shown. More edits
/// than that have no meaning in a stream that is fed piece by piece.
fn shift(trak: &[u8], (movie_scale, track_scale): (u32, u32)) -> Option<i64> {
    let mut fields = Fields(child(child(trak, b"edts")?, b"elst")?);
    let (version, _) = fields.full()?;
    let count = fields.u32()?;
    let mut shift = 0_i128;
    for _ in 0..count {
        let duration = fields.sized(version)?;
        let at = fields.sized(version)?;
        let signed = if version == 0 { i64::from(at as u32 as i32) } else { at as i64 };
        fields.u32()?;
        if signed != -1 {
            shift -= i128::from(signed);
            break;
        }
        shift += i128::from(duration) * i128::from(track_scale) / i128::from(movie_scale);
    }
    i64::try_from(shift).ok()
}

fn defaults(mvex: &[u8], id: u32) -> Defaults {
    let read = |body: &[u8]| {
        let mut fields = Fields(body);
        fields.full()?;
        let track = fields.u32()?;
        fields.u32()?;
        let (duration, size) = (fields.u32()?, fields.u32()?);
        Some((track, Defaults { duration, size }))
    };
    let all = children(mvex).filter(|(kind, _)| kind == b"trex");
    let own = all.filter_map(|(_, body)| read(body)).find(|(track, _)| *track == id);
    own.map(|(_, defaults)| defaults).unwrap_or_default()
}

fn sample_entry(stsd: &[u8]) -> Result<Entry, Fmp4Error> {
    let entries = stsd.get(8..).ok_or(Fmp4Error::Header)?;
    let (kind, body) = children(entries).next().ok_or(Fmp4Error::Header)?;
    let record = |fields: usize, kind: &Kind| {
        let inside = body.get(fields..).ok_or(Fmp4Error::Header)?;
        child(inside, kind).ok_or(Fmp4Error::Header)
    };
    let video = |codec, name: &Kind| {
        let record = Bytes::copy_from_slice(record(VISUAL_BYTES, name)?);
        Ok(Entry::Taken(Codec::Video(codec, record)))
    };
    match &kind {
        b"avc1" | b"avc3" => video(VideoCodec::H264, b"avcC"),
        b"hvc1" | b"hev1" => video(VideoCodec::H265, b"hvcC"),
        b"mp4a" => {
            let version = body.get(8..10).ok_or(Fmp4Error::Header)?;
            // QuickTime's later versions have more fields before the boxes.
            let more = match version {
                [0, 1] => 16,
                [0, 2] => 36,
                _ => 0,
            };
            let found = aac(record(AUDIO_BYTES + more, b"esds")?).ok_or(Fmp4Error::Header)?;
            Ok(found.map_or_else(
                || Entry::OtherSound("MPEG audio (MP3)".to_owned()),
                |record| Entry::Taken(Codec::Aac(record)),
            ))
        }
        b"encv" | b"enca" => Err(Fmp4Error::Encrypted),
        b"av01" | b"vp08" | b"vp09" | b"vvc1" | b"vvi1" | b"mp4v" | b"dvh1" | b"dvhe" => {
            Ok(Entry::OtherVideo(fourcc_name(&kind)))
        }
        b"Opus" | b"fLaC" | b".mp3" | b"ac-3" | b"ec-3" | b"ac-4" | b"alac" => {
            Ok(Entry::OtherSound(fourcc_name(&kind)))
        }
        _ => Ok(Entry::Other),
    }
}

/// Bytes of a visual and of an audio sample entry before the boxes in it.
const VISUAL_BYTES: usize = 78;
const AUDIO_BYTES: usize = 28;

/// The AudioSpecificConfig of an `esds` box; `Some(None)` if it is not AAC.
fn aac(esds: &[u8]) -> Option<Option<Bytes>> {
    let mut fields = Fields(esds.get(4..)?);
    let mut es = Fields(descriptor(&mut fields, 3)?);
    es.u16()?;
    let flags = es.u8()?;
    if flags & 0x80 != 0 {
        es.u16()?;
    }
    if flags & 0x40 != 0 {
        let length = es.u8()?;
        es.take(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        es.u16()?;
    }
    let mut config = Fields(descriptor(&mut es, 4)?);
    // MPEG-4 audio, and the AAC profiles of MPEG-2.
    if !matches!(config.u8()?, 0x40 | 0x66..=0x68) {
        return Some(None);
    }
    config.take(12)?;
    Some(Some(Bytes::copy_from_slice(descriptor(&mut config, 5)?)))
}

/// The body of a descriptor with this tag. ISO/IEC 14496-1, 8.3.3.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Option<&'a [u8]> {
    if fields.u8()? != tag {
        return None;
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.take(length)
}
