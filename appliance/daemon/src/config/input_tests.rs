//! The kinds of sources beside RTMP: what is understood, and what a technician is told.

use crate::config::tests::{GOOD, complaints, understood};

use super::*;
use crate::config::Transport;

/// The good configuration with a second source of these lines from line 15 on.
fn with(lines: &str) -> String {
    let source = format!("[[source]]\nname = \"more\"\nsport = \"basketball\"\n{lines}\n[clips]");
    GOOD.replacen("[clips]", &source, 1)
}

#[test]
fn a_port_and_a_call_over_srt_are_understood_and_no_secret_is_shown() {
    let config = understood(&with(
        "kind = \"srt\"\nlisten = \"0.0.0.0:9000\"\nstream = \"court-2\"\nlatency_ms = 200\n\
         passphrase = \"ten-letters-or-more\"",
    ));
    let Input::SrtListen { listen, terms } = &config.sources[1].input else { panic!("a port") };
    assert_eq!((listen.port(), terms.stream.as_deref()), (9000, Some("court-2")));
    assert_eq!((terms.latency.as_millis(), terms.idle_timeout.as_secs()), (200, 10));
    let shown = format!("{config}\n{config:?}");
    assert!(!shown.contains("ten-letters"), "{shown}");
    assert!(
        shown.contains(
            "SRT publisher to srt://0.0.0.0:9000, stream court-2, encrypted, latency 200 ms, \
             dropped after 10 s of silence"
        ),
        "{shown}"
    );

    let config = understood(&with("kind = \"srt\"\nconnect = \"camera.local:9000\""));
    let Input::SrtCall { address, terms } = &config.sources[1].input else { panic!("a call") };
    assert_eq!((address.as_str(), &terms.passphrase), ("camera.local:9000", &None));
    let shown = config.to_string();
    assert!(shown.contains("called at srt://camera.local:9000, NOT encrypted"), "{shown}");
}

