//! NAL units behind length fields: walking them, and widening the lengths to 4 bytes.

use bytes::Bytes;

/// The lengths do not add up to the access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NalError;

/// Iterates over the NAL units of an access unit; ends after the first error.
pub(crate) fn units(
    mut data: &[u8],
    length_bytes: usize,
) -> impl Iterator<Item = Result<&[u8], NalError>> {
    std::iter::from_fn(move || {
        if data.is_empty() {
            return None;
        }
        let unit = split(data, length_bytes);
        data = unit.map_or(&[], |(_, rest)| rest);
        Some(unit.map(|(unit, _)| unit))
    })
}

/// The same access unit with 4-byte lengths, which is the one form that leaves this crate.
pub(crate) fn widen(data: Bytes, length_bytes: usize) -> Result<Bytes, NalError> {
    if length_bytes == 4 {
        return Ok(data);
    }
    let mut out = Vec::with_capacity(data.len() + data.len() / 8);
    for unit in units(&data, length_bytes) {
        let unit = unit?;
        out.extend_from_slice(&(unit.len() as u32).to_be_bytes());
        out.extend_from_slice(unit);
    }
    Ok(Bytes::from(out))
}

fn split(data: &[u8], length_bytes: usize) -> Result<(&[u8], &[u8]), NalError> {
    let (length, rest) = data.split_at_checked(length_bytes).ok_or(NalError)?;
    let length = length.iter().fold(0_usize, |value, byte| value << 8 | usize::from(*byte));
    rest.split_at_checked(length).ok_or(NalError)
}
