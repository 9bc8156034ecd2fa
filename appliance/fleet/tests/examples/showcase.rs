//! The recording of `docs/examples/`: half a minute of a game, made from wire's types, with
//! everything in it that a subscriber must get right.
//!
//! Owns: its content. `COURTSIDE_BLESS=1 cargo nextest run -p courtside-fleet showcase` writes it.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use wire::birth::{BoxState, Held, Info, Presence};
use wire::board::BoardReading;
use wire::clip::{ClipEvent, ClipRecord};
use wire::envelope::{BYTES_MAX, Body, Envelope, Notice, NoticeKind, VERSION};
use wire::event::{Cue, CueKind, EventKind, GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId, Name, Seq};
use wire::players::{PlayersSeen, Sighting};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};
use wire::timeline::{ClockState, SourceTimeline};
use wire::topic::{Device, Encoding, Route, TELEMETRY_PLAYERS, TELEMETRY_TIMELINE};
use wire::units::{Permille, PictureSize, PixelBox};

/// 2026-01-01 19:00:00 UTC.
const BEGAN: WallTime = WallTime(1_767_294_000_000_000);
const BOOT: BootId = BootId(7);

/// The file.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/game.jsonl")
}

/// Its lines as they should be.
pub(crate) fn text() -> String {
    let mut game = Game::default();
    game.state(0, Presence::Ready);
    game.info(0);
    game.board(1_000, [0, 0]);
    // Confirmed, with a clip; the confirmation comes twice.
    game.shot(3_000, 1, (Stage::Provisional, EventKind::MadeShot));
    game.shot(4_000, 1, (Stage::Confirmed, EventKind::MadeShot));
    game.again();
    game.clip(9_000, 1);
    game.telemetry(10_000);
    game.board(10_500, [2, 0]);
    // Turns out the other way: retracted, and replaced under another id.
    game.shot(14_000, 2, (Stage::Provisional, EventKind::MadeShot));
    game.shot(14_700, 2, (Stage::Retracted, EventKind::MadeShot));
    game.shot(14_700, 3, (Stage::Confirmed, EventKind::MissedShot));
    // The confirmation overtakes what it confirms.
    let late = game.hold(|game| game.shot(20_000, 4, (Stage::Provisional, EventKind::MadeShot)));
    game.shot(20_900, 4, (Stage::Confirmed, EventKind::MadeShot));
    game.release(late, 21_000);
    game.shot(22_000, 5, (Stage::Confirmed, EventKind::Whistle));
    game.notice(25_000);
    game.state(30_000, Presence::Disconnected);
    let header = json!({ "courtside_recording": 1, "began_us": BEGAN.0 });
    let lines = [header].into_iter().chain(game.lines).map(|line| line.to_string() + "\n");
    lines.collect()
}

#[derive(Default)]
struct Game {
    lines: Vec<Value>,
    seq: u64,
}

impl Game {
    fn state(&mut self, at_ms: u64, state: Presence) {
        let state = BoxState { state, boot: BOOT };
        self.retained(at_ms, device().state().as_str(), &state);
    }

    fn info(&mut self, at_ms: u64) {
        let nothing =
            Held { boot: BOOT, from_seq: Seq(1), upto_seq: Seq(0), gaps: heapless::Vec::new() };
        let info = Info {
            v: VERSION,
            dev: device().device,
            boot: BOOT,
            firmware: "0.1.0".chars().collect(),
            ts_us: wall(at_ms),
            held: [nothing].into_iter().collect(),
            schema: Some(wire::schema::HASH.chars().collect()),
        };
        self.retained(at_ms, device().info().as_str(), &info);
    }

    fn board(&mut self, at_ms: u64, [home, away]: [u16; 2]) {
        let reading = BoardReading {
            source: source(),
            at: media(at_ms - 900),
            at_arrived: wall(at_ms - 900),
            home: Some(home),
            away: Some(away),
            period: Some(1),
            clock_ds: Some(5_990 - (at_ms / 100) as u16),
            shot_clock_ds: None,
            confidence: Permille(970),
        };
        self.event(at_ms, Body::Board(reading));
    }

    fn shot(&mut self, at_ms: u64, number: u32, (stage, kind): (Stage, EventKind)) {
        let cues = [Cue { kind: CueKind::Rim, centi_nats: 310 }];
        let is_shot = kind != EventKind::Whistle;
        let event = GameEvent {
            id: id(number),
            revision: u8::from(stage != Stage::Provisional),
            stage,
            kind,
            source: source(),
            hoop: is_shot.then(|| name("a")),
            at: media(at_ms - 400),
            interval: MediaInterval { start: media(at_ms - 1_400), end: media(at_ms - 320) },
            decided_at: media(at_ms - 80),
            at_arrived: wall(at_ms - 390),
            decided_arrived: wall(at_ms - 70),
            confidence: Permille(if stage == Stage::Provisional { 880 } else { 960 }),
            cues: if is_shot { cues.into_iter().collect() } else { heapless::Vec::new() },
        };
        self.event(at_ms, Body::Game(event));
    }

