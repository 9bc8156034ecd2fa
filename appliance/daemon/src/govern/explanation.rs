//! What the governor says of itself, as a file in the data folder that `courtside governor
//! explain` reads.
//!
//! Owns the file: it is rewritten when the text changes, and its time moves on every second, so
//! that a reader sees whether the box runs. A reader finds a whole text; a crash may lose it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use wire::time::WallTime;

/// Name of the file in the data folder.
pub const FILE: &str = "governor.txt";

/// The file of a running box.
pub struct Explanation {
    path: PathBuf,
    kept: Option<String>,
}

/// What a reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What the governor said.
    pub text: String,
    /// How long ago the box was last seen to run.
    pub age: Duration,
}

impl Explanation {
    /// The file of the box with this data folder.
    pub fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE), kept: None }
    }

    /// Keeps what the governor says at `now`.
    ///
    /// # Errors
    /// What the system said; the text before is there still.
    pub fn keep(&mut self, text: String, now: WallTime) -> io::Result<()> {
        if self.kept.as_ref() == Some(&text) && self.touch(now).is_ok() {
            return Ok(());
        }
        self.kept = None;
        let draft = self.path.with_extension("new");
        fs::write(&draft, &text)?;
        fs::rename(&draft, &self.path)?;
        self.touch(now)?;
        self.kept = Some(text);
        Ok(())
    }

    fn touch(&self, now: WallTime) -> io::Result<()> {
        let since = Duration::from_micros(now.0.max(0).unsigned_abs());
        File::options().write(true).open(&self.path)?.set_modified(UNIX_EPOCH + since)
    }
}

impl Drop for Explanation {
    /// The box stops, so there is nothing to be explained.
    fn drop(&mut self) {
        // If it stays, its time tells that the box stopped.
        let _ = fs::remove_file(&self.path);
    }
}

/// What the box with this data folder says, as of `now`; `None` if none runs.
///
/// # Errors
/// The file is there and cannot be read.
pub fn read(data_dir: &Path, now: WallTime) -> io::Result<Option<Found>> {
    let path = data_dir.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let kept = fs::metadata(&path)?.modified()?;
    // Before 1970 is as old as can be.
    let kept = kept.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Duration::from_micros(now.0.max(0).unsigned_abs());
    Ok(Some(Found { text, age: now.saturating_sub(kept) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> WallTime {
        WallTime(1_800_000_000_000_000 + 1_000_000 * second)
    }

    #[test]
    fn reader_finds_the_newest_text_and_how_old_it_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = Explanation::new(folder.path());
        file.keep("cool".to_owned(), second(0)).expect("writable");
        file.keep("warm".to_owned(), second(1)).expect("writable");
        let found = read(folder.path(), second(4)).expect("readable").expect("it is there");
        assert_eq!((found.text.as_str(), found.age), ("warm", Duration::from_secs(3)));
    }

    #[test]
    fn text_that_stays_the_same_is_written_once_and_does_not_grow_old() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = Explanation::new(folder.path());
        file.keep("cool".to_owned(), second(0)).expect("writable");
        // Whoever writes anew would undo this.
        fs::write(folder.path().join(FILE), "by hand").expect("writable");
        for seconds in 1..100 {
            file.keep("cool".to_owned(), second(seconds)).expect("writable");
        }
        let found = read(folder.path(), second(100)).expect("readable").expect("it is there");
        assert_eq!((found.text.as_str(), found.age), ("by hand", Duration::from_secs(1)));
        fs::remove_file(folder.path().join(FILE)).expect("it is there");
        file.keep("cool".to_owned(), second(100)).expect("writable");
        assert!(read(folder.path(), second(100)).expect("readable").is_some(), "it came back");
    }

    #[test]
    fn box_that_stopped_explains_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = Explanation::new(folder.path());
        file.keep("cool".to_owned(), second(0)).expect("writable");
        drop(file);
        assert_eq!(read(folder.path(), second(0)).expect("readable"), None);
    }
}
