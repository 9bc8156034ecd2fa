//! What the tracks of a file are coded in, as sample entries, and the boxes around them.

use bytes::Bytes;
use ingest::access_unit::{AudioTrack, VideoTrack};
use mp4_atom::{
    Atom, Audio, Avc1, Avcc, Codec, Dinf, Dref, Edts, Elst, ElstEntry, Encode, FixedPoint, Hdlr,
    Hvc1, Hvcc, Mdhd, Mdia, Minf, Moov, Mp4a, Smhd, Stbl, Tkhd, Trak, Url, Visual, Vmhd,
    esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig},
};
use wire::codec::{AudioCodec, VideoCodec};
use wire::units::PictureSize;

use super::{AUDIO_TRACK, Mp4Error, VIDEO_HZ, VIDEO_TRACK};

/// The tracks of a recording or a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracks {
    pub(super) video: Codec,
    pub(super) picture: PictureSize,
    pub(super) audio: Option<Sound>,
}

/// An audio track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sound {
    pub(super) entry: Codec,
    pub(super) sample_hz: u32,
    /// Samples that one frame decodes to.
    pub(super) frame: u32,
}

impl Tracks {
    /// Sample entries for what a source announced.
    ///
    /// # Errors
    /// [`Mp4Error::Record`] if a configuration record cannot be parsed.
    pub fn new(video: &VideoTrack, audio: Option<&AudioTrack>) -> Result<Self, Mp4Error> {
        Ok(Self {
            video: video_entry(video)?,
            picture: PictureSize { width: video.width, height: video.height },
            audio: audio.map(sound),
        })
    }

    /// Size of the pictures.
    pub const fn picture(&self) -> PictureSize {
        self.picture
    }

    /// The same video without sound.
    pub(crate) fn without_audio(mut self) -> Self {
        self.audio = None;
        self
    }

    /// A number that is equal for equal video configurations.
    pub(super) fn video_fingerprint(&self) -> Result<u64, Mp4Error> {
        fingerprint(&self.video)
    }

    /// The same for audio; zero without an audio track.
    pub(super) fn audio_fingerprint(&self) -> Result<u64, Mp4Error> {
        self.audio.as_ref().map_or(Ok(0), |sound| fingerprint(&sound.entry))
    }

    /// Reads back what [`trak`] wrote.
    pub(super) fn from_moov(moov: &Moov) -> Result<Self, Mp4Error> {
        let entry = |id| {
            let trak = moov.trak.iter().find(|trak| trak.tkhd.track_id == id)?;
            let codec = trak.mdia.minf.stbl.stsd.codecs.first()?;
            Some((codec.clone(), trak.mdia.mdhd.timescale))
        };
        let (video, _) = entry(VIDEO_TRACK).ok_or(Mp4Error::Foreign("no video track"))?;
        let visual = video.visual().ok_or(Mp4Error::Foreign("track 1 is no video"))?;
        let picture = PictureSize { width: visual.width, height: visual.height };
        let audio = entry(AUDIO_TRACK).map(|(codec, sample_hz)| {
            let frame = frame_samples(specific(&codec).unwrap_or(&[]), sample_hz);
            Sound { entry: codec, sample_hz, frame }
        });
        Ok(Self { video, picture, audio })
    }
}

/// FNV-1a over the encoded sample entry.
fn fingerprint(entry: &Codec) -> Result<u64, Mp4Error> {
    let mut bytes = Vec::new();
    entry.encode(&mut bytes)?;
    Ok(bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    }))
}

fn video_entry(track: &VideoTrack) -> Result<Codec, Mp4Error> {
    let visual = Visual {
        data_reference_index: 1,
        width: track.width,
        height: track.height,
        ..Visual::default()
    };
    let mut record: &[u8] = &track.record;
    match track.codec {
        VideoCodec::H264 => {
            let avcc = Avcc::decode_body(&mut record)
                .map_err(|reason| Mp4Error::Record { record: "avcC", reason })?;
            Ok(Avc1 { visual, avcc, ..Avc1::default() }.into())
        }
        VideoCodec::H265 => {
            let hvcc = Hvcc::decode_body(&mut record)
                .map_err(|reason| Mp4Error::Record { record: "hvcC", reason })?;
            Ok(Hvc1 { visual, hvcc, ..Hvc1::default() }.into())
        }
    }
}

fn sound(track: &AudioTrack) -> Sound {
    match track.codec {
        AudioCodec::Aac => Sound {
            entry: aac_entry(track, &track.record),
            sample_hz: track.sample_hz,
            frame: frame_samples(&track.record, track.sample_hz),
        },
    }
}

