//! The two commands themselves, as an integrator meets them.

use fleet::clock::SystemClock;
use hal::Clock;
use wire::envelope::Envelope;

use super::*;

#[test]
fn tail_tells_people_and_records_what_replay_tells_again() {
    let Some(stage) = Stage::build() else { return };
    let file = stage.folder.path().join("again.jsonl");
    let name = file.display().to_string();
    let url = stage.url();
    let arguments = ["tail", "--url", &url, "--telemetry", "--record", &name];
    let program =
        Program::start(Command::new(env!("CARGO_BIN_EXE_courtside-fleet")).args(arguments));
    stage.wait_for("cv1/+/+/tel/+");
    stage.tell();
    let told = program.lines_until(|line| line.contains("Disconnected"));
    let without_time: Vec<&str> =
        told.iter().filter_map(|line| Some(line.split_once("Z ")?.1)).collect();
    let begin = "demo/court-1 made_shot  Provisional  7-1  hoop a  court-1 at 2.60 s  88 %";
    assert_eq!(without_time[3], begin, "{told:#?}");
    assert_eq!(without_time.iter().filter(|line| line.contains("Confirmed  7-1")).count(), 1);
    assert!(
        without_time.contains(&"demo/court-1 tel/timeline  court-1  Measured  drift -48.2 ppm")
    );
    assert!(without_time[1].contains("(ours)"), "{}", without_time[1]);
    assert!(told.iter().all(|line| !line.contains('\u{1b}')), "colours are for terminals");
    assert_eq!(program.end(), Some(0));

    let (first, second) = (recording(), Recording::read(&file).expect("a recording"));
    let plain = |recording: &Recording| {
        let entries = recording.entries.iter();
        let told = entries
            .map(|entry| (entry.leaf.clone(), entry.quality, entry.retain, entry.payload.clone()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(plain(&first), plain(&second));
    let length =
        second.entries.last().map_or(Duration::ZERO, |entry| entry.at) - second.entries[0].at;
    let expected = Duration::from_secs(30) / 20;
    assert!(length > expected * 9 / 10 && length < expected * 3, "{length:?}");
    let again = fleet(&["tail", "--url", &url, "--record", &name]);
    let why = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && why.contains("does not exist yet"), "{why}");
}

#[test]
fn tail_as_json_of_one_kind_has_that_kind_alone() {
    let Some(stage) = Stage::build() else { return };
    let url = stage.url();
    let arguments =
        ["tail", "--url", &url, "--json", "--kind", "clip,state", "--device", "court-1"];
    let program =
        Program::start(Command::new(env!("CARGO_BIN_EXE_courtside-fleet")).args(arguments));
    stage.wait_for("cv1/+/court-1/state");
    stage.tell();
    let told: Vec<Value> = program
        .lines_until(|line| line.contains("disconnected"))
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[1]["message"]["body"]["clip"]["frames"], 150);
    assert_eq!((&told[0]["retain"], &told[1]["retain"]), (&true.into(), &false.into()));
}

#[test]
fn replay_as_another_box_now_and_in_rounds_is_news_to_everybody() {
    let Some(stage) = Stage::build() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let url = stage.url();
    let file = showcase::path().display().to_string();
    let received = runtime.block_on(async {
        let mut connection = listen(&stage, "watcher", "cv1/+/+/+/+/#").await;
        let arguments = ["replay", &file, "--to", &url, "--as", "lab/bench", "--now", "--loop"];
        let program = Program::start(
            Command::new(env!("CARGO_BIN_EXE_courtside-fleet"))
                .args(arguments)
                .args(["--speed", "100"]),
        );
        let received = messages(&mut connection, 2 * 28).await;
        assert_eq!(program.end(), Some(0));
        received
    });
    assert!(received.iter().all(|message| message.topic().starts_with("cv1/lab/bench/")));
    let envelopes: Vec<Envelope> = received.iter().filter_map(envelope).collect();
    assert_eq!(envelopes.len(), 2 * 26);
    assert!(envelopes.iter().all(|envelope| envelope.dev.as_str() == "bench"));
    let boots: Vec<u32> = envelopes.iter().map(|envelope| envelope.boot.0).collect();
    assert_eq!(boots, [[7; 26], [8; 26]].concat());
    // JSON and postcard of an event are the same still.
    for pair in envelopes.chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    let now = SystemClock::start().wall_time();
    let age = |envelope: &Envelope| now.0 - envelope.ts_us.0;
    assert!(envelopes.iter().all(|told| (-1_000_000..60_000_000).contains(&age(told))));
}

fn envelope(message: &mqtt::Incoming) -> Option<Envelope> {
    let topic = message.topic();
    if topic.contains("/evt/") {
        return serde_json::from_slice(message.payload()).ok();
    }
    topic.contains("/evtb/").then(|| postcard::from_bytes(message.payload()).expect("readable"))
}

#[test]
fn replay_without_a_broker_or_with_one_that_refuses_says_so() {
    let file = showcase::path().display().to_string();
    let nobody = fleet(&["replay", &file, "--to", "mqtt://127.0.0.1:1"]);
    let why = String::from_utf8_lossy(&nobody.stderr);
    assert!(!nobody.status.success() && why.contains("0 messages were told"), "{why}");

    let folder = tempfile::tempdir().expect("a folder");
    let access = folder.path().join("access");
    std::fs::write(&access, "topic write cv1/demo/+/state\n").expect("writable");
    let more = format!("acl_file {}", access.display());
    let Some(broker) = Broker::start(&more) else { return };
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let refused = fleet(&["replay", &file, "--to", &url, "--speed", SPEED]);
    let why = String::from_utf8_lossy(&refused.stderr);
    let expected = "line 3: the broker refuses `cv1/demo/court-1/info`: NotAuthorized";
    assert!(!refused.status.success() && why.contains(expected), "{why}");
}

#[test]
fn password_comes_from_the_receivers_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let passwords = folder.path().join("passwords");
    let made = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&passwords)
        .args(["reader", "right"])
        .output();
    if made.is_err() {
        eprintln!("SKIPPED: there is no mosquitto_passwd (apt install mosquitto)");
        return;
    }
    let more = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let Some(broker) = Broker::start_closed(&more) else { return };
    let config = folder.path().join("fleet.toml");
    let file = showcase::path().display().to_string();
    for (password, is_good) in [("right", true), ("wrong", false)] {
        let text = format!(
            "schema = 1\n[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\nusername = \"reader\"\npassword = \
             \"{password}\"\n[store]\ndb = \"x\"\nclips = \"y\"\n",
            broker.port
        );
        std::fs::write(&config, text).expect("writable");
        let config = config.display().to_string();
        let told = fleet(&["replay", &file, "--config", &config, "--speed", SPEED]);
        let why = String::from_utf8_lossy(&told.stderr);
        assert_eq!(told.status.success(), is_good, "{password}: {why}");
    }
}

#[test]
fn broken_line_is_named_and_nothing_is_told() {
    let Some(stage) = Stage::build() else { return };
    let broken = stage.folder.path().join("broken.jsonl");
    let good = showcase::text();
    let line = good.lines().nth(4).expect("a fifth line").to_owned();
    let cases = [
        ("{\"at_us\":1", "line 5: no message of a recording"),
        (&*line.replace("\"qos\":1", "\"qos\":2"), "line 5: `qos` = 2"),
        (&*line.replace("cv1/demo", "cv2/demo"), "line 5: `cv2/demo"),
        (&*line.replace("/evt", "/ack/evt"), "delete the line"),
        (&*line.replace("\"base64\":\"", "\"base64\":\"!"), "line 5: `base64`"),
        (
            &*line.replace("\"base64\":\"AQ", "\"base64\":\"AA"),
            "line 5: the message cannot be read",
        ),
    ];
    for (wrong, expected) in cases {
        std::fs::write(&broken, good.replacen(&line, wrong, 1)).expect("writable");
        let output = stage.replay(&broken, &["--as", "lab/bench"]);
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && why.contains(expected), "{expected:?}: {why}");
    }
}
