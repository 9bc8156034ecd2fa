//! What a receiver gets as an event: postcard from a box, JSON from whoever may publish.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::envelope::{BYTES_MAX, Envelope};

fuzz_target!(|input: &[u8]| {
    if let Ok(envelope) = postcard::from_bytes::<Envelope>(input) {
        let mut buffer = [0; BYTES_MAX];
        let again = postcard::to_slice(&envelope, &mut buffer).expect("no envelope is longer");
        assert_eq!(postcard::from_bytes::<Envelope>(again).as_ref(), Ok(&envelope));
        let json = serde_json::to_vec(&envelope).expect("text keys");
        let same: Envelope = serde_json::from_slice(&json).expect("what was written is read");
        assert_eq!(same, envelope);
    }
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(input) {
        let mut buffer = [0; BYTES_MAX];
        postcard::to_slice(&envelope, &mut buffer).expect("no envelope is longer");
    }
});
