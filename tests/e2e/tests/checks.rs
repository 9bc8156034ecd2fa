//! The checks of clips themselves: a clip that is right passes, and each thing that can be wrong
//! with one is found. The clips are cut with ffmpeg out of a noisy test picture and noise.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use e2e::clip_check;
use e2e::edges::Published;
use sha2::{Digest, Sha256};
use tokio::process::Command;
use wire::clip::ClipRecord;
use wire::ids::ClipId;
use wire::time::{MediaInterval, MediaTime, WallTime};
use wire::units::PictureSize;

/// Six seconds at 25 frames a second with a keyframe every second.
async fn published(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("published.flv");
    let encoder = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -c:a \
                   aac -aac_pns 0 -ar 48000";
    let sources = "-f lavfi -i testsrc2=s=320x180:r=25:d=6 -f lavfi -i anoisesrc=d=6:r=48000:a=0.2";
    ffmpeg(&[sources, encoder], &file).await?;
    Ok(file)
}

async fn ffmpeg(arguments: &[&str], file: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-y", "-v", "error"]);
    for part in arguments {
        command.args(part.split(' '));
    }
    let status = command.arg(file).status().await.context("cannot run ffmpeg")?;
    ensure!(status.success(), "ffmpeg {arguments:?} failed");
    Ok(())
}

/// Seconds 2 to 4 of what was published, its sound moved by `sound_s`.
async fn cut(published: &Path, sound_s: &str) -> Result<PathBuf> {
    let file = published.with_file_name(format!("clip{sound_s}.mp4"));
    // The encoder's delay of 21 ms stands before the first frame.
    let input = format!("-ss 2.021 -t 2 -i {}", published.display());
    let moved = format!("-itsoffset {sound_s} {input}");
    ffmpeg(&[&input, &moved, "-map 0:v -map 1:a -c copy"], &file).await?;
    Ok(file)
}

fn record(file: &Path, start_ms: i64) -> Result<ClipRecord> {
    let bytes = std::fs::read(file)?;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(ClipRecord {
        id: ClipId(1),
        source: "court-1".parse()?,
        interval: MediaInterval {
            start: MediaTime::from_millis(start_ms),
            end: MediaTime::from_millis(start_ms + 2_000),
        },
        frames: 50,
        picture: PictureSize { width: 320, height: 180 },
        bytes: bytes.len() as u64,
        sha256: sha256.as_str().try_into().expect("64 digits"),
        starts: WallTime(0),
        events: Default::default(),
    })
}

fn told(outcome: Result<()>) -> String {
    outcome.err().map_or_else(|| "right".to_owned(), |error| format!("{error:#}"))
}

#[tokio::test]
async fn right_clip_passes_and_each_fault_is_found() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = published(folder.path()).await?;
    let published = Published::decode(&source).await?;
    let clip = cut(&source, "0").await?;
    let right = record(&clip, 2_000)?;
    assert_eq!(told(clip_check::verify(&clip, &right).await), "right");
    assert_eq!(told(published.check(&clip, &right).await), "right");

    let longer = ClipRecord { bytes: right.bytes + 1, ..right.clone() };
    assert!(told(clip_check::verify(&clip, &longer).await).contains("bytes"));
    let other = ClipRecord { sha256: "0".repeat(64).as_str().try_into()?, ..right.clone() };
    assert!(told(clip_check::verify(&clip, &other).await).contains("SHA-256"));
    let fewer = ClipRecord { frames: 49, ..right.clone() };
    assert!(told(clip_check::verify(&clip, &fewer).await).contains("frames"));
    let mut shorter = right.clone();
    shorter.interval.end = MediaTime::from_millis(3_900);
    assert!(told(clip_check::verify(&clip, &shorter).await).contains("lasts"));
    let moved = record(&clip, 2_100)?;
    assert!(told(published.check(&clip, &moved).await).contains("starts with the frame of 2.0"));
    Ok(())
}

#[tokio::test]
async fn sound_beside_its_picture_and_pictures_of_another_stream_are_found() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = published(folder.path()).await?;
    let published = Published::decode(&source).await?;
    let late = cut(&source, "0.1").await?;
    let found = told(published.check(&late, &record(&late, 2_000)?).await);
    assert!(found.contains("sound lies 0."), "{found}");

    let stranger = folder.path().join("stranger.mp4");
    let noise = "-f lavfi -i color=s=320x180:r=25:d=2 -f lavfi -i anoisesrc=d=2:r=48000 -shortest";
    ffmpeg(&[noise, "-c:v libx264 -c:a aac"], &stranger).await?;
    let found = told(published.check(&stranger, &record(&stranger, 2_000)?).await);
    assert!(found.contains("never published"), "{found}");
    Ok(())
}
