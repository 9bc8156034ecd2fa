//! The bytes and texts that the fleet relies on. A change here is a new version of the envelope,
//! never a correction of this file.

mod samples;

use std::fmt::Write as _;

use samples as sample;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::birth::{Held, Info};
use wire::command::{Command, Verb};
use wire::envelope::{BYTES_MAX, Body, Envelope, NoticeKind};
use wire::event::{CueKind, EventKind, Stage};
use wire::ids::{BootId, Name};
use wire::time::{ClockQuality, WallTime};
use wire::timeline::ClockState;
use wire::transfer::{FileInit, FileResponse, FileWay};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn postcard<T: Serialize>(value: &T) -> Vec<u8> {
    let mut buffer = [0; 4096];
    postcard::to_slice(value, &mut buffer).expect("4 KiB are enough").to_vec()
}

#[track_caller]
fn assert_golden<T>(value: &T, bytes: &str, json: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let found = postcard(value);
    assert_eq!(hex(&found), bytes.replace([' ', '\n'], ""), "postcard");
    assert_eq!(serde_json::to_string(value).expect("JSON"), json, "JSON");
    assert_eq!(&postcard::from_bytes::<T>(&found).expect("readable"), value);
    assert_eq!(&serde_json::from_str::<T>(json).expect("readable"), value);
}

#[test]
fn game_event_is_encoded_as_ever() {
    assert_golden(
        &sample::envelope(Body::Game(sample::game())),
        "0107636f7572742d3107ac02808082e288d2a306959aef3a0100072a01010007636f7572
         742d31010161808e890180eb8301c0fe8901c0fe890180f787e188d2a30680d991e188d2
         a306a2070200ec040227",
        r#"{"v":1,"dev":"court-1","boot":7,"seq":300,"ts_us":1767225600000000,"mono_us":123456789,"clock":"synchronized","body":{"game":{"id":"7-42","revision":1,"stage":"confirmed","kind":"made_shot","source":"court-1","hoop":"a","at":1123200,"interval":{"start":1080000,"end":1130400},"decided_at":1130400,"at_arrived":1767225599000000,"decided_arrived":1767225599080000,"confidence":930,"cues":[{"kind":"rim","centi_nats":310},{"kind":"crowd_swell","centi_nats":-20}]}}}"#,
    );
}

#[test]
fn clip_is_encoded_as_ever() {
    assert_golden(
        &sample::envelope(Body::Clip(sample::clip())),
        "0107636f7572742d3107ac02808082e288d2a306959aef3a01010123456789abcdef0123
         456789abcdef07636f7572742d31c098478087b501fa01800ad005a0cb98014065336230
         633434323938666331633134396166626634633839393666623932343237616534316534
         36343962393334636134393539393162373835326238353580a6bdd888d2a30601072a80
         8e8901",
        r#"{"v":1,"dev":"court-1","boot":7,"seq":300,"ts_us":1767225600000000,"mono_us":123456789,"clock":"synchronized","body":{"clip":{"id":"0123456789abcdef0123456789abcdef","source":"court-1","interval":{"start":583200,"end":1483200},"frames":250,"picture":{"width":1280,"height":720},"bytes":2500000,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","starts":1767225590000000,"events":[{"id":"7-42","at":1123200}]}}}"#,
    );
}

#[test]
fn notice_is_encoded_as_ever() {
    assert_golden(
        &sample::envelope(Body::Notice(sample::notice())),
        "0107636f7572742d3107ac02808082e288d2a306959aef3a0102010107636f7572742d31
         0333746865207075626c69736865722077656e7420617761793b20636865636b20746865
         2063616d6572612773206e6574776f726b",
        r#"{"v":1,"dev":"court-1","boot":7,"seq":300,"ts_us":1767225600000000,"mono_us":123456789,"clock":"synchronized","body":{"notice":{"kind":"source_down","source":"court-1","count":3,"text":"the publisher went away; check the camera's network"}}}"#,
    );
}

#[test]
fn board_is_encoded_as_ever() {
    assert_golden(
        &sample::envelope(Body::Board(sample::board())),
        "0107636f7572742d3107ac02808082e288d2a306959aef3a010307636f7572742d31808e
         890180f787e188d2a3060136016c010301961500ca07",
        r#"{"v":1,"dev":"court-1","boot":7,"seq":300,"ts_us":1767225600000000,"mono_us":123456789,"clock":"synchronized","body":{"board":{"source":"court-1","at":1123200,"at_arrived":1767225599000000,"home":54,"away":108,"period":3,"clock_ds":2710,"shot_clock_ds":null,"confidence":970}}}"#,
    );
}

