//! RTMP publishers other than ffmpeg, each with a box that runs: programs that people use, and byte
//! streams of programs that Debian does not have.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::clock::until;
use e2e::footage::{self, Tag};
use e2e::observer::Observer;
use e2e::program::{Program, is_there};
use e2e::rtmp::{Amf, Client, DATA, Header, Message, VIDEO};
use e2e::telemetry;
use e2e::venue::{DEVICE, Venue, free_port};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// A box that shares two cores with others has decoded some seconds of a small picture.
const PATIENCE: Duration = Duration::from_secs(60);
const APP: &str = "live";
const KEY: &str = "demo-key";

#[tokio::test(flavor = "multi_thread")]
async fn gstreamers_rtmp2sink_is_taken() -> Result<()> {
    if !is_there("gst-inspect-1.0", &["rtmp2sink"]) || !is_there("gst-inspect-1.0", &["x264enc"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let pipeline = format!(
        "flvmux name=mux streamable=true ! rtmp2sink location={} \
         videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1,format=I420 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse ! mux. \
         audiotestsrc is-live=true ! audio/x-raw,rate=48000 ! voaacenc ! aacparse ! mux.",
        venue.rtmp_url()
    );
    let mut command = Command::new("gst-launch-1.0");
    command.args(pipeline.split_whitespace());
    let _gstreamer = Program::start("gst-launch", command, &folder.path().join("gst.log"))?;
    is_seen_and_heard(&mut observer, DEVICE, 100).await?;
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn librtmp_is_taken() -> Result<()> {
    if !is_there("pkg-config", &["--exists", "librtmp"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let publisher = folder.path().join("librtmp_publish");
    let mut compiler = Command::new("cc");
    compiler.arg(source("librtmp_publish.c")).arg("-o").arg(&publisher).arg("-lrtmp");
    ensure!(compiler.status().await?.success(), "the publisher is not compiled");
    let film = footage::flv(folder.path(), 8)?;
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let mut command = Command::new(&publisher);
    command.arg(&film).arg(venue.rtmp_url());
    let mut program = Program::start("librtmp", command, &folder.path().join("librtmp.log"))?;
    is_seen_and_heard(&mut observer, DEVICE, 200).await?;
    let ended = program.wait(PATIENCE).await?;
    ensure!(ended.success(), "{}", program.log_end());
    venue.close().await
}

/// The messages, their order, chunk size and headers are those of OBS Studio, which publishes by a
/// librtmp of its own: the chunk size before the first command, and everything behind `publish` on
/// chunk stream 4, after the first message with the time since the one before.
#[tokio::test(flavor = "multi_thread")]
async fn the_message_sequence_of_obs_is_taken() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut film = footage::tags(&footage::flv(folder.path(), 8)?)?;
    // OBS sends sound and pictures in the order of their times; ffmpeg's file is not quite in it.
    film.sort_by_key(|tag| tag.timestamp_ms);
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let mut obs = Client::connect(venue.rtmp_port()).await?;
    obs.set_chunk_bytes(4096).await?;
    let url = format!("rtmp://127.0.0.1:{}/{APP}", venue.rtmp_port());
    let who = Amf::Object(&[
        ("app", Amf::Text(APP)),
        ("type", Amf::Text("nonprivate")),
        ("flashVer", Amf::Text("FMLE/3.0 (compatible; FMSc/1.0)")),
        ("swfUrl", Amf::Text(&url)),
        ("tcUrl", Amf::Text(&url)),
    ]);
    obs.command(0, &[Amf::Text("connect"), Amf::Number(1.0), who]).await?;
    obs.wait_for("NetConnection.Connect.Success").await?;
    for (number, name) in [(2.0, "releaseStream"), (3.0, "FCPublish")] {
        let values = [Amf::Text(name), Amf::Number(number), Amf::Null, Amf::Text(KEY)];
        obs.command(0, &values).await?;
    }
    obs.command(0, &[Amf::Text("createStream"), Amf::Number(4.0), Amf::Null]).await?;
    obs.wait_for("_result").await?;
    let publish =
        [Amf::Text("publish"), Amf::Number(5.0), Amf::Null, Amf::Text(KEY), Amf::Text("live")];
    obs.command(1, &publish).await?;
    obs.wait_for("NetStream.Publish.Start").await?;
    let metadata = metadata_of_obs();
    let message = |kind, timestamp_ms, payload| Message {
        chunk_stream: 4,
        kind,
        timestamp_ms,
        stream: 1,
        payload,
    };
    obs.send(message(DATA, 0, &metadata), Header::Full).await?;
    let mut pace = Pace::start();
    let mut before = None;
    for Tag { kind, timestamp_ms, body } in film.iter().filter(|tag| tag.kind != DATA) {
        pace.wait(Duration::from_millis(u64::from(*timestamp_ms))).await;
        let header = before.filter(|_| *timestamp_ms > 0).map_or(Header::Full, Header::Since);
        obs.send(message(*kind, *timestamp_ms, body), header).await?;
        before = Some(*timestamp_ms);
    }
    is_seen_and_heard(&mut observer, DEVICE, 200).await?;
    for (number, name) in [(6.0, "FCUnpublish"), (7.0, "deleteStream")] {
        let what = if name == "deleteStream" { Amf::Number(1.0) } else { Amf::Text(KEY) };
        obs.command(0, &[Amf::Text(name), Amf::Number(number), Amf::Null, what]).await?;
    }
    let log = async || Ok(venue.appliance_log()?.contains("publisher gone").then_some(()));
    until(PATIENCE, "the publisher gone", log).await?;
    ensure!(!venue.appliance_log()?.contains(KEY), "the key is in the log");
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hevc_over_enhanced_rtmp_is_decoded() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("film.mp4");
    // With B-frames, so that some messages carry a composition time and some need none.
    let codec = "-an -c:v libx265 -preset ultrafast -x265-params \
                 log-level=error:keyint=25:scenecut=0:open-gop=0:bframes=2:b-adapt=0 -tag:v hvc1";
    footage::film(&file, 6, codec)?;
    let (record, units) = (footage::hevc_record(&file)?, footage::units(&file)?);
    ensure!(units.len() == 150, "{} access units", units.len());
    let late = units.iter().filter(|unit| !unit.composition.is_zero()).count();
    ensure!((20..130).contains(&late), "{late} access units with a composition time");
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let mut encoder = published(&venue).await?;
    let start = tag_of_hevc(KEYFRAME, SEQUENCE_START, &[&record]);
    encoder.send(video(0, &start), Header::Full).await?;
    let mut pace = Pace::start();
    for (number, unit) in units.iter().enumerate() {
        pace.wait(unit.decoded).await;
        let frame = if number % 25 == 0 { KEYFRAME } else { INTER };
        let body = if unit.composition.is_zero() {
            tag_of_hevc(frame, CODED_FRAMES_X, &[&unit.data])
        } else {
            let composition = (unit.composition.as_millis() as u32).to_be_bytes();
            tag_of_hevc(frame, CODED_FRAMES, &[&composition[1..], &unit.data])
        };
        encoder.send(video(unit.decoded.as_millis() as u32, &body), Header::Full).await?;
    }
    let end = tag_of_hevc(KEYFRAME, SEQUENCE_END, &[]);
    encoder.send(video(6_000, &end), Header::Full).await?;
    drop(encoder);
    // The last pictures leave the decoder when the publisher is gone.
    let decoded = |source: &Value| counter(source, "frames_decoded_total") == 150;
    let seen = telemetry::source(&mut observer, (DEVICE, PATIENCE), decoded).await?;
    for (name, expected) in
        [("units_video_total", 150), ("frames_corrupt_total", 0), ("units_dropped_total", 0)]
    {
        ensure!(counter(&seen, name) == expected, "{name}: {seen}");
    }
    venue.close().await
}

fn video(timestamp_ms: u32, payload: &[u8]) -> Message<'_> {
    Message { chunk_stream: 6, kind: VIDEO, timestamp_ms, stream: 1, payload }
}

const KEYFRAME: u8 = 1;
const INTER: u8 = 2;
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
const CODED_FRAMES_X: u8 = 3;

/// The body of a video message of Enhanced RTMP: a header that names the codec, and these parts.
fn tag_of_hevc(frame: u8, packet: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![0x80 | frame << 4 | packet];
    body.extend_from_slice(b"hvc1");
    parts.iter().for_each(|part| body.extend_from_slice(part));
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_picture_is_counted_as_that_and_the_next_keyframe_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut film = footage::tags(&footage::flv(folder.path(), 6)?)?;
    film.retain(|tag| tag.kind == VIDEO);
    // Behind its configuration, in the third second: it ends within a NAL unit.
    let damaged = &mut film[63];
    let half = damaged.body.len() / 2;
    damaged.body.truncate(half);
    let at = damaged.timestamp_ms;
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let mut encoder = published(&venue).await?;
    let mut pace = Pace::start();
    for Tag { timestamp_ms, body, .. } in &film {
        pace.wait(Duration::from_millis(u64::from(*timestamp_ms))).await;
        encoder.send(video(*timestamp_ms, body), Header::Full).await?;
    }
    drop(encoder);
    let seen = telemetry::source(&mut observer, (DEVICE, PATIENCE), |source| {
        // All but those from the damaged one to the next keyframe, which may or may not be shown.
        counter(source, "frames_decoded_total") >= 125 && counter(source, "publishers_total") == 1
    })
    .await?;
    ensure!(counter(&seen["stream"], "malformed_dropped_total") == 1, "at {at} ms: {seen}");
    for other in ["gaps_total", "early_dropped_total", "jumps_total"] {
        ensure!(counter(&seen["stream"], other) == 0, "{other}: {seen}");
    }
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_over_tls_is_taken_and_one_without_is_not() -> Result<()> {
    if !is_there("openssl", &["version"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    certificate(folder.path()).await?;
    let port = free_port().await?;
    let source = format!(
        "[[source]]\nname = \"safe\"\nkind = \"rtmp\"\nlisten = \"127.0.0.1:{port}\"\napp = \
         \"{APP}\"\nkey = \"{KEY}\"\nsport = \"basketball\"\n\
         tls = {{ cert = \"cert.pem\", key = \"key.pem\" }}\n"
    );
    let mut venue = Venue::open_with(folder.path(), &[], &source).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    // Somebody who connects and says nothing is dropped, and so is somebody who speaks no TLS.
    let mut silent = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let plain = tokio::time::timeout(PATIENCE, Client::connect(port)).await?;
    ensure!(plain.is_err(), "a client without TLS was taken");
    let film = footage::flv(folder.path(), 30)?;
    let mut command = Command::new("ffmpeg");
    command.args("-hide_banner -loglevel error -nostdin -re -i".split(' ')).arg(&film);
    command.args("-c copy -f flv -tls_verify 0".split(' '));
    command.arg(format!("rtmps://127.0.0.1:{port}/{APP}/{KEY}"));
    let publisher = Program::start("ffmpeg", command, &folder.path().join("ffmpeg.log"))?;
    is_seen_and_heard(&mut observer, "safe", 100).await?;
    drop(publisher);
    let log = async || {
        let log = venue.appliance_log()?;
        let over = ["publisher gone", "its TLS handshake took more than 5 s"];
        Ok(over.iter().all(|line| log.contains(line)).then_some(()))
    };
    until(PATIENCE, "both told as gone", log).await?;
    let mut said = [0; 16];
    let left = tokio::time::timeout(PATIENCE, silent.read(&mut said)).await?;
    ensure!(left.map_or(true, |count| count == 0), "the silent one is still connected");
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_publisher_loses_its_stream_to_the_next_one_with_its_key() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let film = footage::flv(folder.path(), 60)?;
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let publish = |name: &str| {
        let mut command = Command::new("ffmpeg");
        command.args("-hide_banner -loglevel error -nostdin -re -i".split(' ')).arg(&film);
        command.args("-c copy -f flv".split(' ')).arg(venue.rtmp_url());
        Program::start(name, command, &folder.path().join(name))
    };
    let decoded = |source: &Value| counter(source, "frames_decoded_total");
    let mut first = publish("first.log")?;
    telemetry::source(&mut observer, (DEVICE, PATIENCE), |now| decoded(now) >= 50).await?;
    // While the first one is alive, another one is refused, and the game goes on.
    let mut refused = publish("refused.log")?;
    let ended = refused.wait(PATIENCE).await?;
    ensure!(!ended.success(), "a second publisher was not refused");
    let before = telemetry::source(&mut observer, (DEVICE, PATIENCE), |_| true).await?;
    ensure!(counter(&before, "publishers_total") == 1, "{before}");
    ensure!(counter(&before, "epochs_total") == 0, "{before}");
    // Frozen, as one behind a network that broke: its connection stands, and nothing comes.
    first.signal("STOP").await?;
    let frozen = tokio::time::Instant::now();
    let _second = publish("second.log")?;
    let taken = |now: &Value| counter(now, "publishers_total") == 2;
    let after = telemetry::source(&mut observer, (DEVICE, PATIENCE), |now| {
        taken(now) && decoded(now) >= decoded(&before) + 50
    })
    .await?;
    // Two seconds of pictures, and telemetry every two seconds.
    let seconds = frozen.elapsed().as_secs_f64();
    println!("two seconds of the next publisher were decoded after {seconds:.1} s");
    ensure!(seconds < 10.0, "the next publisher came after {seconds:.1} s");
    ensure!(counter(&after, "epochs_total") == 1, "{after}");
    ensure!(counter(&after, "frames_corrupt_total") == 0, "{after}");
    // The ghost wakes up, and finds its connection closed.
    first.signal("CONT").await?;
    ensure!(!first.wait(PATIENCE).await?.success(), "the ghost is still taken");
    let log = venue.appliance_log()?;
    ensure!(log.contains("another publisher with the same key took over"), "{log}");
    venue.close().await
}

/// A connection on which `publish` was accepted.
async fn published(venue: &Venue) -> Result<Client> {
    let mut client = Client::connect(venue.rtmp_port()).await?;
    client.set_chunk_bytes(60_000).await?;
    let app = Amf::Object(&[("app", Amf::Text(APP))]);
    client.command(0, &[Amf::Text("connect"), Amf::Number(1.0), app]).await?;
    client.wait_for("NetConnection.Connect.Success").await?;
    client.command(0, &[Amf::Text("createStream"), Amf::Number(2.0), Amf::Null]).await?;
    client.wait_for("_result").await?;
    let publish =
        [Amf::Text("publish"), Amf::Number(3.0), Amf::Null, Amf::Text(KEY), Amf::Text("live")];
    client.command(1, &publish).await?;
    client.wait_for("NetStream.Publish.Start").await?;
    Ok(client)
}

/// What OBS Studio says of its stream.
fn metadata_of_obs() -> Vec<u8> {
    let fields = [
        ("duration", Amf::Number(0.0)),
        ("fileSize", Amf::Number(0.0)),
        ("width", Amf::Number(320.0)),
        ("height", Amf::Number(180.0)),
        ("videocodecid", Amf::Number(7.0)),
        ("videodatarate", Amf::Number(2_500.0)),
        ("framerate", Amf::Number(25.0)),
        ("audiocodecid", Amf::Number(10.0)),
        ("audiodatarate", Amf::Number(160.0)),
        ("audiosamplerate", Amf::Number(48_000.0)),
        ("audiosamplesize", Amf::Number(16.0)),
        ("audiochannels", Amf::Number(2.0)),
        ("stereo", Amf::Boolean(true)),
        ("2.1", Amf::Boolean(false)),
        ("3.1", Amf::Boolean(false)),
        ("4.0", Amf::Boolean(false)),
        ("4.1", Amf::Boolean(false)),
        ("5.1", Amf::Boolean(false)),
        ("7.1", Amf::Boolean(false)),
        ("encoder", Amf::Text("obs-output module (libobs version 30.2.3)")),
    ];
    e2e::rtmp::encoded(&[
        Amf::Text("@setDataFrame"),
        Amf::Text("onMetaData"),
        Amf::EcmaArray(&fields),
    ])
}

/// A source has decoded this many pictures and takes sound, and nothing was lost.
async fn is_seen_and_heard(observer: &mut Observer, name: &str, pictures: u64) -> Result<()> {
    let seen = telemetry::source(observer, (name, PATIENCE), |source| {
        counter(source, "frames_decoded_total") >= pictures
    })
    .await?;
    ensure!(counter(&seen, "units_audio_total") >= pictures, "{seen}");
    ensure!(counter(&seen, "publishers_total") == 1, "{seen}");
    for loss in
        ["frames_corrupt_total", "units_dropped_total", "packets_dropped_total", "epochs_total"]
    {
        ensure!(counter(&seen, loss) == 0, "{loss}: {seen}");
    }
    Ok(())
}

/// Sends at the speed of play.
struct Pace(tokio::time::Instant);

impl Pace {
    fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    async fn wait(&mut self, at: Duration) {
        let mut due = tokio::time::interval_at(self.0 + at, Duration::from_secs(1));
        due.tick().await;
    }
}

/// A certificate that the box signs itself, and its key.
async fn certificate(folder: &Path) -> Result<()> {
    let mut openssl = Command::new("openssl");
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                     -subj /CN=courtside -keyout key.pem -out cert.pem";
    openssl.args(arguments.split_whitespace()).current_dir(folder);
    let made = openssl.output().await.context("openssl is missing")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

/// A file of this package.
fn source(name: &str) -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(name)
}

fn counter(source: &Value, name: &str) -> u64 {
    source[name].as_u64().unwrap_or_default()
}
