//! H.264: the `avcC` record, the picture size in its sequence parameter set, and which NAL units
//! make a keyframe. ISO/IEC 14496-15, 5.3.3; ITU-T H.264, 7.3.2.1.1.

use super::bits::{Bits, BitsError};
use super::config::{Configuration, RecordError, Size};
use super::content::{ParameterKind, Role};

/// Reads an `avcC` record.
pub(crate) fn configuration(record: &[u8]) -> Result<Configuration, RecordError> {
    let [1, _, _, _, lengths, sets, tail @ ..] = record else {
        return Err(RecordError::Truncated);
    };
    let (count, mut rest) = (sets & 0x1f, tail);
    let mut size = None;
    for _ in 0..count {
        let set = parameter_set(&mut rest)?;
        if size.is_none() {
            size = Some(picture_size(set)?);
        }
    }
    let size = size.ok_or(RecordError::NoParameterSet)?;
    // The record that leaves this crate always announces 4-byte lengths.
    let mut rewritten = record.to_vec();
    rewritten[4] |= 3;
    Ok(Configuration { record: rewritten.into(), size, length_bytes: usize::from(lengths & 3) + 1 })
}

/// What a NAL unit is to a decoder.
pub(crate) fn role(unit: &[u8]) -> Role {
    match unit.first().map(|header| header & 0x1f) {
        Some(5) => Role::Start,
        Some(1..=4) => Role::Picture,
        _ => Role::Parameters,
    }
}

/// Whether a NAL unit is a parameter set, and which.
pub(crate) fn parameter_kind(unit: &[u8]) -> Option<ParameterKind> {
    match unit.first().map(|header| header & 0x1f) {
        Some(NAL_SPS) => Some(ParameterKind::Sequence),
        Some(NAL_PPS) => Some(ParameterKind::Picture),
        _ => None,
    }
}

/// Whether a decoder has no use for a NAL unit: delimiters, ends of sequences, filler.
pub(crate) fn is_padding(unit: &[u8]) -> bool {
    matches!(unit.first().map(|header| header & 0x1f), Some(9..=12) | None)
}

/// Writes an `avcC` record of one sequence and one picture parameter set; `None` if one of them
/// cannot be one.
pub(crate) fn record(sequence: &[u8], picture: &[u8]) -> Option<Vec<u8>> {
    let &[_, profile, compatibility, level, ..] = sequence else { return None };
    let lengths = [sequence, picture].map(|set| u16::try_from(set.len()).ok());
    let [Some(sequence_bytes), Some(picture_bytes)] = lengths else { return None };
    let mut record = vec![1, profile, compatibility, level, 0xff, 0xe1];
    record.extend_from_slice(&sequence_bytes.to_be_bytes());
    record.extend_from_slice(sequence);
    record.push(1);
    record.extend_from_slice(&picture_bytes.to_be_bytes());
    record.extend_from_slice(picture);
    Some(record)
}

const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;

fn parameter_set<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RecordError> {
    let (length, tail) = rest.split_first_chunk::<2>().ok_or(RecordError::Truncated)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (set, tail) = tail.split_at_checked(length).ok_or(RecordError::Truncated)?;
    *rest = tail;
    Ok(set)
}

fn picture_size(set: &[u8]) -> Result<Size, RecordError> {
    let (header, payload) = set.split_first().ok_or(RecordError::Truncated)?;
    if header & 0x1f != NAL_SPS {
        return Err(RecordError::NoParameterSet);
    }
    let coded = coded_size(&mut Bits::new(payload))?;
    coded.cropped()
}

fn coded_size(bits: &mut Bits) -> Result<CodedSize, BitsError> {
    let profile = bits.bits(8)?;
    bits.skip(16)?;
    bits.ue()?;
    let mut chroma = 1;
    if matches!(profile, 44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244) {
        chroma = bits.ue()?;
        if chroma == 3 && bits.bit()? {
            // Separate colour planes are coded like monochrome pictures.
            chroma = 0;
        }
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
        if bits.bit()? {
            skip_scaling_lists(bits, if chroma == 3 { 12 } else { 8 })?;
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => drop(bits.ue()?),
        1 => {
            bits.skip(1)?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue()?.min(256) {
                bits.se()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.skip(1)?;
    let columns = u64::from(bits.ue()?) + 1;
    let map_rows = u64::from(bits.ue()?) + 1;
    let frames_only = bits.bit()?;
    if !frames_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let field_rows = if frames_only { 1 } else { 2 };
    let (unit_x, unit_y) = match chroma {
        1 => (2, 2 * field_rows),
        2 => (2, field_rows),
        _ => (1, field_rows),
    };
    let (mut crop_x, mut crop_y) = (0, 0);
    if bits.bit()? {
        crop_x = unit_x * (u64::from(bits.ue()?) + u64::from(bits.ue()?));
        crop_y = unit_y * (u64::from(bits.ue()?) + u64::from(bits.ue()?));
    }
    Ok(CodedSize { width: columns * 16, height: map_rows * 16 * field_rows, crop_x, crop_y })
}

fn skip_scaling_lists(bits: &mut Bits, lists: u32) -> Result<(), BitsError> {
    for list in 0..lists {
        if !bits.bit()? {
            continue;
        }
        let (mut last, mut next) = (8_i32, 8_i32);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = last.wrapping_add(bits.se()?).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
    }
    Ok(())
}

/// Size of the coded picture and what is cropped from it, in luma samples.
pub(crate) struct CodedSize {
    pub(crate) width: u64,
    pub(crate) height: u64,
    pub(crate) crop_x: u64,
    pub(crate) crop_y: u64,
}

impl CodedSize {
    pub(crate) fn cropped(self) -> Result<Size, RecordError> {
        let visible = |coded: u64, crop: u64| {
            let visible = coded.checked_sub(crop)?;
            u16::try_from(visible).ok().filter(|visible| (16..=16_384).contains(visible))
        };
        let width = visible(self.width, self.crop_x).ok_or(RecordError::Size)?;
        let height = visible(self.height, self.crop_y).ok_or(RecordError::Size)?;
        Ok(Size { width, height })
    }
}
