//! Whether a clip at the receiver is what its record says: bytes, digest, frames, length, sound.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::process::Command;
use wire::clip::ClipRecord;

/// Sound may begin this much before or after the picture.
const AUDIO_OFFSET_S_MAX: f64 = 0.020;

#[derive(Deserialize)]
struct Probe {
    streams: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: String,
    #[serde(default)]
    nb_read_frames: Option<String>,
    #[serde(default)]
    start_time: Option<String>,
    #[serde(default)]
    duration: Option<String>,
}

impl Stream {
    fn seconds(field: Option<&String>) -> Option<f64> {
        field.and_then(|text| text.parse().ok())
    }
}

/// The record in the sidecar beside a clip.
///
/// # Errors
/// When it is missing or no record.
pub fn sidecar(clip: &Path) -> Result<ClipRecord> {
    let path = clip.with_extension("json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no record", path.display()))
}

/// Compares a clip with its record.
///
/// # Errors
/// What does not agree, with both values.
pub async fn verify(clip: &Path, record: &ClipRecord) -> Result<()> {
    let bytes = std::fs::read(clip).with_context(|| format!("cannot read {}", clip.display()))?;
    ensure!(
        bytes.len() as u64 == record.bytes,
        "the file has {} bytes, the record says {}",
        bytes.len(),
        record.bytes
    );
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(
        sha256 == record.sha256.as_str(),
        "the file's SHA-256 is {sha256}, the record says {}",
        record.sha256
    );
    let probe = probe(clip).await?;
    let video = stream(&probe, "video").context("there is no video in the file")?;
    let frames: Option<u32> = video.nb_read_frames.as_ref().and_then(|text| text.parse().ok());
    ensure!(
        frames == Some(record.frames),
        "a player shows {frames:?} frames, the record says {}",
        record.frames
    );
    let told = record.interval.end.since(record.interval.start).as_secs_f64();
    let frame_s = told / f64::from(record.frames.max(1));
    let shown = Stream::seconds(video.duration.as_ref()).context("the video has no duration")?;
    ensure!(
        (shown - told).abs() <= frame_s,
        "the video lasts {shown:.3} s, the record says {told:.3} s"
    );
    if let Some(audio) = stream(&probe, "audio") {
        let starts = [video, audio].map(|stream| Stream::seconds(stream.start_time.as_ref()));
        let [Some(video_start), Some(audio_start)] = starts else {
            anyhow::bail!("picture or sound has no start time: {starts:?}");
        };
        ensure!(
            (video_start - audio_start).abs() <= AUDIO_OFFSET_S_MAX,
            "sound starts at {audio_start:.3} s, the picture at {video_start:.3} s"
        );
    }
    Ok(())
}

fn stream<'p>(probe: &'p Probe, kind: &str) -> Option<&'p Stream> {
    probe.streams.iter().find(|stream| stream.codec_type == kind)
}

/// Decodes the whole file with ffprobe; anything it complains about is an error.
async fn probe(clip: &Path) -> Result<Probe> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-of", "json", "-show_entries"])
        .arg("stream=codec_type,nb_read_frames,start_time,duration")
        .arg(clip)
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run ffprobe; install ffmpeg")?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && complaints.trim().is_empty(),
        "ffprobe complains: {}",
        complaints.trim()
    );
    serde_json::from_slice(&output.stdout).context("ffprobe's answer is no JSON")
}
