//! Topics are built and read by one grammar.

mod samples;

use proptest::prelude::*;
use wire::envelope::Body;
use wire::ids::ClipId;
use wire::topic::{Device, Encoding, FilePart, Leaf, Route, TOPIC_BYTES_MAX, parse};

fn device() -> Device {
    Device { tenant: samples::name("demo"), device: samples::name("court-1") }
}

#[test]
fn topics_are_the_documented_ones() {
    let device = device();
    let route = Route::of(&Body::Game(samples::game()));
    let id = samples::clip().id;
    let hex = "0123456789abcdef0123456789abcdef";
    let sha = samples::clip().sha256;
    let topics = [
        (device.state(), "cv1/demo/court-1/state".to_owned()),
        (device.info(), "cv1/demo/court-1/info".to_owned()),
        (device.ack(), "cv1/demo/court-1/ack".to_owned()),
        (device.file_response(), "cv1/demo/court-1/file-response".to_owned()),
        (device.command(&samples::name("sprint")), "cv1/demo/court-1/cmd/sprint".to_owned()),
        (device.command_response(), "cv1/demo/court-1/cmd-response".to_owned()),
        (device.enrol(), "cv1/demo/court-1/enrol".to_owned()),
        (device.enrol_response(), "cv1/demo/court-1/enrol-response".to_owned()),
        (device.telemetry(&samples::name("heat")), "cv1/demo/court-1/tel/heat".to_owned()),
        (device.event(Encoding::Json, &route), "cv1/demo/court-1/evt/court-1/made_shot".to_owned()),
        (
            device.event(Encoding::Postcard, &route),
            "cv1/demo/court-1/evtb/court-1/made_shot".to_owned(),
        ),
        (device.file(id, &FilePart::Init), format!("cv1/demo/court-1/file/{hex}/init")),
        (device.file(id, &FilePart::Segment(8192)), format!("cv1/demo/court-1/file/{hex}/8192")),
        (device.file(id, &FilePart::Abort), format!("cv1/demo/court-1/file/{hex}/abort")),
        (
            device.file(id, &FilePart::Fin(2_500_000, sha.clone())),
            format!("cv1/demo/court-1/file/{hex}/fin/2500000/{sha}"),
        ),
    ];
    for (built, text) in topics {
        assert_eq!(built.as_str(), text);
    }
}

#[test]
fn verb_that_a_box_does_not_know_is_read_and_what_is_no_level_is_not() {
    let read = |text: &str| parse(text).map(|(_, leaf)| leaf);
    assert_eq!(read("cv1/demo/court-1/cmd/sprint"), Some(Leaf::Command(samples::name("sprint"))));
    assert_eq!(read("cv1/demo/court-1/cmd/dance"), Some(Leaf::Command(samples::name("dance"))));
    assert_eq!(read("cv1/demo/court-1/cmd-response"), Some(Leaf::CommandResponse));
    for none in ["cv1/demo/court-1/cmd", "cv1/demo/court-1/cmd/", "cv1/demo/court-1/cmd/a/b"] {
        assert_eq!(read(none), None, "{none}");
    }
}

#[test]
fn notices_of_the_whole_box_have_a_source_level_too() {
    let body = Body::Notice(wire::envelope::Notice { source: None, ..samples::notice() });
    assert_eq!(Route::of(&body).as_str(), "box/notice");
}

#[test]
fn longest_topic_keeps_the_strictest_limits() {
    let name = samples::name(&"n".repeat(32));
    let device = Device { tenant: name.clone(), device: name };
    let fin = FilePart::Fin(u64::MAX, samples::clip().sha256);
    let topic = device.file(ClipId(u128::MAX), &fin);
    assert!(topic.len() <= TOPIC_BYTES_MAX);
    assert_eq!(topic.matches('/').count(), 7);
}

#[test]
fn what_could_leave_the_folder_of_clips_is_no_topic() {
    let id = "0123456789abcdef0123456789abcdef";
    let bad = [
        format!("cv1/../court-1/file/{id}/init"),
        format!("cv1/demo/./file/{id}/init"),
        format!("cv1/demo//file/{id}/init"),
        format!("cv1/demo/court-1/file/../../{id}/init"),
        "cv1/demo/court-1/file/..%2f..%2fetc/init".to_owned(),
        format!("cv1/demo/court-1/file/{}/init", id.to_uppercase()),
        format!("cv1/demo/court-1/file/{id}/-1"),
        format!("cv1/demo/court-1/file/{id}/+1"),
        format!("cv1/demo/court-1/file/{id}/99999999999999999999999"),
        format!("cv1/demo/court-1/file/{id}/fin/1/zz"),
        format!("cv1/demo/court-1/file/{id}/init/more"),
        format!("cv2/demo/court-1/file/{id}/init"),
        "cv1/demo/court-1/evt/made_shot".to_owned(),
        String::new(),
    ];
    for topic in bad {
        assert_eq!(parse(&topic), None, "{topic}");
    }
}

fn part() -> impl Strategy<Value = FilePart> {
    prop_oneof![
        Just(FilePart::Init),
        Just(FilePart::Abort),
        any::<u64>().prop_map(FilePart::Segment),
        (any::<u64>(), any::<[u64; 4]>()).prop_map(|(size, sha)| {
            let hex: String = sha.iter().map(|part| format!("{part:016x}")).collect();
            FilePart::Fin(size, samples::text(&hex))
        }),
    ]
}

proptest! {
    // A failure prints its case; nothing is written beside the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_a_built_topic_gives_its_parts_back(id in any::<u128>(), part in part()) {
        let topic = device().file(ClipId(id), &part);
        prop_assert_eq!(parse(&topic), Some((device(), Leaf::File(ClipId(id), part))));
    }

    #[test]
    fn no_text_makes_the_reader_panic_and_only_built_topics_are_read(
        text in "(cv1/)?[a-z./+0-9-]{0,60}"
    ) {
        if let Some((device, Leaf::File(id, part))) = parse(&text) {
            // Numbers may have leading zeros; everything else is what would be built.
            let built = device.file(id, &part);
            prop_assert!(built.len() <= text.len());
        }
    }
}
