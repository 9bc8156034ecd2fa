//! What an earlier version wrote is read by this one.

use super::*;
use crate::postgres_server::Server;

/// An announcement as it was before boxes could put clips into the bucket themselves.
const ANNOUNCEMENT: &str = r#"{"name":"clip.mp4","size":3000,
    "checksum":"0000000000000000000000000000000000000000000000000000000000000000",
    "user_data":{"id":"00000000000000000000000000000abc","source":"court-1",
        "interval":{"start":0,"end":90000},"frames":25,"picture":{"width":1280,"height":720},
        "bytes":3000,"starts":1767225590000000,"events":[],
        "sha256":"0000000000000000000000000000000000000000000000000000000000000000"}}"#;

/// Tables and a file as version 0.1 left them, in a database that has today's.
fn earlier(version: &str) -> String {
    format!(
        "ALTER TABLE files DROP COLUMN upload;
         INSERT INTO files VALUES ('demo', 'box-1', '{}', 3000, '0', '{ANNOUNCEMENT}',
             'receiving', '[[0,10]]', 7);
         {version};",
        ClipId(0xabc)
    )
}

fn assert_goes_on(db: &Db, runtime: &Handle) {
    let device = Device {
        tenant: "demo".parse().expect("a name"),
        device: "box-1".parse().expect("a name"),
    };
    let key = (device, ClipId(0xabc));
    let mut files = open(db, runtime).expect("it is brought up to date").files;
    let mut file = files.read(&key).expect("the table").expect("the file");
    assert_eq!(file.gathered, Gathered::Part(Ranges::from_pairs([(0, 10)])));
    file.gathered = Gathered::Upload("an id".to_owned());
    files.begin(&key, &file, WallTime(8)).expect("written");
    drop(files);
    let mut files = open(db, runtime).expect("it is up to date").files;
    assert_eq!(files.read(&key).expect("the table"), Some(file));
    files.finish(&key, WallTime(9)).expect("written");
    let stored = Known::Stored { sha256: "0".repeat(64) };
    assert_eq!(files.known(&key).expect("the table"), stored);
}

#[test]
fn file_in_sqlite_goes_on_after_the_tables_became_later_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fleet.sqlite");
    let connection = sqlite::schema::open(&path).expect("it opens");
    connection.execute_batch(&earlier("PRAGMA user_version = 2")).expect("an earlier version");
    drop(connection);
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    assert_goes_on(&Db::Sqlite(path), runtime.handle());
}

#[test]
fn file_in_postgresql_goes_on_after_the_tables_became_later_ones() {
    let Some(server) = Server::start() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let address = Address::read(&server.database("earlier"), None).expect("an address");
    let session = postgres::session::Session::connect(address.clone(), runtime.handle().clone());
    let mut session = session.expect("it opens");
    let waiting = session.waiting();
    let sql = earlier("UPDATE schema_version SET version = 1");
    let client = &session.open().expect("it is open").client;
    waiting.on(client.batch_execute(&sql)).expect("an earlier version");
    drop(session);
    assert_goes_on(&Db::Postgres(address), runtime.handle());
}
