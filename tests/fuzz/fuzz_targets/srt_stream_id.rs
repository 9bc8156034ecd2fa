//! What an SRT caller says it brings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srt::StreamId;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(id) = StreamId::parse(text) {
        assert!(!id.resource.is_empty() && text.contains(&id.resource));
    }
});
