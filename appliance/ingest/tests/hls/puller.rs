//! A puller step by step: requests in their order, addresses, initialization, ends.

use core::time::Duration;

use ingest::hls::{
    AudioPlace, Broadcast, ByteRange, Effect, EndReason, Event, Failure, Fetch, Format, Piece,
    PlaylistError, Puller, Response, Start, Track, UrlError, What,
};
use ingest::limits::HlsLimits;
use proptest::prelude::*;
use wire::time::Monotonic;

/// Answers requests from a list of addresses and texts; media is there always.
struct Shell {
    puller: Puller,
    now: Monotonic,
    asked: Vec<String>,
    events: Vec<Event>,
}

const BASE: &str = "http://a.example/live/";

impl Shell {
    fn new() -> Self {
        let puller = Puller::new(&format!("{BASE}x.m3u8"), HlsLimits::default(), Start::default());
        let (asked, events) = (Vec::new(), Vec::new());
        Self { puller: puller.unwrap(), now: Monotonic(0), asked, events }
    }

    /// Takes effects until requests for playlists have to be answered.
    fn step(&mut self) -> Vec<Fetch> {
        self.puller.handle_deadline(self.now);
        let mut playlists = Vec::new();
        while let Some(effect) = self.puller.next_effect() {
            match effect {
                Effect::Event(event) => self.events.push(event),
                Effect::Fetch(fetch) => {
                    let range = fetch.byte_range;
                    let range =
                        range.map(|ByteRange { offset, length }| format!(" {offset}+{length}"));
                    let place = fetch.url.as_str().replace(BASE, "");
                    self.asked.push(place + &range.unwrap_or_default());
                    if fetch.what == What::Playlist {
                        playlists.push(fetch);
                    } else {
                        let response = Response { body: b"", final_url: fetch.url.as_str() };
                        self.puller.handle_fetched(self.now, fetch.id, response);
                    }
                }
            }
        }
        playlists
    }

    fn answer(&mut self, fetch: &Fetch, text: &str, final_url: &str) -> Vec<Fetch> {
        let response = Response { body: text.as_bytes(), final_url };
        self.puller.handle_fetched(self.now, fetch.id, response);
        self.step()
    }

    /// Opens with `text` as the first playlist.
    fn open(text: &str) -> (Self, Vec<Fetch>) {
        let mut shell = Self::new();
        let first = shell.step();
        let next = shell.answer(&first[0], text, &format!("{BASE}x.m3u8"));
        (shell, next)
    }

    fn wait(&mut self, ms: u64) -> Vec<Fetch> {
        self.now = self.now.plus(Duration::from_millis(ms));
        self.step()
    }
}

#[test]
fn a_recording_is_fetched_from_its_beginning_with_its_initialization_once() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
        #EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"9@0\"\n#EXTINF:6,\n#EXT-X-BYTERANGE:5@9\nall.mp4\n\
        #EXTINF:6,\n#EXT-X-BYTERANGE:5\nall.mp4\n#EXT-X-DISCONTINUITY\n\
        #EXT-X-MAP:URI=\"j.mp4\"\n#EXTINF:6,\nb.mp4\n#EXTINF:6,\nfile:///c.mp4\n#EXT-X-ENDLIST\n";
    let (shell, next) = Shell::open(text);
    assert!(next.is_empty());
    assert_eq!(
        shell.asked,
        ["x.m3u8", "i.mp4 0+9", "all.mp4 9+5", "all.mp4 14+5", "j.mp4", "b.mp4"]
    );
    let media = shell.events.iter().filter_map(|event| match event {
        Event::Media(media) => Some((media.piece, media.discontinuity, media.format)),
        Event::Began { .. } | Event::Missed { .. } | Event::AudioLost(_) | Event::Ended(_) => None,
    });
    let expected = [Piece::Init, Piece::Segment, Piece::Segment, Piece::Init, Piece::Segment];
    let cuts = [false, false, false, true, false];
    let expected: Vec<_> =
        expected.into_iter().zip(cuts).map(|(piece, cut)| (piece, cut, Format::Fmp4)).collect();
    assert_eq!(media.collect::<Vec<_>>(), expected);
    let (audio, variant) = (AudioPlace::Main, None);
    let began = Event::Began { broadcast: Broadcast::Recording, audio, variant };
    assert_eq!(shell.events.first(), Some(&began));
    assert_eq!(shell.events.last(), Some(&Event::Ended(EndReason::Finished)));
    assert_eq!(shell.puller.counters().segments_failed_total, 1);
    assert_eq!(shell.puller.deadline(), None);
}

