//! The sound of a transport stream: PES packets to AAC frames.
//!
//! Owns the bytes of a frame that goes on in the next PES packet, and when the next one is heard.

use bytes::Bytes;
use wire::time::{MEDIA_HZ, Monotonic};

use super::continuity::Parts;
use super::packet::Packet;
use super::pes::{Assembly, Pes, Step};
use crate::codec::adts::{self, Header, Start};
use crate::entry::{self, Entries, Entry};

/// A PES packet of sound has at most 16 bits of length.
const PES_BYTES_MAX: usize = 6 + 0xffff;
/// Samples of an AAC frame.
const FRAME_SAMPLES: u64 = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Sound {
    pes: Assembly,
    /// The beginning of a frame.
    remainder: Vec<u8>,
    clock: Option<Clock>,
    header: Option<Header>,
}

/// When frames are heard.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Time stamp of a frame.
    raw: u64,
    /// Samples from there to the next frame.
    samples: u64,
}

impl Clock {
    fn now(self, hz: u64) -> u64 {
        self.raw.wrapping_add(self.samples * MEDIA_HZ as u64 / hz)
    }
}

impl Default for Sound {
    fn default() -> Self {
        let (pes, remainder) = (Assembly::new(PES_BYTES_MAX), Vec::new());
        Self { pes, remainder, clock: None, header: None }
    }
}

impl Parts for Sound {
    fn lost(&mut self, found: &mut Entries) {
        self.pes.abandon();
        self.remainder.clear();
        found.push_back(Entry::Gap);
    }
}

impl Sound {
    /// Takes a packet of this sound.
    pub(super) fn take(&mut self, packet: &Packet<'_>, now: Monotonic, found: &mut Entries) {
        let step = self.pes.add(packet, now);
        self.act(step, found);
        if self.pes.is_whole() {
            self.finish(found);
        }
    }

    /// What waits for more is whole.
    pub(super) fn finish(&mut self, found: &mut Entries) {
        let step = self.pes.finish();
        self.act(step, found);
    }

    fn act(&mut self, step: Step, found: &mut Entries) {
        if step.dropped {
            self.remainder.clear();
            found.push_back(Entry::Gap);
        }
        if let Some(pes) = step.whole {
            self.frames(&pes, found);
        }
    }

    fn frames(&mut self, pes: &Pes, found: &mut Entries) {
        let carried = self.remainder.len();
        let mut bytes = std::mem::take(&mut self.remainder);
        bytes.extend_from_slice(&pes.payload);
        let bytes = Bytes::from(bytes);
        // The stamp is that of the first frame that begins in this PES packet.
        let mut stamp = pes.times.map(|(shown, _)| shown);
        let mut at = 0;
        loop {
            match adts::start(&bytes[at..]) {
                Start::Frame(header) if at + header.frame_bytes <= bytes.len() => {
                    if at >= carried
                        && let Some(raw) = stamp.take()
                    {
                        self.clock = Some(Clock { raw, samples: 0 });
                    }
                    let frame = bytes.slice(at + header.header_bytes..at + header.frame_bytes);
                    self.frame(header, (frame, pes.arrived), found);
                    at += header.frame_bytes;
                }
                Start::Frame(_) | Start::Short => break,
                Start::Other => {
                    found.push_back(Entry::Gap);
                    let sync = bytes[at + 1..].iter().position(|&byte| byte == 0xff);
                    at += 1 + sync.unwrap_or(bytes.len() - at - 1);
                }
            }
        }
        self.remainder.extend_from_slice(&bytes[at..]);
    }

    fn frame(&mut self, header: Header, (data, arrived): (Bytes, Monotonic), found: &mut Entries) {
        if self.header != Some(header.without_length()) {
            found.push_back(Entry::AudioTrack(header.record()));
            self.header = Some(header.without_length());
        }
        // Without a stamp yet it has no time; the next PES packet has one.
        let Some(clock) = &mut self.clock else { return };
        let raw = clock.now(header.sample_hz());
        clock.samples += FRAME_SAMPLES;
        found.push_back(Entry::Sound(entry::Sound { data, raw, arrived }));
    }
}
