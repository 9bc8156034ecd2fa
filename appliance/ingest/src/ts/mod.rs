//! MPEG transport streams, as SRT and HLS carry them, to tracks and access units.
//!
//! [`Demuxer`] owns what the stream's tables announced and what of its packets is not whole yet;
//! what the packets carry is [`crate::elementary`]'s. It takes the first program that has video in
//! H.264 or H.265, of it the first such stream and the first one of AAC, and one access unit of
//! video a PES packet. Other streams are let pass and named by [`Demuxer::complaint`].
//!
//! An access unit of video mostly has no length. It ends where the next one begins, which is a
//! picture too late, so it is taken already where a packet had to be filled up; a stream that goes
//! on after that is read the slow way from then on.
//! ISO/IEC 13818-1, 2.4.

mod packet;
mod pes;
mod section;
mod sound;
mod video;

use std::collections::VecDeque;

use wire::time::Monotonic;

use crate::elementary::{Counters, Elementary, Output, StreamError};
use crate::limits::Limits;
use crate::timeline::TimeBase;
use packet::Packet;
use section::Kind;
use sound::Sound;
use video::Video;

/// Why a stream cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TsError {
    /// Something else than a transport stream.
    #[error(
        "{0} bytes without a packet of an MPEG transport stream; set the sender's container to \
         MPEG-TS"
    )]
    NotTransport(usize),
    /// Encrypted.
    #[error(
        "the transport stream is encrypted (scrambled); send it in the clear, and encrypt the \
         connection instead"
    )]
    Scrambled,
    /// Nothing to see.
    #[error("the transport stream has no video; add it at the encoder")]
    NoVideo,
    /// What it carries cannot be taken.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Turns the bytes of one transport stream into tracks and access units.
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    stream: Elementary,
    /// Bytes of a packet that is not whole.
    partial: Vec<u8>,
    /// Bytes since the last packet that were none.
    junk: usize,
    pat: Pid<section::Assembly>,
    programs: VecDeque<Pid<section::Assembly>>,
    /// PID of the table of the program that is taken.
    program: Option<u16>,
    video: Option<Pid<Video>>,
    sound: Option<Pid<Sound>>,
    /// Why it is not heard.
    unheard: Option<String>,
    /// The same until it was told.
    complaint: Option<String>,
}

/// What is put together out of the packets of one PID.
#[derive(Debug)]
struct Pid<T> {
    pid: u16,
    counter: Option<u8>,
    assembly: T,
}

/// How a packet goes on from the one before of its PID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continuity {
    Next,
    /// Sent twice, as the standard allows.
    Repeated,
    /// Packets between them are missing.
    Lost,
}

impl<T> Pid<T> {
    fn new(pid: u16, assembly: T) -> Self {
        Self { pid, counter: None, assembly }
    }

