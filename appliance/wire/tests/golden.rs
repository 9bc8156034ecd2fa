//! The bytes and texts that the fleet relies on. A change here is a new version of the envelope,
//! never a correction of this file.

mod samples;

use std::fmt::Write as _;

use samples as sample;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::envelope::{BYTES_MAX, Body, Envelope, NoticeKind};
use wire::event::{CueKind, EventKind, Stage};
use wire::time::ClockQuality;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn postcard<T: Serialize>(value: &T) -> Vec<u8> {
    let mut buffer = [0; 4096];
    postcard::to_slice(value, &mut buffer).expect("4 KiB are enough").to_vec()
}

#[track_caller]
fn assert_golden<T>(value: &T, bytes: &str, json: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let found = postcard(value);
    assert_eq!(hex(&found), bytes.replace([' ', '\n'], ""), "postcard");
    assert_eq!(serde_json::to_string(value).expect("JSON"), json, "JSON");
    assert_eq!(&postcard::from_bytes::<T>(&found).expect("readable"), value);
    assert_eq!(&serde_json::from_str::<T>(json).expect("readable"), value);
}

#[test]
fn game_event_is_encoded_as_ever() {
    assert_golden(
        &sample::envelope(Body::Game(sample::game())),
        "BYTES_game_event",
        r#"JSON_game_event"#,
    );
}

#[test]
fn clip_is_encoded_as_ever() {
    assert_golden(&sample::envelope(Body::Clip(sample::clip())), "BYTES_clip", r#"JSON_clip"#);
}

#[test]
fn notice_is_encoded_as_ever() {
    assert_golden(
        &sample::envelope(Body::Notice(sample::notice())),
        "BYTES_notice",
        r#"JSON_notice"#,
    );
}

#[test]
fn acknowledgement_is_encoded_as_ever() {
    assert_golden(&sample::ack(), "BYTES_acknowledgement", r#"JSON_acknowledgement"#);
}

#[test]
fn announcement_of_a_file_is_encoded_as_ever() {
    assert_golden(
        &sample::init(),
        "BYTES_announcement_of_a_file",
        r#"JSON_announcement_of_a_file"#,
    );
}

#[test]
fn response_to_a_file_is_encoded_as_ever() {
    assert_golden(&sample::response(), "BYTES_response_to_a_file", r#"JSON_response_to_a_file"#);
}

#[test]
fn state_is_encoded_as_ever() {
    assert_golden(&sample::state(), "BYTES_state", r#"JSON_state"#);
}

#[test]
fn birth_is_encoded_as_ever() {
    assert_golden(&sample::info(), "BYTES_birth", r#"JSON_birth"#);
}

/// Appending to an enum keeps these; inserting or reordering breaks them.
#[test]
fn positions_of_enum_variants_are_fixed() {
    use CueKind as C;
    use EventKind as E;
    use NoticeKind as N;
    let events = [E::MadeShot, E::MissedShot, E::Whistle, E::Buzzer, E::ScoreChange];
    let cues = [C::Rim, C::BallTrack, C::CrowdSwell, C::Whistle, C::Score];
    let notices =
        [N::SourceUp, N::SourceDown, N::Evicted, N::ClipLost, N::ClipIncomplete, N::Governor];
    let stages = [Stage::Provisional, Stage::Confirmed, Stage::Retracted];
    let clocks = [ClockQuality::Unknown, ClockQuality::Synchronized, ClockQuality::Unsynchronized];
    for (position, kind) in events.iter().enumerate() {
        assert_eq!(postcard(kind), [position as u8], "{kind:?}");
        assert_eq!(serde_json::to_string(kind).expect("JSON"), format!("\"{}\"", kind.as_str()));
    }
    assert_eq!(cues.map(|kind| postcard(&kind)), [[0], [1], [2], [3], [4]]);
    assert_eq!(notices.map(|kind| postcard(&kind)), [[0], [1], [2], [3], [4], [5]]);
    assert_eq!(stages.map(|stage| postcard(&stage)), [[0], [1], [2]]);
    assert_eq!(clocks.map(|clock| postcard(&clock)), [[0], [1], [2]]);
}

#[test]
fn longest_envelope_fits_into_its_announced_size() {
    let longest = sample::longest().map(|envelope| postcard(&envelope).len());
    let most = longest.into_iter().max().expect("three of them");
    assert!(most <= BYTES_MAX, "{longest:?}");
    assert!(most > BYTES_MAX / 2, "the announced size is a good deal too large: {longest:?}");
}

#[test]
fn longest_birth_message_is_far_below_the_strictest_limit_of_retained_messages() {
    let json = serde_json::to_vec(&sample::longest_info()).expect("JSON");
    assert!(json.len() < 16 * 1024, "{} bytes", json.len());
}

#[test]
fn reader_of_this_version_reads_a_message_with_appended_bytes() {
    let envelope = sample::envelope(Body::Game(sample::game()));
    let mut bytes = postcard(&envelope);
    bytes.extend([1, 2, 3]);
    assert_eq!(postcard::from_bytes::<Envelope>(&bytes).expect("readable"), envelope);
}
