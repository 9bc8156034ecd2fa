//! Properties of the recorder over random streams: nothing disappears unseen, and what it says
//! is complete is complete.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use pipeline::mp4::Layout;
use pipeline::record::{FragmentStore, MemoryStore, Recorder};
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::{MediaInterval, MediaTime, Monotonic};

/// SplitMix64: the same numbers for the same seed on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit) as i64
    }
}

fn tracks() -> [MediaItem; 2] {
    let record = Bytes::from_static(&[
        1, 66, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 66, 0, 30, 1, 0, 4, 0x68, 0xce, 0x38, 0x80,
    ]);
    let video = VideoTrack { codec: VideoCodec::H264, record, width: 64, height: 48 };
    let record = Bytes::from_static(&[0x11, 0x90]);
    let codec = AudioCodec::Aac;
    let audio = AudioTrack { codec, record, sample_hz: 48_000, channels: 2 };
    [MediaItem::Video(video), MediaItem::Audio(audio)]
}

/// A stream with jittered times, GOPs of any length, reordered pictures and late or early sound.
fn stream(seed: u64) -> Vec<AccessUnit> {
    let mut numbers = Numbers(seed);
    let frame = 1_500 + numbers.below(6_000);
    let gop = 1 + numbers.below(200);
    let reorder = numbers.below(4);
    let skew = numbers.below(60_000) - 30_000;
    let mut units = Vec::new();
    let unit = |track, (dts, pts): (i64, i64), keyframe, size: i64| AccessUnit {
        track,
        pts: MediaTime(pts),
        dts: MediaTime(dts),
        keyframe,
        data: vec![7; size as usize].into(),
        arrived: Monotonic(0),
    };
    let mut dts = 0;
    for n in 0..400 {
        dts += frame + numbers.below(frame as u64 / 2);
        let pts = dts + frame * reorder + if reorder > 0 { numbers.below(2_000) } else { 0 };
        units.push((dts, unit(Track::Video, (dts, pts), n % gop == 0, 1 + numbers.below(90))));
    }
    for n in 0..dts / 1_920 {
        let at = n * 1_920;
        units.push((at + skew, unit(Track::Audio, (at, at), true, 1 + numbers.below(20))));
    }
    units.sort_by_key(|(arrives, _)| *arrives);
    units.into_iter().map(|(_, unit)| unit).collect()
}

fn everything() -> MediaInterval {
    MediaInterval { start: MediaTime(-1 << 40), end: MediaTime(1 << 40) }
}

/// Presentation times of all pictures in the store, and the number of sounds.
fn stored(store: &MemoryStore) -> (BTreeSet<MediaTime>, u64) {
    let mut pictures = BTreeSet::new();
    let mut sounds = 0;
    for head in store.covering(everything()) {
        let mut bytes = vec![0; head.header_bytes as usize];
        store.read(head.seq, 0, &mut bytes).expect("stored");
        let layout = Layout::parse(&bytes).expect("a fragment");
        pictures.extend(layout.video.iter().map(|sample| sample.pts));
        sounds += layout.audio.len() as u64;
    }
    (pictures, sounds)
}

#[test]
fn every_unit_is_stored_or_counted_and_what_is_complete_is_complete() {
    for seed in 0..60 {
        let units = stream(seed);
        let mut numbers = Numbers(seed ^ 0xabcd);
        let store = Arc::new(MemoryStore::new(u64::MAX));
        let mut recorder = Recorder::new(store.clone());
        for track in tracks() {
            recorder.handle(track).expect("recorded");
        }
        let mut promised = MediaTime(i64::MIN);
        let mut asked = None;
        for unit in &units {
            recorder.handle(MediaItem::Unit(unit.clone())).expect("recorded");
            if asked.is_none() && numbers.below(40) == 0 {
                let at = MediaTime(unit.dts.0 + numbers.below(60_000) - 20_000);
                recorder.seal_upto(at).expect("recorded");
                asked = Some(at);
            }
            let complete = store.complete_upto().unwrap_or(promised);
            assert!(complete >= promised, "seed {seed}: a promise was taken back");
            if complete > promised && numbers.below(4) == 0 {
                let (pictures, _) = stored(&store);
                let owed = units.iter().filter(|u| u.track == Track::Video && u.pts < complete);
                let lost: Vec<_> = owed.filter(|u| !pictures.contains(&u.pts)).collect();
                assert!(lost.is_empty(), "seed {seed}: before {complete:?}: {lost:?}");
            }
            promised = complete;
            asked = asked.filter(|at| *at > complete);
            // Half a second of patience for sound, one picture of at most 0.14 s, and its jitter.
            let slack = 45_000 + 4 * 12_000;
            let is_late = |at: MediaTime| unit.track == Track::Video && unit.dts.0 > at.0 + slack;
            assert!(!asked.is_some_and(is_late), "seed {seed}: a cut waits for {asked:?}");
        }
        recorder.finish().expect("recorded");
        let (pictures, sounds) = stored(&store);
        let losses = recorder.losses();
        let count = |track| units.iter().filter(|unit| unit.track == track).count() as u64;
        assert_eq!(pictures.len() as u64 + losses.units_before_keyframe, count(Track::Video));
        let sounds_seen = sounds + losses.audio_alone + losses.units_invalid;
        assert_eq!(sounds_seen, count(Track::Audio), "seed {seed}: {losses:?}");
    }
}
