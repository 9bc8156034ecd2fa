//! NAL units behind lengths, as everything of ours carries them, and behind start codes, as
//! transport streams and some codecs do (ITU-T H.264 and H.265, annex B): one into the other, with
//! their configuration records (ISO/IEC 14496-15).
//!
//! For drivers: both directions are needed on either side of a codec. Judges no stream; that is
//! `ingest`'s.

use thiserror::Error;
use wire::codec::VideoCodec;

use crate::decode::VideoConfig;

const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// Whether these are NAL units behind start codes and not a configuration record, whose first
/// byte is 1.
pub fn has_start_code(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1]) || bytes.starts_with(&[0, 0, 0, 1])
}

/// An access unit with 4-byte lengths in place of start codes, without its delimiter.
pub fn length_prefixed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for unit in units(bytes).filter(|unit| kind(unit) != DELIMITER) {
        out.extend((unit.len() as u32).to_be_bytes());
        out.extend(unit);
    }
    out
}

/// The `avcC` record of the parameter sets in `bytes`; `None` if there is no SPS or no PPS.
pub fn avcc(bytes: &[u8]) -> Option<Vec<u8>> {
    let of = |wanted| units(bytes).filter(move |unit| kind(unit) == wanted);
    let sps = of(SPS).find(|unit| unit.len() >= 4)?;
    let pps: Vec<&[u8]> = of(PPS).take(255).collect();
    if pps.is_empty() {
        return None;
    }
    // Version 1; profile, constraints and level from the SPS; 4-byte lengths; one SPS.
    let mut record = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    let mut push = |unit: &[u8]| -> Option<()> {
        record.extend(u16::try_from(unit.len()).ok()?.to_be_bytes());
        record.extend(unit);
        Some(())
    };
    push(sps)?;
    record.push(pps.len() as u8);
    for unit in pps {
        record.extend(u16::try_from(unit.len()).ok()?.to_be_bytes());
        record.extend(unit);
    }
    Some(record)
}

/// The bytes are not what the configuration record says they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramingError {
    /// The lengths do not add up to the access unit.
    #[error("its lengths do not add up to its bytes")]
    Lengths,
    /// There is no NAL unit in it.
    #[error("it is empty")]
    Empty,
    /// The record is cut off, of another version, or holds no parameter set.
    #[error("the track's {bytes} bytes of configuration are no {record} with parameter sets")]
    Record {
        /// Bytes of the record.
        bytes: usize,
        /// What they should be.
        record: &'static str,
    },
}

/// What a configuration record says, for codecs that take start codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The parameter sets, each behind a start code: what a decoder must see first.
    pub parameter_sets: Vec<u8>,
    /// Bytes of a length in the access units, 1 to 4.
    pub length_bytes: usize,
}

/// Reads an `avcC` or `hvcC` record.
///
/// # Errors
/// [`FramingError::Record`].
pub fn unpack(config: &VideoConfig) -> Result<Unpacked, FramingError> {
    let (name, unpacked) = match config.codec {
        VideoCodec::H264 => ("avcC", unpack_avcc(&config.record)),
        VideoCodec::H265 => ("hvcC", unpack_hvcc(&config.record)),
    };
    unpacked
        .filter(|unpacked| !unpacked.parameter_sets.is_empty())
        .ok_or(FramingError::Record { bytes: config.record.len(), record: name })
}

fn unpack_avcc(record: &[u8]) -> Option<Unpacked> {
    let [1, _, _, _, lengths, sequences, rest @ ..] = record else { return None };
    let mut parameter_sets = Vec::new();
    let rest = take_sets(rest, usize::from(sequences & 0x1f), &mut parameter_sets)?;
    let (pictures, rest) = rest.split_first()?;
    take_sets(rest, usize::from(*pictures), &mut parameter_sets)?;
    Some(Unpacked { parameter_sets, length_bytes: usize::from(lengths & 3) + 1 })
}

fn unpack_hvcc(record: &[u8]) -> Option<Unpacked> {
    let (head, mut rest) = record.split_first_chunk::<23>()?;
    if head[0] != 1 {
        return None;
    }
    let mut parameter_sets = Vec::new();
    for _ in 0..head[22] {
        let ([_, high, low], behind) = rest.split_first_chunk::<3>()?;
        let count = usize::from(u16::from_be_bytes([*high, *low]));
        rest = take_sets(behind, count, &mut parameter_sets)?;
    }
    Some(Unpacked { parameter_sets, length_bytes: usize::from(head[21] & 3) + 1 })
}

/// Appends `count` parameter sets, each behind its length in two bytes; what comes after them.
fn take_sets<'a>(mut rest: &'a [u8], count: usize, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (set, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        push_behind_start_code(out, set);
        rest = behind;
    }
    Some(rest)
}

/// The NAL units behind lengths of `length_bytes`, which [`unpack`] tells; none of them is empty.
/// Looks at the lengths alone: what a unit holds is not searched.
///
/// Each is a [`FramingError::Lengths`] where the lengths do not add up, which ends them.
pub fn behind_lengths(
    unit: &[u8],
    length_bytes: usize,
) -> impl Iterator<Item = Result<&[u8], FramingError>> {
    let mut rest = unit;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let taken = rest.split_at_checked(length_bytes).and_then(|(length, behind)| {
                let length = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
                behind.split_at_checked(length)
            });
            let (unit, behind) =
                taken.map_or((Err(FramingError::Lengths), &[][..]), |(u, b)| (Ok(u), b));
            rest = behind;
            unit
        })
    })
    .filter(|unit| *unit != Ok(&[]))
}

