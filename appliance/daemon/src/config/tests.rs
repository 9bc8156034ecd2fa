//! The configuration's promises: what is understood, and every message in full.

use std::fs;

use fusion::board::Field;
use mqtt::Security;

use super::*;

pub(super) const GOOD: &str = r#"schema = 1
[box]
tenant = "demo"
device = "court-1"
data_dir = "/var/lib/courtside"
[mqtt]
url = "mqtt://127.0.0.1:1883"
[[source]]
name = "court-1"
kind = "rtmp"
listen = "127.0.0.1:1935"
app = "live"
key = "s3cret-key"
sport = "basketball"
[clips]
pre_roll_s = 6.0
post_roll_s = 4.0
"#;

fn surroundings() -> Surroundings {
    Surroundings {
        folder: "/etc/courtside".into(),
        packs: "/packs".into(),
        keys: vec!["/k".into()],
        library: None,
    }
}

pub(super) fn understood(text: &str) -> Config {
    read::config(text, &surroundings()).expect("the text is a good configuration")
}

pub(super) fn complaints(text: &str) -> Vec<String> {
    let problems = read::config(text, &surroundings()).expect_err("the text has mistakes");
    problems.iter().map(ToString::to_string).collect()
}

/// The good configuration with one line replaced.
fn changed(line: &str, with: &str) -> String {
    assert!(GOOD.contains(line), "{line} stands in the good configuration");
    GOOD.replacen(line, with, 1)
}

#[test]
fn example_of_the_documentation_is_understood_with_its_defaults() {
    let config = understood(GOOD);
    assert_eq!(config.box_.tenant.as_str(), "demo");
    assert_eq!(config.box_.data_dir, PathBuf::from("/var/lib/courtside"));
    assert_eq!((config.mqtt.host.as_str(), config.mqtt.port), ("127.0.0.1", 1883));
    assert_eq!(config.mqtt.security, Security::Plain);
    assert_eq!(config.mqtt.credentials, None);
    let [source] = config.sources.as_slice() else { panic!("one source") };
    let Input::Rtmp { listen, app, key, tls, idle_timeout } = &source.input else { panic!("RTMP") };
    assert_eq!(listen.to_string(), "127.0.0.1:1935");
    assert_eq!((app.as_str(), key.expose()), ("live", "s3cret-key"));
    assert_eq!((tls, idle_timeout.as_secs()), (&None, 10));
    assert_eq!(source.hoops, []);
    assert_eq!(source.board, []);
    assert_eq!(config.clips.pre_roll.as_millis(), 6_000);
    assert_eq!(config.clips.post_roll.as_millis(), 4_000);
    assert_eq!(config.clips.max.as_millis(), 30_000);
    assert_eq!(config.clips.kinds, [wire::event::EventKind::MadeShot]);
    assert_eq!(config.storage.recordings_bytes, 2_048 << 20);
    assert_eq!(config.storage.clips_bytes, 4_096 << 20);
    assert_eq!(
        config.models,
        Models {
            packs: "/packs".into(),
            keys: vec!["/k".into()],
            tier: TierChoice::Auto,
            engine: Engine::default(),
        }
    );
}

