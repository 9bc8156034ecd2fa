//! Playlists as they are met, in the forms that common servers write, and as nobody should.

use core::time::Duration;

use ingest::hls::playlist::{Kind, MediaPlaylist, Playlist, Reload, parse};
use ingest::hls::{ByteRange, PlaylistError};
use ingest::limits::HlsLimits;
use proptest::prelude::*;
use wire::time::WallTime;

fn read(text: &str) -> Result<Playlist, PlaylistError> {
    parse(text.as_bytes(), &HlsLimits::default())
}

fn media(text: &str) -> MediaPlaylist {
    match read(text) {
        Ok(Playlist::Media(playlist)) => playlist,
        other @ (Ok(Playlist::Multivariant(_)) | Err(_)) => panic!("{other:?}"),
    }
}

const FFMPEG: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n\
    #EXT-X-MEDIA-SEQUENCE:1763\n#EXTINF:2.000000,\nindex1763.ts\n\
    #EXT-X-DISCONTINUITY\n#EXTINF:1.968000,\nindex1764.ts\n#EXTINF:2.000000,\nindex1765.ts\n";

const NGINX_RTMP: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:12\n\
    #EXT-X-TARGETDURATION:6\n#EXTINF:5.005,\ncourt-12.ts\n#EXTINF:6.006,\ncourt-13.ts\n";

const LOW_LATENCY: &str = r#"#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-VERSION:9
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=12.0
#EXT-X-PART-INF:PART-TARGET=0.33334
#EXT-X-MEDIA-SEQUENCE:266
#EXT-X-PROGRAM-DATE-TIME:2019-02-14T02:13:36.106Z
#EXT-X-MAP:URI="init.mp4"
#EXTINF:4.00008,
fileSequence266.mp4
#EXTINF:4.00008,
fileSequence267.mp4
#EXT-X-PART:DURATION=2.00004,INDEPENDENT=YES,URI="filePart268.a.mp4"
#EXT-X-PART:DURATION=2.00004,URI="filePart268.b.mp4"
#EXTINF:4.00008,
fileSequence268.mp4
#EXT-X-PART:DURATION=0.33334,URI="filePart269.mp4",INDEPENDENT=YES,BYTERANGE="1000@0"
#EXT-X-PART:DURATION=0.33334,URI="filePart269.mp4",BYTERANGE="500"
#EXT-X-PART:DURATION=0.33334,GAP=YES,URI="filePart269.c.mp4"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="filePart269.d.mp4"
#EXT-X-RENDITION-REPORT:URI="../1M/waitForMSN.php",LAST-MSN=269,LAST-PART=2
"#;

const BYTE_RANGES: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n\
    #EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"720@0\"\n\
    #EXT-X-KEY:METHOD=NONE\n#EXTINF:6,\n#EXT-X-BYTERANGE:1000@720\nall.mp4\n\
    #EXTINF:6,\n#EXT-X-BYTERANGE:500\nall.mp4\n#EXT-X-GAP\n#EXTINF:3,\ngone.mp4\n#EXT-X-ENDLIST\n";

#[test]
fn ffmpeg_and_nginx_write_plain_windows() {
    let playlist = media(FFMPEG);
    assert_eq!(
        (playlist.media_sequence, playlist.kind, playlist.ended),
        (1763, Kind::Window, false)
    );
    assert_eq!(playlist.target_duration, Duration::from_secs(2));
    let cuts = playlist.segments.iter().map(|segment| (segment.sequence, segment.discontinuity));
    assert_eq!(cuts.collect::<Vec<_>>(), [(1763, false), (1764, true), (1765, false)]);
    assert_eq!(playlist.segment(1764).unwrap().duration, Duration::from_millis(1968));
    assert_eq!(playlist.segment(1766), None);
    let playlist = media(NGINX_RTMP);
    assert_eq!(playlist.segments[1].whole.as_ref().unwrap().uri, "court-13.ts");
}

#[test]
fn line_ends_a_byte_order_mark_and_unknown_tags_change_nothing() {
    let plain = media(FFMPEG);
    assert_eq!(media(&format!("\u{FEFF}{}", FFMPEG.replace('\n', "\r\n"))), plain);
    assert_eq!(media(&FFMPEG.replace("#EXTINF", "#EXT-X-NEW:A=\"1\n# said\n\n#EXTINF")), plain);
}

#[test]
fn parts_of_low_latency_playlists_belong_to_their_segments() {
    let playlist = media(LOW_LATENCY);
    assert_eq!(playlist.control.reload, Reload::Blocking);
    assert_eq!(playlist.control.part_hold_back, Some(Duration::from_secs(1)));
    assert_eq!(playlist.preload_hint.as_deref(), Some("filePart269.d.mp4"));
    let parts = playlist.segments.iter().map(|segment| segment.parts.len());
    assert_eq!(parts.collect::<Vec<_>>(), [0, 0, 2, 3]);
    let last = playlist.segment(269).unwrap();
    assert_eq!(last.whole, None);
    assert_eq!(last.parts[1].resource.range, Some(ByteRange { offset: 1000, length: 500 }));
    assert!(last.parts[0].independent && last.parts[2].gap);
    assert!(
        playlist
            .segments
            .iter()
            .all(|segment| { segment.map.as_ref().is_some_and(|map| map.uri == "init.mp4") })
    );
    // 12.00024 s after the date of the first segment.
    assert_eq!(last.wall, Some(WallTime(1_550_110_416_106_000 + 12_000_240)));
}

