//! The running box in heat: a simulated plant writes the sensors that the box reads, in real time,
//! and gets as warm as what the box says that it does would make it.
#![forbid(unsafe_code)]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::clock::until;
use e2e::footage;
use e2e::observer::Observer;
use e2e::program::Program;
use e2e::score::TrueHoop;
use e2e::telemetry;
use e2e::venue::Venue;
use e2e::warmth::{Body, Failing};
use tokio::process::Command;

/// From the start until the box knows how it warms up and has tried what it cannot cool.
const LEARNS_MAX: Duration = Duration::from_secs(300);
/// Telemetry comes every two seconds, and a silent sensor is waited for by the sensors' reader and
/// the governor.
const ANSWERS_MAX: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn hot_box_stays_below_its_trip_point_sprints_when_asked_and_trusts_no_silent_sensor()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("box-of-numbers");
    let body = Body::warm(&root)?;
    let hoop = TrueHoop { id: "a".into(), area: [140.0, 60.0, 180.0, 90.0] };
    let mut venue = Venue::open_on(folder.path(), &[hoop], &root).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let _publisher = publish(folder.path(), &venue.rtmp_url())?;

    // It climbs, feels what that does, and goes back before it gets too hot.
    let told = telemetry::whole(&mut observer, LEARNS_MAX, |told| {
        body.follow(&told["governor"]);
        reason(told).contains("would come to")
    })
    .await?;
    println!("after {:.0} s: {}", body.age().as_secs_f64(), told["governor"]);
    ensure!(body.hottest() < body.trip(), "it came to {} °C", body.hottest());

    // A technician asks for all that it has.
    let explained = explain(&venue, "explain").await?;
    println!("{explained}");
    ensure!(explained.contains("can be cooled for ever"), "{explained}");
    let slow = rate(&told);
    println!("{}", explain(&venue, "sprint").await?);
    let told = telemetry::whole(&mut observer, ANSWERS_MAX, |told| {
        body.follow(&told["governor"]);
        reason(told).contains("somebody asked for it")
    })
    .await?;
    ensure!(rate(&told) > slow, "{}", told["governor"]);

    // A sensor no longer answers: the least is in force, and stays.
    body.fail(Failing::Silent);
    let told = telemetry::whole(&mut observer, ANSWERS_MAX, |told| {
        body.follow(&told["governor"]);
        reason(told).contains("no longer answers")
    })
    .await?;
    ensure!(rate(&told) <= slow && told["governor"]["rim_tier"] == "nano", "{told}");

    let counts = body.counts();
    println!("hottest {:.1} °C, {counts:?}", body.hottest());
    ensure!(counts.throttled.is_zero(), "the kernel throttled for {:?}", counts.throttled);
    ensure!(counts.shutdowns == 0 && counts.over_currents == 0, "{counts:?}");
    venue.check_alive()?;
    venue.close().await
}

/// Pushes a small film, again and again.
fn publish(folder: &Path, url: &str) -> Result<Program> {
    let film = footage::flv(folder, 10)?;
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-stream_loop", "-1"]);
    command.arg("-i").arg(film).args(["-c", "copy", "-f", "flv", url]);
    Program::start("ffmpeg", command, &folder.join("ffmpeg.log"))
}

/// What `courtside governor` prints.
async fn explain(venue: &Venue, what: &str) -> Result<String> {
    let said = async || {
        let mut command = venue.command()?;
        command.args(["governor", what, "--config", "courtside.toml"]);
        let output = command.output().await.context("courtside cannot be started")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(output.status.success().then_some(text))
    };
    until(ANSWERS_MAX, "an answer of the governor", said).await
}

fn reason(told: &serde_json::Value) -> &str {
    told["governor"]["reason"].as_str().unwrap_or_default()
}

fn rate(told: &serde_json::Value) -> f64 {
    told["governor"]["frames_per_second_max"].as_f64().unwrap_or_default()
}
