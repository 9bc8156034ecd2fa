//! `courtside evaluate` over an encoded game: what it counts, what it writes, and its comparison.
#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::{Context, Result, ensure};
use e2e::publisher::Game;
use e2e::venue::courtside;
use serde_json::{Value, json};

const SEED: u64 = 20_090;
const SECONDS: u32 = 16;
/// A strip of black pictures is a few hundred bytes long, one that shows something many more.
const SHOWN_BYTES: usize = 50_000;
/// No shot of the game is near this moment.
const QUIET_S: f64 = 0.9;

#[tokio::test]
async fn evaluation_counts_shows_and_compares() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let game = Game::encoded(SEED, SECONDS, 4.0, folder.path()).await?;
    let shots = game.shots()?;
    ensure!(shots.len() >= 2 && shots.iter().all(|shot| (shot.t - QUIET_S).abs() > 1.0));
    let at = |name: &str| folder.path().join(name).display().to_string();

    let told = evaluate(&[&at(""), "--tier", "all", "--json", &at("a.json")]).await?;
    ensure!(told.contains("tier nano, 1 videos") && told.contains("tier full, 1 videos"), "{told}");
    let first = read(&folder.path().join("a.json"))?;
    let tiers = first["tiers"].as_array().context("no tiers")?;
    let names: Vec<_> = tiers.iter().map(|report| report["tier"].clone()).collect();
    assert_eq!(names, ["nano", "small", "full"]);
    for report in tiers {
        assert_eq!(report["frames"], 25 * SECONDS, "{report:#}");
        let truth = |kind: &str| report["kinds"][kind]["truth"].as_u64().unwrap_or(0);
        assert_eq!(truth("made_shot") + truth("missed_shot"), shots.len() as u64);
        let bins = report["reliability"]["bins"].as_array().context("no bins")?;
        let reports: u64 = bins.iter().filter_map(|bin| bin["reports"].as_u64()).sum();
        assert_eq!(reports, found(report), "every report has a confidence");
    }

    // A shot that never was: the box must be found not to have seen it, with a picture.
    let truth_file = folder.path().join(format!("game-{SEED}.events.json"));
    let mut truth = read(&truth_file)?;
    let invented = json!({"kind": "made_shot", "t": QUIET_S, "hoop": "a", "certain": true});
    truth["events"].as_array_mut().context("no events")?.insert(0, invented);
    std::fs::write(&truth_file, truth.to_string())?;
    evaluate(&[&at(""), "--json", &at("b.json"), "--html", &at("b.html")]).await?;
    let page = std::fs::read_to_string(folder.path().join("b.html"))?;
    let second = read(&folder.path().join("b.json"))?;
    let mistakes = second["videos"][0]["mistakes"].as_array().context("no mistakes")?;
    assert_eq!(mistakes[0]["what"], "missed made_shot at 0.90 s");
    let strips: Vec<&str> = page.split("data:image/png;base64,").skip(1).collect();
    assert_eq!(strips.len(), mistakes.len());
    for strip in strips {
        let bytes = strip.find('"').context("a picture without an end")?;
        ensure!(strip.starts_with("iVBOR") && bytes > SHOWN_BYTES, "a strip of {bytes} bytes");
    }

    let compared = evaluate(&["--compare", &at("a.json"), &at("b.json")]).await?;
    ensure!(compared.contains("mistakes that are gone: 0"), "{compared}");
    ensure!(
        compared.contains(&format!("new: 1\n    game-{SEED}: missed made_shot at 0.90 s")),
        "{compared}"
    );
    // `| head -0`: a reader who has seen enough.
    let (nobody, out) = std::io::pipe()?;
    drop(nobody);
    let mut unread = courtside()?;
    unread.args(["evaluate", "--compare", &at("a.json"), &at("b.json")]).stdout(out);
    let done = unread.spawn()?.wait_with_output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_evaluated_is_refused_with_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let empty = refused(&[&at("")]).await?;
    ensure!(empty.contains("holds no NAME.mp4 with a NAME.events.json"), "{empty}");
    std::fs::write(folder.path().join("x.json"), "{}")?;
    let none = refused(&["--compare", &at("x.json"), &at("x.json")]).await?;
    ensure!(none.contains("x.json is no result of an evaluation"), "{none}");
    let nothing = refused(&[]).await?;
    ensure!(nothing.contains("<FOLDER>"), "{nothing}");
    Ok(())
}

fn found(report: &Value) -> u64 {
    let kinds = report["kinds"].as_object().into_iter().flatten();
    kinds.filter_map(|(_, kind)| kind["found"].as_u64()).sum()
}

fn read(file: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
}

async fn evaluate(arguments: &[&str]) -> Result<String> {
    let done = courtside()?.arg("evaluate").args(arguments).output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

async fn refused(arguments: &[&str]) -> Result<String> {
    let done = courtside()?.arg("evaluate").args(arguments).output().await?;
    ensure!(!done.status.success(), "not refused");
    Ok(String::from_utf8_lossy(&done.stderr).into_owned())
}
