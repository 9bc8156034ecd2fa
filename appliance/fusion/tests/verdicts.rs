//! What fusion publishes, from windows as the rim lane gives them.

use fusion::{Ball, FrameView, Fusion, HoopView, Profile, RimSlot, RimWindow, Verdict};
use wire::event::{EventKind, Stage};
use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

const HOOP: PixelBox = PixelBox { x0: 600.0, y0: 200.0, x1: 640.0, y1: 240.0 };
const SLOT_MS: i64 = 80;

/// What really happens at the hoop: slot number, probability made, probability missed.
type Happening = (i64, f32, f32);

/// Plays `slots` slots; the lane sees a happening once it lies `seen_after` slots back.
fn play(slots: i64, happenings: &[Happening], seen_after: i64) -> Vec<Verdict> {
    let mut fusion = Fusion::new(Profile::BASKETBALL);
    let mut verdicts = Vec::new();
    for now in 0..slots {
        let window: Vec<RimSlot> = (now - 15..=now)
            .map(|slot| {
                let (mut made, mut missed) = (0.02, 0.02);
                for (at, m, x) in happenings {
                    if (slot - at).abs() <= 1 && now - at >= seen_after {
                        (made, missed) = (*m, *x);
                    }
                }
                RimSlot { at: MediaTime::from_millis(slot * SLOT_MS), made, missed }
            })
            .collect();
        let at = MediaTime::from_millis(now * SLOT_MS);
        let ball = Ball { x: 620.0, y: 150.0, confidence: 0.8 };
        let near = happenings.iter().any(|(slot, ..)| (now - slot).abs() < 10);
        let balls: &[Ball] = if near { &[ball] } else { &[] };
        let view = HoopView { hoop: 0, area: HOOP, window: Some(RimWindow { slots: &window }) };
        fusion.handle_frame(&FrameView { at, balls, hoops: &[view] });
        verdicts.extend(std::iter::from_fn(|| fusion.next()));
    }
    verdicts
}

fn stages(verdicts: &[Verdict]) -> Vec<(u32, Stage, EventKind)> {
    verdicts.iter().map(|v| (v.number, v.stage, v.kind)).collect()
}

#[test]
fn a_clear_shot_is_provisional_at_once_and_confirmed_under_the_same_number() {
    let verdicts = play(80, &[(30, 0.95, 0.03)], 2);
    let expected =
        [(1, Stage::Provisional, EventKind::MadeShot), (1, Stage::Confirmed, EventKind::MadeShot)];
    assert_eq!(stages(&verdicts), expected);
    let first = &verdicts[0];
    let moment = MediaTime::from_millis(30 * SLOT_MS);
    assert!(first.at.since(moment).0.abs() <= MediaSpan::from_millis(SLOT_MS).0, "{first:?}");
    let delay = first.decided_at.since(moment).as_millis();
    assert!((240..=480).contains(&delay), "decided {delay} ms after the moment");
    assert!(verdicts[1].revision > first.revision);
    // The evidence alone would be 0.95: the lane is right more often than it says.
    assert!(verdicts[1].confidence.as_share() > 0.99, "{:?}", verdicts[1].confidence);
}

#[test]
fn a_miss_is_told_from_a_make() {
    let verdicts = play(80, &[(30, 0.03, 0.95)], 2);
    assert!(verdicts.iter().all(|v| v.kind == EventKind::MissedShot));
    assert_eq!(verdicts.len(), 2);
}

#[test]
fn a_lane_that_sees_nothing_gives_no_events() {
    assert_eq!(play(400, &[], 0), []);
}

#[test]
fn a_lane_that_is_merely_nervous_gives_no_events() {
    let nervous: Vec<Happening> = (0..40).map(|n| (10 * n, 0.15, 0.2)).collect();
    assert_eq!(play(400, &nervous, 0), []);
}

#[test]
fn a_roll_that_drops_late_ends_as_one_made_shot() {
    // The lane first believes in a miss, and in the make a second later, more strongly.
    let verdicts = play(100, &[(30, 0.05, 0.7), (40, 0.97, 0.02)], 2);
    let settled: Vec<_> = verdicts.iter().filter(|v| v.stage == Stage::Confirmed).collect();
    assert_eq!(settled.len(), 1, "{:?}", stages(&verdicts));
    assert_eq!(settled[0].kind, EventKind::MadeShot);
    let taken_back = verdicts.iter().filter(|v| v.stage == Stage::Retracted).count();
    assert_eq!(taken_back, 1, "the miss that was published first");
}