#[test]
fn byte_ranges_without_offset_follow_the_one_before() {
    let playlist = media(BYTE_RANGES);
    assert_eq!((playlist.kind, playlist.ended), (Kind::Vod, true));
    let range = |index: usize| playlist.segments[index].whole.as_ref().unwrap().range;
    assert_eq!(range(0), Some(ByteRange { offset: 720, length: 1000 }));
    assert_eq!(range(1), Some(ByteRange { offset: 1720, length: 500 }));
    assert!(range(2).is_none() && playlist.segments[2].gap);
    let map = playlist.segments[0].map.as_ref().unwrap();
    assert_eq!(map.range, Some(ByteRange { offset: 0, length: 720 }));
}

#[test]
fn what_cannot_be_played_is_refused_with_the_reason() {
    let with = |text: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{text}");
    let malformed = |line, what| PlaylistError::Malformed { line, what };
    let cases = [
        ("<!DOCTYPE html><title>Login</title>".to_owned(), PlaylistError::WebPage),
        ("\n <html>".to_owned(), PlaylistError::WebPage),
        ("Not found".to_owned(), PlaylistError::NoHeader),
        (String::new(), PlaylistError::NoHeader),
        ("#EXTM3U\n".to_owned(), PlaylistError::Empty),
        ("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1\n".to_owned(), PlaylistError::NoTargetDuration),
        (with("#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"), PlaylistError::Mixed),
        (
            with("#EXTINF:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\na\n"),
            PlaylistError::Encrypted { line: 4 },
        ),
        (
            with("#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n"),
            PlaylistError::Unsupported { line: 3, what: "EXT-X-SKIP" },
        ),
        (with("a.ts\n"), malformed(3, "reference without EXTINF")),
        (with("#EXTINF:two,\na.ts\n"), malformed(3, "EXTINF")),
        (with("#EXT-X-MEDIA-SEQUENCE:-1\n"), malformed(3, "EXT-X-MEDIA-SEQUENCE")),
        (with("#EXTINF:2\n#EXT-X-BYTERANGE:5\na\n"), malformed(5, "byte range without offset")),
        (
            with(&format!("#EXTINF:2\n#EXT-X-BYTERANGE:5@{}\na\n", u64::MAX)),
            malformed(5, "byte range"),
        ),
        (
            with(&"#EXTINF:1,\na\n".repeat(20_001)),
            PlaylistError::TooMany { what: "segments", max: 20_000 },
        ),
        (
            with(&format!("#EXTINF:1,\n{}\n", "a".repeat(9000))),
            PlaylistError::TooMany { what: "bytes in a line", max: 8192 },
        ),
        (with(&"\n".repeat(100_000)), PlaylistError::TooMany { what: "lines", max: 100_000 }),
        (with(&" ".repeat(3 << 20)), PlaylistError::TooMany { what: "bytes", max: 2 << 20 }),
    ];
    for (text, error) in cases {
        let shown = text.get(..text.len().min(60)).unwrap();
        assert_eq!(read(&text), Err(error), "{shown}");
    }
    let bytes = b"#EXTM3U\n#EXTINF:1,\n\xFF\xFE\n";
    assert_eq!(parse(bytes, &HlsLimits::default()), Err(PlaylistError::NotText));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let limits = HlsLimits::default();
        let _ = parse(&bytes, &limits);
        let _ = parse(&[b"#EXTM3U\n#EXTINF:", bytes.as_slice()].concat(), &limits);
    }

    #[test]
    fn no_order_of_lines_panics_and_segments_are_numbered(
        picks in proptest::collection::vec((0..60_usize, 0..80_usize), 0..60),
    ) {
        let texts = [FFMPEG, NGINX_RTMP, LOW_LATENCY, BYTE_RANGES].concat();
        let lines: Vec<&str> = texts.lines().collect();
        let mut text = "#EXTM3U\n".to_owned();
        for (pick, cut) in picks {
            let line = lines[pick % lines.len()];
            // Mostly whole lines, some cut short.
            text += line.get(..cut.max(7)).unwrap_or(line);
            text.push('\n');
        }
        if let Ok(Playlist::Media(playlist)) = read(&text) {
            for (index, segment) in playlist.segments.iter().enumerate() {
                prop_assert_eq!(segment.sequence, playlist.media_sequence + index as u64);
                let last = index + 1 == playlist.segments.len();
                prop_assert!(segment.whole.is_some() || (last && !segment.parts.is_empty()));
            }
        }
    }
}
