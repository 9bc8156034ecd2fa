//! Transport streams: tables, PES packets, start codes and ADTS frames.
//!
//! Input: packets of 188 bytes whose sync byte, PID and check sums of tables are put right, so that
//! the fuzzer gets behind them; the first byte says how large the pieces are in which they come.
#![no_main]

use ingest::access_unit::MediaItem;
use ingest::elementary::Output;
use ingest::limits::Limits;
use ingest::ts::Demuxer;
use libfuzzer_sys::fuzz_target;
use wire::time::Monotonic;

/// PIDs of ffmpeg's streams: tables, video, sound.
const PIDS: [u16; 4] = [0, 0x1000, 0x100, 0x101];

fuzz_target!(|input: &[u8]| {
    let Some((&size, input)) = input.split_first() else { return };
    let mut bytes = input.to_vec();
    for packet in bytes.chunks_exact_mut(188) {
        packet[0] = 0x47;
        let pid = PIDS[usize::from(packet[2] & 3)];
        packet[1] = packet[1] & 0xc0 | (pid >> 8) as u8;
        packet[2] = (packet[2] & 0xfc & pid as u8) | pid as u8;
        if pid == 0 || pid == 0x1000 {
            seal(packet);
        }
    }
    let mut demuxer = Demuxer::new(Limits::default());
    for piece in bytes.chunks(1 + 7 * usize::from(size)) {
        let result = demuxer.handle_bytes(Monotonic(0), piece);
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

/// Writes the check sum of a table that begins and ends in this packet.
fn seal(packet: &mut [u8]) {
    let begins = 5 + usize::from(packet[4]);
    let Some(section) = packet.get_mut(begins..) else { return };
    let Some(&[_, high, low]) = section.first_chunk() else { return };
    let length = 3 + usize::from(u16::from_be_bytes([high & 0x0f, low]));
    let Some(section) = section.get_mut(..length) else { return };
    let Some((body, sum)) = section.split_last_chunk_mut::<4>() else { return };
    let crc = body.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 }
        })
    });
    *sum = crc.to_be_bytes();
}