#[test]
fn an_hls_stream_is_understood_and_its_address_is_not_shown() {
    let config =
        understood(&with("kind = \"hls\"\nurl = \"https://cdn.example/a.m3u8?token=hush\""));
    let Input::Hls { url, height_max, ca } = &config.sources[1].input else { panic!("HLS") };
    assert_eq!(url.expose(), "https://cdn.example/a.m3u8?token=hush");
    assert_eq!((*height_max, ca), (1080, &None));
    let shown = format!("{config}\n{config:?}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_capture_device_is_understood_with_its_wishes_and_without() {
    let config = understood(&with(
        "kind = \"v4l2\"\ndevice = \"/dev/video0\"\ninput = \"SDI\"\nformat = \"UYVY\"\n\
         size = [1920, 1080]\nrate = 59.94\nbitrate_kbps = 8000",
    ));
    let Input::V4l2(card) = &config.sources[1].input else { panic!("a device") };
    assert_eq!((card.input.as_deref(), card.rate), (Some("SDI"), Some(hal::capture::Rate(59_940))));
    let shown = config.to_string();
    assert!(
        shown.contains(
            "captured from /dev/video0, input SDI, as UYVY, 1920x1080 unless its signal says \
             otherwise, 59.94 pictures a second unless its signal says otherwise, recorded at \
             8000 kbit/s"
        ),
        "{shown}"
    );
    let config = understood(&with("kind = \"v4l2\"\ndevice = \"/dev/v4l/by-id/card\""));
    let shown = config.to_string();
    assert!(shown.contains("in the best format that it has, recorded at a rate that"), "{shown}");
}

#[test]
fn what_a_technician_may_get_wrong_is_told_once_with_what_to_do() {
    for (lines, part) in [
        ("kind = \"srt\"", "listen"),
        (
            "kind = \"srt\"\nlisten = \"0.0.0.0:9000\"\nconnect = \"10.0.0.7:9000\"",
            "keep `listen` or `connect`",
        ),
        ("kind = \"srt\"\nconnect = \"srt://10.0.0.7:9000\"", "a host, `:` and a port alone"),
        ("kind = \"srt\"\nconnect = \"10.0.0.7\"", "a host, `:` and a port alone"),
        ("kind = \"srt\"\nlisten = \"0.0.0.0:9000\"\npassphrase = \"short\"", "SRT takes 10 to 79"),
        ("kind = \"srt\"\nlisten = \"0.0.0.0:9000\"\nlatency_ms = 9000", "20 to 4000 ms"),
        ("kind = \"hls\"\nurl = \"cdn.example/a.m3u8\"", "https://host/path/stream.m3u8"),
        ("kind = \"hls\"\nurl = \"http://h/a.m3u8\"\nca = \"no.pem\"", "there is no file"),
        ("kind = \"watch\"\nfolder = \"/no/such\"", "there is no folder /no/such"),
        ("kind = \"rtsp\"\nurl = \"http://camera/1\"", "a camera's address is `rtsp://`"),
        ("kind = \"rtsp\"\nurl = \"rtsps://camera/1\"", "RTSP over TLS is not taken yet"),
        ("kind = \"rtsp\"\nurl = \"rtsp://me:hush@camera/1\"", "write them as `username`"),
        ("kind = \"rtsp\"\nurl = \"rtsp://camera/1\"\npassword = \"hush\"", "belong together"),
        ("kind = \"rtsp\"\nurl = \"rtsp://camera/1\"\ntransport = \"http\"", "`tcp` and `udp`"),
        ("kind = \"v4l2\"", "device"),
        ("kind = \"v4l2\"\ndevice = \"video0\"", "a file below /dev"),
        ("kind = \"v4l2\"\ndevice = \"/dev/video0\"\nformat = \"H264\"", "UYVY"),
        ("kind = \"v4l2\"\ndevice = \"/dev/video0\"\nsize = [1921, 1080]", "even numbers"),
        ("kind = \"v4l2\"\ndevice = \"/dev/video0\"\nrate = 0", "1 to 240"),
        ("kind = \"SRT\"\nlisten = \"0.0.0.0:9000\"\npassphrase = \"hush\"", "kind"),
    ] {
        let told = complaints(&with(lines));
        assert_eq!(told.len(), 1, "{lines}: {told:?}");
        assert!(told[0].contains(part), "{lines}: {told:?}");
        assert!(!told[0].contains("hush") && !told[0].contains("short\""), "{told:?}");
    }
}

#[test]
fn a_secret_that_was_pasted_under_another_key_is_not_shown() {
    let rtmp = "kind = \"rtmp\"\nkey = \"k\"\n";
    let (listen, app) = ("listen = \"0.0.0.0:1935\"\n", "app = \"live\"\n");
    let whole = "this is a whole address; write IP and port here, and ";
    for (lines, part) in [
        (format!("{rtmp}{app}listen = \"rtmp://0.0.0.0:1935/live/HUSH\""), whole),
        (format!("{rtmp}{app}listen = \"0.0.0.0:1935/live/HUSH\""), whole),
        (format!("{rtmp}{listen}app = \"live/HUSH\""), "a part of the publisher's URL"),
        ("kind = \"srt\"\nlisten = \"0.0.0.0:9000?passphrase=HUSH\"".to_owned(), whole),
        (
            "kind = \"srt\"\nconnect = \"srt://10.0.0.7:9000?passphrase=HUSH\"".to_owned(),
            "a host, `:` and a port alone",
        ),
        ("kind = \"srt\"\nconnect = \"me:HUSH@10.0.0.7:9000\"".to_owned(), "a host, `:` and"),
        (
            "kind = \"srt\"\nlisten = \"0.0.0.0:9000\"\nstream = \"a&passphrase=HUSH\"".to_owned(),
            "a part of the publisher's URL",
        ),
        ("kind = \"file\"\npath = \"rtsp://admin:HUSH@10.0.0.2/1\"".to_owned(), "no file /etc/"),
        ("kind = \"watch\"\nfolder = \"rtsp://admin:HUSH@10.0.0.2/1\"".to_owned(), "no folder"),
        ("kind = \"v4l2\"\ndevice = \"rtsp://admin:HUSH@10.0.0.2/1\"".to_owned(), "below /dev"),
        ("kind = \"rtsp://admin:HUSH@10.0.0.2/1\"".to_owned(), "write one of"),
        (
            "kind = \"rtsp\"\nurl = \"rtsp://camera/1\"\nusername = \"admin:HUSH\"".to_owned(),
            "belong together",
        ),
    ] {
        let told = complaints(&with(&lines));
        assert_eq!(told.len(), 1, "{lines}: {told:?}");
        assert!(told[0].contains(part) && told[0].contains("= \"…\"`"), "{lines}: {told:?}");
        assert!(!told[0].contains("HUSH"), "{lines}: {told:?}");
    }
    let sections = "[[source]]\nname = \"court-1\"";
    let mqtt = "[mqtt]\nurl = \"mqtt://127.0.0.1:1883\"\n";
    for text in [
        GOOD.replacen(mqtt, "", 1).replacen("[box]", "mqtt = \"mqtt://me:HUSH@b:1883\"\n[box]", 1),
        GOOD.replacen(mqtt, "", 1).replacen("[box]", "mqtt = \"HUSH\"\n[box]", 1),
        "schema = 1\nsource = { kind = \"rtmp\", key = \"HUSH\" }\n".to_owned(),
        GOOD.replacen(sections, "[source]\nname = \"HUSH\"", 1),
    ] {
        let told = complaints(&text).concat();
        assert!(told.contains(" … }`: ") || told.contains("= \"…\"`: "), "{told}");
        assert!(!told.contains("HUSH"), "{told}");
    }
}

#[test]
fn a_camera_is_understood_and_neither_its_address_nor_its_password_is_shown() {
    let config = understood(&with(
        "kind = \"rtsp\"\nurl = \"rtsp://10.0.0.20/stream1?token=hush\"\nusername = \"me\"\n\
         password = \"hush-hush\"\ntransport = \"udp\"\nidle_timeout_s = 5",
    ));
    let Input::Rtsp(camera) = &config.sources[1].input else { panic!("a camera") };
    assert_eq!(camera.url.expose(), "rtsp://10.0.0.20/stream1?token=hush");
    let login = camera.login.as_ref().expect("a login");
    assert_eq!((login.username.as_str(), login.password.expose()), ("me", "hush-hush"));
    assert_eq!((camera.transport, camera.idle_timeout.as_secs()), (Transport::Udp, 5));
    let shown = format!("{config}\n{config:?}");
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("RTSP camera pulled from (url) as user me, over UDP"), "{shown}");

    let config = understood(&with("kind = \"rtsp\"\nurl = \"rtsp://[::1]:8554/\""));
    let Input::Rtsp(camera) = &config.sources[1].input else { panic!("a camera") };
    assert_eq!((&camera.login, camera.transport), (&None, Transport::Tcp));
}

#[test]
fn sources_on_one_srt_port_have_names_of_their_own() {
    let source = |name: &str, stream: &str| {
        format!(
            "[[source]]\nname = \"{name}\"\nsport = \"basketball\"\nkind = \"srt\"\n\
             listen = \"0.0.0.0:9000\"\n{stream}"
        )
    };
    let both = |one: &str, other: &str| {
        let sources = [source("one", one), source("other", other), "[clips]".to_owned()];
        GOOD.replacen("[clips]", &sources.concat(), 1)
    };
    let (a, b) = ("stream = \"a\"\n", "stream = \"b\"\n");
    understood(&both(a, b));
    for (one, other) in [(a, a), (a, ""), ("", b), ("", "")] {
        let told = complaints(&both(one, other));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("each needs a `stream` that no other has"), "{told:?}");
    }
}
