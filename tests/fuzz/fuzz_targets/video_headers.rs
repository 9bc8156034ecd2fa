//! Headers of H.264 and H.265: configuration records, parameter sets, slices.
//!
//! Input: a byte (bit 0: H.265; bit 1: the record says how long lengths are, which else are put
//! right), then pieces, each with two bytes of length before it: the record first, then pictures
//! whose NAL units have lengths of their own, and records again where a piece begins with 1 as they
//! do.
#![no_main]

use bytes::Bytes;
use ingest::access_unit::{MediaItem, Track};
use ingest::elementary::Output;
use ingest::limits::Limits;
use ingest::rtp::{Assembly, Frame, Stamp};
use libfuzzer_sys::fuzz_target;
use wire::codec::VideoCodec;
use wire::time::Monotonic;

fuzz_target!(|input: &[u8]| {
    let Some((&head, mut rest)) = input.split_first() else { return };
    let (codec, lengths_at) =
        if head & 1 == 1 { (VideoCodec::H265, 21) } else { (VideoCodec::H264, 4) };
    let mut assembly = Assembly::new(Limits::default());
    let mut ticks = 0;
    while let [high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (piece, tail) = tail.split_at(length);
        rest = tail;
        let taken = if piece.first() == Some(&1) || ticks == 0 {
            let mut record = piece.to_vec();
            if head & 2 == 0
                && let Some(lengths) = record.get_mut(lengths_at)
            {
                *lengths |= 3;
            }
            assembly.configure_video(codec, &record)
        } else {
            assembly.handle(Frame {
                track: Track::Video,
                at: Stamp { ticks, clock_hz: 90_000 },
                data: Bytes::copy_from_slice(piece),
                lost_packets: 0,
                arrived: Monotonic(0),
            })
        };
        ticks += 3_600;
        while let Some(output) = assembly.next_output() {
            if let Output::Item(MediaItem::Unit(unit)) = output {
                assert!(!unit.data.is_empty());
            }
        }
        if taken.is_err() {
            return;
        }
    }
});
