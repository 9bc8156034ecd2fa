//! The store on a real disk: what survives, what is forgotten, what is refused.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use hal::Clock;
use outbox::{Class, Key, Loaded};
use wire::clip::ClipRecord;
use wire::ids::{BootId, ClipId, Seq};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};
use wire::units::PictureSize;

use super::*;
use crate::clock::SystemClock;

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::start())
}

fn open(folder: &Path) -> Opened {
    Store::open(&folder.join("box.sqlite"), clock()).expect("the store opens")
}

/// Waits until the last handle's writer has ended and the lock is free.
fn reopen(folder: &Path) -> Opened {
    for _ in 0..1000 {
        match Store::open(&folder.join("box.sqlite"), clock()) {
            Ok(opened) => return opened,
            Err(OpenError::Locked { .. }) => {
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the writer holds the lock for 10 s");
}

fn message(boot: BootId, seq: u64) -> StoredMessage {
    StoredMessage {
        key: Key { boot, seq: Seq(seq) },
        class: Class::P1,
        route: "court-1/made_shot".parse().expect("a route"),
        envelope: seq.to_be_bytes().to_vec(),
    }
}

fn everything() -> Loaded {
    let before = Key { boot: BootId(u32::MAX), seq: Seq(1 << 60) };
    Loaded { after: Key::default(), before, count: 10_000 }
}

fn keys(store: &Store) -> Vec<(u32, u64)> {
    let loaded = store.load(everything()).expect("room").wait().expect("readable");
    loaded.iter().map(|message| (message.key.boot.0, message.key.seq.0)).collect()
}

fn record(id: u128, bytes: u64) -> ClipRecord {
    ClipRecord {
        id: ClipId(id),
        source: "court-1".parse().expect("a name"),
        interval: MediaInterval { start: MediaTime(0), end: MediaTime(90_000) },
        frames: 25,
        picture: PictureSize { width: 1280, height: 720 },
        bytes,
        sha256: "0".repeat(64).chars().collect(),
        starts: WallTime(0),
        events: heapless::Vec::new(),
    }
}

#[test]
fn every_start_is_another_boot_and_a_new_disk_never_repeats_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path()).boot;
    let second = reopen(folder.path()).boot;
    assert_eq!(second.0, first.0 + 1);
    // 2026-01-01 is more than 63 million seconds after 2024-01-01.
    assert!(first.0 > 63_000_000, "{first:?}");
}

#[test]
fn box_without_a_set_clock_counts_from_one() {
    struct Unset;
    impl Clock for Unset {
        fn now(&self) -> Monotonic {
            Monotonic(0)
        }
        fn wall(&self) -> (WallTime, ClockQuality) {
            (WallTime(0), ClockQuality::Unknown)
        }
        async fn sleep_until(&self, _at: Monotonic) {}
    }
    let folder = tempfile::tempdir().expect("a folder");
    let opened = Store::open(&folder.path().join("box.sqlite"), Arc::new(Unset)).expect("opens");
    assert_eq!(opened.boot, BootId(1));
}

#[test]
fn messages_outlive_the_process_and_go_only_when_released() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(folder.path());
    let boot = opened.boot;
    for seq in 1..=200 {
        opened.store.put_message(message(boot, seq)).expect("room");
    }
    opened.store.flush().expect("room").wait().expect("durable");
    assert_eq!(*opened.store.persisted().borrow(), Seq(200));
    opened.store.release_messages(boot, Seq(150)).expect("room");
    drop(opened);
    let again = reopen(folder.path());
    let expected: Vec<(u32, u64)> = (151..=200).map(|seq| (boot.0, seq)).collect();
    assert_eq!(keys(&again.store), expected);
    assert_eq!(again.held.len(), 1);
    assert_eq!((again.held[0].from_seq, again.held[0].upto_seq), (Seq(151), Seq(200)));
}

#[test]
fn portions_are_in_order_and_within_their_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(folder.path());
    let old = BootId(opened.boot.0 - 1);
    for (boot, seq) in [(old, 1), (old, 2), (opened.boot, 1), (opened.boot, 2)] {
        opened.store.put_message(message(boot, seq)).expect("room");
    }
    let range = Loaded {
        after: Key { boot: old, seq: Seq(1) },
        before: Key { boot: opened.boot, seq: Seq(2) },
        count: 9,
    };
    let loaded = opened.store.load(range).expect("room").wait().expect("readable");
    assert_eq!(loaded, [message(old, 2), message(opened.boot, 1)]);
    let one = Loaded { count: 1, ..range };
    assert_eq!(opened.store.load(one).expect("room").wait().expect("readable").len(), 1);
}