#[test]
fn acknowledgement_is_encoded_as_ever() {
    assert_golden(&sample::ack(), "07ac02", r#"{"boot":7,"upto_seq":300}"#);
}

#[test]
fn announcement_of_a_file_is_encoded_as_ever() {
    assert_golden(
        &sample::init(),
        "2430313233343536373839616263646566303132333435363738396162636465662e6d70
         34a0cb980140653362306334343239386663316331343961666266346338393936666239
         323432376165343165343634396239333463613439353939316237383532623835350123
         456789abcdef0123456789abcdef07636f7572742d31c098478087b501fa01800ad005a0
         cb9801406533623063343432393866633163313439616662663463383939366662393234
         323761653431653436343962393334636134393539393162373835326238353580a6bdd8
         88d2a30601072a808e890101",
        r#"{"name":"0123456789abcdef0123456789abcdef.mp4","size":2500000,"checksum":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","user_data":{"id":"0123456789abcdef0123456789abcdef","source":"court-1","interval":{"start":583200,"end":1483200},"frames":250,"picture":{"width":1280,"height":720},"bytes":2500000,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","starts":1767225590000000,"events":[{"id":"7-42","at":1123200}]},"way":"links"}"#,
    );
}

/// Boxes and receivers of earlier versions know neither a way nor a link.
#[test]
fn file_messages_of_earlier_versions_are_read_as_such() {
    let without = |message: &serde_json::Value, key: &str| {
        let mut message = message.clone();
        message.as_object_mut().and_then(|fields| fields.remove(key)).expect("it was there");
        message.to_string()
    };
    let init = serde_json::to_value(sample::init()).expect("text keys");
    let read: FileInit = serde_json::from_str(&without(&init, "way")).expect("readable");
    assert_eq!(read, FileInit { way: FileWay::Segments, ..sample::init() });
    let response = serde_json::to_value(sample::response()).expect("text keys");
    let read: FileResponse = serde_json::from_str(&without(&response, "link")).expect("readable");
    assert_eq!(read, FileResponse { link: None, ..sample::response() });
}

#[test]
fn response_to_a_file_is_encoded_as_ever() {
    assert_golden(
        &sample::response(),
        "03302e310123456789abcdef0123456789abcdef028011627974657320617265206d6973
         73696e670200804080800480c004014d68747470733a2f2f636c6970732e6578616d706c
         652f64656d6f2f636f7572742d312f303132332e6d70343f706172744e756d6265723d31
         26582d416d7a2d5369676e61747572653d30613162",
        r#"{"vsn":"0.1","file":"0123456789abcdef0123456789abcdef","step":"fin","reason_code":128,"reason_description":"bytes are missing","missing":[[0,8192],[65536,73728]],"link":"https://clips.example/demo/court-1/0123.mp4?partNumber=1&X-Amz-Signature=0a1b"}"#,
    );
}

/// They travel as JSON alone.
#[test]
fn commands_are_written_as_ever_and_what_they_do_not_know_is_refused() {
    let json = |value: &serde_json::Value| value.to_string();
    let command = serde_json::to_value(sample::command()).expect("text keys");
    assert_eq!(
        serde_json::to_string(&sample::command()).expect("text keys"),
        r#"{"v":1,"id":"0123456789abcdef0123456789abcdef","by":"anna@example.org","expires_us":1767225660000000,"for_s":600}"#,
    );
    assert_eq!(
        serde_json::to_string(&sample::command_response()).expect("text keys"),
        r#"{"v":1,"id":"0123456789abcdef0123456789abcdef","verb":"watch","outcome":"done","text":"counters come every 2 s for 600 s","boot":7,"ts_us":1767225600000000}"#,
    );
    let read = |value: &serde_json::Value| serde_json::from_str::<Command>(&json(value));
    assert_eq!(read(&command).expect("as it was written"), sample::command());
    let mut more = command;
    more["shell"] = "reboot".into();
    assert!(read(&more).is_err_and(|error| error.to_string().contains("shell")));
    for verb in Verb::ALL {
        assert_eq!(Verb::of(verb.as_str()), Some(verb));
        let written = serde_json::to_value(verb).expect("text");
        assert_eq!(written, verb.as_str(), "the same in topics and in JSON");
    }
}

#[test]
fn players_are_encoded_as_ever() {
    assert_golden(
        &sample::players(),
        "0107636f7572742d31808e890180f787e188d2a3060264649601f403fa06b6078407e807
         e807b80301f403fa0184049602f403",
        r#"{"v":1,"source":"court-1","at":1123200,"at_arrived":1767225599000000,"people":[{"box":[100,100,150,500],"confidence":890},{"box":[950,900,1000,1000],"confidence":440}],"balls":[{"box":[500,250,516,278],"confidence":500}]}"#,
    );
}

#[test]
fn timeline_is_encoded_as_ever() {
    assert_golden(
        &sample::timeline(),
        "0107636f7572742d310102c0ee6d808e89010180f787e188d2a306018ff10501b8300001e0c101",
        r#"{"v":1,"source":"court-1","state":"measured","epoch":2,"began":900000,"at":1123200,"at_box":1767225599000000,"drift_ppb":-48200,"drift_error_ppb":3100,"sound_drift_ppb":null,"sound_offset_us":12400}"#,
    );
}

#[test]
fn state_is_encoded_as_ever() {
    assert_golden(&sample::state(), "0207", r#"{"state":"lost","boot":7}"#);
}

#[test]
fn birth_is_encoded_as_ever() {
    assert_golden(
        &sample::info(),
        "0107636f7572742d310705302e312e30808082e288d2a30602050c2801141607010000
         011030313233343536373839616263646566",
        r#"{"v":1,"dev":"court-1","boot":7,"firmware":"0.1.0","ts_us":1767225600000000,"held":[{"boot":5,"from_seq":12,"upto_seq":40,"gaps":[[20,22]]},{"boot":7,"from_seq":1,"upto_seq":0,"gaps":[]}],"schema":"0123456789abcdef"}"#,
    );
}

#[test]
fn hash_of_the_schema_has_the_form_that_info_promises() {
    let hash = wire::schema::HASH;
    assert!(hash.len() == 16 && hash.bytes().all(|b| b"0123456789abcdef".contains(&b)), "{hash}");
}

/// `info` as it was before it told the hash of its schema. It travels as JSON alone.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct EarlierInfo {
    v: u8,
    dev: Name,
    boot: BootId,
    firmware: String,
    ts_us: WallTime,
    held: Vec<Held>,
}

#[test]
fn birth_of_earlier_firmware_is_read_and_earlier_readers_read_that_of_this_one() {
    let info = sample::info();
    let json = serde_json::to_string(&info).expect("JSON");
    let earlier = json.replace(r#","schema":"0123456789abcdef""#, "");
    assert_ne!(json, earlier);
    let read: Info = serde_json::from_str(&earlier).expect("readable");
    assert_eq!(read, Info { schema: None, ..info.clone() });
    let read: EarlierInfo = serde_json::from_str(&json).expect("readable");
    assert_eq!((read.v, &read.dev, read.boot), (info.v, &info.dev, info.boot));
    assert_eq!((read.firmware.as_str(), read.ts_us), (info.firmware.as_str(), info.ts_us));
    assert_eq!(read.held, info.held.as_slice());
}

/// Appending to an enum keeps these; inserting or reordering breaks them.
#[test]
fn positions_of_enum_variants_are_fixed() {
    use CueKind as C;
    use EventKind as E;
    use NoticeKind as N;
    let events = [E::MadeShot, E::MissedShot, E::Whistle, E::Buzzer, E::ScoreChange];
    let cues = [C::Rim, C::BallTrack, C::CrowdSwell, C::Whistle, C::Score];
    let notices = [
        N::SourceUp,
        N::SourceDown,
        N::Evicted,
        N::ClipLost,
        N::ClipIncomplete,
        N::Governor,
        N::Adapted,
        N::Hardware,
    ];
    let stages = [Stage::Provisional, Stage::Confirmed, Stage::Retracted];
    let states =
        [ClockState::Settling, ClockState::Measured, ClockState::Beyond, ClockState::Paced];
    let clocks = [ClockQuality::Unknown, ClockQuality::Synchronized, ClockQuality::Unsynchronized];
    for (position, kind) in events.iter().enumerate() {
        assert_eq!(postcard(kind), [position as u8], "{kind:?}");
        assert_eq!(serde_json::to_string(kind).expect("JSON"), format!("\"{}\"", kind.as_str()));
    }
    assert_eq!(cues.map(|kind| postcard(&kind)), [[0], [1], [2], [3], [4]]);
    assert_eq!(notices.map(|kind| postcard(&kind)), [[0], [1], [2], [3], [4], [5], [6], [7]]);
    assert_eq!(states.map(|state| postcard(&state)), [[0], [1], [2], [3]]);
    assert_eq!(stages.map(|stage| postcard(&stage)), [[0], [1], [2]]);
    assert_eq!(clocks.map(|clock| postcard(&clock)), [[0], [1], [2]]);
}

#[test]
fn longest_envelope_fits_into_its_announced_size() {
    let longest = sample::longest().map(|envelope| postcard(&envelope).len());
    let most = longest.into_iter().max().expect("three of them");
    assert!(most <= BYTES_MAX, "{longest:?}");
    assert!(most > BYTES_MAX / 2, "the announced size is a good deal too large: {longest:?}");
}

#[test]
fn longest_birth_message_is_far_below_the_strictest_limit_of_retained_messages() {
    let json = serde_json::to_vec(&sample::longest_info()).expect("JSON");
    assert!(json.len() < 16 * 1024, "{} bytes", json.len());
}

#[test]
fn reader_of_this_version_reads_a_message_with_appended_bytes() {
    let envelope = sample::envelope(Body::Game(sample::game()));
    let mut bytes = postcard(&envelope);
    bytes.extend([1, 2, 3]);
    assert_eq!(postcard::from_bytes::<Envelope>(&bytes).expect("readable"), envelope);
}
