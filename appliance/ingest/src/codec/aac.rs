//! AAC: sample rate and channels out of an AudioSpecificConfig. ISO/IEC 14496-3, 1.6.2.1.

use super::bits::Bits;
use super::config::RecordError;

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) sample_hz: u32,
    pub(crate) channels: u8,
}

/// Reads an AudioSpecificConfig. With explicitly signalled SBR the rate is that of the output.
pub(crate) fn layout(record: &[u8]) -> Result<Layout, RecordError> {
    let mut bits = Bits::plain(record);
    let object = object_type(&mut bits)?;
    let mut sample_hz = sample_rate(&mut bits)?;
    let channels = bits.bits(4)?;
    if matches!(object, 5 | 29) {
        sample_hz = sample_rate(&mut bits)?;
    }
    // 0 would mean a layout described in a program config element, which no encoder for RTMP
    // sends.
    let channels = match channels {
        1..=6 => channels as u8,
        7 | 12 | 14 => 8,
        11 => 7,
        _ => return Err(RecordError::AudioLayout),
    };
    Ok(Layout { sample_hz, channels })
}

/// Sample rates by their number, Hz.
pub(crate) const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

fn object_type(bits: &mut Bits) -> Result<u32, RecordError> {
    match bits.bits(5)? {
        0 => Err(RecordError::Truncated),
        31 => Ok(32 + bits.bits(6)?),
        object => Ok(object),
    }
}

fn sample_rate(bits: &mut Bits) -> Result<u32, RecordError> {
    let rate = match bits.bits(4)? {
        15 => Some(bits.bits(24)?),
        index => RATES.get(index as usize).copied(),
    };
    rate.filter(|rate| (7_350..=192_000).contains(rate)).ok_or(RecordError::AudioLayout)
}
