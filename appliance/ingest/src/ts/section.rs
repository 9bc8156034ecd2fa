//! Tables of a transport stream: which programs there are, and of what a program consists.
//! ISO/IEC 13818-1, 2.4.4.

use wire::codec::VideoCodec;

use super::continuity::Parts;
use super::packet::Packet;
use crate::entry::Entries;

/// Bytes of the longest section of these tables.
const BYTES_MAX: usize = 1024;
/// Programs that are looked at; a camera's or encoder's stream has one.
const PROGRAMS_MAX: usize = 16;
/// Table ids.
const PAT: u8 = 0;
const PMT: u8 = 2;

/// Puts a section together out of the packets of its PID.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    bytes: Vec<u8>,
    open: bool,
}

impl Assembly {
    /// Takes a packet; returns a section that is whole and whose check sum is good.
    pub(super) fn add(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let mut payload = packet.payload;
        if packet.starts {
            let (pointer, tail) = payload.split_first()?;
            self.bytes.clear();
            self.open = true;
            payload = tail.get(usize::from(*pointer)..)?;
        }
        if !self.open {
            return None;
        }
        let room = BYTES_MAX - self.bytes.len();
        self.bytes.extend_from_slice(&payload[..payload.len().min(room)]);
        let &[_, high, low] = self.bytes.first_chunk()?;
        let length = 3 + usize::from(u16::from_be_bytes([high & 0x0f, low]));
        if length > BYTES_MAX {
            self.open = false;
            return None;
        }
        if self.bytes.len() < length {
            return None;
        }
        self.open = false;
        self.bytes.truncate(length);
        (crc(&self.bytes) == 0).then(|| std::mem::take(&mut self.bytes))
    }
}

impl Parts for Assembly {
    fn lost(&mut self, _found: &mut Entries) {
        self.open = false;
    }
}

/// PIDs of the programs' own tables, in their order.
pub(super) fn programs(section: &[u8]) -> Option<Vec<u16>> {
    let entries = body(section, PAT)?;
    let pmt = |entry: &[u8; 4]| {
        let [high, low, pid @ ..] = *entry;
        // Number zero is the network's table.
        (u16::from_be_bytes([high, low]) != 0).then_some(u16::from_be_bytes(pid) & 0x1fff)
    };
    let (entries, _) = entries.as_chunks::<4>();
    Some(entries.iter().filter_map(pmt).take(PROGRAMS_MAX).collect())
}

/// What one elementary stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Video that the box decodes.
    Video(VideoCodec),
    /// AAC behind ADTS headers.
    Aac,
    /// Video that it does not decode.
    OtherVideo(&'static str),
    /// Sound that it does not decode.
    OtherAudio(&'static str),
    /// Anything else.
    Other,
}

/// PIDs and kinds of a program's elementary streams.
pub(super) fn streams(section: &[u8]) -> Option<Vec<(u16, Kind)>> {
    let [_, _, high, low, rest @ ..] = body(section, PMT)? else { return None };
    let info = usize::from(u16::from_be_bytes([high & 0x0f, *low]));
    let mut rest = rest.get(info..)?;
    let mut streams = Vec::new();
    while let Some((&[kind, p1, p0, i1, i0], tail)) = rest.split_first_chunk() {
        let info = usize::from(u16::from_be_bytes([i1 & 0x0f, i0]));
        let (descriptors, tail) = tail.split_at_checked(info)?;
        streams.push((u16::from_be_bytes([p1 & 0x1f, p0]), kind_of(kind, descriptors)));
        rest = tail;
    }
    Some(streams)
}

fn kind_of(kind: u8, descriptors: &[u8]) -> Kind {
    match kind {
        0x1b => Kind::Video(VideoCodec::H264),
        0x24 => Kind::Video(VideoCodec::H265),
        0x0f => Kind::Aac,
        0x01 | 0x02 => Kind::OtherVideo("MPEG-2"),
        0x10 => Kind::OtherVideo("MPEG-4 part 2"),
        0x33 => Kind::OtherVideo("VVC"),
        0x03 | 0x04 => Kind::OtherAudio("MPEG audio (MP2)"),
        0x11 => Kind::OtherAudio("AAC in LATM"),
        0x81 => Kind::OtherAudio("AC-3"),
        0x87 => Kind::OtherAudio("E-AC-3"),
        // Private data: a descriptor says what it is.
        0x06 if has_descriptor(descriptors, 0x6a) => Kind::OtherAudio("AC-3"),
        0x06 if has_descriptor(descriptors, 0x7a) => Kind::OtherAudio("E-AC-3"),
        0x06 if descriptors.windows(4).any(|four| four == b"Opus") => Kind::OtherAudio("Opus"),
        0x06 if descriptors.windows(4).any(|four| four == b"BSSD") => {
            Kind::OtherAudio("SMPTE 302M PCM")
        }
        _ => Kind::Other,
    }
}

fn has_descriptor(mut descriptors: &[u8], wanted: u8) -> bool {
    while let Some((&[tag, length], tail)) = descriptors.split_first_chunk() {
        if tag == wanted {
            return true;
        }
        descriptors = tail.get(usize::from(length)..).unwrap_or_default();
    }
    false
}

/// What stands between the header of a section that is in force and its check sum.
fn body(section: &[u8], table: u8) -> Option<&[u8]> {
    let (&[id, _, _, _, _, current, _, _], rest) = section.split_first_chunk()?;
    let (body, _) = rest.split_last_chunk::<4>()?;
    (id == table && current & 1 == 1).then_some(body)
}

/// The check sum of MPEG tables; zero over a section with its own.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 }
        })
    })
}
