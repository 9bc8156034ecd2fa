//! `courtside doctor` as a program, on a machine where no box runs: what it prints, what it writes
//! and how it ends. Beside a running box: `tests/e2e/tests/doctor.rs`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A configuration whose broker is nobody, in a folder with the box's own.
fn config(folder: &Path) -> PathBuf {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    fs::create_dir(folder.join("box")).expect("writable");
    let text = format!(
        "schema = 1\n[box]\ntenant = \"demo\"\ndevice = \"court-1\"\ndata_dir = \"box\"\n\
         [mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n[[source]]\nname = \"court-1\"\n\
         kind = \"rtmp\"\nlisten = \"127.0.0.1:1935\"\napp = \"live\"\nkey = \"secret-key\"\n\
         sport = \"basketball\"\n"
    );
    let file = folder.join("courtside.toml");
    fs::write(&file, text).expect("writable");
    file
}

fn doctor(config: &Path, arguments: &[&str]) -> Output {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let mut command = Command::new(env!("CARGO_BIN_EXE_courtside"));
    command.env("COURTSIDE_PACKS", models.join("packs"));
    command.env("COURTSIDE_KEYS", models.join("keys"));
    command.arg("doctor").arg("--config").arg(config).args(arguments);
    command.output().expect("it runs")
}

/// The checks of a section.
fn section<'r>(report: &'r Value, name: &str) -> &'r Vec<Value> {
    let sections = report["sections"].as_array().expect("a list");
    let found = sections.iter().find(|section| section["name"] == name);
    found.and_then(|section| section["checks"].as_array()).expect("the section")
}

fn check<'r>(report: &'r Value, (part, name): (&str, &str)) -> &'r Value {
    let found = section(report, part).iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

#[test]
fn doctor_of_a_box_that_does_not_run_says_so_and_looks_at_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("court-1.html");
    let arguments = ["--json", "--html", page.to_str().expect("text")];
    let output = doctor(&config(folder.path()), &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let envelope: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(envelope["signature"].is_null(), "{envelope}");
    assert!(envelope["unsigned_because"].as_str().is_some_and(|why| why.contains("no key")));
    let signed = envelope["signed"].as_str().expect("a text");
    let report: Value = serde_json::from_str(signed).expect("JSON");
    assert_eq!(report["outcome"], "not_accepted");
    let running = check(&report, ("box", "running box"));
    assert_eq!(running["found"], "no box runs with this configuration");
    let camera = check(&report, ("cameras", "court-1 pictures"));
    assert_eq!(camera["verdict"], "not_checked");
    let port = check(&report, ("network", "broker port"));
    assert_eq!(port["verdict"], "bad");
    assert!(port["found"].as_str().is_some_and(|found| found.starts_with("nobody listens")));
    assert!(check(&report, ("disk", "write speed"))["figures"]["mib_s"].is_number());
    for pack in ["ball", "board", "hoop", "rim", "sound"] {
        let pack = check(&report, ("models", &format!("pack {pack}")));
        let found = pack["found"].as_str().expect("text");
        assert!(found.contains("signature and files right") && found.contains(" declared)"));
    }
    for part in ["board", "clock"] {
        assert!(!section(&report, part).is_empty(), "{part}");
    }
    let html = fs::read_to_string(&page).expect("it was written");
    assert!(html.contains("not accepted: ") && html.contains("nobody listens"), "{html}");
    let beside = fs::read(folder.path().join("court-1.json")).expect("it was written");
    assert_eq!(serde_json::from_slice::<Value>(&beside).expect("JSON"), envelope);
    assert!(!signed.contains("secret-key") && !html.contains("secret-key"));
    let left: Vec<_> = fs::read_dir(folder.path().join("box")).expect("readable").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn doctor_refuses_a_configuration_that_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = config(folder.path());
    let text = fs::read_to_string(&file).expect("readable");
    fs::write(&file, text.replace("mqtt://", "tcp://")).expect("writable");
    let output = doctor(&file, &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("courtside.toml:7: `mqtt.url"), "{said}");
    assert!(output.stdout.is_empty());
}
