//! Streams that are not as they should be, decoded in software.

use bytes::Bytes;
use courtside::drivers::software;
use ingest::access_unit::MediaItem;

use crate::stage::{GOP, film, play};

#[test]
fn stream_that_starts_in_the_middle_of_a_gop_is_seen_from_its_next_keyframe_on() {
    let mut film = film((320, 180), 0, 120);
    film.units.drain(..20);
    let played = play(software(), film.items());
    assert_eq!(played.times(), (50..120).collect::<Vec<_>>());
    assert_eq!(played.gaps(), [50]);
    assert_eq!(played.links.counters.units_dropped.get(), 30, "counted");
    assert_eq!(played.links.counters.frames_corrupt.get(), 0);
    assert_eq!(played.links.counters.frames_decoded.get(), 70);
}

#[test]
fn change_of_resolution_in_the_middle_costs_no_picture() {
    let mut items = film((320, 180), 0, 30).items();
    items.extend(film((640, 360), 30, 30).items());
    items.extend(film((320, 180), 60, 30).items());
    let played = play(software(), items);
    assert_eq!(played.times(), (0..90).collect::<Vec<_>>());
    let widths: Vec<u16> = played.frames.iter().map(|seen| seen.width).collect();
    assert_eq!(widths, [[320; 30], [640; 30], [320; 30]].concat());
    assert_eq!(played.gaps(), [0, 30, 60], "what follows does not continue it");
    assert_eq!(played.links.counters.frames_corrupt.get(), 0);
    assert_eq!(played.complaints, [] as [String; 0]);
}

#[test]
fn change_of_resolution_that_only_the_stream_tells_costs_no_picture_either() {
    // The parameter sets lie in front of the keyframe, as a publisher sends them that does not
    // announce its track again.
    let small = film((320, 180), 0, 30);
    let mut large = film((640, 360), 30, 30);
    let record = &large.track.record;
    let sps = usize::from(u16::from_be_bytes([record[6], record[7]]));
    let pps = usize::from(u16::from_be_bytes([record[9 + sps], record[10 + sps]]));
    let mut data = Vec::new();
    for set in [&record[8..8 + sps], &record[11 + sps..11 + sps + pps]] {
        data.extend((set.len() as u32).to_be_bytes());
        data.extend(set);
    }
    data.extend(&large.units[0].data);
    large.units[0].data = data.into();
    let mut items = small.items();
    items.extend(large.units.into_iter().map(MediaItem::Unit));
    let played = play(software(), items);
    assert_eq!(played.times(), (0..60).collect::<Vec<_>>());
    let widths: Vec<u16> = played.frames.iter().map(|seen| seen.width).collect();
    assert_eq!(widths, [[320; 30], [640; 30]].concat());
}

#[test]
fn corrupted_access_unit_costs_the_pictures_up_to_the_next_keyframe_and_is_counted() {
    let whole = film((320, 180), 0, 130);
    let data = whole.units[70].data.clone();
    let mut noise = data.to_vec();
    for (n, byte) in noise.iter_mut().enumerate().skip(5) {
        *byte = (n * 37 + 11) as u8;
    }
    let cut_off = data.slice(..data.len() / 2);
    for (name, damaged) in [("noise", noise.into()), ("cut off", cut_off), ("empty", Bytes::new())]
    {
        let mut film = film((320, 180), 0, 130);
        film.units[70].data = damaged;
        let played = play(software(), film.items());
        let expected: Vec<i64> = (0..70).chain(2 * GOP as i64..130).collect();
        assert_eq!(played.times(), expected, "{name}");
        assert_eq!(played.gaps(), [0, 100], "{name}");
        let counters = &played.links.counters;
        assert_eq!(counters.frames_corrupt.get(), 1, "{name}");
        assert_eq!(counters.units_dropped.get(), 29, "{name}");
        assert_eq!(counters.decoders_failed.get(), 0, "{name}");
        assert_eq!(played.complaints.len(), 1, "{name}: {:?}", played.complaints);
        assert!(played.complaints[0].contains("waiting for the next keyframe"), "{name}");
    }
}

#[test]
fn decoder_and_downloads_are_told() {
    let played = play(software(), film((320, 180), 0, 10).items());
    assert_eq!(played.links.decoder.get().as_deref(), Some("libavcodec h264"));
    assert_eq!(played.links.surfaces.downloads(), 10);
    assert_eq!(played.links.surfaces.refused(), 0);
}
