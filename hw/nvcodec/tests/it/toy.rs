//! Streams that the stand-in understands: see `fake.c`.

use hal::decode::{DecodeError, DecodeVideo, Packet, VideoConfig};
use hal::surface::Surface;
use wire::codec::VideoCodec;
use wire::time::MediaTime;

/// Ticks of 1/90 000 s in a frame at 25 frames a second.
pub(crate) const FRAME: i64 = 3_600;

pub(crate) const DAMAGED: u8 = 1;
pub(crate) const INTERLACED: u8 = 2;
pub(crate) const UPPER_FIRST: u8 = 4;
/// Shown after those that follow it, as a picture is to which B-frames refer.
pub(crate) const HELD: u8 = 8;

fn number(value: u16) -> [u8; 2] {
    [0x80 | (value >> 7) as u8, 0x80 | (value & 0x7f) as u8]
}

/// A sequence parameter set.
pub(crate) struct Sequence {
    pub(crate) size: (u16, u16),
    pub(crate) chroma: u8,
    pub(crate) bits: u8,
}

impl Sequence {
    pub(crate) fn of(width: u16, height: u16) -> Self {
        Self { size: (width, height), chroma: 1, bits: 8 }
    }

    pub(crate) fn unit(&self) -> Vec<u8> {
        let [width, height] = [self.size.0, self.size.1].map(number);
        [&[0x67][..], &width, &height, &[0x80 | self.chroma, 0x80 | self.bits]].concat()
    }

    /// The `avcC` record with it and a picture parameter set.
    pub(crate) fn config(&self) -> VideoConfig {
        let sps = self.unit();
        let head = [1, 100, 0, 31, 0xff, 0xe1, 0, sps.len() as u8];
        let record = [&head[..], &sps, &[1, 0, 2, 0x68, 0xee]].concat();
        VideoConfig { codec: VideoCodec::H264, record }
    }
}

/// An access unit: its time in frames, and its NAL units behind lengths.
#[derive(Clone)]
pub(crate) struct Unit {
    pub(crate) at: i64,
    pub(crate) data: Vec<u8>,
}

/// The luma of the picture at a time.
pub(crate) fn luma(at: i64) -> u8 {
    (at * 7 % 256) as u8
}

fn slice(header: u8, at: i64, flags: u8) -> Vec<u8> {
    [&[header][..], &number(luma(at).into()), &[0x80 | flags]].concat()
}

fn unit(at: i64, units: &[Vec<u8>]) -> Unit {
    let behind_length = |unit: &Vec<u8>| [&(unit.len() as u32).to_be_bytes()[..], unit].concat();
    Unit { at, data: units.iter().flat_map(behind_length).collect() }
}

/// An access unit at which a decoder can start.
pub(crate) fn key(at: i64, flags: u8) -> Unit {
    unit(at, &[slice(0x65, at, flags)])
}

/// One that begins another sequence.
pub(crate) fn key_of(sequence: &Sequence, at: i64) -> Unit {
    unit(at, &[sequence.unit(), vec![0x68, 0xee], slice(0x65, at, 0)])
}

/// Any other.
pub(crate) fn other(at: i64, flags: u8) -> Unit {
    unit(at, &[slice(0x41, at, flags)])
}

/// One in which there is nothing to decode.
pub(crate) fn nothing(at: i64) -> Unit {
    unit(at, &[vec![0x06, 0x99, 0x99]])
}

/// What came of some access units.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) surfaces: Vec<Surface>,
    /// Times of the access units that were reported as corrupt, in frames.
    pub(crate) corrupt: Vec<i64>,
}

impl Outcome {
    pub(crate) fn times(&self) -> Vec<i64> {
        self.surfaces.iter().map(|surface| surface.pts().0 / FRAME).collect()
    }
}

/// Decodes, and ends with a [`DecodeVideo::drain`].
pub(crate) fn run(decoder: &mut dyn DecodeVideo, units: &[Unit]) -> Result<Outcome, DecodeError> {
    let mut outcome = Outcome::default();
    for Unit { at, data } in units {
        let pts = MediaTime(at * FRAME);
        let packet = Packet { data, pts, dts: pts };
        match decoder.decode(packet, &mut |surface| outcome.surfaces.push(surface)) {
            Ok(()) => {}
            Err(DecodeError::Corrupt { .. }) => outcome.corrupt.push(*at),
            Err(error @ DecodeError::Failed { .. }) => return Err(error),
        }
    }
    decoder.drain(&mut |surface| outcome.surfaces.push(surface))?;
    Ok(outcome)
}