#[test]
fn gaps_are_listed_and_what_lies_behind_too_many_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(folder.path());
    for seq in [2, 3, 6, 8] {
        opened.store.put_message(message(opened.boot, seq)).expect("room");
    }
    let held = opened.store.held().expect("room").wait().expect("readable");
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].from_seq, held[0].upto_seq), (Seq(2), Seq(8)));
    assert_eq!(held[0].gaps[..], [(Seq(4), Seq(5)), (Seq(7), Seq(7))]);
    for seq in (10..40).step_by(2) {
        opened.store.put_message(message(opened.boot, seq)).expect("room");
    }
    let held = opened.store.held().expect("room").wait().expect("readable");
    assert_eq!(held[0].gaps.len(), wire::birth::GAPS_MAX);
    // Ends before the first gap that found no place.
    assert_eq!(held[0].upto_seq, Seq(20));
}

#[test]
fn plan_is_there_until_it_is_settled_and_then_the_clip_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(folder.path());
    for id in [1, 2, 3] {
        let plan = StoredPlan { id: ClipId(id), payload: vec![id as u8] };
        opened.store.put_plan(plan).expect("room").wait().expect("durable");
    }
    let cut = Finish::Cut(Box::new(record(1, 10)), "/clips/1.mp4".into());
    opened.store.finish_plan(ClipId(1), cut).expect("room").wait().expect("durable");
    let dropped = Finish::Dropped("the recording is gone".to_owned());
    opened.store.finish_plan(ClipId(2), dropped).expect("room").wait().expect("durable");
    drop(opened);
    let again = reopen(folder.path());
    assert_eq!(again.plans, [StoredPlan { id: ClipId(3), payload: vec![3] }]);
    assert_eq!(again.clips.len(), 1);
    assert_eq!(
        (&again.clips[0].record, again.clips[0].path.as_path()),
        (&record(1, 10), Path::new("/clips/1.mp4"))
    );
    assert_eq!(
        evictions(folder.path()),
        [(format!("plan {}", ClipId(2)), "the recording is gone".to_owned())]
    );
}

#[test]
fn released_clip_is_remembered_until_its_file_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(folder.path());
    for id in [1, 2] {
        let cut = Finish::Cut(Box::new(record(id, 10)), format!("/clips/{id}.mp4").into());
        opened.store.finish_plan(ClipId(id), cut).expect("room").wait().expect("durable");
    }
    let farewell = Farewell::Delivered;
    opened.store.release_clip(ClipId(1), farewell).expect("room").wait().expect("durable");
    let dropped = Farewell::Dropped("quota_bytes".to_owned());
    opened.store.release_clip(ClipId(2), dropped.clone()).expect("room").wait().expect("durable");
    // Said twice, recorded once.
    opened.store.release_clip(ClipId(2), dropped).expect("room").wait().expect("durable");
    drop(opened);
    let again = reopen(folder.path());
    assert!(again.clips.is_empty());
    assert_eq!(again.leftovers.len(), 2);
    again.store.forget_clip(ClipId(1)).expect("room");
    again.store.forget_clip(ClipId(2)).expect("room");
    drop(again);
    assert!(reopen(folder.path()).leftovers.is_empty());
    assert_eq!(
        evictions(folder.path()),
        [(format!("clip {}", ClipId(2)), "quota_bytes".to_owned())]
    );
}

fn evictions(folder: &Path) -> Vec<(String, String)> {
    let connection = rusqlite::Connection::open(folder.join("box.sqlite")).expect("readable");
    let mut statement =
        connection.prepare("SELECT what, reason FROM evictions ORDER BY number").expect("a table");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

#[test]
fn second_owner_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = open(folder.path());
    let second = Store::open(&folder.path().join("box.sqlite"), clock());
    let error = second.map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("box.data_dir"), "{error}");
}

#[test]
fn database_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    drop(reopen(folder.path()));
    let path = folder.path().join("box.sqlite");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection.pragma_update(None, "user_version", 99).expect("writable");
    drop(connection);
    for _ in 0..1000 {
        match Store::open(&path, clock()).map(|_| ()) {
            Err(OpenError::Locked { .. }) => {
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            other => {
                let error = other.expect_err("a later version");
                assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
                return;
            }
        }
    }
    panic!("the writer holds the lock for 10 s");
}

