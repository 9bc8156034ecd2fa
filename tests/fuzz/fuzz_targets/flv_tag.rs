//! Bodies of FLV tags: configurations, pictures and sound of plain and Enhanced RTMP.
//!
//! Input: a sequence of tags, each a byte (bit 0: audio; bits 1 to 7: how far the timestamp
//! moves on), two bytes of length, and the body.
#![no_main]

use bytes::Bytes;
use ingest::access_unit::MediaItem;
use ingest::elementary::Output;
use ingest::flv::{Demuxer, Tag};
use ingest::limits::Limits;
use libfuzzer_sys::fuzz_target;
use wire::time::Monotonic;

fuzz_target!(|input: &[u8]| {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut rest = input;
    let mut timestamp_ms = 0_u32;
    while let [head, high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (body, tail) = tail.split_at(length);
        rest = tail;
        // Mostly like a real stream, sometimes a step back, sometimes far away.
        timestamp_ms = match head >> 1 {
            step @ 0..120 => timestamp_ms.wrapping_add(u32::from(step)),
            step @ 120..126 => timestamp_ms.wrapping_sub(u32::from(step - 119) * 400),
            step => timestamp_ms.wrapping_add(u32::from(step - 125) << 30),
        };
        let tag = Tag { timestamp_ms, body: Bytes::copy_from_slice(body), arrived: Monotonic(0) };
        let result =
            if head & 1 == 1 { demuxer.handle_audio(tag) } else { demuxer.handle_video(tag) };
        while let Some(output) = demuxer.next_output() {
            if let Output::Item(MediaItem::Unit(unit)) = output {
                assert!(!unit.data.is_empty());
            }
        }
        if result.is_err() {
            return;
        }
    }
});
