//! Cameras that the box pulls over RTSP, each a real server that is killed, frozen, or was never
//! right.
#![forbid(unsafe_code)]

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::camera;
use e2e::clock::until;
use e2e::observer::Observer;
use e2e::program::Program;
use e2e::telemetry;
use e2e::venue::{Venue, free_port};
use serde_json::Value;
use tokio::net::TcpStream;

/// A box that shares two cores with others has decoded some seconds of a small picture.
const PATIENCE: Duration = Duration::from_secs(60);
/// From the camera's return to its pictures.
const BACK_MAX: Duration = Duration::from_secs(5);
/// Telemetry comes every two seconds.
const TELLING_MAX: Duration = Duration::from_secs(2);
const USER: &str = "courtside";
const PASSWORD: &str = "correct-horse";

#[tokio::test(flavor = "multi_thread")]
async fn cameras_come_back_within_5_s_after_they_were_gone_or_frozen() -> Result<()> {
    if !camera::is_there() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let port = free_port().await?;
    let stream = |name: &str, keys: &str| {
        source(name, &format!("url = \"rtsp://127.0.0.1:{port}/{keys}\nidle_timeout_s = 2"))
    };
    let sources = [
        stream("avc", "h264\""),
        stream("hevc", "h265\""),
        stream("datagrams", "h264\"\ntransport = \"udp\""),
    ];
    let names = ["avc", "hevc", "datagrams"];
    // The box is there before the camera is.
    let mut venue = Venue::open_with(folder.path(), &[], &sources.concat()).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let camera = called(folder.path(), port, &[]).await?;
    let mut decoded = [0; 3];
    for (name, decoded) in names.iter().zip(&mut decoded) {
        let now = telemetry::source(&mut observer, (name, PATIENCE), |source| {
            counter(source, "frames_decoded_total") >= 75
                && counter(source, "units_audio_total") > 50
        })
        .await?;
        ensure!(counter(&now, "publishers_total") == 1, "{name}: {now}");
        ensure!(counter(&now, "frames_corrupt_total") == 0, "{name}: {now}");
        *decoded = counter(&now, "frames_decoded_total");
    }

    // It loses its power.
    drop(camera);
    let gone = async || Ok((told(&venue, "camera gone")? >= 3).then_some(()));
    until(PATIENCE, "every source told as down", gone).await?;
    let camera = called(folder.path(), port, &[]).await?;
    back(&mut observer, names, &mut decoded, 2).await?;

    // It freezes: its connections stand, and nothing comes.
    camera.signal("STOP").await?;
    let frozen = async || Ok((told(&venue, "sent nothing for 2 s")? >= 3).then_some(()));
    until(PATIENCE, "every source told as down", frozen).await?;
    camera.signal("CONT").await?;
    back(&mut observer, names, &mut decoded, 3).await?;
    venue.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_camera_is_told_once_and_the_others_do_not_notice() -> Result<()> {
    if !camera::is_there() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (port, locked, nobody) = (free_port().await?, free_port().await?, free_port().await?);
    let login = |password: &str| format!("username = \"{USER}\"\npassword = \"{password}\"");
    let address = |port: u16, path: &str| format!("url = \"rtsp://127.0.0.1:{port}/{path}\"\n");
    let sources = [
        source("good", &(address(locked, "h264") + &login(PASSWORD))),
        source("stranger", &(address(locked, "h264") + &login("wrong-horse"))),
        source("unnamed", &address(locked, "h264")),
        source("sound", &address(port, "sound")),
        source("vp8", &address(port, "vp8")),
        source("lost", &address(port, "no-such-path?token=hush-hush")),
        source("absent", &address(nobody, "h264")),
    ];
    let _open = called(folder.path(), port, &[]).await?;
    let _locked = called(folder.path(), locked, &["--user", USER, "--password", PASSWORD]).await?;
    let mut venue = Venue::open_with(folder.path(), &[], &sources.concat()).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let all = async || {
        let log = venue.appliance_log()?;
        let reasons = [
            ("stranger", "does not take this user name and password"),
            ("unnamed", "asks for a user name and a password"),
            ("sound", "has no video"),
            ("vp8", "its video is in vp8"),
            ("lost", "has no stream under this address"),
            ("absent", "cannot be reached"),
        ];
        let line = |name: &str, reason: &str| {
            log.lines().any(|line| line.contains(name) && line.contains(reason))
        };
        Ok(reasons.iter().all(|(name, reason)| line(name, reason)).then_some(()))
    };
    until(PATIENCE, "every reason told", all).await?;
    let now = telemetry::source(&mut observer, ("good", PATIENCE), |source| {
        counter(source, "frames_decoded_total") >= 250
    })
    .await?;
    ensure!(counter(&now, "publishers_total") == 1, "{now}");
    ensure!(counter(&now, "epochs_total") == 0, "{now}");
    // Ten seconds later each has been told once, and no secret.
    let log = venue.appliance_log()?;
    for name in ["stranger", "unnamed", "sound", "vp8", "lost", "absent"] {
        let lines = log.lines().filter(|line| line.contains("WARN") && line.contains(name));
        ensure!(lines.count() == 1, "{name}: {log}");
    }
    for secret in [PASSWORD, "wrong-horse", "hush-hush"] {
        ensure!(!log.contains(secret), "{secret}: {log}");
    }
    venue.close().await
}

fn source(name: &str, keys: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\nkind = \"rtsp\"\nsport = \"basketball\"\n{keys}\n")
}

/// A camera that can be called.
async fn called(folder: &Path, port: u16, options: &[&str]) -> Result<Program> {
    let mut command = camera::command(port);
    command.args(options);
    let mut camera = Program::start("rtsp-server", command, &folder.join("rtsp-server.log"))?;
    until(PATIENCE, "a camera that can be called", async || {
        camera.check_alive()?;
        Ok(TcpStream::connect(("127.0.0.1", port)).await.ok())
    })
    .await?;
    Ok(camera)
}

/// Every source is up for this time, and decodes again, soon enough.
async fn back(
    observer: &mut Observer,
    names: [&str; 3],
    decoded: &mut [u64; 3],
    times: u64,
) -> Result<()> {
    let began = tokio::time::Instant::now();
    let pairs = || names.into_iter().zip(&*decoded);
    let all = telemetry::sources(observer, PATIENCE, |all| {
        pairs().all(|(name, before)| {
            counter(&all[name], "publishers_total") >= times
                && counter(&all[name], "frames_decoded_total") > *before
        })
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    println!("all cameras have pictures again, told after {seconds:.1} s");
    ensure!(began.elapsed() < BACK_MAX + TELLING_MAX, "back after {seconds:.1} s");
    for (name, before) in names.into_iter().zip(decoded) {
        let now = &all[name];
        ensure!(counter(now, "publishers_total") == times, "{name}: {now}");
        ensure!(counter(now, "epochs_total") == times - 1, "{name}: {now}");
        ensure!(counter(now, "frames_corrupt_total") == 0, "{name}: {now}");
        *before = counter(now, "frames_decoded_total");
    }
    Ok(())
}

/// How often the box has logged this.
fn told(venue: &Venue, what: &str) -> Result<usize> {
    Ok(venue.appliance_log()?.matches(what).count())
}

fn counter(source: &Value, name: &str) -> u64 {
    source[name].as_u64().unwrap_or_default()
}
