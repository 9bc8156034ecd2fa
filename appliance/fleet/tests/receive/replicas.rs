//! Several receivers on one database: events are shared out, each box's clips go to one of them.

use std::path::Path;

use wire::topic::Device;

use crate::Broker;
use crate::boxes::{clip, upload};
use crate::kills::{Crowd, assert_complete, crowd, rows_of};
use crate::postgres::Server;
use crate::receiver::Receiver;

pub(crate) const REPLICAS: usize = 3;
const BOXES: usize = 9;
const EVENTS: u64 = 600;
const CLIP_BYTES: usize = 100_000;

/// The receiver with this index, with clips in a folder of its own.
pub(crate) fn start(folder: &Path, (port, url): (u16, &str), index: usize) -> Receiver {
    let more = format!(
        "[store]\ndb = \"{url}\"\nclips = \"clips-{index}/\"\n\
         [replica]\ngroup = \"receivers\"\nindex = {index}\ncount = {REPLICAS}\n"
    );
    Receiver::start(folder, (port, &format!("replica-{index}")), &more)
}

/// Which receivers have anything of the box's clip; what each has must be this, whole.
pub(crate) fn holders(folder: &Path, device: &Device, content: &[u8]) -> Vec<usize> {
    let clips =
        |index: &usize| folder.join(format!("clips-{index}/demo")).join(device.device.as_str());
    let holders: Vec<usize> = (0..REPLICAS).filter(|index| clips(index).exists()).collect();
    for index in &holders {
        let name = format!("{}.mp4", crate::boxes::record(&[]).id);
        let stored = std::fs::read(clips(index).join(name)).expect("the clip");
        assert!(stored == content, "{device:?}: another content");
    }
    holders
}

/// Marks as `(device, upto, above)`.
fn marks_of(url: &str) -> Vec<(String, i64, String)> {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("it is there");
        tokio::spawn(connection);
        let sql = "SELECT device, upto, above FROM marks ORDER BY device";
        let rows = client.query(sql, &[]).await.expect("rows");
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    })
}

#[test]
fn three_receivers_share_the_events_and_one_of_them_may_be_killed() {
    let Some(broker) = Broker::start("") else { return };
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.database("fleet");
    let place = (broker.port, url.as_str());
    let mut replicas: Vec<Receiver> =
        (0..REPLICAS).map(|index| start(folder.path(), place, index)).collect();
    let boxes = Crowd::send(broker.port, crowd(BOXES).map(|device| (device, EVENTS)));
    replicas[1].wait_past("events_total", 300.0);
    replicas.remove(1).kill();
    replicas[0].wait_past("events_total", 900.0);
    replicas.insert(1, start(folder.path(), place, 1));
    boxes.finish();
    for (index, replica) in replicas.iter().enumerate() {
        let stored = replica.sample("events_total").expect("a sample");
        assert!(stored > 0.0, "replica {index} stored nothing");
    }
    assert_complete(&rows_of(&url), BOXES, EVENTS);
    let complete = crowd(BOXES)
        .map(|device| (device.device.as_str().to_owned(), EVENTS as i64, "[]".to_owned()));
    assert_eq!(marks_of(&url), complete.collect::<Vec<_>>());
    // What one receiver told was told by no other one.
    let told = (0..REPLICAS).flat_map(|index| {
        let file = folder.path().join(format!("replica-{index}.jsonl"));
        let text = std::fs::read_to_string(file).expect("its lines");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    let mut told: Vec<(String, u64)> = told
        // The last line of the one that was killed may be torn.
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok())
        .filter(|line| line["type"] == "event")
        .map(|line| (line["device"].to_string(), line["envelope"]["seq"].as_u64().expect("seq")))
        .collect();
    let lines = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), lines, "an event was told twice");
}

#[test]
fn clips_of_a_box_go_to_exactly_one_of_three_receivers() {
    let Some(broker) = Broker::start("") else { return };
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.database("fleet");
    let place = (broker.port, url.as_str());
    // One box is known before there is a receiver, by its retained birth; the others come later.
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let early = runtime.spawn(upload(broker.port, crowd(1).next().expect("a box"), CLIP_BYTES));
    let replicas: Vec<Receiver> =
        (0..REPLICAS).map(|index| start(folder.path(), place, index)).collect();
    runtime.block_on(async {
        early.await.expect("it is uploaded");
        for device in crowd(BOXES).skip(1) {
            upload(broker.port, device, CLIP_BYTES).await;
        }
    });
    let mut of_replica = [0; REPLICAS];
    for device in crowd(BOXES) {
        let holders = holders(folder.path(), &device, &clip(&device, CLIP_BYTES));
        assert_eq!(holders.len(), 1, "{device:?} is at {holders:?}");
        of_replica[holders[0]] += 1;
    }
    for (replica, clips) in replicas.iter().zip(of_replica) {
        assert_eq!(replica.sample("clips_total"), Some(f64::from(clips)));
    }
    assert!(of_replica.iter().all(|clips| *clips > 0), "{of_replica:?}");
}
