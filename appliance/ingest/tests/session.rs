//! A session as the shell sees it: opening, replies, limits, deadlines, and the end.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod client;

use std::time::Duration;

use client::*;
use ingest::access_unit::MediaItem;
use ingest::limits::Limits;
use ingest::rtmp::amf0::{self, Value};
use ingest::rtmp::{
    ChunkError, EndReason, Event, HandshakeError, Metadata, Reason, Refusal, Session, StreamKey,
};
use proptest::prelude::*;
use wire::time::Monotonic;

#[test]
fn a_publisher_is_announced_with_application_and_key_and_hears_that_it_may_start() {
    for app in ["live", "live/", "/live", "live?token=1"] {
        let mut session = Session::new(Limits::default(), Monotonic(0));
        session.handle_bytes(Monotonic(0), &opening(app, "secret")).unwrap();
        let requested =
            Event::PublishRequested { app: "live".into(), key: StreamKey::new("secret") };
        assert_eq!(events(&mut session), [requested]);
        assert_eq!(session.deadline(), None);
        let replies = statuses(&output(&mut session));
        assert!(
            replies.contains(&"_result NetConnection.Connect.Success".to_owned()),
            "{replies:?}"
        );
        assert!(!replies.contains(&"onStatus NetStream.Publish.Start".to_owned()));

        session.accept_publish(Monotonic(0)).unwrap();
        assert_eq!(statuses(&output(&mut session)), ["onStatus NetStream.Publish.Start"]);
    }
}

#[test]
fn a_publisher_that_is_turned_away_hears_that_the_name_is_bad() {
    let mut session = Session::new(Limits::default(), Monotonic(0));
    session.handle_bytes(Monotonic(0), &opening("live", "wrong")).unwrap();
    output(&mut session);
    events(&mut session);
    session.refuse_publish();
    assert_eq!(statuses(&output(&mut session)), ["onStatus NetStream.Publish.BadName"]);
    assert_eq!(events(&mut session), [Event::Ended(EndReason::NotAccepted)]);
    assert!(session.is_closed());
    session.handle_bytes(Monotonic(0), &video_configuration()).unwrap();
    assert_eq!(events(&mut session), []);
}

#[test]
fn media_before_the_answer_waits_and_is_bounded() {
    let media = [video_configuration(), message(VIDEO, 40, &frame(5, 0))].concat();
    let mut session = Session::new(Limits::default(), Monotonic(0));
    session.handle_bytes(Monotonic(0), &[opening("live", "secret"), media].concat()).unwrap();
    assert_eq!(events(&mut session).len(), 1);
    session.accept_publish(Monotonic(7)).unwrap();
    let events = events(&mut session);
    let [Event::Media(MediaItem::Video(_)), Event::Media(MediaItem::Unit(unit))] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(unit.arrived, Monotonic(7));

    let limits = Limits::default();
    let mut session = Session::new(limits, Monotonic(0));
    session.handle_bytes(Monotonic(0), &opening("live", "secret")).unwrap();
    let flood = vec![0; limits.unanswered_bytes_max];
    session.handle_bytes(Monotonic(0), &flood).unwrap();
    let refusal = session.handle_bytes(Monotonic(0), &[0]).unwrap_err();
    assert_eq!(refusal, Refusal::Unanswered(limits.unanswered_bytes_max));
    assert_eq!(session.held_bytes() - output(&mut session).len(), 0);
}

#[test]
fn metadata_is_told_and_nonsense_in_it_is_no_reason_to_refuse() {
    let mut session = publishing(Limits::default());
    let object = Value::Object(vec![
        ("encoder".to_owned(), "Lavf59".into()),
        ("width".to_owned(), Value::Number(1280.0)),
        ("framerate".to_owned(), Value::Number(25.0)),
    ]);
    let told = encoded(&["@setDataFrame".into(), "onMetaData".into(), object]);
    session.handle_bytes(Monotonic(0), &message(DATA, 0, &told)).unwrap();
    session.handle_bytes(Monotonic(0), &message(DATA, 0, &[0xff, 1, 2])).unwrap();
    let expected = Metadata {
        encoder: Some("Lavf59".to_owned()),
        width: Some(1280.0),
        height: None,
        frame_rate: Some(25.0),
    };
    assert_eq!(events(&mut session), [Event::Metadata(expected)]);
}

