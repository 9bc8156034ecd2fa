//! What the desk for messages makes of what arrives, without a broker.

use wire::birth::Held;
use wire::envelope::{Envelope, Notice, NoticeKind, VERSION};
use wire::ids::Name;
use wire::time::{ClockQuality, Monotonic, WallTime};
use wire::topic::{Encoding, Route};

use super::*;
use crate::desk::Now;
use crate::postgres_server::Server;
use crate::store::postgres::session::Session;
use crate::store::{self, Db};

/// Every case, on each store.
macro_rules! cases {
    ($($case:ident)*) => {
        mod on_sqlite {
            $(#[test]
            fn $case() {
                super::$case(&super::Place::sqlite());
            })*
        }

        /// One server for all, because making one takes longer than the cases.
        #[test]
        fn every_case_is_the_same_on_postgresql() {
            let Some(server) = Server::start() else { return };
            $(eprintln!("{}", stringify!($case));
            $case(&Place::postgres(&server, stringify!($case)));)*
        }
    };
}

cases! {
    duplicates_are_stored_and_told_once_and_acknowledged_again
    acknowledgement_stops_before_what_is_missing_also_after_a_restart
    what_the_box_does_not_have_any_more_is_closed_and_told
    outdated_birth_message_does_no_harm
    other_content_under_a_known_number_is_kept_aside_and_told_once
    what_cannot_be_read_or_is_not_the_boxs_own_is_kept_as_a_letter_and_answers_nothing
    message_of_a_later_version_is_kept_whole_acknowledged_and_read_again_later
    numbers_that_no_database_holds_are_letters
    letters_of_one_box_are_bounded_and_the_loss_is_counted
    greeting_tells_of_the_newest_boots
}

/// A store of its own for one case.
struct Place {
    db: Db,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Place {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::at(Db::Sqlite(folder.path().join("fleet.sqlite")), folder)
    }

    fn postgres(server: &Server, case: &str) -> Self {
        // PostgreSQL cuts longer names.
        let url = server.database(&case[..case.len().min(60)]);
        let address = store::Address::read(&url, None).expect("an address");
        Self::at(Db::Postgres(address), tempfile::tempdir().expect("a folder"))
    }

    fn at(db: Db, folder: tempfile::TempDir) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        Self { db, runtime, _folder: folder }
    }

    fn desk(&self) -> MessageDesk {
        let stores = store::open(&self.db, self.runtime.handle()).expect("it opens");
        MessageDesk::new(stores.messages, Greeting::Marks)
    }

    /// Reason, message, how often; and how many were dropped.
    fn letters(&self) -> (Vec<(String, Option<u64>, u64)>, u64) {
        let (letters, dropped) = store::letters(&self.db, self.runtime.handle()).expect("readable");
        let told = letters.into_iter().map(|letter| (letter.reason, letter.seq, letter.count));
        (told.collect(), dropped)
    }

    fn execute(&self, sql: &str, bytes: &[u8]) {
        let changed = match &self.db {
            Db::Sqlite(path) => {
                let connection = store::sqlite::schema::open(path).expect("it opens");
                connection.execute(sql, [bytes]).expect("it can be done") as u64
            }
            Db::Postgres(address) => {
                let runtime = self.runtime.handle().clone();
                let session = Session::connect(address.clone(), runtime);
                session.expect("it opens").execute(sql, bytes).expect("it can be done")
            }
        };
        assert_eq!(changed, 1);
    }
}

const NOW: Now = Now { mono: Monotonic(0), wall: WallTime(1_767_225_600_000_000) };
const BOOT: BootId = BootId(7);

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn device() -> Device {
    Device { tenant: name("demo"), device: name("box-1") }
}

fn event(boot: BootId, seq: u64, text: &str) -> Incoming {
    event_of("box-1", (boot, seq, text))
}

