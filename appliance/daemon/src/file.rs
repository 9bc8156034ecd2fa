//! Media files as sources: demuxed by `hw/libav`, pushed into the pipeline like a publisher's
//! stream. Used by `evaluate` and by sources of kind `file`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use hal::Clock;
use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use libav::file::{Reader, Track as FileTrack, Unit};
use pipeline::feeder::Feeder;
use wire::time::{MediaSpan, MediaTime, Monotonic};

use crate::clock::SystemClock;

/// When a file's frames arrive.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// At their media time: for analysis as fast as the box can.
    AsShown,
    /// When a camera would have delivered them, by this clock.
    Paced(Arc<SystemClock>),
}

/// Pushes a whole file into the pipeline and ends the stream; returns its length.
///
/// # Errors
/// The file cannot be read; what was read before has been pushed.
pub async fn push(
    feeder: &mut Feeder<SystemClock>,
    path: &Path,
    arrivals: &Arrivals,
) -> Result<MediaSpan> {
    let pushed = push_units(feeder, path, arrivals).await;
    feeder.end().await;
    pushed
}

async fn push_units(
    feeder: &mut Feeder<SystemClock>,
    path: &Path,
    arrivals: &Arrivals,
) -> Result<MediaSpan> {
    let mut reader = Reader::open(path)?;
    for track in tracks(&reader) {
        feeder.feed(track).await;
    }
    let mut length = MediaSpan(0);
    let began = match arrivals {
        Arrivals::AsShown => Monotonic(0),
        Arrivals::Paced(clock) => clock.now(),
    };
    for unit in &mut reader {
        let unit = unit?;
        length = length.max(unit.pts.since(MediaTime(0)));
        let due = Monotonic(began.0 + unit.dts.0.max(0) as u64 * 1_000 / 90);
        if let Arrivals::Paced(clock) = arrivals {
            clock.sleep_until(due).await;
        }
        feeder.feed(MediaItem::Unit(access_unit(unit, due))).await;
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
