//! Fragmented MP4: boxes, initialization sections and fragments.
//!
//! Input: the first byte says how large the pieces are in which the rest comes.
#![no_main]

use ingest::access_unit::MediaItem;
use ingest::elementary::Output;
use ingest::fmp4::Demuxer;
use ingest::limits::Limits;
use libfuzzer_sys::fuzz_target;
use wire::time::Monotonic;

fuzz_target!(|input: &[u8]| {
    let Some((&size, input)) = input.split_first() else { return };
    let mut demuxer = Demuxer::new(Limits::default());
    for piece in input.chunks(1 + 7 * usize::from(size)) {
        let result = demuxer.handle_bytes(Monotonic(0), piece);
        // What is kept came: no length is believed.
        assert!(demuxer.held_bytes() <= input.len());
        while let Some(output) = demuxer.next_output() {
            if let Output::Item(MediaItem::Unit(unit)) = output {
                assert!(!unit.data.is_empty());
            }
        }
        if result.is_err() {
            return;
        }
    }
    // Whole or not: it must only come back.
    let _ = demuxer.finish();
});
