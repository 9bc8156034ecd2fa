//! What is changed in a message that is told again, and what is refused before anything is told.

use std::time::Duration;

use bytes::Bytes;
use mqtt::{Quality, Retain};
use serde::Serialize;
use serde_json::json;
use wire::birth::Info;
use wire::ids::Name;
use wire::time::WallTime;
use wire::topic::Device;

use super::rewrite::{Changes, rewrite};
use super::*;
use crate::recording::Entry;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn entry(leaf: &str, payload: impl Into<Bytes>) -> Entry {
    Entry {
        line: 3,
        at: Duration::from_secs(2),
        tenant: name("demo"),
        device: name("court-1"),
        leaf: leaf.to_owned(),
        quality: Quality::AtLeastOnce,
        retain: Retain::No,
        payload: payload.into(),
    }
}

fn text(message: &impl Serialize) -> Bytes {
    serde_json::to_vec(message).expect("JSON").into()
}

fn all() -> Changes {
    let device = Device { tenant: name("lab"), device: name("bench") };
    Changes { device: Some(device), wall_shift: 1_000, boots: 10 }
}

fn options(device: Option<Device>, rounds: Rounds) -> Options {
    let client_id = "x".to_owned();
    Options { speed: Speed::REAL, device, wall: Wall::Recorded, rounds, client_id }
}

fn recording(entries: Vec<Entry>) -> Recording {
    Recording { began: WallTime(0), entries }
}

#[test]
fn without_changes_every_payload_stays_as_it_is_even_an_unreadable_one() {
    let odd = entry("evtb/court-1/new_kind", vec![9, 9, 9]);
    let (topic, payload) = rewrite(&odd, &Changes::default()).expect("told as it is");
    assert_eq!(
        (topic.as_str(), &payload),
        ("cv1/demo/court-1/evtb/court-1/new_kind", &odd.payload)
    );
    let why = rewrite(&odd, &all()).expect_err("it cannot be changed");
    assert!(why.contains("--as"), "{why}");
}

#[test]
fn birth_has_its_name_starts_and_time_changed_and_the_rest_kept() {
    let info = json!({
        "v": 1, "dev": "court-1", "boot": 7, "firmware": "0.1.0", "ts_us": 5,
        "held": [{ "boot": 6, "from_seq": 1, "upto_seq": 4, "gaps": [[2, 3]] }], "schema": "abc",
    });
    let (topic, payload) = rewrite(&entry("info", text(&info)), &all()).expect("it can be changed");
    assert_eq!(topic, "cv1/lab/bench/info");
    let told: Info = serde_json::from_slice(&payload).expect("readable");
    assert_eq!((told.dev.as_str(), told.boot.0, told.ts_us.0), ("bench", 17, 1_005));
    assert_eq!((told.held[0].boot.0, told.held[0].gaps.len()), (16, 1));
    assert_eq!((told.firmware.as_str(), told.schema.as_deref()), ("0.1.0", Some("abc")));
}

#[test]
fn telemetry_has_its_time_changed_and_a_group_without_a_type_is_kept() {
    let seen =
        json!({ "v": 1, "source": "court-1", "at": 9, "at_arrived": 5, "people": [], "balls": [] });
    let (_, payload) = rewrite(&entry("tel/players", text(&seen)), &all()).expect("changed");
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&payload).expect("JSON")["at_arrived"],
        1_005
    );
    let counters = entry("tel/pipeline", text(&json!({ "sources": {} })));
    let (topic, payload) = rewrite(&counters, &all()).expect("kept");
    assert_eq!((topic.as_str(), payload), ("cv1/lab/bench/tel/pipeline", counters.payload));
}

#[test]
fn one_name_for_two_boxes_is_refused_with_their_names() {
    let state = text(&json!({ "state": "ready", "boot": 7 }));
    let other = Entry { device: name("court-2"), ..entry("state", state.clone()) };
    let both = recording(vec![entry("state", state), other]);
    let device = Device { tenant: name("lab"), device: name("bench") };
    let error = check(&both, &options(Some(device), Rounds::One)).expect_err("two boxes");
    assert!(error.to_string().contains("demo/court-1, demo/court-2"), "{error}");
    check(&both, &options(None, Rounds::One)).expect("both under their names");
}

#[test]
fn message_that_cannot_be_changed_is_named_by_its_line() {
    let broken = recording(vec![entry("state", "{")]);
    check(&broken, &options(None, Rounds::One)).expect("nothing is changed");
    let error = check(&broken, &options(None, Rounds::ForEver)).expect_err("starts are changed");
    assert!(error.to_string().starts_with("line 3: "), "{error}");
}

#[test]
fn rounds_differ_by_as_many_starts_as_the_recording_has() {
    let state = |boot: u32| entry("state", text(&json!({ "state": "ready", "boot": boot })));
    assert_eq!(boots(&recording(vec![state(7), state(9)])), 3);
    assert_eq!(boots(&recording(vec![entry("tel/pipeline", "{}")])), 1);
}

#[test]
fn wall_times_are_moved_to_when_a_message_is_told() {
    let told = (WallTime(1_000_000), Duration::from_secs(8));
    let again = (WallTime(50_000_000), Duration::from_secs(2));
    assert_eq!(shift(Wall::Recorded, told, again), 0);
    assert_eq!(shift(Wall::Now, told, again), 52_000_000 - 9_000_000);
}

#[test]
fn speed_is_a_factor_within_reason() {
    for bad in ["0", "-1", "NaN", "inf", "1e9", "fast", ""] {
        assert!(bad.parse::<Speed>().is_err(), "{bad}");
    }
    let four: Speed = "4".parse().expect("a factor");
    assert_eq!(four.of(Duration::from_secs(8)), Duration::from_secs(2));
}
