//! H.264 behind start codes (ISO/IEC 14496-10, Annex B), as transport streams carry it, turned
//! into length-prefixed NAL units and an `avcC` record (ISO/IEC 14496-15).

const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// Whether these are NAL units behind start codes and not a configuration record, whose first
/// byte is 1.
pub(super) fn has_start_code(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1]) || bytes.starts_with(&[0, 0, 0, 1])
}

/// An access unit with 4-byte lengths in place of start codes, without its delimiter.
pub(super) fn length_prefixed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for unit in units(bytes).filter(|unit| kind(unit) != DELIMITER) {
        out.extend((unit.len() as u32).to_be_bytes());
        out.extend(unit);
    }
    out
}

/// The `avcC` record of the parameter sets in `bytes`; `None` if there is no SPS or no PPS.
pub(super) fn avcc(bytes: &[u8]) -> Option<Vec<u8>> {
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

fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |byte| byte & 0x1f)
}

/// The NAL units between start codes, without the zero bytes that belong to the next one.
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
}
