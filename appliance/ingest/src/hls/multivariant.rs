//! Multivariant playlists: reading them, and choosing what to pull.
//!
//! Pure. Source: RFC 8216 4.3.4.

use super::attributes::Attributes;
use super::playlist::{Line, Lines, Multivariant, PlaylistError, Rendition, Resolution, Variant};
use crate::limits::HlsLimits;

/// Video formats that a box decodes, as RFC 6381 begins them.
const VIDEO_GOOD: [&str; 4] = ["avc1", "avc3", "hvc1", "hev1"];
/// Beginnings of audio formats: a variant that has no others is sound without a picture.
const AUDIO: [&str; 7] = ["mp4a", "ac-3", "ec-3", "opus", "Opus", "fLaC", "mp3"];

/// Whether only multivariant playlists have this tag.
pub(super) fn is_own_tag(name: &str) -> bool {
    matches!(name, "EXT-X-STREAM-INF" | "EXT-X-MEDIA" | "EXT-X-I-FRAME-STREAM-INF")
}

/// Reads a multivariant playlist.
pub(super) fn read(lines: Lines<'_>, limits: &HlsLimits) -> Result<Multivariant, PlaylistError> {
    let mut playlist = Multivariant::default();
    let (mut upcoming, mut renditions) = (None, 0);
    for line in lines {
        match line? {
            (_, Line::Tag { name: "EXT-X-STREAM-INF", value }) => {
                upcoming = Some(variant(Attributes(value)));
            }
            (_, Line::Tag { name: "EXT-X-MEDIA", value }) => {
                renditions += 1;
                if renditions > limits.renditions_max {
                    return too_many("renditions", limits.renditions_max);
                }
                playlist.audio.extend(rendition(Attributes(value)));
            }
            (line, Line::Tag { name: "EXT-X-DEFINE", .. }) => {
                return Err(PlaylistError::Unsupported { line, what: "EXT-X-DEFINE" });
            }
            (_, Line::Tag { .. }) => {}
            (line, Line::Uri(uri)) => {
                let Some(variant) = upcoming.take() else {
                    let what = "reference without EXT-X-STREAM-INF";
                    return Err(PlaylistError::Malformed { line, what });
                };
                if playlist.variants.len() == limits.variants_max {
                    return too_many("variants", limits.variants_max);
                }
                playlist.variants.push(Variant { uri: uri.to_owned(), ..variant });
            }
        }
    }
    if playlist.variants.is_empty() { Err(PlaylistError::NoVariant) } else { Ok(playlist) }
}

fn too_many<T>(what: &'static str, max: usize) -> Result<T, PlaylistError> {
    Err(PlaylistError::TooMany { what, max })
}

fn variant(list: Attributes<'_>) -> Variant {
    let rate = list.seconds("FRAME-RATE");
    Variant {
        uri: String::new(),
        bandwidth_bps: list.integer("BANDWIDTH").unwrap_or(0),
        average_bandwidth_bps: list.integer("AVERAGE-BANDWIDTH"),
        resolution: list.get("RESOLUTION").and_then(resolution),
        codecs: list.get("CODECS").map(str::to_owned),
        frame_rate_millihertz: rate.and_then(|rate| u32::try_from(rate.as_millis()).ok()),
        audio: list.get("AUDIO").map(str::to_owned),
    }
}

fn resolution(text: &str) -> Option<Resolution> {
    let (width, height) = text.split_once(['x', 'X'])?;
    Some(Resolution { height: height.parse().ok()?, width: width.parse().ok()? })
}

/// `None` if it is no audio, or lacks what every rendition has.
fn rendition(list: Attributes<'_>) -> Option<Rendition> {
    (list.get("TYPE")? == "AUDIO").then_some(())?;
    Some(Rendition {
        group: list.get("GROUP-ID")?.to_owned(),
        name: list.get("NAME").unwrap_or_default().to_owned(),
        uri: list.get("URI").map(str::to_owned),
        default: list.is_yes("DEFAULT"),
        autoselect: list.is_yes("AUTOSELECT"),
    })
}

