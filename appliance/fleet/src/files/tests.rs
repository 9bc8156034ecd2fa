//! What the desk for files makes of what arrives, without a broker.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wire::ids::{ClipId, Name};
use wire::time::{MediaInterval, MediaTime, WallTime};
use wire::topic::Device;
use wire::transfer::FileWay;
use wire::units::PictureSize;

use super::*;
use crate::postgres_server::Server;
use crate::store::{self, Db};

const SIZE: usize = 3_000;

/// Every case, with each database.
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

mod in_bucket;
mod links;

cases! {
    segments_may_come_in_any_order_and_more_than_once
    upload_goes_on_after_the_receiver_was_killed
    part_that_vanished_starts_over
    wrong_bytes_are_thrown_away_and_asked_for_again
    unknown_file_is_asked_for_from_the_beginning
    announcements_that_contradict_themselves_are_cancelled
    finished_file_is_never_replaced_by_another_one_of_the_same_id
    abandoned_upload_leaves_nothing_behind
    many_uploads_at_once_share_a_few_open_files
}

/// A database and a folder of its own for one case.
struct Place {
    db: Db,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
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
        Self { db, runtime, folder }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn desk(&self) -> FileDesk {
        let stores = store::open(&self.db, self.runtime.handle()).expect("it opens");
        let shelf = Shelf { folder: self.folder().join("clips"), bucket: None };
        FileDesk::new(stores.files, (shelf, Boxes::All))
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn device() -> Device {
    Device { tenant: name("demo"), device: name("box-1") }
}

fn now(ms: u64) -> Now {
    Now { mono: Monotonic::from_millis(ms), wall: WallTime(1_767_225_600_000_000) }
}

fn content() -> Vec<u8> {
    (0..SIZE).map(|at| (at * 7 + at / 256) as u8).collect()
}

fn record() -> ClipRecord {
    ClipRecord {
        id: ClipId(0xabc),
        source: name("court-1"),
        interval: MediaInterval { start: MediaTime(0), end: MediaTime(90_000) },
        frames: 25,
        picture: PictureSize { width: 1280, height: 720 },
        bytes: SIZE as u64,
        sha256: format!("{:x}", Sha256::digest(content())).chars().collect(),
        starts: WallTime(1_767_225_590_000_000),
        events: std::iter::empty().collect(),
    }
}

fn message(part: &FilePart, payload: impl Into<Bytes>) -> Incoming {
    Incoming::new(&device().file(record().id, part), payload.into())
}

fn announcement(record: &ClipRecord) -> Incoming {
    let init = FileInit {
        name: "clip.mp4".chars().collect(),
        size: record.bytes,
        checksum: record.sha256.clone(),
        user_data: record.clone(),
        way: FileWay::Segments,
    };
    message(&FilePart::Init, serde_json::to_vec(&init).expect("JSON"))
}

fn segment(start: usize, end: usize) -> Incoming {
    message(&FilePart::Segment(start as u64), content()[start..end].to_vec())
}

fn fin() -> Incoming {
    message(&FilePart::Fin(SIZE as u64, record().sha256), Bytes::new())
}

/// A response: what it answers, its code, what is missing.
type Reply = (FileStep, u8, Vec<(u64, u64)>);

/// Handles a batch; returns the responses.
fn take(desk: &mut FileDesk, batch: &[Incoming]) -> Vec<Reply> {
    let outcome = desk.handle(batch, now(0)).expect("it can be stored");
    outcome.replies.iter().map(read).collect()
}

fn read(message: &Message) -> Reply {
    assert_eq!(message.topic, "cv1/demo/box-1/file-response");
    let response: FileResponse = serde_json::from_slice(&message.payload).expect("a response");
    (response.step, response.reason_code, response.missing.to_vec())
}

fn stored(folder: &Path, ending: &str) -> std::path::PathBuf {
    folder.join("clips/demo/box-1").join(format!("{}.{ending}", record().id))
}

fn assert_whole(folder: &Path) {
    assert_eq!(fs::read(stored(folder, "mp4")).expect("the clip"), content());
    let sidecar = fs::read(stored(folder, "json")).expect("the sidecar");
    assert_eq!(serde_json::from_slice::<ClipRecord>(&sidecar).expect("a record"), record());
    let parts = fs::read_dir(folder.join("clips/demo/box-1/.part")).expect("a folder");
    assert_eq!(parts.count(), 0);
}

fn segments_may_come_in_any_order_and_more_than_once(place: &Place) {
    let mut desk = place.desk();
    let all = vec![(0, SIZE as u64)];
    assert_eq!(take(&mut desk, &[announcement(&record())]), [(FileStep::Init, 0, all)]);
    let segments = [segment(2_000, 3_000), segment(0, 1_000), segment(500, 1_500), segment(0, 10)];
    assert_eq!(take(&mut desk, &segments), []);
    let missing = vec![(1_500, 2_000)];
    let code = FileResponse::RESEND_MISSING;
    assert_eq!(take(&mut desk, &[fin()]), [(FileStep::Fin, code, missing)]);
    let outcome = desk.handle(&[segment(1_500, 2_000), fin()], now(0)).expect("stored");
    assert_eq!(read(&outcome.replies[0]), (FileStep::Fin, FileResponse::PERSISTED, vec![]));
    assert_eq!(outcome.lines.len(), 1);
    assert_whole(place.folder());
    // Whatever comes late changes nothing and is told nothing.
    let late = [segment(0, 1_000), fin(), announcement(&record())];
    let outcome = desk.handle(&late, now(0)).expect("stored");
    let codes: Vec<u8> = outcome.replies.iter().map(|reply| read(reply).1).collect();
    assert_eq!((codes, outcome.lines.len()), (vec![0, 0], 0));
    assert_whole(place.folder());
}

fn upload_goes_on_after_the_receiver_was_killed(place: &Place) {
    let mut first = place.desk();
    take(&mut first, &[announcement(&record()), segment(0, 1_000)]);
    // A second later what was received becomes durable, and only that is remembered.
    first.handle(&[segment(1_000, 1_500)], now(1_000)).expect("stored");
    first.handle(&[segment(1_500, 2_500)], now(1_001)).expect("stored");
    drop(first);
    let mut second = place.desk();
    let missing = vec![(1_500, SIZE as u64)];
    assert_eq!(take(&mut second, &[announcement(&record())]), [(FileStep::Init, 0, missing)]);
    let rest = [segment(1_500, 3_000), fin()];
    assert_eq!(take(&mut second, &rest), [(FileStep::Fin, FileResponse::PERSISTED, vec![])]);
    assert_whole(place.folder());
}

fn part_that_vanished_starts_over(place: &Place) {
    let mut first = place.desk();
    take(&mut first, &[announcement(&record()), segment(0, 3_000)]);
    first.make_durable().expect("synced");
    drop(first);
    fs::remove_dir_all(place.folder().join("clips")).expect("removed");
    let mut second = place.desk();
    let again = FileResponse::RESEND_ALL;
    assert_eq!(take(&mut second, &[fin()]), [(FileStep::Fin, again, vec![])]);
    let all = vec![(0, SIZE as u64)];
    assert_eq!(take(&mut second, &[announcement(&record())]), [(FileStep::Init, 0, all)]);
}

fn wrong_bytes_are_thrown_away_and_asked_for_again(place: &Place) {
    let mut desk = place.desk();
    let wrong = message(&FilePart::Segment(0), vec![0; SIZE]);
    let replies = take(&mut desk, &[announcement(&record()), wrong, fin()]);
    assert_eq!(replies[1], (FileStep::Fin, FileResponse::RESEND_ALL, vec![]));
    assert!(!stored(place.folder(), "mp4").exists());
    let all = vec![(0, SIZE as u64)];
    assert_eq!(take(&mut desk, &[announcement(&record())]), [(FileStep::Init, 0, all)]);
    take(&mut desk, &[segment(0, SIZE), fin()]);
    assert_whole(place.folder());
}

fn unknown_file_is_asked_for_from_the_beginning(place: &Place) {
    let mut desk = place.desk();
    let again = FileResponse::RESEND_ALL;
    assert_eq!(take(&mut desk, &[segment(0, 10)]), [(FileStep::Segments, again, vec![])]);
    assert_eq!(take(&mut desk, &[fin()]), [(FileStep::Fin, again, vec![])]);
}

fn announcements_that_contradict_themselves_are_cancelled(place: &Place) {
    let mut desk = place.desk();
    let other = ClipRecord { id: ClipId(1), ..record() };
    let empty = ClipRecord { bytes: 0, ..record() };
    let garbage = message(&FilePart::Init, Bytes::from_static(b"no JSON"));
    // The database refused it, and the receiver asked it again for ever.
    let endless = ClipRecord { bytes: u64::MAX, ..record() };
    for bad in [announcement(&other), announcement(&empty), announcement(&endless), garbage] {
        let replies = take(&mut desk, &[bad]);
        assert_eq!(replies, [(FileStep::Init, FileResponse::CANCEL, vec![])]);
    }
    take(&mut desk, &[announcement(&record())]);
    let beyond = message(&FilePart::Segment(SIZE as u64 - 1), vec![0; 2]);
    let far = message(&FilePart::Segment(u64::MAX), vec![0; 2]);
    for bad in [beyond, far] {
        let replies = take(&mut desk, &[bad]);
        assert_eq!(replies, [(FileStep::Segments, FileResponse::CANCEL, vec![])]);
    }
    assert!(!stored(place.folder(), "mp4").exists());
}

fn finished_file_is_never_replaced_by_another_one_of_the_same_id(place: &Place) {
    let mut desk = place.desk();
    take(&mut desk, &[announcement(&record()), segment(0, SIZE), fin()]);
    let mut other = record();
    other.sha256 = "0".repeat(64).chars().collect();
    let abort = message(&FilePart::Abort, Bytes::new());
    let replies = take(&mut desk, &[announcement(&other), abort]);
    assert_eq!(replies, [(FileStep::Init, FileResponse::CANCEL, vec![])]);
    assert_whole(place.folder());
}

fn abandoned_upload_leaves_nothing_behind(place: &Place) {
    let mut desk = place.desk();
    let abort = message(&FilePart::Abort, Bytes::new());
    take(&mut desk, &[announcement(&record()), segment(0, 10), abort]);
    let parts = fs::read_dir(place.folder().join("clips/demo/box-1/.part")).expect("a folder");
    assert_eq!(parts.count(), 0);
    let again = FileResponse::RESEND_ALL;
    assert_eq!(take(&mut desk, &[fin()]), [(FileStep::Fin, again, vec![])]);
}

fn many_uploads_at_once_share_a_few_open_files(place: &Place) {
    let mut desk = place.desk();
    let ids = || (0..OPEN_MAX as u128 + 20).map(ClipId);
    for (start, end) in [(0, 1_000), (1_000, SIZE)] {
        for id in ids() {
            let mut record = record();
            record.id = id;
            let init = FileInit {
                name: "clip.mp4".chars().collect(),
                size: record.bytes,
                checksum: record.sha256.clone(),
                user_data: record,
                way: FileWay::Segments,
            };
            let json = serde_json::to_vec(&init).expect("JSON");
            let topic = |part: &FilePart| device().file(id, part);
            let bytes = Bytes::from(content()[start..end].to_vec());
            let batch = [
                Incoming::new(&topic(&FilePart::Init), json.into()),
                Incoming::new(&topic(&FilePart::Segment(start as u64)), bytes),
            ];
            take(&mut desk, &batch);
            assert!(desk.open.len() <= OPEN_MAX);
        }
    }
    for id in ids() {
        let fin = FilePart::Fin(SIZE as u64, record().sha256);
        let fin = Incoming::new(&device().file(id, &fin), Bytes::new());
        let persisted = (FileStep::Fin, FileResponse::PERSISTED, vec![]);
        assert_eq!(take(&mut desk, &[fin]), [persisted], "{id}");
    }
}
