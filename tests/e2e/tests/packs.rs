//! A pack is installed on a box in the middle of a game, and rolled back again: the new networks
//! take over within seconds, and capture, decoding and recording notice nothing.
#![forbid(unsafe_code)]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::clock::until;
use e2e::observer::{Heard, Observer};
use e2e::publisher::{Game, Publisher};
use e2e::telemetry::counter;
use e2e::venue::Venue;
use minisign::KeyPair;
use serde_json::Value;

const SEED: u64 = 20_070;
/// Trying out and taking over, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Pictures that the box decodes at least between two telemetry messages, which come every 2 s of
/// a game of 25 a second. Their number varies by a few with the moment of the message.
const DECODED_MIN: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn installing_and_rolling_back_a_pack_interrupts_no_frame() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let game = Game::encoded(SEED, 20, 4.0, folder.path()).await?;
    let mut venue = Venue::open(folder.path(), &game.hoops()?).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let publisher = Publisher::start(&game, &venue)?;
    let mut told = telemetry(&mut observer, 3).await?;
    let (before, after) = signed_pack(folder.path(), &venue.keys_folder())?;
    models(&venue, &["pack", "newer", "rim.pack"]).await?;

    models(&venue, &["install", "rim.pack"]).await?;
    in_service(&venue, after, 1).await?;
    told.extend(telemetry(&mut observer, 3).await?);
    let list = models(&venue, &["list"]).await?;
    ensure!(list.contains(&format!("rim {after:>4}  active     installed")), "{list}");

    models(&venue, &["rollback", "rim"]).await?;
    in_service(&venue, before, 1).await?;
    told.extend(telemetry(&mut observer, 3).await?);
    venue.check_alive()?;
    uninterrupted(&told)?;
    publisher.stop().await?;
    venue.close().await
}

/// The shipped rim pack under a later version, signed with a key that the box learns of now.
fn signed_pack(folder: &Path, keys: &Path) -> Result<(u32, u32)> {
    let shipped = std::env::var_os("COURTSIDE_PACKS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/packs"),
        PathBuf::from,
    );
    let newer = folder.join("newer");
    fs::create_dir(&newer)?;
    for entry in fs::read_dir(shipped.join("rim"))? {
        let entry = entry?;
        fs::copy(entry.path(), newer.join(entry.file_name()))?;
    }
    let manifest = fs::read_to_string(newer.join("manifest.toml"))?;
    let line = manifest.lines().find(|line| line.starts_with("version = "));
    let line = line.context("the manifest has a version")?;
    let version: u32 = line["version = ".len()..].parse()?;
    let manifest = manifest.replacen(line, &format!("version = {}", version + 1), 1);
    let key = KeyPair::generate_unencrypted_keypair()?;
    let signature = minisign::sign(None, &key.sk, Cursor::new(&manifest), None, None)?;
    fs::write(newer.join("manifest.toml"), &manifest)?;
    fs::write(newer.join("manifest.toml.minisig"), signature.into_string())?;
    fs::write(keys.join("test.pub"), key.pk.to_box()?.to_string())?;
    Ok((version, version + 1))
}

/// Runs `courtside models …` for the box; what it prints.
async fn models(venue: &Venue, arguments: &[&str]) -> Result<String> {
    let output = venue.models_command()?.args(arguments).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?} failed: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until the box has said so many times that it runs this version.
async fn in_service(venue: &Venue, version: u32, times: usize) -> Result<()> {
    let line = format!("model pack in service: rim version {version},");
    until(LIMIT, &line, async || {
        Ok((venue.appliance_log()?.matches(&line).count() >= times).then_some(()))
    })
    .await
}

/// The next telemetry messages of the pipeline.
async fn telemetry(observer: &mut Observer, count: usize) -> Result<Vec<Value>> {
    // What waits is about the time before.
    let mut told = Vec::new();
    while told.len() < count {
        let heard = tokio::time::timeout(LIMIT, observer.next()).await;
        if let Some(Heard::Telemetry(_, json)) = heard.context("no telemetry comes")? {
            // Until the publisher is there, nothing is decoded.
            if counter(&json, "frames_decoded_total").is_some_and(|frames| frames > 0) {
                told.push(json);
            }
        }
    }
    Ok(told)
}

fn uninterrupted(told: &[Value]) -> Result<()> {
    let of = |json: &Value, key: &str| counter(json, key).with_context(|| format!("no {key}"));
    let last = told.last().context("there is telemetry")?;
    for lost in [
        "units_dropped_total",
        "packets_dropped_total",
        "frames_corrupt_total",
        "fragments_lost_total",
        "failures_total",
        "unreadable_total",
    ] {
        ensure!(of(last, lost)? == 0, "{lost}: {last:#}");
    }
    ensure!(of(last, "publishers_total")? == 1, "the publisher came back: {last:#}");
    // The first message may stand in the middle of the beginning.
    for pair in told[1..].windows(2) {
        let decoded = of(&pair[1], "frames_decoded_total")? - of(&pair[0], "frames_decoded_total")?;
        let analysed =
            of(&pair[1], "frames_analysed_total")? - of(&pair[0], "frames_analysed_total")?;
        println!("{decoded} pictures decoded, {analysed} analysed");
        ensure!(decoded >= DECODED_MIN, "only {decoded} pictures decoded: {:#}", pair[1]);
        ensure!(analysed > 0, "no pictures analysed: {:#}", pair[1]);
    }
    Ok(())
}