/// The variant to pull: of those that the box decodes, the highest resolution up to `height_max`
/// pixels and of several the highest bandwidth. If all are higher, the lowest; if none says how
/// high it is, the highest bandwidth. Of equal ones the first.
pub(super) fn choose(playlist: &Multivariant, height_max: u32) -> Option<&Variant> {
    let rank = |variant: &Variant| {
        let (fits, size) = match variant.resolution {
            Some(size) if size.height <= height_max => (2, (size.height.into(), size.width.into())),
            Some(size) => (1, (-i64::from(size.height), -i64::from(size.width))),
            None => (0, (0, 0)),
        };
        (decodable(variant), fits, size, variant.bandwidth_bps)
    };
    // `max_by_key` takes the last of equal ones.
    playlist.variants.iter().rev().max_by_key(|variant| rank(variant))
}

/// How likely the box can show it: 2 likely, 1 sound only, 0 a format that it does not decode.
fn decodable(variant: &Variant) -> u8 {
    let Some(codecs) = &variant.codecs else { return 2 };
    let begins = |list: &[&str], codec: &str| list.iter().any(|start| codec.starts_with(start));
    let mut video = codecs.split(',').map(str::trim).filter(|codec| !begins(&AUDIO, codec));
    match video.next() {
        None => 1,
        Some(first) if begins(&VIDEO_GOOD, first) => 2,
        Some(_) => 0,
    }
}

/// Reference of the playlist with the audio of `variant`, if it is not within the variant.
pub(super) fn audio<'a>(playlist: &'a Multivariant, variant: &Variant) -> Option<&'a str> {
    let group = variant.audio.as_ref()?;
    let members = playlist.audio.iter().rev().filter(|rendition| rendition.group == *group);
    let chosen = members.max_by_key(|rendition| (rendition.default, rendition.autoselect))?;
    chosen.uri.as_deref().filter(|uri| *uri != variant.uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::playlist::{Playlist, parse};

    fn read(text: &str) -> Multivariant {
        let playlist = parse(text.as_bytes(), &HlsLimits::default()).unwrap();
        let Playlist::Multivariant(playlist) = playlist else { panic!("no variants") };
        playlist
    }

    #[test]
    fn the_variant_is_the_highest_that_fits() {
        let ladder = "#EXTM3U\n\
            #EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\na\n\
            #EXT-X-STREAM-INF:BANDWIDTH=5000000,RESOLUTION=1920x1080,FRAME-RATE=29.97\nb\n\
            #EXT-X-STREAM-INF:BANDWIDTH=7000000,RESOLUTION=1920x1080,FRAME-RATE=59.940\nc\n\
            #EXT-X-STREAM-INF:BANDWIDTH=7000000,RESOLUTION=1920x1080\nbackup\n\
            #EXT-X-STREAM-INF:BANDWIDTH=20000000,RESOLUTION=3840x2160\nd\n";
        let playlist = read(ladder);
        for (height, uri) in [(1080, "c"), (1079, "a"), (100, "a"), (4000, "d")] {
            assert_eq!(choose(&playlist, height).unwrap().uri, uri, "{height}");
        }
        assert_eq!(playlist.variants[2].frame_rate_millihertz, Some(59_940));
    }

    #[test]
    fn without_resolutions_the_bandwidth_decides() {
        let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n\
            #EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"mp4a.40.2\"\nsound\n\
            #EXT-X-STREAM-INF:BANDWIDTH=8\nb\n#EXT-X-STREAM-INF:BANDWIDTH=7\nc\n";
        assert_eq!(choose(&read(text), 1080).unwrap().uri, "b");
    }

    #[test]
    fn formats_that_the_box_decodes_come_first() {
        let text = "#EXTM3U\n\
            #EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=1920x1080,CODECS=\"av01.0.08M.08\"\na\n\
            #EXT-X-STREAM-INF:BANDWIDTH=5,RESOLUTION=1280x720,CODECS=\"mp4a.40.2, hvc1.1\"\nb\n";
        assert_eq!(choose(&read(text), 1080).unwrap().uri, "b");
    }

    #[test]
    fn audio_is_separate_only_if_its_rendition_has_a_reference_of_its_own() {
        let text = "#EXTM3U\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"A\",AUTOSELECT=YES,URI=\"a\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"B\",DEFAULT=YES,AUTOSELECT=YES,URI=\"b\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"h\",NAME=\"C\"\n\
            #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"g\",NAME=\"S\",DEFAULT=YES,URI=\"s\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"g\"\none\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"h\"\ntwo\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\nthree\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"g\"\nb\n";
        let playlist = read(text);
        let found = playlist.variants.iter().map(|variant| audio(&playlist, variant));
        assert_eq!(found.collect::<Vec<_>>(), [Some("b"), None, None, None]);
    }
}
