//! Media files as sources: demuxed by `hw/libav`, pushed into the pipeline like a publisher's
//! stream. Used by `evaluate` and by sources of kind `file` and `watch`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use futures_lite::future;
use hal::Clock;
use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use libav::file::{Reader, Track as FileTrack, Unit};
use pipeline::feeder::Feeder;
use tracing::{error, info};
use wire::time::{MediaSpan, MediaTime, Monotonic};

use super::{Outlet, Presence, Stop};
use crate::clock::SystemClock;
use crate::config::Pace;

/// A file that a source plays.
pub(super) struct Job {
    /// The file.
    pub(super) path: PathBuf,
    /// How fast.
    pub(super) pace: Pace,
    /// The time.
    pub(super) clock: Arc<SystemClock>,
}

/// How a file was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Played {
    /// To its end; its length.
    Whole(MediaSpan),
    /// The box stops.
    Stopped,
}

/// When a frame arrives.
enum Arrivals<'a> {
    /// At its media time, so that the same file gives the same answers at any speed.
    AsShown,
    /// When it was read.
    AsRead(&'a SystemClock),
    /// When a camera would have delivered it that began at this time.
    Paced(&'a SystemClock, Monotonic),
}

/// Plays a file once; what happens is told.
pub(super) fn play(outlet: &mut Outlet, job: &Job, stop: &mut Stop) {
    let began = job.clock.now();
    let name = job.path.file_name().unwrap_or_default().display();
    (outlet.tell)(Presence::Up { from: format!("file {name}") });
    let reason = match push(outlet, job, stop) {
        Ok(Played::Whole(length)) => {
            let seconds = length.as_secs_f64();
            let took = job.clock.now().since(began).as_secs_f64();
            info!(source = outlet.source.as_str(), seconds, took, "file played");
            format!("{name} is played, {seconds:.1} s")
        }
        Ok(Played::Stopped) => format!("{name} is interrupted: the box stops"),
        Err(error) => {
            error!(source = outlet.source.as_str(), "{error:#}");
            format!("{error:#}")
        }
    };
    (outlet.tell)(Presence::Down { reason });
}

/// Pushes a whole file into the pipeline, unless the box stops, and ends the stream.
///
/// # Errors
/// The file cannot be read; what was read before has been pushed.
pub(super) fn push(outlet: &mut Outlet, job: &Job, stop: &mut Stop) -> Result<Played> {
    let arrivals = match job.pace {
        Pace::RealTime => Arrivals::Paced(&job.clock, job.clock.now()),
        Pace::Fast => Arrivals::AsRead(&job.clock),
    };
    future::block_on(async {
        let played = future::or(
            async { push_units(&mut outlet.feeder, &job.path, &arrivals).await.map(Played::Whole) },
            async {
                stop.wait().await;
                Ok(Played::Stopped)
            },
        )
        .await;
        outlet.feeder.end().await;
        played
    })
}

/// Pushes a whole file into the pipeline, as fast as that takes it, and ends the stream; returns
/// its length. Its frames arrive at their media times.
///
/// # Errors
/// The file cannot be read; what was read before has been pushed.
pub async fn evaluate(feeder: &mut Feeder<SystemClock>, path: &Path) -> Result<MediaSpan> {
    let pushed = push_units(feeder, path, &Arrivals::AsShown).await;
    feeder.end().await;
    pushed
}

async fn push_units(
    feeder: &mut Feeder<SystemClock>,
    path: &Path,
    arrivals: &Arrivals<'_>,
) -> Result<MediaSpan> {
    let mut reader = Reader::open(path)?;
    for track in tracks(&reader) {
        feeder.feed(track).await;
    }
    let mut length = MediaSpan(0);
    for unit in &mut reader {
        let unit = unit?;
        length = length.max(unit.pts.since(MediaTime(0)));
        let shown_us = unit.dts.0.max(0) as u64 * 1_000 / 90;
        let arrived = match arrivals {
            Arrivals::AsShown => Monotonic(shown_us),
            Arrivals::AsRead(clock) => clock.now(),
            Arrivals::Paced(clock, began) => {
                let due = Monotonic(began.0 + shown_us);
                clock.sleep_until(due).await;
                due
            }
        };
        feeder.feed(MediaItem::Unit(access_unit(unit, arrived))).await;
    }
    Ok(length)
}

fn tracks(reader: &Reader) -> Vec<MediaItem> {
    let video = reader.video();
    let video = MediaItem::Video(VideoTrack {
        codec: video.config.codec,
        record: Bytes::from(video.config.record.clone()),
        width: video.size.width,
        height: video.size.height,
    });
    let audio = reader.audio().map(|audio| {
        MediaItem::Audio(AudioTrack {
            codec: audio.config.codec,
            record: Bytes::from(audio.config.record.clone()),
            sample_hz: audio.sample_hz,
            channels: audio.channels as u8,
        })
    });
    std::iter::once(video).chain(audio).collect()
}

fn access_unit(unit: Unit, arrived: Monotonic) -> AccessUnit {
    AccessUnit {
        track: match unit.track {
            FileTrack::Video => Track::Video,
            FileTrack::Audio => Track::Audio,
        },
        pts: unit.pts,
        dts: unit.dts,
        keyframe: unit.keyframe,
        data: Bytes::from(unit.data),
        arrived,
    }
}
