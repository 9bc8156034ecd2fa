//! Clips in an S3 bucket: whole, once, whoever goes away meanwhile.

use std::path::Path;

use s3_server::{BUCKET, Server};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wire::topic::Device;
use wire::transfer::FileWay;

use crate::Broker;
use crate::boxes::{clip, record, upload, upload_by};
use crate::kills::crowd;
use crate::receiver::{Receiver, until};

/// Fits into one request.
const SMALL: usize = 300_000;
/// Does not.
const LARGE: usize = 20 * 1024 * 1024;

fn start(folder: &Path, port: u16, server: &Server) -> Receiver {
    start_with(1, folder, port, server)
}

/// With so many desks for clips.
fn start_with(desks: u32, folder: &Path, port: u16, server: &Server) -> Receiver {
    let store = format!(
        "[store]\ndb = \"fleet.sqlite\"\nclips = \"s3://{BUCKET}/venue\"\nspool = \"spool\"\n\
         clip_desks = {desks}\n"
    );
    Receiver::start_in(&server.environment(), folder, (port, "one"), &store)
}

/// Clip and sidecar are in the bucket, and nothing is left of them here.
fn assert_there(server: &Server, folder: &Path, (device, bytes): (&Device, usize)) {
    let content = clip(device, bytes);
    let record = record(&content);
    let key = |ending| format!("venue/demo/{}/{}.{ending}", device.device, record.id);
    let object = std::fs::read(server.object(&key("mp4"))).expect("the clip");
    assert!(object == content, "{device:?}: another content");
    let sidecar = std::fs::read(server.object(&key("json"))).expect("the sidecar");
    let told: wire::clip::ClipRecord = serde_json::from_slice(&sidecar).expect("a record");
    assert_eq!(told, record);
    let parts = folder.join("spool/demo").join(device.device.as_str()).join(".part");
    let left = std::fs::read_dir(parts).map_or(0, Iterator::count);
    assert_eq!(left, 0, "a part is left");
}

/// Addresses of the clips that were told.
fn told(folder: &Path) -> Vec<String> {
    let lines = std::fs::read_to_string(folder.join("one.jsonl")).expect("its lines");
    let lines = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &serde_json::Value| line["type"] == "clip")
        .map(|line| line["path"].as_str().expect("a path").to_owned())
        .collect()
}

/// Kills the receiver whenever it has counted one, so many times or until everything was sent.
/// How many it counts by the time that one is seen depends on the machine.
fn kill_again_and_again(
    (mut receiver, start): (Receiver, impl Fn() -> Receiver),
    sending: &mut JoinSet<()>,
    (counter, times): (&str, usize),
) -> Receiver {
    let mut kills = 0;
    while kills < times {
        let counted = until(|| {
            while sending.try_join_next().is_some() {}
            (sending.is_empty() || receiver.sample(counter)? >= 1.0).then_some(())
        });
        counted.expect("one is counted");
        if sending.is_empty() {
            break;
        }
        receiver.kill();
        kills += 1;
        receiver = start();
    }
    assert!(kills > 0, "everything was stored before anybody could be killed");
    receiver
}

#[test]
fn clips_of_any_size_come_whole_into_the_bucket() {
    let Some(broker) = Broker::start("") else { return };
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = start(folder.path(), broker.port, &server);
    let runtime = Runtime::new().expect("threads");
    for (device, bytes) in crowd(2).zip([SMALL, LARGE]) {
        runtime.block_on(upload(broker.port, device.clone(), bytes));
        assert_there(&server, folder.path(), (&device, bytes));
    }
    assert_eq!(receiver.end(), Some(0));
    let id = record(&[]).id;
    let expected: Vec<String> =
        (1..=2).map(|n| format!("s3://{BUCKET}/venue/demo/court-{n}/{id}.mp4")).collect();
    assert_eq!(told(folder.path()), expected);
}

