//! Forty kills at fail points and at any moment, with failing disks and jumping clocks: nothing
//! durable is lost, nothing counts twice. `scripts/kills` does a thousand.
#![forbid(unsafe_code)]

use std::process::Command;

use anyhow::{Result, ensure};
use e2e::kills as proof;
use e2e::program::{built_folder, is_there};

async fn prove(seed: u64, kills: usize) -> Result<()> {
    if !is_there("mosquitto", &["-h"]) && !is_there("sh", &["-c", "command -v mosquitto"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let tally = proof::prove(folder.path(), (seed, kills), |line| println!("{line}")).await?;
    println!("{tally}");
    ensure!(tally.kill_count() == kills, "{} kills", tally.kill_count());
    ensure!(tally.messages > 100 && tally.clips > 3, "too little was at risk to show anything");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_durable_is_lost_by_forty_kills() -> Result<()> {
    prove(20_291, 40).await
}

/// Its fifteenth round let the receiver's disk fail right after a clip had got its name: the
/// receiver looked for the part for ever, and took no clip of any box any more.
#[tokio::test(flavor = "multi_thread")]
async fn seed_2_receiver_takes_clips_after_its_disk_failed_behind_a_renaming() -> Result<()> {
    prove(2, 49).await
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
