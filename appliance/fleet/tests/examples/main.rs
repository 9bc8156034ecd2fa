//! The examples of `docs/examples/` and `docs/subscriber.md`, run as they stand there against a real
//! broker to which a recording is told.

#[path = "../../../mqtt/tests/broker/mod.rs"]
mod broker;
mod program;
mod showcase;
mod tail_and_replay;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use broker::Broker;
use fleet::recording::Recording;
use mqtt::{Connection, Endpoint, Event, Security, Session};
use program::{Program, is_there};
use serde_json::Value;
use tempfile::TempDir;

/// The recording of half a minute passes in a second and a half.
const SPEED: &str = "20";

/// A broker that writes down who subscribed, with a second door for browsers.
struct Stage {
    broker: Broker,
    web_port: u16,
    log: PathBuf,
    folder: TempDir,
}

impl Stage {
    fn build() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("broker.log");
        let web_port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let more = format!(
            "log_dest file {}\nlog_type subscribe\nlistener {web_port} 127.0.0.1\nprotocol websockets",
            log.display()
        );
        Some(Self { broker: Broker::start(&more)?, web_port, log, folder })
    }

    fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.broker.port)
    }

    /// Waits until somebody has subscribed to this filter.
    #[track_caller]
    fn wait_for(&self, filter: &str) {
        for _ in 0..2_000 {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            if log.lines().any(|line| line.split(' ').next_back() == Some(filter)) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        panic!("nobody subscribed to {filter}:\n{log}");
    }

    fn replay(&self, file: &Path, more: &[&str]) -> Output {
        let file = file.display().to_string();
        let url = self.url();
        let arguments = ["replay", &file, "--to", &url, "--speed", SPEED];
        fleet(&[&arguments, more].concat())
    }

    #[track_caller]
    fn tell(&self) {
        let told = self.replay(&showcase::path(), &[]);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        assert!(
            text.starts_with(&format!("{} messages told", recording().entries.len())),
            "{text}"
        );
    }
}

fn fleet(arguments: &[&str]) -> Output {
    let command = env!("CARGO_BIN_EXE_courtside-fleet");
    Command::new(command).args(arguments).output().expect("the command runs")
}

fn recording() -> Recording {
    Recording::read(&showcase::path()).expect("a recording")
}

fn document(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
}

