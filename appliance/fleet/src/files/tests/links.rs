//! Clips that boxes put into the bucket themselves.

use std::sync::LazyLock;

use super::in_bucket::{Life, builder, desk, desk_with};
use super::*;
use crate::files::bucket::upload::PART_BYTES;
use crate::line::Stored;
use s3_server::Server as Bucket;

/// Of three parts, the last one shorter.
const LARGE: u64 = 2 * PART_BYTES + 1_000_007;

static LARGE_CONTENT: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..LARGE).map(|at| (at * 7 + at / 251 + at / 65_537) as u8).collect());

static LARGE_SHA256: LazyLock<String> =
    LazyLock::new(|| format!("{:x}", Sha256::digest(&*LARGE_CONTENT)));

cases! {
    clip_is_put_part_by_part_and_told_once
    upload_goes_on_at_another_receiver
    bytes_of_another_range_are_thrown_away_and_put_again
    part_of_another_size_counts_as_missing
    box_waits_while_the_bucket_is_away
    clip_that_was_completed_and_not_noted_is_told_once_when_it_is_announced
    clip_that_was_completed_and_not_noted_is_told_once_when_it_ends
    wrong_clip_that_was_completed_is_taken_away_when_it_is_announced
    wrong_clip_that_was_completed_is_taken_away_when_it_ends
    box_that_changes_its_way_starts_over
    abandoned_upload_leaves_nothing_in_the_bucket
    another_announcement_takes_the_place_of_an_upload
    upload_that_the_bucket_took_away_begins_again
    end_that_contradicts_the_announcement_is_cancelled
    receiver_without_a_bucket_gives_no_link
    bucket_of_which_links_are_too_long_gets_the_clip_from_segments
    link_takes_one_part_as_it_was_signed_and_nothing_else
}

fn large() -> ClipRecord {
    ClipRecord { bytes: LARGE, sha256: LARGE_SHA256.chars().collect(), ..record() }
}

fn announce(record: &ClipRecord, way: FileWay) -> Incoming {
    let init = FileInit {
        name: "clip.mp4".chars().collect(),
        size: record.bytes,
        checksum: record.sha256.clone(),
        user_data: record.clone(),
        way,
    };
    message(&FilePart::Init, serde_json::to_vec(&init).expect("JSON"))
}

fn by_links() -> Incoming {
    announce(&large(), FileWay::Links)
}

fn end() -> Incoming {
    message(&FilePart::Fin(LARGE, large().sha256), Bytes::new())
}

/// The three parts.
fn parts() -> [(u64, u64); 3] {
    [(0, PART_BYTES), (PART_BYTES, 2 * PART_BYTES), (2 * PART_BYTES, LARGE)]
}

fn bytes((start, end): (u64, u64)) -> Vec<u8> {
    LARGE_CONTENT[start as usize..end as usize].to_vec()
}

/// The one response to a message.
fn ask(desk: &mut FileDesk, message: Incoming) -> FileResponse {
    let outcome = desk.handle(&[message], now(0)).expect("it can be stored");
    let [reply] = &outcome.replies[..] else { panic!("{} replies", outcome.replies.len()) };
    serde_json::from_slice(&reply.payload).expect("a response")
}

/// What a response says is missing, and where the first of it goes.
fn told(response: &FileResponse) -> (u8, Vec<(u64, u64)>, Option<String>) {
    let link = response.link.as_ref().map(|link| link.as_str().to_owned());
    (response.reason_code, response.missing.to_vec(), link)
}

/// Announces the clip: what is missing, and the link to it.
fn next(desk: &mut FileDesk) -> (Vec<(u64, u64)>, String) {
    let (code, missing, link) = told(&ask(desk, by_links()));
    assert_eq!(code, FileResponse::PERSISTED);
    (missing, link.expect("a link"))
}

/// What a box does with a link.
fn put(place: &Place, link: &str, bytes: Vec<u8>) -> u16 {
    let request = reqwest::Client::new().put(link).body(bytes).send();
    place.runtime.block_on(request).expect("an answer").status().as_u16()
}

/// Puts whatever is missing.
fn put_all(place: &Place, desk: &mut FileDesk) {
    for _part in 0..=parts().len() {
        let (code, missing, link) = told(&ask(desk, by_links()));
        assert_eq!(code, FileResponse::PERSISTED);
        let Some(first) = missing.first() else { return assert_eq!(link, None) };
        assert_eq!(put(place, &link.expect("a link"), bytes(*first)), 200);
    }
    panic!("what was put is asked for again")
}

