//! The packets of a transport stream: which of them are taken, and what they are put together to.
//!
//! Owns the tables and the assemblies. What a lost or a repeated packet does is judged here, once for
//! whatever it belongs to. Gives nothing a place in time.

use std::collections::VecDeque;

use wire::codec::VideoCodec;
use wire::time::Monotonic;

use super::TsError;
use super::continuity::{Pid, Turn};
use super::packet::{self, Packet};
use super::section::{self, Kind};
use super::sound::Sound;
use super::video::Video;
use crate::container::{Read, Wanted};
use crate::elementary::StreamError;
use crate::entry::{Entries, Entry};
use crate::limits::Limits;

/// See the module.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    wanted: Wanted,
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

impl Read for Reader {
    type Error = TsError;

    fn new(limits: Limits, wanted: Wanted) -> Self {
        Self {
            limits,
            wanted,
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

    fn handle_bytes(
        &mut self,
        now: Monotonic,
        bytes: &[u8],
        found: &mut Entries,
    ) -> Result<(), TsError> {
        if self.partial.is_empty() {
            let rest = self.packets(now, bytes, found)?;
            self.partial.extend_from_slice(rest);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(bytes);
        let rest = self.packets(now, &all, found)?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    fn finish(&mut self, found: &mut Entries) {
        self.partial.clear();
        if let Some(video) = &mut self.video {
            video.assembly.finish(found);
        }
        if let Some(sound) = &mut self.sound {
            sound.assembly.finish(found);
        }
    }

    /// What follows has tables, PIDs and times of its own.
    fn cut(&mut self, found: &mut Entries) {
        self.partial.clear();
        self.pat = Pid::new(0, section::Assembly::default());
        self.programs.clear();
        (self.program, self.video, self.sound) = (None, None, None);
        found.push_back(Entry::Cut);
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

impl Reader {
    /// Takes every packet; returns what is left at the end.
    fn packets<'a>(
        &mut self,
        now: Monotonic,
        bytes: &'a [u8],
        found: &mut Entries,
    ) -> Result<&'a [u8], TsError> {
        let mut rest = bytes;
        while let Some((packet, tail)) = rest.split_first_chunk::<{ packet::BYTES }>() {
            let next = tail.first().copied().unwrap_or(packet::SYNC);
            // A byte in the middle of a packet may look like its beginning: the next one must too.
            if packet[0] == packet::SYNC && next == packet::SYNC {
                self.junk = 0;
                self.packet(now, packet, found)?;
                rest = tail;
                continue;
            }
            if self.junk == 0 {
                found.push_back(Entry::Gap);
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

    fn packet(
        &mut self,
        now: Monotonic,
        bytes: &[u8; packet::BYTES],
        found: &mut Entries,
    ) -> Result<(), TsError> {
        let Some(packet) = packet::parse(bytes) else {
            found.push_back(Entry::Gap);
            return Ok(());
        };
        if packet.payload.is_empty() || self.turn(&packet, found) == Turn::Repeated {
            return Ok(());
        }
        if let Some(video) = self.video.as_mut().filter(|video| video.pid == packet.pid) {
            clear(&packet)?;
            video.assembly.take(&packet, now, found);
        } else if let Some(sound) = self.sound.as_mut().filter(|sound| sound.pid == packet.pid) {
            clear(&packet)?;
            sound.assembly.take(&packet, now, found);
        } else if packet.pid == self.pat.pid {
            if let Some(section) = self.pat.assembly.add(&packet)
                && let Some(programs) = section::programs(&section)
            {
                self.announce(&programs);
            }
        } else if let Some(program) = self.programs.iter_mut().find(|p| p.pid == packet.pid)
            && let Some(section) = program.assembly.add(&packet)
            && let Some(streams) = section::streams(&section)
        {
            self.choose((packet.pid, &streams), found)?;
        }
        Ok(())
    }

    /// What a lost or repeated packet does, whatever it belongs to.
    fn turn(&mut self, packet: &Packet<'_>, found: &mut Entries) -> Turn {
        let is = |pid: u16| pid == packet.pid;
        if let Some(video) = self.video.as_mut().filter(|video| is(video.pid)) {
            video.follow(packet, found)
        } else if let Some(sound) = self.sound.as_mut().filter(|sound| is(sound.pid)) {
            sound.follow(packet, found)
        } else if is(self.pat.pid) {
            self.pat.follow(packet, found)
        } else if let Some(program) = self.programs.iter_mut().find(|program| is(program.pid)) {
            program.follow(packet, found)
        } else {
            Turn::Next
        }
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
    fn choose(
        &mut self,
        (program, streams): (u16, &[(u16, Kind)]),
        found: &mut Entries,
    ) -> Result<(), TsError> {
        if self.program.is_some_and(|taken| taken != program) {
            return Ok(());
        }
        let sound = streams.iter().find(|(_, kind)| *kind == Kind::Aac).map(|(pid, _)| *pid);
        let video = streams.iter().find_map(|(pid, kind)| match kind {
            Kind::Video(codec) => Some((*pid, *codec)),
            Kind::Aac | Kind::OtherVideo(_) | Kind::OtherAudio(_) | Kind::Other => None,
        });
        let others = self.programs.len() > 1;
        match (self.wanted, video, sound) {
            (Wanted::Program, None, _) | (Wanted::Sound, _, None) if others => return Ok(()),
            (Wanted::Program, None, _) => return Err(refusal(streams)),
            (Wanted::Sound, _, None) => return Err(mute(streams)),
            (Wanted::Program, Some((pid, codec)), _) => self.choose_video(pid, codec, found),
            (Wanted::Sound, _, Some(_)) => {}
        }
        self.program = Some(program);
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

    fn choose_video(&mut self, pid: u16, codec: VideoCodec, found: &mut Entries) {
        let is_same = |video: &Pid<Video>| video.pid == pid && video.assembly.codec() == codec;
        if !self.video.as_ref().is_some_and(is_same) {
            self.video = Some(Pid::new(pid, Video::new(codec, self.limits.message_bytes_max)));
            found.push_back(Entry::LostVideo);
        }
    }
}

/// Without a packet for so long it is no transport stream: a good one has 348 of them in it.
const JUNK_BYTES_MAX: usize = 64 << 10;

fn clear(packet: &Packet<'_>) -> Result<(), TsError> {
    if packet.scrambled { Err(TsError::Scrambled) } else { Ok(()) }
}

fn refusal(streams: &[(u16, Kind)]) -> TsError {
    let other = streams.iter().find_map(|(_, kind)| match kind {
        Kind::OtherVideo(name) => Some((*name).to_owned()),
        Kind::Video(_) | Kind::Aac | Kind::OtherAudio(_) | Kind::Other => None,
    });
    other.map_or(TsError::NoVideo, |name| StreamError::UnsupportedVideo(name).into())
}

fn mute(streams: &[(u16, Kind)]) -> TsError {
    let other = streams.iter().find_map(|(_, kind)| match kind {
        Kind::OtherAudio(name) => Some((*name).to_owned()),
        Kind::Video(_) | Kind::Aac | Kind::OtherVideo(_) | Kind::Other => None,
    });
    other.map_or(TsError::NoSound, |name| StreamError::UnsupportedAudio(name).into())
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
