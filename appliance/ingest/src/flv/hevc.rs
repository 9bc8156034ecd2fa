//! H.265: the `hvcC` record, the picture size in its sequence parameter set, and which NAL units
//! make a keyframe. ISO/IEC 14496-15, 8.3.3; ITU-T H.265, 7.3.2.2.

use super::avc::CodedSize;
use super::bits::{Bits, BitsError};
use super::config::{Configuration, RecordError, Size};
use super::content::Role;

/// Reads an `hvcC` record.
pub(super) fn configuration(record: &[u8]) -> Result<Configuration, RecordError> {
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
pub(super) fn role(unit: &[u8]) -> Role {
    match unit.first().map(|header| header >> 1 & 0x3f) {
        Some(16..=23) => Role::Start,
        Some(0..=31) => Role::Picture,
        _ => Role::Parameters,
    }
}

const NAL_SPS: u8 = 33;

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
