//! The sound of a transport stream: PES packets to AAC frames.
//!
//! Owns the bytes of a frame that goes on in the next PES packet, and when the next one is heard.

use bytes::Bytes;
use wire::time::{MEDIA_HZ, Monotonic};

use super::Continuity;
use super::packet::Packet;
use super::pes::{Assembly, Pes, Step};
use crate::codec::adts::{self, Header, Start};
use crate::elementary::{Elementary, StreamError};

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

impl Sound {
    /// Takes a packet of this sound.
    pub(super) fn take(
        &mut self,
        stream: &mut Elementary,
        packet: &Packet<'_>,
        (continuity, now): (Continuity, Monotonic),
    ) -> Result<(), StreamError> {
        match continuity {
            Continuity::Repeated => return Ok(()),
            Continuity::Lost => {
                stream.count_gap();
                self.pes.abandon();
                self.remainder.clear();
            }
            Continuity::Next => {}
        }
        let step = self.pes.add(packet, now);
        self.act(stream, step)?;
        if self.pes.is_whole() {
            return self.finish(stream);
        }
        Ok(())
    }

    /// What waits for more is whole.
    pub(super) fn finish(&mut self, stream: &mut Elementary) -> Result<(), StreamError> {
        let step = self.pes.finish();
        self.act(stream, step)
    }

    fn act(&mut self, stream: &mut Elementary, step: Step) -> Result<(), StreamError> {
        if step.dropped {
            self.remainder.clear();
            stream.count_gap();
        }
        match step.whole {
            Some(pes) => self.frames(stream, &pes),
            None => Ok(()),
        }
    }

    fn frames(&mut self, stream: &mut Elementary, pes: &Pes) -> Result<(), StreamError> {
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
                    self.frame(stream, header, (frame, pes.arrived))?;
                    at += header.frame_bytes;
                }
                Start::Frame(_) | Start::Short => break,
                Start::Other => {
                    stream.count_gap();
                    let sync = bytes[at + 1..].iter().position(|&byte| byte == 0xff);
                    at += 1 + sync.unwrap_or(bytes.len() - at - 1);
                }
            }
        }
        self.remainder.extend_from_slice(&bytes[at..]);
        Ok(())
    }

    fn frame(
        &mut self,
        stream: &mut Elementary,
        header: Header,
        (frame, arrived): (Bytes, Monotonic),
    ) -> Result<(), StreamError> {
        if self.header != Some(header.without_length()) {
            stream.configure_audio(header.record())?;
            self.header = Some(header.without_length());
        }
        // Without a stamp yet it has no time; the next PES packet has one.
        let Some(clock) = &mut self.clock else { return Ok(()) };
        let raw = clock.now(header.sample_hz());
        clock.samples += FRAME_SAMPLES;
        stream.audio(frame, raw, arrived);
        Ok(())
    }
}