#[test]
fn pings_are_answered_and_received_bytes_acknowledged() {
    let mut session = publishing(Limits::default());
    session.handle_bytes(Monotonic(0), &message(4, 0, &[0, 6, 1, 2, 3, 4])).unwrap();
    assert!(output(&mut session).ends_with(&[0, 7, 1, 2, 3, 4]));

    session.handle_bytes(Monotonic(0), &message(5, 0, &1000_u32.to_be_bytes())).unwrap();
    assert_eq!(output(&mut session)[7], 3, "more than the window has arrived already");
    session.handle_bytes(Monotonic(0), &message(AUDIO, 0, &[0; 900])).unwrap_err();
}

#[test]
fn what_is_no_rtmp_publisher_is_refused_with_the_reason() {
    let after_handshake = |bytes: Vec<u8>| [handshake(), bytes].concat();
    let connected = |bytes: Vec<u8>| [handshake(), one_chunk(), connect("live"), bytes].concat();
    let limits = Limits::default();
    let too_long = ChunkError::MessageTooLong { length: 32_769, limit: limits.command_bytes_max };
    let cases: [(Vec<u8>, Refusal); 13] = [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), HandshakeError::NotRtmp(b'G').into()),
        (vec![0x16, 3, 1], HandshakeError::NotRtmp(0x16).into()),
        (vec![6; 1537], HandshakeError::Encrypted(6).into()),
        (after_handshake(vec![0xc3]), ChunkError::NoEarlierHeader(3).into()),
        (after_handshake(message(COMMAND, 0, &[0; 32_769])), too_long.into()),
        (after_handshake(message(1, 0, &[0; 4])), Refusal::ChunkSize(0, 0xFF_FFFF)),
        (after_handshake(message(1, 0, &[255; 4])), Refusal::ChunkSize(u32::MAX, 0xFF_FFFF)),
        (after_handshake(message(5, 0, &[0; 3])), Refusal::ControlTooShort(5)),
        (after_handshake(message(99, 0, &[0; 4])), Refusal::MessageType(99)),
        (after_handshake(message(VIDEO, 0, &[0; 4])), Refusal::MediaBeforePublish),
        (after_handshake(call("publish", "x")), Refusal::OutOfOrder("publish")),
        (connected(connect("live")), Refusal::OutOfOrder("connect")),
        (connected(call("play", "x")), Refusal::Play),
    ];
    for (bytes, refusal) in cases {
        for piece in [1, 1000, usize::MAX] {
            let (events, refused) = feed(limits, &bytes, piece);
            let ended = vec![Event::Ended(EndReason::Refused)];
            assert_eq!((events, refused), (ended, Some(refusal.clone())));
        }
    }
}

#[test]
fn a_stranger_holds_little_memory_and_a_few_commands() {
    let limits = Limits::default();
    let mut session = Session::new(limits, Monotonic(0));
    session.handle_bytes(Monotonic(0), &handshake()).unwrap();
    // Messages of the largest allowed size on chunk streams 3, 4, …, each one chunk short.
    let refusal = (3..60).find_map(|id| {
        let mut bytes = vec![id, 0, 0, 0, 0, 0x80, 0, COMMAND, 0, 0, 0, 0];
        bytes.extend([0; 128]);
        let result = session.handle_bytes(Monotonic(0), &bytes).err();
        assert!(session.held_bytes() <= limits.partial_bytes_stranger_max + 8192);
        result
    });
    let budget = ChunkError::PartialBytes(limits.partial_bytes_stranger_max);
    assert_eq!(refusal, Some(budget.into()));

    let many = call("FCSubscribe", "x").repeat(limits.commands_max as usize + 1);
    let (_, refused) = feed(limits, &[opening("live", "secret"), many].concat(), 100);
    assert_eq!(refused, Some(Refusal::Commands(limits.commands_max)));
}

