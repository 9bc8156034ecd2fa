//! A folder into which files are copied, played one after the other.
//!
//! Each file is a job, and its state is where it lies, so that a technician sees it and a power cut
//! does not forget it:
//!
//! ```text
//! FOLDER/game.mp4 ──does not grow any more──► playing/ ──to its end──► done/
//!                                                │  └──cannot be read──► failed/, with game.mp4.txt
//!                                                └──the box stopped────► interrupted/
//! ```
//!
//! Nothing is played twice: its events would be told twice. Whoever wants a file once more moves it
//! back into the folder. Owns the folder's four subfolders; deletes nothing.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_lite::future;
use hal::Clock;
use tracing::{info, warn};
use wire::time::Monotonic;

use super::file::{self, Job, Played};
use super::{Outlet, Presence, Stop};
use crate::clock::SystemClock;
use crate::config::Pace;

/// Between two looks at the folder.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A file that has not grown for so long was copied whole: copies over a network stall for less.
const SETTLED_AFTER: Duration = Duration::from_secs(3);
/// Endings of files that another program still writes.
const UNFINISHED: [&str; 5] = ["part", "partial", "filepart", "crdownload", "tmp"];

const PLAYING: &str = "playing";
const DONE: &str = "done";
const FAILED: &str = "failed";
const INTERRUPTED: &str = "interrupted";

/// See the module.
pub(super) struct Folder {
    folder: PathBuf,
    pace: Pace,
    clock: Arc<SystemClock>,
    /// Files as they were seen last, and since when they are so.
    seen: HashMap<PathBuf, (Look, Monotonic)>,
    /// The folder could not be read, and that was told.
    unreadable: bool,
}

/// What changes about a file while it is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    bytes: u64,
    changed: SystemTime,
}

impl Folder {
    pub(super) fn new(folder: PathBuf, pace: Pace, clock: Arc<SystemClock>) -> Self {
        Self { folder, pace, clock, seen: HashMap::new(), unreadable: false }
    }

    /// Plays what is in the folder and what comes, until the box stops.
    pub(super) fn serve(mut self, outlet: &mut Outlet, stop: &mut Stop) {
        self.set_interrupted_aside();
        while !stop.is_set() {
            match self.next() {
                Some(path) => self.play(outlet, stop, &path),
                None => {
                    let next_look = self.clock.sleep_until(self.clock.now().plus(LOOK_EVERY));
                    future::block_on(future::or(next_look, stop.wait()));
                }
            }
        }
    }

    /// Files that were playing when the box stopped without a chance to say so.
    fn set_interrupted_aside(&self) {
        // No such folder: nothing was ever played.
        let Ok(entries) = fs::read_dir(self.folder.join(PLAYING)) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            warn!(
                file = %name.display(),
                "the box stopped while this file was played; it lies in {INTERRUPTED}/ now, move \
                 it back to play it once more from its beginning"
            );
            self.put(&entry.path(), INTERRUPTED);
        }
    }

    /// The file that has waited longest of those that are whole.
    fn next(&mut self) -> Option<PathBuf> {
        let now = self.clock.now();
        let files = match files(&self.folder) {
            Ok(files) => files,
            Err(error) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    warn!(
                        folder = %self.folder.display(), %error,
                        "the watched folder cannot be read; mount it, or let the box's user read \
                         and write it"
                    );
                }
                return None;
            }
        };
        self.unreadable = false;
        self.seen.retain(|path, _| files.iter().any(|(file, _)| file == path));
        for (path, look) in files {
            let entry = self.seen.entry(path).or_insert((look, now));
            if entry.0 != look {
                *entry = (look, now);
            }
        }
        let settled = self.seen.iter().filter(|(_, (_, since))| now.since(*since) >= SETTLED_AFTER);
        let (path, _) = settled.min_by_key(|(path, (look, _))| (look.changed, (*path).clone()))?;
        Some(path.clone())
    }

    fn play(&mut self, outlet: &mut Outlet, stop: &mut Stop, path: &Path) {
        self.seen.remove(path);
        let name = path.file_name().unwrap_or_default().display().to_string();
        let Some(path) = self.put(path, PLAYING) else { return };
        outlet.feeder.start_epoch();
        (outlet.tell)(Presence::Up { from: format!("file {name}") });
        let job = Job { path: path.clone(), pace: self.pace, clock: Arc::clone(&self.clock) };
        let (state, reason) = match file::push(outlet, &job, stop) {
            Ok(Played::Whole(length)) => {
                (DONE, format!("{name} is played, {:.1} s", length.as_secs_f64()))
            }
            Ok(Played::Stopped) => (INTERRUPTED, format!("{name} is interrupted: the box stops")),
            Err(error) => (FAILED, format!("{error:#}")),
        };
        let place = self.put(&path, state);
        if state == FAILED {
            warn!(source = outlet.source.as_str(), "{reason}");
            if let Some(place) = place {
                explain(&place, &reason);
            }
        } else {
            info!(source = outlet.source.as_str(), "{reason}");
        }
        (outlet.tell)(Presence::Down { reason });
    }

    /// Moves a file into a subfolder, beside what is there of the same name; returns where it is.
    fn put(&self, path: &Path, state: &str) -> Option<PathBuf> {
        let folder = self.folder.join(state);
        let moved = fs::create_dir_all(&folder).and_then(|()| {
            let place = free_place(&folder, path)?;
            fs::rename(path, &place)?;
            Ok(place)
        });
        match moved {
            Ok(place) => Some(place),
            Err(error) => {
                warn!(
                    file = %path.display(), %error,
                    "the file cannot be moved to {state}/; let the box's user write the folder"
                );
                None
            }
        }
    }
}