    fn follow(&mut self, packet: &Packet<'_>) -> Continuity {
        let before = self.counter.replace(packet.counter);
        match before {
            Some(before) if before == packet.counter && !packet.discontinuity => {
                Continuity::Repeated
            }
            Some(before) if (before + 1) & 0x0f != packet.counter && !packet.discontinuity => {
                Continuity::Lost
            }
            Some(_) | None => Continuity::Next,
        }
    }
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            stream: Elementary::new(limits, TimeBase::MPEG),
            partial: Vec::new(),
            junk: 0,
            pat: Pid::new(0, section::Assembly::default()),
            programs: VecDeque::new(),
            program: None,
            video: None,
            sound: None,
            unheard: None,
            complaint: None,
        }
    }

    /// Takes bytes of the stream, cut anywhere.
    ///
    /// # Errors
    /// [`TsError`]: the stream cannot be taken. What is damaged or missing is counted instead.
    pub fn handle_bytes(&mut self, now: Monotonic, bytes: &[u8]) -> Result<(), TsError> {
        if self.partial.is_empty() {
            let rest = self.packets(now, bytes)?;
            self.partial.extend_from_slice(rest);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(bytes);
        let rest = self.packets(now, &all)?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// The bytes end here, as at the end of an HLS segment: what waits for more is whole.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn finish(&mut self) -> Result<(), TsError> {
        self.partial.clear();
        if let Some(video) = &mut self.video {
            video.assembly.finish(&mut self.stream)?;
        }
        if let Some(sound) = &mut self.sound {
            sound.assembly.finish(&mut self.stream)?;
        }
        Ok(())
    }

    /// What follows does not continue what came before: a new epoch begins, with tables, PIDs and
    /// times of its own.
    pub fn cut(&mut self) {
        self.partial.clear();
        self.pat = Pid::new(0, section::Assembly::default());
        self.programs.clear();
        (self.program, self.video, self.sound) = (None, None, None);
        self.stream.cut();
    }

    /// The next thing that the bytes so far turned into.
    pub fn next_output(&mut self) -> Option<Output> {
        self.stream.next_output()
    }

    /// What was lost and repaired so far.
    pub fn counters(&self) -> Counters {
        self.stream.counters()
    }

    /// What the stream carries that the box does not take, for the log; told once.
    pub fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// Takes every packet; returns what is left at the end.
    fn packets<'a>(&mut self, now: Monotonic, bytes: &'a [u8]) -> Result<&'a [u8], TsError> {
        let mut rest = bytes;
        while let Some((packet, tail)) = rest.split_first_chunk::<{ packet::BYTES }>() {
            let next = tail.first().copied().unwrap_or(packet::SYNC);
            // A byte in the middle of a packet may look like its beginning: the next one must too.
            if packet[0] == packet::SYNC && next == packet::SYNC {
                self.junk = 0;
                self.packet(now, packet)?;
                rest = tail;
                continue;
            }
            if self.junk == 0 {
                self.stream.count_gap();
            }
            let begins = |byte: &u8| *byte == packet::SYNC;
            let skipped = 1 + rest[1..].iter().position(begins).unwrap_or(rest.len() - 1);
            self.junk += skipped;
            if self.junk > JUNK_BYTES_MAX {
                return Err(TsError::NotTransport(self.junk));
            }
            rest = &rest[skipped..];
        }
        Ok(rest)
    }

    fn packet(&mut self, now: Monotonic, bytes: &[u8; packet::BYTES]) -> Result<(), TsError> {
        let Some(packet) = packet::parse(bytes) else {
            self.stream.count_gap();
            return Ok(());
        };
        if packet.payload.is_empty() {
            return Ok(());
        }
        if let Some(video) = self.video.as_mut().filter(|video| video.pid == packet.pid) {
            let continuity = video.follow(&packet);
            clear(&packet)?;
            video.assembly.take(&mut self.stream, &packet, (continuity, now))?;
        } else if let Some(sound) = self.sound.as_mut().filter(|sound| sound.pid == packet.pid) {
            let continuity = sound.follow(&packet);
            clear(&packet)?;
            sound.assembly.take(&mut self.stream, &packet, (continuity, now))?;
        } else if packet.pid == self.pat.pid {
            if let Some(section) = table(&mut self.pat, &packet)
                && let Some(programs) = section::programs(&section)
            {
                self.announce(&programs);
            }
        } else if let Some(program) = self.programs.iter_mut().find(|p| p.pid == packet.pid)
            && let Some(section) = table(program, &packet)
            && let Some(streams) = section::streams(&section)
        {
            self.choose(packet.pid, &streams)?;
        }
        Ok(())
    }

    fn announce(&mut self, programs: &[u16]) {
        if self.programs.iter().map(|program| program.pid).eq(programs.iter().copied()) {
            return;
        }
        let new = |pid: &u16| Pid::new(*pid, section::Assembly::default());
        self.programs = programs.iter().map(new).collect();
        self.program = self.program.filter(|pid| programs.contains(pid));
    }

    /// Takes the streams of a program, unless another one is taken already.
    fn choose(&mut self, program: u16, streams: &[(u16, Kind)]) -> Result<(), TsError> {
        if self.program.is_some_and(|taken| taken != program) {
            return Ok(());
        }
        let video = streams.iter().find_map(|(pid, kind)| match kind {
            Kind::Video(codec) => Some((*pid, *codec)),
            Kind::Aac | Kind::OtherVideo(_) | Kind::OtherAudio(_) | Kind::Other => None,
        });
        let Some((pid, codec)) = video else {
            let others = self.programs.len() > 1;
            return if others { Ok(()) } else { Err(refusal(streams)) };
        };
        self.program = Some(program);
        if self
            .video
            .as_ref()
            .is_none_or(|video| video.pid != pid || video.assembly.codec() != codec)
        {
            self.video = Some(Pid::new(pid, Video::new(codec, self.limits.message_bytes_max)));
            self.stream.lost_video();
        }
        let sound = streams.iter().find(|(_, kind)| *kind == Kind::Aac).map(|(pid, _)| *pid);
        if self.sound.as_ref().map(|sound| sound.pid) != sound {
            self.sound = sound.map(|pid| Pid::new(pid, Sound::default()));
        }
        let unheard = if sound.is_none() { other_sound(streams) } else { None };
        if unheard != self.unheard {
            self.complaint.clone_from(&unheard);
            self.unheard = unheard;
        }
        Ok(())
    }
}

/// Without a packet for so long it is no transport stream: a good one has 348 of them in it.
const JUNK_BYTES_MAX: usize = 64 << 10;

fn clear(packet: &Packet<'_>) -> Result<(), TsError> {
    if packet.scrambled { Err(TsError::Scrambled) } else { Ok(()) }
}

/// The section that a packet of a table makes whole.
fn table(table: &mut Pid<section::Assembly>, packet: &Packet<'_>) -> Option<Vec<u8>> {
    match table.follow(packet) {
        Continuity::Repeated => return None,
        Continuity::Lost => table.assembly.abandon(),
        Continuity::Next => {}
    }
    table.assembly.add(packet)
}

fn refusal(streams: &[(u16, Kind)]) -> TsError {
    let other = streams.iter().find_map(|(_, kind)| match kind {
        Kind::OtherVideo(name) => Some((*name).to_owned()),
        Kind::Video(_) | Kind::Aac | Kind::OtherAudio(_) | Kind::Other => None,
    });
    other.map_or(TsError::NoVideo, |name| StreamError::UnsupportedVideo(name).into())
}

fn other_sound(streams: &[(u16, Kind)]) -> Option<String> {
    streams.iter().find_map(|(_, kind)| match kind {
        Kind::OtherAudio(name) => Some(format!(
            "{}; the pictures are taken without it",
            StreamError::UnsupportedAudio((*name).to_owned())
        )),
        Kind::Video(_) | Kind::Aac | Kind::OtherVideo(_) | Kind::Other => None,
    })
}
