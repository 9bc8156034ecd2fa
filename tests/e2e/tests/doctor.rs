//! `courtside doctor` beside a box that runs: a camera that plays is good, and a broker that is
//! not there is told in words.
#![forbid(unsafe_code)]

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::clock::until;
use e2e::publisher::{Game, Publisher};
use e2e::venue::{Venue, free_port};
use serde_json::Value;

const SEED: u64 = 20_071;
/// A box that shares two cores with others has decoded and analysed some seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Twice the time that any check may take.
const DOCTOR_MAX: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_camera_that_plays_good_and_a_wrong_broker_bad() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let game = Game::encoded(SEED, 20, 4.0, folder.path()).await?;
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let publisher = Publisher::start(&game, &venue)?;
    let status = venue.data_folder().join("status.json");
    until(PATIENCE, "pictures in the status file", async || {
        let text = std::fs::read(&status).unwrap_or_default();
        let told: Value = serde_json::from_slice(&text).unwrap_or_default();
        let source = &told["sources"]["court-1"];
        let plays = source["picture"].is_object() && source["focus"].is_object();
        Ok((plays && source["level_centi_db"].is_number()).then_some(()))
    })
    .await?;

    let (code, page) = doctor(&venue, &["--config", "courtside.toml"]).await?;
    println!("{page}");
    let good = |name: &str| {
        page.lines().any(|line| {
            line.trim_start().strip_prefix("good").is_some_and(|l| l.trim_start().starts_with(name))
        })
    };
    for name in [
        "running box",
        "court-1 pictures",
        "court-1 damage",
        "court-1 focus",
        "court-1 sound",
        "broker name",
        "broker port",
        "broker login",
        "round trip",
        "deliveries",
    ] {
        ensure!(good(name), "{name} is not good:\n{page}");
    }
    ensure!(page.contains("1280x720 at "), "{page}");
    // What the machine that runs this is like decides the rest.
    let expected = i32::from(page.contains("\nnot accepted: "));
    ensure!(code == Some(expected), "{code:?}:\n{page}");

    let nobody = free_port().await?;
    let text = std::fs::read_to_string(folder.path().join("courtside.toml"))?;
    let text = text.replace(&venue.broker_port().to_string(), &nobody.to_string());
    std::fs::write(folder.path().join("wrong.toml"), text)?;
    let (code, page) = doctor(&venue, &["--config", "wrong.toml"]).await?;
    ensure!(code == Some(1), "{code:?}:\n{page}");
    ensure!(page.contains(&format!("nobody listens at 127.0.0.1:{nobody}")), "{page}");
    ensure!(page.contains("\nnot accepted: "), "{page}");
    ensure!(good("court-1 pictures"), "{page}");

    publisher.stop().await?;
    venue.check_alive()?;
    venue.close().await?;
    ensure!(!status.exists(), "a box that stopped tells nothing");
    Ok(())
}

/// The exit code and what it prints.
async fn doctor(venue: &Venue, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = venue.command()?;
    let output = command.arg("doctor").args(arguments).kill_on_drop(true).output();
    let output = tokio::time::timeout(DOCTOR_MAX, output).await.context("it did not end")??;
    let page = String::from_utf8(output.stdout).context("its page is no text")?;
    ensure!(!page.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok((output.status.code(), page))
}
