//! Stream ids as encoders write them, and as nobody should.
#![forbid(unsafe_code)]

use proptest::prelude::*;
use srt::{Mode, STREAM_ID_BYTES_MAX, StreamId, StreamIdError};

fn id(resource: &str, mode: Mode, user: Option<&str>) -> StreamId {
    StreamId { resource: resource.to_owned(), mode, user: user.map(str::to_owned) }
}

#[test]
fn both_forms_are_read() {
    for (text, wanted) in [
        ("live/abc-key", id("live/abc-key", Mode::Publish, None)),
        // A plain name may look like a list; only what begins it counts.
        ("r=live/abc,m=request", id("r=live/abc,m=request", Mode::Publish, None)),
        ("{court}", id("{court}", Mode::Publish, None)),
        ("#!::r=live/abc,m=publish", id("live/abc", Mode::Publish, None)),
        ("#!::u=coach,r=live/abc,m=publish", id("live/abc", Mode::Publish, Some("coach"))),
        ("#!::r=live/abc", id("live/abc", Mode::Request, None)),
        ("#!::m=bidirectional,r=a=b", id("a=b", Mode::Bidirectional, None)),
        ("#!::h=box,s=1,t=stream,x-vendor=,r=Halle Süd,u=,", id("Halle Süd", Mode::Request, None)),
    ] {
        assert_eq!(StreamId::parse(text), Ok(wanted), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    let item = |item: &str| StreamIdError::Item { item: item.to_owned() };
    for (text, wanted) in [
        ("", StreamIdError::Empty),
        ("live/abc\r\n", StreamIdError::Control { at: 8 }),
        ("#!:{r=live/abc,m=publish}", StreamIdError::Nested),
        ("#!::{r=live/abc}", StreamIdError::Nested),
        ("#!::r=live/abc,x={a=1,b=2}", StreamIdError::Nested),
        ("#!", StreamIdError::Form),
        ("#!:r=live", StreamIdError::Form),
        ("#!R", StreamIdError::Form),
        ("#!::live/abc", item("live/abc")),
        ("#!::r=a,=b", item("=b")),
        ("#!::r=a,r=b", StreamIdError::Twice { key: 'r' }),
        ("#!::r=a,m=play", StreamIdError::Mode { mode: "play".to_owned() }),
        ("#!::r=a,t=file", StreamIdError::Kind { kind: "file".to_owned() }),
        ("#!::", StreamIdError::Resource),
        ("#!::m=publish,r=", StreamIdError::Resource),
    ] {
        assert_eq!(StreamId::parse(text), Err(wanted), "{text:?}");
    }
    let longest = "x".repeat(STREAM_ID_BYTES_MAX);
    assert!(StreamId::parse(&longest).is_ok());
    let bytes = STREAM_ID_BYTES_MAX + 1;
    assert_eq!(StreamId::parse(&"x".repeat(bytes)), Err(StreamIdError::Long { bytes }));
}

#[test]
fn errors_say_what_to_write() {
    let said = StreamId::parse("#!:{r=live/abc}").expect_err("nested").to_string();
    assert!(said.contains("{...}") && said.contains("#!::r=NAME,m=publish"), "{said}");
}

/// What may stand in a value of a list.
fn value() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9/_.:@=é -]{1,40}"
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_read_is_within_bounds(text in ".{0,600}") {
        if let Ok(id) = StreamId::parse(&text) {
            prop_assert!(!id.resource.is_empty() && id.resource.len() <= STREAM_ID_BYTES_MAX);
            prop_assert!(!id.resource.contains(char::is_control));
        }
    }

    #[test]
    fn nothing_panics_close_to_the_form(text in "#!:{0,3}([rmut{},=:#! ]|publish){0,40}") {
        let _ = StreamId::parse(&text);
    }

    #[test]
    fn a_list_is_read_as_it_was_written_in_any_order(
        resource in value(),
        user in proptest::option::of(value()),
        mode in 0..3_usize,
        first in any::<bool>(),
    ) {
        let mode = [Mode::Publish, Mode::Request, Mode::Bidirectional][mode];
        let mut items = vec![format!("r={resource}"), format!("m={mode}")];
        items.extend(user.as_ref().map(|user| format!("u={user}")));
        if first {
            items.reverse();
        }
        let text = format!("#!::{}", items.join(","));
        prop_assert_eq!(StreamId::parse(&text), Ok(StreamId { resource, mode, user }));
    }
}
