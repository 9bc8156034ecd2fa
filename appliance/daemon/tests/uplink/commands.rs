//! Commands over a real broker: done once, answered, remembered over a restart.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use courtside::commands::{self, Commands, Means, Restart, Watched, audit};
use courtside::config;
use courtside::store::Opened;
use courtside::uplink::{Handle, Tempo};
use hal::Clock;
use mqtt::{Connection, Encoding, Event, Incoming, Message, Quality, Retain};
use outbox::Closed;
use tokio::sync::{mpsc, watch};
use wire::command::{CommandOutcome, CommandResponse};
use wire::ids::Name;
use wire::topic::Device;

use super::bench::Bench;
use super::broker::Broker;
use super::runtime;
use super::witness::witness;

/// What an operator hears of the box.
const TOPICS: [&str; 2] = ["cv1/demo/box-1/cmd-response", "cv1/demo/box-1/info"];

/// A box that takes commands, and somebody who sends them.
struct Desk {
    bench: Bench,
    opened: Opened,
    handle: Handle,
    restarted: watch::Receiver<bool>,
    watched: Watched,
    sender: Connection<()>,
    /// What came while something else was waited for: a birth may overtake the answer to it.
    heard: VecDeque<Incoming>,
}

impl Desk {
    async fn new(port: u16) -> Self {
        let mut bench = Bench::new(port);
        let (ask, asked) = mpsc::channel(commands::ASKED_MAX);
        bench.commands = Some(ask);
        let (opened, handle) = bench.start_box();
        let mut desk = Self::with(bench, opened, handle, asked).await;
        desk.until_connected().await;
        desk
    }

    async fn with(
        bench: Bench,
        opened: Opened,
        handle: Handle,
        asked: mpsc::Receiver<courtside::uplink::Asked>,
    ) -> Self {
        let (restart, restarted) = Restart::new();
        let watched = Watched::default();
        let data_dir = bench.folder.path().to_owned();
        let config =
            config::Commands { accept: config::Accept::All, keys: bench.path("command-keys") };
        let commands = Commands {
            clock: Arc::clone(&bench.clock),
            device: device(),
            config,
            store: opened.store.clone(),
            uplink: handle.clone(),
            means: Means { data_dir, restart, watched: watched.clone() },
        };
        commands::start(commands, asked);
        let sender = witness(bench.port, "operator", &TOPICS).await;
        Self { bench, opened, handle, restarted, watched, sender, heard: VecDeque::new() }
    }

    async fn until_connected(&mut self) {
        let handle = self.handle.clone();
        self.bench.until("a connection", |_| handle.stats().connected).await;
    }

    fn body(&self, id: &str, more: &str) -> String {
        let expires = self.bench.clock.wall().0.0 + 60_000_000;
        format!(r#"{{"v":1,"id":"{id}","by":"anna","expires_us":{expires}{more}}}"#)
    }

    async fn send(&mut self, verb: &str, body: &str) -> CommandResponse {
        let message = Message {
            topic: format!("cv1/demo/box-1/cmd/{verb}"),
            payload: body.to_owned().into(),
            encoding: Encoding::Json,
            retain: Retain::No,
        };
        let asked: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        // As senders do: the same again until there is an answer.
        for _ in 0..10 {
            self.sender.tell(message.clone(), Quality::AtLeastOnce).expect("there is room");
            let longest = Duration::from_secs(3);
            while let Some(heard) = self.hear_within("cmd-response", longest).await {
                let answer: CommandResponse =
                    serde_json::from_slice(heard.payload()).expect("an answer");
                // What was sent twice is answered twice, the second time to nobody.
                if answer.id.as_ref().map(Name::as_str) == asked["id"].as_str() {
                    return answer;
                }
            }
        }
        panic!("no answer to {body}");
    }

    /// The first message not yet heard on a topic that ends so.
    async fn hear(&mut self, end: &str) -> Incoming {
        self.hear_within(end, Duration::from_secs(20)).await.expect("a message within 20 s")
    }

    async fn hear_within(&mut self, end: &str, longest: Duration) -> Option<Incoming> {
        let asked_for = |message: &Incoming| message.topic().ends_with(end);
        if let Some(at) = self.heard.iter().position(asked_for) {
            return self.heard.remove(at);
        }
        let Self { sender, heard, .. } = self;
        let coming = async {
            loop {
                let Event::Message(message) = sender.next().await else { continue };
                if asked_for(&message) {
                    return message;
                }
                heard.push_back(message);
            }
        };
        tokio::time::timeout(longest, coming).await.ok()
    }
}

fn device() -> Device {
    let name = |text: &str| text.parse().expect("a name");
    Device { tenant: name("demo"), device: name("box-1") }
}

#[test]
fn each_verb_does_what_its_answer_says() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut desk = Desk::new(broker.port).await;
        let clip = desk.body("c1", r#","for_s":600"#);
        let told = desk.send("hold_clips", &clip).await;
        assert_eq!((told.outcome, told.boot), (CommandOutcome::Done, desk.opened.boot), "{told:?}");
        desk.bench.offer_clip((&desk.opened, &desk.handle), 50_000).await;
        let handle = desk.handle.clone();
        let held = |_: &Bench| handle.stats().clips_held == Some(Closed::Asked);
        desk.bench.until("a held clip", held).await;
        desk.bench.restart_receiver().await;
        let send = desk.body("c2", "");
        assert_eq!(desk.send("send_clips", &send).await.outcome, CommandOutcome::Done);
        desk.bench.until("the clip", |bench| bench.clips_told() == 1).await;

        let sprint = desk.body("c3", "");
        assert_eq!(desk.send("sprint", &sprint).await.outcome, CommandOutcome::Done);
        assert!(desk.bench.path("sprint.request").exists());
        let watch = desk.body("c4", r#","for_s":30"#);
        assert_eq!(desk.send("watch", &watch).await.outcome, CommandOutcome::Done);
        let now = desk.bench.clock.now();
        assert!(desk.watched.at(now) && !desk.watched.at(now.plus(Duration::from_secs(31))));

        let restart = desk.body("c5", "");
        let told = desk.send("restart", &restart).await;
        assert_eq!(told.outcome, CommandOutcome::Refused);
        assert!(told.text.contains("a game is or may be on"), "{}", told.text);
        assert!(!*desk.restarted.borrow());
        // What was refused may be asked again under its id, when it can be done.
        desk.handle.set_tempo(Tempo::Idle);
        desk.until_connected().await;
        assert_eq!(desk.send("restart", &restart).await.outcome, CommandOutcome::Done);
        desk.restarted.wait_for(|asked| *asked).await.expect("asked to start again");
    });
}

