//! A connection from a stranger: any bytes, cut anywhere, accepted or not.
//!
//! Input: byte 0 chooses the sizes of the pieces and whether the publisher is accepted; byte 1
//! whether the handshake is sent for the fuzzer, which would otherwise spend its life on 3073
//! bytes that nobody judges; the rest is what the peer sends.
#![no_main]

use ingest::access_unit::{MediaItem, Track};
use ingest::limits::Limits;
use ingest::rtmp::{Event, Session};
use libfuzzer_sys::fuzz_target;
use wire::time::{MediaTime, Monotonic};

fuzz_target!(|input: &[u8]| {
    let [script, handshake, bytes @ ..] = input else { return };
    let limits = Limits::default();
    let mut session = Session::new(limits, Monotonic(0));
    if handshake & 1 == 1 {
        let greeting = [3].into_iter().chain([0; 2 * 1536]).collect::<Vec<u8>>();
        session.handle_bytes(Monotonic(0), &greeting).expect("a plain handshake is accepted");
    }
    let mut check = Check::default();
    let mut rest = bytes;
    let mut now = Monotonic(0);
    // Small pieces cost time, so only some inputs are cut finely.
    let step = [bytes.len().max(1), 1, 13, 1461][usize::from(script & 3)];
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(step.min(rest.len()));
        rest = tail;
        now = Monotonic(now.0 + 1000);
        let mut refused = session.handle_bytes(now, piece).is_err();
        while let Some(event) = session.next_event() {
            if matches!(event, Event::PublishRequested { .. }) {
                if script & 4 == 0 {
                    refused |= session.accept_publish(now).is_err();
                } else {
                    session.refuse_publish();
                }
            }
            check.event(&event);
        }
        let mut output = 0;
        while let Some(bytes) = session.next_output() {
            output += bytes.len();
        }
        assert!(output <= limits.output_bytes_max + 4096);
        assert!(session.held_bytes() <= limits.partial_bytes_max + limits.unanswered_bytes_max * 2);
        assert!(!refused || session.is_closed());
        assert!(session.deadline().is_none_or(|(at, _)| at > Monotonic(0)));
    }
    session.handle_deadline(Monotonic(u64::MAX));
    session.handle_end_of_file();
    while let Some(event) = session.next_event() {
        check.event(&event);
    }
    assert!(check.ended, "a session that does not say that it is over");
});

/// What must hold for every stream, however damaged.
#[derive(Default)]
struct Check {
    ended: bool,
    video: bool,
    audio: bool,
    last: [Option<MediaTime>; 2],
}

impl Check {
    fn event(&mut self, event: &Event) {
        assert!(!self.ended, "an event after the end");
        match event {
            Event::PublishRequested { .. } | Event::Metadata(_) => {}
            Event::Discontinuity => self.last = [None; 2],
            Event::Ended(_) => self.ended = true,
            Event::Media(MediaItem::Video(track)) => {
                assert!(track.width >= 16 && track.height >= 16);
                self.video = true;
            }
            Event::Media(MediaItem::Audio(track)) => {
                assert!(track.channels > 0 && track.sample_hz > 0);
                self.audio = true;
            }
            Event::Media(MediaItem::Unit(unit)) => {
                let (announced, index) = match unit.track {
                    Track::Video => (self.video, 0),
                    Track::Audio => (self.audio, 1),
                };
                assert!(announced, "a unit of a track that was not announced");
                assert!(!unit.data.is_empty());
                assert!(self.last[index].is_none_or(|last| last <= unit.dts), "time falls");
                self.last[index] = Some(unit.dts);
                if unit.track == Track::Video {
                    four_byte_lengths(&unit.data);
                }
            }
        }
    }
}

fn four_byte_lengths(mut data: &[u8]) {
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        data = &rest[u32::from_be_bytes(*length) as usize..];
    }
    assert!(data.is_empty());
}
