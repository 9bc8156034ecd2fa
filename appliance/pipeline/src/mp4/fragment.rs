//! Writes one fragment of a recording.

use bytes::Bytes;
use ingest::access_unit::AccessUnit;
use mp4_atom::{
    Encode, FourCC, Ftyp, Mfhd, Moof, Moov, Mvex, Mvhd, Stbl, Stco, Tfdt, Tfhd, Traf, Trex, Trun,
    TrunEntry,
};
use wire::time::MediaTime;

use super::tracks::{Sound, TrackBoxes, Tracks, audio_trak, video_trak};
use super::{AUDIO_TRACK, Layout, Mp4Error, ORIGIN, VIDEO_HZ, VIDEO_TRACK, steady::steady};

/// Sample flags: nothing else is needed to decode it (ISO/IEC 14496-12, 8.8.3.1).
const FLAGS_SYNC: u32 = 0x0200_0000;
/// Sample flags: it depends on others and is no sync sample.
const FLAGS_DEPENDENT: u32 = 0x0101_0000;

/// The access units of one fragment, in decoding order.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    /// Pictures; at least one.
    pub video: &'a [AccessUnit],
    /// Sound that arrived among them.
    pub audio: &'a [AccessUnit],
    /// Decode time of the picture that follows the last one.
    pub video_end: MediaTime,
}

/// One fragment, ready to be written: [`init`](Self::init), [`moof`](Self::moof) and
/// [`payload`](Self::payload) after one another are a complete file.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// `ftyp` and `moov`: the initialization segment, the same for all fragments of one
    /// configuration.
    pub init: Bytes,
    /// `moof` and the header of `mdat`: the start of the media segment.
    pub moof: Bytes,
    /// The access units, as they came.
    pub payload: Vec<Bytes>,
    /// What was written, as a reader sees it.
    pub layout: Layout,
}

impl Fragment {
    /// Writes fragment number `seq` of a recording.
    ///
    /// # Errors
    /// [`Mp4Error::Boxes`] if something does not fit its field: the units together exceed
    /// 2 GiB, or two decode times are more than 13 hours apart.
    pub fn new(seq: u32, tracks: &Tracks, media: Media<'_>) -> Result<Self, Mp4Error> {
        let init = init(tracks)?;
        let video_bytes: usize = media.video.iter().map(|unit| unit.data.len()).sum();
        let audio: &[AccessUnit] = if tracks.audio.is_some() { media.audio } else { &[] };
        let audio_bytes: usize = audio.iter().map(|unit| unit.data.len()).sum();
        let mut moof = Moof {
            mfhd: Mfhd { sequence_number: seq },
            traf: vec![video_traf(media.video, media.video_end)],
        };
        if let (Some(sound), false) = (&tracks.audio, audio.is_empty()) {
            moof.traf.push(audio_traf(sound, audio));
        }
        let mut bytes = Vec::new();
        moof.encode(&mut bytes)?;
        // The offsets are known only now, and changing them changes no length.
        let mut offset = bytes.len() + MDAT_HEADER_BYTES;
        for traf in &mut moof.traf {
            if let Some(trun) = traf.trun.first_mut() {
                trun.data_offset = i32::try_from(offset).ok();
            }
            offset += video_bytes;
        }
        bytes.clear();
        moof.encode(&mut bytes)?;
        bytes.extend_from_slice(&mdat_header(video_bytes + audio_bytes)?);
        let moof = Bytes::from(bytes);
        let header: Vec<u8> = [init.as_ref(), moof.as_ref()].concat();
        let layout = Layout::parse(&header)?;
        let payload = media.video.iter().chain(audio).map(|unit| unit.data.clone()).collect();
        Ok(Self { init, moof, payload, layout })
    }

    /// The file's bytes, in pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        [&self.init, &self.moof].into_iter().chain(&self.payload).map(AsRef::as_ref)
    }

    /// The media segment in one piece, for a player that has [`init`](Self::init) already.
    pub fn media_segment(&self) -> Bytes {
        let pieces: Vec<&[u8]> = self.pieces().skip(1).collect();
        Bytes::from(pieces.concat())
    }
}

/// Bytes of the header of a `mdat` box below 4 GiB.
pub(super) const MDAT_HEADER_BYTES: usize = 8;

/// Header of a `mdat` box with `payload` bytes.
pub(super) fn mdat_header(payload: usize) -> Result<[u8; MDAT_HEADER_BYTES], Mp4Error> {
    let too_large = mp4_atom::Error::TooLarge(FourCC::new(b"mdat"));
    let size = u32::try_from(payload + MDAT_HEADER_BYTES).map_err(|_| too_large)?;
    let [a, b, c, d] = size.to_be_bytes();
    Ok([a, b, c, d, b'm', b'd', b'a', b't'])
}

