//! What a receiver counts, as Prometheus would scrape it, and what it keeps of what it cannot read.

use crate::Broker;
use crate::boxes::{connect, deliver, device, raw, tell};
use crate::receiver::{Receiver, fleet};

const STORE: &str = "[store]\ndb = \"fleet.sqlite\"\nclips = \"clips/\"\n";

#[test]
fn scraper_sees_what_was_stored_and_the_command_lists_what_could_not_be_read() {
    let Some(broker) = Broker::start("") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::start(folder.path(), (broker.port, "one"), STORE);
    let court = device("court-1");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        deliver(broker.port, court.clone(), 100).await;
        let mut connection = connect(broker.port, &court).await;
        for _twice in 0..2 {
            let topic = "cv1/demo/court-1/evtb/box/notice";
            tell(&mut connection, &court, raw(topic, &[1, 2, 3]));
        }
        // Both are told before the connection ends.
        while connection.unanswered() > 0 {
            let _event = connection.next().await;
        }
    });
    receiver.wait_for("dead_letters_total{reason=\"malformed\"}", 2.0);
    assert_eq!(receiver.sample("events_total"), Some(100.0));
    let messages = receiver.sample("messages_total{desk=\"messages\"}").expect("a sample");
    assert!(messages >= 103.0, "100 events, an info, two that cannot be read: {messages}");
    let commits = receiver.sample("commit_seconds_count{desk=\"messages\"}").expect("a sample");
    assert!(commits >= 1.0 && commits <= messages, "{commits}");
    assert!(receiver.sample("commit_seconds_sum{desk=\"messages\"}").is_some_and(|s| s > 0.0));

    let output = fleet(folder.path(), &["dead-letters", "--config", "one.toml"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in ["malformed", "cv1/demo/court-1/evtb/box/notice", " 2 times ", " 01 02 03"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let output = fleet(folder.path(), &["dead-letters", "--json", "--config", "one.toml"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&json["bytes"], &json["count"]), (&"AQID".into(), &2.into()));
    assert_eq!(receiver.end(), Some(0));
    let told = std::fs::read_to_string(folder.path().join("one.jsonl")).expect("its lines");
    assert_eq!(told.lines().count(), 100);
}

#[test]
fn address_that_is_taken_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let text = format!(
        "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n{STORE}[metrics]\nlisten = \"{address}\"\n"
    );
    std::fs::write(folder.path().join("fleet.toml"), text).expect("writable");
    let output = fleet(folder.path(), &["receive", "--config", "fleet.toml"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("metrics.listen") && message.contains("in use"), "{message}");
}
