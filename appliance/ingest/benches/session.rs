//! CPU time from received bytes to access units, for a publisher at 6 Mb/s: 25 pictures of 28 kB
//! a second with a keyframe of 112 kB, and 43 AAC frames of 370 bytes. The rate of bytes is what
//! matters: `cargo bench -p courtside-ingest`.

#[path = "../tests/client/mod.rs"]
mod client;

use divan::Bencher;
use divan::counter::BytesCount;
use ingest::limits::Limits;
use wire::time::Monotonic;

use client::{AUDIO, VIDEO, message, publishing, video_configuration};

fn main() {
    divan::main();
}

/// Chunk sizes of real encoders: the protocol's default, OBS and GStreamer, ffmpeg.
#[divan::bench(args = [128, 4096, 60_000])]
fn bytes_to_access_units(bencher: Bencher<'_, '_>, chunk_bytes: u32) {
    let mut bytes = message(1, 0, &chunk_bytes.to_be_bytes());
    bytes.extend(video_configuration());
    bytes.extend(message(AUDIO, 0, &[0xaf, 0, 0x12, 0x10]));
    for frame in 0..250_u32 {
        let length: u32 = if frame % 50 == 0 { 112_000 } else { 28_000 };
        let mut body = vec![0x27, 1, 0, 0, 0];
        body.extend_from_slice(&length.to_be_bytes());
        body.push(if frame % 50 == 0 { 0x65 } else { 0x41 });
        body.resize(body.len() + length as usize - 1, 0x55);
        chunked(&message(VIDEO, 40 * frame, &body), chunk_bytes as usize, &mut bytes);
        for _ in 0..2 {
            let sound = [[0xaf, 1].as_slice(), &[0x21; 368]].concat();
            chunked(&message(AUDIO, 40 * frame, &sound), chunk_bytes as usize, &mut bytes);
        }
    }
    bencher
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| publishing(Limits::default()))
        .bench_local_refs(|session| {
            let mut units = 0;
            for piece in bytes.chunks(64 << 10) {
                session.handle_bytes(Monotonic(0), piece).expect("a legal stream");
                while session.next_event().is_some() {
                    units += 1;
                }
            }
            assert_eq!(units, 2 + 250 + 500);
        });
}

/// Cuts a message of one chunk into chunks of `chunk_bytes`.
fn chunked(message: &[u8], chunk_bytes: usize, out: &mut Vec<u8>) {
    let (header, payload) = message.split_at(12);
    out.extend_from_slice(header);
    for (index, chunk) in payload.chunks(chunk_bytes).enumerate() {
        if index > 0 {
            out.push(0xc0 | header[0]);
        }
        out.extend_from_slice(chunk);
    }
}