#[test]
fn behind_a_discontinuity_the_initialization_is_fetched_again_from_the_same_address() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
        #EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:6,\na.mp4\n#EXT-X-DISCONTINUITY\n#EXTINF:6,\nb.mp4\n\
        #EXTINF:6,\nc.mp4\n#EXT-X-ENDLIST\n";
    let (shell, _) = Shell::open(text);
    assert_eq!(shell.asked, ["x.m3u8", "i.mp4", "a.mp4", "i.mp4", "b.mp4", "c.mp4"]);
    assert_eq!(shell.puller.counters().inits_total, 2);
}

#[test]
fn references_follow_redirects_and_reloads_too_until_one_fails() {
    let live = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n0.ts\n";
    let mut shell = Shell::new();
    let first = shell.step();
    let moved = "https://edge.example/s/7/x.m3u8?session=1";
    assert!(shell.answer(&first[0], live, moved).is_empty());
    assert_eq!(shell.asked.last().unwrap(), "https://edge.example/s/7/0.ts");
    // RFC 8216 6.3.4: a target duration after a change, half of one after none.
    assert_eq!(shell.puller.deadline(), Some(Monotonic::from_millis(2000)));
    let reload = shell.wait(2000);
    assert_eq!(reload[0].url.as_str(), moved);
    shell.answer(&reload[0], live, moved);
    assert_eq!(shell.puller.deadline(), Some(Monotonic::from_millis(3000)));
    let reload = shell.wait(1000);
    shell.puller.handle_failed(shell.now, reload[0].id, Failure::Network);
    assert_eq!(shell.puller.deadline(), Some(Monotonic::from_millis(3500)));
    let mut reload = shell.wait(500);
    for wait in [1000, 2000, 4000, 4000] {
        assert_eq!(reload[0].url.as_str(), format!("{BASE}x.m3u8"));
        shell.puller.handle_failed(shell.now, reload[0].id, Failure::Server);
        assert!(shell.wait(wait - 1).is_empty());
        reload = shell.wait(1);
    }
}

#[test]
fn a_playlist_that_never_grows_ends_as_stalled() {
    let live = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.ts\n";
    let (mut shell, _) = Shell::open(live);
    while shell.puller.deadline().is_some() {
        for fetch in shell.wait(500) {
            shell.answer(&fetch, live, "");
        }
    }
    let quiet = Duration::from_secs(36);
    assert_eq!(shell.events.last(), Some(&Event::Ended(EndReason::Stalled { quiet })));
}

#[test]
fn a_copy_from_a_cache_is_no_restart_and_one_that_stays_is() {
    let text = |first: u32| {
        let list = (first..first + 3).map(|index| format!("#EXTINF:2,\n{index}.ts?t={first}\n"));
        let list = list.collect::<String>();
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n{list}")
    };
    let (mut shell, _) = Shell::open(&text(5));
    for (first, restarts) in [(4, 0), (6, 0), (5, 0), (5, 0), (5, 0), (5, 1)] {
        let reload = shell.wait(2000);
        shell.answer(&reload[0], &text(first), "");
        assert_eq!(shell.puller.counters().restarts_total, restarts);
    }
    assert_eq!(shell.puller.counters().playlists_stale_total, 4);
}

#[test]
fn separate_audio_is_a_track_of_its_own_and_its_end_is_not_that_of_the_picture() {
    let list = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"a/a.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1280x720,AUDIO=\"a\"\nv/v.m3u8\n";
    let recording = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0.ts\n#EXT-X-ENDLIST\n";
    let (mut shell, next) = Shell::open(list);
    let of = |track| next.iter().find(|fetch| fetch.track == track).unwrap();
    assert_eq!(of(Track::Main).url.as_str(), format!("{BASE}v/v.m3u8"));
    // Audio that is ready first waits for the picture.
    shell.answer(of(Track::Audio), recording, of(Track::Audio).url.as_str());
    assert_eq!(shell.events, []);
    shell.answer(of(Track::Main), recording, of(Track::Main).url.as_str());
    assert!(matches!(
        &shell.events[0],
        Event::Began { audio: AudioPlace::Separate, variant: Some(variant), .. }
            if variant.resolution.unwrap().height == 720
    ));
    assert_eq!(shell.asked[3..], ["a/0.ts", "v/0.ts"]);
    assert_eq!(shell.events.last(), Some(&Event::Ended(EndReason::Finished)));

    let (mut shell, next) = Shell::open(list);
    let of = |track| next.iter().find(|fetch| fetch.track == track).unwrap();
    shell.puller.handle_failed(shell.now, of(Track::Audio).id, Failure::Forbidden);
    let live = recording.replace("#EXT-X-ENDLIST\n", "");
    shell.answer(of(Track::Main), &live, of(Track::Main).url.as_str());
    let failure = Failure::Forbidden;
    assert_eq!(shell.events[0], Event::AudioLost(EndReason::Unreachable { failure }));
    assert_eq!(shell.asked.last().unwrap(), "v/0.ts");
}

