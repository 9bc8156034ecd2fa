//! Games under the conditions that a box meets: the same play, seen badly. Owns how ffmpeg makes
//! each of them, and what becomes of the truth's boxes. Evaluates nothing.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::program::{Program, built};

/// Rendering and encoding one game takes less than this on the slowest machine that counts.
const LIMIT: Duration = Duration::from_secs(1_800);

/// How a game is seen.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// Its name in tables and of its folder.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// Picture size that is rendered.
    size: &'static str,
    /// ffmpeg's filters; empty for none.
    filters: &'static str,
    /// ffmpeg's bit rate.
    rate: &'static str,
    /// What a hoop's box becomes: first moved by this many pixels, then scaled.
    moved: (f64, f64),
    scaled: f64,
    /// Whether the box is told where the hoops are.
    marked: bool,
    /// Seconds from shot to shot, on average.
    shot_every_s: f64,
}

const PLAIN: Condition = Condition {
    name: "plain",
    what: "1280 × 720 at 25 frames a second, 4 Mb/s",
    size: "1280x720",
    filters: "",
    rate: "4M",
    moved: (0.0, 0.0),
    scaled: 1.0,
    marked: true,
    shot_every_s: 6.5,
};

/// What is measured, the easiest first.
pub const CONDITIONS: [Condition; 8] = [
    PLAIN,
    Condition {
        name: "searched",
        what: "plain; the box finds its hoops itself",
        marked: false,
        ..PLAIN
    },
    Condition { name: "low-rate", what: "plain at 800 kb/s", rate: "800k", ..PLAIN },
    Condition {
        name: "360p",
        what: "640 × 360 at 1 Mb/s",
        filters: "scale=640:360:flags=area",
        rate: "1M",
        scaled: 0.5,
        ..PLAIN
    },
    Condition { name: "15-fps", what: "plain at 15 frames a second", filters: "fps=15", ..PLAIN },
    Condition {
        name: "dark",
        what: "plain at half the contrast, dark, with the noise of a small sensor",
        filters: "eq=brightness=-0.16:contrast=0.5:saturation=0.6,noise=alls=12:allf=t",
        ..PLAIN
    },
    Condition {
        name: "shaking",
        what: "plain from a hand: swings of 26 pixels and a tremble of 6",
        filters: "crop=1216:684:32+26*(sin(2*PI*0.45*t)+0.23*sin(2*PI*3.7*t)):\
                  18+13*(sin(2*PI*0.6*t)+0.3*sin(2*PI*4.3*t))",
        moved: (-32.0, -18.0),
        ..PLAIN
    },
    Condition { name: "portrait", what: "720 × 1280, held upright", size: "720x1280", ..PLAIN },
];

/// Play without a shot: whatever is reported is false.
pub const QUIET: Condition = Condition {
    name: "quiet",
    what: "plain, passes and dribbling without a shot",
    shot_every_s: 1e6,
    ..PLAIN
};

/// Hours of play to be heard: the picture is small, and counts for nothing.
pub const SOUND: Condition = Condition {
    name: "sound",
    what: "what is heard of it: crowd, ball, shoes, loudspeakers, whistles and buzzers; AAC at 96 kb/s",
    size: "320x180",
    rate: "300k",
    ..PLAIN
};

/// Games with a scoreboard that can be read.
pub const BOARD: Condition = Condition {
    name: "board",
    what: "plain, with a scoreboard in view of a camera that stands still; its fields are marked",
    ..PLAIN
};

/// So many seeds from `first` on whose games of this length show a scoreboard that can be read.
///
/// # Errors
/// When a game cannot be made, or too few of them have one.
pub async fn with_boards(first: u64, count: usize, seconds: u32) -> Result<Vec<u64>> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let truth = folder.path().join("truth.json");
    let mut seeds = Vec::new();
    for seed in first..first + 40 * count as u64 {
        if seeds.len() == count {
            return Ok(seeds);
        }
        let mut court = built("court")?;
        court.args(["play", "--seed", &seed.to_string(), "--seconds", &seconds.to_string()]);
        let made = court.arg("--truth").arg(&truth).status().await?;
        ensure!(made.success(), "court failed at seed {seed}");
        let told: Value = serde_json::from_str(&std::fs::read_to_string(&truth)?)?;
        if told["board"].as_array().is_some_and(|fields| !fields.is_empty()) {
            seeds.push(seed);
        }
    }
    bail!("of the games from {first} on only {} have a board", seeds.len())
}

