//! What the desk for messages makes of what arrives, without a broker.

use bytes::Bytes;
use mqtt::Incoming;
use wire::birth::{Held, Info};
use wire::envelope::{Body, Envelope, Notice, NoticeKind, VERSION};
use wire::ids::{BootId, Name, Seq};
use wire::time::{ClockQuality, Monotonic, WallTime};
use wire::topic::{Device, Encoding, Route};
use wire::transfer::Ack;

use super::*;
use crate::database;
use crate::desk::Now;

const NOW: Now = Now { mono: Monotonic(0), wall: WallTime(1_767_225_600_000_000) };
const BOOT: BootId = BootId(7);

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn device() -> Device {
    Device { tenant: name("demo"), device: name("box-1") }
}

fn desk(folder: &tempfile::TempDir) -> MessageDesk {
    MessageDesk::new(database::open(&folder.path().join("fleet.sqlite")).expect("it opens"))
}

fn event(boot: BootId, seq: u64, text: &str) -> Incoming {
    let notice =
        Notice { kind: NoticeKind::SourceUp, source: None, count: 1, text: text.chars().collect() };
    let body = Body::Notice(notice);
    let topic = device().event(Encoding::Postcard, &Route::of(&body));
    let envelope = Envelope {
        v: VERSION,
        dev: name("box-1"),
        boot,
        seq: Seq(seq),
        ts_us: WallTime(0),
        mono_us: Monotonic(0),
        clock: ClockQuality::Unknown,
        body,
    };
    let mut buffer = [0; wire::envelope::BYTES_MAX];
    let bytes = postcard::to_slice(&envelope, &mut buffer).expect("it fits");
    Incoming::new(&topic, Bytes::copy_from_slice(bytes))
}

fn info(boot: BootId, held: &[(BootId, u64, u64)]) -> Incoming {
    let held = held.iter().map(|(boot, from, upto)| Held {
        boot: *boot,
        from_seq: Seq(*from),
        upto_seq: Seq(*upto),
        gaps: [(Seq(*from + 1), Seq(*from + 2))].into_iter().filter(|_| from + 2 < *upto).collect(),
    });
    let info = Info {
        v: VERSION,
        dev: name("box-1"),
        boot,
        firmware: heapless_text("0.1.0"),
        ts_us: WallTime(0),
        held: held.collect(),
        schema: None,
    };
    let json = serde_json::to_vec(&info).expect("JSON");
    Incoming::new(&device().info(), Bytes::from(json))
}

fn heapless_text<T: FromIterator<char>>(text: &str) -> T {
    text.chars().collect()
}

/// Handles a batch; returns the acknowledgements and how many lines there were.
fn take(desk: &mut MessageDesk, batch: &[Incoming]) -> (Vec<(u32, u64)>, usize) {
    let outcome = desk.handle(batch, NOW).expect("it can be stored");
    (acks(&outcome.replies), outcome.lines.len())
}

fn acks(messages: &[Message]) -> Vec<(u32, u64)> {
    let ack = |message: &Message| {
        assert_eq!(message.topic, "cv1/demo/box-1/ack");
        let ack: Ack = serde_json::from_slice(&message.payload).expect("an acknowledgement");
        (ack.boot.0, ack.upto_seq.0)
    };
    messages.iter().map(ack).collect()
}

#[test]
fn duplicates_are_stored_and_told_once_and_acknowledged_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = desk(&folder);
    let batch = [event(BOOT, 1, "a"), event(BOOT, 2, "b"), event(BOOT, 1, "a")];
    assert_eq!(take(&mut desk, &batch), (vec![(7, 2)], 2));
    assert_eq!(take(&mut desk, &batch), (vec![(7, 2)], 0));
}

#[test]
fn acknowledgement_stops_before_what_is_missing_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = desk(&folder);
    let batch = [event(BOOT, 1, "a"), event(BOOT, 3, "c"), event(BOOT, 4, "d")];
    assert_eq!(take(&mut first, &batch), (vec![(7, 1)], 3));
    drop(first);
    let mut second = desk(&folder);
    assert_eq!(acks(&second.greet().expect("readable")), [(7, 1)]);
    assert_eq!(take(&mut second, &[event(BOOT, 2, "b")]), (vec![(7, 4)], 1));
}

#[test]
fn what_the_box_does_not_have_any_more_is_closed_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = desk(&folder);
    take(&mut desk, &[event(BootId(5), 2, "x"), event(BOOT, 10, "j")]);
    // Boot 5 is not held at all; boot 7 from 8 on, without 9 and 10.
    let (acks, lines) = take(&mut desk, &[info(BOOT, &[(BOOT, 8, 20)])]);
    assert_eq!(acks, [(5, 2), (7, 7)]);
    // Boot 5: 1. Boot 7: 1 to 7, and 9.
    assert_eq!(lines, 3);
    assert_eq!(take(&mut desk, &[event(BOOT, 8, "h")]), (vec![(7, 10)], 1));
    // The same word again closes nothing.
    assert_eq!(take(&mut desk, &[info(BOOT, &[(BOOT, 8, 20)])]), (vec![], 0));
}

#[test]
fn outdated_birth_message_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = desk(&folder);
    take(&mut desk, &[event(BOOT, 1, "a"), event(BOOT, 2, "b"), event(BOOT, 3, "c")]);
    assert_eq!(take(&mut desk, &[info(BOOT, &[(BOOT, 1, 2)])]), (vec![], 0));
    assert_eq!(take(&mut desk, &[event(BOOT, 4, "d")]), (vec![(7, 4)], 1));
}

#[test]
fn other_content_under_a_known_number_is_kept_aside_and_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = desk(&folder);
    take(&mut desk, &[event(BOOT, 1, "a")]);
    let outcome = desk.handle(&[event(BOOT, 1, "other")], NOW).expect("stored");
    let conflict = Stored::Conflict { boot: BOOT, seq: 1 };
    assert_eq!(outcome.lines, [Line::new(&device(), NOW.wall, conflict)]);
    assert_eq!(take(&mut desk, &[event(BOOT, 1, "other")]), (vec![(7, 1)], 0));
}

#[test]
fn what_cannot_be_read_or_is_not_the_boxs_own_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = desk(&folder);
    let good = event(BOOT, 1, "a");
    let foreign = Incoming::new("cv1/demo/box-2/evtb/box/notice", good.payload().clone());
    let garbage = [
        Incoming::new("cv1/demo/box-1/evtb/box/notice", Bytes::from_static(&[1, 2, 3])),
        Incoming::new("cv1/demo/box-1/evtb/box/notice", Bytes::new()),
        Incoming::new("cv1/demo/box-1/info", Bytes::from_static(b"{")),
        Incoming::new("cv1/demo/box-1/state", Bytes::from_static(b"{\"state\":\"odd\"}")),
        Incoming::new("cv1/../box-1/info", Bytes::from_static(b"{}")),
        event(BOOT, 0, "numbers start at 1"),
        foreign,
    ];
    assert_eq!(take(&mut desk, &garbage), (vec![], 0));
    assert_eq!(take(&mut desk, &[good]), (vec![(7, 1)], 1));
}

#[test]
fn greeting_tells_of_the_newest_boots() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = desk(&folder);
    for boot in 1..=9 {
        take(&mut desk, &[event(BootId(boot), 1, "a")]);
    }
    let mut told = acks(&desk.greet().expect("readable"));
    told.sort_unstable();
    assert_eq!(told, [(6, 1), (7, 1), (8, 1), (9, 1)]);
}
