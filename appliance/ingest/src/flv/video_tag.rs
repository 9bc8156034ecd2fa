//! Bodies of FLV video tags: plain FLV (AVC, and the widespread codec id 12 for HEVC) and
//! Enhanced RTMP (FourCC). Only the tag's own header is read here.
//! Specifications: Adobe FLV 10.1, E.4.3; Veovera Enhanced RTMP v2.

use bytes::{Buf, Bytes};
use wire::codec::VideoCodec;

use super::{StreamError, TagError};
use crate::codec::fourcc_name;

/// What a video tag carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VideoTag {
    /// A decoder configuration record.
    Configuration { codec: VideoCodec, record: Bytes },
    /// One access unit; `composition_ms` from decoding to presentation.
    Frame { codec: VideoCodec, composition_ms: i32, data: Bytes },
    /// End of sequence, metadata, seek commands: nothing to decode.
    Nothing,
}

/// Reads the body of a video tag.
pub(super) fn parse(mut body: Bytes) -> Result<VideoTag, TagError> {
    let Some(first) = body.first().copied() else { return Ok(VideoTag::Nothing) };
    body.advance(1);
    if first & 0x80 != 0 {
        return enhanced(first, body);
    }
    // Frame type 5 marks commands of a server to a player.
    if first >> 4 == 5 {
        return Ok(VideoTag::Nothing);
    }
    let codec = match first & 0x0f {
        7 => VideoCodec::H264,
        12 => VideoCodec::H265,
        other => return Err(unsupported(legacy_name(other))),
    };
    if body.len() < 4 {
        return Err(TagError::Truncated);
    }
    let packet_type = body.get_u8();
    let composition_ms = composition_ms(&mut body);
    Ok(match packet_type {
        0 => VideoTag::Configuration { codec, record: body },
        1 => VideoTag::Frame { codec, composition_ms, data: body },
        _ => VideoTag::Nothing,
    })
}

const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const CODED_FRAMES_X: u8 = 3;
const MULTITRACK: u8 = 6;
const MOD_EX: u8 = 7;

fn enhanced(first: u8, mut body: Bytes) -> Result<VideoTag, TagError> {
    let mut packet_type = first & 0x0f;
    while packet_type == MOD_EX {
        packet_type = skip_modifier(&mut body)?;
    }
    // With a command frame type there is a command instead of a FourCC.
    if first >> 4 & 7 == 5 {
        return Ok(VideoTag::Nothing);
    }
    if packet_type == MULTITRACK {
        return Err(unsupported("several video tracks in one stream".to_owned()));
    }
    let codec = match take(&mut body, 4)?.as_ref() {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::H265,
        other => return Err(unsupported(fourcc_name(other))),
    };
    match packet_type {
        SEQUENCE_START => Ok(VideoTag::Configuration { codec, record: body }),
        CODED_FRAMES if body.len() < 3 => Err(TagError::Truncated),
        CODED_FRAMES => {
            let composition_ms = composition_ms(&mut body);
            Ok(VideoTag::Frame { codec, composition_ms, data: body })
        }
        CODED_FRAMES_X => Ok(VideoTag::Frame { codec, composition_ms: 0, data: body }),
        _ => Ok(VideoTag::Nothing),
    }
}

/// Skips one modifier (Enhanced RTMP v2: nanosecond offsets and what may come) and returns the
/// packet type behind it.
pub(super) fn skip_modifier(body: &mut Bytes) -> Result<u8, TagError> {
    let short = usize::from(take(body, 1)?[0]) + 1;
    let length = if short == 256 { usize::from(take(body, 2)?.get_u16()) + 1 } else { short };
    take(body, length)?;
    Ok(take(body, 1)?[0] & 0x0f)
}

/// The first `count` bytes.
pub(super) fn take(body: &mut Bytes, count: usize) -> Result<Bytes, TagError> {
    if body.len() < count { Err(TagError::Truncated) } else { Ok(body.split_to(count)) }
}

/// Signed 24 bits. The caller has checked the length.
fn composition_ms(body: &mut Bytes) -> i32 {
    let (high, low) = (body.get_u8(), body.get_u16());
    i32::from_be_bytes([high, (low >> 8) as u8, low as u8, 0]) >> 8
}

fn legacy_name(codec: u8) -> String {
    match codec {
        2 => "Sorenson H.263".to_owned(),
        3 | 6 => "Screen Video".to_owned(),
        4 | 5 => "VP6".to_owned(),
        13 => "AV1 (codec id 13)".to_owned(),
        other => format!("FLV video codec {other}"),
    }
}

fn unsupported(codec: String) -> TagError {
    TagError::Refused(StreamError::UnsupportedVideo(codec))
}