/// Ends the clip, which becomes stored and told now.
fn assert_stored(desk: &mut FileDesk, bucket: &Bucket) {
    let outcome = desk.handle(&[end()], now(0)).expect("stored");
    assert_eq!(read(&outcome.replies[0]), (FileStep::Fin, FileResponse::PERSISTED, vec![]));
    assert_told(&outcome);
    assert_there(bucket);
}

fn assert_told(outcome: &Outcome) {
    let [line] = &outcome.lines[..] else { panic!("{} lines", outcome.lines.len()) };
    let Stored::Clip { path, record, .. } = &line.stored else { panic!("{line:?}") };
    let address = format!("s3://{}/demo/box-1/{}.mp4", s3_server::BUCKET, large().id);
    assert_eq!((path.to_str(), &**record), (Some(address.as_str()), &large()));
    assert_eq!((outcome.tally.clips, outcome.tally.clip_bytes), (1, LARGE));
}

fn object(bucket: &Bucket, ending: &str) -> std::path::PathBuf {
    bucket.object(&format!("demo/box-1/{}.{ending}", large().id))
}

fn assert_there(bucket: &Bucket) {
    assert!(fs::read(object(bucket, "mp4")).expect("the clip") == *LARGE_CONTENT);
    let sidecar = fs::read(object(bucket, "json")).expect("the sidecar");
    assert_eq!(serde_json::from_slice::<ClipRecord>(&sidecar).expect("a record"), large());
    assert_eq!(unfinished(bucket).len(), 0);
}

/// What the server has of uploads that are neither completed nor given up.
fn unfinished(bucket: &Bucket) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(bucket.object("..")).expect("the server's folder");
    let paths = files.map(|file| file.expect("a file").path());
    paths.filter(|path| path.to_string_lossy().contains("/.upload")).collect()
}

fn clip_is_put_part_by_part_and_told_once(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let mut links = 0;
    for at in 0..3 {
        let outcome = desk.handle(&[by_links()], now(0)).expect("it can be stored");
        links += outcome.tally.links;
        let response = serde_json::from_slice(&outcome.replies[0].payload).expect("a response");
        let (code, missing, link) = told(&response);
        assert_eq!((code, &missing[..]), (FileResponse::PERSISTED, &parts()[at..]));
        assert_eq!(put(place, &link.expect("a link"), bytes(parts()[at])), 200);
    }
    assert_eq!(links, 3);
    assert_eq!(told(&ask(&mut desk, by_links())), (FileResponse::PERSISTED, vec![], None));
    assert!(!object(&bucket, "mp4").exists());
    assert_stored(&mut desk, &bucket);
    // Whatever comes late changes nothing and is told nothing.
    let outcome = desk.handle(&[end(), by_links()], now(0)).expect("stored");
    let codes: Vec<u8> = outcome.replies.iter().map(|reply| read(reply).1).collect();
    assert_eq!((codes, outcome.lines.len()), (vec![0, 0], 0));
    assert_there(&bucket);
    assert!(!place.folder().join("spool").exists(), "something lay on the receiver's disk");
}

fn upload_goes_on_at_another_receiver(place: &Place) {
    let bucket = Bucket::start();
    let mut first = desk(place, &bucket, Life::Long);
    let (_, link) = next(&mut first);
    drop(first);
    // Links outlive the receiver that gave them.
    assert_eq!(put(place, &link, bytes(parts()[0])), 200);
    let mut second = desk(place, &bucket, Life::Long);
    let again = told(&ask(&mut second, end()));
    assert_eq!(again, (FileResponse::RESEND_MISSING, parts()[1..].to_vec(), None));
    assert_eq!(next(&mut second).0, parts()[1..]);
    put_all(place, &mut second);
    assert_stored(&mut second, &bucket);
}

fn bytes_of_another_range_are_thrown_away_and_put_again(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let (_, link) = next(&mut desk);
    assert_eq!(put(place, &link, bytes(parts()[1])), 200);
    put_all(place, &mut desk);
    let outcome = desk.handle(&[end()], now(0)).expect("it can be stored");
    assert_eq!(read(&outcome.replies[0]), (FileStep::Fin, FileResponse::RESEND_ALL, vec![]));
    assert_eq!(outcome.lines.len(), 0);
    assert!(!object(&bucket, "mp4").exists() && !object(&bucket, "json").exists());
    assert_eq!(next(&mut desk).0, parts());
    put_all(place, &mut desk);
    assert_stored(&mut desk, &bucket);
}

fn part_of_another_size_counts_as_missing(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let (_, link) = next(&mut desk);
    assert_eq!(put(place, &link, bytes((0, 1_000))), 200);
    let (missing, link) = next(&mut desk);
    assert_eq!(missing, parts());
    assert_eq!(put(place, &link, bytes(parts()[0])), 200);
    // A part that came twice is the later one.
    assert_eq!(put(place, &link, bytes(parts()[0])), 200);
    assert_eq!(next(&mut desk).0, parts()[1..]);
    put_all(place, &mut desk);
    assert_stored(&mut desk, &bucket);
}

