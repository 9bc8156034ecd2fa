//! Files that are copied into a watched folder: a faulty one, and a good one behind it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::clock::{millis_between, until, wall};
use e2e::peer::{Program, RATE, encoding, ffmpeg};
use e2e::vitals::Vitals;

use super::{BACK_MAX, Cell, FAULTS, Fault, Kind, PATIENCE, Row, cell, counter};

/// Seconds of each half of a file.
const HALF_S: u64 = 2;

/// Goes through the table.
pub(super) async fn run((inbox, log): (&Path, &Path), vitals: &Vitals) -> Result<Vec<Row>> {
    let half = async |name: &str, program| made(inbox, (name, log), program).await;
    let plain = Program::default();
    let first = half("first", plain).await?;
    let mut rows = Vec::new();
    for fault in FAULTS {
        let outcome = match cell(Kind::Watch, fault) {
            Cell::None(reason) => Ok(format!("none: {reason}")),
            Cell::Tried(counted) => {
                let faulty = match fault {
                    Fault::PeerKilled => first[..first.len() * 3 / 4].to_vec(),
                    Fault::Garbage => garbage(&[first.as_slice(), &first].concat()),
                    Fault::JumpAhead => {
                        let later = Program { offset_s: plain.offset_s + 3_600, ..plain };
                        [first.as_slice(), &half("ahead", later).await?].concat()
                    }
                    Fault::JumpBack => {
                        let earlier = Program { offset_s: plain.offset_s - 3_600, ..plain };
                        [first.as_slice(), &half("back", earlier).await?].concat()
                    }
                    Fault::Resolution => {
                        let larger =
                            Program { size: (192, 108), offset_s: plain.offset_s + 2, ..plain };
                        [first.as_slice(), &half("larger", larger).await?].concat()
                    }
                    Fault::SampleRate => {
                        let other =
                            Program { sample_hz: 44_100, offset_s: plain.offset_s + 2, ..plain };
                        [first.as_slice(), &half("other", other).await?].concat()
                    }
                    Fault::PeerFrozen | Fault::NetworkGap | Fault::ReconnectStorm => {
                        anyhow::bail!("{fault:?} is nothing that a file can suffer")
                    }
                };
                suffer((fault, &faulty, &first), inbox, (vitals, counted)).await
            }
        };
        rows.push(Row { kind: Kind::Watch, fault, outcome });
    }
    Ok(rows)
}

/// Copies both files; the second has to begin as soon as the first is set aside.
async fn suffer(
    (fault, faulty, good): (Fault, &[u8], &[u8]),
    inbox: &Path,
    (vitals, counted): (&Vitals, &[&str]),
) -> Result<String> {
    let source = || vitals.newest().json["sources"]["watch"].clone();
    let before = source();
    let names = [format!("{fault:?}-1.ts"), format!("{fault:?}-2.ts")];
    for (name, bytes) in names.iter().zip([faulty, good]) {
        std::fs::write(inbox.join(name), bytes)?;
    }
    let is_in = |state: &str, name: &str| inbox.join(state).join(name).exists();
    let aside = |name: &str| is_in("done", name) || is_in("failed", name);
    until(PATIENCE, "the faulty file set aside", async || Ok(aside(&names[0]).then_some(())))
        .await?;
    let ended = wall();
    until(PATIENCE, "the good file begun", async || {
        Ok((is_in("playing", &names[1]) || aside(&names[1])).then_some(()))
    })
    .await?;
    let after = millis_between(ended, wall()) / 1_000.0;
    ensure!(after <= BACK_MAX.as_secs_f64(), "the next file began only after {after:.1} s");
    until(PATIENCE, "the good file done", async || Ok(is_in("done", &names[1]).then_some(())))
        .await?;
    // Of the faulty one at least the half before the fault was seen.
    let wanted = match fault {
        Fault::PeerKilled => HALF_S * RATE + HALF_S * RATE / 2,
        Fault::Garbage => HALF_S * RATE + HALF_S * RATE / 2,
        Fault::JumpAhead | Fault::JumpBack | Fault::Resolution | Fault::SampleRate => {
            3 * HALF_S * RATE
        }
        Fault::PeerFrozen | Fault::NetworkGap | Fault::ReconnectStorm => 0,
    };
    let more = |name: &str| counter(&source(), name).saturating_sub(counter(&before, name));
    until(PATIENCE, "the pictures decoded", async || {
        vitals.next().await?;
        Ok((more("frames_decoded_total") >= wanted).then_some(()))
    })
    .await
    .with_context(|| format!("{} of {wanted}: {}", more("frames_decoded_total"), source()))?;
    let lost: Vec<String> = counted
        .iter()
        .filter(|name| more(name) > 0)
        .map(|name| format!("{name} +{}", more(name)))
        .collect();
    ensure!(counted.is_empty() || !lost.is_empty(), "nothing was counted: {}", source());
    let damaged = fault == Fault::Garbage || more("frames_corrupt_total") == 0;
    ensure!(damaged, "pictures could not be decoded: {}", source());
    Ok(format!("the next file began after {after:.1} s; {}", lost.join(", ")))
}

/// Two seconds of a program as a transport stream.
async fn made(inbox: &Path, (name, log): (&str, &Path), program: Program) -> Result<Vec<u8>> {
    // Names with a dot in front are left alone.
    let path = inbox.join(format!(".{name}"));
    let mut command = ffmpeg(log)?;
    let arguments = encoding(program).into_iter().filter(|argument| argument != "-re");
    command.args(arguments).args(["-t", &HALF_S.to_string(), "-f", "mpegts"]).arg(&path);
    let limit = tokio::time::timeout(Duration::from_secs(60), command.status());
    ensure!(limit.await.context("ffmpeg does not end")??.success(), "ffmpeg failed");
    Ok(std::fs::read(&path)?)
}

/// Damages the second half.
fn garbage(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let half = bytes.len() / 2;
    for (index, byte) in bytes.iter_mut().enumerate().skip(half) {
        if index % 97 == 0 {
            *byte ^= (index / 97) as u8 | 1;
        }
    }
    bytes
}
