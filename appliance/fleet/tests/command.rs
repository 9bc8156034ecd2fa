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
        (format!("{MQTT}[store]\ndb = \"\"\nclips = \"c\"\n"), vec!["store.db", "fleet.sqlite"]),
        ("no toml".to_owned(), vec!["fleet.toml", "url ="]),
        (format!("{MQTT}{STORE}").replace("schema = 1", "schema = 2"), vec!["schema", "= 1"]),
        (with("url = \"tcp://host\""), vec!["mqtt.url", "tcp://host", "mqtts://"]),
        (with("url = \"mqtts://host\""), vec!["mqtt.url", "ca = "]),
        (with("url = \"mqtts://host\"\nca = \"no.pem\""), vec!["mqtt.ca", "no.pem"]),
        (with("url = \"mqtt://host\"\nca = \"no.pem\""), vec!["mqtts://"]),
        (with("url = \"mqtt://host\"\nusername = \"u\""), vec!["mqtt.username", "password"]),
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
fn help_says_what_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = fleet(&["receive", "--help"], folder.path());
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for text in ["--config", "--json", "SQLite", "ID.mp4", "killed"] {
        assert!(help.contains(text), "{text:?} is not in:\n{help}");
    }
}
