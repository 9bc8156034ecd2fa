//! Whether everything that was durable arrived, once, whole, and left nothing behind.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use wire::clip::ClipRecord;
use wire::envelope::{Body, Envelope};

use super::durable::{Clip, Durable};
use super::stage::Stage;
use super::tally::Tally;
use crate::clip_check;
use crate::stored::{self, Place, Received};
use crate::venue::ROLES;

/// Judges a stage whose box has been emptied and stopped.
///
/// # Errors
/// What is violated.
pub(super) fn judge(stage: &Stage, durable: &Durable, tally: &mut Tally) -> Result<()> {
    let received = stored::received(&stage.database())?;
    let delivered = judge_messages(&received, durable)?;
    judge_contents(&stage.database(), durable)?;
    for (id, clip) in &durable.clips {
        let path = stage.received_clips().join(format!("{id}.mp4"));
        judge_clip(&path, clip).with_context(|| format!("clip {id}"))?;
    }
    for record in &received.clips {
        let clip = Clip { bytes: record.bytes, sha256: record.sha256.as_str().to_owned() };
        let path = stage.received_clips().join(format!("{}.mp4", record.id));
        judge_clip(&path, &clip).with_context(|| format!("clip {}", record.id))?;
    }
    judge_leftovers(stage)?;
    for role in ROLES {
        let log = std::fs::read_to_string(stage.log(role))?;
        ensure!(!log.contains("panicked"), "{role:?} panicked:\n{log}");
    }
    tally.messages = delivered;
    tally.clips = durable.clips.len();
    tally.holes = received.holes.len();
    Ok(())
}

/// How many durable messages there are; every one is at the receiver.
fn judge_messages(received: &Received, durable: &Durable) -> Result<usize> {
    let all = durable.upto.iter().flat_map(|(boot, upto)| (1..=*upto).map(|seq| (*boot, seq)));
    let all: Vec<Place> = all.collect();
    let lost: Vec<&Place> = all.iter().filter(|place| !received.places.contains(place)).collect();
    ensure!(lost.is_empty(), "durable, but not at the receiver: {lost:?}");
    ensure!(received.doubled.is_empty(), "received twice: {:?}", received.doubled);
    let unexplained = received.unexplained();
    ensure!(unexplained.is_empty(), "acknowledged, but not stored: {unexplained:?}");
    for (boot, upto) in &durable.upto {
        let mark = received.marks.get(boot).copied().unwrap_or(0);
        ensure!(mark >= *upto, "boot {boot} is durable up to {upto}, complete up to {mark}");
    }
    Ok(all.len())
}

/// Under each number is the event that the box put there.
fn judge_contents(database: &Path, durable: &Durable) -> Result<()> {
    let connection = rusqlite::Connection::open(database)?;
    let mut statement = connection.prepare("SELECT json FROM events WHERE event IS NOT NULL")?;
    let texts = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = BTreeMap::new();
    for text in texts {
        let envelope: Envelope = serde_json::from_str(&text?).context("a stored envelope")?;
        if let Body::Game(event) = envelope.body {
            let content = (event.id.number, event.confidence.0);
            found.insert((envelope.boot.0, envelope.seq.0), content);
        }
    }
    for (place, content) in &durable.events {
        let stored = found.get(place);
        ensure!(stored == Some(content), "{place:?}: stored {stored:?}, was {content:?}");
    }
    Ok(())
}

fn judge_clip(path: &Path, clip: &Clip) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
    ensure!(bytes.len() as u64 == clip.bytes, "it has {} bytes, not {}", bytes.len(), clip.bytes);
    let sha256 = format!("{:x}", Sha256::digest(&bytes));
    ensure!(sha256 == clip.sha256, "its SHA-256 is {sha256}, not {}", clip.sha256);
    let record: ClipRecord = clip_check::sidecar(path)?;
    ensure!(record.sha256.as_str() == sha256, "its sidecar is another clip's");
    Ok(())
}

/// Nothing on the box that is not needed any more, nothing half-received at the receiver.
fn judge_leftovers(stage: &Stage) -> Result<()> {
    let backlog = stored::backlog(stage.box_folder())?;
    let left = backlog.messages + backlog.plans + backlog.clips + backlog.evictions;
    ensure!(left == 0, "the box has something left: {backlog:?}");
    for folder in [stage.box_folder().join("clips"), stage.spooled_clips().join(".part")] {
        let files = std::fs::read_dir(&folder).map_or_else(
            |_| Vec::new(),
            |entries| entries.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>(),
        );
        ensure!(files.is_empty(), "left in {}: {files:?}", folder.display());
    }
    Ok(())
}
