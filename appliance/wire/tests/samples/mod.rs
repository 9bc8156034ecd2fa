//! One message of each kind, and the largest ones that the types allow.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of these")]

use heapless::{String, Vec};
use wire::birth::{BoxState, GAPS_MAX, HELD_MAX, Held, Info, Presence};
use wire::board::BoardReading;
use wire::clip::{CLIP_EVENTS_MAX, ClipEvent, ClipRecord};
use wire::command::{Command, CommandOutcome, CommandResponse, Signed};
use wire::enrol::{EnrolRequest, EnrolResponse};
use wire::envelope::{Body, Envelope, Notice, NoticeKind, VERSION};
use wire::event::{CUES_MAX, Cue, CueKind, EventKind, GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId, NAME_BYTES_MAX, Name, Seq};
use wire::players::{PlayersSeen, Sighting};
use wire::time::{ClockQuality, MediaInterval, MediaTime, Monotonic, WallTime};
use wire::timeline::{ClockState, SourceTimeline};
use wire::transfer::{Ack, FileInit, FileResponse, FileStep, FileWay};
use wire::units::{Permille, PictureSize, PixelBox};

pub fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

pub fn text<const N: usize>(text: &str) -> String<N> {
    String::try_from(text).expect("a text that fits")
}

pub fn envelope(body: Body) -> Envelope {
    Envelope {
        v: VERSION,
        dev: name("court-1"),
        boot: BootId(7),
        seq: Seq(300),
        ts_us: WallTime(1_767_225_600_000_000),
        mono_us: Monotonic(123_456_789),
        clock: ClockQuality::Synchronized,
        body,
    }
}

pub fn game() -> GameEvent {
    GameEvent {
        id: EventId { boot: BootId(7), number: 42 },
        revision: 1,
        stage: Stage::Confirmed,
        kind: EventKind::MadeShot,
        source: name("court-1"),
        hoop: Some(name("a")),
        at: MediaTime(1_123_200),
        interval: MediaInterval { start: MediaTime(1_080_000), end: MediaTime(1_130_400) },
        decided_at: MediaTime(1_130_400),
        at_arrived: WallTime(1_767_225_599_000_000),
        decided_arrived: WallTime(1_767_225_599_080_000),
        confidence: Permille(930),
        cues: Vec::from_slice(&[
            Cue { kind: CueKind::Rim, centi_nats: 310 },
            Cue { kind: CueKind::CrowdSwell, centi_nats: -20 },
        ])
        .expect("two cues fit"),
    }
}