#[test]
fn replies_that_are_not_fetched_are_bounded() {
    let limits = Limits::default();
    let mut session = publishing(limits);
    let ping = message(4, 0, &[0, 6, 1, 2, 3, 4]).repeat(100);
    let refused = (0..100).find_map(|_| session.handle_bytes(Monotonic(0), &ping).err());
    assert_eq!(refused, Some(Refusal::Output(limits.output_bytes_max)));
    assert!(session.held_bytes() <= limits.output_bytes_max);
}

#[test]
fn events_that_are_not_fetched_are_bounded() {
    let limits = Limits { events_max: 10, ..Limits::default() };
    let mut session = publishing(limits);
    session.handle_bytes(Monotonic(0), &video_configuration()).unwrap();
    let refused = (0..20)
        .find_map(|at| session.handle_bytes(Monotonic(0), &message(VIDEO, at, &frame(5, 0))).err());
    assert_eq!(refused, Some(Refusal::Events(10)));
    assert_eq!(events(&mut session).len(), 10 + 1);
}

#[test]
fn a_publisher_ends_by_saying_so_by_leaving_or_because_the_shell_wants_it() {
    let mut session = publishing(Limits::default());
    session.handle_bytes(Monotonic(0), &call("FCUnpublish", "secret")).unwrap();
    assert_eq!(events(&mut session), []);
    let delete = command(&["deleteStream".into(), Value::Number(0.0), Value::Null]);
    session.handle_bytes(Monotonic(0), &delete).unwrap();
    assert_eq!(events(&mut session), [Event::Ended(EndReason::Unpublished)]);

    let mut session = publishing(Limits::default());
    session.handle_end_of_file();
    session.handle_end_of_file();
    assert_eq!(events(&mut session), [Event::Ended(EndReason::Disconnected)]);

    let mut session = publishing(Limits::default());
    session.end(EndReason::TakenOver);
    assert_eq!(events(&mut session), [Event::Ended(EndReason::TakenOver)]);
    assert_eq!(statuses(&output(&mut session)), ["onStatus NetStream.Publish.Failed"]);
}

#[test]
fn every_stage_has_a_deadline_that_trickling_does_not_move() {
    let limits = Limits::default();
    let at = |seconds: u64| Monotonic::from_millis(seconds * 1000);
    let mut session = Session::new(limits, at(100));
    session.handle_bytes(at(104), &[3, 0, 0]).unwrap();
    assert_eq!(session.deadline(), Some((at(105), Reason::Handshake)));
    session.handle_deadline(at(104));
    assert_eq!(events(&mut session), []);
    session.handle_deadline(at(105));
    assert_eq!(events(&mut session), [Event::Ended(EndReason::Deadline(Reason::Handshake))]);
    assert_eq!(session.deadline(), None);

    let mut session = Session::new(limits, at(100));
    session.handle_bytes(at(104), &handshake()).unwrap();
    session.handle_bytes(at(109), &connect("live")).unwrap();
    assert_eq!(session.deadline(), Some((at(110), Reason::Publish)));

    let mut session = publishing(limits);
    session.handle_bytes(at(1), &video_configuration()).unwrap();
    session.handle_bytes(at(2), &message(VIDEO, 0, &frame(5, 0))).unwrap();
    session.handle_bytes(at(9), &message(4, 0, &[0, 6, 1, 2, 3, 4])).unwrap();
    session.handle_bytes(at(9), &message(VIDEO, 0, &[0x27, 1])).unwrap();
    assert_eq!(session.deadline(), Some((at(12), Reason::Idle)));

    let limits = Limits { message_time_max: Duration::from_secs(5), ..limits };
    let mut session = publishing(limits);
    session.handle_bytes(at(1), &video_configuration()).unwrap();
    session.handle_bytes(at(2), &message(VIDEO, 0, &frame(5, 0))[..15]).unwrap();
    session.handle_bytes(at(6), &[0xff]).unwrap();
    assert_eq!(session.deadline(), Some((at(7), Reason::Stalled)));
    session.handle_deadline(at(8));
    let ended = events(&mut session);
    assert_eq!(ended.last(), Some(&Event::Ended(EndReason::Deadline(Reason::Stalled))));
}

