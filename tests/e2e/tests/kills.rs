//! Forty kills at fail points and at any moment, with failing disks and jumping clocks: nothing
//! durable is lost, nothing counts twice. `scripts/kills` does a thousand.
#![forbid(unsafe_code)]

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::kills::outage::{self, Plan};
use e2e::kills::{self as proof, ClipWay};
use e2e::program::{built_folder, is_there};

async fn prove((seed, clips): (u64, ClipWay), kills: usize) -> Result<()> {
    if !is_there("mosquitto", &["-h"]) && !is_there("sh", &["-c", "command -v mosquitto"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let tally =
        proof::prove(folder.path(), (seed, clips, kills), |line| println!("{line}")).await?;
    println!("{tally}");
    ensure!(tally.kill_count() == kills, "{} kills", tally.kill_count());
    ensure!(tally.messages > 100 && tally.clips > 3, "too little was at risk to show anything");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_durable_is_lost_by_forty_kills() -> Result<()> {
    prove((20_291, ClipWay::Messages), 40).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_durable_is_lost_by_thirty_kills_while_clips_go_to_a_bucket() -> Result<()> {
    prove((20_501, ClipWay::Links), 30).await
}

/// Its fifteenth round let the receiver's disk fail right after a clip had got its name: the
/// receiver looked for the part for ever, and took no clip of any box any more.
#[tokio::test(flavor = "multi_thread")]
async fn seed_2_receiver_takes_clips_after_its_disk_failed_behind_a_renaming() -> Result<()> {
    prove((2, ClipWay::Messages), 49).await
}

/// `scripts/kills --outage` takes ten minutes.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_broker_is_away_and_new_events_do_not_wait() -> Result<()> {
    if !is_there("mosquitto", &["-h"]) && !is_there("sh", &["-c", "command -v mosquitto"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let seconds = Duration::from_secs;
    let plan = Plan { seed: 77, before: seconds(3), without: seconds(8), after: seconds(20) };
    let outage = outage::outage(folder.path(), plan, |line| println!("{line}")).await?;
    println!("{outage}");
    ensure!(outage.made_without > 100 && outage.clips > 3, "too little was at risk");
    ensure!(outage.latencies.len() > 100, "too few events to say anything");
    // A backlog that went first would have them wait for seconds.
    ensure!(outage.latency(0.5) < Duration::from_millis(500), "new events wait");
    Ok(())
}

/// The programs of the ordinary build know no fail point; those of the proof know every one of
/// their own, so the search finds what is there.
#[test]
fn shipped_programs_have_no_fail_points() -> Result<()> {
    let folder = built_folder()?;
    let armed = folder.join("../faults/debug");
    for (ordinary, armed) in [
        (folder.join("courtside"), armed.join("smallbox")),
        (folder.join("courtside-fleet"), armed.join("courtside-fleet")),
    ] {
        ensure!(count_points(&ordinary)? == 0, "{} has fail points", ordinary.display());
        ensure!(count_points(&armed)? >= 15, "{} has none", armed.display());
    }
    Ok(())
}

fn count_points(program: &std::path::Path) -> Result<usize> {
    ensure!(program.is_file(), "there is no {}; run scripts/kills --build", program.display());
    let output = Command::new("grep")
        .args(["--binary-files=text", "--only-matching", "--fixed-strings"])
        .args(faults::POINTS.iter().flat_map(|point| ["-e", point.name]))
        .arg(program)
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().count())
}