fn files(folder: &Path) -> io::Result<Vec<(PathBuf, Look)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Gone since: it was moved by whoever put it there.
        let Ok(metadata) = entry.metadata() else { continue };
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !metadata.is_file() || hidden || UNFINISHED.contains(&ending) {
            continue;
        }
        files.push((path, Look { bytes: metadata.len(), changed: metadata.modified()? }));
    }
    Ok(files)
}

/// A path in `folder` that no file has: the file's own name, or with a number behind its stem.
fn free_place(folder: &Path, path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let (stem, ending) = (path.file_stem().unwrap_or(name), path.extension());
    let numbered = |number: u32| {
        let mut name = stem.to_owned();
        name.push(format!("-{number}"));
        let place = folder.join(name);
        ending.map_or_else(|| place.clone(), |ending| place.with_added_extension(ending))
    };
    let places = std::iter::once(folder.join(name)).chain((2..).map(numbered));
    for place in places {
        if !place.try_exists()? {
            return Ok(place);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn explain(place: &Path, reason: &str) {
    if let Err(error) = fs::write(place.with_added_extension("txt"), format!("{reason}\n")) {
        warn!(file = %place.display(), %error, "its reason could not be written beside it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().expect("the system has a place for temporary files");
        let place = |name: &str| free_place(folder.path(), Path::new(name)).expect("readable");
        let take = |name: &str| fs::write(folder.path().join(name), "").expect("writable");
        assert_eq!(place("/in/game.1.mp4"), folder.path().join("game.1.mp4"));
        take("game.1.mp4");
        assert_eq!(place("/in/game.1.mp4"), folder.path().join("game.1-2.mp4"));
        take("game.1-2.mp4");
        assert_eq!(place("/in/game.1.mp4"), folder.path().join("game.1-3.mp4"));
        take("game");
        assert_eq!(place("/in/game"), folder.path().join("game-2"));
    }

    #[test]
    fn what_is_still_written_or_hidden_is_no_file_yet() {
        let folder = tempfile::tempdir().expect("the system has a place for temporary files");
        for name in ["game.mp4", "game.mp4.part", ".game.ts", "b.tmp"] {
            fs::write(folder.path().join(name), "x").expect("writable");
        }
        fs::create_dir(folder.path().join("done")).expect("writable");
        let found = files(folder.path()).expect("readable");
        let names: Vec<_> =
            found.iter().map(|(path, _)| path.file_name().expect("a name")).collect();
        assert_eq!(names, ["game.mp4"]);
    }
}
