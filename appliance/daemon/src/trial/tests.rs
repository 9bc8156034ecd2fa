//! What is demanded of a version on trial.

use std::collections::BTreeMap;

use serde_json::json;
use wire::units::PictureSize;

use super::*;
use crate::status::{Picture, SourceStatus};

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// A box whose sources have pictures of these ages, in ms.
fn told(ages: &[(&str, Option<u64>)]) -> Status {
    let source = |(source, age_ms): &(&str, Option<u64>)| {
        let size = PictureSize { width: 1280, height: 720 };
        let picture = age_ms.map(|age_ms| Picture {
            size,
            age_ms,
            interlaced: false,
            hoops: BTreeMap::new(),
        });
        (name(source), SourceStatus { picture, ..SourceStatus::default() })
    };
    Status {
        v: 1,
        firmware: "0.1.0".to_owned(),
        boot: 7,
        wall_us: 1_800_000_000_000_000,
        mono_us: 5_000_000,
        connected: true,
        in_play: false,
        sources: ages.iter().map(source).collect(),
        pipeline: json!({ "governor": { "state": "nominal" } }),
    }
}

#[test]
fn only_what_the_box_could_before_is_demanded_of_it() {
    let before = told(&[("court-1", Some(40)), ("court-2", Some(60_000)), ("court-3", None)]);
    let before = Abilities::of(&before);
    assert_eq!(before.sees, [name("court-1")].into());
    assert!(before.reaches_broker);

    let same = told(&[("court-1", Some(90)), ("court-2", None), ("court-3", None)]);
    assert_eq!(before.lost(&same), []);
    let dark = Status { connected: false, ..told(&[("court-1", None), ("court-2", Some(40))]) };
    assert_eq!(before.lost(&dark), [Lost::Pictures(name("court-1")), Lost::Broker]);
    // Nobody misses what is no longer in the configuration.
    assert_eq!(before.lost(&told(&[("court-2", None)])), []);
    assert_eq!(Abilities::default().lost(&dark), []);
}

#[test]
fn update_waits_for_the_end_of_a_game_and_for_a_cooler_box() {
    let calm = told(&[("court-1", Some(40))]);
    assert_eq!(may_begin(Some(&calm)), Ok(Abilities::of(&calm)));
    let playing = Status { in_play: true, ..calm.clone() };
    assert_eq!(may_begin(Some(&playing)), Err(Refused::Play));
    for state in ["throttled", "critical", "shutting down"] {
        let hot = Status { pipeline: json!({ "governor": { "state": state } }), ..calm.clone() };
        assert_eq!(may_begin(Some(&hot)), Err(Refused::Heat), "{state}");
    }
    // What does not run may be mended by it.
    assert_eq!(may_begin(None), Ok(Abilities::default()));
}

#[test]
fn states_of_heat_are_the_governors() {
    use governor::Mode;
    let words = [Mode::Throttled, Mode::Critical, Mode::Shutdown].map(|mode| mode.to_string());
    assert_eq!(words, HOT);
}

#[test]
fn box_is_waited_for_and_what_it_cannot_do_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = folder.path().join("before.json");
    let abilities = Abilities { sees: [name("court-1")].into(), reaches_broker: true };
    std::fs::write(&before, serde_json::to_vec(&abilities).expect("JSON")).expect("writable");
    let job = Job::Await { before, within: 0 };
    let error = run(&job, folder.path()).expect_err("nothing runs");
    assert!(error.to_string().contains("the box does not run"), "{error}");

    let wall_us = SystemClock::start().wall_time().0;
    let status = Status { wall_us, ..told(&[("court-1", None)]) };
    let file = folder.path().join(status::FILE);
    std::fs::write(&file, serde_json::to_vec(&status).expect("JSON")).expect("writable");
    let error = run(&job, folder.path()).expect_err("it sees nothing");
    assert!(error.to_string().contains("no picture of source court-1"), "{error}");

    let status = Status { wall_us, ..told(&[("court-1", Some(40))]) };
    std::fs::write(&file, serde_json::to_vec(&status).expect("JSON")).expect("writable");
    run(&job, folder.path()).expect("it can what it could");
}