/// Appends a NAL unit behind a start code.
pub fn push_behind_start_code(out: &mut Vec<u8>, unit: &[u8]) {
    if !unit.is_empty() {
        out.extend([0, 0, 0, 1]);
        out.extend(unit);
    }
}

fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |byte| byte & 0x1f)
}

/// The NAL units between start codes, without the zero bytes that belong to the next one; none of
/// them is empty.
fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(bytes);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = find_start_code(current).unwrap_or(current.len());
        rest = after_start_code(&current[end..]);
        let zeros = current[..end].iter().rev().take_while(|byte| **byte == 0).count();
        Some(&current[..end - zeros])
    })
    .filter(|unit| !unit.is_empty())
}

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    find_start_code(bytes).map(|at| &bytes[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_of_both_lengths_become_lengths_and_the_delimiter_goes() {
        let bytes = [0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x65, 1, 2, 0, 0, 1, 0x65, 3];
        assert_eq!(length_prefixed(&bytes), [0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 2, 0x65, 3]);
    }

    #[test]
    fn record_carries_profile_level_and_both_parameter_sets() {
        let bytes = [0, 0, 0, 1, 0x67, 100, 0, 31, 0xac, 0, 0, 1, 0x68, 0xee];
        let record = avcc(&bytes).expect("both parameter sets are there");
        assert_eq!(
            record,
            [1, 100, 0, 31, 0xff, 0xe1, 0, 5, 0x67, 100, 0, 31, 0xac, 1, 0, 2, 0x68, 0xee]
        );
    }

    #[test]
    fn record_needs_both_parameter_sets() {
        assert_eq!(avcc(&[0, 0, 1, 0x67, 100, 0, 31, 0xac]), None);
        assert_eq!(avcc(&[0, 0, 1, 0x68, 0xee]), None);
        assert_eq!(avcc(&[]), None);
    }

    #[test]
    fn units_behind_lengths_of_any_width_are_told_apart_and_wrong_lengths_are_an_error() {
        for (length_bytes, unit) in [
            (4, &[0, 0, 0, 2, 0x65, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x41][..]),
            (2, &[0, 2, 0x65, 1, 0, 0, 0, 1, 0x41]),
            (1, &[2, 0x65, 1, 0, 1, 0x41]),
        ] {
            let mut out = vec![9];
            let units: Vec<_> = behind_lengths(unit, length_bytes).collect();
            assert_eq!(units, [Ok(&[0x65, 1][..]), Ok(&[0x41])]);
            units.iter().flatten().for_each(|unit| push_behind_start_code(&mut out, unit));
            assert_eq!(out, [9, 0, 0, 0, 1, 0x65, 1, 0, 0, 0, 1, 0x41]);
        }
        for unit in [&[0, 0, 0][..], &[0, 0, 0, 3, 0x65, 1], &[0xff; 9]] {
            let units: Vec<_> = behind_lengths(unit, 4).collect();
            assert_eq!(units, [Err(FramingError::Lengths)]);
        }
        assert_eq!(behind_lengths(&[], 4).count(), 0);
    }

    #[test]
    fn records_of_both_codecs_give_their_parameter_sets_and_the_width_of_lengths() {
        let record = avcc(&[0, 0, 1, 0x67, 100, 0, 31, 0xac, 0, 0, 1, 0x68, 0xee]);
        let config =
            VideoConfig { codec: VideoCodec::H264, record: record.expect("both are there") };
        let sets = [0, 0, 0, 1, 0x67, 100, 0, 31, 0xac, 0, 0, 0, 1, 0x68, 0xee];
        let expected = Unpacked { parameter_sets: sets.to_vec(), length_bytes: 4 };
        assert_eq!(unpack(&config), Ok(expected));

        let mut record = vec![0; 23];
        (record[0], record[21], record[22]) = (1, 0xfd, 2);
        record.extend([0x20, 0, 1, 0, 2, 0x40, 1]);
        record.extend([0x21, 0, 2, 0, 1, 0x42, 0, 1, 0x43]);
        let config = VideoConfig { codec: VideoCodec::H265, record };
        let sets = [0, 0, 0, 1, 0x40, 1, 0, 0, 0, 1, 0x42, 0, 0, 0, 1, 0x43];
        let expected = Unpacked { parameter_sets: sets.to_vec(), length_bytes: 2 };
        assert_eq!(unpack(&config), Ok(expected));
        // However it is cut off, it is an error and no panic.
        for length in 0..config.record.len() {
            let record = config.record[..length].to_vec();
            assert!(unpack(&VideoConfig { record, ..config }).is_err(), "{length}");
        }
        let none = VideoConfig { codec: VideoCodec::H264, record: vec![1, 0, 0, 0, 3, 0, 0] };
        assert!(unpack(&none).expect_err("no sets").to_string().contains("avcC"));
    }
}
