//! WAV files, 16 bit mono.

use std::io::{self, Write};

/// Writes `samples` as a WAV file of `rate` samples a second.
///
/// # Errors
/// What `out` answers.
pub(crate) fn write(mut out: impl Write, rate: u32, samples: &[i16]) -> io::Result<()> {
    let bytes = samples.len() as u32 * 2;
    out.write_all(b"RIFF")?;
    out.write_all(&(36 + bytes).to_le_bytes())?;
    out.write_all(b"WAVEfmt ")?;
    out.write_all(&16u32.to_le_bytes())?;
    out.write_all(&1u16.to_le_bytes())?;
    out.write_all(&1u16.to_le_bytes())?;
    out.write_all(&rate.to_le_bytes())?;
    out.write_all(&(rate * 2).to_le_bytes())?;
    out.write_all(&2u16.to_le_bytes())?;
    out.write_all(&16u16.to_le_bytes())?;
    out.write_all(b"data")?;
    out.write_all(&bytes.to_le_bytes())?;
    for sample in samples {
        out.write_all(&sample.to_le_bytes())?;
    }
    out.flush()
}