#[test]
fn what_is_no_stream_ends_with_the_reason() {
    let last = |shell: &Shell| shell.events.last().cloned();
    let refused = |error| Some(Event::Ended(EndReason::Playlist(error)));
    let cases = [
        ("<html>", PlaylistError::WebPage),
        (
            "#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES\n#EXTINF:2,\na\n",
            PlaylistError::Encrypted { line: 2 },
        ),
        (
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///a\n",
            PlaylistError::BadReference { what: "a variant" },
        ),
    ];
    for (text, error) in cases {
        assert_eq!(last(&Shell::open(text).0), refused(error));
    }
    let list = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n";
    let (mut shell, next) = Shell::open(list);
    shell.answer(&next[0], list, "");
    assert_eq!(last(&shell), refused(PlaylistError::Nested));

    let mut shell = Shell::new();
    while shell.puller.deadline().is_some() {
        for fetch in shell.wait(500) {
            shell.puller.handle_failed(shell.now, fetch.id, Failure::NotFound);
        }
    }
    let failure = Failure::NotFound;
    assert_eq!(last(&shell), Some(Event::Ended(EndReason::Unreachable { failure })));
    assert!((29_000..=31_000).contains(&(shell.now.0 / 1000)));
    for url in ["", "x.m3u8", "rtmp://a/b", "http://"] {
        let puller = Puller::new(url, HlsLimits::default(), Start::default());
        assert_eq!(puller.map(|_| ()), Err(UrlError), "{url}");
    }
}

#[test]
fn a_server_that_does_not_understand_blocking_reloads_is_polled() {
    let text = |last: u32| {
        let list = (0..=last).map(|index| format!("#EXTINF:2,\n{index}.ts\n")).collect::<String>();
        format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n\
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n{list}"
        )
    };
    let (mut shell, _) = Shell::open(&text(0));
    let reload = shell.wait(100);
    assert_eq!(reload[0].url.query(), Some("_HLS_msn=1"));
    shell.puller.handle_failed(shell.now, reload[0].id, Failure::Rejected);
    for last in 1..4 {
        let reload = shell.wait(2000);
        assert_eq!(reload[0].url.query(), None);
        shell.answer(&reload[0], &text(last), "");
    }
    assert_eq!(shell.puller.counters().segments_total, 4);
}

proptest! {
    /// Windows at random, as no server would make them: what is handed over is in order all the
    /// same, and the puller always either asks, waits or has ended.
    #[test]
    fn random_windows_keep_the_order(
        loads in proptest::collection::vec((0..40_u64, 0..6_u64, 0..4_u64, 0..12_u32), 1..40),
    ) {
        let mut shell = Shell::new();
        let mut awaited = shell.step();
        for (first, count, parts, odd) in loads {
            let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=1\n\
                #EXT-X-MEDIA-SEQUENCE:{first}\n");
            for index in first..first + count {
                text += if odd == 1 { "#EXT-X-GAP\n" } else { "" };
                text += &format!("#EXTINF:2,\n{index}.ts\n");
            }
            for part in 0..parts {
                text += &format!("#EXT-X-PART:DURATION=1,URI=\"{}.{part}.ts\"\n", first + count);
            }
            text += if odd == 0 { "#EXT-X-ENDLIST\n" } else { "" };
            while awaited.is_empty() && shell.puller.deadline().is_some() {
                awaited = shell.wait(500);
            }
            let Some(fetch) = awaited.pop() else { break };
            awaited = if odd == 2 {
                shell.puller.handle_failed(shell.now, fetch.id, Failure::Server);
                shell.step()
            } else {
                shell.answer(&fetch, &text, "")
            };
        }
        let mut last = None;
        for event in &shell.events {
            if let Event::Media(media) = event {
                let index = match media.piece {
                    Piece::Part { index } => index,
                    Piece::Segment | Piece::Init => usize::MAX,
                };
                let place = Some((media.epoch, media.sequence, index));
                prop_assert!(place > last, "{:?} after {:?}", place, last);
                last = place;
            }
        }
        let ended = matches!(shell.events.last(), Some(Event::Ended(_)));
        prop_assert_eq!(ended, shell.puller.deadline().is_none() && awaited.is_empty());
    }
}
