//! Sources beside the RTMP publisher, in a box that runs: each takes what real programs send.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::clock::until;
use e2e::observer::{Heard, Observer};
use e2e::venue::{Role, Venue};
use e2e::web::Web;
use serde_json::Value;

/// A box that shares two cores with others has read and analysed a file of three seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const FRAMES: u64 = 75;

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_copied_into_a_watched_folder_are_played_once_and_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let inbox = folder.path().join("inbox");
    std::fs::create_dir(&inbox)?;
    let source = "[[source]]\nname = \"inbox\"\nkind = \"watch\"\nfolder = \"inbox\"\n\
                  sport = \"basketball\"\n";
    let mut venue = Venue::open_with(folder.path(), &[], source).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    std::fs::write(inbox.join("broken.mp4"), "no video at all")?;
    let is_in = |state: &str, name: &str| inbox.join(state).join(name).exists();
    // As a copy over a slow network writes it: under its last name, a little at a time.
    let game = video(folder.path())?;
    let mut copied = game.len() / 2;
    until(PATIENCE, "the broken file set aside", async || {
        copied += 1;
        std::fs::write(inbox.join("game.mp4"), &game[..copied])?;
        Ok(is_in("failed", "broken.mp4.txt").then_some(()))
    })
    .await?;
    std::fs::write(inbox.join("game.mp4"), &game)?;
    until(PATIENCE, "the game played", async || Ok(is_in("done", "game.mp4").then_some(())))
        .await?;
    let reason = std::fs::read_to_string(inbox.join("failed/broken.mp4.txt"))?;
    ensure!(reason.contains("cannot be read as a video"), "{reason}");
    let counters = telemetry(&mut observer, "inbox", |source| {
        counter(source, "frames_analysed_total") >= FRAMES
    })
    .await?;
    for (name, expected) in [
        ("units_video_total", FRAMES),
        ("frames_decoded_total", FRAMES),
        ("frames_analysed_total", FRAMES),
        ("frames_superseded_total", 0),
        ("units_dropped_total", 0),
        ("packets_dropped_total", 0),
    ] {
        ensure!(counter(&counters, name) == expected, "{name}: {counters}");
    }
    // A power cut in the middle of a file: it is set aside, and not told a second time.
    venue.kill(Role::Appliance).await?;
    std::fs::rename(inbox.join("done/game.mp4"), inbox.join("playing/game.mp4"))?;
    venue.start(Role::Appliance).await?;
    until(PATIENCE, "the game set aside", async || {
        Ok(is_in("interrupted", "game.mp4").then_some(()))
    })
    .await?;
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_goes_on_after_the_server_was_away_and_after_it_began_anew() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let served = folder.path().join("served");
    std::fs::create_dir(&served)?;
    let mut web = Web::open(&served).await?;
    let url = web.url("live.m3u8");
    let source = format!(
        "[[source]]\nname = \"pulled\"\nkind = \"hls\"\nurl = \"{url}\"\nsport = \"basketball\"\n"
    );
    // The box is there before the stream is.
    let mut venue = Venue::open_with(folder.path(), &[], &source).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let encoder = live(&served)?;
    let decoded = |source: &Value| counter(source, "frames_decoded_total");
    let first = telemetry(&mut observer, "pulled", |source| decoded(source) >= 100).await?;
    ensure!(counter(&first, "publishers_total") == 1, "{first}");
    ensure!(counter(&first, "units_audio_total") > 100, "{first}");

    // Away for a shorter time than its playlist is long: nothing is lost.
    web.close().await;
    let newest = sequence(&served)?;
    until(PATIENCE, "three more segments", async || {
        Ok((sequence(&served)? >= newest + 3).then_some(()))
    })
    .await?;
    web.reopen().await?;
    let before = decoded(&first);
    let second =
        telemetry(&mut observer, "pulled", |source| decoded(source) >= before + 250).await?;
    ensure!(counter(&second, "publishers_total") == 1, "{second}");
    ensure!(counter(&second, "epochs_total") == 0, "{second}");
    ensure!(counter(&second, "units_dropped_total") == 0, "{second}");

    // The encoder starts again, and counts anew.
    drop(encoder);
    let _encoder = live(&served)?;
    let before = decoded(&second);
    let third = telemetry(&mut observer, "pulled", |source| {
        decoded(source) >= before + 150 && counter(source, "epochs_total") >= 1
    })
    .await?;
    ensure!(counter(&third, "frames_corrupt_total") == 0, "{third}");
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_in_fragmented_mp4_and_with_sound_in_a_list_of_its_own_is_taken_whole() -> Result<()> {
    const TOGETHER: &str = "v:0,a:0";
    const APART: &str = "v:0,agroup:sound a:0,agroup:sound";
    let folder = tempfile::tempdir()?;
    let mut sources = String::new();
    let mut running = Vec::new();
    for (name, container, map, codec) in [
        ("fmp4", "fmp4", TOGETHER, "libx264 -g 25"),
        ("fmp4-apart", "fmp4", APART, "libx264 -g 25"),
        ("ts-apart", "mpegts", APART, "libx264 -g 25"),
        ("hevc-apart", "fmp4", APART, "libx265 -tag:v hvc1 -x265-params keyint=25:log-level=none"),
    ] {
        let served = folder.path().join(name);
        std::fs::create_dir(&served)?;
        let web = Web::open(&served).await?;
        let encoder = packaged(&served, (container, map, codec))?;
        sources += &format!(
            "[[source]]\nname = \"{name}\"\nkind = \"hls\"\nurl = \"{}\"\n\
             sport = \"basketball\"\n",
            web.url("live.m3u8")
        );
        running.push((name, web, encoder));
    }
    let mut venue = Venue::open_with(folder.path(), &[], &sources).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    for (name, ..) in &running {
        // Six seconds of both: the sound keeps up with the pictures.
        let now = telemetry(&mut observer, name, |source| {
            counter(source, "frames_decoded_total") >= 150
                && counter(source, "units_audio_total") >= 260
        })
        .await
        .with_context(|| format!("{name}: {}", venue.appliance_log().unwrap_or_default()))?;
        ensure!(counter(&now, "frames_corrupt_total") == 0, "{name}: {now}");
        ensure!(counter(&now, "epochs_total") == 0, "{name}: {now}");
        ensure!(counter(&now, "publishers_total") == 1, "{name}: {now}");
        for lost in ["gaps_total", "malformed_dropped_total", "astray_dropped_total"] {
            ensure!(counter(&now["stream"], lost) == 0, "{name}: {now}");
        }
        // At the speed of play, and not behind each other.
        let (video, sound) =
            (counter(&now, "units_video_total"), counter(&now, "units_audio_total"));
        let (video_s, sound_s) = (video as f64 / 25.0, sound as f64 * 1_024.0 / 48_000.0);
        ensure!((video_s - sound_s).abs() < 0.7, "{name}: {video_s} s seen, {sound_s} s heard");
    }
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn srt_publishers_share_a_port_and_no_fate() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (port, called) = (free_udp_port()?, free_udp_port()?);
    let source = |name: &str, keys: &str| {
        format!("[[source]]\nname = \"{name}\"\nkind = \"srt\"\nsport = \"basketball\"\n{keys}\n")
    };
    let sources = [
        source("open", &format!("listen = \"127.0.0.1:{port}\"\nstream = \"court-1\"")),
        source(
            "secret",
            &format!(
                "listen = \"127.0.0.1:{port}\"\nstream = \"court-2\"\npassphrase = \"{SECRET}\""
            ),
        ),
        source("called", &format!("connect = \"127.0.0.1:{called}\"")),
    ];
    let mut venue = Venue::open_with(folder.path(), &[], &sources.concat()).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let plain = publish(&format!("srt://127.0.0.1:{port}?streamid=court-1"), &[])?;
    let named = ["-passphrase", SECRET, "-srt_streamid", "#!::r=court-2,m=publish"];
    let _encrypted = publish(&format!("srt://127.0.0.1:{port}"), &named)?;
    let _listening = publish(&format!("srt://127.0.0.1:{called}?mode=listener"), &[])?;
    let decoded = |source: &Value| counter(source, "frames_decoded_total");
    for name in ["open", "secret", "called"] {
        let now = telemetry(&mut observer, name, |source| decoded(source) >= 100).await?;
        ensure!(counter(&now, "units_audio_total") > 100, "{name}: {now}");
        ensure!(counter(&now["network"], "packets_total") > 100, "{name}: {now}");
        ensure!(counter(&now, "frames_corrupt_total") == 0, "{name}: {now}");
    }
    // A stranger, a wrong secret, and a second publisher of a stream that is alive are refused.
    for (stream, options) in [
        ("court-9", [].as_slice()),
        ("court-2", &["-passphrase", "another-secret"]),
        ("court-1", &[]),
    ] {
        let url = format!("srt://127.0.0.1:{port}?streamid={stream}");
        let mut refused = publish(&url, options)?;
        until(PATIENCE, "the publisher refused", async || Ok(refused.0.try_wait()?)).await?;
    }
    // One dies; it comes back, and the others have not noticed.
    drop(plain);
    let _again = publish(&format!("srt://127.0.0.1:{port}?streamid=court-1"), &[])?;
    let back = telemetry(&mut observer, "open", |source| {
        counter(source, "publishers_total") == 2 && decoded(source) >= 250
    })
    .await?;
    ensure!(counter(&back, "epochs_total") == 1, "{back}");
    for name in ["secret", "called"] {
        let now = telemetry(&mut observer, name, |_| true).await?;
        ensure!(counter(&now, "publishers_total") == 1, "{name}: {now}");
        ensure!(counter(&now, "epochs_total") == 0, "{name}: {now}");
        ensure!(counter(&now, "frames_corrupt_total") == 0, "{name}: {now}");
    }
    venue.close().await
}

