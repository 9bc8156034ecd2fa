//! Games under the conditions that a box meets: the same play, seen badly. Owns how ffmpeg makes
//! each of them, and what becomes of the truth's boxes. Evaluates nothing.

mod list;
mod replays;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

pub use self::list::{BOARD, CONDITIONS, FINDER, QUIET, SOUND};
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
    /// Pictures a second that are rendered.
    fps: &'static str,
    /// ffmpeg's filters; empty for none.
    filters: &'static str,
    /// What else the encoder is told; empty for nothing.
    encoder: &'static str,
    /// ffmpeg's bit rate.
    rate: &'static str,
    /// What a hoop's box becomes: first moved by this many pixels, then scaled.
    moved: (f64, f64),
    scaled: f64,
    /// Whether the box searches the hoops itself: `courtside evaluate --search`.
    pub search: bool,
    /// Seconds from shot to shot, on average.
    shot_every_s: f64,
    /// What the game has more of than others: `court play --theme`.
    theme: &'static str,
    /// Which games show what is to be seen.
    games: Games,
    /// Seconds from one jump cut of the filters to the next, if they make any.
    cut_every_s: Option<u32>,
    /// Seconds of play from one replay to the next, if any is shown.
    replay_every_s: Option<u32>,
}

/// Which games a condition can be made of, by their truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Games {
    Any,
    /// With a scoreboard that can be read.
    WithBoard,
    /// With both hoops in view.
    TwoHoops,
    /// With every hoop in the part of the picture that all croppings of the filters show.
    WellInside,
    /// The same, and a camera that stands still.
    StillInside,
}

impl Games {
    fn have(self, truth: &Value) -> bool {
        let hoops = truth["hoops"].as_array().map_or(&[][..], Vec::as_slice);
        let inside = |hoop: &Value| {
            let side = |at: usize| hoop["box"][at].as_f64().unwrap_or(-1.0);
            let [x, y] = INSIDE;
            x.contains(&side(0))
                && x.contains(&side(2))
                && y.contains(&side(1))
                && y.contains(&side(3))
        };
        match self {
            Self::Any => true,
            Self::WithBoard => truth["board"].as_array().is_some_and(|fields| !fields.is_empty()),
            Self::TwoHoops => hoops.len() == 2,
            Self::WellInside => !hoops.is_empty() && hoops.iter().all(inside),
            Self::StillInside => truth["still"] == true && Self::WellInside.have(truth),
        }
    }
}

/// What every cropping of a large picture shows, with a margin for a camera that sways, by columns and
/// rows.
const INSIDE: [std::ops::Range<f64>; 2] = [380.0..1_220.0, 120.0..720.0];
/// A shot so many seconds before a jump cut, or after it, does not count: what came of it was not
/// shown, or the hoop is being found again.
const CUT_BEFORE_S: f64 = 0.6;
const CUT_AFTER_S: f64 = 2.0;
/// What every other framing of a condition with jump cuts shows is this much further right and down, in pixels.
/// Less down than across: hoops hang high, and one that is not shown cannot be found.
const JUMP: (f64, f64) = (-320.0, -60.0);

impl Condition {
    /// So many seeds from `first` on whose games of this length show what the condition needs.
    ///
    /// # Errors
    /// When a game cannot be made, or too few of them show it.
    pub async fn seeds(&self, first: u64, count: usize, seconds: u32) -> Result<Vec<u64>> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let truth = folder.path().join("truth.json");
        let mut seeds = Vec::new();
        for seed in first..first + 60 * count as u64 {
            if seeds.len() == count {
                break;
            }
            if self.games == Games::Any {
                seeds.push(seed);
                continue;
            }
            let mut court = self.court(seed, seconds)?;
            ensure!(
                court.arg("--truth").arg(&truth).status().await?.success(),
                "court failed at {seed}"
            );
            if self.games.have(&serde_json::from_str(&std::fs::read_to_string(&truth)?)?) {
                seeds.push(seed);
            }
        }
        ensure!(
            seeds.len() == count,
            "of the games from {first} on only {} can be had {}",
            seeds.len(),
            self.name
        );
        Ok(seeds)
    }

    /// The command that plays a game under this condition.
    fn court(&self, seed: u64, seconds: u32) -> Result<Command> {
        let mut court = built("court")?;
        court.args(["play", "--seed", &seed.to_string(), "--seconds", &seconds.to_string()]);
        court.args(["--shot-every", &self.shot_every_s.to_string(), "--size", self.size]);
        court.args(["--fps", self.fps, "--theme", self.theme]);
        Ok(court)
    }

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
        let mut court = self.court(seed, seconds)?;
        let sound = folder.join(format!("g{seed}.wav"));
        court.args(["--video", "-", "--format", "y4m", "--truth"]).arg(&truth);
        court.arg("--audio").arg(&sound);
        court.stdout(Stdio::piped());
        let mut court = Program::start("court", court, &folder.join("court.log"))?;
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-y", "-hide_banner", "-v", "warning", "-f", "yuv4mpegpipe", "-i", "-"]);
        // It is whole before the first picture, which ffmpeg reads first.
        ffmpeg.arg("-i").arg(&sound).args(["-c:a", "aac", "-b:a", "96k"]);
        match self.replay_every_s {
            Some(every) => {
                ffmpeg.args(["-filter_complex", &replays::filters(every, seconds)]);
                ffmpeg.args(["-map", "[v]", "-map", "[a]"]);
            }
            None if self.filters.is_empty() => {}
            None => {
                ffmpeg.args(["-vf", self.filters]);
            }
        }
        ffmpeg.args(["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"]);
        ffmpeg.args(["-g", "50", "-b:v", self.rate, "-maxrate", self.rate, "-bufsize", "8M"]);
        ffmpeg.args(self.encoder.split_whitespace());
        ffmpeg.arg(&unfinished).stdin(court.take_output()?);
        let mut ffmpeg = Program::start("ffmpeg", ffmpeg, &folder.join("ffmpeg.log"))?;
        let encoded = ffmpeg.wait(LIMIT).await?;
        ensure!(encoded.success(), "ffmpeg failed: {}", ffmpeg.log_end());
        ensure!(court.wait(LIMIT).await?.success(), "court failed: {}", court.log_end());
        std::fs::remove_file(&sound).with_context(|| format!("{sound:?} not removed"))?;
        self.adapt(&truth, seconds)?;
        // Last, so that a game that is there is a whole one.
        std::fs::rename(&unfinished, &video).with_context(|| format!("{video:?} not written"))
    }

    /// Brings the truth's boxes to the picture of this condition.
    fn adapt(&self, file: &PathBuf, seconds: u32) -> Result<()> {
        let mut truth: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
        let hoops = truth["hoops"].as_array_mut().context("the truth names no hoops")?;
        for hoop in hoops.iter_mut() {
            move_box(hoop, self.moved, self.scaled)?;
        }
        if let Some(every) = self.cut_every_s {
            let first = hoops.clone();
            for cut in 1..=seconds / every {
                for mut hoop in first.clone() {
                    move_box(&mut hoop, if cut % 2 == 1 { JUMP } else { (0.0, 0.0) }, 1.0)?;
                    hoop["from"] = (cut * every).into();
                    hoops.push(hoop);
                }
            }
            doubt_shots_at_cuts(&mut truth, f64::from(every))?;
        }
        if let Some(every) = self.replay_every_s {
            doubt_shots_at_cuts(&mut truth, f64::from(every))?;
            replays::shift_truth(&mut truth, every)?;
        }
        std::fs::write(file, truth.to_string())?;
        Ok(())
    }
}