impl Condition {
    /// Renders a game and encodes it as seen under this condition: `{folder}/g{seed}.mp4` with its
    /// truth beside it, as `courtside evaluate` takes them. One that is there already is kept.
    ///
    /// # Errors
    /// When rendering or encoding fails.
    pub async fn make(&self, folder: &Path, seed: u64, seconds: u32) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {folder:?}"))?;
        let truth = folder.join(format!("g{seed}.events.json"));
        let video = folder.join(format!("g{seed}.mp4"));
        if video.is_file() {
            return Ok(());
        }
        let unfinished = folder.join(format!("g{seed}.part.mp4"));
        let mut court = built("court")?;
        court.args(["play", "--seed", &seed.to_string(), "--seconds", &seconds.to_string()]);
        court.args(["--shot-every", &self.shot_every_s.to_string(), "--size", self.size]);
        let sound = folder.join(format!("g{seed}.wav"));
        court.args(["--video", "-", "--format", "y4m", "--truth"]).arg(&truth);
        court.arg("--audio").arg(&sound);
        court.stdout(Stdio::piped());
        let mut court = Program::start("court", court, &folder.join("court.log"))?;
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-y", "-hide_banner", "-v", "warning", "-f", "yuv4mpegpipe", "-i", "-"]);
        // It is whole before the first picture, which ffmpeg reads first.
        ffmpeg.arg("-i").arg(&sound).args(["-c:a", "aac", "-b:a", "96k"]);
        if !self.filters.is_empty() {
            ffmpeg.args(["-vf", self.filters]);
        }
        ffmpeg.args(["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"]);
        ffmpeg.args(["-g", "50", "-b:v", self.rate, "-maxrate", self.rate, "-bufsize", "8M"]);
        ffmpeg.arg(&unfinished).stdin(court.take_output()?);
        let mut ffmpeg = Program::start("ffmpeg", ffmpeg, &folder.join("ffmpeg.log"))?;
        let encoded = ffmpeg.wait(LIMIT).await?;
        ensure!(encoded.success(), "ffmpeg failed: {}", ffmpeg.log_end());
        ensure!(court.wait(LIMIT).await?.success(), "court failed: {}", court.log_end());
        std::fs::remove_file(&sound).with_context(|| format!("{sound:?} not removed"))?;
        self.adapt(&truth)?;
        // Last, so that a game that is there is a whole one.
        std::fs::rename(&unfinished, &video).with_context(|| format!("{video:?} not written"))
    }

    /// Brings the truth's boxes to the picture of this condition.
    fn adapt(&self, file: &PathBuf) -> Result<()> {
        let mut truth: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
        let hoops = truth["hoops"].as_array_mut().context("the truth names no hoops")?;
        if !self.marked {
            hoops.clear();
        }
        for hoop in hoops {
            let sides = hoop["box"].as_array_mut().context("a hoop without a box")?;
            for (side, moved) in
                sides.iter_mut().zip([self.moved.0, self.moved.1, self.moved.0, self.moved.1])
            {
                let at = side.as_f64().context("a box is four numbers")?;
                *side = ((at + moved) * self.scaled).into();
            }
        }
        std::fs::write(file, truth.to_string())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_moved_and_scaled_with_the_picture() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("g1.events.json");
        let read =
            || -> Result<Value> { Ok(serde_json::from_str(&std::fs::read_to_string(&file)?)?) };
        let truth = r#"{"hoops":[{"id":"a","box":[100.0,50.0,140.0,90.0]}],"events":[]}"#;
        let of = |name: &str| CONDITIONS.into_iter().find(|c| c.name == name).expect("is there");
        for (name, expected) in [
            ("plain", Some([100.0, 50.0, 140.0, 90.0])),
            ("360p", Some([50.0, 25.0, 70.0, 45.0])),
            ("shaking", Some([68.0, 32.0, 108.0, 72.0])),
            ("searched", None),
        ] {
            std::fs::write(&file, truth)?;
            of(name).adapt(&file)?;
            let expected = expected.map_or(Value::Null, |sides| serde_json::json!(sides));
            assert_eq!(read()?["hoops"][0]["box"], expected, "{name}");
        }
        Ok(())
    }
}