#[test]
fn file_that_is_no_database_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("box.sqlite"), [7; 8192]).expect("writable");
    let error = Store::open(&folder.path().join("box.sqlite"), clock()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("move the file away"), "{error}");
}

/// Runs in a child process of the test below: writes until it is killed, and says what the store
/// has promised to keep.
#[test]
#[ignore = "the child of `nothing_promised_is_lost_when_the_process_is_killed`"]
fn child_that_writes_until_it_is_killed() {
    let folder = std::env::var_os("COURTSIDE_STORE_TEST").expect("run by its parent");
    let opened = reopen(Path::new(&folder));
    let promised = opened.store.persisted();
    for seq in 1.. {
        while opened.store.put_message(message(opened.boot, seq)).is_err() {
            std::thread::yield_now();
        }
        if seq % 7 == 0 {
            println!("promised {} {}", opened.boot.0, promised.borrow().0);
        }
    }
}

#[test]
fn nothing_promised_is_lost_when_the_process_is_killed() {
    use std::io::BufRead;
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..5 {
        let mut child = spawn_child(folder.path());
        let output = child.stdout.take().expect("a pipe");
        let mut promised = (0, 0);
        let promises = std::io::BufReader::new(output).lines().map_while(Result::ok);
        let words = promises.filter_map(|line| {
            let mut words = line.strip_prefix("promised ")?.split(' ').map(str::parse::<u64>);
            Some((words.next()?.ok()?, words.next()?.ok()?))
        });
        for promise in words {
            promised = promise;
            if promised.1 > 150 * (round + 1) {
                break;
            }
        }
        child.kill().expect("a child can be killed");
        child.wait().expect("a child ends");
        let again = reopen(folder.path());
        assert!(promised.1 > 0, "the child promised nothing");
        assert_eq!(u64::from(again.boot.0), promised.0 + 1, "the boot was counted durably");
        let held = again.held.iter().find(|held| u64::from(held.boot.0) == promised.0);
        let held = held.expect("the killed boot left messages");
        assert_eq!((held.from_seq, held.gaps.len()), (Seq(1), 0), "a beginning without holes");
        assert!(held.upto_seq.0 >= promised.1, "{held:?}, but promised {promised:?}");
    }
}

fn spawn_child(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--ignored", "--exact", "--nocapture", "--test-threads=1"])
        .arg("store::tests::child_that_writes_until_it_is_killed")
        .env("COURTSIDE_STORE_TEST", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test starts itself")
}

/// A copy taken at any moment is what a power cut would leave: it opens, and holds a beginning.
#[test]
fn copy_taken_in_the_middle_opens_and_has_no_holes() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(folder.path());
    for round in 1..=10_u64 {
        for seq in (round - 1) * 50 + 1..=round * 50 {
            while opened.store.put_message(message(opened.boot, seq)).is_err() {
                std::thread::yield_now();
            }
        }
        let promised = opened.store.persisted().borrow().0;
        let copy = tempfile::tempdir().expect("a folder");
        // So few pages are never moved from the log to the database, so the log has them all.
        for name in ["box.sqlite-wal", "box.sqlite"] {
            let (from, to) = (folder.path().join(name), copy.path().join(name));
            if from.exists() {
                std::fs::copy(from, to).expect("a copy");
            }
        }
        let copied = open(copy.path());
        let held = copied.held.first();
        let upto = held.map_or(0, |held| held.upto_seq.0);
        assert!(upto >= promised, "{upto} of {promised} promised");
        assert!(held.is_none_or(|held| held.gaps.is_empty() && held.from_seq == Seq(1)));
    }
}

#[test]
fn store_that_cannot_write_says_so_and_goes_on_when_it_can() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open(folder.path());
    // Another connection holds the write lock longer than SQLite's own patience.
    let path = folder.path().join("box.sqlite");
    let blocker = rusqlite::Connection::open(path).expect("opens");
    blocker.execute_batch("BEGIN IMMEDIATE").expect("locked");
    opened.store.put_message(message(opened.boot, 1)).expect("room");
    for _ in 0..3000 {
        if opened.store.health() != Health::Good {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    assert!(matches!(opened.store.health(), Health::Failing(_)), "{:?}", opened.store.health());
    blocker.execute_batch("ROLLBACK").expect("unlocked");
    opened.store.flush().expect("room").wait().expect("durable in the end");
    assert_eq!(opened.store.health(), Health::Good);
    assert_eq!(keys(&opened.store), [(opened.boot.0, 1)]);
}