const SECRET: &str = "ten-letters-or-more";

/// A UDP port of 127.0.0.1 that is free now, chosen by the kernel.
fn free_udp_port() -> Result<u16> {
    Ok(std::net::UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// ffmpeg, sending a test picture and a tone as a transport stream for as long as it lives.
fn publish(url: &str, options: &[&str]) -> Result<Encoder> {
    let arguments = "-hide_banner -loglevel fatal -nostdin -re -f lavfi \
                     -i testsrc2=size=320x180:rate=25 -re -f lavfi -i sine=r=48000 -c:v libx264 \
                     -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -c:a aac -f mpegts";
    let mut command = Command::new("ffmpeg");
    command.args(arguments.split_whitespace()).args(options).arg(url);
    Ok(Encoder(command.spawn().context("ffmpeg is missing; run scripts/setup test")?))
}

/// Number of the first segment in the playlist.
fn sequence(folder: &Path) -> Result<u64> {
    let text = std::fs::read_to_string(folder.join("live.m3u8"))?;
    let number = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
    number.context("no number in the playlist")?.parse().context("no number in the playlist")
}

/// A process that is killed when it is dropped.
struct Encoder(std::process::Child);

impl Drop for Encoder {
    fn drop(&mut self) {
        // It may have ended by itself; nothing else is to be done about it.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// ffmpeg, making segments of a second and a playlist of six of them.
fn live(folder: &Path) -> Result<Encoder> {
    let arguments = "-hide_banner -loglevel error -nostdin -re -f lavfi \
                     -i testsrc2=size=320x180:rate=25 -re -f lavfi -i sine=r=48000 -c:v libx264 \
                     -preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -f hls -hls_time 1 \
                     -hls_list_size 6 -hls_flags delete_segments+temp_file -hls_delete_threshold 10";
    let mut command = Command::new("ffmpeg");
    command.args(arguments.split_whitespace()).arg(folder.join("live.m3u8"));
    Ok(Encoder(command.spawn().context("ffmpeg is missing; run scripts/setup test")?))
}

/// ffmpeg, making segments of a second in this container, with sound where the map puts it.
fn packaged(folder: &Path, (container, map, codec): (&str, &str, &str)) -> Result<Encoder> {
    let arguments = format!(
        "-hide_banner -loglevel error -nostdin -re -f lavfi -i testsrc2=size=160x90:rate=25 -re \
         -f lavfi -i sine=r=48000 -map 0:v -map 1:a -c:v {codec} -preset ultrafast -pix_fmt yuv420p \
         -c:a aac -f hls -hls_time 1 -hls_list_size 8 -hls_delete_threshold 8 \
         -hls_flags delete_segments+temp_file -hls_segment_type {container} \
         -master_pl_name live.m3u8 -hls_segment_filename s_%v_%d.{}",
        if container == "fmp4" { "m4s" } else { "ts" }
    );
    let mut command = Command::new("ffmpeg");
    command.args(arguments.split_whitespace()).args(["-var_stream_map", map]);
    command.arg("p_%v.m3u8").current_dir(folder);
    Ok(Encoder(command.spawn().context("ffmpeg is missing; run scripts/setup test")?))
}

/// Three seconds of a test picture, as MP4.
fn video(folder: &Path) -> Result<Vec<u8>> {
    let path = folder.join("made.mp4");
    let arguments = "-hide_banner -loglevel error -nostdin -f lavfi \
                     -i testsrc2=size=640x360:rate=25:duration=3 -c:v libx264 -preset ultrafast \
                     -g 25 -pix_fmt yuv420p";
    let status = Command::new("ffmpeg").args(arguments.split_whitespace()).arg(&path).status();
    let status = status.context("ffmpeg is missing; run scripts/setup test")?;
    ensure!(status.success(), "ffmpeg ended with {status}");
    Ok(std::fs::read(&path)?)
}

/// The counters of a source once they are as `wanted`.
async fn telemetry(
    observer: &mut Observer,
    source: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let found = async {
        while let Some(heard) = observer.next().await {
            let Heard::Telemetry(group, json) = heard else { continue };
            let counters = &json["sources"][source];
            if group == "pipeline" && wanted(counters) {
                return Ok(counters.clone());
            }
        }
        anyhow::bail!("the subscriber ended")
    };
    tokio::time::timeout(PATIENCE, found).await.context("the counters are never as wanted")?
}

fn counter(source: &Value, name: &str) -> u64 {
    source[name].as_u64().unwrap_or_default()
}
