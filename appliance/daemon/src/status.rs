//! What a running box tells about itself, as a file in the data folder that `courtside doctor`
//! reads: the newest telemetry, and what of its sources is for a technician alone.
//!
//! Owns the file and its shape: replaced in one step every two seconds, removed when the box
//! stops. A reader finds a whole document; a crash may lose it or leave an old one, whose time
//! tells so. Not synced: it is worth nothing after the box.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use models::incoming::Rows;
use pipeline::sight;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;
use wire::ids::{BootId, Name};
use wire::time::{Monotonic, WallTime};
use wire::units::{PictureSize, PixelBox};

use crate::clock::SystemClock;
use crate::telemetry::{self, Telemetry};

/// Name of the file in the data folder.
pub const FILE: &str = "status.json";
/// Version of its shape. Keys are only ever added.
const VERSION: u32 = 1;
/// Largest file that is read, in bytes. A real one has about 10 kB.
const BYTES_MAX: u64 = 1024 * 1024;
/// A box that runs writes every two seconds; one that was not seen for longer hangs, or was killed.
pub const SEEN_MAX: Duration = Duration::from_secs(10);
/// So long after the last event a game may go on: half-time takes a quarter of an hour.
pub const PLAY: Duration = Duration::from_secs(1_200);

/// What the box knew at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the shape.
    pub v: u32,
    /// Version of the program.
    pub firmware: String,
    /// Number of this start of the box.
    pub boot: u64,
    /// When it was written, by the box's clock, in µs since 1970.
    pub wall_us: i64,
    /// The same in µs since the box started.
    pub mono_us: u64,
    /// Connected to its broker.
    pub connected: bool,
    /// A game is on: something was told of one, or of its scoreboard, within [`PLAY`]. A camera that
    /// looks at an empty court is no game.
    pub in_play: bool,
    /// What telemetry lacks, by source.
    pub sources: BTreeMap<Name, SourceStatus>,
    /// What is told on `…/tel/pipeline`.
    pub pipeline: Value,
}

/// What a technician asks of a source and telemetry does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The newest picture that was analysed since the box started.
    pub picture: Option<Picture>,
    /// How sharp a picture was, some seconds ago at most.
    pub focus: Option<Focus>,
    /// Mean level of the sound since the status before, in 1/100 dB below full scale; none where
    /// nothing is heard.
    pub level_centi_db: Option<i16>,
}

/// A picture that was analysed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Its size.
    pub size: PictureSize,
    /// From its arrival until the status was written, in ms.
    pub age_ms: u64,
    /// It shows two moments, of which one is looked at.
    pub interlaced: bool,
    /// The hoops that were followed in it, in its pixels.
    pub hoops: BTreeMap<Name, PixelBox>,
}

/// How sharp a picture was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Focus {
    /// Variance of the Laplacian of the luma, in squared grey levels.
    pub variance: f32,
    /// Size at which it was measured.
    pub size: PictureSize,
}

/// What a reader found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What the box knew.
    pub status: Status,
    /// How long ago.
    pub age: Duration,
}

/// Keeps the file of a running box; never ends. When it is dropped, the file goes.
pub async fn keep(
    clock: Arc<SystemClock>,
    telemetry: Telemetry,
    (data_dir, boot): (PathBuf, BootId),
) {
    let mut file = StatusFile::new(&data_dir);
    let mut fails = false;
    loop {
        let status = of_box(&clock, &telemetry, boot);
        // Away from the sockets: a disk that hangs keeps none of them waiting.
        let written = tokio::task::spawn_blocking(move || {
            let written = file.keep(&status);
            (file, written)
        });
        // It does not panic; where the runtime ends, so does this.
        let Ok((back, written)) = written.await else { return };
        file = back;
        match written {
            Ok(()) => fails = false,
            Err(error) if !std::mem::replace(&mut fails, true) => warn!(
                "the status of the box cannot be kept: {error}; is the data folder the box's own, \
                 and has the disk room?"
            ),
            Err(_told) => {}
        }
        clock.sleep_until(clock.now().plus(telemetry::EVERY)).await;
    }
}

fn of_box(clock: &SystemClock, telemetry: &Telemetry, boot: BootId) -> Status {
    let now = clock.now();
    let (sources, uplink) = (telemetry.sources.iter(), telemetry.uplink.stats());
    Status {
        v: VERSION,
        firmware: env!("CARGO_PKG_VERSION").to_owned(),
        boot: boot.0.into(),
        wall_us: clock.wall_time().0,
        mono_us: now.0,
        connected: uplink.connected,
        in_play: uplink.last_play.is_some_and(|last| now.since(last) < PLAY),
        sources: sources
            .map(|(name, links, _)| (name.clone(), of_source(links.sight.take(), now)))
            .collect(),
        pipeline: telemetry.message(),
    }
}

