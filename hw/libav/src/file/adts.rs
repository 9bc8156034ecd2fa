//! AAC behind ADTS headers (ISO/IEC 13818-7), as transport streams carry it, turned into raw
//! frames and an AudioSpecificConfig (ISO/IEC 14496-3).

const RATES_HZ: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// The AudioSpecificConfig of AAC-LC at `sample_hz` with `channels`; `None` for rates and
/// channels that ADTS cannot name.
pub(super) fn config(sample_hz: u32, channels: u32) -> Option<Vec<u8>> {
    let rate = RATES_HZ.iter().position(|hz| *hz == sample_hz)? as u16;
    let channels = match channels {
        1..=6 => channels as u16,
        8 => 7,
        0 | 7 | 9.. => return None,
    };
    const OBJECT_AAC_LC: u16 = 2;
    Some((OBJECT_AAC_LC << 11 | rate << 7 | channels << 3).to_be_bytes().to_vec())
}

/// The raw frame behind an ADTS header; `None` if there is none.
pub(super) fn payload(frame: &[u8]) -> Option<&[u8]> {
    let header = frame.get(..7)?;
    let sync = header[0] == 0xff && header[1] & 0xf6 == 0xf0;
    let has_checksum = header[1] & 1 == 0;
    let len = usize::from(header[3] & 3) << 11
        | usize::from(header[4]) << 3
        | usize::from(header[5]) >> 5;
    let start = if has_checksum { 9 } else { 7 };
    frame.get(start..len).filter(|_| sync)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_of_the_usual_rates() {
        assert_eq!(config(44_100, 2), Some(vec![0x12, 0x10]));
        assert_eq!(config(48_000, 1), Some(vec![0x11, 0x88]));
        assert_eq!(config(44_099, 2), None);
        assert_eq!(config(48_000, 7), None);
    }

    #[test]
    fn payload_lies_behind_the_header_and_inside_the_stated_length() {
        let frame = [0xff, 0xf1, 0x50, 0x80, 0x01, 0x3f, 0xfc, 0xaa, 0xbb];
        assert_eq!(payload(&frame), Some(&[0xaa, 0xbb][..]));
        assert_eq!(payload(&frame[..8]), None);
        assert_eq!(payload(&[0u8; 16]), None);
    }
}
