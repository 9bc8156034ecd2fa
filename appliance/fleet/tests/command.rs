//! The command as a user meets it: help, mistakes in the configuration, exit codes.

use std::path::Path;
use std::process::{Command, Output};

fn fleet(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_courtside-fleet"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the command runs")
}

fn receive_with(config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("fleet.toml"), config).expect("writable");
    let output = fleet(&["receive", "--config", "fleet.toml"], folder.path());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

const MQTT: &str = "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:1883\"\n";
const STORE: &str = "[store]\ndb = \"fleet.sqlite\"\nclips = \"clips/\"\n";

#[test]
fn mistakes_name_the_key_and_what_to_write_and_end_with_2() {
    let with = |mqtt: &str| format!("schema = 1\n[mqtt]\n{mqtt}\n{STORE}");
    let cases = [
        (format!("{MQTT}{STORE}odd = 1\n"), vec!["odd", "schema = 1"]),
        (MQTT.to_owned(), vec!["store"]),
        (format!("{MQTT}[store]\ndb = \"d\"\nclips = \"s3://\"\n"), vec!["store.clips", "BUCKET"]),
        (format!("{MQTT}{STORE}spool = \"s\"\n"), vec!["store.spool", "s3://"]),
        (
            format!(
                "{MQTT}[store]\ndb = \"postgres://a@b/c\"\ndb_ca = \"no.pem\"\nclips = \"c\"\n"
            ),
            vec!["store.db_ca", "no.pem"],
        ),
        (
            format!("{MQTT}[store]\ndb = \"postgres://a@b/c?sslmode=require\"\nclips = \"c\"\n"),
            vec!["store.db_ca", "sslmode"],
        ),
        (format!("{MQTT}{STORE}clip_desks = 0\n"), vec!["store.clip_desks", "1 to 16"]),
        (format!("{MQTT}{STORE}db_ca = \"ca.pem\"\n"), vec!["store.db_ca", "remove"]),
        (format!("{MQTT}[store]\ndb = \"\"\nclips = \"c\"\n"), vec!["store.db", "fleet.sqlite"]),
        ("no toml".to_owned(), vec!["fleet.toml", "url ="]),
        (format!("{MQTT}{STORE}").replace("schema = 1", "schema = 2"), vec!["schema", "= 1"]),
        (with("url = \"tcp://host\""), vec!["mqtt.url", "tcp://host", "mqtts://"]),
        (with("url = \"mqtts://host\""), vec!["mqtt.url", "ca = "]),
        (with("url = \"mqtts://host\"\nca = \"no.pem\""), vec!["mqtt.ca", "no.pem"]),
        (with("url = \"mqtt://host\"\nca = \"no.pem\""), vec!["mqtts://"]),
        (with("url = \"mqtt://host\"\nusername = \"u\""), vec!["mqtt.username", "password"]),
        (
            format!("{MQTT}{STORE}[metrics]\nlisten = \"here\"\n"),
            vec!["metrics.listen", "here", "127.0.0.1:9464"],
        ),
        (
            format!("{MQTT}{STORE}[replica]\ngroup = \"g\"\nindex = 0\ncount = 2\n"),
            vec!["store.db", "postgres://", "SQLite"],
        ),
        (
            format!("{MQTT}{STORE}[replica]\ngroup = \"g\"\nindex = 2\ncount = 2\n"),
            vec!["replica.index", "below 2"],
        ),
        (
            format!("{MQTT}{STORE}[replica]\ngroup = \"g\"\nindex = 0\ncount = 0\n"),
            vec!["replica.count"],
        ),
        (format!("{MQTT}{STORE}[replica]\ngroup = \"g\"\n"), vec!["index"]),
        (with("url = \"mqtt://host\"\nclient_id = \"a/b\""), vec!["mqtt.client_id", "fleet-1"]),
    ];
    for (config, expected) in cases {
        let (code, message) = receive_with(&config);
        assert_eq!(code, Some(2), "{config}\n{message}");
        for text in expected {
            assert!(message.contains(text), "{text:?} is not in:\n{message}");
        }
    }
}