#[test]
fn every_key_can_be_set_and_relative_paths_count_from_the_files_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["ca.pem", "box.pem", "box.key", "game.mp4", "ort.so", "courtside.toml"] {
        fs::write(folder.path().join(name), "").expect("a file");
    }
    let text = GOOD
        .replace(
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"mqtts://[::1]\"\nca = \"ca.pem\"\ncert = \"box.pem\"\nkey = \"box.key\"\n\
             username = \"me\"\npassword = \"hush-hush\"",
        )
        .replace(
            "[clips]",
            "[[source]]\nname = \"old\"\nkind = \"file\"\npath = \"game.mp4\"\npace = \"fast\"\n\
             sport = \"basketball\"\nhoops = [{ id = \"a\", box = [1, 2.5, 30, 40] }]\n\
             board = [{ field = \"shot_clock\", box = [5, 6, 70, 80] }]\n[clips]",
        )
        .replace("post_roll_s = 4.0", "post_roll_s = 4\nkinds = [\"missed_shot\", \"buzzer\"]")
        + "[storage]\nrecordings_mib = 64\nclips_mib = 1_000\n[models]\npacks = \"packs\"\n\
           tier = \"nano\"\nengine = \"onnxruntime\"\nonnxruntime = \"ort.so\"\n";
    let file = folder.path().join("courtside.toml");
    fs::write(&file, text).expect("a file");
    let config = Config::load(&file).expect("the text is a good configuration");

    assert_eq!((config.mqtt.host.as_str(), config.mqtt.port), ("::1", 8883));
    let client = (folder.path().join("box.pem"), folder.path().join("box.key"));
    let ca = folder.path().join("ca.pem");
    assert_eq!(config.mqtt.security, Security::Tls { ca, client: Some(client) });
    let credentials = config.mqtt.credentials.as_ref().expect("credentials");
    assert_eq!((credentials.username.as_str(), credentials.password.as_str()), ("me", "hush-hush"));
    let path = folder.path().join("game.mp4");
    assert_eq!(config.sources[1].input, Input::File { path, pace: Pace::Fast });
    let area = wire::units::PixelBox { x0: 1.0, y0: 2.5, x1: 30.0, y1: 40.0 };
    assert_eq!(config.sources[1].hoops[0].area, area);
    let area = wire::units::PixelBox { x0: 5.0, y0: 6.0, x1: 70.0, y1: 80.0 };
    assert_eq!(config.sources[1].board, [Mark { field: Field::ShotClock, area }]);
    assert_eq!(config.clips.kinds.len(), 2);
    assert_eq!(config.storage.recordings_bytes, 64 << 20);
    assert_eq!(config.models.packs, folder.path().join("packs"));
    assert_eq!(config.models.tier, TierChoice::Nano);
    let library = Some(folder.path().join("ort.so"));
    assert_eq!(config.models.engine, Engine { choice: EngineChoice::OnnxRuntime, library });

    let shown = format!("{config}\n{config:?}");
    assert!(shown.contains("as user me"), "{shown}");
    for secret in ["hush-hush", "s3cret-key"] {
        assert!(!shown.contains(secret), "a secret is shown: {shown}");
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn each_mistake_has_one_message_with_key_value_reason_and_remedy() {
    let cases = [
        (
            "schema = 1",
            "schema = 2",
            "line 1: `schema = 2`: this version of Courtside reads schema 1 only; write \
             `schema = 1`",
        ),
        ("schema = 1\n", "", "line 1: `schema` is missing; write for example `schema = 1`"),
        (
            "tenant = \"demo\"",
            "tennant = \"demo\"\ntenant = \"demo\"",
            "line 3: `box.tennant` is not a key that Courtside knows; did you mean `tenant`?",
        ),
        (
            "tenant = \"demo\"",
            "tenant = \"demo\"\nbicycle = 1",
            "line 4: `box.bicycle` is not a key that Courtside knows; known here are `tenant`, \
             `device`, `data_dir` and `board`",
        ),
        (
            "tenant = \"demo\"\n",
            "",
            "line 2: `box.tenant` is missing; write for example `tenant = \"demo\"`",
        ),
        (
            "tenant = \"demo\"",
            "tenant = \"a/b\"",
            "line 3: `box.tenant = \"a/b\"`: a name has only ASCII letters, digits, `-`, `_` and \
             `.` and does not start with a dot, so '/' cannot stand there; write for example \
             `tenant = \"demo\"`",
        ),
        (
            "device = \"court-1\"",
            "device = 7",
            "line 4: `box.device = 7`: a text in quotes belongs here, not integer; write for \
             example `device = \"court-1\"`",
        ),
        (
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"127.0.0.1:1883\"",
            "line 7: `mqtt.url = \"127.0.0.1:1883\"`: a broker's address starts with `mqtt://` or \
             `mqtts://`; write for example `url = \"mqtt://127.0.0.1:1883\"`",
        ),
        (
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"mqtt://127.0.0.1:70000\"",
            "line 7: `mqtt.url = \"…\"`: after `://` belong a host and, if \
             need be, `:` and a port; write for example `url = \"mqtt://127.0.0.1:1883\"`",
        ),
        (
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"mqtt://me:hush@broker\"",
            "line 7: `mqtt.url = \"…\"`: user name and password do not belong in the address, \
             where logs would show them; write them as `username` and `password`",
        ),
        (
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"mqtts://broker\"",
            "line 6: `mqtt.ca` is missing; write for example `ca = \"/etc/courtside/ca.pem\"`",
        ),
        (
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"mqtts://broker\"\nca = \"/nowhere/ca.pem\"",
            "line 8: `mqtt.ca = \"/nowhere/ca.pem\"`: there is no file /nowhere/ca.pem; name an \
             existing file; a relative path counts from this configuration's folder",
        ),
        (
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"mqtt://broker\"\nca = \"ca.pem\"",
            "line 8: `mqtt.ca = \"ca.pem\"`: `mqtt.url` says `mqtt://`, a connection without TLS; \
             write `mqtts://` in `url`, or remove this key",
        ),
        (
            "url = \"mqtt://127.0.0.1:1883\"",
            "url = \"mqtt://broker\"\npassword = \"hush\"",
            "line 8: `mqtt.password = \"…\"`: `username` and `password` belong together; write \
             both, or none",
        ),
        (
            "kind = \"rtmp\"",
            "kind = \"rtpm\"",
            "line 10: `source[1].kind = \"rtpm\"`: this is none of the possible values; did you \
             mean `rtmp`?",
        ),
        (
            "listen = \"127.0.0.1:1935\"",
            "listen = \"localhost\"",
            "line 11: `source[1].listen = \"localhost\"`: an address to listen on is an IP address \
             of this box, or 0.0.0.0 for all of them, `:` and a port from 1 to 65535; write for \
             example `listen = \"0.0.0.0:1935\"`",
        ),
        (
            "key = \"s3cret-key\"",
            "key = \"s3cret key\"",
            "line 13: `source[1].key = \"…\"`: this is a part of the publisher's URL: at most 128 \
             ASCII letters, digits, `-`, `_`, `.` and `~`; write for example `key = \
             \"a-long-random-text\"`",
        ),
        (
            "sport = \"basketball\"",
            "sport = \"chess\"",
            "line 14: `source[1].sport = \"chess\"`: this is none of the possible values; write \
             one of `basketball`",
        ),
        (
            "sport = \"basketball\"",
            "sport = \"basketball\"\nidle_timeout_s = 0",
            "line 15: `source[1].idle_timeout_s = 0`: a publisher that sends nothing is dropped \
             after 1 to 3600 s; write for example `idle_timeout_s = 10`",
        ),
        (
            "sport = \"basketball\"",
            "sport = \"basketball\"\nhoops = [{ id = \"a\", box = [5, 5, 1, 9] }]",
            "line 15: `source[1].hoops[1].box = [5, 5, 1, 9]`: a hoop's box is [left, top, right, \
             bottom] of rim and net in the picture's pixels; write for example `box = [196, 204, \
             232, 244]`",
        ),
        (
            "sport = \"basketball\"",
            "sport = \"basketball\"\npath = \"game.mp4\"",
            "line 15: `source[1].path` is not a key that Courtside knows; known here are `name`, \
             `kind`, `listen`, `app`, `key`, `tls`, `idle_timeout_s`, `sport`, `hoops` and `board`",
        ),
        (
            "sport = \"basketball\"",
            "sport = \"basketball\"\nboard = [{ field = \"guests\", box = [1, 2, 30, 40] }]",
            "line 15: `source[1].board[1].field = \"guests\"`: this is none of the possible \
             values; write one of `home`, `away`, `period`, `clock` and `shot_clock`",
        ),
        (
            "sport = \"basketball\"",
            "sport = \"basketball\"\nboard = [{ field = \"home\", box = [30, 2, 1, 40] }]",
            "line 15: `source[1].board[1].box = [30, 2, 1, 40]`: a field's box is [left, top, \
             right, bottom] of its digits alone in the picture's pixels; write for example `box = \
             [1020, 40, 1068, 72]`",
        ),
        (
            "sport = \"basketball\"",
            "sport = \"basketball\"\nboard = [{ field = \"home\", box = [1, 2, 30, 40] }, { field \
             = \"home\", box = [1, 2, 30, 40] }]",
            "line 15: `source[1].board = [ … ]`: a field of the board is marked twice; mark each \
             field once",
        ),
        (
            "pre_roll_s = 6.0",
            "pre_roll_s = 300",
            "line 16: `clips.pre_roll_s = 300`: this length is 0 to 60 seconds; write for example \
             `pre_roll_s = 6.0`",
        ),
        (
            "pre_roll_s = 6.0",
            "pre_roll_s = nan",
            "line 16: `clips.pre_roll_s = nan`: this length is 0 to 60 seconds; write for example \
             `pre_roll_s = 6.0`",
        ),
        (
            "pre_roll_s = 6.0",
            "max_s = 3",
            "line 15: `clips.max_s` is 3 s, but `pre_roll_s` and `post_roll_s` together are 10 s \
             and a clip shows both; write `max_s = 10` or more, or shorten them",
        ),
        (
            "pre_roll_s = 6.0",
            "kinds = [\"made_shots\"]",
            "line 16: `clips.kinds = [\"made_shots\"]`: `made_shots` is no kind of event; did you \
             mean `made_shot`?",
        ),
        (
            "[clips]",
            "[storage]\nclips_mib = -1\n[clips]",
            "line 16: `storage.clips_mib = -1`: a quota is 64 to 16777216 MiB (16 TiB); write for \
             example `clips_mib = 4096`",
        ),
        (
            "[clips]",
            "[models]\ntier = \"nanno\"\n[clips]",
            "line 16: `models.tier = \"nanno\"`: this is none of the possible values; did you mean \
             `nano`?",
        ),
        (
            "[clips]",
            "[models]\nengine = \"onnx\"\n[clips]",
            "line 16: `models.engine = \"onnx\"`: this is none of the possible values; write one of `auto`, \
             `tract`, `onnxruntime`, `cuda` and `tensorrt`",
        ),
        (
            "schema = 1",
            "schema = 1\nmodels = 5",
            "line 2: `models = 5`: this is a section; write `[models]` on a line of its own",
        ),
    ];
    for (line, with, expected) in cases {
        assert_eq!(complaints(&changed(line, with)), [expected], "{line} -> {with}");
    }
}

#[test]
fn two_sources_cannot_share_a_name_or_a_stream_key() {
    let second = "[[source]]\nname = \"court-1\"\nkind = \"rtmp\"\nlisten = \"127.0.0.1:1935\"\n\
                  app = \"live\"\nkey = \"s3cret-key\"\nsport = \"basketball\"\n[clips]";
    assert_eq!(
        complaints(&changed("[clips]", second)),
        [
            "line 16: `source[2].name = \"court-1\"`: another source has this name; give each \
             source one of its own",
            "line 20: `source[2].key = \"…\"`: another source has this address, app and key; give \
             each source one of its own",
        ]
    );
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_their_lines() {
    let text = changed("tenant = \"demo\"", "tenant = \"\"")
        .replace("app = \"live\"", "app = 1")
        .replace("post_roll_s = 4.0", "post_rol_s = 4.0");
    let lines: Vec<String> =
        complaints(&text).iter().map(|told| told.chars().take(7).collect()).collect();
    assert_eq!(lines, ["line 3:", "line 12", "line 17"]);
}

#[test]
fn empty_file_asks_for_every_section() {
    assert_eq!(
        complaints(""),
        [
            "line 1: `schema` is missing; write for example `schema = 1`",
            "line 1: the section `[box]` is missing; add it",
            "line 1: the section `[mqtt]` is missing; add it",
            "line 1: there is no `[[source]]`, so the box has no camera; add at least one",
        ]
    );
}

#[test]
fn broken_toml_is_told_with_its_line_and_without_the_lines_text() {
    let told = complaints(&changed("key = \"s3cret-key\"", "key = \"s3cret-key"));
    assert!(told[0].starts_with("line 13: this is no TOML: "), "{told:?}");
    assert!(!told.concat().contains("s3cret"), "{told:?}");
}

#[test]
fn missing_file_is_told_with_its_name_and_a_remedy() {
    let refusal = Config::load(Path::new("/nowhere/courtside.toml")).expect_err("no such file");
    let told = refusal.to_string();
    assert!(
        told.starts_with("/nowhere/courtside.toml: the configuration cannot be read"),
        "{told}"
    );
    assert!(told.contains("--config"), "{told}");
}

#[test]
fn summary_shows_what_was_understood() {
    assert_eq!(
        understood(GOOD).to_string(),
        "box      court-1 of tenant demo\n\
         data     /var/lib/courtside\n\
         board    what the box says of itself\n\
         broker   127.0.0.1 port 1883, without TLS\n\
         source   court-1: basketball, RTMP publisher to rtmp://127.0.0.1:1935/live/(key), dropped \
         after 10 s of silence, hoops are searched\n\
         clips    of made_shot: 6 s before, 4 s after, at most 30 s\n\
         uplink   clips at any time, what events leave of the line\n\
         obeys    no commands over MQTT\n\
         storage  2048 MiB of recordings, 4096 MiB of clips\n\
         codecs   decoder auto: the box's video engine if there is one, else libav\n\
         governor adaptive, no limit of power\n\
         models   /packs, tier chosen by the governor, run by ONNX Runtime if there is the library \
         of the system, else by tract"
    );
}

#[test]
fn documented_configuration_lacks_nothing_but_its_files() {
    let page = include_str!("../../../../docs/operator.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let told = complaints(example.expect("the page has an example"));
    assert_eq!(told.len(), 4, "ca, cert, key and a video: {told:#?}");
    assert!(told.iter().all(|told| told.contains("there is no file")), "{told:#?}");
}
