//! A `moof` box: which samples its fragment has, when they are decoded and where they lie.
//! ISO/IEC 14496-12, 8.8.4 to 8.8.12.

use super::boxes::{Fields, child, children};
use super::header::{Defaults, Track};

/// One sample of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Decoding time, in units of its track.
    pub(super) at: u64,
    /// From decoding to presentation, in the same units.
    pub(super) composition: i64,
    /// First byte, counted from the beginning of the `moof` box.
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// The samples of a track in a fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) samples: Vec<Sample>,
    /// Decoding time after the last one.
    pub(super) next: u64,
}

/// Where the samples of a fragment may lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The beginning of the `moof` box, counted from the beginning of its piece.
    pub(super) moof: u64,
    /// Samples of a fragment beyond which it is not read.
    pub(super) samples_max: usize,
}

/// Whether every part of a `moof` box belongs to one of these tracks.
pub(super) fn is_of(moof: &[u8], tracks: &[u32]) -> bool {
    children(moof).filter(|(kind, _)| kind == b"traf").all(|(_, traf)| {
        let id = child(traf, b"tfhd").and_then(|tfhd| {
            let mut fields = Fields(tfhd);
            fields.full()?;
            fields.u32()
        });
        id.is_some_and(|id| tracks.contains(&id))
    })
}

/// Reads what a `moof` box says of a track, which may be nothing: packagers write fragments of one
/// track alone, and empty ones. `None` if it does not hold together.
///
/// - expected: decoding time of its first sample, where the box does not say.
pub(super) fn read(moof: &[u8], track: &Track, (expected, place): (u64, Place)) -> Option<Run> {
    let mut run = Run { samples: Vec::new(), next: expected };
    for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
        let mut tfhd = Fields(child(traf, b"tfhd")?);
        let (_, flags) = tfhd.full()?;
        if tfhd.u32()? != track.id {
            continue;
        }
        let mut optional = |bit: u32| (flags & bit != 0).then(|| tfhd.u32());
        // An absolute place has two words. It counts from the beginning of the file, which is that
        // of the piece wherever it means anything.
        let (high, low) = (optional(0x01), optional(0x01));
        let _description = optional(0x02);
        let (duration, size) = (optional(0x08), optional(0x10));
        let defaults = Defaults {
            duration: duration.map_or(Some(track.defaults.duration), |read| read)?,
            size: size.map_or(Some(track.defaults.size), |read| read)?,
        };
        let base = match (high, low) {
            (Some(high), Some(low)) => {
                let absolute = u64::from(high?) << 32 | u64::from(low?);
                absolute.checked_sub(place.moof)?
            }
            (None, _) | (_, None) => 0,
        };
        if let Some(tfdt) = child(traf, b"tfdt") {
            let mut fields = Fields(tfdt);
            let (version, _) = fields.full()?;
            run.next = fields.sized(version)?;
        }
        let mut offset = base;
        for (_, trun) in children(traf).filter(|(kind, _)| kind == b"trun") {
            offset = run.add(trun, defaults, (base, offset, place.samples_max))?;
        }
    }
    Some(run)
}

impl Run {
    /// Takes a `trun` box; returns where its samples end.
    fn add(
        &mut self,
        trun: &[u8],
        defaults: Defaults,
        (base, mut offset, samples_max): (u64, u64, usize),
    ) -> Option<u64> {
        let mut fields = Fields(trun);
        let (version, flags) = fields.full()?;
        let count = fields.u32()?;
        if flags & 0x01 != 0 {
            offset = base.checked_add_signed(i64::from(fields.u32()? as i32))?;
        }
        if flags & 0x04 != 0 {
            fields.u32()?;
        }
        for _ in 0..count {
            if self.samples.len() == samples_max {
                return None;
            }
            let mut own =
                |bit: u32| if flags & bit != 0 { fields.u32().map(Some) } else { Some(None) };
            let (duration, bytes) = (own(0x100)?, own(0x200)?);
            let (_flags, composition) = (own(0x400)?, own(0x800)?.unwrap_or_default());
            let (duration, bytes) =
                (duration.unwrap_or(defaults.duration), bytes.unwrap_or(defaults.size));
            let composition =
                if version == 0 { i64::from(composition) } else { i64::from(composition as i32) };
            self.samples.push(Sample { at: self.next, composition, offset, bytes });
            self.next = self.next.wrapping_add(u64::from(duration));
            offset = offset.checked_add(u64::from(bytes))?;
        }
        Some(offset)
    }
}
