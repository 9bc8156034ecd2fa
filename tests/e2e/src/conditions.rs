//! Games under the conditions that a box meets: the same play, seen badly. Owns how ffmpeg makes
//! each of them, and what becomes of the truth's boxes. Evaluates nothing.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
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
    /// What the game has more of than others: `court play --theme`.
    theme: &'static str,
    /// Which games show what is to be seen.
    games: Games,
    /// Seconds from one jump cut of the filters to the next, if they make any.
    cut_every_s: Option<f64>,
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
        }
    }
}

/// What every cropping of [`LARGE`] shows, with a margin for a camera that sways, by columns and
/// rows.
const INSIDE: [std::ops::Range<f64>; 2] = [380.0..1_220.0, 120.0..720.0];
/// Size that games are rendered with to be cropped to 1280 × 720.
const LARGE: &str = "1600x900";
/// A shot so many seconds before a jump cut, or after it, does not count: what came of it was not
/// shown, or the hoop is being found again.
const CUT_BEFORE_S: f64 = 0.6;
const CUT_AFTER_S: f64 = 2.0;

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
    theme: "mixed",
    games: Games::Any,
    cut_every_s: None,
};

/// What is measured, the easiest first.
pub const CONDITIONS: [Condition; 15] = [
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
    Condition {
        name: "two-balls",
        what: "plain; two or three other balls are thrown to and fro around the hoop",
        theme: "warm-up",
        ..PLAIN
    },
    Condition {
        name: "two-hoops",
        what: "plain; both hoops are in view and played on",
        games: Games::TwoHoops,
        ..PLAIN
    },
    Condition {
        name: "crowded",
        what: "plain; people with their hands up before the hoop and under it at every shot",
        theme: "crowded",
        ..PLAIN
    },
    Condition {
        name: "crossing",
        what: "plain; misses that cross the hoop in the picture, in front of it or behind it",
        theme: "crossing",
        ..PLAIN
    },
    Condition {
        name: "rolls",
        what: "plain; the ball rolls on the rim before it falls in or out",
        theme: "rolls",
        ..PLAIN
    },
    Condition {
        name: "panning",
        what: "plain; the camera pans to and fro by 320 pixels within 9 s, on top of its own way",
        size: LARGE,
        filters: "crop=1280:720:160+160*sin(2*PI*t/9):90",
        games: Games::WellInside,
        marked: false,
        ..PLAIN
    },
    Condition {
        name: "jump-cuts",
        what: "plain; every 6.5 s a cut to another framing; shots from 0.6 s before a cut to 2 s \
               after it do not count",
        size: LARGE,
        filters: "crop=1280:720:320*mod(floor(t/6.5)\\,2):180*mod(floor(t/6.5)\\,2)",
        games: Games::WellInside,
        marked: false,
        cut_every_s: Some(6.5),
        ..PLAIN
    },
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
    games: Games::WithBoard,
    ..PLAIN
};

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
        court.args(["--theme", self.theme]);
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
        if let Some(every) = self.cut_every_s {
            doubt_shots_at_cuts(&mut truth, every)?;
        }
        std::fs::write(file, truth.to_string())?;
        Ok(())
    }
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
