//! Whether a clip shows exactly what its record says, picture by picture and sample by sample:
//! its decoded frames and sound are looked up in a copy of what was published. Clips are cut
//! without re-encoding, so both decode to the same values.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use wire::clip::ClipRecord;

/// Sound may lie this far from its picture.
const AUDIO_OFFSET_S_MAX: f64 = 0.020;
/// A stretch of this many samples occurs once in a game whose crowd is never silent.
const SAMPLES_COMPARED: usize = 4096;
/// ffmpeg's names of the two tracks.
const VIDEO: &str = "0:v";
const AUDIO: &str = "0:a";
const AUDIO_HZ: f64 = 48_000.0;
const BYTES_PER_SAMPLE: usize = 2;

/// What was published, decoded once.
#[derive(Debug)]
pub struct Published {
    video: Vec<Frame>,
    audio: Vec<u8>,
    audio_start_s: f64,
}

#[derive(Debug)]
struct Frame {
    at_s: f64,
    digest: String,
}

impl Published {
    /// Decodes the copy.
    ///
    /// # Errors
    /// When ffmpeg cannot decode it.
    pub async fn decode(copy: &Path) -> Result<Self> {
        let audio_start_s = first(&frames(copy, AUDIO).await?)?.at_s;
        Ok(Self { video: frames(copy, VIDEO).await?, audio: samples(copy).await?, audio_start_s })
    }

    /// Compares a clip with what was published.
    ///
    /// # Errors
    /// The edge or offset that is wrong, with both values.
    pub async fn check(&self, clip: &Path, record: &ClipRecord) -> Result<()> {
        let shown = frames(clip, VIDEO).await?;
        let start = first(&shown)?;
        let index = self.video.iter().position(|frame| frame.digest == start.digest);
        let index = index.context("the clip's first frame was never published")?;
        let origin = first(&self.video)?.at_s;
        let published = &self.video[index];
        let frame_s = record.interval.end.since(record.interval.start).as_secs_f64()
            / f64::from(record.frames.max(1));
        let told = record.interval.start.as_secs_f64();
        let is = published.at_s - origin;
        ensure!(
            (is - told).abs() <= frame_s,
            "the clip starts with the frame of {is:.3} s, its record says {told:.3} s"
        );
        let same = shown.iter().zip(&self.video[index..]);
        let same = same.take_while(|(shown, published)| shown.digest == published.digest).count();
        ensure!(
            same == shown.len(),
            "after {same} of {} frames the clip shows something else than was published",
            shown.len()
        );
        self.check_sound(clip, start.at_s, published.at_s).await
    }

    /// Compares where the sound lies against the first shown frame, in the clip and as published.
    async fn check_sound(&self, clip: &Path, in_clip_s: f64, as_published_s: f64) -> Result<()> {
        let audio_start_s = first(&frames(clip, AUDIO).await?)?.at_s;
        let sound = samples(clip).await?;
        let middle = sound.len() / BYTES_PER_SAMPLE / 2;
        let part = middle * BYTES_PER_SAMPLE..(middle + SAMPLES_COMPARED) * BYTES_PER_SAMPLE;
        let part = sound.get(part).context("the clip has hardly any sound")?;
        let at = position(&self.audio, part).context("the clip's sound was never published")?;
        let published_s = self.audio_start_s + at as f64 / AUDIO_HZ - as_published_s;
        let shown_s = audio_start_s + middle as f64 / AUDIO_HZ - in_clip_s;
        let offset_s = shown_s - published_s;
        ensure!(
            offset_s.abs() <= AUDIO_OFFSET_S_MAX,
            "sound lies {offset_s:.3} s from its picture"
        );
        Ok(())
    }
}

/// Position of `part` in `whole`, in samples.
fn position(whole: &[u8], part: &[u8]) -> Option<usize> {
    let samples = whole.len() / BYTES_PER_SAMPLE;
    (0..samples).find(|at| whole[at * BYTES_PER_SAMPLE..].starts_with(part))
}

fn first(frames: &[Frame]) -> Result<&Frame> {
    frames.first().context("there is no frame")
}

/// Every frame of a track that a player shows or sounds, with a digest of what is in it.
async fn frames(file: &Path, track: &str) -> Result<Vec<Frame>> {
    // By default ffmpeg would round times to whole frames.
    let exactly = ["-map", track, "-enc_time_base", "1:90000", "-f", "framemd5", "-"];
    let text = ffmpeg(file, &exactly).await?;
    let text = String::from_utf8(text).context("framemd5 is no text")?;
    let time_base = text.lines().find_map(|line| line.strip_prefix("#tb 0: "));
    let time_base = time_base.and_then(|text| text.split_once('/')).context("no time base")?;
    let tick_s = time_base.0.parse::<f64>()? / time_base.1.parse::<f64>()?;
    let mut frames = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [_, _, pts, _, _, digest] = fields.as_slice() else {
            anyhow::bail!("framemd5 has a line that is none: {line}");
        };
        let at_s = pts.parse::<f64>()? * tick_s;
        frames.push(Frame { at_s, digest: (*digest).to_owned() });
    }
    Ok(frames)
}

/// The sound as 16-bit mono samples.
async fn samples(file: &Path) -> Result<Vec<u8>> {
    ffmpeg(file, &["-map", AUDIO, "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]).await
}

async fn ffmpeg(file: &Path, output: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(file).args(["-vsync", "passthrough"]);
    let output = command.args(output).stdin(Stdio::null()).output().await?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ffmpeg cannot decode {}: {complaints}", file.display());
    Ok(output.stdout)
}

/// Where a test's publisher writes its copy.
pub fn copy_in(folder: &Path) -> PathBuf {
    folder.join("published.flv")
}
