//! Media files as sources: demuxed by `hw/libav`, pushed into the pipeline like a publisher's
//! stream. Used by `evaluate` and by sources of kind `file` and `watch`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use futures_lite::future;
use hal::Clock;
use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use ingest::elementary::Counters;
use libav::file::{Reader, Track as FileTrack, Unit};
use pipeline::feeder::Feeder;
use pipeline::source_clock::Pacing;
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
    feeder.pace(Pacing::Box);
    feeder.start_stream();
    for track in tracks(&reader) {
        feeder.feed(track).await;
    }
    let mut stretch = Stretch::default();
    let damage = |reader: &Reader| Counters { gaps: reader.damaged(), ..Counters::default() };
    while let Some(unit) = reader.next() {
        feeder.note(damage(&reader));
        let unit = unit?;
        match (arrivals, stretch.place(&unit)) {
            // Its truth is told in the file's own times.
            (Arrivals::AsShown, _) | (_, Place::GoesOn) => {}
            (Arrivals::AsRead(_) | Arrivals::Paced(..), Place::Begins) => feeder.start_epoch(),
            (Arrivals::AsRead(_) | Arrivals::Paced(..), Place::Astray) => continue,
        }
        let micros = |span: MediaSpan| span.0.max(0) as u64 * 1_000 / 90;
        let arrived = match arrivals {
            Arrivals::AsShown => Monotonic(micros(unit.dts.since(MediaTime(0)))),
            Arrivals::AsRead(clock) => clock.now(),
            Arrivals::Paced(clock, began) => {
                let due = Monotonic(began.0 + micros(stretch.played(&unit)));
                clock.sleep_until(due).await;
                due
            }
        };
        feeder.feed(MediaItem::Unit(access_unit(unit, arrived))).await;
    }
    // Behind the last unit there may be more of it.
    feeder.note(damage(&reader));
    Ok(stretch.length)
}

/// A step of the times beyond this is no gap: files that were put together have such.
const JUMP_MAX: MediaSpan = MediaSpan::from_millis(10_000);

/// How far a file is played, whatever its times do.
#[derive(Debug, Default)]
struct Stretch {
    /// What was played before this stretch, and where in the file's times it begins.
    before: MediaSpan,
    begins: MediaTime,
    /// The newest picture.
    last: Option<MediaTime>,
    /// All of it so far.
    length: MediaSpan,
}

/// How an access unit goes on from the last picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    GoesOn,
    /// The file's times jump with this picture.
    Begins,
    /// Sound from the other side of a jump.
    Astray,
}

impl Stretch {
    fn place(&mut self, unit: &Unit) -> Place {
        let jumps = self.last.is_some_and(|last| unit.dts.since(last).0.abs() > JUMP_MAX.0);
        match (unit.track, jumps) {
            (FileTrack::Audio, true) => return Place::Astray,
            (FileTrack::Video, true) => (self.before, self.begins) = (self.length, unit.dts),
            (FileTrack::Audio | FileTrack::Video, false) => {}
        }
        if unit.track == FileTrack::Video {
            self.last = Some(unit.dts);
        }
        let shown = unit.pts.since(self.begins);
        self.length = self.length.max(MediaSpan(self.before.0 + shown.0));
        if jumps { Place::Begins } else { Place::GoesOn }
    }

    /// From the beginning of the file to the decoding of a unit of this stretch.
    fn played(&self, unit: &Unit) -> MediaSpan {
        MediaSpan(self.before.0 + unit.dts.since(self.begins).0)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(track: FileTrack, ms: i64) -> Unit {
        let at = MediaTime::from_millis(ms);
        Unit { track, pts: at, dts: at, keyframe: true, data: vec![1] }
    }

    #[test]
    fn a_file_whose_times_jump_by_an_hour_is_played_without_waiting_for_it() {
        for jump in [3_600_000, -3_600_000] {
            let mut stretch = Stretch::default();
            let mut at = |track, ms| {
                let unit = unit(track, ms);
                let place = stretch.place(&unit);
                (place, stretch.played(&unit).as_millis())
            };
            assert_eq!(at(FileTrack::Video, 4_000_000), (Place::GoesOn, 4_000_000));
            assert_eq!(at(FileTrack::Audio, 4_000_020), (Place::GoesOn, 4_000_020));
            assert_eq!(at(FileTrack::Audio, 4_000_040 + jump).0, Place::Astray);
            assert_eq!(at(FileTrack::Video, 4_000_040 + jump), (Place::Begins, 4_000_020));
            assert_eq!(at(FileTrack::Audio, 4_000_040).0, Place::Astray);
            assert_eq!(at(FileTrack::Video, 4_000_080 + jump), (Place::GoesOn, 4_000_060));
            assert_eq!(stretch.length.as_millis(), 4_000_060);
        }
    }
}
