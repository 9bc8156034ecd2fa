//! H.265: the `hvcC` record, the picture size in its sequence parameter set, and which NAL units
//! make a keyframe. ISO/IEC 14496-15, 8.3.3; ITU-T H.265, 7.3.2.2.

use super::avc::CodedSize;
use super::bits::{Bits, BitsError};
use super::config::{Configuration, RecordError, Size};
use super::content::{ParameterKind, Role};

/// Reads an `hvcC` record.
pub(crate) fn configuration(record: &[u8]) -> Result<Configuration, RecordError> {
    // Some encoders write version 0 of the draft; the layout is the same.
    let (Some(0 | 1), Some((head, mut rest))) = (record.first(), record.split_at_checked(23))
    else {
        return Err(RecordError::Truncated);
    };
    let mut size = None;
    for _ in 0..head[22] {
        let ([kind, ..], tail) = rest.split_first_chunk::<1>().ok_or(RecordError::Truncated)?;
        let (count, tail) = tail.split_first_chunk::<2>().ok_or(RecordError::Truncated)?;
        rest = tail;
        for _ in 0..u16::from_be_bytes(*count) {
            let (length, tail) = rest.split_first_chunk::<2>().ok_or(RecordError::Truncated)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (set, tail) = tail.split_at_checked(length).ok_or(RecordError::Truncated)?;
            rest = tail;
            if kind & 0x3f == NAL_SPS && size.is_none() {
                size = Some(picture_size(set)?);
            }
        }
    }
    let size = size.ok_or(RecordError::NoParameterSet)?;
    // The record that leaves this crate always announces 4-byte lengths.
    let mut rewritten = record.to_vec();
    rewritten[21] |= 3;
    Ok(Configuration {
        record: rewritten.into(),
        size,
        length_bytes: usize::from(head[21] & 3) + 1,
    })
}

/// What a NAL unit is to a decoder; it can start at an IRAP picture.
pub(crate) fn role(unit: &[u8]) -> Role {
    match unit.first().map(|header| header >> 1 & 0x3f) {
        Some(16..=23) => Role::Start,
        Some(0..=31) => Role::Picture,
        _ => Role::Parameters,
    }
}

/// Whether a NAL unit is a parameter set, and which.
pub(crate) fn parameter_kind(unit: &[u8]) -> Option<ParameterKind> {
    match unit.first().map(|header| header >> 1 & 0x3f) {
        Some(NAL_VPS) => Some(ParameterKind::Video),
        Some(NAL_SPS) => Some(ParameterKind::Sequence),
        Some(NAL_PPS) => Some(ParameterKind::Picture),
        _ => None,
    }
}

/// Whether a decoder has no use for a NAL unit: delimiters, ends of sequences, filler.
pub(crate) fn is_padding(unit: &[u8]) -> bool {
    matches!(unit.first().map(|header| header >> 1 & 0x3f), Some(35..=38) | None)
}

/// Writes an `hvcC` record of one parameter set of each kind; `None` if one of them cannot be one.
pub(crate) fn record(video: &[u8], sequence: &[u8], picture: &[u8]) -> Option<Vec<u8>> {
    let mut bits = Bits::new(sequence.get(2..)?);
    bits.skip(4).ok()?;
    let sub_layers = bits.bits(3).ok()?;
    let nested = bits.bit().ok()?;
    // Profile, compatibility, constraints and level, as they stand in the set.
    let mut general = [0; 12];
    for byte in &mut general {
        *byte = bits.bits(8).ok()? as u8;
    }
    let mut record = vec![1];
    record.extend_from_slice(&general);
    // Segmentation and parallelism unknown; 4:2:0 in 8 bits unless the set says otherwise, which
    // decoders read there; frame rate unknown; 4-byte lengths.
    record.extend_from_slice(&[0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0]);
    record.push((sub_layers as u8 + 1) << 3 | u8::from(nested) << 2 | 3);
    record.push(3);
    for (kind, set) in [(NAL_VPS, video), (NAL_SPS, sequence), (NAL_PPS, picture)] {
        record.extend_from_slice(&[0x80 | kind, 0, 1]);
        record.extend_from_slice(&u16::try_from(set.len()).ok()?.to_be_bytes());
        record.extend_from_slice(set);
    }
    Some(record)
}

const NAL_VPS: u8 = 32;
const NAL_SPS: u8 = 33;
const NAL_PPS: u8 = 34;

fn picture_size(set: &[u8]) -> Result<Size, RecordError> {
    let payload = set.get(2..).ok_or(RecordError::Truncated)?;
    coded_size(&mut Bits::new(payload))?.cropped()
}

fn coded_size(bits: &mut Bits) -> Result<CodedSize, BitsError> {
    bits.skip(4)?;
    let sub_layers = bits.bits(3)?;
    bits.skip(1)?;
    skip_profile_tier_level(bits, sub_layers)?;
    bits.ue()?;
    let mut chroma = bits.ue()?;
    if chroma == 3 && bits.bit()? {
        // Separate colour planes are coded like monochrome pictures.
        chroma = 0;
    }
    let (width, height) = (u64::from(bits.ue()?), u64::from(bits.ue()?));
    let (unit_x, unit_y) = match chroma {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let (mut crop_x, mut crop_y) = (0, 0);
    if bits.bit()? {
        crop_x = unit_x * (u64::from(bits.ue()?) + u64::from(bits.ue()?));
        crop_y = unit_y * (u64::from(bits.ue()?) + u64::from(bits.ue()?));
    }
    Ok(CodedSize { width, height, crop_x, crop_y })
}

/// `sub_layers`: their number less one, as in the stream.
fn skip_profile_tier_level(bits: &mut Bits, sub_layers: u32) -> Result<(), BitsError> {
    bits.skip(96)?;
    let mut present = [(false, false); 8];
    for layer in present.iter_mut().take(sub_layers as usize) {
        *layer = (bits.bit()?, bits.bit()?);
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Ok(())
}
