//! The game as a real RTMP client pushes it: `court play` renders, ffmpeg encodes and publishes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::program::{Program, built};
use crate::score::{TrueEvent, TrueHoop, Truth, is_shot};
use crate::venue::Venue;

/// Encoding a minute of 720p takes less than this on the slowest machine that counts.
const ENCODE_LIMIT: Duration = Duration::from_secs(300);

/// What a courtside encoder sends: a keyframe every two seconds, no B-frames. Without perceptual
/// noise substitution, which would let every decoder make up other noise: samples are compared.
const ENCODER: &str = "-map 0:v -map 1:a -c:v libx264 -preset veryfast -tune zerolatency -g 50 \
                       -b:v 4M -pix_fmt yuv420p -c:a aac -aac_pns 0 -b:a 128k \
                       -ar 48000 -flags +global_header";

/// A game that can be published.
#[derive(Clone, Debug)]
pub struct Game {
    seed: u64,
    seconds: u32,
    folder: PathBuf,
    picture: Picture,
    /// Where a copy of what is pushed goes.
    copy: Option<PathBuf>,
    /// Seconds from shot to shot, on average.
    shot_every_s: f64,
}

/// About as often as in a real game between equals.
const SHOT_EVERY_S: f64 = 6.5;

/// Where the pictures of a game come from.
#[derive(Clone, Debug)]
enum Picture {
    /// Rendered and encoded while it is pushed.
    Live,
    /// Encoded before, and repeated for ever.
    Encoded(PathBuf),
}

impl Game {
    /// A game that is rendered while it is pushed; its truth is written to `folder`.
    pub fn live(seed: u64, seconds: u32, folder: &Path) -> Self {
        Self {
            seed,
            seconds,
            folder: folder.to_owned(),
            picture: Picture::Live,
            copy: None,
            shot_every_s: SHOT_EVERY_S,
        }
    }

    /// The same game; while it is pushed, a copy of its stream is written to `file`.
    #[must_use]
    pub fn with_copy(mut self, file: PathBuf) -> Self {
        self.copy = Some(file);
        self
    }

    /// A game that is rendered and encoded now, and repeated for ever when it is pushed: for tests
    /// in which the processor is needed for something else.
    ///
    /// # Errors
    /// When rendering or encoding fails.
    pub async fn encoded(
        seed: u64,
        seconds: u32,
        shot_every_s: f64,
        folder: &Path,
    ) -> Result<Self> {
        let file = folder.join(format!("game-{seed}.mp4"));
        let game = Self {
            seed,
            seconds,
            folder: folder.to_owned(),
            picture: Picture::Encoded(file.clone()),
            copy: None,
            shot_every_s,
        };
        let (mut court, mut ffmpeg) = game.render(&[], "mp4", file.as_os_str())?;
        let encoded = ffmpeg.wait(ENCODE_LIMIT).await?;
        ensure!(encoded.success(), "ffmpeg failed: {}", ffmpeg.log_end());
        let rendered = court.wait(ENCODE_LIMIT).await?;
        ensure!(rendered.success(), "court failed: {}", court.log_end());
        Ok(game)
    }

    /// The true shots, by the file that the renderer wrote.
    ///
    /// # Errors
    /// When the file is missing or not as it should be.
    pub fn shots(&self) -> Result<Vec<TrueEvent>> {
        Ok(self.truth()?.events.into_iter().filter(|event| is_shot(event.kind)).collect())
    }

    /// The true hoops, by the file that the renderer wrote.
    ///
    /// # Errors
    /// When the file is missing or not as it should be.
    pub fn hoops(&self) -> Result<Vec<TrueHoop>> {
        Ok(self.truth()?.hoops)
    }

    fn truth(&self) -> Result<Truth> {
        let path = self.truth_file();
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is no truth file", path.display()))
    }

    fn truth_file(&self) -> PathBuf {
        self.folder.join(format!("game-{}.events.json", self.seed))
    }

    /// Starts the renderer and, fed by it, an encoder that writes to this ffmpeg output.
    fn render(&self, pace: &[&str], format: &str, target: &OsStr) -> Result<(Program, Program)> {
        let sound = self.folder.join(format!("game-{}.wav", self.seed));
        let mut court = built("court")?;
        court.args(["play", "--seed", &self.seed.to_string()]);
        court.args(["--shot-every", &self.shot_every_s.to_string()]);
        court.args(["--seconds", &self.seconds.to_string(), "--truth"]).arg(self.truth_file());
        court.args(["--video", "-", "--format", "y4m", "--audio"]).arg(&sound);
        court.stdout(Stdio::piped());
        let mut court = Program::start("court", court, &self.folder.join("court.log"))?;
        let mut ffmpeg = Command::new("ffmpeg");
        // The sound is complete before the pictures begin, and ffmpeg opens its inputs in order.
        ffmpeg.args(["-y", "-hide_banner", "-v", "warning"]);
        ffmpeg.args(pace).args(["-thread_queue_size", "64", "-f", "yuv4mpegpipe", "-i", "-"]);
        ffmpeg.args(pace).arg("-i").arg(&sound).args(ENCODER.split(' '));
        ffmpeg.args(["-f", format]).arg(target).stdin(court.take_output()?);
        let ffmpeg = Program::start("ffmpeg", ffmpeg, &self.folder.join("ffmpeg.log"))?;
        Ok((court, ffmpeg))
    }
}

/// A game being pushed. Dropping it stops it.
#[derive(Debug)]
pub struct Publisher {
    /// Ends when ffmpeg does, by a broken pipe.
    _court: Option<Program>,
    ffmpeg: Program,
}

impl Publisher {
    /// Starts to push the game into the venue's box.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn start(game: &Game, venue: &Venue) -> Result<Self> {
        let url = venue.rtmp_url();
        match &game.picture {
            Picture::Live => {
                let (format, target) = match &game.copy {
                    None => ("flv", url),
                    Some(copy) => ("tee", format!("[f=flv]{url}|[f=flv]{}", copy.display())),
                };
                let (court, ffmpeg) = game.render(&["-re"], format, target.as_ref())?;
                Ok(Self { _court: Some(court), ffmpeg })
            }
            Picture::Encoded(file) => {
                let mut ffmpeg = Command::new("ffmpeg");
                ffmpeg.args("-nostdin -hide_banner -v warning -re -stream_loop -1 -i".split(' '));
                ffmpeg.arg(file).args("-c copy -f flv".split(' ')).arg(url).stdin(Stdio::null());
                let log = game.folder.join("ffmpeg.log");
                Ok(Self { _court: None, ffmpeg: Program::start("ffmpeg", ffmpeg, &log)? })
            }
        }
    }

    /// Whether the publisher has ended: the game is over, or the box hung up.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn is_over(&mut self) -> Result<bool> {
        Ok(self.ffmpeg.ended()?.is_some())
    }

    /// Stops in the middle of the game.
    ///
    /// # Errors
    /// When ffmpeg cannot be killed.
    pub async fn stop(mut self) -> Result<()> {
        self.ffmpeg.kill().await
    }
}