    fn clip(&mut self, at_ms: u64, number: u32) {
        let shown = ClipEvent { id: id(number), at: media(2_600) };
        let clip = ClipRecord {
            id: ClipId(0x0123_4567_89ab_4def_8123_4567_89ab_cdef),
            source: source(),
            interval: MediaInterval { start: media(0), end: media(6_000) },
            frames: 150,
            picture: PictureSize { width: 1280, height: 720 },
            bytes: 2_500_000,
            sha256: "0123456789abcdef".repeat(4).chars().collect(),
            starts: wall(0),
            events: [shown].into_iter().collect(),
        };
        self.event(at_ms, Body::Clip(clip));
    }

    fn notice(&mut self, at_ms: u64) {
        let text = "pictures of court-1 are interlaced; every second row is looked at \u{2013} deinterlace at the camera";
        let notice = Notice {
            kind: NoticeKind::Adapted,
            source: Some(source()),
            count: 1,
            text: text.chars().collect(),
        };
        self.event(at_ms, Body::Notice(notice));
    }

    fn telemetry(&mut self, at_ms: u64) {
        let size = PictureSize { width: 1280, height: 720 };
        let person = PixelBox { x0: 128.0, y0: 72.0, x1: 192.0, y1: 360.0 };
        let seen = PlayersSeen {
            v: wire::players::VERSION,
            source: source(),
            at: media(at_ms),
            at_arrived: wall(at_ms),
            people: [Sighting::of(person, size, 0.89)].into_iter().collect(),
            balls: heapless::Vec::new(),
        };
        let timeline = SourceTimeline {
            v: wire::timeline::VERSION,
            source: source(),
            state: ClockState::Measured,
            epoch: 0,
            began: media(0),
            at: media(at_ms),
            at_box: Some(wall(at_ms)),
            drift_ppb: Some(-48_200),
            drift_error_ppb: Some(3_100),
            sound_drift_ppb: None,
            sound_offset_us: Some(12_400),
        };
        let topic = |group: &str| device().telemetry(&name(group)).as_str().to_owned();
        self.line(at_ms, (&topic(TELEMETRY_PLAYERS), 0), text_of(&seen));
        self.line(at_ms, (&topic(TELEMETRY_TIMELINE), 0), text_of(&timeline));
    }

    /// In both encodings, under one number.
    fn event(&mut self, at_ms: u64, body: Body) {
        self.seq += 1;
        let envelope = Envelope {
            v: VERSION,
            dev: device().device,
            boot: BOOT,
            seq: Seq(self.seq),
            ts_us: wall(at_ms),
            mono_us: Monotonic(4_000_000 + at_ms * 1_000),
            clock: ClockQuality::Synchronized,
            body,
        };
        let route = Route::of(&envelope.body);
        let topic = |encoding| device().event(encoding, &route).as_str().to_owned();
        let mut buffer = [0; BYTES_MAX];
        let bytes = postcard::to_slice(&envelope, &mut buffer).expect("it fits");
        let base64 = json!({ "base64": STANDARD.encode(bytes) });
        self.line(at_ms, (&topic(Encoding::Json), 1), text_of(&envelope));
        self.line(at_ms, (&topic(Encoding::Postcard), 1), base64);
    }

    /// The last event once more.
    fn again(&mut self) {
        self.lines.extend_from_within(self.lines.len() - 2..);
    }

    /// What `tell` adds, to be told later.
    fn hold(&mut self, tell: impl FnOnce(&mut Self)) -> Vec<Value> {
        let before = self.lines.len();
        tell(self);
        self.lines.split_off(before)
    }

    fn release(&mut self, held: Vec<Value>, at_ms: u64) {
        self.lines.extend(held.into_iter().map(|mut line| {
            line["at_us"] = (at_ms * 1_000).into();
            line
        }));
    }

    fn retained(&mut self, at_ms: u64, topic: &str, message: &impl Serialize) {
        self.line(at_ms, (topic, 1), text_of(message));
        if let Some(line) = self.lines.last_mut() {
            line["retain"] = true.into();
        }
    }

    fn line(&mut self, at_ms: u64, (topic, qos): (&str, u8), mut payload: Value) {
        payload["at_us"] = (at_ms * 1_000).into();
        payload["topic"] = topic.into();
        payload["qos"] = qos.into();
        payload["retain"] = false.into();
        self.lines.push(payload);
    }
}

fn text_of(message: &impl Serialize) -> Value {
    json!({ "text": serde_json::to_string(message).expect("JSON") })
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn source() -> Name {
    name("court-1")
}

fn device() -> Device {
    Device { tenant: name("demo"), device: name("court-1") }
}

fn id(number: u32) -> EventId {
    EventId { boot: BOOT, number }
}

const fn wall(ms: u64) -> WallTime {
    WallTime(BEGAN.0 + ms as i64 * 1_000)
}

const fn media(ms: u64) -> MediaTime {
    MediaTime::from_millis(ms as i64)
}

#[test]
fn showcase_is_what_the_types_make_of_it() {
    let wanted = text();
    if std::env::var_os("COURTSIDE_BLESS").is_some() {
        std::fs::write(path(), &wanted).expect("writable");
    }
    let written = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/examples/game.jsonl differs from what the types write; run this with COURTSIDE_BLESS=1"
    );
}
