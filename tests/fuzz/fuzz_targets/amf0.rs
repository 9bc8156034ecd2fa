//! AMF0 values: what decodes, encodes to something that decodes to the same.
#![no_main]

use ingest::limits::Limits;
use ingest::rtmp::amf0;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    let Ok(values) = amf0::decode(input, &limits) else { return };
    let mut bytes = Vec::new();
    values.iter().for_each(|value| amf0::encode(value, &mut bytes));
    let again = amf0::decode(&bytes, &limits).expect("what was encoded decodes");
    // NaN is not equal to itself, so compare what is written.
    let mut twice = Vec::new();
    again.iter().for_each(|value| amf0::encode(value, &mut twice));
    assert_eq!(bytes, twice);
});