pub fn clip() -> ClipRecord {
    ClipRecord {
        id: ClipId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        source: name("court-1"),
        interval: MediaInterval { start: MediaTime(583_200), end: MediaTime(1_483_200) },
        frames: 250,
        picture: PictureSize { width: 1280, height: 720 },
        bytes: 2_500_000,
        sha256: text("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        starts: WallTime(1_767_225_590_000_000),
        events: Vec::from_slice(&[ClipEvent {
            id: EventId { boot: BootId(7), number: 42 },
            at: MediaTime(1_123_200),
        }])
        .expect("one event fits"),
    }
}

pub fn notice() -> Notice {
    Notice {
        kind: NoticeKind::SourceDown,
        source: Some(name("court-1")),
        count: 3,
        text: text("the publisher went away; check the camera's network"),
    }
}

pub fn board() -> BoardReading {
    BoardReading {
        source: name("court-1"),
        at: MediaTime(1_123_200),
        at_arrived: WallTime(1_767_225_599_000_000),
        home: Some(54),
        away: Some(108),
        period: Some(3),
        clock_ds: Some(2_710),
        shot_clock_ds: None,
        confidence: Permille(970),
    }
}

pub fn players() -> PlayersSeen {
    let size = PictureSize { width: 1280, height: 720 };
    let person = PixelBox { x0: 128.0, y0: 72.0, x1: 192.0, y1: 360.0 };
    // Beyond the right and the lower edge.
    let at_the_edge = PixelBox { x0: 1216.0, y0: 648.0, x1: 1300.0, y1: 800.0 };
    let ball = PixelBox { x0: 640.0, y0: 180.0, x1: 660.0, y1: 200.0 };
    let people = [Sighting::of(person, size, 0.89), Sighting::of(at_the_edge, size, 0.44)];
    PlayersSeen {
        v: wire::players::VERSION,
        source: name("court-1"),
        at: MediaTime(1_123_200),
        at_arrived: WallTime(1_767_225_599_000_000),
        people: Vec::from_slice(&people).expect("two people fit"),
        balls: Vec::from_slice(&[Sighting::of(ball, size, 0.5)]).expect("one ball fits"),
    }
}

pub fn timeline() -> SourceTimeline {
    SourceTimeline {
        v: wire::timeline::VERSION,
        source: name("court-1"),
        state: ClockState::Measured,
        epoch: 2,
        began: MediaTime(900_000),
        at: MediaTime(1_123_200),
        at_box: Some(WallTime(1_767_225_599_000_000)),
        drift_ppb: Some(-48_200),
        drift_error_ppb: Some(3_100),
        sound_drift_ppb: None,
        sound_offset_us: Some(12_400),
    }
}

pub fn ack() -> Ack {
    Ack { boot: BootId(7), upto_seq: Seq(300) }
}

pub fn init() -> FileInit {
    FileInit {
        name: text("0123456789abcdef0123456789abcdef.mp4"),
        size: 2_500_000,
        checksum: clip().sha256,
        user_data: clip(),
        way: FileWay::Links,
    }
}

pub fn response() -> FileResponse {
    FileResponse {
        vsn: text("0.1"),
        file: clip().id,
        step: FileStep::Fin,
        reason_code: FileResponse::RESEND_MISSING,
        reason_description: text("bytes are missing"),
        missing: Vec::from_slice(&[(0, 8192), (65_536, 73_728)]).expect("two ranges fit"),
        link: Some(text(
            "https://clips.example/demo/court-1/0123.mp4?partNumber=1&X-Amz-Signature=0a1b",
        )),
    }
}

pub fn command() -> Command {
    Command {
        v: VERSION,
        id: name("0123456789abcdef0123456789abcdef"),
        by: text("anna@example.org"),
        expires_us: WallTime(1_767_225_660_000_000),
        for_s: Some(600),
        during_play: None,
    }
}

pub fn signed() -> Signed {
    Signed {
        signed: text(r#"{"v":1,"id":"a","by":"b","expires_us":1}"#), signature: text("RUR…")
    }
}

pub fn command_response() -> CommandResponse {
    CommandResponse {
        v: VERSION,
        id: Some(command().id),
        verb: name("watch"),
        outcome: CommandOutcome::Done,
        text: text("counters come every 2 s for 600 s"),
        boot: BootId(7),
        ts_us: WallTime(1_767_225_600_000_000),
    }
}

pub fn enrol() -> EnrolRequest {
    EnrolRequest {
        v: VERSION,
        id: command().id,
        request: text("-----BEGIN CERTIFICATE REQUEST-----\n…"),
        voucher: text("-----BEGIN CERTIFICATE-----\n…"),
        signature: text("MEUCIQ…"),
    }
}

pub fn enrolled() -> EnrolResponse {
    EnrolResponse {
        v: VERSION,
        id: command().id,
        certificate: Some(text("-----BEGIN CERTIFICATE-----\n…")),
        text: text("for 365 days, by the claim of tenant demo"),
    }
}

pub fn state() -> BoxState {
    BoxState { state: Presence::Lost, boot: BootId(7) }
}

pub fn info() -> Info {
    let gaps = Vec::from_slice(&[(Seq(20), Seq(22))]).expect("one gap fits");
    let held = [
        Held { boot: BootId(5), from_seq: Seq(12), upto_seq: Seq(40), gaps },
        Held { boot: BootId(7), from_seq: Seq(1), upto_seq: Seq(0), gaps: Vec::new() },
    ];
    Info {
        v: VERSION,
        dev: name("court-1"),
        boot: BootId(7),
        firmware: text("0.1.0"),
        ts_us: WallTime(1_767_225_600_000_000),
        held: Vec::from_slice(&held).expect("two boots fit"),
        schema: Some(text("0123456789abcdef")),
    }
}

fn longest_name() -> Name {
    name(&"n".repeat(NAME_BYTES_MAX))
}

fn longest_event_id() -> EventId {
    EventId { boot: BootId(u32::MAX), number: u32::MAX }
}

/// The longest envelopes: every number at the far end of its range, every list and text full.
pub fn longest() -> [Envelope; 3] {
    let interval = MediaInterval { start: MediaTime(i64::MIN), end: MediaTime(i64::MIN) };
    let shown = ClipEvent { id: longest_event_id(), at: MediaTime(i64::MIN) };
    let cue = Cue { kind: CueKind::Score, centi_nats: i16::MIN };
    let game = GameEvent {
        id: longest_event_id(),
        revision: u8::MAX,
        stage: Stage::Retracted,
        kind: EventKind::ScoreChange,
        source: longest_name(),
        hoop: Some(longest_name()),
        at: MediaTime(i64::MIN),
        interval,
        decided_at: MediaTime(i64::MIN),
        at_arrived: WallTime(i64::MIN),
        decided_arrived: WallTime(i64::MIN),
        confidence: Permille(u16::MAX),
        cues: core::iter::repeat_n(cue, CUES_MAX).collect(),
    };
    let clip = ClipRecord {
        source: longest_name(),
        interval,
        frames: u32::MAX,
        picture: PictureSize { width: u16::MAX, height: u16::MAX },
        bytes: u64::MAX,
        starts: WallTime(i64::MIN),
        events: core::iter::repeat_n(shown, CLIP_EVENTS_MAX).collect(),
        ..clip()
    };
    let notice = Notice {
        kind: NoticeKind::Governor,
        source: Some(longest_name()),
        count: u32::MAX,
        text: text(&"t".repeat(160)),
    };
    [Body::Game(game), Body::Clip(clip), Body::Notice(notice)].map(|body| Envelope {
        dev: longest_name(),
        boot: BootId(u32::MAX),
        seq: Seq(u64::MAX),
        ts_us: WallTime(i64::MIN),
        mono_us: Monotonic(u64::MAX),
        clock: ClockQuality::Unsynchronized,
        ..envelope(body)
    })
}

/// The longest birth message.
pub fn longest_info() -> Info {
    let far = Seq(u64::MAX);
    let held = Held {
        boot: BootId(u32::MAX),
        from_seq: far,
        upto_seq: far,
        gaps: core::iter::repeat_n((far, far), GAPS_MAX).collect(),
    };
    Info { held: core::iter::repeat_n(held, HELD_MAX).collect(), ..info() }
}