#[test]
fn confirmed_events_at_one_hoop_are_never_nearer_than_apart() {
    // Whatever the lane says: moments drawn close together, likely and unlikely ones.
    for seed in 0_i64..60 {
        let happenings: Vec<Happening> = (0..90)
            .map(|n| {
                let share = ((seed * 31 + n * 17) % 97) as f32 / 97.0;
                (15 + n * 5 + (seed + n * n) % 5, 0.9 * share, 0.9 * (1.0 - share))
            })
            .collect();
        let verdicts = play(520, &happenings, 2);
        let mut moments: Vec<MediaTime> =
            verdicts.iter().filter(|v| v.stage == Stage::Confirmed).map(|v| v.at).collect();
        moments.sort();
        for pair in moments.windows(2) {
            // The moment is located within two slots of the slot that was judged.
            let least = Profile::BASKETBALL.apart.0 - 3 * SLOT_MS * 90;
            assert!(pair[1].since(pair[0]).0 >= least, "seed {seed}: {pair:?}");
        }
    }
}

/// A miss for some slots after the moment at slot 30, then a make for sure.
fn a_miss_that_becomes_a_make(at_slot: i64) -> Vec<Verdict> {
    let mut fusion = Fusion::new(Profile::BASKETBALL);
    let mut verdicts = Vec::new();
    for now in 0_i64..70 {
        let (made, missed) = if now < at_slot { (0.1, 0.8) } else { (0.98, 0.01) };
        let window: Vec<RimSlot> = (now - 15..=now)
            .map(|slot| {
                let here = (slot - 30).abs() <= 1 && now >= 32;
                let (made, missed) = if here { (made, missed) } else { (0.01, 0.01) };
                RimSlot { at: MediaTime::from_millis(slot * SLOT_MS), made, missed }
            })
            .collect();
        let view = HoopView { hoop: 0, area: HOOP, window: Some(RimWindow { slots: &window }) };
        let at = MediaTime::from_millis(now * SLOT_MS);
        let ball = Ball { x: 620.0, y: 150.0, confidence: 0.8 };
        fusion.handle_frame(&FrameView { at, balls: &[ball], hoops: &[view] });
        verdicts.extend(std::iter::from_fn(|| fusion.next()));
    }
    verdicts
}

#[test]
fn an_outcome_that_turns_out_the_other_way_is_told_within_800_ms() {
    let verdicts = a_miss_that_becomes_a_make(37);
    let expected = [
        (1, Stage::Provisional, EventKind::MissedShot),
        (1, Stage::Retracted, EventKind::MissedShot),
        (2, Stage::Provisional, EventKind::MadeShot),
        (2, Stage::Confirmed, EventKind::MadeShot),
    ];
    assert_eq!(stages(&verdicts), expected);
    let delay = verdicts[2].decided_at.since(verdicts[2].at).as_millis();
    assert!(delay <= 800, "{delay} ms");
}

/// The subscriber has shown the miss for half a second; what is thought of it by then is its
/// confidence.
#[test]
fn an_outcome_that_turns_later_stands_with_less_confidence() {
    let verdicts = a_miss_that_becomes_a_make(40);
    let expected = [
        (1, Stage::Provisional, EventKind::MissedShot),
        (1, Stage::Confirmed, EventKind::MissedShot),
    ];
    assert_eq!(stages(&verdicts), expected);
    let [told, confirmed] = [verdicts[0].confidence, verdicts[1].confidence];
    assert!(confirmed < told, "told with {told:?}, confirmed with {confirmed:?}");
}

#[test]
fn two_shots_two_seconds_apart_are_two() {
    let verdicts = play(120, &[(30, 0.95, 0.02), (60, 0.02, 0.95)], 2);
    let confirmed: Vec<_> =
        verdicts.iter().filter(|v| v.stage == Stage::Confirmed).map(|v| v.kind).collect();
    assert_eq!(confirmed, [EventKind::MadeShot, EventKind::MissedShot]);
}

