//! HLS playlists, as a server sends them: read, and acted on.
//!
//! Input: a byte that says what follows: an even one a playlist alone, an odd one several, each with
//! two bytes of length, that a puller loads one after the other; every medium that it asks for comes.
#![no_main]

use ingest::hls::{Effect, Puller, Response, Start, What, playlist};
use ingest::limits::HlsLimits;
use libfuzzer_sys::fuzz_target;
use wire::time::Monotonic;

/// Requests after which nobody looks further.
const REQUESTS_MAX: usize = 2_000;

fuzz_target!(|input: &[u8]| {
    let limits = HlsLimits::default();
    let Some((&kind, input)) = input.split_first() else { return };
    if kind & 1 == 0 {
        // Refused or not: it must only come back.
        let _ = playlist::parse(input, &limits);
        return;
    }
    let url = "https://cdn.example/court/index.m3u8";
    let Ok(mut puller) = Puller::new(url, limits, Start::default()) else { return };
    let (mut now, mut rest, mut requests) = (Monotonic(0), input, 0);
    while let Some(at) = (requests < REQUESTS_MAX).then(|| puller.deadline()).flatten() {
        now = now.max(at);
        puller.handle_deadline(now);
        while let Some(effect) = puller.next_effect() {
            let Effect::Fetch(fetch) = effect else { continue };
            requests += 1;
            let mut body: &[u8] = &[];
            if fetch.what == What::Playlist {
                let [high, low, tail @ ..] = rest else { return };
                let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
                (body, rest) = tail.split_at(length);
            }
            let response = Response { body, final_url: fetch.url.as_str() };
            puller.handle_fetched(now, fetch.id, response);
        }
    }
});