fn box_waits_while_the_bucket_is_away(place: &Place) {
    let mut bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let mut waits = |desk: &mut FileDesk, message: Incoming| {
        bucket.go_away();
        let batch = [message, by_links(), end()];
        let outcome = desk.handle(&batch, now(0)).expect("it is no trouble of the desk");
        bucket.come_back();
        assert_eq!(read(&outcome.replies[0]).1, FileResponse::PAUSE);
        // One of a batch has waited for the bucket, and that is enough.
        assert_eq!(read(&outcome.replies[1]).1, FileResponse::PAUSE);
        assert_eq!((outcome.tally.bucket_errors, outcome.tally.links), (1, 0));
    };
    waits(&mut desk, by_links());
    let (_, link) = next(&mut desk);
    assert_eq!(put(place, &link, bytes(parts()[0])), 200);
    waits(&mut desk, by_links());
    put_all(place, &mut desk);
    waits(&mut desk, end());
    assert_stored(&mut desk, &bucket);
}

fn clip_that_was_completed_and_not_noted_is_told_once_when_it_is_announced(place: &Place) {
    let (bucket, mut second) = killed_before_noting(place);
    let outcome = second.handle(&[by_links(), end()], now(0)).expect("stored");
    let codes: Vec<u8> = outcome.replies.iter().map(|reply| read(reply).1).collect();
    assert_eq!(codes, [FileResponse::PERSISTED; 2]);
    assert_told(&outcome);
    assert_there(&bucket);
}

fn clip_that_was_completed_and_not_noted_is_told_once_when_it_ends(place: &Place) {
    let (bucket, mut second) = killed_before_noting(place);
    assert_stored(&mut second, &bucket);
}

fn wrong_clip_that_was_completed_is_taken_away_when_it_is_announced(place: &Place) {
    let (bucket, mut second) = killed_before_noting(place);
    fs::write(object(&bucket, "mp4"), vec![0; LARGE as usize]).expect("written");
    assert_eq!(next(&mut second).0, parts());
    assert!(!object(&bucket, "mp4").exists() && !object(&bucket, "json").exists());
    put_all(place, &mut second);
    assert_stored(&mut second, &bucket);
}

fn wrong_clip_that_was_completed_is_taken_away_when_it_ends(place: &Place) {
    let (bucket, mut second) = killed_before_noting(place);
    fs::write(object(&bucket, "mp4"), b"short").expect("written");
    assert_eq!(told(&ask(&mut second, end())), (FileResponse::RESEND_ALL, vec![], None));
    assert!(!object(&bucket, "mp4").exists() && !object(&bucket, "json").exists());
    put_all(place, &mut second);
    assert_stored(&mut second, &bucket);
}

/// The receiver after one that was killed: the clip is under its key, and nobody has noted it.
fn killed_before_noting(place: &Place) -> (Bucket, FileDesk) {
    let bucket = Bucket::start();
    let mut first = desk(place, &bucket, Life::EndsBeforeNoting);
    put_all(place, &mut first);
    assert!(first.handle(&[end()], now(0)).is_err());
    assert_there(&bucket);
    drop(first);
    let second = desk(place, &bucket, Life::Long);
    (bucket, second)
}

fn box_that_changes_its_way_starts_over(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let by_segments = announce(&large(), FileWay::Segments);
    let segment = |range: (u64, u64)| message(&FilePart::Segment(range.0), bytes(range));
    let everything = (FileResponse::PERSISTED, vec![(0, LARGE)], None);
    let (_, link) = next(&mut desk);
    assert_eq!(put(place, &link, bytes(parts()[0])), 200);
    assert_eq!(told(&ask(&mut desk, by_segments.clone())), everything);
    assert_eq!(unfinished(&bucket).len(), 0);
    take(&mut desk, &[segment(parts()[0])]);
    assert_eq!(next(&mut desk).0, parts());
    let folder = place.folder().join("spool/demo/box-1/.part");
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
    assert_eq!(told(&ask(&mut desk, by_segments)), everything);
    assert_eq!(unfinished(&bucket).len(), 0);
    take(&mut desk, &parts().map(segment));
    assert_stored(&mut desk, &bucket);
}