/// The server answers none of them before it is asked for three: with fewer desks nobody would
/// ever be answered.
#[test]
fn clips_of_three_boxes_are_verified_at_once_by_three_desks() {
    const DESKS: u32 = 3;
    let Some(broker) = Broker::start("") else { return };
    let server = Server::for_readers_at_once(DESKS as usize);
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = start_with(DESKS, folder.path(), broker.port, &server);
    let runtime = Runtime::new().expect("threads");
    let mut sending = JoinSet::new();
    // Of these each belongs to another desk (`fleet::shard`); the third one would not.
    let boxes: Vec<Device> = crowd(4).filter(|of| of.device.as_str() != "court-3").collect();
    for device in &boxes {
        let by_links = (device.clone(), FileWay::Links);
        sending.spawn_on(upload_by(broker.port, by_links, SMALL), runtime.handle());
    }
    runtime.block_on(sending.join_all());
    for device in &boxes {
        assert_there(&server, folder.path(), (device, SMALL));
    }
    assert_eq!(receiver.sample("clips_total"), Some(f64::from(DESKS)));
}

#[test]
fn bucket_that_goes_away_and_comes_back_costs_no_clip() {
    let Some(broker) = Broker::start("") else { return };
    let mut server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = start(folder.path(), broker.port, &server);
    server.go_away();
    let device = crowd(1).next().expect("a box");
    let runtime = Runtime::new().expect("threads");
    let sending = runtime.spawn(upload(broker.port, device.clone(), SMALL));
    receiver.wait_past("bucket_errors_total", 1.0);
    assert_eq!(receiver.sample("clips_total"), Some(0.0));
    server.come_back();
    runtime.block_on(sending).expect("it is uploaded");
    assert_there(&server, folder.path(), (&device, SMALL));
    assert_eq!(receiver.sample("clips_total"), Some(1.0));
}

#[test]
fn receiver_killed_while_clips_go_to_the_bucket_loses_none_and_tells_none_twice() {
    const BOXES: usize = 12;
    let Some(broker) = Broker::start("") else { return };
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = start(folder.path(), broker.port, &server);
    let runtime = Runtime::new().expect("threads");
    let mut sending = JoinSet::new();
    for device in crowd(BOXES) {
        sending.spawn_on(upload(broker.port, device, SMALL), runtime.handle());
    }
    let start = || start(folder.path(), broker.port, &server);
    let receiver = kill_again_and_again((receiver, start), &mut sending, ("clips_total", 3));
    runtime.block_on(sending.join_all());
    assert_eq!(receiver.end(), Some(0));
    for device in crowd(BOXES) {
        assert_there(&server, folder.path(), (&device, SMALL));
    }
    let mut told = told(folder.path());
    let lines = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), lines, "a clip was told twice");
}

#[test]
fn boxes_put_their_clips_into_the_bucket_while_receivers_are_killed() {
    const BOXES: usize = 3;
    let Some(broker) = Broker::start("") else { return };
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = start(folder.path(), broker.port, &server);
    let runtime = Runtime::new().expect("threads");
    let mut sending = JoinSet::new();
    for device in crowd(BOXES) {
        let by_links = (device, FileWay::Links);
        sending.spawn_on(upload_by(broker.port, by_links, LARGE), runtime.handle());
    }
    let start = || start(folder.path(), broker.port, &server);
    let receiver = kill_again_and_again((receiver, start), &mut sending, ("links_total", 2));
    runtime.block_on(sending.join_all());
    // Announcements and ends came through the broker, and no segment.
    let payload = receiver.sample("payload_bytes_total{desk=\"files\"}").expect("a sample");
    assert!(payload < SMALL as f64, "{payload} bytes");
    assert_eq!(receiver.end(), Some(0));
    for device in crowd(BOXES) {
        assert_there(&server, folder.path(), (&device, LARGE));
    }
    assert_eq!(told(folder.path()).len(), BOXES);
}
