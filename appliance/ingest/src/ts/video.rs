//! The video of a transport stream: PES packets to access units.
//!
//! Owns the parameter sets that the stream has shown; when they change, so does the track.

use bytes::Bytes;
use wire::codec::VideoCodec;
use wire::time::Monotonic;

use super::continuity::Parts;
use super::packet::Packet;
use super::pes::{Assembly, Pes, Step};
use crate::codec::{ParameterKind, annexb, avc, hevc};
use crate::entry::{Entries, Entry, Picture};
use crate::timeline::TimeBase;

/// See the module.
#[derive(Debug)]
pub(super) struct Video {
    codec: VideoCodec,
    pes: Assembly,
    /// Packets are filled up only where an access unit ends.
    ends_where_stuffed: bool,
    sets: ParameterSets,
}

/// The first parameter set of each kind in the last access unit that had them.
#[derive(Debug, Default, PartialEq, Eq)]
struct ParameterSets {
    video: Vec<u8>,
    sequence: Vec<u8>,
    picture: Vec<u8>,
}

impl Parts for Video {
    fn lost(&mut self, found: &mut Entries) {
        self.pes.abandon();
        found.extend([Entry::Gap, Entry::LostVideo]);
    }
}

impl Video {
    pub(super) fn new(codec: VideoCodec, bytes_max: usize) -> Self {
        let (pes, sets) = (Assembly::new(bytes_max), ParameterSets::default());
        Self { codec, pes, ends_where_stuffed: true, sets }
    }

    pub(super) fn codec(&self) -> VideoCodec {
        self.codec
    }

    /// Takes a packet of this video.
    pub(super) fn take(&mut self, packet: &Packet<'_>, now: Monotonic, found: &mut Entries) {
        let step = self.pes.add(packet, now);
        self.act(step, found);
        if self.pes.is_whole() {
            self.finish(found);
        } else if packet.stuffed && self.ends_where_stuffed {
            let step = self.pes.finish_early();
            self.act(step, found);
        }
    }

    /// What waits for more is whole.
    pub(super) fn finish(&mut self, found: &mut Entries) {
        let step = self.pes.finish();
        self.act(step, found);
    }

    fn act(&mut self, step: Step, found: &mut Entries) {
        if step.taken_too_early {
            self.ends_where_stuffed = false;
        }
        if step.taken_too_early || step.dropped {
            found.extend([Entry::LostVideo, Entry::Damaged]);
        }
        if let Some(pes) = step.whole {
            self.access_unit(pes, found);
        }
    }

    fn access_unit(&mut self, pes: Pes, found: &mut Entries) {
        let Some((shown, decoded)) = pes.times else {
            found.extend([Entry::LostVideo, Entry::Damaged]);
            return;
        };
        let is_padding = match self.codec {
            VideoCodec::H264 => avc::is_padding,
            VideoCodec::H265 => hevc::is_padding,
        };
        let mut data = Vec::with_capacity(pes.payload.len() + 16);
        for unit in annexb::units(&pes.payload).filter(|unit| !is_padding(unit)) {
            data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
            data.extend_from_slice(unit);
        }
        if let Some(record) = self.new_record(&pes.payload) {
            let record = Bytes::from(record);
            found.push_back(Entry::VideoTrack { codec: self.codec, record });
        }
        found.push_back(Entry::Picture(Picture {
            codec: self.codec,
            data: Bytes::from(data),
            raw: decoded,
            composition: TimeBase::MPEG.step(decoded, shown),
            arrived: pes.arrived,
        }));
    }

    /// The decoder configuration, if this access unit brings parameter sets and others than before.
    fn new_record(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let (role_of, video_needed): (fn(&[u8]) -> _, _) = match self.codec {
            VideoCodec::H264 => (avc::parameter_kind, false),
            VideoCodec::H265 => (hevc::parameter_kind, true),
        };
        let mut sets = ParameterSets::default();
        for unit in annexb::units(payload) {
            let place = match role_of(unit) {
                Some(ParameterKind::Video) => &mut sets.video,
                Some(ParameterKind::Sequence) => &mut sets.sequence,
                Some(ParameterKind::Picture) => &mut sets.picture,
                // They stand before the picture: its bytes need not be searched a second time.
                None if is_picture(self.codec, unit) => break,
                None => continue,
            };
            if place.is_empty() {
                place.extend_from_slice(unit);
            }
        }
        let missing = sets.sequence.is_empty()
            || sets.picture.is_empty()
            || (video_needed && sets.video.is_empty());
        if missing || sets == self.sets {
            return None;
        }
        let record = match self.codec {
            VideoCodec::H264 => avc::record(&sets.sequence, &sets.picture),
            VideoCodec::H265 => hevc::record(&sets.video, &sets.sequence, &sets.picture),
        };
        self.sets = sets;
        record
    }
}

fn is_picture(codec: VideoCodec, unit: &[u8]) -> bool {
    use crate::codec::Role;
    let role = match codec {
        VideoCodec::H264 => avc::role(unit),
        VideoCodec::H265 => hevc::role(unit),
    };
    match role {
        Role::Start | Role::Picture => true,
        Role::Parameters => false,
    }
}
