//! Whatever can be said can be read back, in both encodings.

mod samples;

use proptest::prelude::*;
use wire::board::BoardReading;
use wire::envelope::{Body, Envelope, Notice, NoticeKind};
use wire::event::{Cue, CueKind, EventKind, GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId, Name, Seq};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};
use wire::units::Permille;

fn name() -> impl Strategy<Value = Name> {
    "[A-Za-z0-9_-][A-Za-z0-9._-]{0,31}".prop_map(|text| samples::name(&text))
}

fn event_id() -> impl Strategy<Value = EventId> {
    (any::<u32>(), any::<u32>()).prop_map(|(boot, number)| EventId { boot: BootId(boot), number })
}

fn cue() -> impl Strategy<Value = Cue> {
    use CueKind::{BallTrack, CrowdSwell, Rim, Score, Whistle};
    let kind = prop::sample::select(vec![Rim, BallTrack, CrowdSwell, Whistle, Score]);
    (kind, any::<i16>()).prop_map(|(kind, centi_nats)| Cue { kind, centi_nats })
}

fn game() -> impl Strategy<Value = Body> {
    use EventKind::{Buzzer, MadeShot, MissedShot, ScoreChange, Whistle};
    let stage = prop::sample::select(vec![Stage::Provisional, Stage::Confirmed, Stage::Retracted]);
    let kind = prop::sample::select(vec![MadeShot, MissedShot, Whistle, Buzzer, ScoreChange]);
    let names = (name(), prop::option::of(name()));
    let cues = prop::collection::vec(cue(), 0..=8);
    let parts = (event_id(), stage, kind, names, cues, any::<[i64; 6]>(), 0..=1000_u16);
    parts.prop_map(|(id, stage, kind, (source, hoop), cues, times, sure)| {
        let [at, start, end, decided, at_arrived, decided_arrived] = times;
        Body::Game(GameEvent {
            id,
            revision: times[0] as u8,
            stage,
            kind,
            source,
            hoop,
            at: MediaTime(at),
            interval: MediaInterval { start: MediaTime(start), end: MediaTime(end) },
            decided_at: MediaTime(decided),
            at_arrived: WallTime(at_arrived),
            decided_arrived: WallTime(decided_arrived),
            confidence: Permille(sure),
            cues: cues.into_iter().collect(),
        })
    })
}

fn board() -> impl Strategy<Value = Body> {
    let numbers = prop::collection::vec(prop::option::of(any::<u16>()), 5);
    (name(), any::<[i64; 2]>(), numbers, 0..=1000_u16).prop_map(|(source, times, numbers, sure)| {
        Body::Board(BoardReading {
            source,
            at: MediaTime(times[0]),
            at_arrived: WallTime(times[1]),
            home: numbers[0],
            away: numbers[1],
            period: numbers[2],
            clock_ds: numbers[3],
            shot_clock_ds: numbers[4],
            confidence: Permille(sure),
        })
    })
}

fn notice() -> impl Strategy<Value = Body> {
    // 40 characters of at most four bytes each.
    (prop::option::of(name()), any::<u32>(), ".{0,40}").prop_map(|(source, count, words)| {
        let text = samples::text(&words);
        Body::Notice(Notice { kind: NoticeKind::Governor, source, count, text })
    })
}

fn clip() -> impl Strategy<Value = Body> {
    (any::<u128>(), any::<u64>(), name()).prop_map(|(id, bytes, source)| {
        Body::Clip(wire::clip::ClipRecord { id: ClipId(id), bytes, source, ..samples::clip() })
    })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let body = prop_oneof![game(), notice(), clip(), board()];
    let clock = prop::sample::select(vec![
        ClockQuality::Unknown,
        ClockQuality::Synchronized,
        ClockQuality::Unsynchronized,
    ]);
    (name(), any::<u32>(), any::<u64>(), any::<i64>(), any::<u64>(), clock, body).prop_map(
        |(dev, boot, seq, wall, mono, clock, body)| Envelope {
            dev,
            boot: BootId(boot),
            seq: Seq(seq),
            ts_us: WallTime(wall),
            mono_us: Monotonic(mono),
            clock,
            ..samples::envelope(body)
        },
    )
}

proptest! {
    // A failure prints its case; nothing is written beside the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_envelope_survives_both_encodings(envelope in envelope()) {
        let mut buffer = [0; wire::envelope::BYTES_MAX];
        let bytes = postcard::to_slice(&envelope, &mut buffer).expect("it fits");
        prop_assert_eq!(&postcard::from_bytes::<Envelope>(bytes).expect("readable"), &envelope);
        let json = serde_json::to_string(&envelope).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Envelope>(&json).expect("readable"), &envelope);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _unreadable = postcard::from_bytes::<Envelope>(&bytes);
        let _unreadable = serde_json::from_slice::<Envelope>(&bytes);
    }
}
