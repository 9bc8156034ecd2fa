//! Forty kills at fail points and at any moment, with failing disks and jumping clocks: nothing
//! durable is lost, nothing counts twice. `scripts/kills` does a thousand.
#![forbid(unsafe_code)]

use std::process::Command;

use anyhow::{Result, ensure};
use e2e::kills;
use e2e::program::{built_folder, is_there};

const KILLS: usize = 40;

async fn forty_kills(seed: u64) -> Result<()> {
    if !is_there("mosquitto", &["-h"]) && !is_there("sh", &["-c", "command -v mosquitto"]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let tally = kills::prove(folder.path(), (seed, KILLS), |line| println!("{line}")).await?;
    println!("{tally}");
    ensure!(tally.kill_count() == KILLS, "{} kills", tally.kill_count());
    ensure!(tally.messages > 100 && tally.clips > 3, "too little was at risk to show anything");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_durable_is_lost_by_forty_kills() -> Result<()> {
    forty_kills(20_291).await
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