fn init(tracks: &Tracks) -> Result<Bytes, Mp4Error> {
    let boxes = || TrackBoxes {
        shown: 0,
        media: 0,
        edits: Vec::new(),
        table: Stbl { stco: Some(Stco::default()), ..Stbl::default() },
    };
    let trex = |track_id| Trex { track_id, default_sample_description_index: 1, ..Trex::default() };
    let mut moov = Moov {
        mvhd: Mvhd {
            timescale: VIDEO_HZ,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: AUDIO_TRACK + 1,
            ..Mvhd::default()
        },
        mvex: Some(Mvex { mehd: None, trex: vec![trex(VIDEO_TRACK)] }),
        trak: vec![video_trak(tracks, boxes())],
        ..Moov::default()
    };
    if let Some(sound) = &tracks.audio {
        moov.trak.push(audio_trak(sound, boxes()));
        if let Some(mvex) = &mut moov.mvex {
            mvex.trex.push(trex(AUDIO_TRACK));
        }
    }
    let ftyp = Ftyp {
        major_brand: (*b"iso6").into(),
        minor_version: 0,
        compatible_brands: [*b"iso6", *b"cmfc", *b"mp41"].map(Into::into).to_vec(),
    };
    let mut bytes = Vec::new();
    ftyp.encode(&mut bytes)?;
    moov.encode(&mut bytes)?;
    Ok(bytes.into())
}

fn video_traf(units: &[AccessUnit], end: MediaTime) -> Traf {
    let following = units.iter().skip(1).map(|unit| unit.dts).chain([end]);
    let entries: Vec<TrunEntry> = units
        .iter()
        .zip(following)
        .map(|(unit, next)| TrunEntry {
            duration: u32::try_from(next.since(unit.dts).0).ok(),
            size: u32::try_from(unit.data.len()).ok(),
            flags: Some(if unit.keyframe { FLAGS_SYNC } else { FLAGS_DEPENDENT }),
            cts: Some(unit.pts.since(unit.dts).0),
        })
        .collect();
    let start = units.first().map_or(0, |unit| unit.dts.plus(ORIGIN).0);
    traf(VIDEO_TRACK, start, entries)
}

fn audio_traf(sound: &Sound, units: &[AccessUnit]) -> Traf {
    let labels: Vec<i64> =
        units.iter().map(|unit| to_samples(unit.pts.plus(ORIGIN), sound.sample_hz)).collect();
    let positions = steady(&labels, sound.frame, sound.sample_hz);
    let end = positions.last().map_or(0, |last| last + i64::from(sound.frame));
    let following = positions.iter().skip(1).copied().chain([end]);
    let entries: Vec<TrunEntry> = units
        .iter()
        .zip(positions.iter().zip(following))
        .map(|(unit, (at, next))| TrunEntry {
            duration: u32::try_from(next - at).ok(),
            size: u32::try_from(unit.data.len()).ok(),
            flags: Some(FLAGS_SYNC),
            cts: None,
        })
        .collect();
    traf(AUDIO_TRACK, positions.first().copied().unwrap_or(0), entries)
}

fn traf(track_id: u32, start: i64, entries: Vec<TrunEntry>) -> Traf {
    Traf {
        tfhd: Tfhd { track_id, default_base_is_moof: true, ..Tfhd::default() },
        // The recorder leaves out what decodes before the origin.
        tfdt: Some(Tfdt { base_media_decode_time: u64::try_from(start).unwrap_or(0) }),
        trun: vec![Trun { data_offset: Some(0), samples: entries.into() }],
        ..Traf::default()
    }
}

/// A position in samples, rounded to the nearest.
pub(super) fn to_samples(at: MediaTime, sample_hz: u32) -> i64 {
    scaled(at.0, sample_hz, VIDEO_HZ)
}

/// The media time of a position in samples, rounded to the nearest.
pub(super) fn from_samples(at: i64, sample_hz: u32) -> MediaTime {
    MediaTime(scaled(at, VIDEO_HZ, sample_hz))
}

/// `at` times `to` over `from`. Wide, because `at` may come from a damaged file.
fn scaled(at: i64, to: u32, from: u32) -> i64 {
    let from = i128::from(from.max(1));
    let ticks = (i128::from(at) * i128::from(to) + from / 2).div_euclid(from);
    i64::try_from(ticks).unwrap_or(if at < 0 { i64::MIN } else { i64::MAX })
}