#[test]
fn secrets_are_never_shown() {
    for db in ["postgres://fleet:hunter2@host:port/db", "postgres://fleet:hunter2@host"] {
        let (code, message) = receive_with(&format!("{MQTT}[store]\ndb = {db:?}\nclips = \"c\"\n"));
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains("store.db") && !message.contains("hunter2"), "{message}");
    }
    let db = "postgres://fleet:hunter2@127.0.0.1:1/fleet";
    let (code, message) = receive_with(&format!("{MQTT}[store]\ndb = {db:?}\nclips = \"c\"\n"));
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("postgres://127.0.0.1:1/fleet"), "{message}");
    assert!(message.contains("refused"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
    let urls = ["url = \"mqtt://u:hunter2@host\"", "url = \"mqtt://host\"\npassword = \"hunter2\""];
    for url in urls {
        let (code, message) = receive_with(&format!("schema = 1\n[mqtt]\n{url}\n{STORE}"));
        assert_eq!(code, Some(2));
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn missing_file_is_named_with_an_example() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = fleet(&["receive", "--config", "nowhere.toml"], folder.path());
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("nowhere.toml") && message.contains("clips ="), "{message}");
}

#[test]
fn store_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!("{MQTT}[store]\ndb = \"no/such/folder/db\"\nclips = \"clips\"\n");
    std::fs::write(folder.path().join("fleet.toml"), config).expect("writable");
    let output = fleet(&["receive", "--config", "fleet.toml"], folder.path());
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("store.db"), "{message}");
}

#[test]
fn listener_and_replay_say_which_broker_they_need() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("bad.toml"), "schema = 2").expect("writable");
    let cases: [(&[&str], i32, &[&str]); 7] = [
        (&["tail"], 2, &["--config", "--url"]),
        (&["tail", "--url", "mqtt://h", "--config", "c"], 2, &["cannot be used with"]),
        (&["tail", "--url", "mqtts://host"], 2, &["mqtts://host", "--config", "`ca`"]),
        (&["tail", "--url", "host"], 2, &["host", "mqtt://"]),
        (&["tail", "--config", "bad.toml"], 2, &["bad.toml"]),
        (&["tail", "--url", "mqtt://h", "--kind", "a/b"], 2, &["a/b", "a name has only"]),
        (&["replay", "x", "--to", "mqtt://h", "--as", "bench"], 2, &["demo/court-9"]),
    ];
    for (arguments, expected, texts) in cases {
        let output = fleet(arguments, folder.path());
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}: {message}");
        for text in texts {
            assert!(message.contains(text), "{text:?} is not in:\n{message}");
        }
    }
    let output = fleet(&["tail", "--url", "mqtt://u:hunter2@host"], folder.path());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}

#[test]
fn replay_says_what_is_wrong_with_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = r#"{"courtside_recording":1,"began_us":0}"#;
    let cases = [
        ("", "nothing was recorded"),
        ("{}", "line 1: not the beginning of a recording"),
        (r#"{"courtside_recording":9,"began_us":0}"#, "line 1: a recording of version 9"),
        (header, "nothing was recorded"),
    ];
    for (text, expected) in cases {
        std::fs::write(folder.path().join("r.jsonl"), text).expect("writable");
        let output = fleet(&["replay", "r.jsonl", "--to", "mqtt://127.0.0.1:1"], folder.path());
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(expected), "{expected:?} is not in:\n{message}");
    }
    let output = fleet(&["replay", "none.jsonl", "--to", "mqtt://127.0.0.1:1"], folder.path());
    assert!(String::from_utf8_lossy(&output.stderr).contains("none.jsonl"));
}

#[test]
fn dead_letters_of_a_new_store_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("fleet.toml"), format!("{MQTT}{STORE}")).expect("writable");
    let output = fleet(&["dead-letters", "--config", "fleet.toml"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let output = fleet(&["dead-letters", "--config", "none.toml"], folder.path());
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn help_says_what_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = fleet(&["receive", "--help"], folder.path());
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for text in ["--config", "--json", "SQLite", "ID.mp4", "killed"] {
        assert!(help.contains(text), "{text:?} is not in:\n{help}");
    }
}
