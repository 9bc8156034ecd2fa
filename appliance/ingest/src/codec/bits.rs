//! Bits of a parameter set, with the emulation prevention bytes taken out.

/// Reads bits of a NAL unit's payload, most significant first.
#[derive(Debug)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

/// The parameter set ends early, or a number in it is out of every range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BitsError;

/// Parameter sets of known encoders stay under 200 bytes; no table of theirs needs more.
const BYTES_MAX: usize = 4096;

impl Bits {
    /// `payload`: a NAL unit after its header.
    pub(crate) fn new(payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(payload.len().min(BYTES_MAX));
        let mut zeros = 0;
        for byte in payload.iter().take(BYTES_MAX) {
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            bytes.push(*byte);
        }
        Self { bytes, at: 0 }
    }

    /// Bytes that have no emulation prevention.
    pub(crate) fn plain(bytes: &[u8]) -> Self {
        Self { bytes: bytes[..bytes.len().min(BYTES_MAX)].to_vec(), at: 0 }
    }

    pub(crate) fn bit(&mut self) -> Result<bool, BitsError> {
        let byte = self.bytes.get(self.at / 8).ok_or(BitsError)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// `count`: at most 32.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, BitsError> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u32::from(self.bit()?)))
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<(), BitsError> {
        self.at += count;
        if self.at <= self.bytes.len() * 8 { Ok(()) } else { Err(BitsError) }
    }

    /// Unsigned Exp-Golomb.
    pub(crate) fn ue(&mut self) -> Result<u32, BitsError> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return Err(BitsError);
            }
        }
        Ok(((1_u64 << zeros) - 1 + u64::from(self.bits(zeros)?)) as u32)
    }

    /// Signed Exp-Golomb.
    pub(crate) fn se(&mut self) -> Result<i32, BitsError> {
        let code = i64::from(self.ue()?);
        Ok((if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 }) as i32)
    }
}