fn event_of(of: &str, (boot, seq, text): (BootId, u64, &str)) -> Incoming {
    let device = Device { tenant: name("demo"), device: name(of) };
    let notice =
        Notice { kind: NoticeKind::SourceUp, source: None, count: 1, text: text.chars().collect() };
    let body = Body::Notice(notice);
    let topic = device.event(Encoding::Postcard, &Route::of(&body));
    let envelope = Envelope {
        v: VERSION,
        dev: device.device.clone(),
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

fn duplicates_are_stored_and_told_once_and_acknowledged_again(place: &Place) {
    let mut desk = place.desk();
    let batch = [event(BOOT, 1, "a"), event(BOOT, 2, "b"), event(BOOT, 1, "a")];
    assert_eq!(take(&mut desk, &batch), (vec![(7, 2)], 2));
    assert_eq!(take(&mut desk, &batch), (vec![(7, 2)], 0));
}

fn acknowledgement_stops_before_what_is_missing_also_after_a_restart(place: &Place) {
    let mut first = place.desk();
    let batch = [event(BOOT, 1, "a"), event(BOOT, 3, "c"), event(BOOT, 4, "d")];
    assert_eq!(take(&mut first, &batch), (vec![(7, 1)], 3));
    drop(first);
    let mut second = place.desk();
    assert_eq!(acks(&second.greet().expect("readable")), [(7, 1)]);
    assert_eq!(take(&mut second, &[event(BOOT, 2, "b")]), (vec![(7, 4)], 1));
}

fn what_the_box_does_not_have_any_more_is_closed_and_told(place: &Place) {
    let mut desk = place.desk();
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

fn outdated_birth_message_does_no_harm(place: &Place) {
    let mut desk = place.desk();
    take(&mut desk, &[event(BOOT, 1, "a"), event(BOOT, 2, "b"), event(BOOT, 3, "c")]);
    assert_eq!(take(&mut desk, &[info(BOOT, &[(BOOT, 1, 2)])]), (vec![], 0));
    assert_eq!(take(&mut desk, &[event(BOOT, 4, "d")]), (vec![(7, 4)], 1));
}

fn other_content_under_a_known_number_is_kept_aside_and_told_once(place: &Place) {
    let mut desk = place.desk();
    take(&mut desk, &[event(BOOT, 1, "a")]);
    let outcome = desk.handle(&[event(BOOT, 1, "other")], NOW).expect("stored");
    let conflict = Stored::Conflict { boot: BOOT, seq: 1 };
    assert_eq!(outcome.lines, [Line::new(&device(), NOW.wall, conflict)]);
    assert_eq!(take(&mut desk, &[event(BOOT, 1, "other")]), (vec![(7, 1)], 0));
}

fn what_cannot_be_read_or_is_not_the_boxs_own_is_kept_as_a_letter_and_answers_nothing(
    place: &Place,
) {
    let mut desk = place.desk();
    let good = event(BOOT, 1, "a");
    let foreign = Incoming::new("cv1/demo/box-2/evtb/box/notice", good.payload().clone());
    let garbage = [
        Incoming::new("cv1/demo/box-1/evtb/box/notice", Bytes::from_static(&[1, 2, 3])),
        Incoming::new("cv1/demo/box-1/evtb/box/notice", Bytes::new()),
        Incoming::new("cv1/demo/box-1/info", Bytes::from_static(b"{")),
        Incoming::new("cv1/demo/box-1/state", Bytes::from_static(b"{\"state\":\"odd\"}")),
        Incoming::new("cv1/demo/box-1/state", Bytes::from(vec![b' '; WORD_BYTES_MAX + 1])),
        Incoming::new("cv1/../box-1/info", Bytes::from_static(b"{}")),
        event(BOOT, 0, "numbers start at 1"),
        foreign,
    ];
    assert_eq!(take(&mut desk, &garbage), (vec![], 0));
    assert_eq!(take(&mut desk, &garbage[..1]), (vec![], 0));
    let (mut letters, dropped) = place.letters();
    letters.sort();
    let reasons = [
        "device",
        "malformed",
        "malformed",
        "malformed",
        "malformed",
        "number",
        "oversized",
        "topic",
    ];
    let mut expected = reasons.map(|reason| (reason.to_owned(), None, 1));
    // The first one came twice.
    expected[4].2 = 2;
    assert_eq!(letters, expected);
    assert_eq!(dropped, 0);
    assert_eq!(take(&mut desk, &[good]), (vec![(7, 1)], 1));
}

/// As a later receiver would read it: bytes 0 to 2 are version, and length and first letter of the
/// name.
fn of_version(message: &Incoming, version: u8) -> Incoming {
    let mut bytes = message.payload().to_vec();
    bytes[0] = version;
    Incoming::new(message.topic(), Bytes::from(bytes))
}

fn message_of_a_later_version_is_kept_whole_acknowledged_and_read_again_later(place: &Place) {
    let mut desk = place.desk();
    let second = event(BOOT, 2, "b");
    // A kind of message that this version does not know: the number after the clock's quality.
    let mut unknown = event(BOOT, 4, "d").payload().to_vec();
    let body = unknown.len() - "d".len() - 5;
    unknown[body] = 99;
    let batch = [
        event(BOOT, 1, "a"),
        of_version(&second, VERSION + 1),
        event(BOOT, 3, "c"),
        Incoming::new("cv1/demo/box-1/evtb/box/notice", Bytes::from(unknown)),
    ];
    assert_eq!(take(&mut desk, &batch), (vec![(7, 4)], 2));
    let expected = vec![("version".to_owned(), Some(2), 1), ("malformed".to_owned(), Some(4), 1)];
    assert_eq!(place.letters(), (expected, 0));
    // Still unreadable: it stays.
    let mut again = place.desk();
    assert!(again.reread(NOW).expect("readable").lines.is_empty());
    // A later receiver knows that version.
    place.execute("UPDATE dead_letters SET bytes = $1 WHERE seq = 2", second.payload());
    let outcome = place.desk().reread(NOW).expect("readable");
    assert_eq!((outcome.lines.len(), outcome.tally.events), (1, 1));
    assert!(place.desk().reread(NOW).expect("readable").lines.is_empty());
    assert_eq!(place.letters(), (vec![("malformed".to_owned(), Some(4), 1)], 0));
    assert_eq!(take(&mut place.desk(), &[second]), (vec![(7, 4)], 0));
}

/// Each of these once kept the receiver from storing anything: the database refused the batch,
/// and the batch came again.
fn numbers_that_no_database_holds_are_letters(place: &Place) {
    let mut desk = place.desk();
    let batch = [
        event(BOOT, u64::MAX, "x"),
        info(BOOT, &[(BOOT, u64::MAX - 9, u64::MAX)]),
        event(BOOT, 1, "a"),
    ];
    assert_eq!(take(&mut desk, &batch), (vec![(7, 1)], 1));
    let number = ("number".to_owned(), None, 1);
    assert_eq!(place.letters().0, [number.clone(), number]);
}

fn letters_of_one_box_are_bounded_and_the_loss_is_counted(place: &Place) {
    let mut desk = place.desk();
    let garbage = |number: u32| {
        let bytes = [&[1, 2, 3][..], &number.to_le_bytes()].concat();
        Incoming::new("cv1/demo/box-1/evtb/box/notice", Bytes::from(bytes))
    };
    let most = letters::PER_BOX_MAX;
    let numbered = of_version(&event(BOOT, 1, "kept for ever"), VERSION + 1);
    take(&mut desk, &[numbered]);
    for number in 0..most + 3 {
        let outcome = desk.handle(&[garbage(number)], NOW).expect("stored");
        assert_eq!(outcome.tally.letters_dropped, u64::from(number >= most), "{number}");
    }
    let (letters, dropped) = place.letters();
    assert_eq!((letters.len(), dropped), (most as usize + 1, 3));
    assert!(letters.contains(&("version".to_owned(), Some(1), 1)));
}

fn greeting_tells_of_the_newest_boots(place: &Place) {
    let mut desk = place.desk();
    for boot in 1..=9 {
        take(&mut desk, &[event(BootId(boot), 1, "a")]);
    }
    let mut told = acks(&desk.greet().expect("readable"));
    told.sort_unstable();
    assert_eq!(told, [(6, 1), (7, 1), (8, 1), (9, 1)]);
}

/// What receivers behind one shared subscription do: each message comes to one of them or, sent
/// again, to two. None of them may wait for another one that waits for it.
#[test]
fn several_desks_on_one_database_store_each_message_once_and_complete_the_marks() {
    const DESKS: u64 = 4;
    const BOXES: u64 = 6;
    const EVENTS: u64 = 200;
    let Some(server) = Server::start() else { return };
    let place = Place::postgres(&server, "several_desks");
    let mut random = 7_u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    let mut shares: Vec<Vec<Incoming>> = vec![Vec::new(); DESKS as usize];
    for seq in 1..=EVENTS {
        for number in 0..BOXES {
            let message = event_of(&format!("box-{number}"), (BOOT, seq, "x"));
            let (one, other) = (draw(DESKS), draw(DESKS));
            shares[one as usize].push(message.clone());
            if draw(4) == 0 {
                shares[other as usize].push(message);
            }
        }
    }
    let stored: u64 = std::thread::scope(|scope| {
        let place = &place;
        let work = move |share: Vec<Incoming>| {
            let mut desk = place.desk();
            let batches = share.chunks(23);
            batches.map(|batch| desk.handle(batch, NOW).expect("stored").tally.events).sum::<u64>()
        };
        let desks: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || work(share))).collect();
        desks.into_iter().map(|desk| desk.join().expect("it ends")).sum()
    });
    assert_eq!(stored, BOXES * EVENTS);
    let told = place.desk().greet().expect("readable");
    let complete = |message: &Message| {
        let ack: Ack = serde_json::from_slice(&message.payload).expect("an acknowledgement");
        assert_eq!((ack.boot, ack.upto_seq), (BOOT, Seq(EVENTS)), "{}", message.topic);
    };
    assert_eq!(told.iter().map(complete).count() as u64, BOXES);
}