#[test]
fn birth_is_published_again_when_somebody_asks() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut desk = Desk::new(broker.port).await;
        // The one that the broker kept.
        desk.hear("info").await;
        let birth = desk.body("b1", "");
        assert_eq!(desk.send("birth", &birth).await.outcome, CommandOutcome::Done);
        let info = desk.hear("info").await;
        assert!(String::from_utf8_lossy(info.payload()).contains("\"dev\":\"box-1\""));
    });
}

#[test]
fn command_that_comes_again_is_answered_and_not_done_again_also_after_a_restart() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut desk = Desk::new(broker.port).await;
        let sprint = desk.body("s1", "");
        let button = desk.bench.path("sprint.request");
        let first = desk.send("sprint", &sprint).await;
        std::fs::remove_file(&button).expect("it was asked for");
        let again = desk.send("sprint", &sprint).await;
        assert_eq!((again.outcome, &again.text), (first.outcome, &first.text));
        assert!(!button.exists(), "not asked for twice");
        let other = desk.body("s1", r#","for_s":5"#);
        let told = desk.send("watch", &other).await;
        assert_eq!(told.outcome, CommandOutcome::Refused);
        assert!(told.text.contains("used for another command"), "{}", told.text);
        assert_eq!(desk.handle.drain(Duration::from_secs(1)).await, 0);

        let Desk { mut bench, opened, handle, .. } = desk;
        drop((opened, handle));
        let (ask, asked) = mpsc::channel(commands::ASKED_MAX);
        bench.commands = Some(ask);
        let (opened, handle) = bench.restart_box().await;
        let mut desk = Desk::with(bench, opened, handle, asked).await;
        desk.until_connected().await;
        let later = desk.send("sprint", &sprint).await;
        assert_eq!((later.outcome, &later.text), (first.outcome, &first.text));
        assert_ne!(later.boot, first.boot);
        assert!(!button.exists(), "not asked for by the next boot either");
    });
}

#[test]
fn what_is_refused_is_told_and_noted_with_its_sender() {
    let Some(broker) = Broker::start("") else { return };
    runtime().block_on(async {
        let mut desk = Desk::new(broker.port).await;
        let body = desk.body("r1", "");
        let told = desk.send("dance", &body).await;
        assert_eq!(told.outcome, CommandOutcome::Refused);
        assert!(told.text.contains("no verb dance; it has birth, sprint"), "{}", told.text);
        let told = desk.send("sprint", "please").await;
        assert_eq!((told.id, told.outcome), (None, CommandOutcome::Refused));
        // A write that is waited for: what was refused goes with it.
        desk.bench.offer_clip((&desk.opened, &desk.handle), 1_000).await;
        std::fs::copy(desk.bench.path("box.sqlite"), desk.bench.path("courtside.sqlite"))
            .expect("a copy");
        std::fs::copy(desk.bench.path("box.sqlite-wal"), desk.bench.path("courtside.sqlite-wal"))
            .expect("a copy");
        let told = audit::tell(desk.bench.folder.path(), 20, audit::Form::Lines).expect("readable");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 4, "{told}");
        assert!(lines[0].contains("dance") && lines[0].contains("anna  (r1)"), "{told}");
        assert!(lines[2].contains("refused") && lines[2].contains("no id"), "{told}");
        let json = audit::tell(desk.bench.folder.path(), 1, audit::Form::Json).expect("readable");
        assert!(json.contains("\"outcome\":\"refused\"") && !json.contains('\n'), "{json}");
    });
}
