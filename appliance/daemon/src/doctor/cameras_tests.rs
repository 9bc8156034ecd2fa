//! What is thought of cameras, by statuses as boxes write them.

use serde_json::json;
use wire::units::PictureSize;

use super::*;
use crate::config::{Card, Pace, Sport};
use crate::status::{Focus, Status};

fn source(input: Input) -> Source {
    Source {
        name: name("court-1"),
        sport: Sport::Basketball,
        hoops: Vec::new(),
        board: Vec::new(),
        input,
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn srt() -> Input {
    Input::SrtCall {
        address: "10.0.0.7:9000".to_owned(),
        terms: crate::config::SrtTerms {
            stream: None,
            passphrase: None,
            latency: Duration::from_millis(120),
            idle_timeout: Duration::from_secs(10),
        },
    }
}

fn file() -> Input {
    Input::File { path: "game.mp4".into(), pace: Pace::RealTime }
}

/// A box after so many seconds of a camera with 25 pictures a second.
fn after(seconds: u64, edit: impl Fn(&mut SourceStatus, &mut Value)) -> Found {
    let size = PictureSize { width: 1_280, height: 720 };
    let area = PixelBox { x0: 196.0, y0: 204.0, x1: 232.0, y1: 244.0 };
    let mut seen = SourceStatus {
        picture: Some(Picture {
            size,
            age_ms: 80,
            interlaced: false,
            hoops: [(name("a"), area)].into(),
        }),
        focus: Some(Focus { variance: 240.0, size }),
        level_centi_db: Some(-2_840),
    };
    let mut counters = json!({
        "publishers_total": 1,
        "decoder": "libav h264",
        "frames_decoded_total": 25 * seconds,
        "frames_captured_total": 0,
        "frames_corrupt_total": 0,
        "stream": { "gaps_total": 0 },
        "network": { "packets_given_up_total": 0 },
    });
    edit(&mut seen, &mut counters);
    let status = Status {
        v: 1,
        firmware: "0.1.0".to_owned(),
        boot: 3,
        wall_us: 0,
        mono_us: seconds * 1_000_000,
        connected: true,
        in_play: false,
        sources: [(name("court-1"), seen)].into(),
        pipeline: json!({ "sources": { "court-1": counters } }),
    };
    Found { status, age: Duration::from_millis(900) }
}

fn found(input: Input, edit: impl Fn(&mut SourceStatus, &mut Value)) -> Vec<Check> {
    checks(&source(input), Some(&after(60, |_, _| ())), &after(66, edit))
}

fn first(input: Input, edit: impl Fn(&mut SourceStatus, &mut Value)) -> (Verdict, String) {
    let check = found(input, edit).remove(0);
    assert_eq!(check.advice.is_none(), check.verdict == Verdict::Good, "{check:?}");
    (check.verdict, check.found)
}

#[test]
fn camera_that_plays_is_good_in_every_respect() {
    let checks = found(srt(), |_, _| ());
    assert!(checks.iter().all(|check| check.verdict == Verdict::Good), "{checks:#?}");
    let told: Vec<&str> = checks.iter().map(|check| check.found.as_str()).collect();
    assert_eq!(
        told,
        [
            "1280x720 at 25.0 pictures a second, 1650 came, the newest 1.0 s ago, decoded by libav \
             h264",
            "none since the box started",
            "240 squared grey levels (variance of the Laplacian at 1280x720); turn the lens to the \
             greatest",
            "found: a at [196, 204, 232, 244]",
            "28.4 dB below full scale, mean of the last seconds",
        ]
    );
    assert_eq!(checks[0].figures["rate_hz"], 25.0);
}

#[test]
fn camera_that_never_came_went_away_or_cannot_be_decoded_is_bad() {
    let never = |seen: &mut SourceStatus, counters: &mut Value| {
        seen.picture = None;
        counters["publishers_total"] = 0.into();
    };
    let check = found(srt(), never).remove(0);
    assert_eq!(check.verdict, Verdict::Bad);
    assert!(check.advice.expect("advice").contains("srt://10.0.0.7:9000"));
    let away = |seen: &mut SourceStatus, _: &mut Value| {
        seen.picture.as_mut().expect("a picture").age_ms = 61_000;
    };
    let (verdict, told) = first(srt(), away);
    assert_eq!(
        (verdict, told.as_str()),
        (Verdict::Bad, "1280x720, the newest 62 s ago; 1650 came")
    );
    let undecodable = |seen: &mut SourceStatus, _: &mut Value| seen.picture = None;
    let (verdict, told) = first(srt(), undecodable);
    assert_eq!(verdict, Verdict::Bad);
    assert!(told.starts_with("media comes"), "{told}");
}

#[test]
fn file_that_is_not_played_is_no_fault() {
    let ended = |seen: &mut SourceStatus, _: &mut Value| {
        seen.picture.as_mut().expect("a picture").age_ms = 61_000;
    };
    assert_eq!(first(file(), ended).0, Verdict::NotChecked);
    let never = |seen: &mut SourceStatus, counters: &mut Value| {
        seen.picture = None;
        counters["publishers_total"] = 0.into();
    };
    assert_eq!(first(file(), never).0, Verdict::NotChecked);
    assert_eq!(found(file(), never).len(), 1, "nothing else can be told of it");
}

#[test]
fn slow_small_and_interlaced_pictures_are_warnings() {
    let slow = |_: &mut SourceStatus, counters: &mut Value| {
        counters["frames_decoded_total"] = (25 * 60 + 60).into();
    };
    let (verdict, told) = first(srt(), slow);
    assert!(verdict == Verdict::Warning && told.contains("at 10.0 pictures"), "{told}");
    let small = |seen: &mut SourceStatus, _: &mut Value| {
        seen.picture.as_mut().expect("a picture").size.height = 240;
    };
    assert_eq!(first(srt(), small).0, Verdict::Warning);
    let interlaced = |seen: &mut SourceStatus, _: &mut Value| {
        seen.picture.as_mut().expect("a picture").interlaced = true;
    };
    assert_eq!(first(srt(), interlaced).0, Verdict::Warning);
}

#[test]
fn damage_counts_when_it_comes_now_or_came_often() {
    let damage = |count: u64| {
        let edit = move |_: &mut SourceStatus, counters: &mut Value| {
            counters["stream"]["gaps_total"] = count.into();
        };
        let before = after(60, edit);
        let same = checks(&source(srt()), Some(&before), &after(66, edit))[1].verdict;
        (same, found(srt(), edit)[1].verdict)
    };
    assert_eq!(damage(0), (Verdict::Good, Verdict::Good));
    assert_eq!(damage(1), (Verdict::Good, Verdict::Warning), "before, and while this looks");
    assert_eq!(damage(20), (Verdict::Warning, Verdict::Warning), "more than one in a thousand");
}

#[test]
fn soft_picture_no_hoop_and_no_sound_are_warnings() {
    let edit = |seen: &mut SourceStatus, _: &mut Value| {
        seen.focus.as_mut().expect("a figure").variance = 5.0;
        seen.picture.as_mut().expect("a picture").hoops.clear();
        seen.level_centi_db = None;
    };
    let verdicts: Vec<Verdict> = found(srt(), edit).iter().map(|check| check.verdict).collect();
    use Verdict::{Good, NotChecked, Warning};
    assert_eq!(verdicts, [Good, Good, Warning, Warning, Warning]);
    let card = Card {
        device: "/dev/video0".into(),
        input: None,
        pixels: None,
        size: None,
        rate: None,
        bitrate: None,
    };
    assert_eq!(found(Input::V4l2(card), edit)[4].verdict, NotChecked, "cards give no sound");
    for level in [-9_000, -100] {
        let loud = |seen: &mut SourceStatus, _: &mut Value| seen.level_centi_db = Some(level);
        assert_eq!(found(srt(), loud)[4].verdict, Warning, "{level}");
    }
    let unmeasured = |seen: &mut SourceStatus, _: &mut Value| seen.focus = None;
    assert_eq!(found(srt(), unmeasured)[2].verdict, NotChecked);
}

#[test]
fn counters_of_an_earlier_start_say_nothing_about_the_rate() {
    let mut before = after(600, |_, _| ());
    before.status.boot = 2;
    let check = checks(&source(srt()), Some(&before), &after(66, |_, _| ())).remove(0);
    assert!(check.found.contains("at an unknown rate"), "{check:?}");
    let alone = checks(&source(srt()), None, &after(66, |_, _| ())).remove(0);
    assert!(!alone.figures.contains_key("rate_hz"), "{alone:?}");
}