fn aac_entry(track: &AudioTrack, config: &Bytes) -> Codec {
    /// MPEG-4 audio, ISO/IEC 14496-1 table 5.
    const OBJECT_TYPE_AAC: u8 = 0x40;
    /// An audio stream, ISO/IEC 14496-1 table 6.
    const STREAM_TYPE_AUDIO: u8 = 5;
    // The raw bytes are written; the parsed fields beside them are for readers.
    let dec_specific = DecoderSpecific { raw: config.to_vec(), ..DecoderSpecific::default() };
    Codec::Mp4a(Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: u16::from(track.channels),
            sample_size: 16,
            // The field has 16 bits; zero leaves rates above 65 535 Hz to the config.
            sample_rate: u16::try_from(track.sample_hz).unwrap_or(0).into(),
        },
        esds: mp4_atom::Esds {
            es_desc: EsDescriptor {
                es_id: AUDIO_TRACK as u16,
                dec_config: DecoderConfig {
                    object_type_indication: OBJECT_TYPE_AAC,
                    stream_type: STREAM_TYPE_AUDIO,
                    dec_specific: Some(dec_specific),
                    ..DecoderConfig::default()
                },
                sl_config: SLConfig {},
                ..EsDescriptor::default()
            },
        },
        btrt: None,
        taic: None,
    })
}

fn specific(entry: &Codec) -> Option<&[u8]> {
    if let Codec::Mp4a(mp4a) = entry {
        mp4a.esds.es_desc.dec_config.dec_specific.as_ref().map(|specific| specific.raw.as_slice())
    } else {
        None
    }
}

/// Samples that one AAC frame decodes to at `sample_hz`: 1024, or 2048 when the config says
/// explicitly that bandwidth replication doubles the rate and `sample_hz` is the doubled one.
/// Source: ISO/IEC 14496-3, 1.6.2.1.
fn frame_samples(config: &[u8], sample_hz: u32) -> u32 {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    const CORE_FRAME: u32 = 1024;
    let (Some(a), Some(b)) = (config.first(), config.get(1)) else { return CORE_FRAME };
    let replicated = matches!(a >> 3, 5 | 29);
    let core_hz = RATES.get(usize::from((a & 7) << 1 | b >> 7));
    if replicated && core_hz.is_some_and(|core| core * 2 == sample_hz) {
        CORE_FRAME * 2
    } else {
        CORE_FRAME
    }
}

/// One track of a movie, apart from its sample entry.
pub(super) struct TrackBoxes {
    /// Length of the track's presentation, in 1/90 000 s; zero in fragments.
    pub(super) shown: u64,
    /// Length of the media, in the track's own ticks; zero in fragments.
    pub(super) media: u64,
    /// The edit list; empty for none.
    pub(super) edits: Vec<ElstEntry>,
    /// Sample tables without the sample description.
    pub(super) table: Stbl,
}

/// The video track's box.
pub(super) fn video_trak(tracks: &Tracks, boxes: TrackBoxes) -> Trak {
    let PictureSize { width, height } = tracks.picture;
    let tkhd = Tkhd { width: width.into(), height: height.into(), ..tkhd(VIDEO_TRACK, &boxes) };
    let minf = Minf { vmhd: Some(Vmhd::default()), ..Minf::default() };
    let hdlr = Hdlr { handler: (*b"vide").into(), name: "Courtside video".into() };
    trak(tkhd, hdlr, minf, Coded { boxes, entry: tracks.video.clone(), hz: VIDEO_HZ })
}

/// The audio track's box.
pub(super) fn audio_trak(sound: &Sound, boxes: TrackBoxes) -> Trak {
    let tkhd =
        Tkhd { volume: FixedPoint::from(1_u8), alternate_group: 1, ..tkhd(AUDIO_TRACK, &boxes) };
    let minf = Minf { smhd: Some(Smhd::default()), ..Minf::default() };
    let hdlr = Hdlr { handler: (*b"soun").into(), name: "Courtside audio".into() };
    trak(tkhd, hdlr, minf, Coded { boxes, entry: sound.entry.clone(), hz: sound.sample_hz })
}

fn tkhd(track_id: u32, boxes: &TrackBoxes) -> Tkhd {
    Tkhd { track_id, duration: boxes.shown, enabled: true, in_movie: true, ..Tkhd::default() }
}

struct Coded {
    boxes: TrackBoxes,
    entry: Codec,
    hz: u32,
}

fn trak(tkhd: Tkhd, hdlr: Hdlr, minf: Minf, coded: Coded) -> Trak {
    let Coded { boxes, entry, hz } = coded;
    let mut table = boxes.table;
    table.stsd.codecs = vec![entry];
    let edts =
        (!boxes.edits.is_empty()).then_some(Edts { elst: Some(Elst { entries: boxes.edits }) });
    let dinf = Dinf { dref: Dref { entries: vec![mp4_atom::DrefEntry::Url(Url::default())] } };
    Trak {
        tkhd,
        edts,
        mdia: Mdia {
            mdhd: Mdhd {
                timescale: hz,
                duration: boxes.media,
                language: "und".into(),
                ..Mdhd::default()
            },
            hdlr,
            minf: Minf { dinf, stbl: table, ..minf },
        },
        ..Trak::default()
    }
}