fn of_source(told: sight::Told, now: Monotonic) -> SourceStatus {
    let picture = |seen: sight::Picture| Picture {
        size: seen.size,
        age_ms: u64::try_from(now.since(seen.arrived).as_millis()).unwrap_or(u64::MAX),
        interlaced: match seen.adaptation.rows {
            Rows::All => false,
            Rows::Half(_) => true,
        },
        hoops: seen.hoops.into_iter().collect(),
    };
    let focus = |focus: sight::Focus| Focus { variance: focus.variance, size: focus.size };
    SourceStatus {
        picture: told.picture.map(picture),
        focus: told.focus.map(focus),
        level_centi_db: told.level_centi_db,
    }
}

/// The file of a running box.
struct StatusFile {
    path: PathBuf,
}

impl StatusFile {
    fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE) }
    }

    fn keep(&self, status: &Status) -> io::Result<()> {
        let text = serde_json::to_vec(status).map_err(io::Error::other)?;
        let draft = self.path.with_extension("new");
        fs::write(&draft, text)?;
        fs::rename(&draft, &self.path)
    }
}

impl Drop for StatusFile {
    /// The box stops, so there is nothing to be told.
    fn drop(&mut self) {
        // If it stays, its time tells that the box stopped.
        let _ = fs::remove_file(&self.path);
    }
}

/// What the box with this data folder told, as of `now`; `None` if none runs.
///
/// # Errors
/// The file is there and cannot be read, or is none of this version's.
pub fn read(data_dir: &Path, now: WallTime) -> io::Result<Option<Found>> {
    let path = data_dir.join(FILE);
    let bytes = match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(about) if about.len() > BYTES_MAX => {
            return Err(io::Error::other(format!("it has more than {BYTES_MAX} bytes")));
        }
        Ok(_) => match fs::read(&path) {
            // The box stopped in this moment.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read?,
        },
    };
    let status: Status = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
    if status.v != VERSION {
        let version = status.v;
        return Err(io::Error::other(format!("its version is {version}, not {VERSION}")));
    }
    let age_us = now.0.saturating_sub(status.wall_us);
    // Before it was written: the clock was set back meanwhile.
    let age = Duration::from_micros(u64::try_from(age_us).unwrap_or(0));
    Ok(Some(Found { status, age }))
}

impl Found {
    /// Whether the box runs still, as far as can be told.
    pub fn is_fresh(&self) -> bool {
        self.age <= SEEN_MAX
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status() -> Status {
        let size = PictureSize { width: 1280, height: 720 };
        let area = PixelBox { x0: 10.0, y0: 20.0, x1: 40.0, y1: 60.0 };
        let name: Name = "court-1".parse().expect("a name");
        let picture = Picture {
            size,
            age_ms: 40,
            interlaced: false,
            hoops: [("a".parse().expect("a name"), area)].into(),
        };
        let source = SourceStatus {
            picture: Some(picture),
            focus: Some(Focus { variance: 120.5, size }),
            level_centi_db: Some(-3_150),
        };
        Status {
            v: VERSION,
            firmware: "0.1.0".to_owned(),
            boot: 7,
            wall_us: 1_800_000_000_000_000,
            mono_us: 5_000_000,
            connected: true,
            in_play: false,
            sources: [(name, source)].into(),
            pipeline: json!({ "sources": { "court-1": { "frames_decoded_total": 100 } } }),
        }
    }

    #[test]
    fn reader_finds_all_of_it_and_how_old_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = StatusFile::new(folder.path());
        file.keep(&status()).expect("writable");
        let at = WallTime(status().wall_us + 3_000_000);
        let found = read(folder.path(), at).expect("readable").expect("it is there");
        assert_eq!((&found.status, found.age), (&status(), Duration::from_secs(3)));
        assert!(found.is_fresh());
        let later = WallTime(status().wall_us + 11_000_000);
        let old = read(folder.path(), later).expect("readable").expect("it is there");
        assert!(!old.is_fresh());
        assert!(!folder.path().join("status.new").exists());
    }

    #[test]
    fn box_that_stopped_tells_nothing_and_a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path(), WallTime(0)).expect("readable"), None);
        let file = StatusFile::new(folder.path());
        file.keep(&status()).expect("writable");
        drop(file);
        assert_eq!(read(folder.path(), WallTime(0)).expect("readable"), None);
        for damaged in ["", "{", "[]", "{\"v\":1}"] {
            fs::write(folder.path().join(FILE), damaged).expect("writable");
            assert!(read(folder.path(), WallTime(0)).is_err(), "{damaged}");
        }
        let other = serde_json::to_vec(&Status { v: 2, ..status() }).expect("JSON");
        fs::write(folder.path().join(FILE), other).expect("writable");
        let error = read(folder.path(), WallTime(0)).expect_err("another version");
        assert!(error.to_string().contains("version is 2"), "{error}");
    }

    #[test]
    fn clock_that_was_set_back_makes_no_status_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = StatusFile::new(folder.path());
        file.keep(&status()).expect("writable");
        let found = read(folder.path(), WallTime(5)).expect("readable").expect("it is there");
        assert_eq!(found.age, Duration::ZERO);
    }
}