#[test]
fn several_media_messages_in_one_are_taken_apart() {
    let part = |timestamp: u8, body: &[u8]| {
        let mut bytes = vec![VIDEO, 0, 0, body.len() as u8, 0, 0, timestamp, 0, 0, 0, 0];
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&[0, 0, 0, body.len() as u8 + 11]);
        bytes
    };
    let parts = [part(10, &frame(5, 0)), part(50, &frame(1, 0))].concat();
    let mut session = publishing(Limits::default());
    session.handle_bytes(Monotonic(0), &video_configuration()).unwrap();
    session.handle_bytes(Monotonic(0), &message(22, 1000, &parts)).unwrap();
    let times: Vec<_> = events(&mut session)
        .into_iter()
        .filter_map(|event| {
            let Event::Media(MediaItem::Unit(unit)) = event else { return None };
            Some(unit.pts.0 / 90)
        })
        .collect();
    assert_eq!(times, [0, 40]);
    let cut = session.handle_bytes(Monotonic(0), &message(22, 1000, &parts[..20]));
    assert_eq!(cut, Err(Refusal::Aggregate));
}

#[test]
fn a_key_never_shows_in_debug_output() {
    let event = Event::PublishRequested { app: "live".into(), key: StreamKey::new("secret") };
    assert!(!format!("{event:?}").contains("secret"));
}

proptest! {
    #[test]
    fn any_split_of_a_recorded_stream_gives_the_same_events(
        capture in prop::sample::select(vec!["ffmpeg", "gstreamer_rtmp2sink", "gstreamer_rtmpsink"]),
        piece in prop_oneof![1..50_usize, 1000..70_000_usize],
        keep in 0.0..1.0,
    ) {
        let path = format!("{}/tests/captures/{capture}.rtmp", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let bytes = &bytes[..(bytes.len() as f64 * keep) as usize];
        prop_assert_eq!(feed(Limits::default(), bytes, piece), feed(Limits::default(), bytes, 512));
    }

    #[test]
    fn damage_in_a_recorded_stream_never_panics_and_is_split_independent(
        damage in prop::collection::vec((0..40_000_usize, any::<u8>()), 1..20),
        piece in 1..5000_usize,
    ) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/ffmpeg.rtmp");
        let mut bytes = std::fs::read(path).unwrap();
        for (at, value) in damage {
            bytes[at] = value;
        }
        prop_assert_eq!(feed(Limits::default(), &bytes, piece), feed(Limits::default(), &bytes, 512));
    }
}

/// Name and code of every command in the server's output.
fn statuses(output: &[u8]) -> Vec<String> {
    replies(output)
        .into_iter()
        .filter(|(kind, _)| *kind == COMMAND)
        .filter_map(|(_, payload)| {
            let values = amf0::decode(&payload, &Limits::default()).unwrap();
            let code = values.iter().find_map(|value| value.get("code")?.as_str());
            Some(format!("{} {}", values[0].as_str().unwrap(), code?))
        })
        .collect()
}

/// Type and payload of every message; each of them fits into one chunk with a full header.
fn replies(output: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let handshake = 1 + 2 * 1536;
    let mut rest = if output.len() > handshake { &output[handshake..] } else { output };
    let mut messages = Vec::new();
    while let [_, _, _, _, 0, high, low, kind, _, _, _, _, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(usize::from(*high) << 8 | usize::from(*low));
        messages.push((*kind, payload.to_vec()));
        rest = tail;
    }
    assert!(rest.is_empty(), "{rest:?}");
    messages
}