/// Moves a hoop's box, then scales it.
fn move_box(hoop: &mut Value, (right, down): (f64, f64), scaled: f64) -> Result<()> {
    let sides = hoop["box"].as_array_mut().context("a hoop without a box")?;
    for (side, moved) in sides.iter_mut().zip([right, down, right, down]) {
        let at = side.as_f64().context("a box is four numbers")?;
        *side = ((at + moved) * scaled).into();
    }
    Ok(())
}

/// Takes the certainty from what happened so near to a cut that nobody can tell.
fn doubt_shots_at_cuts(truth: &mut Value, every_s: f64) -> Result<()> {
    for event in truth["events"].as_array_mut().context("the truth tells no events")? {
        let t = event["t"].as_f64().context("an event without a time")?;
        let since = t.rem_euclid(every_s);
        if every_s - since < CUT_BEFORE_S || since < CUT_AFTER_S && t > every_s {
            event["certain"] = false.into();
        }
    }
    Ok(())
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
            ("plain", [100.0, 50.0, 140.0, 90.0]),
            ("360p", [50.0, 25.0, 70.0, 45.0]),
            ("shaking", [68.0, 32.0, 108.0, 72.0]),
        ] {
            std::fs::write(&file, truth)?;
            of(name).adapt(&file, 60)?;
            assert_eq!(read()?["hoops"][0]["box"], serde_json::json!(expected), "{name}");
        }
        Ok(())
    }

    #[test]
    fn after_every_jump_the_truth_says_where_the_hoops_are_now() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("g1.events.json");
        std::fs::write(&file, r#"{"hoops":[{"id":"a","box":[600,300,640,340]}],"events":[]}"#)?;
        FINDER.adapt(&file, 14)?;
        let truth: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        let hoops = truth["hoops"].as_array().context("hoops")?;
        let told: Vec<_> =
            hoops.iter().map(|h| (h["from"].as_u64(), h["box"][0].as_f64())).collect();
        assert_eq!(told, [(None, Some(600.0)), (Some(6), Some(280.0)), (Some(12), Some(600.0))]);
        Ok(())
    }

    #[test]
    fn shots_near_a_cut_do_not_count_and_others_do() -> Result<()> {
        let at = |t: f64| serde_json::json!({"kind": "made_shot", "t": t, "certain": true});
        let times = [1.0, 5.0, 6.1, 6.4, 6.6, 8.4, 8.6, 12.9];
        let mut truth = serde_json::json!({"events": times.map(at)});
        doubt_shots_at_cuts(&mut truth, 6.5)?;
        let certain: Vec<f64> = truth["events"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|event| event["certain"] == true)
            .filter_map(|event| event["t"].as_f64())
            .collect();
        assert_eq!(certain, [1.0, 5.0, 8.6]);
        Ok(())
    }

    #[test]
    fn games_are_chosen_by_what_they_show() {
        let hoop = |x: f64| serde_json::json!({"id": "a", "box": [x, 200.0, x + 40.0, 240.0]});
        let inside = serde_json::json!({"hoops": [hoop(600.0)], "board": []});
        let two = serde_json::json!({"hoops": [hoop(100.0), hoop(1_000.0)], "board": [{}]});
        let have = |games: Games| [games.have(&inside), games.have(&two)];
        assert_eq!(have(Games::Any), [true, true]);
        assert_eq!(have(Games::WithBoard), [false, true]);
        assert_eq!(have(Games::TwoHoops), [false, true]);
        assert_eq!(have(Games::WellInside), [true, false]);
    }
}