/// The lines of `docs/subscriber.md` that begin so, without their comments.
fn lines_of_the_guide(begin: &str) -> Vec<String> {
    let guide = std::fs::read_to_string(document("subscriber.md")).expect("a guide");
    let lines = guide.lines().filter(|line| line.starts_with(begin));
    lines.map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn each_line_with_mosquitto_sub_shows_what_the_guide_says() {
    let why = "there is no mosquitto_sub (apt install mosquitto-clients)";
    if !is_there("sh", &["-c", "command -v mosquitto_sub"], why) {
        return;
    }
    let Some(stage) = Stage::build() else { return };
    let lines = lines_of_the_guide("mosquitto_sub -h BROKER");
    let broker = format!("127.0.0.1 -p {}", stage.broker.port);
    let mut running = Vec::new();
    for line in &lines {
        if line.contains("jq") && !is_there("jq", &["--version"], "there is no jq (apt install jq)")
        {
            continue;
        }
        let filter = line.split('\'').nth(1).expect("a topic filter in quotes");
        let program =
            Program::start(Command::new("sh").args(["-c", &line.replace("BROKER", &broker)]));
        stage.wait_for(filter);
        running.push((filter.to_owned(), program));
    }
    stage.tell();
    let mut checked = 0;
    for (filter, program) in &running {
        match filter.as_str() {
            "cv1/demo/court-1/evt/#" => {
                let is_last = |line: &str| line.starts_with("cv1/demo/court-1/evt/court-1/notice ");
                let told = program.lines_until(is_last);
                assert_eq!(told.len(), 13, "{told:#?}");
                assert!(told[1].starts_with("cv1/demo/court-1/evt/court-1/made_shot {\"v\":1,"));
                assert!(told[12].contains("–"), "{}", told[12]);
            }
            "cv1/demo/+/evt/+/made_shot" => {
                let bodies: Vec<Value> =
                    (0..7).map(|_| serde_json::from_str(&program.line()).expect("JSON")).collect();
                let ids = bodies.iter().map(|body| body["game"]["id"].as_str().expect("an id"));
                assert_eq!(
                    ids.collect::<Vec<_>>(),
                    ["7-1", "7-1", "7-1", "7-2", "7-2", "7-4", "7-4"]
                );
            }
            "cv1/demo/+/state" => {
                assert_eq!(program.line(), r#"cv1/demo/court-1/state {"state":"ready","boot":7}"#);
                let gone = r#"cv1/demo/court-1/state {"state":"disconnected","boot":7}"#;
                assert_eq!(program.line(), gone);
            }
            other => panic!("the guide has a line for {other}, of which this test knows nothing"),
        }
        checked += 1;
    }
    assert!(checked >= 2, "{lines:?}");
}

#[test]
fn ticker_in_python_drops_duplicates_and_lets_later_revisions_win_also_after_a_new_connection() {
    let python = "/usr/bin/python3";
    let why = "/usr/bin/python3 has no paho (apt install python3-paho-mqtt)";
    if !is_there(python, &["-c", "import paho.mqtt.client"], why) {
        return;
    }
    let Some(mut stage) = Stage::build() else { return };
    let port = stage.broker.port.to_string();
    let script = document("examples/ticker.py").display().to_string();
    let arguments = [&script, "--host", "127.0.0.1", "--port", &port, "--tenant", "demo"];
    let program = Program::start(Command::new(python).args(arguments));
    stage.wait_for("cv1/demo/+/evt/#");
    stage.tell();
    let told = program.lines_until(|line| line == "court-1  disconnected");
    let expected = [
        "court-1  ready",
        "court-1  board  0:0  period 1",
        "court-1  made_shot  provisional  7-1  hoop a  88 %",
        "court-1  made_shot  confirmed  7-1  hoop a  96 %",
        "court-1  clip  0123456789ab4def8123456789abcdef  of 7-1",
        "court-1  board  2:0  period 1",
        "court-1  made_shot  provisional  7-2  hoop a  88 %",
        "court-1  made_shot  retracted  7-2  hoop a  96 %",
        "court-1  missed_shot  confirmed  7-3  hoop a  96 %",
        "court-1  made_shot  confirmed  7-4  hoop a  96 %",
        "court-1  whistle  confirmed  7-5  96 %",
        "court-1  notice  adapted  pictures of court-1 are interlaced; every second row is looked at – deinterlace at the camera",
        "court-1  disconnected",
    ];
    assert_eq!(told, expected);
    // The broker dies; the ticker comes back by itself, and what is told again stays told.
    stage.broker.kill();
    std::fs::remove_file(&stage.log).expect("the broker has written a log");
    stage.broker.restart();
    stage.wait_for("cv1/demo/+/evt/#");
    stage.tell();
    let told = program.lines_until(|line| line == "court-1  disconnected");
    assert_eq!(told, ["court-1  ready", "court-1  disconnected"]);
}

#[test]
fn ticker_in_a_browser_shows_score_and_shots_and_comes_back_by_itself() {
    if !is_there("node", &["--version"], "there is no node (apt install nodejs)") {
        return;
    }
    let Some(mut stage) = Stage::build() else { return };
    let page = document("examples/ticker.html").display().to_string();
    let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples/browser.js");
    let search = format!("?broker=ws://127.0.0.1:{}&tenant=demo", stage.web_port);
    let program = Program::start(Command::new("node").arg(browser).args([&page, &search]));
    stage.wait_for("cv1/demo/+/evt/#");
    let live = program.lines_until(|line| line.contains(": live"));
    assert!(live.len() <= 2, "{live:?}");
    stage.tell();
    let told = program.lines_until(|line| line.contains("is disconnected"));
    let shown: Value = serde_json::from_str(told.last().expect("a line")).expect("JSON");
    assert_eq!((&shown["score"], &shown["made"]), (&"2:0  P1".into(), &"2 made".into()));
    assert_eq!(shown["boxes"], "demo/court-1 is disconnected");
    let items = serde_json::json!([
        [
            "notice",
            "court-1: adapted (pictures of court-1 are interlaced; every second row is looked at – deinterlace at the camera)"
        ],
        ["confirmed", "court-1: whistle (confirmed, 96 %)"],
        ["confirmed", "court-1: made shot (confirmed, hoop a, 96 %)"],
        ["confirmed", "court-1: missed shot (confirmed, hoop a, 96 %)"],
        ["retracted", "court-1: made shot (retracted, hoop a, 96 %)"],
        ["confirmed", "court-1: made shot (confirmed, hoop a, 96 %)"],
    ]);
    assert_eq!(shown["items"], items);
    // While it was open, the retracted shot was shown and counted.
    assert!(told.iter().any(|line| line.contains("2 made") && line.contains("provisional")));

    stage.broker.kill();
    program.lines_until(|line| line.contains("no connection"));
    stage.broker.restart();
    program.lines_until(|line| line.contains(": live"));
    stage.tell();
    let again = program.lines_until(|line| line.contains("is disconnected"));
    let shown_again: Value = serde_json::from_str(again.last().expect("a line")).expect("JSON");
    assert_eq!((&shown_again["made"], &shown_again["items"]), (&"2 made".into(), &items));
}

#[test]
fn led_board_shows_the_same_from_postcard() {
    let Some(stage) = Stage::build() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut board = led_board::Board::default();
    let mut shown = Vec::new();
    runtime.block_on(async {
        let mut connection = listen(&stage, "led", "cv1/demo/court-1/evtb/#").await;
        stage.tell();
        for message in messages(&mut connection, 13).await {
            if let Some(new) = board.take(message.payload()) {
                shown.push(format!("{}|{}|{}", new.score, new.last, new.made));
            }
        }
    });
    let expected = [
        "0:0 P1||0",
        "0:0 P1|MADE SHOT?|1",
        "0:0 P1|MADE SHOT|1",
        "2:0 P1|MADE SHOT|1",
        "2:0 P1|MADE SHOT?|2",
        "2:0 P1||1",
        "2:0 P1|MISSED SHOT|1",
        "2:0 P1|MADE SHOT|2",
        "2:0 P1|WHISTLE|2",
    ];
    assert_eq!(shown, expected);
}

/// A subscriber that is there.
async fn listen(stage: &Stage, client_id: &str, filter: &str) -> Connection<()> {
    let endpoint = Endpoint::new("127.0.0.1", stage.broker.port, &Security::Plain).expect("plain");
    let session = Session {
        client_id: client_id.to_owned(),
        keep_alive: Duration::from_secs(10),
        will: None,
        window: 16,
        packet_bytes_max: 100_000,
        subscriptions: vec![filter.to_owned()],
    };
    let mut connection = Connection::open(&endpoint, session);
    match connection.next().await {
        Event::Up(_) => connection,
        other @ (Event::Answered(..) | Event::Message(_) | Event::Down(_)) => panic!("{other:?}"),
    }
}

/// The next so many messages.
async fn messages(connection: &mut Connection<()>, count: usize) -> Vec<mqtt::Incoming> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(20), connection.next());
        match next.await.expect("another message within 20 s") {
            Event::Message(message) => messages.push(message),
            other @ (Event::Up(_) | Event::Answered(..) | Event::Down(_)) => panic!("{other:?}"),
        }
    }
    messages
}