fn abandoned_upload_leaves_nothing_in_the_bucket(place: &Place) {
    let mut bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let (_, link) = next(&mut desk);
    assert_eq!(put(place, &link, bytes(parts()[0])), 200);
    take(&mut desk, &[message(&FilePart::Abort, Bytes::new())]);
    assert_eq!(unfinished(&bucket).len(), 0);
    assert_eq!(ask(&mut desk, end()).reason_code, FileResponse::RESEND_ALL);
    // With the bucket away it is left to its lifecycle rule.
    let _link = next(&mut desk);
    bucket.go_away();
    take(&mut desk, &[message(&FilePart::Abort, Bytes::new())]);
    bucket.come_back();
    assert_eq!(ask(&mut desk, end()).reason_code, FileResponse::RESEND_ALL);
    assert_ne!(unfinished(&bucket).len(), 0);
}

fn another_announcement_takes_the_place_of_an_upload(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let other = ClipRecord { sha256: "0".repeat(64).chars().collect(), ..large() };
    let answer = told(&ask(&mut desk, announce(&other, FileWay::Links)));
    assert_eq!(put(place, &answer.2.expect("a link"), bytes(parts()[0])), 200);
    let before = unfinished(&bucket);
    assert_eq!(next(&mut desk).0, parts());
    assert!(unfinished(&bucket).iter().all(|path| !before.contains(path)));
    put_all(place, &mut desk);
    assert_stored(&mut desk, &bucket);
}

fn upload_that_the_bucket_took_away_begins_again(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let take_away = || {
        for file in unfinished(&bucket) {
            fs::remove_file(file).expect("removed");
        }
    };
    put_all(place, &mut desk);
    take_away();
    assert_eq!(next(&mut desk).0, parts());
    put_all(place, &mut desk);
    take_away();
    assert_eq!(told(&ask(&mut desk, end())), (FileResponse::RESEND_ALL, vec![], None));
    put_all(place, &mut desk);
    assert_stored(&mut desk, &bucket);
}

fn end_that_contradicts_the_announcement_is_cancelled(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    put_all(place, &mut desk);
    assert_eq!(told(&ask(&mut desk, fin())), (FileResponse::CANCEL, vec![], None));
    assert_stored(&mut desk, &bucket);
}

fn receiver_without_a_bucket_gives_no_link(place: &Place) {
    let bucket = Bucket::start();
    // It had one.
    let _link = next(&mut desk(place, &bucket, Life::Long));
    let mut desk = place.desk();
    assert_eq!(ask(&mut desk, end()).reason_code, FileResponse::RESEND_ALL);
    let everything = (FileResponse::PERSISTED, vec![(0, LARGE)], None);
    assert_eq!(told(&ask(&mut desk, by_links())), everything);
    let segment = message(&FilePart::Segment(0), bytes((0, LARGE)));
    let replies = take(&mut desk, &[segment, end()]);
    assert_eq!(replies, [(FileStep::Fin, FileResponse::PERSISTED, vec![])]);
    assert!(fs::read(stored(place.folder(), "mp4")).expect("the clip") == *LARGE_CONTENT);
}

fn bucket_of_which_links_are_too_long_gets_the_clip_from_segments(place: &Place) {
    let bucket = Bucket::start();
    let long = builder(&bucket).with_token("t".repeat(4_000));
    let mut desk = desk_with(place, long, Life::Long);
    let everything = (FileResponse::PERSISTED, vec![(0, LARGE)], None);
    assert_eq!(told(&ask(&mut desk, by_links())), everything);
    assert_eq!(unfinished(&bucket).len(), 0);
    take(&mut desk, &[message(&FilePart::Segment(0), bytes(parts()[0]))]);
    // It goes on as it began.
    let rest = (FileResponse::PERSISTED, vec![(PART_BYTES, LARGE)], None);
    assert_eq!(told(&ask(&mut desk, by_links())), rest);
    take(&mut desk, &[message(&FilePart::Segment(PART_BYTES), bytes((PART_BYTES, LARGE)))]);
    assert_stored(&mut desk, &bucket);
}

fn link_takes_one_part_as_it_was_signed_and_nothing_else(place: &Place) {
    let bucket = Bucket::start();
    let mut desk = desk(place, &bucket, Life::Long);
    let (_, link) = next(&mut desk);
    let id = large().id.to_string();
    let (unsigned, _) = link.split_once("&X-Amz").expect("a signature");
    for forged in [
        unsigned.to_owned(),
        link.replace("partNumber=1", "partNumber=2"),
        link.replace("X-Amz-Expires=900", "X-Amz-Expires=901"),
        link.replace(&id, "00000000000000000000000000000abd"),
    ] {
        assert_ne!(forged, link);
        // Few bytes: the server reads none of them, and more would find it gone.
        assert_eq!(put(place, &forged, vec![0; 10]), 403, "{forged}");
    }
    assert_eq!(next(&mut desk).0, parts());
}
