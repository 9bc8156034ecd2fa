//! Bodies of FLV audio tags: AAC in plain FLV and in Enhanced RTMP v2.

use bytes::{Buf, Bytes};

use super::video_tag::{skip_modifier, take};
use super::{StreamError, TagError};
use crate::codec::fourcc_name;

/// What an audio tag carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AudioTag {
    /// An AudioSpecificConfig.
    Configuration(Bytes),
    /// One raw AAC frame.
    Frame(Bytes),
    /// Nothing to decode.
    Nothing,
}

/// Reads the body of an audio tag.
pub(super) fn parse(mut body: Bytes) -> Result<AudioTag, TagError> {
    let Some(first) = body.first().copied() else { return Ok(AudioTag::Nothing) };
    body.advance(1);
    match first >> 4 {
        AAC => match take(&mut body, 1)?[0] {
            0 => Ok(AudioTag::Configuration(body)),
            1 => Ok(AudioTag::Frame(body)),
            _ => Ok(AudioTag::Nothing),
        },
        ENHANCED => enhanced(first & 0x0f, body),
        other => Err(unsupported(legacy_name(other).to_owned())),
    }
}

const ENHANCED: u8 = 9;
const AAC: u8 = 10;

const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const MULTITRACK: u8 = 5;
const MOD_EX: u8 = 7;

fn enhanced(mut packet_type: u8, mut body: Bytes) -> Result<AudioTag, TagError> {
    while packet_type == MOD_EX {
        packet_type = skip_modifier(&mut body)?;
    }
    if packet_type == MULTITRACK {
        return Err(unsupported("several audio tracks in one stream".to_owned()));
    }
    let fourcc = take(&mut body, 4)?;
    if fourcc.as_ref() != b"mp4a" {
        return Err(unsupported(fourcc_name(&fourcc)));
    }
    Ok(match packet_type {
        SEQUENCE_START => AudioTag::Configuration(body),
        CODED_FRAMES => AudioTag::Frame(body),
        _ => AudioTag::Nothing,
    })
}

fn legacy_name(format: u8) -> &'static str {
    match format {
        0 | 3 => "uncompressed PCM",
        1 => "ADPCM",
        2 | 14 => "MP3",
        4..=6 => "Nellymoser",
        7 => "G.711 A-law",
        8 => "G.711 mu-law",
        11 => "Speex",
        _ => "a reserved FLV audio format",
    }
}

fn unsupported(codec: String) -> TagError {
    TagError::Refused(StreamError::UnsupportedAudio(codec))
}
