//! Whoever dies while boxes send: every message is stored, once, with its content.

use std::path::Path;

use tokio::task::JoinSet;
use wire::topic::Device;

use crate::Broker;
use crate::boxes::{content, deliver, device};
use crate::postgres::Server;
use crate::receiver::Receiver;

const BOXES: usize = 4;
const EVENTS: u64 = 1_000;

/// Boxes that send on threads of their own until everything is acknowledged.
pub(crate) struct Crowd {
    runtime: tokio::runtime::Runtime,
    sending: JoinSet<u64>,
}

impl Crowd {
    pub(crate) fn send(port: u16, boxes: impl Iterator<Item = (Device, u64)>) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let mut sending = JoinSet::new();
        for (device, count) in boxes {
            sending.spawn_on(deliver(port, device, count), runtime.handle());
        }
        Self { runtime, sending }
    }

    /// Waits until everything is acknowledged; returns how many messages were sent again.
    pub(crate) fn finish(self) -> u64 {
        let Self { runtime, sending } = self;
        runtime.block_on(sending.join_all()).into_iter().sum()
    }
}

pub(crate) fn crowd(boxes: usize) -> impl Iterator<Item = Device> {
    (1..=boxes).map(|number| device(&format!("court-{number}")))
}

/// Rows as `(device, seq, json)`, in that order: each message once, with its own content.
pub(crate) fn assert_complete(rows: &[(String, u64, String)], boxes: usize, events: u64) {
    let expected: Vec<(Device, u64)> = crowd(boxes)
        .flat_map(|device| (1..=events).map(move |seq| (device.clone(), seq)))
        .collect();
    assert_eq!(rows.len(), expected.len());
    for ((name, seq, json), (device, number)) in rows.iter().zip(&expected) {
        assert_eq!((name.as_str(), seq), (device.device.as_str(), number));
        let text = content(device, *number);
        assert!(json.contains(&format!("\"{text}\"")), "{text} is not in {json}");
    }
}

fn rows(folder: &Path) -> Vec<(String, u64, String)> {
    let connection = rusqlite::Connection::open(folder.join("fleet.sqlite")).expect("it opens");
    let mut statement = connection
        .prepare("SELECT device, seq, json FROM events ORDER BY device, boot, seq")
        .expect("SQL");
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let rows = statement.query_map([], row).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

/// The rows of a database, in the same form.
pub(crate) fn rows_of(url: &str) -> Vec<(String, u64, String)> {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("it is there");
        tokio::spawn(connection);
        let sql = "SELECT device, seq, json FROM events ORDER BY device, boot, seq";
        let rows = client.query(sql, &[]).await.expect("rows");
        rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1) as u64, row.get(2))).collect()
    })
}

#[test]
fn postgresql_killed_midway_loses_nothing_and_stores_nothing_twice() {
    let Some(broker) = Broker::start("") else { return };
    let Some(mut server) = Server::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.database("fleet");
    let store = format!("[store]\ndb = \"{url}\"\nclips = \"clips/\"\n");
    let receiver = Receiver::start(folder.path(), (broker.port, "one"), &store);
    let boxes = Crowd::send(broker.port, crowd(BOXES).map(|device| (device, EVENTS)));
    for so_far in [500.0, 1_500.0, 2_500.0] {
        receiver.wait_past("events_total", so_far);
        server.kill();
        // The receiver notices: it could not store a batch, and tries until it can.
        receiver.wait_past("commit_errors_total{desk=\"messages\"}", so_far / 1_000.0 + 0.5);
        server.restart();
    }
    boxes.finish();
    assert_eq!(receiver.end(), Some(0));
    assert_complete(&rows_of(&url), BOXES, EVENTS);
}

#[test]
fn receiver_killed_midway_loses_nothing_and_stores_nothing_twice() {
    let Some(broker) = Broker::start("") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let store = "[store]\ndb = \"fleet.sqlite\"\nclips = \"clips/\"\n";
    let start = || Receiver::start(folder.path(), (broker.port, "one"), store);
    let receiver = start();
    let boxes = Crowd::send(broker.port, crowd(BOXES).map(|device| (device, EVENTS)));
    receiver.wait_past("events_total", 500.0);
    receiver.kill();
    let receiver = start();
    boxes.finish();
    assert_eq!(receiver.end(), Some(0));
    assert_complete(&rows(folder.path()), BOXES, EVENTS);
}