/// A fusion that has just published a made shot at hoop 0.
fn with_an_open_event() -> Fusion {
    let mut fusion = Fusion::new(Profile::BASKETBALL);
    for now in 0..36 {
        let window: Vec<RimSlot> = (now - 15..=now)
            .map(|slot| {
                let made = if (slot - 30_i64).abs() <= 1 && now >= 32 { 0.95 } else { 0.01 };
                RimSlot { at: MediaTime::from_millis(slot * SLOT_MS), made, missed: 0.01 }
            })
            .collect();
        let view = HoopView { hoop: 0, area: HOOP, window: Some(RimWindow { slots: &window }) };
        let at = MediaTime::from_millis(now * SLOT_MS);
        let ball = Ball { x: 620.0, y: 150.0, confidence: 0.8 };
        fusion.handle_frame(&FrameView { at, balls: &[ball], hoops: &[view] });
    }
    let published: Vec<_> = std::iter::from_fn(|| fusion.next()).collect();
    assert_eq!(stages(&published), [(1, Stage::Provisional, EventKind::MadeShot)]);
    fusion
}

#[test]
fn a_gap_settles_what_was_published() {
    let mut fusion = with_an_open_event();
    fusion.handle_gap(MediaTime::from_millis(10_000));
    let settled: Vec<_> = std::iter::from_fn(|| fusion.next()).collect();
    assert_eq!(stages(&settled), [(1, Stage::Confirmed, EventKind::MadeShot)]);
}

/// It was told before the replay was noticed.
#[test]
fn what_happened_since_a_replay_began_is_taken_back_and_what_happened_before_it_stands() {
    for (began, stage) in [(0, Stage::Retracted), (10_000, Stage::Confirmed)] {
        let mut fusion = with_an_open_event();
        fusion.handle_replay(MediaTime::from_millis(12_000), MediaTime::from_millis(began));
        let settled: Vec<_> = std::iter::from_fn(|| fusion.next()).collect();
        assert_eq!(stages(&settled), [(1, stage, EventKind::MadeShot)], "{began}");
        fusion.handle_replay(MediaTime::from_millis(12_040), MediaTime::from_millis(began));
        assert_eq!(fusion.next(), None);
    }
}

/// Otherwise its clip would never be cut.
#[test]
fn an_event_at_a_hoop_that_is_followed_no_more_is_settled_once() {
    let mut fusion = with_an_open_event();
    let at = |now: i64| MediaTime::from_millis(now * SLOT_MS);
    // No window on this frame, but the hoop is there: the event stays open.
    let there = HoopView { hoop: 0, area: HOOP, window: None };
    fusion.handle_frame(&FrameView { at: at(36), balls: &[], hoops: &[there] });
    assert_eq!(fusion.next(), None);
    for now in 37..80 {
        let other = HoopView { hoop: 1, area: HOOP, window: None };
        fusion.handle_frame(&FrameView { at: at(now), balls: &[], hoops: &[other] });
        let told: Vec<_> = std::iter::from_fn(|| fusion.next()).collect();
        let expected = [(1, Stage::Confirmed, EventKind::MadeShot)];
        assert_eq!(stages(&told), expected[usize::from(now > 37)..], "slot {now}");
    }
}

/// Every published event is settled exactly once, whatever the lane says.
#[test]
fn every_event_has_exactly_one_final_verdict() {
    for seed in 0_u64..60 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1_u64 << 24) as f32
        };
        let happenings: Vec<Happening> = (0..40)
            .map(|n| {
                let either = random();
                let made = either * random();
                (20 + n * 13 + (random() * 8.0) as i64, made, either - made)
            })
            .collect();
        let verdicts = play(700, &happenings, 2);
        let last = verdicts.iter().map(|v| v.number).max().unwrap_or(0);
        for number in 1..=last {
            let of: Vec<_> = verdicts.iter().filter(|v| v.number == number).collect();
            assert_eq!(of[0].stage, Stage::Provisional, "seed {seed}, event {number}");
            let finals = of.iter().filter(|v| v.stage != Stage::Provisional).count();
            assert_eq!(finals, 1, "seed {seed}, event {number}: {:?}", stages(&verdicts));
            let revisions: Vec<u8> = of.iter().map(|v| v.revision).collect();
            assert!(revisions.is_sorted() && revisions[0] == 0, "seed {seed}: {revisions:?}");
        }
    }
}
